//! What a leader does on his page: takes lists or hands them over, and says what he saw at a door.
//! A tap is known by its key, so that one sent twice is done once. Anybody who was ever offered a
//! list may say what he saw at its doors; only an offered list is taken by it. What the page
//! shows is `round`'s.

use std::collections::BTreeSet;

use serde_json::json;

use super::link::Link;
use super::tasks::{Closer, open_helps};
use super::{Engine, EngineFault};
use crate::domain::doorstep::{Seen, are_of_home};
use crate::domain::link::{observed_at, tap_key};
use crate::domain::list::{ListState, SEARCH};
use crate::domain::statement::{CLOSES_MAX, Claim, Giver, join_closes, split_closes};
use crate::store::answer::{self, FactRow, StatementRow};
use crate::store::cry;
use crate::store::desk::{self, NewTask};
use crate::store::list::{self, HumanList};
use crate::store::round::{self, DoorOf};
use crate::store::{Tx, order};

/// A tap on a page.
#[derive(Debug, Clone, Copy)]
pub struct Tap<'a> {
    /// The phone's own key for it; the same key is the same tap.
    pub key: &'a str,
    /// How long ago it was made, where the phone says so.
    pub age_ms: i64,
}

/// What a leader does. Lists by outside id, none: all of them; doors by their household's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act<'a> {
    Take {
        list: Option<&'a str>,
    },
    Pass {
        list: Option<&'a str>,
    },
    /// Is awake, or goes on.
    Awake,
    /// Dials the number of a door.
    Called {
        door: &'a str,
    },
    Saw {
        door: &'a str,
        seen: Seen,
        persons: Option<i64>,
    },
    /// Takes back what he said at a door, by the statement's key.
    Undo {
        statement: &'a str,
    },
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    Done,
    /// The door is closed by it.
    Closed,
    /// The same tap again, or nothing was left to do.
    Again,
    /// Somebody else has the list by now.
    Elsewhere,
    /// The door is on none of his lists, or the tap makes no sense there.
    Unfit,
}

impl Engine {
    /// Does what a tap on a leader's page says, in one transaction.
    pub async fn act_on_round(
        &self,
        link: &Link,
        tap: Tap<'_>,
        act: Act<'_>,
    ) -> Result<Acted, EngineFault> {
        let Some(key) = tap_key(tap.key) else {
            return Ok(Acted::Unfit);
        };
        let (alert, human) = (link.bearer.alert_id, link.bearer.subject_id);
        let now = self.clock.story_ms();
        let since = order::by_id(&self.store, alert).await?.and_then(|a| a.live_at).unwrap_or(0);
        let at = observed_at(tap.age_ms, now, since);
        let key = format!("page:{}:{key}", link.id);
        let mut tx = self.store.begin().await?;
        round::lock_lists(&mut tx, alert, human).await?;
        desk::wake_under(&mut tx, alert, human, now).await?;
        list::act(&mut tx, &[human], now).await?;
        let acted = match act {
            Act::Take { list } => self.take_round(&mut tx, alert, human, list, now).await?,
            Act::Pass { list } => self.pass_round(&mut tx, alert, human, list, now).await?,
            Act::Awake => Acted::Done,
            Act::Called { door } => {
                let found = round::door(&mut tx, alert, human, door).await?;
                if found.is_empty() {
                    return Ok(Acted::Unfit);
                }
                self.note_door(&mut tx, link, "list.call", json!({"household": door})).await?;
                Acted::Done
            }
            Act::Saw { door, seen, persons } => {
                let saw = Saw { door, seen, persons, key, at };
                self.saw(&mut tx, link, &saw, now).await?
            }
            Act::Undo { statement } => self.undo(&mut tx, link, statement, &key, at).await?,
        };
        tx.commit().await?;
        Ok(acted)
    }

    async fn take_round(
        &self,
        tx: &mut Tx,
        alert: i64,
        human: i64,
        uid: Option<&str>,
        now: i64,
    ) -> Result<Acted, EngineFault> {
        let mut lists = round::free_lists(tx, alert, human).await?;
        match uid {
            Some(uid) => lists.retain(|l| l.uid == uid),
            // What he declined he takes again one by one.
            None => lists.retain(|l| l.state != ListState::Declined.code()),
        }
        if lists.is_empty() {
            return Ok(Acted::Elsewhere);
        }
        lists.retain(|l| l.state != ListState::Taken.code());
        if lists.is_empty() {
            return Ok(Acted::Again);
        }
        self.take_for(tx, human, &lists, now).await?;
        Ok(Acted::Done)
    }

    async fn pass_round(
        &self,
        tx: &mut Tx,
        alert: i64,
        human: i64,
        uid: Option<&str>,
        now: i64,
    ) -> Result<Acted, EngineFault> {
        let mut lists = round::free_lists(tx, alert, human).await?;
        lists.retain(|l| l.state != ListState::Declined.code());
        lists.retain(|l| uid.is_none_or(|uid| l.uid == uid));
        if lists.is_empty() {
            return Ok(Acted::Again);
        }
        self.give_up(tx, human, &lists, now).await?;
        Ok(Acted::Done)
    }

    async fn saw(
        &self,
        tx: &mut Tx,
        link: &Link,
        saw: &Saw<'_>,
        now: i64,
    ) -> Result<Acted, EngineFault> {
        let (alert, human) = (link.bearer.alert_id, link.bearer.subject_id);
        let on = round::door(tx, alert, human, saw.door).await?;
        let searches = on.iter().any(|door| door.rung == SEARCH);
        let any_time = matches!(saw.seen, Seen::Help(_) | Seen::HelpDone);
        let fits = any_time
            || match saw.seen.ends_search() {
                true => searches,
                false => on.iter().any(|door| door.rung != SEARCH),
            };
        let Some(door) = on.first().filter(|_| fits) else {
            return Ok(Acted::Unfit);
        };
        if saw.persons.is_some_and(|seen| !are_of_home(seen, door.persons)) {
            return Ok(Acted::Unfit);
        }
        // Under the standing's lock, so that of two equal taps one finds the other.
        let others = self.helped_elsewhere(tx, alert, door.household_id, saw).await?;
        let facts = answer::facts(tx, alert, &[door.household_id]).await?;
        let statement = saw.statement(alert, human, door, &facts);
        if facts.iter().any(|fact| fact.source_key == statement.key) {
            return Ok(Acted::Again);
        }
        if saw.seen == Seen::HelpDone && statement.closes.is_none() {
            return Ok(Acted::Again);
        }
        self.take_offered_of(tx, human, &on, now).await?;
        let task = saw.task(self.entropy.uuid(now), alert, door, &statement);
        let closing = statement.closes.is_some();
        let mut statements = vec![statement];
        for other in &others {
            let facts = answer::facts(tx, *other, &[door.household_id]).await?;
            let (giver, source) = (Giver::AtTheDoor, "page");
            let closer = Closer { giver, id: human, key: &saw.key, source, at: saw.at };
            statements.extend(closer.closes(*other, door.household_id, &facts));
        }
        let recorded = self.record(tx, &statements).await?;
        if let Some(task) = task {
            desk::open_tasks(tx, &[task], now).await?;
        }
        if closing {
            let result = "到门口处理好了";
            for alert in others.into_iter().chain([alert]) {
                round::end_help_tasks(tx, alert, door.household_id, result, now).await?;
            }
        }
        let detail = json!({"household": saw.door, "seen": saw.seen.word(),
            "persons": saw.persons, "at": saw.at});
        self.note_door(tx, link, "list.tick", detail).await?;
        let closed = recorded.iter().any(|r| r.standing.closed());
        Ok(if closed { Acted::Closed } else { Acted::Done })
    }

    /// Locks the standings that this word is about, in the order in which all others lock them.
    /// Who was helped at his door was helped under every alert: gives the others.
    async fn helped_elsewhere(
        &self,
        tx: &mut Tx,
        alert: i64,
        household: i64,
        saw: &Saw<'_>,
    ) -> Result<Vec<i64>, EngineFault> {
        let mut alerts = BTreeSet::from([alert]);
        if saw.seen == Seen::HelpDone {
            alerts.extend(cry::alerts_of_home(tx, alert, household).await?);
        }
        for alert in &alerts {
            answer::lock_standings(tx, *alert, &[household]).await?;
        }
        alerts.remove(&alert);
        Ok(alerts.into_iter().collect())
    }

    /// Whoever ticks a door of a list that is offered to him has taken it.
    async fn take_offered_of(
        &self,
        tx: &mut Tx,
        human: i64,
        on: &[DoorOf],
        now: i64,
    ) -> Result<(), EngineFault> {
        let offered = |door: &&DoorOf| door.state == ListState::Offered.code();
        let ids: Vec<i64> = on.iter().filter(offered).map(|door| door.list_id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let lists: Vec<HumanList> = list::by_id(tx, &ids).await?;
        self.take_for(tx, human, &lists, now).await
    }

    /// A mistake is taken back by a statement of its own. A cry for help is only ever answered.
    async fn undo(
        &self,
        tx: &mut Tx,
        link: &Link,
        statement: &str,
        key: &str,
        at: i64,
    ) -> Result<Acted, EngineFault> {
        let (alert, human) = (link.bearer.alert_id, link.bearer.subject_id);
        let own = round::own_statement(tx, alert, human, statement).await?;
        let claim = own.and_then(|(claim, _)| Claim::from_code(claim));
        let (Some((_, household)), Some(claim)) = (own, claim) else {
            return Ok(Acted::Unfit);
        };
        if claim.is_help() || matches!(claim, Claim::Retracted | Claim::HelpClosed) {
            return Ok(Acted::Unfit);
        }
        answer::lock_standings(tx, alert, &[household]).await?;
        let facts = answer::facts(tx, alert, &[household]).await?;
        let back = |fact: &FactRow| {
            fact.claim == Claim::Retracted.code()
                && split_closes(fact.closes.as_deref()).iter().any(|closed| closed == statement)
        };
        let Some(version) = facts.iter().map(|fact| fact.version).max() else {
            return Ok(Acted::Unfit);
        };
        if facts.iter().any(back) {
            return Ok(Acted::Again);
        }
        let row = StatementRow {
            key: format!("{key}#{alert}.{household}.{}", Claim::Retracted.code()),
            alert,
            version,
            household,
            giver: Giver::AtTheDoor.code(),
            giver_id: Some(human),
            claim: Claim::Retracted.code(),
            persons: None,
            closes: join_closes(&[statement.to_owned()]),
            detail: None,
            at,
            source: "page".into(),
        };
        self.record(tx, &[row]).await?;
        self.note_door(tx, link, "list.untick", json!({"statement": statement})).await?;
        Ok(Acted::Done)
    }

    async fn note_door(
        &self,
        tx: &mut Tx,
        link: &Link,
        act: &str,
        detail: serde_json::Value,
    ) -> Result<(), EngineFault> {
        let actor = format!("human:{}", link.bearer.subject_id);
        self.note(tx, &actor, act, Some(link.bearer.alert_id), detail).await
    }
}

/// What was seen, with the tap's own key and time.
struct Saw<'a> {
    door: &'a str,
    seen: Seen,
    persons: Option<i64>,
    key: String,
    at: i64,
}

impl Saw<'_> {
    fn statement(&self, alert: i64, human: i64, door: &DoorOf, facts: &[FactRow]) -> StatementRow {
        let (household, claim) = (door.household_id, self.seen.claim());
        let closes = if self.seen == Seen::HelpDone { open_helps(facts) } else { Vec::new() };
        let closes: Vec<String> = closes.into_iter().take(CLOSES_MAX).collect();
        StatementRow {
            key: format!("{}#{alert}.{household}.{}", self.key, claim.code()),
            alert,
            version: door.version,
            household,
            giver: Giver::AtTheDoor.code(),
            giver_id: Some(human),
            claim: claim.code(),
            persons: self.persons,
            closes: join_closes(&closes),
            detail: self.seen.detail().map(str::to_owned),
            at: self.at,
            source: "page".into(),
        }
    }

    /// A cry for help goes to the desk, under a key by which closing it finds the statement.
    fn task(
        &self,
        uid: String,
        alert: i64,
        door: &DoorOf,
        statement: &StatementRow,
    ) -> Option<NewTask> {
        let Seen::Help(class) = self.seen else {
            return None;
        };
        let stem = statement.key.rsplit_once('.').map_or("", |(stem, _)| stem);
        Some(NewTask {
            uid,
            alert,
            household: Some(door.household_id),
            building: Some(door.building_id),
            inbound: None,
            key: format!("{stem}.t"),
            kind: cry::HELP,
            class: class.code(),
            text: "入户的人在门口报：要救人".into(),
        })
    }
}

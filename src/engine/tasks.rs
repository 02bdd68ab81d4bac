//! Cards of the desk taken and closed. An act is of the whole card: of the help of a home under all
//! its alerts, and, where one is taken, of all homes of the building's incident. Each act is
//! checked by place and journaled in its own transaction.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::issue::Actor;
use super::{Engine, EngineFault};
use crate::base::instant;
use crate::domain::access::Action;
use crate::domain::alert::State;
use crate::domain::batch::RANK_CONFIRMATION;
use crate::domain::notice::Purpose;
use crate::domain::statement::{CLOSES_MAX, Claim, Giver, join_closes, split_closes};
use crate::render::NoticeText;
use crate::store::answer::{self, FactRow, StatementRow};
use crate::store::cry::{self, CardRow};
use crate::store::desk::{self, TaskRow};
use crate::store::notice::Post;
use crate::store::{Tx, view};

/// A help is called back within an hour by whoever took it, else it is in nobody's hands again.
pub(super) const TASK_KEPT_MS: i64 = 60 * 60_000;
/// Longest result of a task, in characters.
const RESULT_CHARS: usize = 500;

/// What is closed with a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Closing {
    /// All homes of its incident, and not only its own.
    pub whole: bool,
    /// How many cries whoever closes has seen: what came after is not closed unheard.
    pub seen: Option<i64>,
}

/// Who closes the helps of a home.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closer<'a> {
    pub giver: Giver,
    pub id: i64,
    /// Of its statements: the alert, the home and a number follow.
    pub key: &'a str,
    pub source: &'a str,
    pub at: i64,
}

/// Why a task can't be taken: closed, or in another's hands.
fn not_free(held: Option<&TaskRow>) -> EngineFault {
    let Some(task) = held else {
        return refused("这件已经办结了 (this task is closed already)");
    };
    let (owner, until) = (task.owner.as_deref().unwrap_or("别人"), task.deadline_at.unwrap_or(0));
    let until = instant::words(until);
    refused(format!(
        "这件在{owner}手里，到{until}；确实要接过来，请写明从谁那里接 \
         (held by {owner}: to take it over say --from {owner:?})"
    ))
}

fn refused(text: impl Into<String>) -> EngineFault {
    EngineFault::Refused(text.into())
}

/// How often these tasks' homes cried.
fn cries(rows: &[CardRow]) -> i64 {
    let mut homes: BTreeMap<Option<i64>, i64> = BTreeMap::new();
    for row in rows {
        let most = homes.entry(row.household_id).or_default();
        *most = row.cries.max(*most);
    }
    homes.values().sum()
}

impl Engine {
    /// Takes the card of a task until its deadline; what another has only `from` him by name.
    pub async fn take_task(
        &self,
        actor: &Actor,
        uid: &str,
        from: Option<&str>,
    ) -> Result<TaskRow, EngineFault> {
        let mut tx = self.store.begin().await?;
        let task = self.task_for(&mut tx, actor, Action::TakeTask, uid).await?;
        self.put_on(&mut tx, actor, &task, (&actor.name, None), from).await?;
        let taken = desk::task(&mut tx, uid).await?;
        tx.commit().await?;
        taken.ok_or_else(|| refused("the task is gone"))
    }

    /// Puts a card into the hand of a person, by name (and code, where it is for another): what
    /// nobody has, his own, and what is `from`'s.
    pub(super) async fn put_on(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        task: &TaskRow,
        (name, on_behalf): (&str, Option<&str>),
        from: Option<&str>,
    ) -> Result<(), EngineFault> {
        let now = self.clock.story_ms();
        let mut rows = cry::lock_card(tx, task.id).await?;
        let his = |row: &CardRow| match row.owner.as_deref().filter(|_| row.state == 1) {
            None => true,
            Some(owner) => owner == name || Some(owner) == from,
        };
        rows.retain(his);
        if rows.is_empty() {
            let held = desk::task(tx, &task.uid).await?;
            return Err(not_free(held.as_ref().filter(|task| task.state < 2)));
        }
        let taken: Vec<i64> = rows.iter().map(|row| row.id).collect();
        cry::take(tx, &taken, name, now, now + TASK_KEPT_MS).await?;
        let homes: BTreeSet<i64> = rows.iter().filter_map(|row| row.household_id).collect();
        let mut detail = json!({"task": task.uid, "class": task.class, "before": task.owner});
        if let Some(code) = on_behalf {
            detail["on_behalf"] = code.into();
        }
        if homes.len() > 1 {
            detail["households"] = json!(homes);
        }
        self.note_card(tx, actor, Action::TakeTask, &rows, &detail).await?;
        if task.kind == cry::HELP {
            rows.retain(|row| row.state == 0);
            self.tell_taken(tx, name, rows, now).await?;
        }
        Ok(())
    }

    /// The act under every alert of these tasks.
    pub(super) async fn note_card(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        action: Action,
        rows: &[CardRow],
        detail: &serde_json::Value,
    ) -> Result<(), EngineFault> {
        let alerts: BTreeSet<i64> = rows.iter().map(|row| row.alert_id).collect();
        let known: Vec<i64> = alerts.iter().copied().filter(|alert| *alert != 0).collect();
        if known.is_empty() {
            return self.note(tx, &actor.name, action.word(), None, detail.clone()).await;
        }
        for alert in known {
            self.note(tx, &actor.name, action.word(), Some(alert), detail.clone()).await?;
        }
        Ok(())
    }

    /// Who asked for help learns a name, now that somebody took it: one text a number, under the
    /// alert that is live.
    async fn tell_taken(
        &self,
        tx: &mut Tx,
        who: &str,
        mut rows: Vec<CardRow>,
        now: i64,
    ) -> Result<(), EngineFault> {
        rows.sort_by_key(|row| (row.alert_state != State::Live.code(), row.id));
        let mut homes: BTreeMap<i64, Vec<CardRow>> = BTreeMap::new();
        for row in rows {
            if let Some(household) = row.household_id {
                homes.entry(household).or_default().push(row);
            }
        }
        for (household, rows) in homes {
            let mut addresses = BTreeSet::new();
            for row in &rows {
                addresses.extend(desk::help_addresses(tx, row.alert_id, household).await?);
            }
            let Some(first) = rows.first().filter(|_| !addresses.is_empty()) else { continue };
            let under = self.under(tx, &[first.alert_id]).await?.for_help();
            let text = self.say_in(under.kind, &NoticeText::HelpTaken { who }, now)?;
            let post = |address: &i64| Post {
                address: *address,
                purpose: Purpose::HelpTaken.code(),
                n: first.id,
                human: None,
                household: Some(household),
                text: text.clone(),
            };
            let posts: Vec<Post> = addresses.iter().map(post).collect();
            self.post(tx, under.alert, RANK_CONFIRMATION, &posts, now).await?;
        }
        Ok(())
    }

    /// Closes a task with its result, and with it the help of its home under all its alerts.
    pub async fn close_task(
        &self,
        actor: &Actor,
        uid: &str,
        result: &str,
    ) -> Result<(), EngineFault> {
        self.close_card(actor, uid, result, Closing::default()).await
    }

    /// Closes the help of a task's home, or of all homes of its incident, with its result. Helps
    /// are closed by statements that name them, so that the standings follow.
    pub async fn close_card(
        &self,
        actor: &Actor,
        uid: &str,
        result: &str,
        closing: Closing,
    ) -> Result<(), EngineFault> {
        let result = result.trim().replace('\0', "");
        if result.is_empty() || result.chars().count() > RESULT_CHARS {
            let text = format!("result: say in 1 to {RESULT_CHARS} characters how it ended");
            return Err(refused(text));
        }
        let mut tx = self.store.begin().await?;
        let task = self.task_for(&mut tx, actor, Action::CloseTask, uid).await?;
        let now = self.clock.story_ms();
        let meant = |row: &CardRow| {
            row.id == task.id
                || (task.kind == cry::HELP
                    && (closing.whole || row.household_id == task.household_id))
        };
        let mut rows = cry::card(&mut tx, task.id).await?;
        rows.retain(meant);
        // Standings come first, as everywhere: a help that arrives now is not closed unheard.
        if task.kind == cry::HELP {
            lock_homes(&mut tx, &rows).await?;
            let known: Vec<i64> = rows.iter().map(|row| row.id).collect();
            rows = cry::card(&mut tx, task.id).await?;
            // What joined meanwhile was not locked, nor seen.
            rows.retain(|row| known.contains(&row.id));
        }
        if rows.is_empty() {
            return Err(refused("这件已经办结了 (this task is closed already)"));
        }
        if closing.seen.is_some_and(|seen| seen < cries(&rows)) {
            return Err(refused("这里又来了新的求助，没有办结：请看过新的内容再办结。"));
        }
        let key = format!("desk:{uid}");
        let (giver, source) = (Giver::Desk, "desk");
        let closer = Closer { giver, id: actor.account_id, key: &key, source, at: now };
        let mut statements = Vec::new();
        if task.kind == cry::HELP {
            let homes: BTreeSet<(i64, i64)> = rows.iter().filter_map(home_of).collect();
            for (alert, household) in homes {
                let facts = answer::facts(&mut tx, alert, &[household]).await?;
                statements.extend(closer.closes(alert, household, &facts));
            }
        }
        let helps: usize = statements.iter().map(|s| split_closes(s.closes.as_deref()).len()).sum();
        self.record(&mut tx, &statements).await?;
        // Tallies before tasks, as where a cry comes in.
        cry::lock_card(&mut tx, task.id).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        if cry::close(&mut tx, &ids, &result, now).await? == 0 {
            return Err(refused("这件已经办结了 (this task is closed already)"));
        }
        let detail = json!({"task": uid, "result": result, "helps": helps});
        self.note_card(&mut tx, actor, Action::CloseTask, &rows, &detail).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn task_for(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        action: Action,
        uid: &str,
    ) -> Result<TaskRow, EngineFault> {
        let task = desk::task(tx, uid)
            .await?
            .ok_or_else(|| refused(format!("no task {uid}: see `tongluo desk show`")))?;
        let at_home = match task.household_id {
            Some(household) => view::building_of(&self.store, household).await?,
            None => None,
        };
        // What belongs to no household is the duty room's, at the root.
        let place = match at_home {
            Some(building) => Some(building),
            None => view::root(&self.store).await?,
        };
        let places: Vec<i64> = place.into_iter().collect();
        self.check_access(actor, action, &places).await?;
        Ok(task)
    }
}

pub(super) fn alert_of(task: &TaskRow) -> Option<i64> {
    (task.alert_id != 0).then_some(task.alert_id)
}

fn home_of(row: &CardRow) -> Option<(i64, i64)> {
    row.household_id.filter(|_| row.alert_id != 0).map(|household| (row.alert_id, household))
}

/// Locks the standings of these tasks in the order in which all others lock them.
async fn lock_homes(tx: &mut Tx, rows: &[CardRow]) -> Result<(), EngineFault> {
    let mut homes: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for (alert, household) in rows.iter().filter_map(home_of) {
        homes.entry(alert).or_default().insert(household);
    }
    for (alert, households) in homes {
        let households: Vec<i64> = households.into_iter().collect();
        answer::lock_standings(tx, alert, &households).await?;
    }
    Ok(())
}

impl Closer<'_> {
    /// The statements that close every open help of a home under an alert, each by its name.
    pub fn closes(&self, alert: i64, household: i64, facts: &[FactRow]) -> Vec<StatementRow> {
        let open = open_helps(facts);
        let version = facts.iter().map(|fact| fact.version).max().unwrap_or(0);
        let claim = Claim::HelpClosed.code();
        let statement = |(n, closes): (usize, &[String])| StatementRow {
            key: match n {
                0 => format!("{}#{alert}.{household}.{claim}", self.key),
                n => format!("{}#{alert}.{household}.{claim}.{n}", self.key),
            },
            alert,
            version,
            household,
            giver: self.giver.code(),
            giver_id: Some(self.id),
            claim,
            persons: None,
            closes: join_closes(closes),
            detail: None,
            at: self.at,
            source: self.source.into(),
        };
        open.chunks(CLOSES_MAX).enumerate().map(statement).collect()
    }
}

/// The helps that no statement has closed.
pub(super) fn open_helps(facts: &[FactRow]) -> Vec<String> {
    let closed: BTreeSet<String> = facts
        .iter()
        .filter(|fact| fact.claim == Claim::HelpClosed.code())
        .flat_map(|fact| split_closes(fact.closes.as_deref()))
        .collect();
    let is_help = |fact: &&FactRow| Claim::from_code(fact.claim).is_some_and(Claim::is_help);
    let keys = facts.iter().filter(is_help).map(|fact| fact.source_key.clone());
    keys.filter(|key| !closed.contains(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::triage::Triage;

    fn fact(key: &str, claim: Claim, closes: Option<&str>) -> FactRow {
        FactRow {
            source_key: key.into(),
            alert_id: 1,
            version: 2,
            household_id: 7,
            giver: Giver::Lives.code(),
            claim: claim.code(),
            persons: None,
            closes: closes.map(Into::into),
            observed_at: 1,
        }
    }

    #[test]
    fn closing_names_every_open_help_once() {
        let help = Claim::Help(Triage::A);
        let mut facts =
            vec![fact("a", help, None), fact("b", help, None), fact("c", Claim::Heard, None)];
        facts.push(fact("desk:x", Claim::HelpClosed, Some("a")));
        let closer = Closer { giver: Giver::Desk, id: 3, key: "desk:y", source: "desk", at: 9 };
        let closes = closer.closes(1, 7, &facts);
        assert_eq!(closes.len(), 1);
        assert_eq!(closes[0].closes.as_deref(), Some("b"));
        assert_eq!((closes[0].key.as_str(), closes[0].version), ("desk:y#1.7.7", 2));
        for n in 0..CLOSES_MAX {
            facts.push(fact(&format!("more{n}"), help, None));
        }
        let closes = closer.closes(1, 7, &facts);
        assert_eq!(closes.len(), 2, "no statement names more than fit");
        assert_ne!(closes[0].key, closes[1].key);
        let all: usize = closes.iter().map(|s| split_closes(s.closes.as_deref()).len()).sum();
        assert_eq!(all, CLOSES_MAX + 1);
        assert!(closer.closes(1, 7, &facts[2..4]).is_empty(), "nothing is open");
    }
}

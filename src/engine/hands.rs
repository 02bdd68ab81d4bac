//! What officials do by hand: lists taken, ticked and given on behalf of leaders, tasks taken and
//! closed. Each act is checked by place and journaled in its own transaction. What an act means
//! for a household is `record`'s; whom a list climbs to is `fire`'s.

use serde_json::json;

use super::issue::Actor;
use super::offers::Seen;
use super::{Engine, EngineFault};
use crate::base::instant;
use crate::domain::access::Action;
use crate::domain::batch::RANK_CONFIRMATION;
use crate::domain::doorstep::are_of_home;
use crate::domain::list::{ListState, SEARCH};
use crate::domain::notice::Purpose;
use crate::domain::statement::{Claim, Giver, Statement, join_closes, split_closes};
use crate::render::NoticeText;
use crate::store::answer::{self, StatementRow};
use crate::store::desk::{self, TaskRow};
use crate::store::list::{self, NewOffer};
use crate::store::notice::Post;
use crate::store::view::{self, DoorView, ListView, Reach};
use crate::store::{Tx, account, order};

/// A help is called back within an hour by whoever took it, else it is in nobody's hands again.
pub(super) const TASK_KEPT_MS: i64 = 60 * 60_000;
/// The kind of a task that somebody's cry for help opened.
pub(super) const HELP_TASK: i64 = 1;
/// Longest result of a task, in characters.
const RESULT_CHARS: usize = 500;

/// What is ticked at a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The household's code.
    pub household: String,
    pub claim: Claim,
    pub persons: Option<i64>,
}

impl Tick {
    /// The words of the command line for what was seen at a door.
    pub const WORDS: [(&'static str, Claim); 11] = [
        ("told", Claim::Heard),
        ("evacuated", Claim::Evacuated),
        ("upstairs", Claim::Upstairs),
        ("seen", Claim::Seen),
        ("away", Claim::Away),
        ("nobody", Claim::NobodyHome),
        ("refused", Claim::Refused),
        ("signed-in", Claim::SignedIn),
        ("found", Claim::Found),
        ("elsewhere", Claim::SafeElsewhere),
        ("missing", Claim::ReportedMissing),
    ];

    /// Whether it is one of the three by which somebody leaves the search list.
    fn ends_search(&self) -> bool {
        matches!(self.claim, Claim::Found | Claim::SafeElsewhere | Claim::ReportedMissing)
    }

    /// Reads one of [`Tick::WORDS`].
    pub fn claim(word: &str) -> Option<Claim> {
        let found = Tick::WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, claim)| *claim)
    }
}

/// A list that another took, or that nobody walks any more, is not taken.
fn still_valid(list: &ListView) -> Result<(), EngineFault> {
    match ListState::from_code(list.state) {
        Some(ListState::Done | ListState::Withdrawn) | None => {
            Err(refused("this list is done or with another: see `tongluo alert show`"))
        }
        Some(ListState::Finished) => {
            Err(refused("all doors of this list are closed: nobody has to take it"))
        }
        Some(ListState::Offered | ListState::Taken | ListState::Declined | ListState::PassedOn) => {
            Ok(())
        }
    }
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

impl Engine {
    /// A list with its open doors; the look at them is journaled.
    pub async fn show_list(
        &self,
        actor: &Actor,
        uid: &str,
    ) -> Result<(ListView, Reach, Vec<DoorView>), EngineFault> {
        let list = self.list_for(actor, Action::LookAtPeople, uid).await?;
        let doors = view::doors(&self.store, list.alert_id, list.id).await?;
        let reach = view::reach_of_list(&self.store, list.alert_id, list.id).await?;
        let mut tx = self.store.begin().await?;
        let detail = json!({"list": uid, "doors": doors.len()});
        let act = Action::LookAtPeople.word();
        self.note(&mut tx, &actor.name, act, Some(list.alert_id), detail).await?;
        tx.commit().await?;
        Ok((list, reach, doors))
    }

    /// Takes a list for the leader it was offered to, who said so on the phone.
    pub async fn take_list(&self, actor: &Actor, uid: &str) -> Result<ListView, EngineFault> {
        let list = self.list_for(actor, Action::TakeList, uid).await?;
        still_valid(&list)?;
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        let taken = list::by_id(&mut tx, &[list.id]).await?;
        self.put_in_hand(&mut tx, &taken, now).await?;
        self.note_list(&mut tx, actor, Action::TakeList, &list).await?;
        tx.commit().await?;
        self.list_again(uid).await
    }

    /// Offers a list to another human (by code), and tells him so. Nobody takes it for him: until
    /// he does, whoever holds it has it, and where nobody does the ladder goes on.
    pub async fn give_list(
        &self,
        actor: &Actor,
        uid: &str,
        human_code: &str,
    ) -> Result<ListView, EngineFault> {
        let list = self.list_for(actor, Action::GiveList, uid).await?;
        let ended = [ListState::Withdrawn, ListState::Finished].map(ListState::code);
        if ended.contains(&list.state) {
            still_valid(&list)?;
        }
        let (human, name) = view::human(&self.store, human_code)
            .await?
            .ok_or_else(|| refused(format!("no person {human_code:?} in the roster")))?;
        let now = self.clock.story_ms();
        let (alert, place) = (list.alert_id, list.place_id);
        let mut tx = self.store.begin().await?;
        let before = view::list_of(&mut tx, alert, place, human).await?;
        let held = [ListState::Taken, ListState::PassedOn].map(ListState::code);
        if before.is_some_and(|before| held.contains(&before.state)) {
            return Err(refused(format!("{name} has this list already")));
        }
        let offer = NewOffer { uid: self.entropy.uuid(now), place, human, rung: list.rung };
        list::offer(&mut tx, alert, &[offer], now).await?;
        let theirs = view::list_of(&mut tx, alert, place, human)
            .await?
            .ok_or_else(|| refused("the list was not given: try again"))?;
        self.tell_given(&mut tx, &theirs, now).await?;
        self.note_list(&mut tx, actor, Action::GiveList, &theirs).await?;
        tx.commit().await?;
        self.list_again(&theirs.uid).await
    }

    /// The text by which somebody learns what he was given by hand.
    async fn tell_given(&self, tx: &mut Tx, list: &ListView, now: i64) -> Result<(), EngineFault> {
        let row = order::by_id(&self.store, list.alert_id).await?;
        let version = row.map_or(0, |row| row.version);
        let Some(order) = self.order(list.alert_id, version).await? else {
            return Ok(());
        };
        if list.rung == SEARCH {
            return self.tell_search(tx, &order, &[list.human_id], 0, now).await;
        }
        self.tell_offers(tx, &order, &mut Seen::default(), &[list.human_id], &[], now).await
    }

    async fn note_list(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        action: Action,
        list: &ListView,
    ) -> Result<(), EngineFault> {
        let detail =
            json!({"list": list.uid, "place": list.place_code, "on_behalf": list.human_code});
        let alert = Some(list.alert_id);
        self.note(tx, &actor.name, action.word(), alert, detail).await
    }

    /// Writes down what was seen at a door of a list, for the leader who holds it.
    pub async fn tick_list(
        &self,
        actor: &Actor,
        uid: &str,
        tick: &Tick,
    ) -> Result<bool, EngineFault> {
        let list = self.list_for(actor, Action::TickList, uid).await?;
        if tick.ends_search() != (list.rung == SEARCH) {
            let words = if list.rung == SEARCH { "found, elsewhere, missing" } else { "told, …" };
            return Err(refused(format!("on this list the words are {words}")));
        }
        let code = &tick.household;
        let (household, building) = view::household(&self.store, code)
            .await?
            .ok_or_else(|| refused(format!("no household {code:?} in the roster")))?;
        let above = account::places_above(&self.store, building).await?;
        let standing = view::standing_of(&self.store, list.alert_id, household).await?;
        let (true, Some((version, lives))) = (above.contains(&list.place_id), standing) else {
            let text = format!("household {code:?} is not on this list: see `tongluo list show`");
            return Err(refused(text));
        };
        if let Some(seen) = tick.persons.filter(|seen| !are_of_home(*seen, lives)) {
            return Err(refused(format!(
                "persons {seen}: {lives} are registered at {code:?}: write 1 to {}, or leave it \
                 out where all of them are meant",
                lives.max(1)
            )));
        }
        let now = self.clock.story_ms();
        let statement = StatementRow {
            key: format!("tick:{}.{household}.{now}.{}", list.id, tick.claim.code()),
            alert: list.alert_id,
            version,
            household,
            giver: Giver::AtTheDoor.code(),
            giver_id: Some(list.human_id),
            claim: tick.claim.code(),
            persons: tick.persons,
            closes: None,
            detail: None,
            at: now,
            source: "list".into(),
        };
        let mut tx = self.store.begin().await?;
        let recorded = self.record(&mut tx, &[statement]).await?;
        list::act(&mut tx, &[list.human_id], now).await?;
        let detail = json!({"list": uid, "household": code, "claim": tick.claim.code(),
            "persons": tick.persons, "on_behalf": list.human_code});
        let act = Action::TickList.word();
        self.note(&mut tx, &actor.name, act, Some(list.alert_id), detail).await?;
        tx.commit().await?;
        Ok(recorded.iter().any(|r| r.standing.closed()))
    }

    async fn list_for(
        &self,
        actor: &Actor,
        action: Action,
        uid: &str,
    ) -> Result<ListView, EngineFault> {
        let list = self.list_again(uid).await?;
        self.check_access(actor, action, &[list.place_id]).await?;
        Ok(list)
    }

    async fn list_again(&self, uid: &str) -> Result<ListView, EngineFault> {
        let list = view::list(&self.store, uid).await?;
        list.ok_or_else(|| refused(format!("no list {uid}: see `tongluo alert show`")))
    }

    /// Takes a task at the desk until its deadline; one that another has only `from` him by name.
    pub async fn take_task(
        &self,
        actor: &Actor,
        uid: &str,
        from: Option<&str>,
    ) -> Result<TaskRow, EngineFault> {
        let mut tx = self.store.begin().await?;
        let task = self.task_for(&mut tx, actor, Action::TakeTask, uid).await?;
        let now = self.clock.story_ms();
        let deadline_at = now + TASK_KEPT_MS;
        if !desk::take_task(&mut tx, task.id, &actor.name, from, now, deadline_at).await? {
            let task = desk::task(&mut tx, uid).await?;
            return Err(not_free(task.as_ref().filter(|task| task.state < 2)));
        }
        let detail = json!({"task": uid, "class": task.class, "before": task.owner});
        let act = Action::TakeTask.word();
        self.note(&mut tx, &actor.name, act, alert_of(&task), detail).await?;
        if task.owner.is_none() {
            self.tell_taken(&mut tx, &actor.name, &task, now).await?;
        }
        let taken = desk::task(&mut tx, uid).await?;
        tx.commit().await?;
        taken.ok_or_else(|| refused("the task is gone"))
    }

    /// Who asked for help learns a name, now that somebody took it.
    pub(super) async fn tell_taken(
        &self,
        tx: &mut Tx,
        who: &str,
        task: &TaskRow,
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(household) = task.household_id.filter(|_| task.kind == HELP_TASK) else {
            return Ok(());
        };
        let under = self.under(tx, &[task.alert_id]).await?.for_help();
        let text = self.say_in(under.kind, &NoticeText::HelpTaken { who }, now)?;
        let posts: Vec<Post> = desk::help_addresses(tx, task.alert_id, household)
            .await?
            .into_iter()
            .map(|address| Post {
                address,
                purpose: Purpose::HelpTaken.code(),
                n: task.id,
                human: None,
                household: Some(household),
                text: text.clone(),
            })
            .collect();
        self.post(tx, under.alert, RANK_CONFIRMATION, &posts, now).await
    }

    /// Closes a task with its result. A help of a household is closed by a statement that names
    /// the help's own statements, so that the standing follows.
    pub async fn close_task(
        &self,
        actor: &Actor,
        uid: &str,
        result: &str,
    ) -> Result<(), EngineFault> {
        let result = result.trim().replace('\0', "");
        if result.is_empty() || result.chars().count() > RESULT_CHARS {
            let text = format!("result: say in 1 to {RESULT_CHARS} characters how it ended");
            return Err(refused(text));
        }
        let mut tx = self.store.begin().await?;
        let task = self.task_for(&mut tx, actor, Action::CloseTask, uid).await?;
        let now = self.clock.story_ms();
        if !desk::close_task(&mut tx, task.id, &result, now).await? {
            return Err(refused("this task is closed already"));
        }
        let closed = self.close_help(&mut tx, actor, &task, now).await?;
        let detail = json!({"task": uid, "result": result, "helps": closed});
        let act = Action::CloseTask.word();
        self.note(&mut tx, &actor.name, act, alert_of(&task), detail).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn close_help(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        task: &TaskRow,
        now: i64,
    ) -> Result<usize, EngineFault> {
        let Some(household) = task.household_id.filter(|_| task.alert_id != 0) else {
            return Ok(0);
        };
        // The lock comes first, so that a help that arrives now is not closed unheard.
        answer::lock_standings(tx, task.alert_id, &[household]).await?;
        let facts: Vec<Statement> = answer::facts(tx, task.alert_id, &[household])
            .await?
            .into_iter()
            .filter_map(|row| {
                Some(Statement {
                    source_key: row.source_key,
                    giver: Giver::from_code(row.giver)?,
                    claim: Claim::from_code(row.claim)?,
                    persons: row.persons,
                    closes: split_closes(row.closes.as_deref()),
                    observed_at: row.observed_at,
                    version: row.version,
                })
            })
            .collect();
        let closes = helps_of(&task.source_key, &facts);
        if closes.is_empty() {
            return Ok(0);
        }
        let Some(version) = facts.iter().map(|f| f.version).max() else {
            return Ok(0);
        };
        let statement = StatementRow {
            key: format!("desk:{}", task.uid),
            alert: task.alert_id,
            version,
            household,
            giver: Giver::Desk.code(),
            giver_id: Some(actor.account_id),
            claim: Claim::HelpClosed.code(),
            persons: None,
            closes: join_closes(&closes),
            detail: None,
            at: now,
            source: "desk".into(),
        };
        self.record(tx, &[statement]).await?;
        Ok(closes.len())
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

/// The open helps that opened a task: those of the same reply about the same household.
fn helps_of(task_key: &str, facts: &[Statement]) -> Vec<String> {
    let stem = task_key.strip_suffix(".t").unwrap_or(task_key).replace(',', "_");
    let closed: Vec<&String> =
        facts.iter().filter(|f| f.claim == Claim::HelpClosed).flat_map(|f| &f.closes).collect();
    facts
        .iter()
        .filter(|f| f.claim.is_help() && f.source_key.starts_with(&format!("{stem}.")))
        .filter(|f| !closed.contains(&&f.source_key))
        .map(|f| f.source_key.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::triage::Triage;

    fn fact(key: &str, claim: Claim, closes: &[&str]) -> Statement {
        Statement {
            source_key: key.into(),
            giver: Giver::Lives,
            claim,
            persons: None,
            closes: closes.iter().map(ToString::to_string).collect(),
            observed_at: 1,
            version: 1,
        }
    }

    #[test]
    fn a_task_closes_its_own_helps_and_no_other() {
        let help = Claim::Help(Triage::A);
        let facts = [
            fact("p:SM1#1.7.21", help, &[]),
            fact("p:SM2#1.7.21", help, &[]),
            fact("p:SM1#1.70.21", help, &[]),
            fact("p:SM1#1.7.1", Claim::Heard, &[]),
        ];
        assert_eq!(helps_of("p:SM1#1.7.t", &facts), ["p:SM1#1.7.21"]);
        let mut later = facts.to_vec();
        later.push(fact("desk:x", Claim::HelpClosed, &["p:SM1#1.7.21"]));
        assert!(helps_of("p:SM1#1.7.t", &later).is_empty());
        assert!(helps_of("audit:1.7.5", &facts).is_empty());
    }

    #[test]
    fn the_words_of_a_tick_are_read() {
        assert_eq!(Tick::claim("evacuated"), Some(Claim::Evacuated));
        assert_eq!(Tick::claim("help"), None);
    }
}

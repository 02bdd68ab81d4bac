//! What officials do by hand with lists: taken, ticked and given on behalf of leaders. Each act is
//! checked by place and journaled in its own transaction. What an act means for a household is
//! `record`'s; whom a list climbs to is `fire`'s; tasks of the desk are `tasks`'s.

use serde_json::json;

use super::issue::Actor;
use super::link::{no_household, no_person};
use super::offers::Seen;
use super::{Engine, EngineFault};
use crate::domain::access::Action;
use crate::domain::doorstep::are_of_home;
use crate::domain::list::{ListState, SEARCH};
use crate::domain::statement::{Claim, Giver};
use crate::store::answer::StatementRow;
use crate::store::list::{self, NewOffer};
use crate::store::view::{self, DoorView, ListView, Reach};
use crate::store::{Tx, account, order};

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
        Some(ListState::Done | ListState::Withdrawn) | None => Err(refused(
            "这张名单办完了或在别人手里 \
                 (this list is done or with another: see `tongluo alert show`)",
        )),
        Some(ListState::Finished) => {
            Err(refused("这张名单上的户都已落实，不用再接 (all doors of this list are closed)"))
        }
        Some(ListState::Offered | ListState::Taken | ListState::Declined | ListState::PassedOn) => {
            Ok(())
        }
    }
}

fn refused(text: impl Into<String>) -> EngineFault {
    EngineFault::Refused(text.into())
}

/// Who was offered a list so short a time ago is not told again, story ms.
const JUST_MS: i64 = 60_000;

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
        let (human, name) =
            view::human(&self.store, human_code).await?.ok_or_else(|| no_person(human_code))?;
        let now = self.clock.story_ms();
        let (alert, place) = (list.alert_id, list.place_id);
        let mut tx = self.store.begin().await?;
        let before = view::list_of(&mut tx, alert, place, human).await?;
        let held = [ListState::Taken, ListState::PassedOn].map(ListState::code);
        if before.as_ref().is_some_and(|before| held.contains(&before.state)) {
            return Err(refused(format!("{name}已经接了这张名单 ({name} has this list already)")));
        }
        let just =
            |b: &&ListView| b.state == ListState::Offered.code() && now - b.offered_at < JUST_MS;
        if let Some(before) = before.as_ref().filter(just) {
            return self.list_again(&before.uid).await;
        }
        let offer = NewOffer { uid: self.entropy.uuid(now), place, human, rung: list.rung };
        list::offer(&mut tx, alert, &[offer], now).await?;
        let theirs = view::list_of(&mut tx, alert, place, human)
            .await?
            .ok_or_else(|| refused("没有派成，请再试一次 (the list was not given: try again)"))?;
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
            let text = format!("这张名单上要用别的答法 (on this list the words are {words})");
            return Err(refused(text));
        }
        let code = &tick.household;
        let (household, building) =
            view::household(&self.store, code).await?.ok_or_else(|| no_household(code))?;
        let above = account::places_above(&self.store, building).await?;
        let standing = view::standing_of(&self.store, list.alert_id, household).await?;
        let (true, Some((version, lives))) = (above.contains(&list.place_id), standing) else {
            return Err(refused(format!(
                "{code:?} 不在这张名单上 \
                 (household {code:?} is not on this list: see `tongluo list show`)"
            )));
        };
        if let Some(seen) = tick.persons.filter(|seen| !are_of_home(*seen, lives)) {
            return Err(refused(format!(
                "{code:?} 登记{lives}人，不会是{seen}人 (persons {seen}: {lives} are registered at \
                 {code:?}: write 1 to {}, or leave it out where all of them are meant)",
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
        let gone = || refused(format!("没有这张名单 (no list {uid}: see `tongluo alert show`)"));
        list.ok_or_else(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_tick_are_read() {
        assert_eq!(Tick::claim("evacuated"), Some(Claim::Evacuated));
        assert_eq!(Tick::claim("help"), None);
    }
}

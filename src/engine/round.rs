//! What a leader's page shows: all his lists under one alert as one round, in walking order, with
//! what was tried, who stood at the door last, who walks beside him. Numbers are opened here, for
//! dialling alone. It changes nothing; his taps are `doorstep`'s, the words `web`'s.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::link::Link;
use super::{Engine, EngineFault};
use crate::base::limits::{DONE_DOORS, HANDS_SHOWN, PAGE_DOORS, PAGE_ROWS};
use crate::domain::alert::State;
use crate::domain::doorstep::{self, Gear};
use crate::domain::gate::AlertKind;
use crate::domain::lane::Lane;
use crate::domain::link::{Bearer, Kind};
use crate::domain::list::{ListState, SEARCH};
use crate::domain::outcome::ReceiptClass;
use crate::domain::statement::{Claim, split_closes};
use crate::store::round::{self, DoorRow, HandRow, NumberRow, SeenRow, Sums, TriedRow, Walk};
use crate::store::view::{self, ListView};
use crate::store::{link, order};

/// Which doors of a round are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// The open ones.
    #[default]
    Open,
    /// 周知户: told, nothing asked, silent.
    Told,
}

/// How an open door stands in the round; also the order of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Somebody there asked for help.
    Help,
    /// Nobody stood there yet.
    Fresh,
    /// Somebody did, and it is still open.
    Again,
}

/// A message or call to a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    pub lane: Lane,
    pub at: i64,
    pub receipt: Option<ReceiptClass>,
}

/// What somebody said at a door and did not take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub at: i64,
    pub who: String,
    pub what: &'static str,
    pub persons: Option<i64>,
    /// Its key, where it is the leader's own and may be taken back.
    pub undo: Option<String>,
}

/// A number to dial, and whose it is where it is a relative's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    pub number: String,
    pub relative: Option<String>,
}

/// A door as the page needs it.
#[derive(Debug, Clone)]
pub struct Door {
    pub row: DoorRow,
    pub turn: Turn,
    pub gear: Vec<Gear>,
    pub tried: Vec<Tried>,
    pub said: Vec<Said>,
    /// His own number first, then a relative's.
    pub dials: Vec<Dial>,
}

/// One leader's page.
#[derive(Debug, Clone)]
pub struct Round {
    pub who: String,
    pub kind: AlertKind,
    pub state: State,
    pub title: String,
    pub issuer: String,
    pub act_by: Option<i64>,
    /// Where people are sent, in the order's own word.
    pub shelter: Option<String>,
    /// A call of this alert has not woken him yet.
    pub asleep: bool,
    pub lists: Vec<ListView>,
    /// Of the search after the end.
    pub searches: bool,
    pub sums: Sums,
    pub told: i64,
    pub closed: i64,
    pub doors: Vec<Door>,
    /// Where the next page begins.
    pub next: Option<String>,
    pub done: Vec<Door>,
    pub hands: Vec<HandRow>,
    /// His lists under other alerts: title, address.
    pub elsewhere: Vec<(String, String)>,
}

impl Round {
    /// Lists in this state.
    pub fn lists_in(&self, state: ListState) -> impl Iterator<Item = &ListView> {
        self.lists.iter().filter(move |list| list.state == state.code())
    }

    /// Whether anything of it is in his hand.
    pub fn is_taken(&self) -> bool {
        let held = [ListState::Taken, ListState::PassedOn];
        held.into_iter().any(|state| self.lists_in(state).next().is_some())
    }
}

impl Engine {
    /// The page of a leader's link, from a place in the order onwards. None: the alert is gone.
    pub async fn round(
        &self,
        link: &Link,
        part: Part,
        after: Option<&str>,
    ) -> Result<Option<Round>, EngineFault> {
        let (alert, human) = (link.bearer.alert_id, link.bearer.subject_id);
        let Some(head) = order::by_id(&self.store, alert).await? else {
            return Ok(None);
        };
        let Some((who, asleep)) = round::human(&self.store, alert, human).await? else {
            return Ok(None);
        };
        let order = self.order(alert, head.version).await?;
        let lists = view::lists_of(&self.store, alert, human).await?;
        let mine = [ListState::Offered, ListState::Taken, ListState::PassedOn];
        let is_mine = |list: &ListView| mine.iter().any(|state| state.code() == list.state);
        let searches = lists.iter().any(|list| list.rung == SEARCH && is_mine(list));
        let walk = if searches { Walk::Search } else { Walk::Lists };
        let kind = AlertKind::from_code(head.kind).unwrap_or(AlertKind::Live);
        let rows = match part {
            Part::Told => round::told(&self.store, alert, human, PAGE_ROWS).await?,
            Part::Open => round::doors(&self.store, walk, alert, human, PAGE_ROWS).await?,
        };
        let done = round::done(&self.store, walk, alert, human, DONE_DOORS).await?;
        let mut said = self.said(alert, human, rows.iter().chain(&done)).await?;
        let mut doors: Vec<Door> = rows.into_iter().map(|row| door(row, &mut said)).collect();
        let done = done.into_iter().map(|row| door(row, &mut said)).collect();
        // Stable: inside a turn the order of the walk stays.
        doors.sort_by_key(|door| door.turn);
        let (mut doors, next) = cut(doors, after);
        self.fill(alert, kind, &mut doors).await?;
        let (told, closed) = round::told_and_closed(&self.store, alert, human).await?;
        Ok(Some(Round {
            who,
            kind,
            state: State::from_code(head.state).unwrap_or(State::Ended),
            title: head.title,
            issuer: head.issuer,
            act_by: order.as_ref().and_then(|order| order.act_by),
            shelter: order.and_then(|order| order.vars.get("shelter").cloned()),
            asleep,
            searches,
            sums: round::sums(&self.store, walk, alert, human).await?,
            told,
            closed,
            doors,
            next,
            done,
            hands: round::hands(&self.store, alert, human, HANDS_SHOWN).await?,
            elsewhere: self.elsewhere(alert, human).await?,
            lists,
        }))
    }

    /// What was said at these doors and not taken back, by household, the latest last.
    async fn said(
        &self,
        alert: i64,
        human: i64,
        rows: impl Iterator<Item = &DoorRow>,
    ) -> Result<HashMap<i64, Vec<Said>>, EngineFault> {
        let homes: Vec<i64> = rows.map(|row| row.household_id).collect();
        let seen = round::seen(&self.store, alert, &homes).await?;
        let back: HashSet<String> = seen
            .iter()
            .filter(|row| row.claim == Claim::Retracted.code())
            .flat_map(|row| split_closes(row.closes.as_deref()))
            .collect();
        let mut said: HashMap<i64, Vec<Said>> = HashMap::new();
        for row in seen {
            let household = row.household_id;
            if let Some(one) = said_one(row, human, &back) {
                said.entry(household).or_default().push(one);
            }
        }
        Ok(said)
    }

    /// What only the doors of this page need: messages and numbers.
    async fn fill(
        &self,
        alert: i64,
        kind: AlertKind,
        doors: &mut [Door],
    ) -> Result<(), EngineFault> {
        let homes: Vec<i64> = doors.iter().map(|door| door.row.household_id).collect();
        let mut tried: BTreeMap<i64, Vec<Tried>> = BTreeMap::new();
        for row in round::tried(&self.store, alert, &homes).await? {
            if let Some(one) = tried_one(&row) {
                tried.entry(row.household_id).or_default().push(one);
            }
        }
        // Of an exercise only who is on its roll may be called, of a rehearsal nobody.
        let roll: HashSet<Vec<u8>> = match kind {
            AlertKind::Exercise => order::roll(&self.store, alert).await?.into_iter().collect(),
            AlertKind::Live | AlertKind::Rehearsal => HashSet::new(),
        };
        let may_dial = |number: &NumberRow| match kind {
            AlertKind::Live => true,
            AlertKind::Exercise => roll.contains(&number.hash),
            AlertKind::Rehearsal => false,
        };
        let mut dials: HashMap<i64, Vec<Dial>> = HashMap::new();
        for row in round::numbers(&self.store, &homes).await?.into_iter().filter(may_dial) {
            let known = dials.entry(row.household_id).or_default();
            let alike = known.iter().any(|dial| dial.relative.is_some() == row.relative.is_some());
            if alike {
                continue;
            }
            if let Ok(number) = self.sealer.open(&row.sealed) {
                known.push(Dial { number, relative: row.relative });
            }
        }
        for door in doors {
            door.tried = tried.remove(&door.row.household_id).unwrap_or_default();
            door.dials = dials.remove(&door.row.household_id).unwrap_or_default();
        }
        Ok(())
    }

    async fn elsewhere(
        &self,
        alert: i64,
        human: i64,
    ) -> Result<Vec<(String, String)>, EngineFault> {
        let now = self.clock.story_ms();
        let found = link::elsewhere(&self.store, human, alert, now).await?;
        let address = |other: link::Elsewhere| {
            let (kind, alert_id) = (Kind::Leader, other.alert_id);
            let bearer = Bearer { kind, alert_id, subject_id: human, epoch: other.epoch };
            (other.title, format!("/l/{}", self.sealer.token(&bearer.text())))
        };
        Ok(found.into_iter().map(address).collect())
    }
}

fn door(row: DoorRow, said: &mut HashMap<i64, Vec<Said>>) -> Door {
    let said = said.remove(&row.household_id).unwrap_or_default();
    let turn = match (row.helps > 0, said.is_empty()) {
        (true, _) => Turn::Help,
        (false, true) => Turn::Fresh,
        (false, false) => Turn::Again,
    };
    let gear = doorstep::gear(row.needs);
    Door { row, turn, gear, tried: Vec::new(), said, dials: Vec::new() }
}

fn said_one(row: SeenRow, human: i64, back: &HashSet<String>) -> Option<Said> {
    let claim = Claim::from_code(row.claim)?;
    if claim == Claim::Retracted || back.contains(&row.source_key) {
        return None;
    }
    let own = row.giver_id == Some(human);
    let may_undo = own && !claim.is_help() && claim != Claim::HelpClosed;
    Some(Said {
        at: row.observed_at,
        who: row.who,
        what: doorstep::say(claim, row.detail.as_deref()),
        persons: row.persons,
        undo: may_undo.then_some(row.source_key),
    })
}

fn tried_one(row: &TriedRow) -> Option<Tried> {
    let receipt = row.receipt.and_then(ReceiptClass::from_code);
    Some(Tried { lane: Lane::from_code(row.lane)?, at: row.at, receipt })
}

type Place = (i64, i64, i64, i64, i64);

/// Where a door stands in the order of the page.
fn place(door: &Door) -> Place {
    let DoorRow { band, ord, grid_id, seq, .. } = door.row;
    (door.turn as i64, band, ord, grid_id, seq)
}

fn spell_place((turn, band, ord, grid, seq): Place) -> String {
    format!("{turn}.{band}.{ord}.{grid}.{seq}")
}

fn read_place(text: &str) -> Option<Place> {
    let mut numbers = text.split('.').map(|part| part.parse().ok());
    let mut next = || numbers.next().flatten();
    let place = (next()?, next()?, next()?, next()?, next()?);
    numbers.next().is_none().then_some(place)
}

/// One page of doors, and where the next begins. A place that nobody can read is the beginning.
fn cut(doors: Vec<Door>, after: Option<&str>) -> (Vec<Door>, Option<String>) {
    let after = after.and_then(read_place);
    let mut rest: Vec<Door> =
        doors.into_iter().filter(|door| after.is_none_or(|after| place(door) > after)).collect();
    if rest.len() <= PAGE_DOORS {
        return (rest, None);
    }
    rest.truncate(PAGE_DOORS);
    let next = rest.last().map(|door| spell_place(place(door)));
    (rest, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_order_is_read_as_it_is_written() {
        let place = (1, 0, 17, 100, 28);
        assert_eq!(read_place(&spell_place(place)), Some(place));
        for odd in ["", "1.2.3.4", "1.2.3.4.5.6", "a.b.c.d.e", "1.2.3.4.99999999999999999999"] {
            assert_eq!(read_place(odd), None, "{odd}");
        }
    }
}

//! The help desk as a page: what waits, with the home, its needs and its numbers, and the acts that
//! only the desk has: giving a class, reading an unclear reply, putting somebody on it. Taking and
//! closing are `tasks`'s. Every look at people is journaled, further ones now and then.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::board::held;
use super::issue::Actor;
use super::round::Dial;
use super::tasks::alert_of;
use super::{Engine, EngineFault};
use crate::base::limits::{DESK_ROWS, LOOK_NOTED_MS};
use crate::domain::access::{Action, Denied};
use crate::domain::alert::State;
use crate::domain::demand::Demand;
use crate::domain::doorstep::{self, Gear};
use crate::domain::gate::AlertKind;
use crate::domain::statement::{Claim, Giver};
use crate::domain::triage::Triage;
use crate::store::answer::StatementRow;
use crate::store::desk::{self, TaskRow};
use crate::store::desk_page::{self as rows, After, CardAt, DeskRow, Promises};
use crate::store::unclear::UNCLEAR;
use crate::store::{answer, cry, order, round, stranger, view};

/// Closed tasks that are shown, and of how long.
const DONE_ROWS: i64 = 10;
const DONE_MS: i64 = 12 * 3_600_000;
/// Cards of class A that are named to whoever looks at another page.
const GRAVE_ROWS: i64 = 20;
/// Who may be put on a task, at most.
const GOERS: usize = 12;
/// Accounts whose looks are remembered.
const LOOKERS: usize = 1_000;

/// What an unclear reply says, as whoever read it understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// 知道了
    Heard,
    /// 全家都离开了
    Left,
    /// 在家平安
    Safe,
    /// It says nothing about the order.
    Nothing,
}

impl Read {
    pub const ALL: [Read; 4] = [Read::Heard, Read::Left, Read::Safe, Read::Nothing];

    /// The word in forms and calls.
    pub fn word(self) -> &'static str {
        match self {
            Read::Heard => "heard",
            Read::Left => "left",
            Read::Safe => "safe",
            Read::Nothing => "nothing",
        }
    }

    /// The inverse of [`Read::word`].
    pub fn from_word(word: &str) -> Option<Read> {
        Read::ALL.into_iter().find(|read| read.word() == word)
    }

    /// The word on pages, and the result of the task.
    pub fn chinese(self) -> &'static str {
        match self {
            Read::Heard => "知道了",
            Read::Left => "全家都离开了",
            Read::Safe => "在家平安",
            Read::Nothing => "与本次无关",
        }
    }

    fn claim(self, demand: Option<Demand>) -> Option<Claim> {
        match self {
            Read::Heard => Some(Claim::Heard),
            Read::Left if demand == Some(Demand::Upstairs) => Some(Claim::Upstairs),
            Read::Left => Some(Claim::LeftAll),
            Read::Safe => Some(Claim::SafeHome),
            Read::Nothing => None,
        }
    }
}

/// Somebody who may be put on a task: code, name, role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goer {
    pub code: String,
    pub name: String,
    pub role: i64,
}

/// One home of a card, under the alert that is live, with what whoever calls back needs.
#[derive(Debug, Clone)]
pub struct DeskHome {
    pub row: DeskRow,
    pub gear: Vec<Gear>,
    /// The number that wrote first, then those of the home.
    pub dials: Vec<Dial>,
    /// The other alerts under which its help is open.
    pub others: Vec<String>,
}

/// A card: one task, or a building's incident with its homes, the most urgent first.
#[derive(Debug, Clone)]
pub struct DeskTask {
    /// Its first home's.
    pub row: DeskRow,
    pub at: CardAt,
    pub homes: Vec<DeskHome>,
    pub goers: Vec<Goer>,
}

impl DeskTask {
    /// How often its homes cried.
    pub fn cries(&self) -> i64 {
        self.homes.iter().map(|home| home.row.cries).sum()
    }

    /// Whether this task stands on it.
    pub fn has(&self, uid: &str) -> bool {
        self.at.anchor == uid || self.homes.iter().any(|home| home.row.uid == uid)
    }
}

/// One page of the desk.
#[derive(Debug, Clone)]
pub struct DeskPage {
    pub tasks: Vec<DeskTask>,
    /// Behind which card the next page begins.
    pub next: Option<After>,
    pub done: Vec<DeskRow>,
    /// Class, 0 nobody's or overdue, 1 a helper's broken promise, 2 in hand; cards.
    pub counts: Vec<(i64, i64, i64)>,
    /// Class A in nobody's hands, of all alerts and pages: the card's first task, the longest
    /// waiting first.
    pub grave: Vec<String>,
    /// Helpers who said that they go, and in time.
    pub promises: Promises,
}

/// When whose look at what was last journaled, in one process.
#[derive(Default)]
pub struct Looks(Mutex<HashMap<(i64, i64), i64>>);

impl Looks {
    /// Whether this look is to be journaled (machine time).
    fn is_due(&self, account: i64, subject: i64, machine: i64) -> bool {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() > LOOKERS {
            looks.retain(|_, at| machine - *at < LOOK_NOTED_MS);
        }
        let known = looks.get(&(account, subject));
        let due = known.is_none_or(|at| machine - *at >= LOOK_NOTED_MS);
        if due {
            looks.insert((account, subject), machine);
        }
        due
    }
}

fn refused(text: impl Into<String>) -> EngineFault {
    EngineFault::Refused(text.into())
}

/// What came after the page was shown is not read away.
fn all_read(words: i64, seen: Option<i64>) -> Result<(), EngineFault> {
    match seen.is_some_and(|seen| seen < words) {
        true => Err(refused("这一户又来了新的回复，没有归类：请看过新的内容再归类。")),
        false => Ok(()),
    }
}

impl Engine {
    /// What waits at the desk at the places of this official (alert 0: of all).
    ///
    /// # Errors
    /// [`EngineFault::Denied`] where he is no desk anywhere.
    pub async fn desk_page(
        &self,
        looks: &Looks,
        actor: &Actor,
        alert: i64,
        after: After,
    ) -> Result<DeskPage, EngineFault> {
        let places = held(actor, Action::LookAtPeople);
        if places.is_empty() {
            let remedy = "one of these roles is needed: desk 受理, emergency 紧急签发".into();
            let action = Action::LookAtPeople;
            return Err(Denied { action, place: 0, place_name: None, remedy }.into());
        }
        let (store, now) = (&self.store, self.clock.story_ms());
        let mut page = rows::cards(store, &places, alert, now, after, DESK_ROWS + 1).await?;
        let full = usize::try_from(DESK_ROWS).unwrap_or(usize::MAX);
        let more = page.len() > full;
        page.truncate(full);
        let next = page.last().filter(|_| more).map(CardAt::mark);
        let done = rows::done(store, &places, alert, now - DONE_MS, DONE_ROWS).await?;
        let cards: Vec<i64> = page.iter().map(|one| one.card).collect();
        let tasks = rows::of_cards(store, &cards).await?;
        let tasks = self.fill_desk(page, tasks).await?;
        if looks.is_due(actor.account_id, alert, self.clock.machine_ms()) {
            let homes = tasks.iter().flat_map(|card| &card.homes).map(|home| &home.row);
            let homes = homes.chain(&done).filter(|row| row.household_id.is_some()).count();
            let detail = json!({"desk": true, "tasks": tasks.len() + done.len(), "homes": homes});
            let mut tx = self.store.begin().await?;
            let about = (alert != 0).then_some(alert);
            let act = Action::LookAtPeople.word();
            self.note(&mut tx, &actor.name, act, about, detail).await?;
            tx.commit().await?;
        }
        let counts = rows::counts(store, &places, alert, now).await?;
        let grave = rows::grave(store, &places, now, GRAVE_ROWS).await?;
        let promises = rows::promises(store, &places, alert, now).await?;
        Ok(DeskPage { tasks, next, done, counts, grave, promises })
    }

    /// The cards with their homes, in the order of `page`.
    async fn fill_desk(
        &self,
        page: Vec<CardAt>,
        rows: Vec<DeskRow>,
    ) -> Result<Vec<DeskTask>, EngineFault> {
        let tasks: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let homes: Vec<i64> = rows.iter().filter_map(|row| row.household_id).collect();
        let mut rolls: HashMap<i64, Vec<Vec<u8>>> = HashMap::new();
        for row in &rows {
            if kind_of(row) == AlertKind::Exercise && !rolls.contains_key(&row.alert_id) {
                rolls.insert(row.alert_id, order::roll(&self.store, row.alert_id).await?);
            }
        }
        // A number is dialled only where the alert itself may reach it.
        let may = |row: &DeskRow, hash: &Vec<u8>| match kind_of(row) {
            AlertKind::Live => true,
            AlertKind::Exercise => rolls.get(&row.alert_id).is_some_and(|r| r.contains(hash)),
            AlertKind::Rehearsal => false,
        };
        let senders = rows::senders(&self.store, &tasks).await?;
        let writers = stranger::writers(&self.store, &tasks).await?;
        let numbers = round::numbers(&self.store, &homes).await?;
        let goers = rows::goers(&self.store, &tasks).await?;
        let fill = |(row, others): (DeskRow, Vec<String>)| {
            let wrote = senders.iter().filter(|one| one.id == row.id).take(1);
            let wrote = wrote.map(|one| (&one.sealed, &one.hash, &one.relative));
            let raw = writers.iter().filter(|one| one.0 == row.id);
            let raw = raw.map(|one| (&one.1, &one.2, &None));
            let home = numbers.iter().filter(|one| Some(one.household_id) == row.household_id);
            let home = home.map(|one| (&one.sealed, &one.hash, &one.relative));
            let mut dials: Vec<Dial> = Vec::new();
            for (sealed, hash, relative) in wrote.chain(raw).chain(home) {
                let Some(number) = self.dialled(sealed) else { continue };
                if may(&row, hash) && !dials.iter().any(|dial| dial.number == number) {
                    dials.push(Dial { number, relative: relative.clone() });
                }
            }
            dials.truncate(3);
            let gear = row.needs.map_or_else(Vec::new, doorstep::gear);
            DeskHome { row, gear, dials, others }
        };
        let mut cards: HashMap<i64, Vec<DeskRow>> = HashMap::new();
        for row in rows {
            cards.entry(row.card).or_default().push(row);
        }
        let mut desk = Vec::with_capacity(page.len());
        for at in page {
            // Closed between the two looks.
            let Some(rows) = cards.remove(&at.card) else { continue };
            let homes: Vec<DeskHome> = homes_of(rows).into_iter().map(fill).collect();
            let Some(first) = homes.first() else { continue };
            let mut near: Vec<Goer> = Vec::new();
            for (_, code, name, role, _) in goers.iter().filter(|one| one.0 == first.row.id) {
                if near.len() < GOERS && !near.iter().any(|one| one.code == *code) {
                    near.push(Goer { code: code.clone(), name: name.clone(), role: *role });
                }
            }
            desk.push(DeskTask { row: first.row.clone(), at, homes, goers: near });
        }
        Ok(desk)
    }

    /// The numbers that wrote the tasks of no home, by task; for who may look at people.
    pub async fn writers(&self, tasks: &[TaskRow]) -> Result<HashMap<i64, String>, EngineFault> {
        let homeless = tasks.iter().filter(|task| task.household_id.is_none());
        let ids: Vec<i64> = homeless.map(|task| task.id).collect();
        let writers = stranger::writers(&self.store, &ids).await?;
        let open =
            |(task, sealed, _): (i64, Vec<u8>, Vec<u8>)| Some((task, self.dialled(&sealed)?));
        Ok(writers.into_iter().filter_map(open).collect())
    }

    /// Gives a card its class. An unclear reply of a known home becomes a help by it, and joins
    /// what is open there. `seen`: how many replies whoever does it has read.
    pub async fn set_task_class(
        &self,
        actor: &Actor,
        uid: &str,
        class: Triage,
        seen: Option<i64>,
    ) -> Result<(), EngineFault> {
        let mut tx = self.store.begin().await?;
        let task = self.task_for(&mut tx, actor, Action::RecordStatement, uid).await?;
        // Standings before tasks, as everywhere.
        let home = task.household_id.filter(|_| task.kind == UNCLEAR);
        if let Some(home) = home {
            answer::lock_standings(&mut tx, task.alert_id, &[home]).await?;
        }
        let held = rows::lock(&mut tx, task.id).await?.filter(|row| row.2 < 2);
        let Some((kind, before, _, words)) = held else {
            return Err(refused("这件已经办结了。"));
        };
        if kind == UNCLEAR {
            all_read(words, seen)?;
        }
        let now = self.clock.story_ms();
        let becomes = if kind == UNCLEAR { cry::HELP } else { kind };
        // Tallies before other tasks, as where a cry comes in.
        if kind == UNCLEAR {
            self.say_for(&mut tx, &task, Claim::Help(class)).await?;
        }
        if let Some(home) = home.filter(|_| becomes != kind) {
            cry::raise_by(&mut tx, task.alert_id, home, class, &task.text, now).await?;
        }
        rows::set_class(&mut tx, task.id, class.code(), becomes).await?;
        if home.is_some() {
            cry::adopt(&mut tx, &task.source_key, now).await?;
        }
        let card = cry::lock_card(&mut tx, task.id).await?;
        let theirs: Vec<i64> = card.iter().map(|row| row.id).collect();
        if becomes == kind {
            cry::set_class(&mut tx, &theirs, class.code()).await?;
        }
        if class.code() < before || becomes != kind {
            let wait_ms = match class {
                Triage::A => 60_000,
                Triage::B => 300_000,
                Triage::C => 900_000,
            };
            for row in card.iter().filter(|row| becomes == kind || row.id == task.id) {
                rows::hurry(&mut tx, row.alert_id, row.id, now + wait_ms).await?;
            }
        }
        let detail = json!({"task": uid, "class": class.code(), "before": before,
            "was_unclear": kind == UNCLEAR});
        let act = Action::RecordStatement.word();
        self.note(&mut tx, &actor.name, act, alert_of(&task), detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes down what a home's unclear replies say, and closes their task by it. `seen`: how many
    /// of them whoever does it has read.
    pub async fn read_task(
        &self,
        actor: &Actor,
        uid: &str,
        read: Read,
        seen: Option<i64>,
    ) -> Result<(), EngineFault> {
        let mut tx = self.store.begin().await?;
        let task = self.task_for(&mut tx, actor, Action::RecordStatement, uid).await?;
        let now = self.clock.story_ms();
        let known = rows::lock(&mut tx, task.id).await?;
        if known.is_none_or(|(kind, ..)| kind != UNCLEAR) {
            return Err(refused("只有看不懂的回复才能这样归类；求助请写明处理结果后办结。"));
        }
        all_read(known.map_or(0, |row| row.3), seen)?;
        if !desk::close_task(&mut tx, task.id, read.chinese(), now).await? {
            return Err(refused("这件已经办结了。"));
        }
        let demand = match task.household_id.filter(|_| task.alert_id != 0) {
            Some(home) => rows::demand(&mut tx, task.alert_id, home).await?,
            None => None,
        };
        if let Some(claim) = read.claim(demand.and_then(Demand::from_code)) {
            self.say_for(&mut tx, &task, claim).await?;
        }
        let detail = json!({"task": uid, "read": read.word()});
        let act = Action::RecordStatement.word();
        self.note(&mut tx, &actor.name, act, alert_of(&task), detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The reply's own word about its home: its giver's, as somebody here has read it.
    async fn say_for(
        &self,
        tx: &mut crate::store::Tx,
        task: &TaskRow,
        claim: Claim,
    ) -> Result<(), EngineFault> {
        let Some(household) = task.household_id.filter(|_| task.alert_id != 0) else {
            return Ok(());
        };
        let standing = view::standing_of(&self.store, task.alert_id, household).await?;
        let Some((version, _)) = standing else {
            return Ok(());
        };
        let senders = rows::senders(&self.store, &[task.id]).await?;
        let sender = senders.first();
        let giver = match sender.is_some_and(|one| one.relative.is_some()) {
            true => Giver::Relative,
            false => Giver::Lives,
        };
        // Under the stem of the task's own key, so that closing the task closes this help.
        let stem = task.source_key.strip_suffix(".t").unwrap_or(&task.source_key);
        let statement = StatementRow {
            key: format!("{}.desk.{}", stem.replace(',', "_"), claim.code()),
            alert: task.alert_id,
            version,
            household,
            giver: giver.code(),
            giver_id: sender.map(|one| one.address_id),
            claim: claim.code(),
            persons: None,
            closes: None,
            detail: None,
            at: task.cried_at.unwrap_or(task.opened_at),
            source: "desk".into(),
        };
        self.record(tx, &[statement]).await?;
        Ok(())
    }

    /// The link of the home of a task to its own page: whose, the link, and the kind of its order.
    pub async fn home_link(
        &self,
        actor: &Actor,
        uid: &str,
    ) -> Result<(String, String, AlertKind), EngineFault> {
        let mut tx = self.store.begin().await?;
        let task = self.task_for(&mut tx, actor, Action::LookAtPeople, uid).await?;
        drop(tx);
        let (Some(alert), Some(home)) = (&task.alert, &task.household) else {
            return Err(refused("不知道是哪一户、哪一道指令，没有住户页。"));
        };
        let link = self.resident_link(actor, alert, home).await?;
        let row = order::by_id(&self.store, task.alert_id).await?;
        let kind = row.and_then(|row| AlertKind::from_code(row.kind)).unwrap_or(AlertKind::Live);
        Ok((format!("{}的住户页", task.door.unwrap_or_default()), link, kind))
    }

    /// Puts somebody on a task who has said on the phone that he goes; his until the deadline.
    pub async fn assign_task(
        &self,
        actor: &Actor,
        uid: &str,
        human_code: &str,
    ) -> Result<(), EngineFault> {
        let mut tx = self.store.begin().await?;
        let task = self.task_for(&mut tx, actor, Action::TakeTask, uid).await?;
        let (_, name) = view::human(&self.store, human_code)
            .await?
            .ok_or_else(|| refused(format!("底册里没有编号为 {human_code} 的人。")))?;
        let from = task.owner.clone();
        self.put_on(&mut tx, actor, &task, (&name, Some(human_code)), from.as_deref()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The tasks of a card by home: that of a live alert stands for it, with the titles of the others.
/// What nobody has comes first, then the more urgent and the older.
fn homes_of(rows: Vec<DeskRow>) -> Vec<(DeskRow, Vec<String>)> {
    let mut homes: BTreeMap<(i64, i64), Vec<DeskRow>> = BTreeMap::new();
    for row in rows {
        let key = row.household_id.map_or((row.id, 0), |household| (0, household));
        homes.entry(key).or_default().push(row);
    }
    let live = |row: &DeskRow| row.alert_state == Some(State::Live.code());
    let mut homes: Vec<(DeskRow, Vec<String>)> = homes
        .into_values()
        .filter_map(|mut rows| {
            rows.sort_by_key(|row| (!live(row), row.id));
            let since = rows.iter().map(|row| row.opened_at).min();
            let mut rest = rows.into_iter();
            let mut first = rest.next()?;
            first.opened_at = since.unwrap_or(first.opened_at);
            let mut others: Vec<String> = rest.filter_map(|row| row.title).collect();
            others.dedup();
            Some((first, others))
        })
        .collect();
    homes.sort_by_key(|(row, _)| (row.state, row.class, row.opened_at, row.id));
    homes
}

fn kind_of(row: &DeskRow) -> AlertKind {
    row.alert_kind.and_then(AlertKind::from_code).unwrap_or(AlertKind::Live)
}

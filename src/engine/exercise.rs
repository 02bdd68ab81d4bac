//! Exercises with real gateways: their roll is filled by one person and confirmed by name by a
//! second, and the first live 紧急 or 特急 stops them all. That nobody else is reached and every
//! text is marked is the gate's doing. Help during an exercise stays real.

use serde_json::json;

use super::issue::{Actor, refused};
use super::{Engine, EngineFault};
use crate::base::phone::Phone;
use crate::domain::access::Action;
use crate::domain::alert::{State, Urgency};
use crate::domain::batch::rank_residents;
use crate::domain::gate::AlertKind;
use crate::domain::notice::Purpose;
use crate::render::NoticeText;
use crate::store::order::{self, AlertRow, AreaRow};
use crate::store::roll::{self, Named, RollName};
use crate::store::told::{self, Word};
use crate::store::{Tx, correct};

/// Lines of a file that fills a roll at most.
const LINES_MAX: usize = 10_000;

/// What a roll is filled from.
#[derive(Debug, Clone, Default)]
pub struct RollFill {
    /// Codes of places: all households there, and whoever answers for them.
    pub places: Vec<String>,
    /// A household's code, or a number with its name.
    pub lines: Vec<(String, String)>,
}

/// Why a roll can't be filled from this; nothing was added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillFault {
    #[error("file: at most {LINES_MAX} lines")]
    TooMany,
    #[error("place: no place {0:?}")]
    Place(String),
    #[error("file: the number {0} needs a name beside it")]
    Nameless(String),
    #[error("file: {0:?} is neither a household's code nor a number")]
    Line(String),
}

impl FillFault {
    /// What an official is told.
    pub fn chinese(&self) -> String {
        match self {
            FillFault::TooMany => format!("一次最多{LINES_MAX}行：请分几次加。"),
            FillFault::Place(code) => format!("底册里没有地点“{code}”：请查对代码。"),
            FillFault::Nameless(number) => {
                format!("号码“{number}”后面没有姓名：请写成“号码，姓名”。")
            }
            FillFault::Line(line) => format!("“{line}”不是号码，也不是住户代码：请改后再加。"),
        }
    }
}

/// What a roll is filled from, looked up.
#[derive(Default)]
struct ReadFill<'f> {
    places: Vec<i64>,
    codes: Vec<&'f str>,
    names: Vec<Named>,
    /// 16 bytes a name.
    hashes: Vec<u8>,
}

fn open_roll(row: &AlertRow) -> bool {
    match State::from_code(row.state).unwrap_or(State::Draft) {
        State::Draft | State::Submitted | State::Returned => true,
        State::Live | State::Ended | State::Withdrawn => false,
    }
}

impl RollFill {
    /// Reads lines of `household code` or `number,name`; empty lines and those after # are left
    /// out.
    pub fn read_lines(text: &str) -> Vec<(String, String)> {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                let (what, name) = line.split_once([',', '，']).unwrap_or((line, ""));
                (what.trim().to_owned(), name.trim().to_owned())
            })
            .collect()
    }
}

/// The roll of an exercise as somebody may see it.
#[derive(Debug, Clone)]
pub struct RollLook {
    pub alert: AlertRow,
    pub numbers: i64,
    /// Of them, those nobody has confirmed.
    pub waiting: i64,
    /// Whether it may still change: not once the exercise is live.
    pub open: bool,
    /// Whether whoever looks may add to it, and may confirm what others added.
    pub may_fill: bool,
    pub may_confirm: bool,
    /// Whether names are his to see.
    pub sees: bool,
    /// Those that wait first.
    pub names: Vec<RollName>,
    /// More names than these are on it.
    pub more: bool,
}

impl Engine {
    /// The roll of an exercise, its names with these words in them (empty: all), at most `limit`.
    pub async fn look_at_roll(
        &self,
        actor: &Actor,
        uid: &str,
        words: &str,
        limit: i64,
    ) -> Result<RollLook, EngineFault> {
        let alert = self.look_at_alert(actor, uid).await?;
        if alert.kind != AlertKind::Exercise.code() {
            return Err(refused("kind: only an exercise has a roll"));
        }
        let version = order::latest_version(&self.store, alert.id).await?;
        let may = async |action: Action| match self.allowed(actor, action, alert.id, version).await
        {
            Ok(()) => Ok(true),
            Err(EngineFault::Denied(_)) => Ok(false),
            Err(fault) => Err(fault),
        };
        let (may_fill, may_confirm) =
            (may(Action::DraftAlert).await?, may(Action::ConfirmRoll).await?);
        let sees = may_fill || may_confirm || may(Action::LookAtPeople).await?;
        let mut names = match sees {
            true => {
                let words = words.replace('\0', "");
                roll::read(&self.store, alert.id, actor.account_id, &words, limit + 1).await?
            }
            false => Vec::new(),
        };
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = names.len() > most;
        names.truncate(most);
        let (numbers, waiting) = roll::count(&self.store, alert.id).await?;
        let open = open_roll(&alert);
        Ok(RollLook { alert, numbers, waiting, open, may_fill, may_confirm, sees, names, more })
    }

    /// Adds numbers to the roll of an exercise that is not live yet. Gives how many are new.
    pub async fn fill_roll(
        &self,
        actor: &Actor,
        uid: &str,
        fill: &RollFill,
    ) -> Result<u64, EngineFault> {
        let row = self.exercise(uid).await?;
        let version = order::latest_version(&self.store, row.id).await?;
        self.allowed(actor, Action::DraftAlert, row.id, version).await?;
        let read = self.read_fill(fill).await?.map_err(|fault| refused(fault.to_string()))?;
        let ReadFill { places, codes, names, hashes } = read;
        let by = actor.account_id;
        let mut tx = self.store.begin().await?;
        let mut added = roll::fill_from_places(&mut tx, row.id, &places, by).await?;
        added += roll::fill_from_households(&mut tx, row.id, &codes, by).await?;
        added += roll::fill_numbers(&mut tx, row.id, &names, &hashes, by).await?;
        let detail = json!({"places": fill.places, "lines": fill.lines.len(), "added": added});
        self.note(&mut tx, &actor.name, "roll.fill", Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(added)
    }

    /// What is wrong with what a roll would be filled from; none: nothing.
    pub async fn fill_fault(&self, fill: &RollFill) -> Result<Option<FillFault>, EngineFault> {
        Ok(self.read_fill(fill).await?.err())
    }

    async fn read_fill<'f>(
        &self,
        fill: &'f RollFill,
    ) -> Result<Result<ReadFill<'f>, FillFault>, EngineFault> {
        if fill.lines.len() > LINES_MAX {
            return Ok(Err(FillFault::TooMany));
        }
        let asked: Vec<AreaRow> =
            fill.places.iter().map(|code| AreaRow { code: code.clone(), excluded: 0 }).collect();
        let known = order::known_codes(&self.store, &asked).await?;
        let mut read = ReadFill::default();
        for code in &fill.places {
            match known.iter().find(|k| k.0 == *code && k.1 != 0) {
                Some(known) => read.places.push(known.1),
                None => return Ok(Err(FillFault::Place(code.clone()))),
            }
        }
        for (what, name) in &fill.lines {
            match Phone::parse(what) {
                Ok(_) if name.trim().is_empty() => {
                    return Ok(Err(FillFault::Nameless(what.clone())));
                }
                Ok(phone) => {
                    read.names.push(Named { n: read.names.len(), name: name.trim().into() });
                    read.hashes.extend(self.sealer.hash(phone.e164()));
                }
                Err(_) => read.codes.push(what.as_str()),
            }
        }
        let homes = roll::known_households(&self.store, &read.codes).await?;
        let strange = read.codes.iter().find(|code| !homes.iter().any(|home| home == *code));
        match strange {
            Some(code) => Ok(Err(FillFault::Line((*code).to_owned()))),
            None => Ok(Ok(read)),
        }
    }

    /// Confirms lines of the roll by name, or all that were read out. Nobody confirms what he
    /// added himself. Gives how many were confirmed and how many still wait.
    pub async fn confirm_roll(
        &self,
        actor: &Actor,
        uid: &str,
        names: Option<&[String]>,
    ) -> Result<(u64, i64), EngineFault> {
        let row = self.exercise(uid).await?;
        let version = order::latest_version(&self.store, row.id).await?;
        self.allowed(actor, Action::ConfirmRoll, row.id, version).await?;
        let mut tx = self.store.begin().await?;
        let (all, some) = (names.is_none(), names.unwrap_or_default());
        let confirmed = roll::confirm(&mut tx, row.id, actor.account_id, all, some).await?;
        if confirmed == 0 {
            return Err(refused(
                "name: nobody of these waits to be confirmed by you: see `tongluo alert roll`; \
                 who added a line does not confirm it",
            ));
        }
        let detail = json!({"confirmed": confirmed, "names": names});
        let act = Action::ConfirmRoll.word();
        self.note(&mut tx, &actor.name, act, Some(row.id), detail).await?;
        tx.commit().await?;
        Ok((confirmed, roll::count(&self.store, row.id).await?.1))
    }

    async fn exercise(&self, uid: &str) -> Result<AlertRow, EngineFault> {
        let (row, _) = self.newest(uid).await?;
        if row.kind != AlertKind::Exercise.code() {
            return Err(refused("kind: only an exercise has a roll"));
        }
        match open_roll(&row) {
            true => Ok(row),
            false => Err(refused("the roll of an exercise does not change once it is live")),
        }
    }

    /// No exercise goes live while people are being warned or moved for real: one digit could not
    /// be told from the other.
    pub(super) async fn no_exercise_beside_danger(
        &self,
        row: &AlertRow,
    ) -> Result<(), EngineFault> {
        if row.kind != AlertKind::Exercise.code() {
            return Ok(());
        }
        for (alert, uid, kind, version, _) in order::live(&self.store, State::Live.code()).await? {
            let in_force = order::version(&self.store, alert, version).await?;
            let urgent = in_force.is_some_and(|v| v.urgency >= Urgency::Urgent.code());
            if kind == AlertKind::Live.code() && urgent {
                return Err(refused(format!(
                    "kind: no exercise while {uid} is live and urgent: wait until it has ended"
                )));
            }
        }
        Ok(())
    }

    /// Ends every live exercise, tells whoever had a text of one, and lets go of its households.
    /// Run in the transaction in which something real goes live.
    pub(super) async fn stop_exercises(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        because: &AlertRow,
        now: i64,
    ) -> Result<(), EngineFault> {
        let (live, ended) = (State::Live.code(), State::Ended.code());
        for (alert, _, kind, _, _) in order::live(&self.store, live).await? {
            if kind != AlertKind::Exercise.code() {
                continue;
            }
            let Some(row) = order::by_id(&self.store, alert).await? else {
                continue;
            };
            if order::lock(tx, alert).await?.is_none_or(|held| held.1 != live) {
                continue;
            }
            order::supersede(tx, alert, live, ended).await?;
            order::set_alert_state(tx, alert, ended, Some(now)).await?;
            self.stop_timers(tx, alert).await?;
            // Whom it has not reached yet it never does.
            correct::end_pending(tx, alert, row.version + 1).await?;
            self.recall_notices(tx, alert, now).await?;
            roll::let_go(tx, alert).await?;
            let text = NoticeText::ExerciseStopped { alert_title: &row.title };
            let text = self.say_of(&row, &text, now)?;
            let word = Word {
                purpose: Purpose::ExerciseStopped.code(),
                rank: rank_residents(3, 0),
                text: &text,
                now,
                nonce: self.entropy.below(1 << 50),
            };
            let told = told::tell_anybody(tx, alert, &word).await?;
            let detail = json!({"because": because.uid, "told": told});
            self.note(tx, &actor.name, "exercise.stopped", Some(alert), detail).await?;
        }
        Ok(())
    }
}

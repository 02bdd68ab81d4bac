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
use crate::store::roll::{self, Named};
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

impl Engine {
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
        if fill.lines.len() > LINES_MAX {
            return Err(refused(format!("file: at most {LINES_MAX} lines")));
        }
        let asked: Vec<AreaRow> =
            fill.places.iter().map(|code| AreaRow { code: code.clone(), excluded: 0 }).collect();
        let known = order::known_codes(&self.store, &asked).await?;
        let mut places = Vec::new();
        for code in &fill.places {
            let found = known.iter().find(|k| k.0 == *code && k.1 != 0).map(|k| k.1);
            places.push(found.ok_or_else(|| refused(format!("place: no place {code:?}")))?);
        }
        let (mut codes, mut names, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
        for (what, name) in &fill.lines {
            match Phone::parse(what) {
                Ok(_) if name.trim().is_empty() => {
                    return Err(refused(format!("file: the number {what} needs a name beside it")));
                }
                Ok(phone) => {
                    names.push(Named { n: names.len(), name: name.trim().into() });
                    hashes.extend(self.sealer.hash(phone.e164()));
                }
                Err(_) => codes.push(what.as_str()),
            }
        }
        let homes = roll::known_households(&self.store, &codes).await?;
        if let Some(code) = codes.iter().find(|code| !homes.iter().any(|home| home == *code)) {
            let text = format!("file: {code:?} is neither a household's code nor a number");
            return Err(refused(text));
        }
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
        let state = State::from_code(row.state).unwrap_or(State::Draft);
        match state {
            State::Draft | State::Submitted | State::Returned => Ok(row),
            State::Live | State::Ended | State::Withdrawn => {
                Err(refused("the roll of an exercise does not change once it is live"))
            }
            State::Discarded => Err(refused("this exercise was thrown away: draft another")),
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

//! Who had an older text and no longer belongs hears nothing until an official chooses: 范围更正
//! (you need not do it) or 返回通知 (you may go home), by place, in a message of its own. It does
//! not decide which; that households were dropped is the update's doing.

use std::sync::Arc;

use serde_json::json;

use super::issue::{Actor, refused};
use super::{Engine, EngineFault, Order};
use crate::base::limits::PAGE_ROWS;
use crate::domain::access::Action;
use crate::domain::batch::rank_residents;
use crate::domain::notice::Purpose;
use crate::domain::plan::TimerKind;
use crate::render::NoticeText;
use crate::store::order::{self, AlertRow, AreaRow};
use crate::store::situation::{self, DroppedGrid};
use crate::store::timer::{self, TimerRow};
use crate::store::told::{self, Word};
use crate::store::{Tx, climb};

/// How soon the leases of an older version are looked at again.
const AGAIN_MS: i64 = 5_000;

/// What whoever no longer belongs is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// 范围更正: a correction, which waits for nobody.
    RangeCorrection,
    /// 返回通知: sends people home, so that it takes a signature.
    ReturnNotice,
}

impl Farewell {
    /// The word in forms and calls.
    pub fn from_word(word: &str) -> Option<Farewell> {
        match word {
            "range_correction" => Some(Farewell::RangeCorrection),
            "return_notice" => Some(Farewell::ReturnNotice),
            _ => None,
        }
    }

    /// What whoever tells it must be allowed to do.
    pub fn action(self) -> Action {
        match self {
            Farewell::RangeCorrection => Action::WithdrawAlert,
            Farewell::ReturnNotice => Action::EndAlert,
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Farewell::RangeCorrection => Purpose::RangeCorrection,
            Farewell::ReturnNotice => Purpose::ReturnNotice,
        }
    }

    /// The notices that tell it, by code.
    pub fn purposes() -> [i64; 2] {
        [Farewell::RangeCorrection, Farewell::ReturnNotice].map(|one| one.purpose().code())
    }
}

/// Who was dropped where, and what each of the two messages says.
#[derive(Debug, Clone)]
pub struct DroppedLook {
    pub alert: AlertRow,
    pub grids: Vec<DroppedGrid>,
    /// The text of the correction,
    pub correction: String,
    /// and of the return notice, as the first of these grids gets it.
    pub homeward: String,
}

impl Engine {
    /// The grids with households that an update dropped after they had an older text.
    pub async fn look_at_dropped(
        &self,
        actor: &Actor,
        uid: &str,
    ) -> Result<DroppedLook, EngineFault> {
        let alert = self.look_at_alert(actor, uid).await?;
        let purposes = Farewell::purposes();
        let grids = situation::dropped_by_grid(&self.store, alert.id, purposes, PAGE_ROWS).await?;
        let place = grids.first().map_or("当地", |grid| grid.name.as_str());
        let now = self.clock.story_ms();
        let correction = self.farewell_text(&alert, Farewell::RangeCorrection, place, now)?;
        let homeward = self.farewell_text(&alert, Farewell::ReturnNotice, place, now)?;
        Ok(DroppedLook { alert, grids, correction, homeward })
    }

    fn farewell_text(
        &self,
        row: &AlertRow,
        farewell: Farewell,
        place: &str,
        now: i64,
    ) -> Result<String, EngineFault> {
        let sent_ms = row.live_at.unwrap_or(now);
        let text = match farewell {
            Farewell::RangeCorrection => {
                NoticeText::RangeCorrection { alert_title: &row.title, sent_ms }
            }
            Farewell::ReturnNotice => NoticeText::ReturnNotice { place },
        };
        self.say_of(row, &text, now)
    }

    /// Tells those below these places (codes) who were dropped from a live or ended alert. Gives
    /// the number of messages.
    pub async fn tell_dropped(
        &self,
        actor: &Actor,
        uid: &str,
        farewell: Farewell,
        places: &[String],
    ) -> Result<u64, EngineFault> {
        if places.is_empty() {
            return Err(refused("place: name the places whose households no longer belong"));
        }
        let (row, _) = self.newest(uid).await?;
        let action = farewell.action();
        let known = self.known_places(places).await?;
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        order::lock(&mut tx, row.id).await?;
        let (mut told, mut waits) = (0, false);
        for place in known {
            self.check_access(actor, action, &[place]).await?;
            let name = self.place_name(&mut tx, place).await?;
            let text = self.farewell_text(&row, farewell, &name, now)?;
            let word = self.farewell_word(farewell.purpose().code(), &text, now);
            let machine = self.clock.machine_ms();
            told += told::tell_dropped(&mut tx, row.id, &[place], &word, machine).await?;
            if told::still_out(&mut tx, row.id, &[place], machine).await? {
                waits = true;
                let kept = told::keep_farewell(&mut tx, row.id, place, &word).await?;
                let kind = TimerKind::Farewell.code();
                timer::set(&mut tx, row.id, kind, place, kept, 1, now + AGAIN_MS).await?;
            }
        }
        if told == 0 && !waits {
            let text = "place: nobody there had an older text and was dropped, or all were told";
            return Err(refused(text));
        }
        let word = match farewell {
            Farewell::RangeCorrection => "alert.range_correction",
            Farewell::ReturnNotice => "alert.return_notice",
        };
        let detail = json!({"places": places, "messages": told});
        self.note(&mut tx, &actor.name, word, Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(told)
    }

    /// Tells it again to whoever was called meanwhile, until no older lease is left.
    pub(super) async fn fire_farewells(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let kept: Vec<i64> = timers.iter().map(|t| t.subject_id).collect();
        let machine = self.clock.machine_ms();
        for one in told::farewells(tx, &kept).await? {
            let (alert, place) = (order.alert_id, one.place_id);
            // Asked first: what a lease brought until now is told below, and no later one.
            let waits = told::still_out(tx, alert, &[place], machine).await?;
            let word = self.farewell_word(one.purpose, &one.text, now);
            let told = told::tell_dropped(tx, alert, &[place], &word, machine).await?;
            if told > 0 {
                let detail = json!({"places": [place], "messages": told});
                self.note(tx, "clock", "alert.told_again", Some(alert), detail).await?;
            }
            if waits {
                let step = timers.iter().find(|t| t.subject_id == one.id).map_or(1, |t| t.step);
                let kind = TimerKind::Farewell.code();
                timer::set(tx, alert, kind, place, one.id, step + 1, now + AGAIN_MS).await?;
            }
        }
        Ok(())
    }

    fn farewell_word<'a>(&self, purpose: i64, text: &'a str, now: i64) -> Word<'a> {
        let rank = rank_residents(2, 0);
        Word { purpose, rank, text, now, nonce: self.entropy.below(1 << 50) }
    }

    async fn known_places(&self, codes: &[String]) -> Result<Vec<i64>, EngineFault> {
        let asked: Vec<AreaRow> =
            codes.iter().map(|code| AreaRow { code: code.clone(), excluded: 0 }).collect();
        let known = order::known_codes(&self.store, &asked).await?;
        let place = |code: &String| {
            let found = known.iter().find(|k| k.0 == *code && k.1 != 0).map(|k| k.1);
            found.ok_or_else(|| refused(format!("place: {code:?} is not in the roster")))
        };
        codes.iter().map(place).collect()
    }

    async fn place_name(&self, tx: &mut Tx, place: i64) -> Result<String, EngineFault> {
        let names = climb::place_names(tx, &[place]).await?;
        Ok(names.into_iter().next().map_or_else(|| "当地".into(), |row| row.1))
    }
}

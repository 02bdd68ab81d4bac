//! Who had an older text and no longer belongs hears nothing until an official chooses: 范围更正
//! (you need not do it) or 返回通知 (you may go home), by place, in a message of its own. It does
//! not decide which; that households were dropped is the update's doing.

use serde_json::json;

use super::issue::{Actor, refused};
use super::{Engine, EngineFault};
use crate::domain::access::Action;
use crate::domain::batch::rank_residents;
use crate::domain::notice::Purpose;
use crate::render::NoticeText;
use crate::store::order::{self, AreaRow};
use crate::store::told::{self, Word};

/// What whoever no longer belongs is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// 范围更正: a correction, which waits for nobody.
    RangeCorrection,
    /// 返回通知: sends people home, so that it takes a signature.
    ReturnNotice,
}

impl Farewell {
    /// The notices that tell it, by code.
    pub fn purposes() -> [i64; 2] {
        [Purpose::RangeCorrection.code(), Purpose::ReturnNotice.code()]
    }
}

impl Engine {
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
        let action = match farewell {
            Farewell::RangeCorrection => Action::WithdrawAlert,
            Farewell::ReturnNotice => Action::EndAlert,
        };
        let asked: Vec<AreaRow> =
            places.iter().map(|code| AreaRow { code: code.clone(), excluded: 0 }).collect();
        let known = order::known_codes(&self.store, &asked).await?;
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        order::lock(&mut tx, row.id).await?;
        let mut told = 0;
        for code in places {
            let found = known.iter().find(|k| k.0 == *code && k.1 != 0);
            let Some((_, place)) = found else {
                return Err(refused(format!("place: {code:?} is not in the roster")));
            };
            self.check_access(actor, action, &[*place]).await?;
            let name = self.place_name(&mut tx, *place).await?;
            let (purpose, text) = match farewell {
                Farewell::RangeCorrection => {
                    let sent_ms = row.live_at.unwrap_or(now);
                    let text = NoticeText::RangeCorrection { alert_title: &row.title, sent_ms };
                    (Purpose::RangeCorrection, self.say_of(&row, &text, now)?)
                }
                Farewell::ReturnNotice => {
                    let text = NoticeText::ReturnNotice { place: &name };
                    (Purpose::ReturnNotice, self.say_of(&row, &text, now)?)
                }
            };
            let word = Word {
                purpose: purpose.code(),
                rank: rank_residents(2, 0),
                text: &text,
                now,
                nonce: self.entropy.below(1 << 50),
            };
            told += told::tell_dropped(&mut tx, row.id, &[*place], &word).await?;
        }
        if told == 0 {
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

    async fn place_name(
        &self,
        tx: &mut crate::store::Tx,
        place: i64,
    ) -> Result<String, EngineFault> {
        let names = crate::store::climb::place_names(tx, &[place]).await?;
        Ok(names.into_iter().next().map_or_else(|| "当地".into(), |row| row.1))
    }
}

//! A helper's word that he spoke to the homes he went to: it closes a door that is only asked to
//! have heard. Who has to leave stays open, and in his hand for another while. Taking the homes
//! and giving them up are `paired`'s.

use super::leader::Reply;
use super::{Engine, EngineFault, words};
use crate::domain::matching::REPEAT_MS;
use crate::domain::statement::{Claim, Giver};
use crate::render::NoticeText;
use crate::store::Tx;
use crate::store::answer::{Speaking, StatementRow};
use crate::store::expand::paired;
use crate::store::spoken::{self as rows, HomeInHand};

impl Engine {
    /// A helper's 1 while `open` homes of his are open. None: he has not taken them all yet, so it
    /// takes them.
    pub(super) async fn spoke_to_homes(
        &self,
        tx: &mut Tx,
        helper: Speaking,
        open: usize,
        kept_ms: i64,
        now: i64,
    ) -> Result<Option<Reply>, EngineFault> {
        let until = now - REPEAT_MS;
        let homes = rows::homes_in_hand(tx, helper, words::in_force(), until).await?;
        if homes.is_empty() || homes.len() < open {
            return Ok(None);
        }
        let human = helper.human;
        let said = |home: &HomeInHand| StatementRow {
            key: format!("helper:{human}:{}.{}.{now}", home.alert_id, home.household_id),
            alert: home.alert_id,
            version: home.version,
            household: home.household_id,
            giver: Giver::Helper.code(),
            giver_id: Some(human),
            claim: Claim::Heard.code(),
            persons: None,
            closes: None,
            detail: None,
            at: now,
            source: "sms".into(),
        };
        let recorded = self.record(tx, &homes.iter().map(said).collect::<Vec<_>>()).await?;
        let is_open = |home: &&HomeInHand| {
            let after = recorded.iter().find(|after| {
                (after.alert_id, after.household_id) == (home.alert_id, home.household_id)
            });
            after.is_none_or(|after| !after.standing.closed() || after.standing.helps > 0)
        };
        let (left, done): (Vec<&HomeInHand>, Vec<&HomeInHand>) = homes.iter().partition(is_open);
        let done: Vec<i64> = done.iter().map(|home| home.id).collect();
        paired::end_done(tx, &done, now).await?;
        let keys: Vec<String> = left.iter().map(|home| home.source_key.clone()).collect();
        if !keys.is_empty() {
            paired::put_in_hand(tx, &keys, human, now, now + kept_ms).await?;
        }
        let about: Vec<(i64, i64, i64)> =
            homes.iter().map(|home| (home.alert_id, home.household_id, 0)).collect();
        self.note_homes(tx, human, "helper.spoke", &about).await?;
        let alerts: Vec<i64> = homes.iter().map(|home| home.alert_id).collect();
        let under = self.under(tx, &alerts).await?;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let text =
            NoticeText::HelperTaken { homes: number(left.len()), spoke: number(homes.len()) };
        Ok(Some((under, self.say_in(under.kind, &text, now)?)))
    }
}

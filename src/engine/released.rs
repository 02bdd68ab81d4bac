//! People whom an order lets go: it was wrong, leaves their homes out, or is over. Helpers
//! (结对帮扶人) who had its text are told, and what they promised is closed; holders of lists and
//! whoever else was woken are told as well. What residents are told is `change`'s and `leaving`'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Engine, EngineFault, words};
use crate::domain::gate::AlertKind;
use crate::domain::notice::Purpose;
use crate::render::{HomeAt, NoticeText, WhyWithdrawn};
use crate::store::Tx;
use crate::store::expand::paired::{self, Had, PairedHome};
use crate::store::order::AlertRow;

/// So many homes are named.
const NAMED: usize = 3;

/// Why an order lets people go, in the correction's words.
struct Gone<'a> {
    why: WhyWithdrawn,
    wrong: Option<&'a str>,
    right: Option<&'a str>,
}

impl Engine {
    /// The whole order is gone: nobody climbs further, and everybody whom it called hears so,
    /// each once. `vars`: the words of the correction.
    pub(super) async fn let_people_go(
        &self,
        tx: &mut Tx,
        alert: &AlertRow,
        why: WhyWithdrawn,
        vars: &BTreeMap<String, String>,
        now: i64,
    ) -> Result<(), EngineFault> {
        let word = |name: &str| vars.get(name).map(String::as_str).filter(|w| !w.is_empty());
        let gone = Gone { why, wrong: word("wrong"), right: word("right") };
        // Before the notices are recalled: who is being called right now may have the text.
        let woken = paired::summoned(tx, &had(alert, Purpose::Summons, false)).await?;
        let mut told = self.release_helpers(tx, alert, &gone, now).await?;
        self.recall_notices(tx, alert.id, now).await?;
        self.stop_timers(tx, alert.id).await?;
        told.extend(self.withdraw_lists(tx, alert, None, why, now).await?);
        let told: BTreeSet<i64> = told.into_iter().collect();
        let kind = AlertKind::from_code(alert.kind).unwrap_or(AlertKind::Live);
        let mut said = Vec::new();
        for (human, other) in woken.iter().filter(|(human, _)| !told.contains(human)) {
            let text = NoticeText::SummonsOver {
                alert_title: &alert.title,
                why,
                wrong: gone.wrong,
                right: gone.right,
                other: Some(other.as_str()).filter(|other| !other.is_empty()),
            };
            said.push((*human, Purpose::SummonsOver, self.say_in(kind, &text, now)?));
        }
        if !said.is_empty() {
            let detail = json!({"told": said.len()});
            self.note(tx, "clock", "summons.release", Some(alert.id), detail).await?;
        }
        self.tell_humans(tx, alert.id, said, now).await
    }

    /// The helpers of an order that is gone. Gives who is told.
    async fn release_helpers(
        &self,
        tx: &mut Tx,
        alert: &AlertRow,
        gone: &Gone<'_>,
        now: i64,
    ) -> Result<Vec<i64>, EngineFault> {
        let kind = AlertKind::from_code(alert.kind).unwrap_or(AlertKind::Live);
        let mut said = Vec::new();
        for (human, other) in paired::told(tx, &had(alert, Purpose::Helper, false)).await? {
            let text = NoticeText::HelperOver {
                alert_title: &alert.title,
                why: gone.why,
                homes: &[],
                count: 0,
                wrong: gone.wrong,
                right: gone.right,
                other: Some(&*other).filter(|other| !other.is_empty()),
            };
            said.push((human, Purpose::HelperOver, self.say_in(kind, &text, now)?));
        }
        let result = match gone.why {
            WhyWithdrawn::Wrong => "指令已撤销",
            WhyWithdrawn::Ended | WhyWithdrawn::Left => "指令已解除",
        };
        let promises = paired::let_go(tx, alert.id, None, result, now).await?;
        self.note_released(tx, alert.id, said.len(), promises).await?;
        let told = said.iter().map(|word| word.0).collect();
        self.tell_humans(tx, alert.id, said, now).await?;
        Ok(told)
    }

    /// An update that is in force from now on leaves homes out that its helpers were to go to.
    pub(super) async fn leave_helpers(
        &self,
        tx: &mut Tx,
        alert: &AlertRow,
        version: i64,
        now: i64,
    ) -> Result<(), EngineFault> {
        let told = paired::told(tx, &had(alert, Purpose::Helper, true)).await?;
        let Some(before) = paired::live_before(tx, alert.id, version).await? else {
            return Ok(());
        };
        if told.is_empty() {
            return Ok(());
        }
        let was = paired::all_of(tx, alert.id, before).await?;
        let is: BTreeSet<i64> = paired::all_of(tx, alert.id, version)
            .await?
            .into_iter()
            .map(|home| home.household_id)
            .collect();
        let mut gone: BTreeMap<i64, Vec<&PairedHome>> = BTreeMap::new();
        for home in was.iter().filter(|home| !is.contains(&home.household_id)) {
            gone.entry(home.helper_id).or_default().push(home);
        }
        if gone.is_empty() {
            return Ok(());
        }
        let kind = AlertKind::from_code(alert.kind).unwrap_or(AlertKind::Live);
        let mut said = Vec::new();
        for (human, other) in &told {
            let Some(homes) = gone.get(human) else {
                continue;
            };
            let named: Vec<HomeAt<'_>> = homes
                .iter()
                .take(NAMED)
                .map(|home| HomeAt { name: &home.name, place: &home.place })
                .collect();
            let text = NoticeText::HelperOver {
                alert_title: &alert.title,
                why: WhyWithdrawn::Left,
                homes: &named,
                count: u32::try_from(homes.len()).unwrap_or(u32::MAX),
                wrong: None,
                right: None,
                other: Some(other.as_str()).filter(|other| !other.is_empty()),
            };
            said.push((*human, Purpose::HelperOver, self.say_in(kind, &text, now)?));
        }
        let homes: Vec<i64> = gone.values().flatten().map(|home| home.household_id).collect();
        let result = "指令已更新，不再包括这一户";
        let promises = paired::let_go(tx, alert.id, Some(&homes), result, now).await?;
        self.note_released(tx, alert.id, said.len(), promises).await?;
        self.tell_humans(tx, alert.id, said, now).await
    }

    async fn note_released(
        &self,
        tx: &mut Tx,
        alert: i64,
        told: usize,
        promises: u64,
    ) -> Result<(), EngineFault> {
        if told == 0 && promises == 0 {
            return Ok(());
        }
        let detail = json!({"told": told, "promises": promises});
        self.note(tx, "clock", "helper.release", Some(alert), detail).await
    }
}

fn had(alert: &AlertRow, purpose: Purpose, waiting: bool) -> Had {
    Had {
        alert: alert.id,
        purpose: purpose.code(),
        in_force: words::in_force(),
        kind: alert.kind,
        waiting,
    }
}

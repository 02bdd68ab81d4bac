//! What a version would say, before it is released: the text of each of its rings as a phone shows
//! it. It sends nothing; what stands in the way of a release is `check`'s.

use std::collections::BTreeMap;

use super::{Engine, EngineFault};
use crate::base::sms::measure_domestic;
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::render::{Audience, RenderFault, ResidentText};
use crate::store::order::{self, AlertRow, RingRow, VersionRow};

/// One ring of a version and its text.
#[derive(Debug)]
pub struct RingText {
    pub ring: i64,
    pub demand: Demand,
    pub pursued: bool,
    /// The text for a home of one person, or why there is none.
    pub text: Result<String, RenderFault>,
    /// Parts of a message it is sent in.
    pub parts: usize,
}

/// What the texts of a version are made of.
pub(super) struct Words<'a> {
    pub template: &'a str,
    pub vars: &'a BTreeMap<String, String>,
    pub kind: AlertKind,
    pub version: i64,
    pub issued_at_ms: i64,
}

impl Engine {
    /// The texts of a version, ring by ring.
    pub async fn preview(
        &self,
        alert: &AlertRow,
        version: &VersionRow,
    ) -> Result<Vec<RingText>, EngineFault> {
        let vars: BTreeMap<String, String> =
            serde_json::from_str(&version.vars).unwrap_or_default();
        let rings = order::rings(&self.store, version.alert_id, version.version).await?;
        let words = Words {
            template: &version.template,
            vars: &vars,
            kind: AlertKind::from_code(alert.kind).unwrap_or(AlertKind::Live),
            version: version.version,
            issued_at_ms: match version.version {
                1 => alert.issued_at,
                _ => version.live_at.unwrap_or(self.clock.story_ms()),
            },
        };
        Ok(self.ring_texts(&words, &rings))
    }

    /// The text of each ring, as a phone shows it.
    pub(super) fn ring_texts(&self, words: &Words<'_>, rings: &[RingRow]) -> Vec<RingText> {
        let text = |demand: Demand| {
            self.messages.check_demand(words.template, demand)?;
            self.messages.resident(&ResidentText {
                signature: &self.settings.signature,
                template: words.template,
                vars: words.vars,
                demand,
                audience: Audience::Household,
                kind: words.kind,
                version: u32::try_from(words.version).unwrap_or(1),
                issued_at_ms: words.issued_at_ms,
                merged: &[],
            })
        };
        let ring = |row: &RingRow| {
            let demand = Demand::from_code(row.demand).unwrap_or(Demand::Inform);
            let text = text(demand);
            let parts = text.as_ref().map_or(0, |text| measure_domestic(text).parts);
            RingText { ring: row.ring, demand, pursued: row.pursued == 1, text, parts }
        };
        rings.iter().map(ring).collect()
    }
}

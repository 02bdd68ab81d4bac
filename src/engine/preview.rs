//! What a version would say, before it is released: the text of each of its rings as a phone shows
//! it. It sends nothing; what stands in the way of a release is `check`'s.

use std::collections::BTreeMap;

use super::words::{Words, audience_of};
use super::{Engine, EngineFault};
use crate::base::sms::measure_domestic;
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::render::RenderFault;
use crate::store::order::{self, AlertRow, RingRow, VersionRow};

/// One ring of a version and its text.
#[derive(Debug)]
pub struct RingText {
    pub ring: i64,
    pub demand: Demand,
    pub pursued: bool,
    /// The text for a home of one person, or why there is none.
    pub text: Result<String, RenderFault>,
    /// That for a family of three, where it is another: its 3 names their number.
    pub family: Option<String>,
    /// Parts of a message it is sent in.
    pub parts: usize,
}

/// Registered persons of the family whose text is shown where it differs from that of one person.
const FAMILY: i64 = 3;

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
        let text = |demand: Demand, persons: i64| {
            self.messages.check_demand(words.template, demand)?;
            let signature = &self.settings.signature;
            words.text(&self.messages, signature, demand.code(), audience_of(persons), &[])
        };
        let ring = |row: &RingRow| {
            let demand = Demand::from_code(row.demand).unwrap_or(Demand::Inform);
            let (text, family) = (text(demand, 1), text(demand, FAMILY).ok());
            let family = family.filter(|family| text.as_ref().is_ok_and(|text| text != family));
            let parts = text.as_ref().map_or(0, |text| measure_domestic(text).parts);
            RingText { ring: row.ring, demand, pursued: row.pursued == 1, text, family, parts }
        };
        rings.iter().map(ring).collect()
    }
}

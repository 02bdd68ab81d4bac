//! What a version would say, before it is released: the text of each of its rings as a phone shows
//! it. It sends nothing; what stands in the way of a release is `check`'s.

use std::collections::BTreeMap;

use super::{Engine, EngineFault};
use crate::base::sms::measure_domestic;
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::render::{Audience, RenderFault, ResidentText};
use crate::store::order::{self, AlertRow, VersionRow};

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
        let text = |demand: Demand| {
            self.messages.check_demand(&version.template, demand)?;
            self.messages.resident(&ResidentText {
                signature: &self.settings.signature,
                template: &version.template,
                vars: &vars,
                demand,
                audience: Audience::Household,
                kind: AlertKind::from_code(alert.kind).unwrap_or(AlertKind::Live),
                version: u32::try_from(version.version).unwrap_or(1),
                issued_at_ms: match version.version {
                    1 => alert.issued_at,
                    _ => version.live_at.unwrap_or(self.clock.story_ms()),
                },
                merged: &[],
            })
        };
        let ring = |row: &order::RingRow| {
            let demand = Demand::from_code(row.demand).unwrap_or(Demand::Inform);
            let text = text(demand);
            let parts = text.as_ref().map_or(0, |text| measure_domestic(text).parts);
            RingText { ring: row.ring, demand, pursued: row.pursued == 1, text, parts }
        };
        Ok(rings.iter().map(ring).collect())
    }
}

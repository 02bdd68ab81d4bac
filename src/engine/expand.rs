//! The step from grids to households: a set of grids at a time, each in one transaction with its
//! standings, first-wave batches, tallies and timers. Sends nothing.

use super::{Engine, EngineFault};
use crate::domain::alert::{State, Urgency};
use crate::domain::batch::rank_residents;
use crate::domain::lane::{Class, Lane};
use crate::store::correct;
use crate::store::expand::{self as rows, ExpansionRow, Spread};
use crate::store::order::{self, Head};

/// The stable number of a class in batches and hints.
pub fn class_code(class: Class) -> i64 {
    match class {
        Class::Flash => 1,
        Class::Routine => 2,
    }
}

/// How far a grid is expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Whole,
    /// The order ended before this grid's turn came: nobody is told any more, and whoever was to
    /// be pursued stands on the search list.
    Standings,
    /// Another version, or a correction, is in force.
    Not,
}

fn depth(head: &Head, version: i64) -> Depth {
    let state = State::from_code(head.state).filter(|_| head.version == version);
    match state {
        Some(State::Live | State::Withdrawn) => Depth::Whole,
        Some(State::Ended) => Depth::Standings,
        Some(State::Draft | State::Submitted | State::Returned | State::Discarded) | None => {
            Depth::Not
        }
    }
}

impl Engine {
    /// Expands those of `expansions` that are still pending. Gives the number expanded. A hint that
    /// comes twice, or for a version no longer in force, changes nothing.
    pub async fn expand_once(&self, expansions: &[i64]) -> Result<usize, EngineFault> {
        let mut tx = self.store.begin().await?;
        let heads = order::share_expanded(&mut tx, expansions).await?;
        let claimed = rows::claim_expansion(&mut tx, expansions).await?;
        let mut done = 0;
        let mut versions: Vec<(i64, i64)> =
            claimed.iter().map(|row| (row.alert_id, row.version)).collect();
        versions.dedup();
        for (alert, version) in versions {
            let of_version: Vec<ExpansionRow> = claimed
                .iter()
                .filter(|row| (row.alert_id, row.version) == (alert, version))
                .cloned()
                .collect();
            let own: Vec<i64> = of_version.iter().map(|row| row.id).collect();
            let Some(order) = self.order(alert, version).await? else {
                continue;
            };
            let head = heads.iter().find(|head| head.id == alert);
            let mut spread = self.spread(&order);
            match head.map_or(Depth::Not, |head| depth(head, version)) {
                Depth::Whole => {}
                Depth::Standings => spread.sends = false,
                Depth::Not => {
                    rows::end_expansion(&mut tx, &own).await?;
                    continue;
                }
            }
            if order.reach == 2 {
                let machine = self.clock.machine_ms();
                correct::fill(&mut tx, &of_version, &spread, machine).await?;
            } else {
                spread.same = self.same_texts(&order).await?;
                rows::fill(&mut tx, &of_version, &spread).await?;
                if version > 1 {
                    let grids: Vec<i64> = of_version.iter().map(|row| row.grid_id).collect();
                    let homes = rows::update::asked_otherwise(&mut tx, alert, &grids).await?;
                    self.refold(&mut tx, alert, &homes).await?;
                }
            }
            done += of_version.len();
        }
        tx.commit().await?;
        Ok(done)
    }

    /// The lanes of written texts that a gateway serves; SMS always, so that nothing is passed over
    /// because a gateway is only named later.
    fn lanes(&self) -> Vec<i64> {
        let wechat = self.has_lane(Lane::Wechat).then_some(Lane::Wechat);
        [Some(Lane::Sms), wechat].into_iter().flatten().map(Lane::code).collect()
    }

    pub(super) fn spread(&self, order: &super::Order) -> Spread {
        let urgency = Urgency::from_code(order.urgency).unwrap_or(Urgency::Notice);
        let now = self.clock.story_ms();
        let clock_at = order
            .plan
            .as_ref()
            .filter(|plan| plan.lists.is_some() || !plan.waves_ms.is_empty())
            .map(|plan| now + plan.first_wave_max_ms);
        Spread {
            lanes: self.lanes(),
            class: class_code(urgency.class()),
            rank: rank_residents(order.urgency, 0),
            now,
            sends: true,
            clock_at,
            same: Vec::new(),
        }
    }
}

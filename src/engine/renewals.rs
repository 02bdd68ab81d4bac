//! What a process knows of its own leases without asking: since when it has renewed them without a
//! gap. A process that slept through its leases finds it out here, before its next call. Whether
//! somebody else has taken a batch since, only the store knows.

use std::sync::Mutex;

use super::{Engine, EngineFault};
use crate::base::limits::LEASE_MS;
use crate::store::batch;

/// Renewals of one process, machine time. A batch taken at `leased_at` is its own as long as the
/// renewals since have no gap of a lease's length.
#[derive(Debug, Default)]
pub(crate) struct Renewals(Mutex<Option<(i64, i64)>>);

impl Renewals {
    fn note(&self, now: i64) {
        let mut known = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *known = match *known {
            Some((since, last)) if now - last < LEASE_MS => Some((since, now)),
            Some(_) | None => Some((now, now)),
        };
    }

    /// Whether a lease taken at `leased_at` still holds at `now`.
    pub(crate) fn hold(&self, leased_at: i64, now: i64) -> bool {
        let known = *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let renewed =
            known.filter(|(since, last)| *since < leased_at + LEASE_MS && *last > leased_at);
        now < renewed.map_or(leased_at, |(_, last)| last) + LEASE_MS
    }
}

impl Engine {
    /// Renews all leases of this process; gives how many there are.
    pub async fn renew_leases(&self) -> Result<u64, EngineFault> {
        let machine = self.clock.machine_ms();
        let renewed = batch::renew(&self.store, &self.settings.owner, machine).await?;
        self.renewals.note(machine);
        Ok(renewed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_holds_as_long_as_it_is_renewed_without_a_gap() {
        let renewals = Renewals::default();
        assert!(renewals.hold(0, LEASE_MS - 1) && !renewals.hold(0, LEASE_MS));
        for now in [10_000, 20_000, 30_000, 40_000, 50_000] {
            renewals.note(now);
        }
        assert!(renewals.hold(0, 50_000 + LEASE_MS - 1), "renewed five times");
        assert!(renewals.hold(45_000, 50_000 + LEASE_MS - 1));
        assert!(!renewals.hold(0, 50_000 + LEASE_MS));
        renewals.note(50_000 + LEASE_MS);
        assert!(!renewals.hold(0, 51_000 + LEASE_MS), "it slept through its lease");
        assert!(renewals.hold(50_500, 51_000 + LEASE_MS), "this one was renewed in time");
        assert!(renewals.hold(60_000 + LEASE_MS, 61_000 + LEASE_MS));
    }
}

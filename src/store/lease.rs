//! Named leases: who alone may run a step that must not run twice (the chainer, the one claimer).
//!
//! Times are machine time. A lease is a right to begin; what is written under it is guarded by
//! [`keep`] in the same transaction. Batches carry leases of their own, not these.

use super::{Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    TAKE_LEASE = "INSERT INTO lease (name, owner, epoch, until_at) VALUES ($1, $2, 1, $4)
        ON CONFLICT (name) DO UPDATE SET
            epoch = lease.epoch + CASE
                WHEN lease.owner = excluded.owner AND lease.until_at > $3 THEN 0 ELSE 1 END,
            owner = excluded.owner,
            until_at = excluded.until_at
        WHERE lease.owner = excluded.owner OR lease.until_at <= $3
        RETURNING epoch";
    KEEP_LEASE = "SELECT epoch FROM lease
        WHERE name = $1 AND owner = $2 AND epoch = $3 {lock}";
    RELEASE_LEASE = "UPDATE lease SET until_at = 0
        WHERE name = $1 AND owner = $2 AND epoch = $3";
    RELEASE_LEASES = "UPDATE lease SET until_at = 0 WHERE owner = $1 AND until_at > 0";
}

/// A lease that was ours when it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub name: String,
    pub owner: String,
    /// Rises whenever the lease changes hands or is taken again after it ran out.
    pub epoch: i64,
}

/// Takes a lease that is free, has run out, or is ours already, for `for_ms` from `now`.
///
/// `None`: another owner holds it.
pub async fn take(
    store: &Store,
    name: &str,
    owner: &str,
    now: i64,
    for_ms: i64,
) -> Result<Option<Held>, StoreFault> {
    let until = now.saturating_add(for_ms);
    let taken: Vec<(i64,)> = store.take(&TAKE_LEASE, args![name, owner, now, until]).await?;
    Ok(taken.first().map(|(epoch,)| Held { name: name.into(), owner: owner.into(), epoch: *epoch }))
}

/// Whether nobody took the lease since, and keeps it from being taken until the transaction ends.
pub async fn keep(tx: &mut Tx, held: &Held) -> Result<bool, StoreFault> {
    let args = args![&held.name, &held.owner, held.epoch];
    let row: Option<(i64,)> = tx.first(&KEEP_LEASE, args).await?;
    Ok(row.is_some())
}

/// Gives one lease back, so that another need not wait until it runs out.
pub async fn release(store: &Store, held: &Held) -> Result<(), StoreFault> {
    store.exec(&RELEASE_LEASE, args![&held.name, &held.owner, held.epoch]).await?;
    Ok(())
}

/// Gives back all that an owner has, so that another need not wait until they run out.
pub async fn release_all(store: &Store, owner: &str) -> Result<u64, StoreFault> {
    store.exec(&RELEASE_LEASES, args![owner]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testbed;

    #[tokio::test]
    async fn one_owner_at_a_time_and_a_new_epoch_for_every_new_holding() {
        for store in testbed::stores("lease").await {
            let first = take(&store, "chain", "甲", 1_000, 30_000).await.unwrap().unwrap();
            assert_eq!(take(&store, "chain", "乙", 2_000, 30_000).await.unwrap(), None);
            let again = take(&store, "chain", "甲", 20_000, 30_000).await.unwrap().unwrap();
            assert_eq!(again.epoch, first.epoch);
            assert_eq!(take(&store, "chain", "乙", 31_001, 30_000).await.unwrap(), None);
            let second = take(&store, "chain", "乙", 50_000, 30_000).await.unwrap().unwrap();
            assert_eq!(second.epoch, first.epoch + 1);
            let mut tx = store.begin().await.unwrap();
            assert!(!keep(&mut tx, &first).await.unwrap());
            assert!(keep(&mut tx, &second).await.unwrap());
            drop(tx);
            assert_eq!(release_all(&store, "甲").await.unwrap(), 0);
            assert_eq!(take(&store, "chain", "甲", 50_001, 30_000).await.unwrap(), None);
            assert_eq!(release_all(&store, "乙").await.unwrap(), 1);
            let third = take(&store, "chain", "甲", 50_001, 30_000).await.unwrap().unwrap();
            assert_eq!(third.epoch, second.epoch + 1);
        }
    }

    #[tokio::test]
    async fn a_lease_that_ran_out_is_a_new_one_even_for_its_old_owner() {
        for store in testbed::stores("lease_own").await {
            let first = take(&store, "timers", "甲", 0, 100).await.unwrap().unwrap();
            let second = take(&store, "timers", "甲", 100, 100).await.unwrap().unwrap();
            assert_eq!(second.epoch, first.epoch + 1);
        }
    }
}

//! The chainer's step and the journal's verification. One process at a time chains, by lease.
//!
//! What an entry's hash covers is decided in `domain::journal`; who writes entries is every other
//! step, each in its own transaction.

use super::proof::{self, RowBroken, RowsChecked};
use crate::base::limits::LEASE_MS;
use crate::base::seal::Sealer;
use crate::domain::journal::{Broken, Chain, Hash, Verified, Why};
use crate::store::journal::{self, Linked, MAX_PAGE};
use crate::store::{Store, StoreFault, lease};

/// The chainer's lease.
pub const LEASE: &str = "journal.chain";

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chained {
    /// No entry waited.
    Idle,
    /// Another process chains.
    Elsewhere,
    /// So many entries were chained; with `more` the step should be run again at once.
    Linked { count: usize, more: bool },
}

/// Gives waiting entries their position and hash. `owner` names this process; `machine_now` is
/// machine time, ms. Every step renews the lease. Safe to run from many processes at once.
pub async fn chain_once(
    store: &Store,
    owner: &str,
    machine_now: i64,
) -> Result<Chained, StoreFault> {
    if !journal::waits(store).await? {
        return Ok(Chained::Idle);
    }
    let Some(held) = lease::take(store, LEASE, owner, machine_now, LEASE_MS).await? else {
        return Ok(Chained::Elsewhere);
    };
    Ok(match journal::chain(store, &held, MAX_PAGE).await? {
        Linked::Lost => Chained::Elsewhere,
        Linked::Entries { count: 0, .. } => Chained::Idle,
        Linked::Entries { count, more } => Chained::Linked { count, more },
    })
}

/// A journal that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    pub verified: Verified,
    /// Rows of sends and replies held against their seals.
    pub rows: RowsChecked,
    /// Committed entries the chainer had not come to yet; nothing is proved of them.
    pub unchained: i64,
}

/// Why a journal was not found whole.
#[derive(Debug, thiserror::Error)]
pub enum VerifyFault {
    /// It was touched; keep the database as it is and look for who did it.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A row was touched after it was sealed; as above.
    #[error(transparent)]
    Row(#[from] RowBroken),
    /// It could not be read; try again.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// Verifies the whole journal, page by page, without keeping anybody from writing.
pub async fn verify(store: &Store, sealer: &Sealer) -> Result<Verification, VerifyFault> {
    verify_after(store, sealer, None).await
}

/// The same from the entry at which an earlier verification ended: it must still be there, with
/// the hash it had then. A tail that was cut off shows here.
pub async fn verify_after(
    store: &Store,
    sealer: &Sealer,
    last: Option<(i64, Hash)>,
) -> Result<Verification, VerifyFault> {
    let mut chain = Chain::default();
    let mut rows = RowsChecked::default();
    if let Some((pos, head)) = last.filter(|(pos, _)| *pos > 0) {
        let known = journal::page(store, pos - 1, 1).await?;
        match known.first() {
            Some(entry) if entry.pos == pos && entry.hash == head => {}
            Some(_) => return Err(Broken { pos, why: Why::Hash }.into()),
            None => return Err(Broken { pos, why: Why::Position { expected: pos } }.into()),
        }
        chain = Chain::after(pos, head);
    }
    loop {
        let page = journal::page(store, chain.last_pos(), MAX_PAGE).await?;
        for entry in &page {
            chain.take(entry)?;
        }
        let found = proof::check_rows(store, sealer, &page).await??;
        rows.proved += found.proved;
        rows.erased += found.erased;
        if page.len() < MAX_PAGE {
            return Ok(Verification {
                verified: chain.verified(),
                rows,
                unchained: journal::count_unchained(store).await?,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;
    use crate::store::journal::NewEntry;
    use crate::store::{Stmt, testbed};

    fn key() -> Sealer {
        Sealer::new(&[7; 32])
    }

    async fn write(store: &Store, count: usize) {
        let entry = NewEntry {
            at: 1_381_100_000_000,
            actor: "余姚市防指".into(),
            act: "send.batch".into(),
            alert_id: Some(1),
            detail: serde_json::json!({"户": 200}),
        };
        let mut tx = store.begin().await.unwrap();
        journal::append(&mut tx, &vec![entry; count]).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn steps_chain_what_waits_and_then_rest() {
        for store in testbed::stores("chain_steps").await {
            assert_eq!(chain_once(&store, "甲", 0).await.unwrap(), Chained::Idle);
            write(&store, MAX_PAGE + 1).await;
            let (count, more) = (MAX_PAGE, true);
            let first = chain_once(&store, "甲", 0).await.unwrap();
            assert_eq!(first, Chained::Linked { count, more });
            let half = verify(&store, &key()).await.unwrap();
            assert_eq!((half.verified.entries, half.unchained), (MAX_PAGE as i64, 1));
            let (count, more) = (1, false);
            let second = chain_once(&store, "甲", 1).await.unwrap();
            assert_eq!(second, Chained::Linked { count, more });
            assert_eq!(chain_once(&store, "甲", 2).await.unwrap(), Chained::Idle);
            let whole = verify(&store, &key()).await.unwrap();
            assert_eq!((whole.verified.entries, whole.unchained), (MAX_PAGE as i64 + 1, 0));
        }
    }

    #[tokio::test]
    async fn another_takes_over_when_the_lease_has_run_out() {
        for store in testbed::stores("chain_over").await {
            write(&store, 1).await;
            chain_once(&store, "甲", 0).await.unwrap();
            write(&store, 1).await;
            let early = chain_once(&store, "乙", LEASE_MS - 1).await.unwrap();
            assert_eq!(early, Chained::Elsewhere);
            let later = chain_once(&store, "乙", LEASE_MS).await.unwrap();
            assert!(matches!(later, Chained::Linked { count: 1, .. }), "{later:?}");
            assert_eq!(verify(&store, &key()).await.unwrap().verified.entries, 2);
        }
    }

    #[tokio::test]
    async fn many_chainers_and_writers_at_once_give_one_chain() {
        for store in testbed::stores("chain_many").await {
            let writer = async {
                for _ in 0..20 {
                    write(&store, 3).await;
                }
            };
            let chainer = |owner: &'static str| {
                let store = &store;
                async move {
                    for now in 0..40 {
                        match chain_once(store, owner, now * LEASE_MS).await {
                            Ok(_) => {}
                            Err(fault) => assert!(fault.is_again(), "{fault}"),
                        }
                    }
                }
            };
            tokio::join!(writer, chainer("甲"), chainer("乙"));
            while chain_once(&store, "丙", i64::MAX / 2).await.unwrap() != Chained::Idle {}
            let whole = verify(&store, &key()).await.unwrap();
            assert_eq!((whole.verified.entries, whole.unchained), (60, 0));
        }
    }

    #[tokio::test]
    async fn a_forged_entry_fails_the_verification() {
        static FORGE: Stmt = Stmt::new("forge", "UPDATE journal SET at = at + 1 WHERE pos = 2");
        for store in testbed::stores("chain_forged").await {
            write(&store, 3).await;
            chain_once(&store, "甲", 0).await.unwrap();
            store.exec(&FORGE, args![]).await.unwrap();
            match verify(&store, &key()).await {
                Err(VerifyFault::Broken(broken)) => {
                    assert_eq!((broken.pos, broken.why), (2, Why::Hash));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

//! Tokens that gateways gave us, one a gateway, sealed, shared by all processes. Instants are
//! machine time. It asks for none and judges none.

use super::{Store, StoreFault};
use crate::args;

crate::statements! {
    ACCESS = "SELECT sealed, good_until, got_at FROM access WHERE gateway = $1";
    KEEP_ACCESS = "INSERT INTO access (gateway, sealed, good_until, got_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT (gateway) DO UPDATE SET sealed = excluded.sealed,
            good_until = excluded.good_until, got_at = excluded.got_at
        WHERE access.got_at <= excluded.got_at";
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Kept {
    pub sealed: Vec<u8>,
    /// Until when it may be used, machine ms.
    pub good_until: i64,
    /// When it was got, machine ms.
    pub got_at: i64,
}

/// The token of a gateway, good or not.
pub async fn find(store: &Store, gateway: &str) -> Result<Option<Kept>, StoreFault> {
    store.first(&ACCESS, args![gateway]).await
}

/// Keeps a token that was just got; never over a newer one.
pub async fn keep(store: &Store, gateway: &str, kept: &Kept) -> Result<(), StoreFault> {
    let values = args![gateway, kept.sealed.clone(), kept.good_until, kept.got_at];
    store.exec(&KEEP_ACCESS, values).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testbed;

    #[tokio::test]
    async fn the_newest_token_of_a_gateway_stands_for_all() {
        for store in testbed::stores("access").await {
            assert_eq!(find(&store, "official").await.unwrap(), None);
            let kept = |byte: u8, got_at: i64| Kept {
                sealed: vec![byte; 40],
                good_until: got_at + 6_900_000,
                got_at,
            };
            keep(&store, "official", &kept(1, 1_000)).await.unwrap();
            keep(&store, "official", &kept(2, 2_000)).await.unwrap();
            keep(&store, "official", &kept(3, 1_500)).await.unwrap();
            assert_eq!(find(&store, "official").await.unwrap(), Some(kept(2, 2_000)));
            assert_eq!(find(&store, "wecom").await.unwrap(), None);
        }
    }
}

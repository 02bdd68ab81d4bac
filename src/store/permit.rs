//! Permits: one row a provider, shared by all processes, kept as a theoretical arrival time
//! (GCRA). Rates only; budgets per callee are the next issue's. Story time, in microseconds.

use super::{Store, StoreFault};
use crate::args;

crate::statements! {
    OPEN_PERMIT = "INSERT INTO permit (provider, arrival_us) VALUES ($1, 0) \
        ON CONFLICT DO NOTHING";
    READ_PERMIT = "SELECT arrival_us FROM permit WHERE provider = $1";
    MOVE_PERMIT = "UPDATE permit SET arrival_us = $2 WHERE provider = $1 AND arrival_us = $3";
}

/// What a request for permits brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// How many may be called now.
    pub count: i64,
    /// When the next one is free, story ms.
    pub next_at: i64,
}

/// Takes up to `want` permits of a provider that allows `rate_per_second`, at most one second's
/// worth at once. The row is moved by compare-and-set: a lost race tries again, at most 8 times.
pub async fn take(
    store: &Store,
    provider: &str,
    rate_per_second: f64,
    want: i64,
    story_ms: i64,
) -> Result<Grant, StoreFault> {
    let step_us = (1_000_000.0 / rate_per_second.max(0.001)) as i64;
    let now_us = story_ms.saturating_mul(1_000);
    let burst_us = step_us.max(1_000_000);
    for _ in 0..8 {
        let row: Option<(i64,)> = store.first(&READ_PERMIT, args![provider]).await?;
        let Some((arrival_us,)) = row else {
            store.exec(&OPEN_PERMIT, args![provider]).await?;
            continue;
        };
        let start_us = arrival_us.max(now_us);
        let room = ((now_us + burst_us - start_us) / step_us).max(0);
        let count = room.min(want);
        let next_at = (start_us + (count + 1) * step_us - burst_us) / 1_000 + 1;
        if count == 0 {
            return Ok(Grant { count, next_at: next_at.max(story_ms + 1) });
        }
        let moved = args![provider, start_us + count * step_us, arrival_us];
        if store.exec(&MOVE_PERMIT, moved).await? == 1 {
            return Ok(Grant { count, next_at: next_at.max(story_ms + 1) });
        }
    }
    Ok(Grant { count: 0, next_at: story_ms + 50 })
}

//! Permits: one row a provider, shared by all processes, kept as a theoretical arrival time
//! (GCRA). Rates only; budgets per callee are the next issue's. Story time, in microseconds.

use super::{Store, StoreFault};
use crate::args;

crate::statements! {
    OPEN_PERMIT = "INSERT INTO permit (provider, arrival_us) VALUES ($1, 0) \
        ON CONFLICT DO NOTHING";
    READ_PERMIT = "SELECT arrival_us FROM permit WHERE provider = $1";
    RETURN_PERMIT = "UPDATE permit SET arrival_us = arrival_us - $2 WHERE provider = $1";
    MOVE_PERMIT = "UPDATE permit SET arrival_us = $2 WHERE provider = $1 AND arrival_us = $3";
}

/// Of a burst, the part that is given at least to whoever wants that many.
const LEAST_PART: i64 = 4;

/// What a request for permits brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// How many may be called now.
    pub count: i64,
    /// When the next one is free, story ms.
    pub next_at: i64,
}

/// A provider's pace: how many a second of the story, and of how long what was not used may be
/// made up for at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst_ms: i64,
}

impl Rate {
    fn step_us(self) -> i64 {
        (1_000_000.0 / self.per_second.max(0.001)) as i64
    }
}

/// Takes up to `want` permits of a provider, at most a burst's worth at once. The row is moved by
/// compare-and-set: a lost race tries again, at most 8 times.
pub async fn take(
    store: &Store,
    provider: &str,
    rate: Rate,
    want: i64,
    story_ms: i64,
) -> Result<Grant, StoreFault> {
    let step_us = rate.step_us();
    let now_us = story_ms.saturating_mul(1_000);
    let burst_us = step_us.max(rate.burst_ms.saturating_mul(1_000));
    // Whoever wants many waits for a few at once: a look at the store for each would cost more
    // than the message.
    let least = want.min((burst_us / step_us / LEAST_PART).max(1));
    for _ in 0..8 {
        let row: Option<(i64,)> = store.first(&READ_PERMIT, args![provider]).await?;
        let Some((arrival_us,)) = row else {
            store.exec(&OPEN_PERMIT, args![provider]).await?;
            continue;
        };
        let start_us = arrival_us.max(now_us);
        let room = ((now_us + burst_us - start_us) / step_us).max(0);
        let count = room.min(want);
        if count < least {
            let next_at = (start_us + least * step_us - burst_us) / 1_000 + 1;
            return Ok(Grant { count: 0, next_at: next_at.max(story_ms + 1) });
        }
        let next_at = (start_us + (count + 1) * step_us - burst_us) / 1_000 + 1;
        let moved = args![provider, start_us + count * step_us, arrival_us];
        if store.exec(&MOVE_PERMIT, moved).await? == 1 {
            return Ok(Grant { count, next_at: next_at.max(story_ms + 1) });
        }
    }
    Ok(Grant { count: 0, next_at: story_ms + 50 })
}

/// Gives back permits that were taken and not used: they are the next caller's.
pub async fn give_back(
    store: &Store,
    provider: &str,
    rate: Rate,
    unused: i64,
) -> Result<(), StoreFault> {
    if unused <= 0 {
        return Ok(());
    }
    let back_us = unused.saturating_mul(rate.step_us());
    store.exec(&RETURN_PERMIT, args![provider, back_us]).await.map(drop)
}

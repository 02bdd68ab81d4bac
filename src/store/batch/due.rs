//! What the feeder asks: batches and expansions that are due, how much is out already, and when the
//! next one is due. Whose turn it is, is the feeder's to say.

use crate::args;
use crate::base::limits::{BATCH_WEIGHT, WINDOW_HINTS};
use crate::store::{Store, StoreFault};

/// A batch that waits for a hint, at the machine time $1; its last one is older than $4.
macro_rules! unhinted {
    () => {
        "state = 0 AND (hinted_at IS NULL OR hinted_at < CAST($1 AS bigint) - $4 OR (lease_until \
         IS NOT NULL AND hinted_at <= lease_until)) AND (lease_until IS NULL OR lease_until < $1) "
    };
}
/// Due batches of one kind, as many as fit at most: an index (`batch_open`, `batch_fragile`) gives
/// them in order, so that a town's open batches are not read each time.
macro_rules! due {
    ($kind:literal, $weight:literal, $order:literal, $limit:literal) => {
        concat!(
            "SELECT * FROM (SELECT id, rank, ord, not_before, CAST(",
            $weight,
            " AS bigint) AS weight FROM batch WHERE kind = ",
            $kind,
            " AND ",
            unhinted!(),
            "AND lane = $2 AND not_before <= $3 ORDER BY ",
            $order,
            " LIMIT ",
            $limit,
            ") "
        )
    };
}
/// Due batches in this order, until their messages fill the window; counted before any row is
/// locked, so that two feeders hold no more than they take. Of households only `$which`.
macro_rules! pick {
    ($which:literal, $order:literal) => {
        concat!(
            "WITH q AS MATERIALIZED (SELECT q.id FROM (SELECT d.id, d.weight, ",
            "sum(d.weight) OVER (ORDER BY ",
            $order,
            ") AS run FROM (",
            due!("2", "1", $order, "$8"),
            "n UNION ALL ",
            due!($which, "$7", $order, "$6"),
            "h) d) q WHERE q.run - q.weight < CAST($5 AS bigint)) ",
            // From the few picked ones to their rows, whatever the planner thinks of their number.
            "UPDATE batch SET hinted_at = $1 WHERE id IN (SELECT b.id FROM q CROSS JOIN batch b ",
            "WHERE b.id = q.id AND ",
            unhinted!(),
            "{skip}) RETURNING id, alert_id, class, rank, ord"
        )
    };
}

crate::statements! {
    OUTSTANDING = "SELECT CAST(COALESCE(sum(CASE WHEN kind = 2 THEN 1 ELSE CAST($4 AS bigint) \
        END), 0) AS bigint) FROM batch WHERE state = 0 AND (hinted_at IS NOT NULL OR lease_until \
        IS NOT NULL) AND lane = $1 AND ((hinted_at IS NOT NULL AND hinted_at > $2) OR \
        (lease_until IS NOT NULL AND lease_until > $3))";
    PICK_DUE = pick!("1", "rank, ord, id");
    PICK_FRAGILE = pick!("1 AND rank % 1000 < 100", "rank, ord, id");
    PICK_OLDEST = pick!("1", "not_before, rank, ord, id");
    FRESH_EXPANSIONS = "SELECT count(*) FROM expansion e JOIN alert a ON a.id = e.alert_id \
        WHERE e.state = 0 AND a.live_at > $1";
    PICK_EXPANSIONS = "UPDATE expansion SET hinted_at = $1 WHERE id IN (SELECT id FROM expansion \
        WHERE state = 0 AND (hinted_at IS NULL OR hinted_at < CAST($1 AS bigint) - $2) ORDER BY \
        ord LIMIT $3 \
        {skip}) RETURNING id, alert_id, version, ord";
}

/// A hint's worth of a due batch.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DueBatch {
    pub id: i64,
    pub alert_id: i64,
    pub class: i64,
    pub rank: i64,
    pub ord: i64,
}

/// Messages in batches of a lane that are hinted, at most `age_ms` ago, or leased, and not done: a
/// notice is one, a batch of households counts as [`BATCH_WEIGHT`].
pub async fn outstanding(
    store: &Store,
    lane: i64,
    machine: i64,
    age_ms: i64,
) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> =
        store.first(&OUTSTANDING, args![lane, machine - age_ms, machine, BATCH_WEIGHT]).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// Whether an order that went live after `since` (story time) still has grids to expand.
pub async fn is_expanding(store: &Store, since: i64) -> Result<bool, StoreFault> {
    let row: Option<(i64,)> = store.first(&FRESH_EXPANSIONS, args![since]).await?;
    Ok(row.is_some_and(|r| r.0 > 0))
}

/// Whose turn it is among due batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// By rank.
    Ranked,
    /// By rank, only the fragile and single persons: the rest of a town for later.
    Fragile,
    /// Whoever has waited longest, whatever the rank.
    Oldest,
}

/// Marks due batches of a lane with about `limit` messages as hinted and gives them in due order;
/// those hinted longer than `age_ms` ago again.
pub async fn pick_due(
    store: &Store,
    lane: i64,
    story: i64,
    machine: i64,
    age_ms: i64,
    limit: i64,
    turn: Turn,
) -> Result<Vec<DueBatch>, StoreFault> {
    let notices = limit.clamp(1, WINDOW_HINTS);
    let homes = limit.div_euclid(BATCH_WEIGHT).clamp(0, WINDOW_HINTS) + 1;
    let values = args![machine, lane, story, age_ms, limit, homes, BATCH_WEIGHT, notices];
    let pick = match turn {
        Turn::Ranked => &PICK_DUE,
        Turn::Fragile => &PICK_FRAGILE,
        Turn::Oldest => &PICK_OLDEST,
    };
    let mut due: Vec<DueBatch> = store.take(pick, values).await?;
    due.sort_by_key(|b| (b.rank, b.ord, b.id));
    Ok(due)
}

/// Marks up to `limit` pending expansions as hinted: id, alert, version, place in the tree.
pub async fn pick_expansions(
    store: &Store,
    machine: i64,
    age_ms: i64,
    limit: i64,
) -> Result<Vec<(i64, i64, i64, i64)>, StoreFault> {
    let values = args![machine, age_ms, limit];
    let mut due: Vec<(i64, i64, i64, i64)> = store.take(&PICK_EXPANSIONS, values).await?;
    due.sort_by_key(|row| row.3);
    Ok(due)
}

//! Custody computed: in whose hands every open household is, from the rows themselves. Never a
//! column; nothing here changes anything.

use super::{Store, StoreFault};
use crate::args;

// CROSS JOIN keeps SQLite to the written order: from the door's own places and tasks, of which
// there are few, to the lists and timers that stand on them, of which there are thousands.
macro_rules! hands {
    () => {
        "CAST(CASE WHEN EXISTS (SELECT 1 FROM task t WHERE t.alert_id = s.alert_id \
         AND t.household_id = s.household_id AND t.state = 1 AND t.deadline_at > $2) THEN 1 \
         WHEN EXISTS (SELECT 1 FROM place_above pa CROSS JOIN list l WHERE \
         pa.place_id = s.building_id AND l.place_id = pa.above_id \
         AND l.alert_id = s.alert_id AND (l.state = 2 \
         OR (l.state = 4 AND l.answered_at IS NOT NULL))) THEN 2 \
         WHEN EXISTS (SELECT 1 FROM sheet h CROSS JOIN place_above pa WHERE \
         pa.above_id = h.place_id AND pa.place_id = s.building_id AND h.alert_id = s.alert_id \
         AND h.returned_at IS NULL AND h.return_at > $2) THEN 3 \
         WHEN s.pursued = 1 AND (EXISTS (SELECT 1 FROM timer t WHERE t.alert_id = s.alert_id \
         AND t.kind IN (1, 2, 3, 16) AND t.place_id = s.grid_id) OR EXISTS (SELECT 1 FROM timer t \
         WHERE t.alert_id = s.alert_id AND t.kind = 9)) THEN 4 \
         WHEN EXISTS (SELECT 1 FROM task k CROSS JOIN timer t WHERE t.kind = 7 \
         AND t.alert_id = s.alert_id AND t.place_id = 0 AND t.subject_id = k.id \
         AND k.household_id = s.household_id AND k.alert_id = s.alert_id \
         AND k.state + 0 < 2) THEN 4 \
         WHEN s.pursued = 1 AND EXISTS (SELECT 1 FROM batch b WHERE b.alert_id = s.alert_id \
         AND b.grid_id = s.grid_id AND b.state = 0 AND b.kind = 1 AND b.version = s.version \
         AND b.pick + 0 <> 9 AND b.ring = s.ring AND s.seq BETWEEN b.seq_from \
         AND b.seq_to) THEN 4 ELSE 5 END AS bigint)"
    };
}
pub(super) use hands;

crate::statements! {
    // One statement, so that one snapshot: 0 told, 6 answered, else the hand; 10 and 11 are the
    // households and the pursued ones of grids not expanded yet.
    HANDS = concat!("SELECT q.class, count(*), count(q.heard_at), ",
        "CAST(COALESCE(sum(CASE WHEN q.helps > 0 THEN 1 ELSE 0 END), 0) AS bigint) FROM ",
        "(SELECT s.heard_at, s.helps, CASE WHEN s.pursued = 0 AND s.helps = 0 THEN ",
        "CAST(0 AS bigint) WHEN s.pursued = 1 AND s.closed_at IS NOT NULL AND s.helps = 0 ",
        "THEN CAST(6 AS bigint) ELSE ", hands!(), " END AS class FROM standing s ",
        "WHERE s.alert_id = $1) q GROUP BY q.class UNION ALL SELECT CAST(10 AS bigint), ",
        "CAST(COALESCE(sum(e.households), 0) AS bigint), ",
        "CAST(COALESCE(sum(e.pursued), 0) AS bigint), CAST(0 AS bigint) FROM expansion e ",
        "WHERE e.alert_id = $1 AND e.state = 0 AND NOT EXISTS (SELECT 1 FROM standing s ",
        "WHERE s.alert_id = $1 AND s.grid_id = e.grid_id)");
    ORPHANS = concat!("SELECT q.household_id, q.grid_id, q.building_id FROM (SELECT ",
        "s.household_id, s.grid_id, s.building_id, ", hands!(), " AS hand FROM standing s ",
        "WHERE s.alert_id = $1 AND (($4 = 0 AND s.pursued = 1 AND s.closed_at IS NULL) ",
        "OR s.helps > 0)) q WHERE q.hand = 5 ORDER BY q.household_id LIMIT $3");
    ENDED = "SELECT id, uid FROM alert WHERE state = $1 AND (ended_at > $2 OR id % 60 = $3) \
        ORDER BY id";
    WITH_HELP = "SELECT a.id, a.uid FROM alert a WHERE a.state = $1 AND EXISTS (SELECT 1 \
        FROM tally t WHERE t.alert_id = a.id AND t.help > 0) ORDER BY a.id";
    TALLIED = "SELECT CAST(COALESCE(sum(audience), 0) AS bigint), \
        CAST(COALESCE(sum(pursued + told_open), 0) AS bigint), \
        CAST(COALESCE(sum(closed), 0) AS bigint), CAST(COALESCE(sum(heard), 0) AS bigint), \
        CAST(COALESCE(sum(help), 0) AS bigint) FROM tally WHERE alert_id = $1";
    ATTEMPTS = "SELECT count(*), CAST(COALESCE(sum(CASE WHEN kind = 1 THEN 1 ELSE 0 END), 0) \
        AS bigint), CAST(COALESCE(sum(CASE WHEN kind = 5 THEN 1 ELSE 0 END), 0) AS bigint), \
        CAST(COALESCE(sum(CASE WHEN kind = 2 THEN 1 ELSE 0 END), 0) AS bigint), min(at) \
        FROM outcome WHERE alert_id = $1 AND kind <> 6";
    NO_PHONE = "SELECT count(*) FROM standing s WHERE s.alert_id = $1 AND NOT EXISTS (SELECT 1 \
        FROM address a WHERE a.household_id = s.household_id AND a.state = 0 AND a.lane = 1)";
    LEASED = "SELECT count(*) FROM batch WHERE alert_id = $1 AND lease_until IS NOT NULL";
}

/// The hands of an alert's open households, and its heads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Custody {
    /// All households of the alert, pending grids by their head-counts.
    pub audience: i64,
    /// Pursued, or told with an open help.
    pub pursued: i64,
    pub told: i64,
    /// Pursued and closed: answered to the point.
    pub answered: i64,
    pub open: i64,
    pub open_desk: i64,
    pub open_list: i64,
    pub open_sheet: i64,
    pub open_system: i64,
    /// Open and in nobody's hands: must be 0.
    pub orphans: i64,
    /// Households of which anybody has said anything.
    pub heard: i64,
    /// Households with an open help.
    pub help: i64,
}

impl Custody {
    /// The sums that must hold whatever happens.
    pub fn balances(&self) -> bool {
        let hands =
            self.open_desk + self.open_list + self.open_sheet + self.open_system + self.orphans;
        self.audience == self.pursued + self.told
            && self.pursued == self.answered + self.open
            && self.open == hands
    }
}

/// Computes custody at `now` (story time), from one snapshot.
pub async fn compute(store: &Store, alert: i64, now: i64) -> Result<Custody, StoreFault> {
    let rows: Vec<(i64, i64, i64, i64)> = store.rows(&HANDS, args![alert, now]).await?;
    let class = |n: i64| rows.iter().find(|row| row.0 == n).map_or((0, 0), |row| (row.1, row.2));
    let (wait_all, wait_pursued) = class(10);
    let known = || rows.iter().filter(|row| row.0 < 10);
    let hand = |n: i64| class(n).0;
    let open_system = hand(4) + wait_pursued;
    let open = hand(1) + hand(2) + hand(3) + open_system + hand(5);
    Ok(Custody {
        audience: known().map(|row| row.1).sum::<i64>() + wait_all,
        pursued: hand(6) + open,
        told: hand(0) + wait_all - wait_pursued,
        answered: hand(6),
        open,
        open_desk: hand(1),
        open_list: hand(2),
        open_sheet: hand(3),
        open_system,
        orphans: hand(5),
        heard: known().map(|row| row.2).sum(),
        help: known().map(|row| row.3).sum(),
    })
}

/// Households in nobody's hands: household, grid, building. `helps_only`: only those of which a
/// help is open.
pub async fn orphans(
    store: &Store,
    alert: i64,
    helps_only: bool,
    now: i64,
    limit: i64,
) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&ORPHANS, args![alert, now, limit, helps_only]).await
}

/// Ended alerts (that state is `state`) whose audit is due: those that ended after `since`, and of
/// the older ones those whose turn is this `minute` of the hour. Id and outside id.
pub async fn ended_to_audit(
    store: &Store,
    state: i64,
    since: i64,
    minute: i64,
) -> Result<Vec<(i64, String)>, StoreFault> {
    store.rows(&ENDED, args![state, since, minute]).await
}

/// Alerts in this state under which a help is open: id and outside id.
pub async fn with_open_help(store: &Store, state: i64) -> Result<Vec<(i64, String)>, StoreFault> {
    store.rows(&WITH_HELP, args![state]).await
}

/// Tallies summed: audience, pursued, closed, heard, help. That they are the standings' sums is
/// the auditor's to see to (`recount`).
pub async fn tallied(store: &Store, alert: i64) -> Result<(i64, i64, i64, i64, i64), StoreFault> {
    Ok(store.first(&TALLIED, args![alert]).await?.unwrap_or_default())
}

/// Attempts to households: all, accepted, unknown, refused for good, first at.
pub async fn attempts(
    store: &Store,
    alert: i64,
) -> Result<(i64, i64, i64, i64, Option<i64>), StoreFault> {
    Ok(store.first(&ATTEMPTS, args![alert]).await?.unwrap_or_default())
}

/// Households without any good number (无电话).
pub async fn without_phone(store: &Store, alert: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&NO_PHONE, args![alert]).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// Batches of an alert under a lease.
pub async fn leased(store: &Store, alert: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&LEASED, args![alert]).await?;
    Ok(row.map_or(0, |r| r.0))
}

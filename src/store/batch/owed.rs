//! What orders in force owe to households that no gateway has taken a message for: those whose
//! number was called dead and lives again, and those refused for now as often as counts. Rings 2
//! and 3 have no second wave that would reach them.

use super::Member;
use crate::args;
use crate::domain::batch::{Pick, REVIVED_WAVES};
use crate::store::db::{Args, ids};
use crate::store::{Store, StoreFault, Tx};

crate::statements! {
    // CROSS: SQLite must not turn the loops round. A lease is lost by the new epoch, so that
    // whoever looked before this moment does not end the batch.
    PLAN_REVIVED = concat!(
        "INSERT INTO batch (alert_id, version, kind, pick, wave, attempt, tries, lane, class, ",
        "rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, created_at) ",
        "SELECT DISTINCT b.alert_id, b.version, 1, CAST($4 AS bigint), o.wave + $5, 1, 1, ",
        "b.lane, b.class, b.rank, b.grid_id, b.ring, b.seq_from, b.seq_to, b.ord, ",
        "CAST($2 AS bigint), 0, CAST($3 AS bigint) ",
        "FROM alert_version al CROSS JOIN address a CROSS JOIN standing s CROSS JOIN outcome o ",
        "CROSS JOIN batch b WHERE al.state = $6 AND al.reach = 1 AND a.id {in $1} ",
        "AND a.state = 0 AND s.alert_id = al.alert_id AND s.household_id = a.household_id ",
        "AND s.version = al.version AND s.told = al.version ",
        "AND o.alert_id = s.alert_id AND o.grid_id = s.grid_id AND o.seq = s.seq ",
        "AND o.version = al.version AND o.address_id = a.id AND o.kind = 2 ",
        "AND b.id = o.batch_id AND ", untold!(),
        "ON CONFLICT (alert_id, version, kind, wave, attempt, pick, lane, grid_id, seq_from, ord) ",
        "DO UPDATE SET state = 0, not_before = excluded.not_before, hinted_at = NULL, ",
        "done_at = NULL, lease_epoch = batch.lease_epoch + 1, lease_until = NULL");
    LOOK_REVIVED = concat!(
        "SELECT ", member_columns!(), "FROM batch b ", in_force!(),
        "JOIN standing s ON ", in_range!(),
        "JOIN address a ON a.id = (SELECT x.id FROM address x ",
        "WHERE x.household_id = s.household_id AND x.lane = b.lane AND x.state = 0 ",
        "AND EXISTS (SELECT 1 FROM outcome d WHERE d.alert_id = s.alert_id ",
        "AND d.grid_id = s.grid_id AND d.seq = s.seq AND d.version = b.version ",
        "AND d.address_id = x.id AND d.kind = 2 AND d.at <= x.state_at) ",
        "ORDER BY CASE WHEN x.relative IS NULL THEN 0 ELSE 1 END, x.ord LIMIT 1) ",
        "WHERE b.id = $1 AND s.told = b.version AND s.closed_at IS NULL ",
        "AND (s.heard_at IS NULL OR b.version > 1) AND ", untold!(),
        "ORDER BY s.seq LIMIT $2");
    LOOK_SLOW = concat!(
        "SELECT batch_id, grid_id, seq, household_id, demand, persons, address_id, sealed, hash, ",
        "realm, relative, shares, speaks_for, name FROM (SELECT q.*, row_number() OVER ",
        "(PARTITION BY q.seq ORDER BY q.used, q.away, q.place) AS choice FROM (SELECT ",
        member_columns!(), ", a.ord AS place, ",
        "CASE WHEN a.relative IS NULL THEN 0 ELSE 1 END AS away, ",
        "(SELECT count(*) FROM outcome u WHERE u.alert_id = s.alert_id AND ",
        "u.grid_id = s.grid_id AND u.seq = s.seq AND u.address_id = a.id ",
        "AND u.version = b.version) AS used FROM batch b ", in_force!(),
        "JOIN standing s ON ", in_range!(),
        "JOIN outcome p ON p.alert_id = s.alert_id AND p.grid_id = s.grid_id AND p.seq = s.seq ",
        "AND p.version = b.version AND p.wave = b.wave AND p.attempt = b.attempt - 1 ",
        "AND p.kind = 3 JOIN address a ON ", good_address!("a"),
        "WHERE b.id = $1 AND ((s.closed_at IS NULL AND s.heard_at IS NULL) OR b.version > 1) ",
        "AND ", untold!(), ") q) z WHERE choice = 1 ORDER BY seq LIMIT $2");
}

/// Plans what orders in force still owe to the households of these addresses, which live again:
/// due at `due`. Gives the number of batches.
pub async fn plan_revived(
    tx: &mut Tx,
    addresses: &[i64],
    due: i64,
    now: i64,
    live_state: i64,
) -> Result<u64, StoreFault> {
    if addresses.is_empty() {
        return Ok(0);
    }
    let pick = Pick::Revived.code();
    let values = args![ids(addresses), due, now, pick, REVIVED_WAVES, live_state];
    tx.exec(&PLAN_REVIVED, values).await
}

/// The members of a batch of [`Pick::Revived`]; values as of every look.
pub(super) async fn look_revived(store: &Store, values: Args) -> Result<Vec<Member>, StoreFault> {
    store.rows(&LOOK_REVIVED, values).await
}

/// The members of a batch of [`Pick::Slow`], each by the address that was tried least.
pub(super) async fn look_slow(store: &Store, values: Args) -> Result<Vec<Member>, StoreFault> {
    store.rows(&LOOK_SLOW, values).await
}

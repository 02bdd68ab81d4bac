//! Numbers of which a receipt says for good that nobody is reached there: the next number of that
//! household or person at once. Which classes are final is `domain::outcome`'s; whether a gateway
//! is believed so far that a number is dead to later orders as well is `domain::burial`'s.

use super::batch::{Member, in_force, member_columns};
use super::db::{Args, ids, rows_json};
use super::{Store, StoreFault, Tx};
use crate::args;

/// Receipts `$x` of a class that is permanent, see `ReceiptClass::is_permanent`.
macro_rules! lost {
    ($x:literal) => {
        concat!($x, ".class BETWEEN 6 AND 9")
    };
}

/// A good number of household `s` in the lane of `b` that has not been tried with the text it is
/// to have, nor been found lost under this order.
macro_rules! untried {
    ($b:literal) => {
        concat!(
            "x.household_id = s.household_id AND x.lane = ",
            $b,
            ".lane AND x.state = 0 AND NOT EXISTS (SELECT 1 FROM outcome u ",
            "WHERE u.alert_id = s.alert_id AND u.grid_id = s.grid_id AND u.seq = s.seq ",
            "AND u.address_id = x.id AND u.version >= s.told) AND NOT EXISTS (SELECT 1 ",
            "FROM receipt c JOIN batch cb ON cb.id = c.batch_id WHERE c.address_id = x.id AND ",
            lost!("c"),
            " AND cb.alert_id = s.alert_id) "
        )
    };
}
/// Household `s` still needs its text: nothing heard, and nowhere else was it taken for it.
macro_rules! unreached {
    () => {
        concat!(
            "((s.closed_at IS NULL AND s.heard_at IS NULL) OR s.version > 1) AND NOT EXISTS ",
            "(SELECT 1 FROM outcome t WHERE t.alert_id = s.alert_id AND t.grid_id = s.grid_id ",
            "AND t.seq = s.seq AND t.version >= s.told AND t.kind IN (1, 5) AND NOT EXISTS ",
            "(SELECT 1 FROM receipt c WHERE c.batch_id = t.batch_id ",
            "AND c.address_id = t.address_id AND ",
            lost!("c"),
            ")) "
        )
    };
}

crate::statements! {
    RESOLVE = "SELECT r.n, COALESCE(k.alert_id, t.alert_id), \
        CAST(COALESCE(r.address, t.address_id) AS bigint), \
        CAST(CASE WHEN a.human_id IS NOT NULL AND EXISTS (SELECT 1 FROM address y \
        WHERE y.human_id = a.human_id AND y.lane = a.lane AND y.state = 0 AND y.id <> a.id) \
        THEN 1 ELSE 0 END AS bigint) FROM {rows $1: n bigint, batch bigint, address bigint, \
        notice bigint} LEFT JOIN batch k ON k.id = r.batch LEFT JOIN notice t ON t.id = r.notice \
        JOIN address a ON a.id = COALESCE(r.address, t.address_id) \
        WHERE COALESCE(k.alert_id, t.alert_id) IS NOT NULL ORDER BY r.n";
    WITH_ANOTHER = "SELECT a.id, CAST(0 AS bigint) FROM address a WHERE a.id {in $1} \
        AND (a.human_id IS NULL OR EXISTS (SELECT 1 FROM address y \
        WHERE y.human_id = a.human_id AND y.lane = a.lane AND y.state = 0 AND y.id <> a.id)) \
        ORDER BY a.id";
    // A row for each household, so that none is forgotten because its batch was ending just then.
    GO_ELSEWHERE = concat!("INSERT INTO batch (alert_id, version, kind, pick, wave, attempt, ",
        "tries, lane, class, rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, ",
        "created_at) SELECT DISTINCT k.alert_id, s.version, CAST(1 AS bigint), ",
        "CAST($3 AS bigint), k.wave, k.attempt + 1, CAST(1 AS bigint), k.lane, k.class, k.rank, ",
        "s.grid_id, s.ring, s.seq, s.seq, k.ord, CAST($2 AS bigint), CAST(0 AS bigint), ",
        "CAST($2 AS bigint) FROM {rows $1: batch bigint, address bigint} ",
        "JOIN batch k ON k.id = r.batch AND k.kind = 1 AND k.attempt < $4 ",
        "JOIN address a ON a.id = r.address JOIN standing s ON s.alert_id = k.alert_id ",
        "AND s.household_id = a.household_id AND s.told <= k.version ",
        "JOIN alert_version v ON v.alert_id = s.alert_id AND v.version = s.version ",
        "AND v.state = $5 AND v.reach = 1 WHERE ", unreached!(),
        "AND EXISTS (SELECT 1 FROM address x WHERE ", untried!("k"), ") ON CONFLICT DO NOTHING");
    LOOK_ELSEWHERE = concat!("SELECT ", member_columns!(), "FROM batch b ", in_force!(),
        "JOIN standing s ON s.alert_id = b.alert_id AND s.grid_id = b.grid_id ",
        "AND s.seq BETWEEN b.seq_from AND b.seq_to AND s.version = b.version ",
        "JOIN address a ON a.id = (SELECT x.id FROM address x WHERE ", untried!("b"),
        "ORDER BY CASE WHEN x.relative IS NULL THEN 0 ELSE 1 END, x.ord, x.id LIMIT 1) ",
        "WHERE b.id = $1 AND ", unreached!(), "AND NOT EXISTS (SELECT 1 FROM outcome o ",
        "WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id AND o.seq = s.seq ",
        "AND o.batch_id = b.id) ORDER BY s.seq LIMIT $2");
    NEXT_NUMBERS = "SELECT q.alert_id, q.next, q.purpose, q.n, q.human_id, q.household_id, \
        q.text FROM (SELECT t.id, t.alert_id, t.purpose, t.n, t.human_id, t.household_id, \
        t.text, (SELECT x.id FROM address x WHERE x.human_id = a.human_id AND x.lane = a.lane \
        AND x.state = 0 AND x.id <> a.id AND NOT EXISTS (SELECT 1 FROM notice y \
        WHERE y.alert_id = t.alert_id AND y.address_id = x.id AND y.purpose = t.purpose \
        AND y.n = t.n) ORDER BY x.ord, x.id LIMIT 1) AS next FROM notice t JOIN address a \
        ON a.id = t.address_id AND a.human_id IS NOT NULL LEFT JOIN alert al \
        ON al.id = t.alert_id WHERE t.id {in $1} AND t.created_at > $2 \
        AND (al.id IS NULL OR al.state = $3 OR NOT (t.purpose {in $4})) \
        AND NOT (t.purpose = 1 AND EXISTS (SELECT 1 FROM summons s WHERE s.alert_id = t.alert_id \
        AND s.human_id = a.human_id AND s.woken_at IS NOT NULL))) q WHERE q.next IS NOT NULL \
        ORDER BY q.alert_id, q.id";
}

/// A receipt that says for good that nobody is reached, by what it names.
#[derive(Debug, Clone, serde::Serialize)]
pub struct LostRow {
    /// Its place among those of its group.
    pub n: i64,
    pub batch: Option<i64>,
    pub address: Option<i64>,
    pub notice: Option<i64>,
}

/// What such a receipt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    pub n: i64,
    pub alert: i64,
    pub address: i64,
    /// It is the number of a responsible person who has another good one.
    pub has_another: bool,
}

/// The order and number of each receipt; what names neither is left out.
pub async fn resolve(tx: &mut Tx, rows: &[LostRow]) -> Result<Vec<Lost>, StoreFault> {
    let found: Vec<(i64, i64, i64, i64)> = tx.rows(&RESOLVE, args![rows_json(rows)?]).await?;
    let lost = |row: (i64, i64, i64, i64)| Lost {
        n: row.0,
        alert: row.1,
        address: row.2,
        has_another: row.3 == 1,
    };
    Ok(found.into_iter().map(lost).collect())
}

/// Those of these numbers that are not the only good one of a responsible person.
pub async fn with_another(tx: &mut Tx, addresses: &[i64]) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64, i64)> = tx.rows(&WITH_ANOTHER, args![ids(addresses)]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

#[derive(serde::Serialize)]
struct Refused {
    batch: i64,
    address: i64,
}

/// Batches to the next number of the households of which these calls, each a batch and an address,
/// reached nobody. Who was heard or reached elsewhere, or has no other number, gets none.
pub async fn go_elsewhere(
    tx: &mut Tx,
    calls: &[(i64, i64)],
    live_state: i64,
    now: i64,
) -> Result<u64, StoreFault> {
    if calls.is_empty() {
        return Ok(0);
    }
    let rows: Vec<Refused> =
        calls.iter().map(|(batch, address)| Refused { batch: *batch, address: *address }).collect();
    let pick = crate::domain::batch::Pick::Elsewhere.code();
    let most = crate::base::limits::ATTEMPTS_NUMBERED;
    tx.exec(&GO_ELSEWHERE, args![rows_json(&rows)?, now, pick, most, live_state]).await
}

/// The next number of a batch's household, as `batch::look` gives members.
pub(super) async fn look(store: &Store, values: Args) -> Result<Vec<Member>, StoreFault> {
    store.rows(&LOOK_ELSEWHERE, values).await
}

/// A notice that reached nobody, for its person's next number.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct NextNumber {
    pub alert_id: i64,
    /// The address.
    pub next: i64,
    pub purpose: i64,
    pub n: i64,
    pub human_id: Option<i64>,
    pub household_id: Option<i64>,
    pub text: String,
}

/// The next good numbers of the persons whom these notices, written after `since`, did not reach.
/// `while_in_force`: purposes that are said under a live order only.
pub async fn next_numbers(
    tx: &mut Tx,
    notices: &[i64],
    since: i64,
    live_state: i64,
    while_in_force: &[i64],
) -> Result<Vec<NextNumber>, StoreFault> {
    tx.rows(&NEXT_NUMBERS, args![ids(notices), since, live_state, ids(while_in_force)]).await
}

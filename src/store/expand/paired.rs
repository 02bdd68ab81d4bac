//! Helpers (结对帮扶人) of the households that need a person: who they are when an order goes out,
//! which homes are theirs when they answer, and the tasks by which they have them in hand.
//! What they are told is `render`'s.

use crate::args;
use crate::store::answer::Speaking;
use crate::store::db::rows_json;
use crate::store::{StoreFault, Tx};

crate::statements! {
    HELPER_HOMES = concat!("WITH ", inside_all!(), ", ",
        member!("IN (SELECT place_id FROM inside)"),
        "SELECT q.helper_id, q.address_id, q.name, q.place, q.homes FROM (SELECT h.helper_id, ",
        "(SELECT a.id FROM address a WHERE a.human_id = h.helper_id AND a.lane = 1 ",
        "AND a.state = 0 ORDER BY a.ord LIMIT 1) AS address_id, h.name, ",
        "p.name || h.door AS place, row_number() OVER (PARTITION BY h.helper_id ",
        "ORDER BY m.ring, m.ord, m.id) AS n, count(*) OVER (PARTITION BY h.helper_id) AS homes ",
        "FROM member m JOIN alert_ring r ON r.alert_id = $1 AND r.version = $2 ",
        "AND r.ring = m.ring AND r.pursued = 1 JOIN household h ON h.id = m.id ",
        "AND h.helper_id IS NOT NULL JOIN place p ON p.id = h.building_id ",
        "WHERE m.vulnerable = 1 AND m.ring < 3) q WHERE q.n <= 3 AND q.address_id IS NOT NULL ",
        "AND ($3 = 1 OR NOT EXISTS (SELECT 1 FROM notice t WHERE t.alert_id = $1 ",
        "AND t.human_id = q.helper_id AND t.purpose = $4)) ORDER BY q.helper_id, q.n");
    // Every home, to be held against those of another version.
    ALL_HOMES = concat!("WITH ", inside_all!(), ", ",
        member!("IN (SELECT place_id FROM inside)"),
        "SELECT h.helper_id, m.id AS household_id, h.name, p.name || h.door AS place ",
        "FROM member m ",
        "JOIN alert_ring r ON r.alert_id = $1 AND r.version = $2 AND r.ring = m.ring ",
        "AND r.pursued = 1 JOIN household h ON h.id = m.id AND h.helper_id IS NOT NULL ",
        "JOIN place p ON p.id = h.building_id WHERE m.vulnerable = 1 AND m.ring < 3 ",
        "ORDER BY h.helper_id, m.ring, m.ord, m.id");
    // $5: also those whose text still waits for its turn; else only what is in a hand right now.
    TOLD = "SELECT q.human_id, COALESCE((SELECT o.title FROM alert o WHERE o.id <> $1 \
        AND o.state = $3 AND o.kind = $4 AND EXISTS (SELECT 1 FROM notice m WHERE \
        m.human_id = q.human_id AND m.purpose = $2 AND m.alert_id = o.id AND m.kind IN (1, 5)) \
        AND EXISTS (SELECT 1 FROM household h JOIN standing s ON s.household_id = h.id \
        AND s.alert_id = o.id WHERE h.helper_id = q.human_id AND s.pursued = 1 \
        AND s.vulnerable = 1 AND s.closed_at IS NULL) ORDER BY o.id DESC LIMIT 1), '') AS other \
        FROM (SELECT DISTINCT n.human_id FROM notice n JOIN batch b ON b.id = n.batch_id \
        WHERE n.alert_id = $1 AND n.purpose = $2 AND n.human_id IS NOT NULL AND (n.kind IN (1, 5) \
        OR (n.kind IS NULL AND (n.attempt > 1 OR b.lost = 1 OR (b.state = 0 AND ($5 = 1 \
        OR b.lease_until IS NOT NULL)))))) q ORDER BY q.human_id";
    SUMMONED = "SELECT q.human_id, COALESCE((SELECT o.title FROM alert o WHERE o.id <> $1 \
        AND o.state = $3 AND o.kind = $4 AND EXISTS (SELECT 1 FROM notice m WHERE \
        m.human_id = q.human_id AND m.purpose = $2 AND m.alert_id = o.id AND m.kind IN (1, 5)) \
        ORDER BY o.id DESC LIMIT 1), '') AS other \
        FROM (SELECT DISTINCT n.human_id FROM notice n JOIN batch b ON b.id = n.batch_id \
        WHERE n.alert_id = $1 AND n.purpose = $2 AND n.human_id IS NOT NULL AND (n.kind IN (1, 5) \
        OR (n.kind IS NULL AND (n.attempt > 1 OR b.lost = 1 OR (b.state = 0 \
        AND b.lease_until IS NOT NULL))))) q ORDER BY q.human_id";
    LET_GO = "UPDATE task SET state = 2, closed_at = $2, result = $3 WHERE id IN (SELECT id \
        FROM task WHERE alert_id = $1 AND kind = 5 AND owner_human IS NOT NULL AND state < 2 \
        AND ($4 = 1 OR household_id {in $5}) ORDER BY id {lock})";
    LIVE_BEFORE = "SELECT max(version) FROM alert_version WHERE alert_id = $1 AND version < $2 \
        AND live_at IS NOT NULL";
    OWN_HOMES = "SELECT s.alert_id, s.household_id, s.building_id FROM household h \
        CROSS JOIN alert al CROSS JOIN standing s WHERE al.state = $2 AND al.kind = $3 \
        AND s.alert_id = al.id AND s.household_id = h.id AND h.helper_id = $1 AND s.pursued = 1 \
        AND s.vulnerable = 1 AND s.closed_at IS NULL AND EXISTS (SELECT 1 FROM notice n \
        WHERE n.alert_id + 0 = al.id AND n.human_id = h.helper_id AND n.kind IN (1, 5)) \
        ORDER BY s.alert_id, s.household_id";
    IN_HAND = "UPDATE task SET state = 1, owner = (SELECT h.name FROM human h WHERE h.id = $2), \
        owner_human = $2, taken_at = $3, deadline_at = $4, closed_at = NULL, \
        result = NULL WHERE source_key IN (SELECT r.key FROM {rows $1: key text})";
    WATCH_TASKS = "UPDATE timer SET due_at = $2 WHERE id IN (SELECT m.id FROM task t CROSS JOIN \
        timer m WHERE m.alert_id = t.alert_id AND m.kind = 7 AND m.place_id = 0 \
        AND m.subject_id = t.id AND t.source_key IN (SELECT r.key FROM {rows $1: key text}))";
    GIVE_BACK = "UPDATE timer SET due_at = $2 WHERE id IN (SELECT m.id FROM task t CROSS JOIN \
        timer m WHERE m.alert_id = t.alert_id AND m.kind = 7 AND m.place_id = 0 \
        AND m.subject_id = t.id AND t.owner_human = $1 AND t.kind = 5 AND t.state = 1)";
    END_DONE = "UPDATE task SET state = 2, closed_at = $2, result = '已落实' \
        WHERE id {in $1} AND kind = 5 AND state < 2 AND EXISTS (SELECT 1 FROM standing s \
        WHERE s.alert_id = task.alert_id AND s.household_id = task.household_id \
        AND s.helps = 0 AND (s.closed_at IS NOT NULL OR s.pursued = 0))";
}

/// A home of a helper, at most three of each, and how many he has.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HelperHome {
    pub helper_id: i64,
    pub address_id: i64,
    pub name: String,
    pub place: String,
    pub homes: i64,
}

/// The helpers of a version's pursued homes that need a person. `again`: also those who were
/// messaged under an older version.
pub async fn of_version(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    again: bool,
    purpose: i64,
) -> Result<Vec<HelperHome>, StoreFault> {
    tx.rows(&HELPER_HOMES, args![alert, version, again, purpose]).await
}

/// The open homes of a helper under orders in this state, of the kind he speaks of, that have told
/// him something: alert, household, building.
pub async fn homes(
    tx: &mut Tx,
    speaking: Speaking,
    state: i64,
) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    tx.rows(&OWN_HOMES, args![speaking.human, state, speaking.kind]).await
}

#[derive(serde::Serialize)]
struct Key<'a> {
    key: &'a str,
}

/// Puts opened tasks into a helper's hand until a deadline, at which they are looked at.
pub async fn put_in_hand(
    tx: &mut Tx,
    keys: &[String],
    human: i64,
    now: i64,
    deadline_at: i64,
) -> Result<(), StoreFault> {
    let keys: Vec<Key<'_>> = keys.iter().map(|key| Key { key }).collect();
    let keys = rows_json(&keys)?;
    tx.exec(&IN_HAND, args![&keys, human, now, deadline_at]).await?;
    tx.exec(&WATCH_TASKS, args![keys, deadline_at]).await?;
    Ok(())
}

/// Lets the homes that a helper has in hand be looked at now: he can't go.
pub async fn give_back(tx: &mut Tx, human: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&GIVE_BACK, args![human, now]).await
}

/// Ends those of these tasks whose homes have answered meanwhile.
pub async fn end_done(tx: &mut Tx, tasks: &[i64], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&END_DONE, args![crate::store::db::ids(tasks), now]).await
}

/// A home that its helper goes to under a version.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PairedHome {
    pub helper_id: i64,
    pub household_id: i64,
    pub name: String,
    pub place: String,
}

/// Every home of every helper under a version.
pub async fn all_of(tx: &mut Tx, alert: i64, version: i64) -> Result<Vec<PairedHome>, StoreFault> {
    tx.rows(&ALL_HOMES, args![alert, version]).await
}

/// The version that was in force before this one.
pub async fn live_before(tx: &mut Tx, alert: i64, version: i64) -> Result<Option<i64>, StoreFault> {
    let row: Option<(Option<i64>,)> = tx.first(&LIVE_BEFORE, args![alert, version]).await?;
    Ok(row.and_then(|row| row.0))
}

/// Whose text is asked for, and which other orders count.
pub struct Had {
    pub alert: i64,
    /// `domain::notice::Purpose::Helper`, or another.
    pub purpose: i64,
    /// The state of an order in force, and the kind of this one.
    pub in_force: i64,
    pub kind: i64,
    /// Also those whose text still waits for its turn.
    pub waiting: bool,
}

/// The helpers who may have had an order's text, each with the title of another order that asks
/// him to go; empty where there is none.
pub async fn told(tx: &mut Tx, had: &Had) -> Result<Vec<(i64, String)>, StoreFault> {
    let values = args![had.alert, had.purpose, had.in_force, had.kind, had.waiting];
    tx.rows(&TOLD, values).await
}

/// Whoever may have been woken for an order, each with the title of another order in force that
/// woke him; empty where there is none. `had.purpose`: `domain::notice::Purpose::Summons`.
pub async fn summoned(tx: &mut Tx, had: &Had) -> Result<Vec<(i64, String)>, StoreFault> {
    tx.rows(&SUMMONED, args![had.alert, had.purpose, had.in_force, had.kind]).await
}

/// Closes what helpers promised under an alert; `homes`: only these of it.
pub async fn let_go(
    tx: &mut Tx,
    alert: i64,
    homes: Option<&[i64]>,
    result: &str,
    now: i64,
) -> Result<u64, StoreFault> {
    let listed = crate::store::db::ids(homes.unwrap_or_default());
    tx.exec(&LET_GO, args![alert, now, result, homes.is_none(), listed]).await
}

//! Tasks at the desk, receipts, and what leaders hold: offered, taken, declined, passed lists and
//! summonses. Set-based; who is asked next is `domain::climb`'s.

use super::db::{ids, rows_json};
use super::{Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    OPEN_TASKS = "INSERT INTO task (uid, alert_id, household_id, building_id, inbound_id, \
        source_key, kind, class, state, text, opened_at) SELECT r.uid, r.alert, r.household, \
        r.building, r.inbound, r.key, r.kind, r.class, 0, r.text, $2 FROM \
        {rows $1: uid text, alert bigint, household bigint, building bigint, inbound bigint, \
        key text, kind bigint, class bigint, text text} WHERE true \
        ON CONFLICT (source_key) DO NOTHING";
    TASK_TIMERS = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT t.alert_id, 7, 0, t.id, 0, $2 + CASE t.class WHEN 1 THEN 60000 WHEN 2 THEN 300000 \
        ELSE 900000 END FROM task t WHERE t.source_key IN (SELECT r.key FROM \
        {rows $1: key text}) AND t.state = 0 ON CONFLICT DO NOTHING";
    TASKS = "SELECT t.id, t.uid, t.alert_id, t.household_id, t.kind, t.class, t.state, t.text, \
        t.owner, t.opened_at, t.deadline_at, t.source_key FROM task t WHERE t.state < 2 \
        AND ($1 = 0 OR t.alert_id = $1) ORDER BY t.class, t.opened_at, t.id LIMIT $2";
    TASK_BY_UID = "SELECT t.id, t.uid, t.alert_id, t.household_id, t.kind, t.class, t.state, \
        t.text, t.owner, t.opened_at, t.deadline_at, t.source_key FROM task t WHERE t.uid = $1";
    TAKE_TASK = "UPDATE task SET state = 1, owner = $2, taken_at = $3, deadline_at = $4 \
        WHERE id = $1 AND state < 2";
    CLOSE_TASK = "UPDATE task SET state = 2, result = $2, closed_at = $3 WHERE id = $1 \
        AND state < 2";
    KEEP_RECEIPTS = "INSERT INTO receipt (source_key, provider, batch_id, address_id, notice_id, \
        external_id, class, code, at, stored_at) SELECT r.key, r.provider, r.batch, r.address, \
        r.notice, r.x, r.class, r.code, r.at, $2 FROM {rows $1: key text, provider text, \
        batch bigint, address bigint, notice bigint, x text, class bigint, code text, \
        at bigint} WHERE true ON CONFLICT (source_key) DO NOTHING";
    LISTS_OF_GRIDS = "SELECT l.id, l.alert_id, l.place_id, l.human_id, l.rung, l.state, \
        l.offered_at, l.answered_at, l.acted_at, pa.above_id AS grid_id FROM list l \
        JOIN place_above pa ON pa.place_id = l.place_id AND pa.above_id {in $2} \
        WHERE l.alert_id = $1";
    LISTS_OF_HUMAN = "SELECT l.id, l.uid, l.alert_id, l.place_id, l.rung, l.state, p.name \
        FROM list l JOIN place p ON p.id = l.place_id WHERE l.human_id = $1 AND l.state {in $2} \
        ORDER BY l.id";
    OFFER = "INSERT INTO list (uid, alert_id, place_id, human_id, rung, state, offered_at) \
        SELECT r.uid, $2, r.place, r.human, r.rung, 1, $3 FROM {rows $1: uid text, \
        place bigint, human bigint, rung bigint} WHERE true \
        ON CONFLICT (alert_id, place_id, human_id) DO UPDATE SET state = CASE WHEN \
        list.state = 2 THEN 2 ELSE 1 END, offered_at = excluded.offered_at, \
        reminded = list.reminded + 1";
    SET_LISTS = "UPDATE list SET state = CAST($2 AS bigint), answered_at = CASE WHEN \
        CAST($2 AS bigint) IN (2, 3) THEN $3 ELSE \
        answered_at END, acted_at = CASE WHEN CAST($2 AS bigint) = 2 THEN $3 ELSE acted_at END \
        WHERE id {in $1}";
    REMIND_LISTS = "UPDATE list SET reminded = reminded + 1, offered_at = $2 WHERE id {in $1}";
    YIELD_LISTS = "UPDATE list SET state = 5 WHERE state IN (1, 2, 4) AND EXISTS (SELECT 1 FROM \
        list k WHERE k.id {in $1} AND k.alert_id = list.alert_id AND k.place_id = list.place_id \
        AND k.human_id <> list.human_id)";
    ACT_LISTS = "UPDATE list SET acted_at = $2, state = CASE WHEN state = 4 THEN 2 ELSE state \
        END WHERE human_id = $1 AND state IN (2, 4)";
    GRIDS_OF_LISTS = "SELECT DISTINCT l.alert_id, pa.above_id FROM list l JOIN place_above pa \
        ON pa.place_id = l.place_id JOIN place p ON p.id = pa.above_id AND p.kind = 'grid' \
        WHERE l.id {in $1}";
    WAKE = "UPDATE summons SET woken_at = $2 WHERE human_id {in $1} AND woken_at IS NULL";
    ADDRESS_OF_HUMANS = "SELECT a.human_id, a.id FROM address a WHERE a.human_id {in $1} \
        AND a.lane = 1 AND a.state = 0 ORDER BY a.human_id, a.ord";
}

/// A task to be opened: 1 help, 2 unclear, 3 search, 4 alarm; class 1 A, 2 B, 3 C.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NewTask {
    pub uid: String,
    pub alert: i64,
    pub household: Option<i64>,
    pub building: Option<i64>,
    pub inbound: Option<i64>,
    pub key: String,
    pub kind: i64,
    pub class: i64,
    pub text: String,
}

/// Opens tasks, each with its timer: an open task is in nobody's hands until it is taken.
pub async fn open_tasks(tx: &mut Tx, rows: &[NewTask], now: i64) -> Result<(), StoreFault> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows_json(rows)?;
    tx.exec(&OPEN_TASKS, args![&rows, now]).await?;
    tx.exec(&TASK_TIMERS, args![rows, now]).await?;
    Ok(())
}

/// A task as the desk sees it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct TaskRow {
    pub id: i64,
    pub uid: String,
    pub alert_id: i64,
    pub household_id: Option<i64>,
    pub kind: i64,
    pub class: i64,
    pub state: i64,
    pub text: String,
    pub owner: Option<String>,
    pub opened_at: i64,
    pub deadline_at: Option<i64>,
    pub source_key: String,
}

/// Open and taken tasks of an alert (0: all), the most urgent and oldest first.
pub async fn tasks(store: &Store, alert: i64, limit: i64) -> Result<Vec<TaskRow>, StoreFault> {
    store.rows(&TASKS, args![alert, limit]).await
}

/// A task by its outside id.
pub async fn task(tx: &mut Tx, uid: &str) -> Result<Option<TaskRow>, StoreFault> {
    tx.first(&TASK_BY_UID, args![uid]).await
}

/// Takes a task until a deadline. False: it is closed already.
pub async fn take_task(
    tx: &mut Tx,
    id: i64,
    owner: &str,
    now: i64,
    deadline_at: i64,
) -> Result<bool, StoreFault> {
    Ok(tx.exec(&TAKE_TASK, args![id, owner, now, deadline_at]).await? == 1)
}

/// Closes a task. False: it is closed already.
pub async fn close_task(tx: &mut Tx, id: i64, result: &str, now: i64) -> Result<bool, StoreFault> {
    Ok(tx.exec(&CLOSE_TASK, args![id, result, now]).await? == 1)
}

/// A receipt ready to be kept.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ReceiptRow {
    pub key: String,
    pub provider: String,
    pub batch: Option<i64>,
    pub address: Option<i64>,
    pub notice: Option<i64>,
    pub x: Option<String>,
    pub class: i64,
    pub code: String,
    pub at: Option<i64>,
}

/// Keeps receipts as they come; joined to their outcomes by reference afterwards.
pub async fn keep_receipts(tx: &mut Tx, rows: &[ReceiptRow], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&KEEP_RECEIPTS, args![rows_json(rows)?, now]).await
}

/// A list with the grid it belongs to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GridList {
    pub id: i64,
    pub alert_id: i64,
    pub place_id: i64,
    pub human_id: i64,
    pub rung: i64,
    pub state: i64,
    pub offered_at: i64,
    pub answered_at: Option<i64>,
    pub acted_at: Option<i64>,
    pub grid_id: i64,
}

/// The lists of these grids and their buildings.
pub async fn lists_of_grids(
    tx: &mut Tx,
    alert: i64,
    grids: &[i64],
) -> Result<Vec<GridList>, StoreFault> {
    tx.rows(&LISTS_OF_GRIDS, args![alert, ids(grids)]).await
}

/// A human's lists in these states: id, uid, alert, place, rung, state, place's name.
pub async fn lists_of_human(
    tx: &mut Tx,
    human: i64,
    states: &[i64],
) -> Result<Vec<(i64, String, i64, i64, i64, i64, String)>, StoreFault> {
    tx.rows(&LISTS_OF_HUMAN, args![human, ids(states)]).await
}

/// A list to be offered.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NewOffer {
    pub uid: String,
    pub place: i64,
    pub human: i64,
    pub rung: i64,
}

/// Offers lists.
pub async fn offer(
    tx: &mut Tx,
    alert: i64,
    rows: &[NewOffer],
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&OFFER, args![rows_json(rows)?, alert, now]).await
}

/// Moves lists to a state of `domain::list`.
pub async fn set_lists(
    tx: &mut Tx,
    lists: &[i64],
    state: i64,
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&SET_LISTS, args![ids(lists), state, now]).await
}

/// Counts a reminder on lists.
pub async fn remind(tx: &mut Tx, lists: &[i64], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&REMIND_LISTS, args![ids(lists), now]).await
}

/// Lets go of what others held or were offered at the places of lists just taken.
pub async fn yield_lists(tx: &mut Tx, taken: &[i64]) -> Result<u64, StoreFault> {
    tx.exec(&YIELD_LISTS, args![ids(taken)]).await
}

/// Notes that a human acted on what he holds; one passed on is his again.
pub async fn act(tx: &mut Tx, human: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&ACT_LISTS, args![human, now]).await
}

/// Alert and grid of lists.
pub async fn grids_of_lists(tx: &mut Tx, lists: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&GRIDS_OF_LISTS, args![ids(lists)]).await
}

/// Any word from a summoned person wakes him.
pub async fn wake(tx: &mut Tx, humans: &[i64], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&WAKE, args![ids(humans), now]).await
}

/// The first good SMS address of each human.
pub async fn first_addresses(tx: &mut Tx, humans: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    let mut rows: Vec<(i64, i64)> = tx.rows(&ADDRESS_OF_HUMANS, args![ids(humans)]).await?;
    rows.dedup_by_key(|row| row.0);
    Ok(rows)
}

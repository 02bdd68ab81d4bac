//! Tasks at the desk, receipts, and the words of summoned persons. Set-based; which reply means
//! what is decided in `domain`.

use super::answer::Speaking;
use super::cry;
use super::db::{ids, rows_json};
use super::places::full_name;
use super::unclear;
use super::{Store, StoreFault, Tx};
use crate::args;

macro_rules! task_columns {
    () => {
        concat!(
            "SELECT t.id, t.uid, t.alert_id, a.uid AS alert, t.household_id, \
             h.code AS household, ",
            full_name!("g", "b"),
            " || ' ' || h.door || ' ' || h.name AS door, t.kind, t.class, t.state, t.text, \
             t.owner, t.opened_at, t.deadline_at, t.source_key, t.incident_id, t.cries, \
             t.cried_at \
             FROM task t \
             LEFT JOIN alert a ON a.id = t.alert_id \
             LEFT JOIN household h ON h.id = t.household_id \
             LEFT JOIN place b ON b.id = h.building_id LEFT JOIN place g ON g.id = h.grid_id "
        )
    };
}

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
    // A home's help once, that of a live alert first; helpers' promises last, for nobody waits.
    TASKS = concat!(task_columns!(), "WHERE t.state < 2 AND ($1 = 0 OR t.alert_id = $1) ",
        "AND NOT EXISTS (SELECT 1 FROM task k LEFT JOIN alert e ON e.id = k.alert_id ",
        "WHERE k.incident_id = t.incident_id AND k.household_id = t.household_id ",
        "AND k.state < 2 AND ($1 = 0 OR k.alert_id = $1) AND k.id <> t.id ",
        "AND (COALESCE(e.state, 0) = 4 AND COALESCE(a.state, 0) <> 4 ",
        "OR (k.id < t.id AND (COALESCE(e.state, 0) = 4 OR COALESCE(a.state, 0) <> 4)))) ",
        "ORDER BY CASE WHEN t.state = 1 AND t.kind = 5 THEN 1 ELSE 0 END, ",
        "t.class, t.state, t.opened_at, t.id LIMIT $2");
    TASK_BY_UID = concat!(task_columns!(), "WHERE t.uid = $1");
    CLOSE_TASK = "UPDATE task SET state = 2, result = $2, closed_at = $3 WHERE id = $1 \
        AND state < 2";
    KEEP_RECEIPTS = "INSERT INTO receipt (source_key, provider, batch_id, address_id, notice_id, \
        external_id, class, code, at, stored_at) SELECT r.key, r.provider, r.batch, r.address, \
        r.notice, r.x, r.class, r.code, r.at, $2 FROM {rows $1: key text, provider text, \
        batch bigint, address bigint, notice bigint, x text, class bigint, code text, \
        at bigint} WHERE true ON CONFLICT (source_key) DO NOTHING";
    // Only under orders of which a text has reached him: he can't have meant another.
    WAKE = "UPDATE summons SET woken_at = $2 WHERE human_id {in $3} AND woken_at IS NULL \
        AND EXISTS (SELECT 1 FROM {rows $1: human bigint, kind bigint} JOIN alert al \
        ON al.kind = r.kind WHERE r.human = summons.human_id AND al.id = summons.alert_id \
        AND al.state = $4) AND EXISTS (SELECT 1 FROM notice n \
        WHERE n.alert_id = summons.alert_id AND n.human_id = summons.human_id \
        AND n.kind IN (1, 5)) RETURNING human_id, alert_id";
    WAKE_UNDER = "UPDATE summons SET woken_at = $3 WHERE alert_id = $1 AND human_id = $2 \
        AND woken_at IS NULL";
    // A help by the home's page names no number: its own first one is told.
    HELP_ADDRESSES = "SELECT DISTINCT a.id, CAST(0 AS bigint) FROM statement s JOIN address a \
        ON a.state = 0 AND a.id = CASE WHEN s.source = 'page' THEN (SELECT x.id FROM address x \
        WHERE x.household_id = s.household_id AND x.lane = 1 AND x.state = 0 \
        AND x.relative IS NULL ORDER BY x.ord, x.id LIMIT 1) ELSE s.giver_id END \
        WHERE s.alert_id = $1 AND s.household_id = $2 AND s.claim BETWEEN 21 AND 23 \
        AND s.giver IN (20, 40) ORDER BY a.id";
    ADDRESS_OF_HUMANS = "SELECT a.human_id, a.id FROM address a WHERE a.human_id {in $1} \
        AND a.lane = 1 AND a.state = 0 ORDER BY a.human_id, a.ord";
}

/// A task to be opened: 1 help, 2 unclear, 3 search, 4 alarm, 5 helper; class 1 A, 2 B, 3 C.
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

/// Opens tasks, each with its timer: an open task is in nobody's hands until it is taken. Cries and
/// unclear replies of known homes go to their cards (`cry`, `unclear`). Gives how many are new.
pub async fn open_tasks(tx: &mut Tx, rows: &[NewTask], now: i64) -> Result<u64, StoreFault> {
    let at_home = |kind: i64| move |task: &&NewTask| task.kind == kind && task.household.is_some();
    let (cries, rest): (Vec<&NewTask>, Vec<&NewTask>) = rows.iter().partition(at_home(cry::HELP));
    let (words, others): (Vec<&NewTask>, Vec<&NewTask>) =
        rest.into_iter().partition(at_home(unclear::UNCLEAR));
    let mut opened = 0;
    if !words.is_empty() {
        opened += unclear::open(tx, &words, now).await?;
        tx.exec(&TASK_TIMERS, args![rows_json(&words)?, now]).await?;
    }
    if !others.is_empty() {
        let rows = rows_json(&others)?;
        opened += tx.exec(&OPEN_TASKS, args![&rows, now]).await?;
        tx.exec(&TASK_TIMERS, args![rows, now]).await?;
    }
    if !cries.is_empty() {
        opened += cry::open(tx, &cries, now).await?;
    }
    Ok(opened)
}

/// A task as the desk sees it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct TaskRow {
    pub id: i64,
    pub uid: String,
    pub alert_id: i64,
    /// The alert's outside id.
    pub alert: Option<String>,
    pub household_id: Option<i64>,
    /// The household's code.
    pub household: Option<String>,
    /// Where to go: grid, building, door, name.
    pub door: Option<String>,
    pub kind: i64,
    pub class: i64,
    pub state: i64,
    pub text: String,
    pub owner: Option<String>,
    pub opened_at: i64,
    pub deadline_at: Option<i64>,
    pub source_key: String,
    /// Tasks of one incident are one card.
    pub incident_id: Option<i64>,
    /// How often this home cried, or wrote, while it was open, and the last time.
    pub cries: i64,
    pub cried_at: Option<i64>,
}

/// Open and taken tasks of an alert (0: all), a home's help once: the most urgent first, of these
/// what nobody has.
pub async fn tasks(store: &Store, alert: i64, limit: i64) -> Result<Vec<TaskRow>, StoreFault> {
    store.rows(&TASKS, args![alert, limit]).await
}

/// A task by its outside id.
pub async fn task(tx: &mut Tx, uid: &str) -> Result<Option<TaskRow>, StoreFault> {
    tx.first(&TASK_BY_UID, args![uid]).await
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

/// Any word from a summoned person wakes him, under those orders in `state` and of the kind he
/// speaks of that have told him something. Gives each human with the order of his summons.
pub async fn wake(
    tx: &mut Tx,
    speaking: &[Speaking],
    state: i64,
    now: i64,
) -> Result<Vec<(i64, i64)>, StoreFault> {
    let humans: Vec<i64> = speaking.iter().map(|one| one.human).collect();
    tx.rows(&WAKE, args![rows_json(speaking)?, now, ids(&humans), state]).await
}

/// Who uses his page of an alert is awake under it.
pub async fn wake_under(tx: &mut Tx, alert: i64, human: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&WAKE_UNDER, args![alert, human, now]).await
}

/// The first good SMS address of each human.
pub async fn first_addresses(tx: &mut Tx, humans: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    let mut rows: Vec<(i64, i64)> = tx.rows(&ADDRESS_OF_HUMANS, args![ids(humans)]).await?;
    rows.dedup_by_key(|row| row.0);
    Ok(rows)
}

/// The numbers from which help was asked for a household.
pub async fn help_addresses(
    tx: &mut Tx,
    alert: i64,
    household: i64,
) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64, i64)> = tx.rows(&HELP_ADDRESSES, args![alert, household]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

//! Cries for help as cards of the desk: one open task a home and alert, however often it cries, and
//! the tasks of one building within a quarter of an hour as one incident. A task of each alert
//! stays, since custody is computed by alert; all tasks of a home have the same class, text, count
//! of cries and hand. What a cry is worth is decided in `domain`.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::db::{ids, rows_json};
use super::desk::NewTask;
use super::{StoreFault, Tx};
use crate::args;
use crate::domain::triage::Triage;

/// The kind of a task that somebody's cry for help opened.
pub const HELP: i64 = 1;
/// Cries of one building that come within this span of its first are one incident.
pub const INCIDENT_MS: i64 = 15 * 60_000;
/// The alert's kind of a task without alert: what comes from nowhere is meant as it stands.
const NO_ALERT_KIND: i64 = 1;

/// The kind of a task's alert: an exercise never joins the real thing.
macro_rules! kind_of {
    ($task:literal) => {
        concat!("COALESCE((SELECT al.kind FROM alert al WHERE al.id = ", $task, ".alert_id), 1)")
    };
}
/// New helps that stand in no incident yet, by the keys in `$1`.
macro_rules! fresh {
    ($task:literal) => {
        concat!(
            $task,
            ".kind = 1 AND ",
            $task,
            ".state < 2 AND ",
            $task,
            ".incident_id IS NULL AND ",
            $task,
            ".source_key IN (SELECT r.key FROM {rows $1: key text}) "
        )
    };
}

crate::statements! {
    ALERT_KINDS = "SELECT id, kind FROM alert WHERE id {in $1}";
    // What happens in one building happens one after the other: so no two incidents begin at once.
    LOCK_BUILDINGS = "SELECT p.id FROM place p WHERE p.id IN (SELECT h.building_id \
        FROM household h WHERE h.id {in $1}) ORDER BY p.id {lock}";
    LOCK_HELPS = "SELECT t.id FROM task t WHERE t.household_id {in $1} AND t.kind = 1 \
        AND t.state < 2 ORDER BY t.id {lock}";
    // Who took it did so for something less: it is nobody's again, and called out at once.
    RAISE = concat!("UPDATE task SET state = CASE WHEN r.class < task.class THEN 0 ",
        "ELSE task.state END, owner = CASE WHEN r.class < task.class THEN NULL ELSE task.owner ",
        "END, owner_human = CASE WHEN r.class < task.class THEN NULL ELSE task.owner_human END, ",
        "deadline_at = CASE WHEN r.class < task.class THEN NULL ELSE task.deadline_at END, ",
        "text = CASE WHEN replace(task.text, r.text, '') <> task.text THEN task.text ",
        "WHEN length(task.text) > 500 THEN substr(task.text, 1, 250) || '……；' || r.text ",
        "ELSE task.text || '；' || r.text END, ",
        "class = {least}(task.class, r.class), cries = task.cries + r.cries, cried_at = $2 FROM ",
        "{rows $1: household bigint, kind bigint, class bigint, cries bigint, text text} ",
        "WHERE task.household_id = r.household AND task.kind = 1 AND task.state < 2 AND ",
        kind_of!("task"), " = r.kind");
    HURRY_HELPS = concat!("UPDATE timer SET due_at = {least}(timer.due_at, $2 + CASE t.class ",
        "WHEN 1 THEN 60000 WHEN 2 THEN 300000 ELSE 900000 END) FROM task t JOIN ",
        "{rows $1: household bigint, kind bigint, class bigint, cries bigint, text text} ",
        "ON t.household_id = r.household AND t.kind = 1 AND t.state = 0 AND ", kind_of!("t"),
        " = r.kind WHERE timer.alert_id = t.alert_id AND timer.kind = 7 AND timer.place_id = 0 ",
        "AND timer.subject_id = t.id");
    OPEN_HELPS = "INSERT INTO task (uid, alert_id, household_id, building_id, inbound_id, \
        source_key, kind, class, state, text, opened_at, cries, cried_at) SELECT r.uid, r.alert, \
        r.household, COALESCE(h.building_id, r.building), r.inbound, r.key, 1, r.class, 0, \
        r.text, $2, r.cries, $2 FROM {rows $1: uid text, alert bigint, household bigint, \
        building bigint, inbound bigint, key text, class bigint, cries bigint, text text} \
        LEFT JOIN household h ON h.id = r.household WHERE NOT EXISTS (SELECT 1 FROM task k \
        WHERE k.household_id = r.household AND k.state < 2 AND k.kind = 1 \
        AND k.alert_id + 0 = r.alert) ON CONFLICT (source_key) DO NOTHING";
    // A home's help under another alert is the same help, in the same hand.
    LIKE_SIBLING = concat!("UPDATE task SET incident_id = k.incident_id, class = k.class, ",
        "state = k.state, owner = k.owner, owner_human = k.owner_human, taken_at = k.taken_at, ",
        "deadline_at = k.deadline_at, text = k.text, cries = k.cries, cried_at = k.cried_at ",
        "FROM (SELECT n.id AS new_id, min(o.id) AS old_id FROM task n JOIN task o ",
        "ON o.household_id = n.household_id AND o.state < 2 AND o.kind = 1 ",
        "AND o.incident_id IS NOT NULL AND ", kind_of!("o"), " = ", kind_of!("n"), " WHERE ",
        fresh!("n"), "GROUP BY n.id) q JOIN task k ON k.id = q.old_id WHERE task.id = q.new_id");
    INTO_INCIDENT = concat!("UPDATE task SET incident_id = q.incident_id FROM (SELECT ",
        "n.id AS new_id, max(o.incident_id) AS incident_id FROM task n JOIN task o ",
        "ON o.building_id = n.building_id AND o.state < 2 AND o.kind = 1 AND o.class <= 2 ",
        "AND o.incident_id IS NOT NULL AND ", kind_of!("o"), " = ", kind_of!("n"),
        " WHERE n.class <= 2 AND (SELECT min(f.opened_at) FROM task f ",
        "WHERE f.incident_id = o.incident_id) >= $2 AND ", fresh!("n"),
        "GROUP BY n.id) q WHERE task.id = q.new_id");
    NEW_INCIDENT = concat!("UPDATE task SET incident_id = q.incident_id FROM (SELECT ",
        "n.id AS new_id, min(o.id) AS incident_id FROM task n JOIN task o ON ",
        "(o.household_id = n.household_id OR (o.building_id = n.building_id AND o.class <= 2 ",
        "AND n.class <= 2)) AND ", kind_of!("o"), " = ", kind_of!("n"), " AND ", fresh!("o"),
        "WHERE ", fresh!("n"), "GROUP BY n.id) q WHERE task.id = q.new_id");
    // In step with the home's other tasks, so that one help is called out once.
    HELP_TIMERS = concat!("INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) ",
        "SELECT t.alert_id, 7, 0, t.id, COALESCE(q.step, 0), COALESCE(q.due_at, $2 + ",
        "CASE t.class WHEN 1 THEN 60000 WHEN 2 THEN 300000 ELSE 900000 END) FROM task t ",
        "LEFT JOIN (SELECT o.incident_id, o.household_id, max(m.step) AS step, ",
        "min(m.due_at) AS due_at FROM task o JOIN timer m ON m.alert_id = o.alert_id ",
        "AND m.kind = 7 AND m.place_id = 0 AND m.subject_id = o.id WHERE o.household_id {in $3} ",
        "AND o.state < 2 AND o.kind = 1 GROUP BY o.incident_id, o.household_id) q ",
        "ON q.incident_id = t.incident_id AND q.household_id = t.household_id ",
        "WHERE t.source_key IN (SELECT r.key FROM {rows $1: key text}) AND t.state < 2 ",
        "ON CONFLICT DO NOTHING");
    CARD = "SELECT t.id, t.uid, t.alert_id, COALESCE((SELECT al.state FROM alert al \
        WHERE al.id = t.alert_id), 0) AS alert_state, t.household_id, t.class, t.state, t.owner, \
        t.cries FROM task t WHERE t.state < 2 AND (t.id = $1 OR t.incident_id = (SELECT \
        k.incident_id FROM task k WHERE k.id = $1)) ORDER BY t.id";
    CARD_LOCKED = "SELECT t.id, t.uid, t.alert_id, COALESCE((SELECT al.state FROM alert al \
        WHERE al.id = t.alert_id), 0) AS alert_state, t.household_id, t.class, t.state, t.owner, \
        t.cries FROM task t WHERE t.state < 2 AND (t.id = $1 OR t.incident_id = (SELECT \
        k.incident_id FROM task k WHERE k.id = $1)) ORDER BY t.id {lock}";
    HOME_CARD = concat!("SELECT t.alert_id FROM task t WHERE t.household_id = $2 ",
        "AND t.state < 2 AND t.kind = 1 AND t.alert_id > 0 AND ", kind_of!("t"),
        " = (SELECT al.kind FROM alert al WHERE al.id = $1)");
    TAKE_ALL = "UPDATE task SET state = 1, owner = $2, owner_human = NULL, taken_at = $3, \
        deadline_at = $4 WHERE id {in $1} AND state < 2";
    CLOSE_ALL = "UPDATE task SET state = 2, result = $2, closed_at = $3 WHERE id {in $1} \
        AND state < 2";
    CLASS_ALL = "UPDATE task SET class = $2 WHERE id {in $1} AND state < 2";
}

/// What one home cries, whatever the number of alerts: as a row for [`RAISE`].
#[derive(Debug, Clone, serde::Serialize)]
struct Cry {
    household: i64,
    kind: i64,
    class: i64,
    cries: i64,
    text: String,
}

/// One home's task under one alert.
#[derive(Debug, Clone, serde::Serialize)]
struct Leg<'a> {
    uid: &'a str,
    alert: i64,
    household: i64,
    building: Option<i64>,
    inbound: Option<i64>,
    key: &'a str,
    class: i64,
    cries: i64,
    text: &'a str,
}

#[derive(serde::Serialize)]
struct Key<'a> {
    key: &'a str,
}

fn keys_json(keys: &[&str]) -> Result<String, StoreFault> {
    rows_json(&keys.iter().map(|key| Key { key }).collect::<Vec<_>>())
}

/// Cries of one group, by home and kind of alert.
fn cries_of(tasks: &[&NewTask], kinds: &HashMap<i64, i64>) -> Vec<Cry> {
    let mut homes: BTreeMap<(i64, i64), (Cry, HashSet<&str>)> = BTreeMap::new();
    for task in tasks {
        let Some(household) = task.household else { continue };
        let kind = kinds.get(&task.alert).copied().unwrap_or(NO_ALERT_KIND);
        let (cry, heard) = homes.entry((household, kind)).or_insert_with(|| {
            let (class, text) = (task.class, task.text.clone());
            (Cry { household, kind, class, cries: 0, text }, HashSet::new())
        });
        // One cry has a task for each alert, under one stem.
        let stem = task.key.rsplit_once('#').map_or(task.key.as_str(), |(stem, _)| stem);
        if heard.insert(stem) {
            cry.cries += 1;
        }
        cry.class = cry.class.min(task.class);
        if !cry.text.contains(task.text.as_str()) {
            cry.text = format!("{}；{}", cry.text, task.text);
        }
    }
    homes.into_values().map(|(cry, _)| cry).collect()
}

/// Opens cries of known homes: what is open already is raised, what is new joins its card.
pub(super) async fn open(tx: &mut Tx, tasks: &[&NewTask], now: i64) -> Result<u64, StoreFault> {
    let homes: Vec<i64> = tasks.iter().filter_map(|task| task.household).collect();
    let alerts: Vec<i64> = tasks.iter().map(|task| task.alert).collect();
    let kinds: Vec<(i64, i64)> = tx.rows(&ALERT_KINDS, args![ids(&alerts)]).await?;
    let kinds: HashMap<i64, i64> = kinds.into_iter().collect();
    let cries = cries_of(tasks, &kinds);
    raise(tx, &homes, &cries, now).await?;
    let mut legs: BTreeMap<(i64, i64), Leg<'_>> = BTreeMap::new();
    for task in tasks {
        let kind = kinds.get(&task.alert).copied().unwrap_or(NO_ALERT_KIND);
        let cry = cries.iter().find(|c| Some(c.household) == task.household && c.kind == kind);
        if let Some(cry) = cry {
            legs.entry((task.alert, cry.household)).or_insert(Leg {
                uid: &task.uid,
                alert: task.alert,
                household: cry.household,
                building: task.building,
                inbound: task.inbound,
                key: &task.key,
                class: cry.class,
                cries: cry.cries,
                text: &cry.text,
            });
        }
    }
    let legs: Vec<Leg<'_>> = legs.into_values().collect();
    let opened = tx.exec(&OPEN_HELPS, args![rows_json(&legs)?, now]).await?;
    let keys: Vec<&str> = legs.iter().map(|leg| leg.key).collect();
    join(tx, &keys, now).await?;
    tx.exec(&HELP_TIMERS, args![keys_json(&keys)?, now, ids(&homes)]).await?;
    Ok(opened)
}

async fn raise(tx: &mut Tx, homes: &[i64], cries: &[Cry], now: i64) -> Result<(), StoreFault> {
    let _: Vec<(i64,)> = tx.rows(&LOCK_BUILDINGS, args![ids(homes)]).await?;
    let open: Vec<(i64,)> = tx.rows(&LOCK_HELPS, args![ids(homes)]).await?;
    if !open.is_empty() {
        let cries = rows_json(cries)?;
        tx.exec(&RAISE, args![&cries, now]).await?;
        tx.exec(&HURRY_HELPS, args![cries, now]).await?;
    }
    Ok(())
}

/// Gives helps of these keys, if they are new, their card.
async fn join(tx: &mut Tx, keys: &[&str], now: i64) -> Result<(), StoreFault> {
    let keys = keys_json(keys)?;
    tx.exec(&LIKE_SIBLING, args![&keys]).await?;
    tx.exec(&INTO_INCIDENT, args![&keys, now - INCIDENT_MS]).await?;
    tx.exec(&NEW_INCIDENT, args![keys]).await?;
    Ok(())
}

/// Before a task that was of another kind becomes a help of its home: what is open there already is
/// raised by it.
pub async fn raise_by(
    tx: &mut Tx,
    alert: i64,
    household: i64,
    class: Triage,
    text: &str,
    now: i64,
) -> Result<(), StoreFault> {
    let kind: Option<(i64, i64)> = tx.first(&ALERT_KINDS, args![ids(&[alert])]).await?;
    let kind = kind.map_or(NO_ALERT_KIND, |row| row.1);
    let cry = Cry { household, kind, class: class.code(), cries: 1, text: text.into() };
    raise(tx, &[household], &[cry], now).await
}

/// A task that became a help joins its home's card, or its building's.
pub async fn adopt(tx: &mut Tx, key: &str, now: i64) -> Result<(), StoreFault> {
    join(tx, &[key], now).await
}

/// One open task of a card.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CardRow {
    pub id: i64,
    pub uid: String,
    pub alert_id: i64,
    /// `domain::alert::State`; 0: no alert.
    pub alert_state: i64,
    pub household_id: Option<i64>,
    pub class: i64,
    pub state: i64,
    pub owner: Option<String>,
    pub cries: i64,
}

/// The open tasks of the card on which this task stands.
pub async fn card(tx: &mut Tx, task: i64) -> Result<Vec<CardRow>, StoreFault> {
    tx.rows(&CARD, args![task]).await
}

/// The same, locked.
pub async fn lock_card(tx: &mut Tx, task: i64) -> Result<Vec<CardRow>, StoreFault> {
    tx.rows(&CARD_LOCKED, args![task]).await
}

/// The alerts of this one's kind under which a help of this home is open.
pub async fn alerts_of_home(
    tx: &mut Tx,
    alert: i64,
    household: i64,
) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> = tx.rows(&HOME_CARD, args![alert, household]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Puts these open tasks into somebody's hand until a deadline.
pub async fn take(
    tx: &mut Tx,
    tasks: &[i64],
    owner: &str,
    now: i64,
    deadline_at: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&TAKE_ALL, args![ids(tasks), owner, now, deadline_at]).await
}

/// Closes these tasks.
pub async fn close(tx: &mut Tx, tasks: &[i64], result: &str, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&CLOSE_ALL, args![ids(tasks), result, now]).await
}

/// Gives these open tasks a class.
pub async fn set_class(tx: &mut Tx, tasks: &[i64], class: i64) -> Result<u64, StoreFault> {
    tx.exec(&CLASS_ALL, args![ids(tasks), class]).await
}

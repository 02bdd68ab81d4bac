//! Unclear replies as cards of the desk: one open task a home and order, with all its words, until
//! somebody reads them. What they mean is for the desk to say; cries for help are `cry`'s.

use std::collections::BTreeMap;

use super::db::{ids, rows_json};
use super::desk::NewTask;
use super::{StoreFault, Tx};
use crate::args;

/// The kind of a task that an unclear reply opened.
pub const UNCLEAR: i64 = 2;

crate::statements! {
    LOCK_UNCLEAR = "SELECT t.id FROM task t WHERE t.household_id {in $1} AND t.kind = 2 \
        AND t.state < 2 ORDER BY t.id {lock}";
    // Whose hand it is in stays: he reads what came as well (`cries` tells him).
    MORE_UNCLEAR = "UPDATE task SET text = CASE \
        WHEN replace(task.text, r.text, '') <> task.text THEN task.text \
        WHEN length(task.text) > 500 THEN substr(task.text, 1, 250) || '……；' || r.text \
        ELSE task.text || '；' || r.text END, cries = task.cries + r.cries, cried_at = $2 FROM \
        {rows $1: alert bigint, household bigint, cries bigint, text text} \
        WHERE task.household_id = r.household AND task.alert_id + 0 = r.alert \
        AND task.kind = 2 AND task.state < 2";
    OPEN_UNCLEAR = "INSERT INTO task (uid, alert_id, household_id, building_id, inbound_id, \
        source_key, kind, class, state, text, opened_at, cries, cried_at) SELECT r.uid, r.alert, \
        r.household, r.building, r.inbound, r.key, 2, r.class, 0, r.text, $2, r.cries, $2 FROM \
        {rows $1: uid text, alert bigint, household bigint, building bigint, inbound bigint, \
        key text, class bigint, cries bigint, text text} WHERE NOT EXISTS (SELECT 1 FROM task k \
        WHERE k.household_id = r.household AND k.kind = 2 AND k.state < 2 \
        AND k.alert_id + 0 = r.alert) ON CONFLICT (source_key) DO NOTHING";
}

/// What one home wrote under one order.
#[derive(Debug, Clone, serde::Serialize)]
struct Words<'a> {
    uid: &'a str,
    alert: i64,
    household: i64,
    building: Option<i64>,
    inbound: Option<i64>,
    key: &'a str,
    class: i64,
    cries: i64,
    text: String,
}

fn by_home<'a>(tasks: &[&'a NewTask]) -> Vec<Words<'a>> {
    let mut homes: BTreeMap<(i64, i64), Words<'a>> = BTreeMap::new();
    for &task in tasks {
        let Some(household) = task.household else { continue };
        let words = homes.entry((household, task.alert)).or_insert_with(|| Words {
            uid: &task.uid,
            alert: task.alert,
            household,
            building: task.building,
            inbound: task.inbound,
            key: &task.key,
            class: task.class,
            cries: 0,
            text: task.text.clone(),
        });
        words.cries += 1;
        if !words.text.contains(task.text.as_str()) {
            words.text = format!("{}；{}", words.text, task.text);
        }
    }
    homes.into_values().collect()
}

/// Opens unclear replies of known homes, or adds them to what is open there. Gives how many tasks
/// are new.
pub(super) async fn open(tx: &mut Tx, tasks: &[&NewTask], now: i64) -> Result<u64, StoreFault> {
    let homes: Vec<i64> = tasks.iter().filter_map(|task| task.household).collect();
    let rows = rows_json(&by_home(tasks))?;
    let open: Vec<(i64,)> = tx.rows(&LOCK_UNCLEAR, args![ids(&homes)]).await?;
    if !open.is_empty() {
        tx.exec(&MORE_UNCLEAR, args![&rows, now]).await?;
    }
    tx.exec(&OPEN_UNCLEAR, args![rows, now]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_home_has_one_row_an_order_with_all_its_words() {
        let task = |household, alert, text: &str| NewTask {
            uid: format!("u{household}.{alert}.{text}"),
            alert,
            household: Some(household),
            building: None,
            inbound: None,
            key: format!("k{household}.{alert}.{text}"),
            kind: UNCLEAR,
            class: 3,
            text: text.into(),
        };
        let tasks =
            [task(1, 7, "啊"), task(1, 7, "什么时候发钱"), task(1, 8, "啊"), task(2, 7, "啊")];
        let rows = by_home(&tasks.iter().collect::<Vec<_>>());
        let said: Vec<(i64, i64, i64, &str)> =
            rows.iter().map(|r| (r.household, r.alert, r.cries, r.text.as_str())).collect();
        assert_eq!(said, [(1, 7, 2, "啊；什么时候发钱"), (1, 8, 1, "啊"), (2, 7, 1, "啊")]);
        assert_eq!(rows[0].key, "k1.7.啊");
    }
}

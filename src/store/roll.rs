//! The roll of an exercise: which numbers it may reach, by keyed hash, with the name by which a
//! second person confirms each. Also how an exercise is stopped. The gate that obeys it is
//! `domain::gate`.

use super::db::{ids, rows_json};
use super::{Store, StoreFault, Tx, places};
use crate::args;

crate::statements! {
    ROLL_FROM_PLACE = "INSERT INTO alert_roll (alert_id, hash, name, added_by) \
        SELECT CAST($1 AS bigint), a.hash, min(h.name), CAST($3 AS bigint) FROM address a \
        JOIN household h ON h.id = a.household_id AND h.retired_at IS NULL \
        JOIN place_above pa ON pa.place_id = h.place_id AND pa.above_id {in $2} \
        WHERE a.state = 0 GROUP BY a.hash ON CONFLICT DO NOTHING";
    ROLL_FROM_DUTIES = "INSERT INTO alert_roll (alert_id, hash, name, added_by) \
        SELECT CAST($1 AS bigint), a.hash, min(h.name), CAST($3 AS bigint) FROM address a \
        JOIN human h ON h.id = a.human_id JOIN duty d ON d.human_id = h.id \
        WHERE a.state = 0 AND EXISTS (SELECT 1 FROM place_above pa WHERE (pa.above_id {in $2} \
        AND pa.place_id = d.place_id) OR (pa.place_id {in $2} AND pa.above_id = d.place_id)) \
        GROUP BY a.hash ON CONFLICT DO NOTHING";
    ROLL_FROM_HOUSEHOLDS = "INSERT INTO alert_roll (alert_id, hash, name, added_by) \
        SELECT CAST($1 AS bigint), a.hash, min(h.name), CAST($3 AS bigint) FROM address a \
        JOIN household h ON h.id = a.household_id AND h.retired_at IS NULL \
        WHERE a.state = 0 AND h.code IN (SELECT r.code FROM {rows $2: code text}) \
        GROUP BY a.hash ON CONFLICT DO NOTHING";
    KNOWN_HOUSEHOLDS = "SELECT h.code FROM household h WHERE h.retired_at IS NULL \
        AND h.code IN (SELECT r.code FROM {rows $1: code text})";
    ROLL_NUMBERS = "INSERT INTO alert_roll (alert_id, hash, name, added_by) \
        SELECT CAST($1 AS bigint), substr({bytes $3}, CAST(r.n * 16 + 1 AS int), 16), r.name, \
        CAST($4 AS bigint) FROM {rows $2: n bigint, name text} WHERE true ON CONFLICT DO NOTHING";
    READ_ROLL = "SELECT q.name, q.numbers, q.waiting, q.own, a.name AS added_by, \
        c.name AS confirmed_by FROM (SELECT r.name, count(*) AS numbers, \
        CAST(sum(CASE WHEN r.confirmed_by IS NULL THEN 1 ELSE 0 END) AS bigint) AS waiting, \
        CAST(sum(CASE WHEN r.confirmed_by IS NULL AND r.added_by = $2 THEN 1 ELSE 0 END) \
        AS bigint) AS own, min(r.added_by) AS adder, min(r.confirmed_by) AS confirmer \
        FROM alert_roll r WHERE r.alert_id = $1 AND r.name LIKE $3 ESCAPE '!' GROUP BY r.name) q \
        LEFT JOIN account a ON a.id = q.adder LEFT JOIN account c ON c.id = q.confirmer \
        ORDER BY CASE WHEN q.waiting > 0 THEN 0 ELSE 1 END, q.name LIMIT $4";
    COUNT_ROLL = "SELECT count(*), CAST(COALESCE(sum(CASE WHEN confirmed_by IS NULL THEN 1 \
        ELSE 0 END), 0) AS bigint) FROM alert_roll WHERE alert_id = $1";
    CONFIRM_ROLL = "UPDATE alert_roll SET confirmed_by = $2 WHERE alert_id = $1 \
        AND confirmed_by IS NULL AND added_by <> $2 AND ($3 = 1 OR name IN (SELECT r.name \
        FROM {rows $4: name text}))";
    UNPURSUE_ALL = "UPDATE standing SET pursued = 0 WHERE alert_id = $1 AND pursued = 1";
    UNPURSUE_TALLIES = "UPDATE tally SET pursued = 0, closed = 0, told_open = (SELECT count(*) \
        FROM standing s WHERE s.alert_id = tally.alert_id AND s.grid_id = tally.grid_id \
        AND s.building_id = tally.building_id AND s.ring = tally.ring AND s.helps > 0) \
        WHERE alert_id = $1";
    CLOSE_ALL_LISTS = "UPDATE list SET state = 5 WHERE alert_id = $1 AND state IN (1, 2, 4)";
}

/// Adds the numbers of all households below these places, and of everybody who answers for them.
pub async fn fill_from_places(
    tx: &mut Tx,
    alert: i64,
    places: &[i64],
    by: i64,
) -> Result<u64, StoreFault> {
    let places = ids(places);
    let homes = tx.exec(&ROLL_FROM_PLACE, args![alert, &places, by]).await?;
    Ok(homes + tx.exec(&ROLL_FROM_DUTIES, args![alert, places, by]).await?)
}

#[derive(serde::Serialize)]
struct Code<'a> {
    code: &'a str,
}

/// Those of these codes that are households.
pub async fn known_households(store: &Store, codes: &[&str]) -> Result<Vec<String>, StoreFault> {
    let codes: Vec<Code<'_>> = codes.iter().map(|code| Code { code }).collect();
    let rows: Vec<(String,)> = store.rows(&KNOWN_HOUSEHOLDS, args![rows_json(&codes)?]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Adds the numbers of these households.
pub async fn fill_from_households(
    tx: &mut Tx,
    alert: i64,
    codes: &[&str],
    by: i64,
) -> Result<u64, StoreFault> {
    let codes: Vec<Code<'_>> = codes.iter().map(|code| Code { code }).collect();
    tx.exec(&ROLL_FROM_HOUSEHOLDS, args![alert, rows_json(&codes)?, by]).await
}

/// A number's name and its place among the hashes.
#[derive(Debug, serde::Serialize)]
pub struct Named {
    pub n: usize,
    pub name: String,
}

/// Adds numbers by their hashes, 16 bytes each.
pub async fn fill_numbers(
    tx: &mut Tx,
    alert: i64,
    names: &[Named],
    hashes: &[u8],
    by: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&ROLL_NUMBERS, args![alert, rows_json(names)?, hashes, by]).await
}

/// A name on the roll with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RollName {
    pub name: String,
    pub numbers: i64,
    /// Of them, those nobody has confirmed.
    pub waiting: i64,
    /// Of those, the ones whoever looks has added himself.
    pub own: i64,
    pub added_by: Option<String>,
    pub confirmed_by: Option<String>,
}

/// Names with these words in them (empty: all), those that wait first.
pub async fn read(
    store: &Store,
    alert: i64,
    looks: i64,
    words: &str,
    limit: i64,
) -> Result<Vec<RollName>, StoreFault> {
    store.rows(&READ_ROLL, args![alert, looks, places::containing(words), limit]).await
}

/// Numbers on the roll, and those of them nobody has confirmed.
pub async fn count(store: &Store, alert: i64) -> Result<(i64, i64), StoreFault> {
    Ok(store.first(&COUNT_ROLL, args![alert]).await?.unwrap_or_default())
}

#[derive(serde::Serialize)]
struct Name<'a> {
    name: &'a str,
}

/// Confirms lines that another added: those with these names, or all. Gives how many.
pub async fn confirm(
    tx: &mut Tx,
    alert: i64,
    by: i64,
    all: bool,
    names: &[String],
) -> Result<u64, StoreFault> {
    let names: Vec<Name<'_>> = names.iter().map(|name| Name { name }).collect();
    tx.exec(&CONFIRM_ROLL, args![alert, by, all, rows_json(&names)?]).await
}

/// An exercise that was stopped pursues nobody and asks nobody; helps stay open.
pub async fn let_go(tx: &mut Tx, alert: i64) -> Result<(), StoreFault> {
    tx.exec(&UNPURSUE_ALL, args![alert]).await?;
    tx.exec(&UNPURSUE_TALLIES, args![alert]).await?;
    tx.exec(&CLOSE_ALL_LISTS, args![alert]).await?;
    Ok(())
}

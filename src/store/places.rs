//! The tree as a form shows it: what stands below a place, what is above it, places by name or
//! code, and the danger zones. Every look is bounded; what may be chosen is not decided here.

use super::db::{ids, rows_json};
use super::order::AreaRow;
use super::{Store, StoreFault};
use crate::args;
use crate::base::limits::{TREE_FOUND, TREE_ROWS};

macro_rules! columns {
    () => {
        "SELECT p.id, p.code, p.name, p.kind, p.depth, CAST(CASE WHEN EXISTS (SELECT 1 FROM \
         place c WHERE c.parent_id = p.id AND c.retired_at IS NULL) THEN 1 ELSE 0 END AS bigint) \
         AS opens "
    };
}

/// A place as people call it: a grid, and what lies in it, with the place above, unless its own
/// name begins with that; 渚北村委会 is only 渚北 in the names of its grids. The tables by their
/// names here; `domain::roster::full_name` says the same.
macro_rules! full_name {
    (stem of $above:literal) => {
        concat!(
            "replace(replace(replace(replace(",
            $above,
            ".name, '村民委员会', ''), '居民委员会', ''), '村委会', ''), '居委会', '')"
        )
    };
    ($above:literal, $place:literal) => {
        concat!(
            "CASE WHEN ",
            $place,
            ".kind NOT IN ('grid', 'building', 'stairwell') OR substr(",
            $place,
            ".name, 1, length(",
            full_name!(stem of $above),
            ")) = ",
            full_name!(stem of $above),
            " OR (length(",
            $place,
            ".name) >= 4 AND substr(",
            $place,
            ".name, 1, 4) = substr(",
            $above,
            ".name, 1, 4)) THEN ",
            $place,
            ".name ELSE COALESCE(",
            $above,
            ".name, '') || ",
            $place,
            ".name END"
        )
    };
}
pub(super) use full_name;

crate::statements! {
    CHILDREN = concat!(columns!(), "FROM place p WHERE p.parent_id = $1 ",
        "AND p.retired_at IS NULL ORDER BY p.ord LIMIT $2");
    CHAIN = concat!(columns!(), "FROM place q JOIN place_above pa ON pa.place_id = q.id ",
        "JOIN place p ON p.id = pa.above_id WHERE q.code = $1 AND q.retired_at IS NULL ",
        "ORDER BY pa.distance DESC");
    TOP = concat!(columns!(), "FROM place p WHERE p.parent_id IS NULL AND p.retired_at IS NULL ",
        "ORDER BY p.id LIMIT 1");
    BY_CODES = concat!(columns!(), "FROM place p WHERE p.retired_at IS NULL AND p.code IN ",
        "(SELECT r.code FROM {rows $1: code text}) ORDER BY p.ord");
    FIND_PLACES = concat!(columns!(), "FROM place p WHERE p.retired_at IS NULL AND (p.code = $1 ",
        "OR p.name LIKE $2 ESCAPE '!') ORDER BY p.depth, p.ord LIMIT $3");
    ABOVE = "SELECT pa.place_id, p.code, p.name FROM place_above pa JOIN place p \
        ON p.id = pa.above_id WHERE pa.place_id {in $1} AND pa.distance > 0 \
        ORDER BY pa.place_id, pa.distance DESC";
    ZONES = "SELECT z.code, z.name, z.hazard, count(zh.household_id) AS households FROM zone z \
        LEFT JOIN zone_household zh ON zh.zone_id = z.id GROUP BY z.id, z.code, z.name, z.hazard \
        ORDER BY z.hazard, z.code LIMIT $1";
}

/// Danger zones shown.
const ZONES_MOST: i64 = 40;

/// A place of the tree.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct PlaceRow {
    #[serde(skip)]
    pub id: i64,
    pub code: String,
    pub name: String,
    pub kind: String,
    pub depth: i64,
    /// 1: something stands below it.
    pub opens: i64,
}

/// A danger zone with the households in it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct ZoneRow {
    pub code: String,
    pub name: String,
    pub hazard: String,
    pub households: i64,
}

/// What stands right below a place, in walking order.
pub async fn children(store: &Store, place: i64) -> Result<Vec<PlaceRow>, StoreFault> {
    store.rows(&CHILDREN, args![place, TREE_ROWS]).await
}

/// The way from the root to a place, itself last; of an empty code, the root alone.
pub async fn chain(store: &Store, code: &str) -> Result<Vec<PlaceRow>, StoreFault> {
    let chain = store.rows(&CHAIN, args![code]).await?;
    if chain.is_empty() { store.rows(&TOP, args![]).await } else { Ok(chain) }
}

/// Places by their codes, in walking order.
pub async fn by_codes(store: &Store, codes: &[String]) -> Result<Vec<PlaceRow>, StoreFault> {
    let area = |code: &String| AreaRow { code: code.clone(), excluded: 0 };
    let rows: Vec<AreaRow> = codes.iter().map(area).collect();
    store.rows(&BY_CODES, args![rows_json(&rows)?]).await
}

/// Places with these words in their name, or of this code.
pub async fn find(store: &Store, words: &str) -> Result<Vec<PlaceRow>, StoreFault> {
    store.rows(&FIND_PLACES, args![words, containing(words), TREE_FOUND]).await
}

/// The pattern, escaped by `!`, of whatever has these words in it.
pub(super) fn containing(words: &str) -> String {
    let plain: String = words
        .chars()
        .flat_map(|c| if matches!(c, '%' | '_' | '!') { vec!['!', c] } else { vec![c] })
        .collect();
    format!("%{plain}%")
}

/// Of each place, those above it: place, code, name; the root first.
pub async fn above(
    store: &Store,
    places: &[i64],
) -> Result<Vec<(i64, String, String)>, StoreFault> {
    store.rows(&ABOVE, args![ids(places)]).await
}

/// The danger zones.
pub async fn zones(store: &Store) -> Result<Vec<ZoneRow>, StoreFault> {
    store.rows(&ZONES, args![ZONES_MOST]).await
}

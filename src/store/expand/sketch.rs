//! Whom an order would reach that nobody has written down yet: head-counts by grid, ring and band
//! from codes and masks. Both are told by the one text of `expand`. It changes nothing.

use crate::args;
use crate::base::limits::SHARED_NUMBER;
use crate::store::db::rows_json;
use crate::store::order::AreaRow;
use crate::store::places::full_name;
use crate::store::{Store, StoreFault};

crate::statements! {
    COUNT_SKETCH = concat!("WITH chosen AS (SELECT p.id, r.excluded FROM ",
        "{rows $1: code text, excluded bigint} JOIN place p ON p.code = r.code ",
        "AND p.retired_at IS NULL), inside AS MATERIALIZED (SELECT DISTINCT pa.place_id ",
        "FROM chosen c JOIN place_above pa ON pa.above_id = c.id WHERE c.excluded = 0 ",
        "AND NOT EXISTS (SELECT 1 FROM place_above px JOIN chosen cx ON cx.id = px.above_id ",
        "WHERE px.place_id = pa.place_id AND cx.excluded = 1)), meant AS (SELECT z.id AS zone_id ",
        "FROM zone z WHERE z.code IN (SELECT r.code FROM {rows $2: code text}) ",
        "OR ($3 = 1 AND z.hazard = $4)), known AS MATERIALIZED (SELECT h.id, h.grid_id, ",
        "h.persons, CASE WHEN (h.needs & v.needs) <> 0 THEN 1 ELSE 0 END AS vulnerable, ",
        ring!("meant az ON "), " AS ring FROM (SELECT CAST($5 AS bigint) AS categories, ",
        "CAST($6 AS bigint) AS needs) v CROSS JOIN household h ",
        "WHERE h.place_id IN (SELECT place_id FROM inside) AND h.retired_at IS NULL), ",
        "member AS (SELECT m.id, m.grid_id, m.persons, m.ring, ", band!(), " AS band ",
        "FROM known m), counted AS (SELECT m.grid_id, m.ring, m.band, count(*) AS households, ",
        "CAST(COALESCE(sum(m.persons), 0) AS bigint) AS persons, ",
        "CAST(COALESCE(sum(CASE WHEN EXISTS (SELECT 1 FROM address a WHERE a.household_id = m.id ",
        "AND a.state = 0) THEN 0 ELSE 1 END), 0) AS bigint) AS no_phone, ",
        "CAST(COALESCE(sum(CASE WHEN EXISTS (SELECT 1 FROM address a WHERE a.household_id = m.id ",
        "AND a.state = 0 AND a.lane = 1 AND (a.shares <= $7 OR a.speaks_for = 1)) THEN 1 ELSE 0 ",
        "END), 0) AS bigint) AS messages FROM member m GROUP BY m.grid_id, m.ring, m.band) ",
        "SELECT g.code, ", full_name!("u", "g"), " AS name, CAST(c.ring AS bigint) AS ring, ",
        "c.households, c.persons, c.no_phone, c.messages FROM counted c ",
        "JOIN place g ON g.id = c.grid_id LEFT JOIN place u ON u.id = g.parent_id ",
        "ORDER BY c.band, g.ord, c.ring");
}

/// Whom it would be for.
pub struct Chosen<'a> {
    pub areas: &'a [AreaRow],
    /// Danger zones by code.
    pub zones: &'a [AreaRow],
    /// All zones of this hazard as well; empty: only those named.
    pub hazard: &'a str,
    pub categories: i64,
    pub needs: i64,
}

/// Head-counts of one ring in one grid, as far as it is sent to in one go.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct GridCount {
    /// The grid's code.
    pub code: String,
    /// With the place above it, as people say it.
    pub name: String,
    pub ring: i64,
    pub households: i64,
    pub persons: i64,
    /// Households without any number.
    pub no_phone: i64,
    /// Messages of the first wave by SMS: one a household, one for a number shared by many.
    pub messages: i64,
}

/// Counts the rings in which somebody lives, in the order in which the first wave is sent.
pub async fn count(store: &Store, chosen: &Chosen<'_>) -> Result<Vec<GridCount>, StoreFault> {
    let values = args![
        rows_json(chosen.areas)?,
        rows_json(chosen.zones)?,
        !chosen.hazard.is_empty(),
        chosen.hazard,
        chosen.categories,
        chosen.needs,
        SHARED_NUMBER
    ];
    store.rows(&COUNT_SKETCH, values).await
}

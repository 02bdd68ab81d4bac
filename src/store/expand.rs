//! From the places of an order to its households: expansion rows at approval, then standings,
//! first-wave batches, tallies and the grids' timers, a set of grids at a time.
//! Which ring, demand and order a household gets is written here once, in SQL, from the version's
//! own masks; never a row passes through Rust.

use super::{Store, StoreFault, Tx};
use crate::args;
use crate::domain::batch::Pick;
use crate::store::db::ids;

/// The places of a version's audience: inside its areas and not inside an excluded one.
macro_rules! inside {
    ($from:literal) => {
        concat!(
            "inside AS MATERIALIZED (SELECT DISTINCT pa.place_id FROM ",
            $from,
            "NOT EXISTS (SELECT 1 FROM place_above px JOIN alert_area ax ",
            "ON ax.place_id = px.above_id WHERE px.place_id = pa.place_id AND ax.alert_id = $1 ",
            "AND ax.version = $2 AND ax.excluded = 1)) "
        )
    };
}
macro_rules! inside_all {
    () => {
        inside!(
            "place_above pa JOIN alert_area ar ON ar.place_id = pa.above_id WHERE \
             ar.alert_id = $1 AND ar.version = $2 AND ar.excluded = 0 AND "
        )
    };
}

/// The ring of a household `h` under the masks of `v` and the zones `az`.
macro_rules! ring {
    ($zones:literal) => {
        concat!(
            "CAST(CASE WHEN (h.categories & v.categories) <> 0 OR EXISTS (SELECT 1 ",
            "FROM zone_household zh JOIN ",
            $zones,
            "az.zone_id = zh.zone_id WHERE zh.household_id = h.id) THEN 1 ",
            "WHEN (h.needs & v.needs) <> 0 THEN 2 ELSE 3 END AS bigint)"
        )
    };
}

/// The households of these places with ring and vulnerability. Materialised, since a ring is named
/// several times and costs a look at the zones each time.
macro_rules! member {
    ($places:literal) => {
        concat!(
            "member AS MATERIALIZED (SELECT h.id, h.grid_id, h.building_id, h.ord, h.persons, ",
            "CAST(CASE WHEN (h.needs & v.needs) <> 0 THEN 1 ELSE 0 END AS bigint) AS vulnerable, ",
            ring!("alert_zone az ON az.alert_id = $1 AND az.version = $2 AND "),
            " AS ring ",
            // CROSS: SQLite must not turn the loops round.
            "FROM alert_version v CROSS JOIN household h WHERE v.alert_id = $1 ",
            "AND v.version = $2 AND h.place_id ",
            $places,
            " AND h.retired_at IS NULL) "
        )
    };
}

/// The fragile first, then who must move, then all others.
macro_rules! band {
    () => {
        "CASE WHEN m.vulnerable = 1 THEN 0 WHEN m.ring = 1 THEN 1 ELSE 2 END"
    };
}

pub mod heads;
pub mod paired;
pub mod sketch;
pub mod update;

crate::statements! {
    PLAN_EXPANSION = concat!("WITH ", inside_all!(), ", ",
        member!("IN (SELECT place_id FROM inside)"),
        "INSERT INTO expansion (alert_id, version, grid_id, ord, households, pursued, state) ",
        "SELECT $1, $2, g.grid_id, (SELECT p.ord FROM place p WHERE p.id = g.grid_id), g.homes, ",
        "g.pursued, 0 FROM (SELECT m.grid_id, count(*) AS homes, ",
        "CAST(sum(r.pursued) AS bigint) AS pursued FROM member m JOIN alert_ring r ",
        "ON r.alert_id = $1 AND r.version = $2 AND r.ring = m.ring GROUP BY m.grid_id) g");
    COUNT_AUDIENCE = concat!("WITH ", inside_all!(), ", ",
        member!("IN (SELECT place_id FROM inside)"),
        "SELECT CAST(m.ring AS bigint), count(*), CAST(COALESCE(sum(m.persons), 0) AS bigint), ",
        "CAST(COALESCE(sum(CASE WHEN EXISTS (SELECT 1 FROM address a WHERE a.household_id = m.id ",
        "AND a.state = 0) THEN 0 ELSE 1 END), 0) AS bigint) FROM member m GROUP BY m.ring ",
        "ORDER BY m.ring");
    HAS_AUDIENCE = concat!("WITH ", inside_all!(), "SELECT count(*) FROM (SELECT 1 FROM inside i ",
        "JOIN household h ON h.place_id = i.place_id WHERE h.retired_at IS NULL LIMIT 1) q");
    INSIDE = concat!("WITH ",
        // Counted, since PostgreSQL joins an EXISTS, and then walks the whole area for each set.
        inside!("place_above pa WHERE pa.above_id {in $3} AND 0 < (SELECT count(*) \
            FROM place_above pb JOIN alert_area ar ON ar.place_id = pb.above_id \
            WHERE pb.place_id = pa.place_id AND ar.alert_id = $1 AND ar.version = $2 \
            AND ar.excluded = 0) AND "),
        "SELECT place_id FROM inside ORDER BY place_id");
    CLAIM_EXPANSION = "SELECT id, alert_id, version, grid_id FROM expansion \
        WHERE id {in $1} AND state = 0 ORDER BY id {lock}";
    FILL_STANDING = concat!("WITH ", member!("{in $3}"),
        "INSERT INTO standing (alert_id, grid_id, seq, household_id, building_id, version, ring, ",
        "band, demand, pursued, persons, vulnerable) ",
        "SELECT $1, m.grid_id, row_number() OVER (PARTITION BY m.grid_id ORDER BY ", band!(),
        ", m.ring, m.ord, m.id), m.id, m.building_id, $2, m.ring, ", band!(), ", ",
        "r.demand, r.pursued, m.persons, m.vulnerable ",
        "FROM member m JOIN alert_ring r ON r.alert_id = $1 AND r.version = $2 ",
        "AND r.ring = m.ring");
    CUT_BATCHES = "INSERT INTO batch (alert_id, version, kind, pick, wave, attempt, tries, lane, \
        class, rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, created_at) \
        SELECT $1, $2, 1, $8, 1, 1, 1, $5, $6, $7 + c.band * 100 + min(CASE WHEN c.water IS NULL \
        THEN 99 WHEN c.water >= 490 THEN 98 ELSE c.water / 5 END), c.grid_id, c.ring, \
        min(c.seq), max(c.seq), (SELECT p.ord FROM place p WHERE p.id = c.grid_id) + $9, $4, 0, $4 \
        FROM (SELECT s.grid_id, s.seq, s.ring, s.band, (SELECT min(z.minutes_to_water) FROM \
        alert_zone az JOIN zone z ON z.id = az.zone_id JOIN zone_household zh \
        ON zh.zone_id = az.zone_id AND zh.household_id = s.household_id WHERE az.alert_id = $1 \
        AND az.version = $2) AS water, (row_number() OVER (PARTITION BY \
        s.grid_id, s.band, s.ring ORDER BY s.seq) - 1) / 200 AS cut FROM standing s \
        WHERE s.alert_id = $1 AND s.version = $2 AND s.grid_id {in $3} AND ($5 <> 3 OR EXISTS \
        (SELECT 1 FROM address f WHERE f.household_id = s.household_id AND f.lane = 3 \
        AND f.state = 0))) c \
        GROUP BY c.grid_id, c.band, c.ring, c.cut ON CONFLICT DO NOTHING";
    DROP_TALLY = "DELETE FROM tally WHERE alert_id = $1 AND grid_id {in $2}";
    COUNT_TALLY = "INSERT INTO tally (alert_id, grid_id, building_id, ring, audience, pursued, \
        closed, told_open, heard, help, refused) SELECT s.alert_id, s.grid_id, s.building_id, \
        s.ring, count(*), CAST(sum(s.pursued) AS bigint), \
        CAST(sum(CASE WHEN s.pursued = 1 AND s.closed_at IS NOT NULL AND s.helps = 0 \
        THEN 1 ELSE 0 END) AS bigint), \
        CAST(sum(CASE WHEN s.pursued = 0 AND s.helps > 0 THEN 1 ELSE 0 END) AS bigint), \
        count(s.heard_at), CAST(sum(CASE WHEN s.helps > 0 THEN 1 ELSE 0 END) AS bigint), \
        CAST(sum(s.refused) AS bigint) FROM standing s WHERE s.alert_id = $1 \
        AND s.grid_id {in $2} GROUP BY s.alert_id, s.grid_id, s.building_id, s.ring";
    START_CLOCKS = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT e.alert_id, 1, e.grid_id, 0, 0, $3 FROM expansion e WHERE e.id {in $1} \
        AND $2 = 1 AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.alert_id = e.alert_id \
        AND t.place_id = e.grid_id AND t.kind IN (1, 3)) ON CONFLICT DO NOTHING";
    FINISH_EXPANSION = "UPDATE expansion SET state = 1, done_at = $2 WHERE id {in $1}";
    END_EXPANSION = "UPDATE expansion SET state = 2 WHERE id {in $1} AND state = 0";
}

/// Whether anybody lives in a version's audience.
pub async fn has_audience(store: &Store, alert: i64, version: i64) -> Result<bool, StoreFault> {
    let row: Option<(i64,)> = store.first(&HAS_AUDIENCE, args![alert, version]).await?;
    Ok(row.is_some_and(|r| r.0 > 0))
}

/// Head-counts of a version's audience: ring, households, persons, households without a phone.
pub async fn count_audience(
    store: &Store,
    alert: i64,
    version: i64,
) -> Result<Vec<(i64, i64, i64, i64)>, StoreFault> {
    store.rows(&COUNT_AUDIENCE, args![alert, version]).await
}

/// One row per grid of the audience, in tree order. Gives the number of grids.
pub async fn plan_expansion(tx: &mut Tx, alert: i64, version: i64) -> Result<u64, StoreFault> {
    tx.exec(&PLAN_EXPANSION, args![alert, version]).await
}

/// Grids of one version, ready to be expanded together.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ExpansionRow {
    pub id: i64,
    pub alert_id: i64,
    pub version: i64,
    pub grid_id: i64,
}

/// Locks the pending ones of `expansions`, in key order.
pub async fn claim_expansion(
    tx: &mut Tx,
    expansions: &[i64],
) -> Result<Vec<ExpansionRow>, StoreFault> {
    tx.rows(&CLAIM_EXPANSION, args![ids(expansions)]).await
}

/// What the expansion of a version needs to know besides its rows.
pub struct Spread {
    /// Those of `domain::lane` that serve the version.
    pub lanes: Vec<i64>,
    pub class: i64,
    pub rank: i64,
    pub now: i64,
    /// False: the order is over, and only who stood where is written.
    pub sends: bool,
    /// When the grids' clocks start at the latest; none: the plan has neither waves nor lists.
    pub clock_at: Option<i64>,
    /// Texts of older versions that ask for the same; empty for a first one.
    pub same: Vec<update::SameText>,
}

/// Expands the claimed grids of one alert and version: standings, batches, tallies, timers.
pub async fn fill(tx: &mut Tx, rows: &[ExpansionRow], spread: &Spread) -> Result<(), StoreFault> {
    let Some(head) = rows.first() else {
        return Ok(());
    };
    let (alert, version) = (head.alert_id, head.version);
    let grids = ids(&rows.iter().map(|r| r.grid_id).collect::<Vec<_>>());
    let own = ids(&rows.iter().map(|r| r.id).collect::<Vec<_>>());
    // The places first, by themselves: with a list of keys both databases walk the index, whatever
    // their statistics say of tables that were empty a second ago.
    let places: Vec<(i64,)> = tx.rows(&INSIDE, args![alert, version, &grids]).await?;
    let places = ids(&places.into_iter().map(|row| row.0).collect::<Vec<_>>());
    if version > 1 {
        update::advance(tx, alert, version, &grids, &places, &spread.same).await?;
    } else {
        tx.exec(&FILL_STANDING, args![alert, version, places]).await?;
    }
    if spread.sends {
        cut_batches(tx, alert, version, &grids, spread, Pick::First, 0).await?;
    }
    tx.exec(&COUNT_TALLY, args![alert, &grids]).await?;
    if let Some(clock_at) = spread.clock_at.filter(|_| spread.sends) {
        tx.exec(&START_CLOCKS, args![&own, 1_i64, clock_at]).await?;
    }
    tx.exec(&FINISH_EXPANSION, args![&own, spread.now]).await?;
    Ok(())
}

/// Cuts the standings of a version into batches of one ring and band; `run` tells later cuts of
/// the same grids from the first.
pub(super) async fn cut_batches(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    grids: &str,
    spread: &Spread,
    pick: Pick,
    run: i64,
) -> Result<u64, StoreFault> {
    let mut cut = 0;
    for lane in &spread.lanes {
        let values = args![
            alert,
            version,
            grids,
            spread.now,
            *lane,
            spread.class,
            spread.rank,
            pick.code(),
            run.saturating_mul(1_000_000_000)
        ];
        cut += tx.exec(&CUT_BATCHES, values).await?;
    }
    Ok(cut)
}

/// Closes pending expansions of a version that is no longer in force.
pub async fn end_expansion(tx: &mut Tx, expansions: &[i64]) -> Result<u64, StoreFault> {
    tx.exec(&END_EXPANSION, args![ids(expansions)]).await
}

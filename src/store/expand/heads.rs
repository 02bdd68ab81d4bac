//! Who answers for a unit, a danger zone or a shelter, beside the ladder of places: woken with the
//! responsible persons, and offered no list. Whom the places' own ladder wakes is `climb`'s.

use crate::args;
use crate::store::climb::SummonedPlace;
use crate::store::{StoreFault, Tx};

/// Heads of the units, zones and shelters of a version, with the doors of a zone.
macro_rules! head {
    () => {
        concat!(
            "WITH ",
            inside_all!(),
            ", ",
            member!(
                "IN (SELECT i.place_id FROM inside i JOIN place_above pu \
                 ON pu.place_id = i.place_id JOIN duty du ON du.place_id = pu.above_id \
                 AND du.role = 8)"
            ),
            ", head AS (SELECT d.human_id, d.place_id, u.name AS place, CAST(0 AS bigint) ",
            "AS zone_id, CAST(0 AS bigint) AS doors FROM member m JOIN household u ",
            "ON u.id = m.id AND u.kind = 2 JOIN alert_ring r ON r.alert_id = $1 ",
            "AND r.version = $2 AND r.ring = m.ring AND r.pursued = 1 ",
            "JOIN duty d ON d.place_id = m.building_id AND d.role = 8 UNION ",
            "SELECT d.human_id, d.place_id, p.name || '避灾点', 0, 0 FROM duty d ",
            "JOIN place p ON p.id = d.place_id WHERE d.role = 9 AND EXISTS (SELECT 1 ",
            "FROM alert_ring r WHERE r.alert_id = $1 AND r.version = $2 AND r.ring = 1 ",
            "AND r.pursued = 1 AND r.demand = 4) AND (EXISTS (SELECT 1 FROM place_above pa ",
            "JOIN expansion e ON e.alert_id = $1 AND e.version = $2 AND e.grid_id = pa.place_id ",
            "AND e.pursued > 0 WHERE pa.above_id = d.place_id) OR EXISTS (SELECT 1 ",
            "FROM place_above pa JOIN expansion e ON e.alert_id = $1 AND e.version = $2 ",
            "AND e.grid_id = pa.above_id AND e.pursued > 0 WHERE pa.place_id = d.place_id)) ",
            "UNION SELECT z.head_id, min(h.grid_id), z.name, z.id, count(*) FROM alert_zone az ",
            "JOIN zone z ON z.id = az.zone_id AND z.head_id IS NOT NULL ",
            "JOIN alert_ring r ON r.alert_id = $1 AND r.version = $2 AND r.ring = 1 ",
            "AND r.pursued = 1 JOIN zone_household zh ON zh.zone_id = z.id JOIN household h ",
            "ON h.id = zh.household_id AND h.retired_at IS NULL JOIN inside i ",
            "ON i.place_id = h.place_id WHERE az.alert_id = $1 AND az.version = $2 ",
            "GROUP BY z.id, z.head_id, z.name) "
        )
    };
}

crate::statements! {
    OPEN_HEADS = concat!(head!(), "INSERT INTO summons (alert_id, human_id, place_id, role, n, ",
        "called_at) SELECT $1, q.human_id, min(q.place_id), 1, 0, $3 FROM head q ",
        "WHERE NOT EXISTS (SELECT 1 FROM absence x WHERE x.human_id = q.human_id ",
        "AND x.from_at <= $3 AND x.until_at > $3) GROUP BY q.human_id ON CONFLICT DO NOTHING");
    // A zone's doors are its own where its head answers for nothing else: no grid's number.
    HEADED = concat!(head!(), "SELECT q.human_id, q.place_id, q.place, - q.zone_id AS grid_id, ",
        "q.doors AS pursued FROM head q JOIN summons s ON s.alert_id = $1 ",
        "AND s.human_id = q.human_id AND s.woken_at IS NULL ",
        "ORDER BY q.human_id, q.place_id, q.zone_id, q.place");
}

/// Writes a summons for every head who has none yet. Gives their number.
pub async fn open(tx: &mut Tx, alert: i64, version: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&OPEN_HEADS, args![alert, version, now]).await
}

/// What the un-woken heads answer for. A zone's doors stand under a grid below zero.
pub async fn headed(
    tx: &mut Tx,
    alert: i64,
    version: i64,
) -> Result<Vec<SummonedPlace>, StoreFault> {
    tx.rows(&HEADED, args![alert, version]).await
}

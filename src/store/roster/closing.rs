//! What follows from the merged rows: the walking order of places and homes, the tree's closure,
//! which numbers are shared, which homes lie in a zone; and the retiring of what nobody names.

use super::merge::Summary;
use crate::args;
use crate::domain::roster::RosterFile;
use crate::store::{StoreFault, Tx};

/// Every place above every place, worked out anew.
macro_rules! up {
    () => {
        "WITH RECURSIVE up(place_id, above_id, distance) AS (SELECT p.id, p.id, \
         CAST(0 AS bigint) FROM place p UNION ALL SELECT up.place_id, p.parent_id, \
         up.distance + 1 FROM up JOIN place p ON p.id = up.above_id \
         WHERE p.parent_id IS NOT NULL) "
    };
}

/// Which home lies in which zone through its place.
macro_rules! lies_in {
    () => {
        "FROM zone_place zp JOIN place_above pa ON pa.above_id = zp.place_id \
         JOIN household h ON h.place_id = pa.place_id "
    };
}

macro_rules! unnamed {
    ($table:literal, $file:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM stage s WHERE s.import_id = $1 AND s.file = '",
            $file,
            "' AND s.code = ",
            $table,
            ".code)"
        )
    };
}

crate::statements! {
    // A place's order among its siblings, then along the way from the root, in digits of one width.
    ORDER_PLACES = "WITH RECURSIVE sib AS MATERIALIZED (SELECT p.id, p.parent_id, row_number() \
        OVER (PARTITION BY p.parent_id ORDER BY COALESCE((SELECT CAST({json s.data} ->> 'ord' \
        AS bigint) FROM stage s WHERE s.import_id = $1 AND s.file = 'places' \
        AND s.code = p.code), p.ord), p.code) AS n FROM place p), path(id, depth, way) AS \
        (SELECT sib.id, CAST(0 AS bigint), CAST('' AS text) FROM sib WHERE sib.parent_id IS NULL \
        UNION ALL SELECT sib.id, path.depth + 1, \
        path.way || substr(CAST(1000000 + sib.n AS text), 2) FROM path \
        JOIN sib ON sib.parent_id = path.id), walk AS (SELECT path.id, path.depth, \
        row_number() OVER (ORDER BY path.way) - 1 AS ord FROM path) \
        UPDATE place SET depth = walk.depth, ord = walk.ord FROM walk \
        WHERE walk.id = place.id AND (place.depth <> walk.depth OR place.ord <> walk.ord)";
    DROP_ABOVE = concat!(up!(), "DELETE FROM place_above WHERE NOT EXISTS (SELECT 1 FROM up ",
        "WHERE up.place_id = place_above.place_id AND up.above_id = place_above.above_id ",
        "AND up.distance = place_above.distance)");
    ADD_ABOVE = concat!(up!(), "INSERT INTO place_above (place_id, above_id, distance) ",
        "SELECT up.place_id, up.above_id, up.distance FROM up WHERE NOT EXISTS (SELECT 1 ",
        "FROM place_above x WHERE x.place_id = up.place_id AND x.above_id = up.above_id)");
    MOVE_HOMES = "UPDATE household SET grid_id = b.parent_id, building_id = b.id FROM place p \
        JOIN place b ON b.id = CASE WHEN p.kind = 'building' THEN p.id ELSE p.parent_id END \
        WHERE p.id = household.place_id AND (household.grid_id <> b.parent_id \
        OR household.building_id <> b.id)";
    ORDER_HOMES = "UPDATE household SET ord = w.ord FROM (SELECT h.id, row_number() OVER \
        (PARTITION BY h.grid_id ORDER BY p.ord, h.floor, length(h.door), h.door, h.code) AS ord \
        FROM household h JOIN place p ON p.id = h.place_id WHERE h.retired_at IS NULL) w \
        WHERE household.id = w.id AND household.ord <> w.ord";
    SHARE_NUMBERS = "UPDATE address SET shares = n.shares, speaks_for = n.speaks \
        FROM (SELECT a.id, count(*) OVER (PARTITION BY a.lane, a.hash) AS shares, \
        CASE WHEN row_number() OVER (PARTITION BY a.lane, a.hash ORDER BY \
        CASE WHEN a.relative IS NULL THEN 0 ELSE 1 END, a.id) = 1 THEN 1 ELSE 0 END AS speaks \
        FROM address a JOIN household h ON h.id = a.household_id \
        WHERE h.retired_at IS NULL AND a.state <> 4) n WHERE address.id = n.id \
        AND (address.shares <> n.shares OR address.speaks_for <> n.speaks)";
    DROP_ZONE_HOMES = concat!("DELETE FROM zone_household WHERE direct = 0 AND NOT EXISTS ",
        "(SELECT 1 ", lies_in!(), "WHERE zp.zone_id = zone_household.zone_id ",
        "AND h.id = zone_household.household_id)");
    ADD_DERIVED = concat!("INSERT INTO zone_household (zone_id, household_id) ",
        "SELECT DISTINCT zp.zone_id, h.id ", lies_in!(), "WHERE true ON CONFLICT DO NOTHING");

    RETIRE_ZONE_HOMES = "UPDATE zone_household SET direct = 0 WHERE direct = 1 AND NOT EXISTS \
        (SELECT 1 FROM stage s JOIN zone z ON z.code = s.refers JOIN household h \
        ON h.code = s.refers2 WHERE s.import_id = $1 AND s.file = 'zone_homes' \
        AND z.id = zone_household.zone_id AND h.id = zone_household.household_id)";
    RETIRE_ZONE_PLACES = "DELETE FROM zone_place WHERE NOT EXISTS \
        (SELECT 1 FROM stage s JOIN zone z ON z.code = s.refers JOIN place p \
        ON p.code = s.refers2 WHERE s.import_id = $1 AND s.file = 'zone_places' \
        AND z.id = zone_place.zone_id AND p.id = zone_place.place_id)";
    EMPTY_ZONES = concat!("DELETE FROM zone_household WHERE zone_id IN (SELECT zone.id FROM zone ",
        "WHERE ", unnamed!("zone", "zones"), ")");
    RETIRE_ZONES = concat!("DELETE FROM zone WHERE ", unnamed!("zone", "zones"));
    RETIRE_ADDRESSES = "UPDATE address SET state = 4, state_at = $2 WHERE household_id IS NOT NULL \
        AND state IN (0, 1, 3) AND NOT EXISTS (SELECT 1 FROM stage s JOIN household h \
        ON h.code = s.refers WHERE s.import_id = $1 AND s.file = 'addresses' \
        AND h.id = address.household_id AND s.hash = address.hash \
        AND CAST({json s.data} ->> 'lane' AS bigint) = address.lane)";
    FORGET_PERSONS = concat!("UPDATE address SET person_id = NULL WHERE person_id IN ",
        "(SELECT person.id FROM person WHERE ", unnamed!("person", "persons"), ")");
    RETIRE_PERSONS = concat!("DELETE FROM person WHERE ", unnamed!("person", "persons"));
    RETIRE_HOMES = concat!("UPDATE household SET retired_at = $2 WHERE retired_at IS NULL AND ",
        unnamed!("household", "households"));
    RETIRE_DUTIES = "DELETE FROM duty WHERE NOT EXISTS (SELECT 1 FROM stage s JOIN place p \
        ON p.code = s.refers JOIN human h ON h.code = s.refers2 WHERE s.import_id = $1 \
        AND s.file = 'duties' AND p.id = duty.place_id AND h.id = duty.human_id \
        AND CAST({json s.data} ->> 'role' AS bigint) = duty.role)";
    RETIRE_ABSENCES = "DELETE FROM absence WHERE NOT EXISTS (SELECT 1 FROM stage s JOIN human h \
        ON h.code = s.refers WHERE s.import_id = $1 AND s.file = 'absences' \
        AND h.id = absence.human_id \
        AND CAST({json s.data} ->> 'from' AS bigint) = absence.from_at)";
    RETIRE_PLACES = concat!("UPDATE place SET retired_at = $2 WHERE retired_at IS NULL AND ",
        unnamed!("place", "places"));
    RETIRE_HUMANS = concat!("UPDATE human SET retired_at = $2 WHERE retired_at IS NULL AND ",
        unnamed!("human", "humans"));
    RETIRE_PHONES = "UPDATE address SET state = 4, state_at = $1 WHERE state IN (0, 1, 3) \
        AND human_id IN (SELECT h.id FROM human h WHERE h.retired_at IS NOT NULL)";
}

/// Order and closure of the places.
pub async fn tree(tx: &mut Tx, import: i64) -> Result<(), StoreFault> {
    tx.exec(&ORDER_PLACES, args![import]).await?;
    tx.exec(&DROP_ABOVE, args![]).await?;
    tx.exec(&ADD_ABOVE, args![]).await?;
    Ok(())
}

/// What follows for homes, numbers and zones.
pub async fn derive(tx: &mut Tx) -> Result<(), StoreFault> {
    for stmt in [&MOVE_HOMES, &ORDER_HOMES, &SHARE_NUMBERS, &DROP_ZONE_HOMES, &ADD_DERIVED] {
        tx.exec(stmt, args![]).await?;
    }
    Ok(())
}

/// Retires what the nine files don't name. Numbers that opted out keep saying so.
pub async fn retire(
    tx: &mut Tx,
    sum: &mut Summary,
    import: i64,
    now: i64,
) -> Result<(), StoreFault> {
    use RosterFile::*;
    sum.at(ZoneMembers).retired += tx.exec(&RETIRE_ZONE_HOMES, args![import]).await?;
    sum.at(ZoneMembers).retired += tx.exec(&RETIRE_ZONE_PLACES, args![import]).await?;
    tx.exec(&EMPTY_ZONES, args![import]).await?;
    sum.at(Zones).retired += tx.exec(&RETIRE_ZONES, args![import]).await?;
    sum.at(Addresses).retired += tx.exec(&RETIRE_ADDRESSES, args![import, now]).await?;
    tx.exec(&FORGET_PERSONS, args![import]).await?;
    sum.at(Persons).retired += tx.exec(&RETIRE_PERSONS, args![import]).await?;
    sum.at(Households).retired += tx.exec(&RETIRE_HOMES, args![import, now]).await?;
    sum.at(Duties).retired += tx.exec(&RETIRE_DUTIES, args![import]).await?;
    sum.at(Absences).retired += tx.exec(&RETIRE_ABSENCES, args![import]).await?;
    sum.at(Places).retired += tx.exec(&RETIRE_PLACES, args![import, now]).await?;
    sum.at(Humans).retired += tx.exec(&RETIRE_HUMANS, args![import, now]).await?;
    tx.exec(&RETIRE_PHONES, args![now]).await?;
    Ok(())
}

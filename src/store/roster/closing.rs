//! What follows from the merged rows: the walking order of places and homes, the tree's closure,
//! which numbers are shared, which homes lie in a zone; and the retiring of what nobody names.

use super::compare::{Differences, Staged};
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

/// Homes that the import writes.
macro_rules! written {
    () => {
        "SELECT x.id FROM stage s JOIN household x ON x.code = s.code \
         WHERE s.differs = 1 AND s.file = 6"
    };
}

crate::statements! {
    // A place's order among its siblings, then along the way from the root, in digits of one width.
    ORDER_PLACES = "WITH RECURSIVE sib AS MATERIALIZED (SELECT p.id, p.parent_id, row_number() \
        OVER (PARTITION BY p.parent_id ORDER BY COALESCE((SELECT s.n3 FROM stage s \
        WHERE s.file = 1 AND s.code = p.code), p.ord), p.code) AS n FROM place p), \
        path(id, depth, way) AS (SELECT sib.id, CAST(0 AS bigint), CAST('' AS text) FROM sib \
        WHERE sib.parent_id IS NULL UNION ALL SELECT sib.id, path.depth + 1, \
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
    // $1 1: in all grids, else where a home was written.
    ORDER_HOMES = concat!("UPDATE household SET ord = w.ord FROM (SELECT h.id, row_number() OVER \
        (PARTITION BY h.grid_id ORDER BY p.ord, h.floor, length(h.door), h.door, h.code) AS ord \
        FROM household h JOIN place p ON p.id = h.place_id WHERE h.retired_at IS NULL \
        AND ($1 = 1 OR h.grid_id IN (SELECT y.grid_id FROM household y WHERE y.id IN (", written!(),
        ")))) w WHERE household.id = w.id AND household.ord <> w.ord");
    // Only numbers that the import touched: others are shared by as many as before.
    SHARE_NUMBERS = "UPDATE address SET shares = n.shares, speaks_for = n.speaks \
        FROM (SELECT a.id, count(*) OVER (PARTITION BY a.lane, a.hash) AS shares, \
        CASE WHEN row_number() OVER (PARTITION BY a.lane, a.hash ORDER BY \
        CASE WHEN a.relative IS NULL THEN 0 ELSE 1 END, a.id) = 1 THEN 1 ELSE 0 END AS speaks \
        FROM address a JOIN household h ON h.id = a.household_id \
        WHERE h.retired_at IS NULL AND a.state <> 4 AND a.hash IN (SELECT c.hash FROM shared c)) n \
        WHERE address.id = n.id \
        AND (address.shares <> n.shares OR address.speaks_for <> n.speaks)";
    // $1 1: of all homes, else of those written.
    DROP_ZONE_HOMES = concat!("DELETE FROM zone_household WHERE direct = 0 AND ($1 = 1 ",
        "OR household_id IN (", written!(), ")) AND NOT EXISTS (SELECT 1 ", lies_in!(),
        "WHERE zp.zone_id = zone_household.zone_id AND h.id = zone_household.household_id)");
    ADD_DERIVED = concat!("INSERT INTO zone_household (zone_id, household_id) ",
        "SELECT DISTINCT zp.zone_id, h.id ", lies_in!(), "WHERE ($1 = 1 OR h.id IN (", written!(),
        ")) ON CONFLICT DO NOTHING");

    RETIRE_ZONE_HOMES = "UPDATE zone_household SET direct = 0 WHERE (zone_id, household_id) IN \
        (SELECT g.id, g.id2 FROM gone g WHERE g.file = 11)";
    RETIRE_ZONE_PLACES = "DELETE FROM zone_place WHERE (zone_id, place_id) IN \
        (SELECT g.id, g.id2 FROM gone g WHERE g.file = 10)";
    EMPTY_ZONES = "DELETE FROM zone_household WHERE zone_id IN \
        (SELECT g.id FROM gone g WHERE g.file = 9)";
    RETIRE_ZONES = "DELETE FROM zone WHERE id IN (SELECT g.id FROM gone g WHERE g.file = 9)";
    RETIRE_NUMBERS = "UPDATE address SET state = 4, state_at = $2 WHERE state IN (0, 1, 3) \
        AND id IN (SELECT g.id FROM gone g WHERE g.file = $1)";
    FORGET_PERSONS = "UPDATE address SET person_id = NULL WHERE person_id IN \
        (SELECT g.id FROM gone g WHERE g.file = 7)";
    RETIRE_PERSONS = "DELETE FROM person WHERE id IN (SELECT g.id FROM gone g WHERE g.file = 7)";
    RETIRE_HOMES = "UPDATE household SET retired_at = $1 WHERE id IN \
        (SELECT g.id FROM gone g WHERE g.file = 6)";
    RETIRE_DUTIES = "DELETE FROM duty WHERE (place_id, human_id, role) IN \
        (SELECT g.id, g.id2, g.id3 FROM gone g WHERE g.file = 4)";
    RETIRE_ABSENCES = "DELETE FROM absence WHERE (human_id, from_at) IN \
        (SELECT g.id, g.id2 FROM gone g WHERE g.file = 5)";
    RETIRE_PLACES = "UPDATE place SET retired_at = $1 WHERE id IN \
        (SELECT g.id FROM gone g WHERE g.file = 1)";
    RETIRE_HUMANS = "UPDATE human SET retired_at = $1 WHERE id IN \
        (SELECT g.id FROM gone g WHERE g.file = 2)";
    RETIRE_PHONES = "UPDATE address SET state = 4, state_at = $1 WHERE state IN (0, 1, 3) \
        AND human_id IN (SELECT g.id FROM gone g WHERE g.file = 2)";
}

/// Order and closure of the places.
pub(super) async fn tree(tx: &mut Tx, found: &Differences) -> Result<(), StoreFault> {
    if found.moves_tree() {
        for stmt in [&ORDER_PLACES, &DROP_ABOVE, &ADD_ABOVE] {
            tx.exec(stmt, args![]).await?;
        }
    }
    Ok(())
}

/// What follows for homes, numbers and zones.
pub(super) async fn derive(tx: &mut Tx, found: &Differences) -> Result<(), StoreFault> {
    let tree = found.moves_tree();
    let homes = found.touches(Staged::Households);
    if tree {
        tx.exec(&MOVE_HOMES, args![]).await?;
    }
    if tree || homes {
        tx.exec(&ORDER_HOMES, args![tree]).await?;
    }
    if homes || found.touches(Staged::Addresses) {
        tx.exec(&SHARE_NUMBERS, args![]).await?;
    }
    let all = tree || found.moves_zones();
    if all || homes {
        tx.exec(&DROP_ZONE_HOMES, args![all]).await?;
        tx.exec(&ADD_DERIVED, args![all]).await?;
    }
    Ok(())
}

/// Retires what is gone. Numbers that opted out keep saying so.
pub(super) async fn retire(
    tx: &mut Tx,
    sum: &mut Summary,
    found: &Differences,
    now: i64,
) -> Result<(), StoreFault> {
    use RosterFile::{Absences, Addresses, Duties, Humans, Persons, Places, ZoneMembers, Zones};
    let numbers = |staged: Staged| args![staged as i64, now];
    sum.at(Humans).changed += tx.exec(&RETIRE_NUMBERS, numbers(Staged::Phones)).await?;
    sum.at(Addresses).retired += tx.exec(&RETIRE_NUMBERS, numbers(Staged::Addresses)).await?;
    for (staged, file, stmt) in [
        (Staged::ZoneHomes, ZoneMembers, &RETIRE_ZONE_HOMES),
        (Staged::ZonePlaces, ZoneMembers, &RETIRE_ZONE_PLACES),
        (Staged::Duties, Duties, &RETIRE_DUTIES),
        (Staged::Absences, Absences, &RETIRE_ABSENCES),
    ] {
        if found.has_gone(staged) {
            sum.at(file).retired += tx.exec(stmt, args![]).await?;
        }
    }
    if found.has_gone(Staged::Zones) {
        tx.exec(&EMPTY_ZONES, args![]).await?;
        sum.at(Zones).retired += tx.exec(&RETIRE_ZONES, args![]).await?;
    }
    if found.has_gone(Staged::Persons) {
        tx.exec(&FORGET_PERSONS, args![]).await?;
        sum.at(Persons).retired += tx.exec(&RETIRE_PERSONS, args![]).await?;
    }
    for (staged, file, stmt) in [
        (Staged::Households, RosterFile::Households, &RETIRE_HOMES),
        (Staged::Places, Places, &RETIRE_PLACES),
        (Staged::Humans, Humans, &RETIRE_HUMANS),
    ] {
        if found.has_gone(staged) {
            sum.at(file).retired += tx.exec(stmt, args![now]).await?;
        }
    }
    if found.has_gone(Staged::Humans) {
        tx.exec(&RETIRE_PHONES, args![now]).await?;
    }
    Ok(())
}

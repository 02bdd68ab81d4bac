//! The staged rows made so: what is new is added, what differs is changed, what nobody names is
//! retired where that was asked for. Statements in the order in which rows refer to each other;
//! rows that are the same are neither written nor locked.
//!
//! The tree's order, its closure, shared numbers and the zones' homes are worked out by `closing`.

use super::closing;
use super::compare::{Differences, Staged};
use crate::args;
use crate::domain::roster::{PlaceKind, RosterFile};
use crate::store::{StoreFault, Tx};

/// `FROM stage s` of one kind of rows.
macro_rules! staged {
    ($name:tt) => {
        concat!("s.differs = 1 AND s.file = ", file_no!($name))
    };
}

/// A household as it is to be; `n` for the statement that compares.
macro_rules! homes {
    () => {
        concat!(
            "SELECT s.code, ",
            "s.n1",
            " AS kind, ",
            "s.t1",
            " AS name, ",
            "b.parent_id AS grid_id, b.id AS building_id, p.id AS place_id, ",
            "s.n2",
            " AS floor, ",
            "s.t2",
            " AS door, ",
            "s.n3",
            " AS persons, ",
            "s.n4",
            " AS needs, ",
            "s.n5",
            " AS categories, hm.id AS helper_id, ",
            "p.ord AS place_ord, s.line FROM stage s JOIN place p ON p.code = s.refers ",
            "JOIN place b ON b.id = CASE WHEN p.kind = 'building' THEN p.id ELSE p.parent_id END ",
            "LEFT JOIN human hm ON hm.code = s.refers2 WHERE ",
            staged!("households")
        )
    };
}

/// A number staged for a household or a human, with the ids it belongs to.
macro_rules! of_home {
    () => {
        concat!(
            "FROM stage s JOIN household o ON o.code = s.refers ",
            "LEFT JOIN person q ON q.code = s.refers2 WHERE ",
            staged!("addresses")
        )
    };
}
macro_rules! of_human {
    () => {
        concat!("FROM stage s JOIN human o ON o.code = s.refers WHERE ", staged!("phones"))
    };
}

crate::statements! {
    ADD_HUMANS = concat!("INSERT INTO human (code, name) SELECT s.code, s.t1",
        " FROM stage s WHERE ", staged!("humans"), " AND NOT EXISTS ",
        "(SELECT 1 FROM human x WHERE x.code = s.code) ORDER BY s.line");
    SET_HUMANS = concat!("UPDATE human SET name = n.name, retired_at = NULL FROM (SELECT s.code, ",
        "s.t1 AS name FROM stage s WHERE ", staged!("humans"), ") n ",
        "WHERE human.code = n.code");
    ADD_PHONES = concat!("INSERT INTO address (human_id, lane, realm, sealed, hash, last4, ord) ",
        "SELECT o.id, s.n1, s.n2, s.sealed, s.hash, ",
        "s.t1, s.n3 ", of_human!(), " AND NOT EXISTS (SELECT 1 ",
        "FROM address x WHERE x.human_id = o.id AND x.lane = s.n1",
        " AND x.hash = s.hash) ORDER BY s.line");
    SET_PHONES = concat!("UPDATE address SET ord = n.ord, ",
        "state = CASE WHEN address.state = 4 THEN 0 ELSE address.state END ",
        "FROM (SELECT o.id, s.hash, s.n1 AS lane, s.n3 AS ord ",
        of_human!(), ") n WHERE address.human_id = n.id AND address.lane = n.lane ",
        "AND address.hash = n.hash");
    ADD_PLACES = concat!("INSERT INTO place (code, name, kind, parent_id, depth, ord) ",
        "SELECT s.code, s.t1, s.t2, q.id, 0, 0 FROM stage s ",
        "LEFT JOIN place q ON q.code = s.refers WHERE ", staged!("places"), " AND ",
        "s.t2 = $1 AND NOT EXISTS (SELECT 1 FROM place x WHERE x.code = s.code) ",
        "ORDER BY s.line");
    SET_PLACES = concat!("UPDATE place SET name = n.name, parent_id = n.parent, ",
        "retired_at = NULL FROM (SELECT s.code, s.t1 AS name, q.id AS parent ",
        "FROM stage s LEFT JOIN place q ON q.code = s.refers WHERE ", staged!("places"),
        ") n WHERE place.code = n.code AND (place.name <> n.name OR place.retired_at IS NOT NULL ",
        "OR place.parent_id IS DISTINCT FROM n.parent)");
    ADD_DUTIES = concat!("INSERT INTO duty (place_id, human_id, role, ord) ",
        "SELECT p.id, h.id, s.n1, s.n3 FROM stage s ",
        "JOIN place p ON p.code = s.refers JOIN human h ON h.code = s.refers2 WHERE ",
        staged!("duties"), " AND NOT EXISTS (SELECT 1 FROM duty x WHERE x.place_id = p.id ",
        "AND x.human_id = h.id AND x.role = s.n1)");
    SET_DUTIES = concat!("UPDATE duty SET ord = n.ord FROM (SELECT p.id AS place, ",
        "h.id AS human, s.n1 AS role, s.n3 AS ord FROM stage s ",
        "JOIN place p ON p.code = s.refers JOIN human h ON h.code = s.refers2 WHERE ",
        staged!("duties"), ") n WHERE duty.place_id = n.place AND duty.human_id = n.human ",
        "AND duty.role = n.role");
    ADD_ABSENCES = concat!("INSERT INTO absence (human_id, from_at, until_at) ",
        "SELECT h.id, s.n1, s.n2 FROM stage s ",
        "JOIN human h ON h.code = s.refers WHERE ", staged!("absences"), " AND NOT EXISTS ",
        "(SELECT 1 FROM absence x WHERE x.human_id = h.id AND x.from_at = s.n1)");
    SET_ABSENCES = concat!("UPDATE absence SET until_at = n.until_at FROM (SELECT h.id, ",
        "s.n1 AS from_at, s.n2 AS until_at FROM stage s ",
        "JOIN human h ON h.code = s.refers WHERE ", staged!("absences"), ") n ",
        "WHERE absence.human_id = n.id AND absence.from_at = n.from_at");
    ADD_HOMES = concat!("INSERT INTO household (code, kind, name, grid_id, building_id, ",
        "place_id, floor, door, persons, needs, categories, helper_id, ord) SELECT n.code, ",
        "n.kind, n.name, n.grid_id, n.building_id, n.place_id, n.floor, n.door, n.persons, ",
        "n.needs, n.categories, n.helper_id, row_number() OVER (PARTITION BY n.grid_id ",
        "ORDER BY n.place_ord, n.floor, length(n.door), n.door, n.code) FROM (", homes!(),
        ") n WHERE NOT EXISTS (SELECT 1 FROM household x WHERE x.code = n.code) ORDER BY n.line");
    SET_HOMES = concat!("UPDATE household SET kind = n.kind, name = n.name, ",
        "grid_id = n.grid_id, building_id = n.building_id, place_id = n.place_id, ",
        "floor = n.floor, door = n.door, persons = n.persons, needs = n.needs, ",
        "categories = n.categories, helper_id = n.helper_id, retired_at = NULL FROM (", homes!(),
        ") n WHERE household.code = n.code");
    ADD_PERSONS = concat!("INSERT INTO person (code, household_id, name, birth_year, needs) ",
        "SELECT s.code, h.id, s.t1, s.n1, s.n4",
        " FROM stage s JOIN household h ON h.code = s.refers WHERE ", staged!("persons"),
        " AND NOT EXISTS (SELECT 1 FROM person x WHERE x.code = s.code) ORDER BY s.line");
    SET_PERSONS = concat!("UPDATE person SET household_id = n.home, name = n.name, ",
        "birth_year = n.born, needs = n.needs FROM (SELECT s.code, h.id AS home, ",
        "s.t1 AS name, s.n1 AS born, s.n4 AS needs ",
        "FROM stage s JOIN household h ON h.code = s.refers WHERE ", staged!("persons"), ") n ",
        "WHERE person.code = n.code");
    ADD_ADDRESSES = concat!("INSERT INTO address (household_id, person_id, lane, realm, sealed, ",
        "hash, last4, ord, relative) SELECT o.id, q.id, s.n1, s.n2",
        ", s.sealed, s.hash, s.t1, s.n3, s.t2 ",
        of_home!(), " AND NOT EXISTS (SELECT 1 FROM address x WHERE x.household_id = o.id ",
        "AND x.lane = s.n1 AND x.hash = s.hash) ORDER BY s.line");
    SET_ADDRESSES = concat!("UPDATE address SET person_id = n.person, ord = n.ord, ",
        "relative = n.relative, ",
        "state = CASE WHEN address.state = 4 THEN 0 ELSE address.state END ",
        "FROM (SELECT o.id, q.id AS person, s.hash, s.n1 AS lane, ",
        "s.n3 AS ord, s.t2 AS relative ", of_home!(), ") n ",
        "WHERE address.household_id = n.id AND address.lane = n.lane AND address.hash = n.hash");
    ADD_ZONES = concat!("INSERT INTO zone (code, name, hazard, minutes_to_water, route, shelter, ",
        "head_id) SELECT s.code, s.t1, s.t2, s.n1",
        ", s.t3, s.t4, h.id FROM stage s ",
        "LEFT JOIN human h ON h.code = s.refers2 WHERE ", staged!("zones"),
        " AND NOT EXISTS (SELECT 1 FROM zone x WHERE x.code = s.code) ORDER BY s.line");
    SET_ZONES = concat!("UPDATE zone SET name = n.name, hazard = n.hazard, ",
        "minutes_to_water = n.minutes, route = n.route, shelter = n.shelter, head_id = n.head ",
        "FROM (SELECT s.code, s.t1 AS name, s.t2 AS hazard, ",
        "s.n1 AS minutes, s.t3 AS route, s.t4",
        " AS shelter, h.id AS head FROM stage s LEFT JOIN human h ON h.code = s.refers2 WHERE ",
        staged!("zones"), ") n WHERE zone.code = n.code");
    ADD_ZONE_PLACES = concat!("INSERT INTO zone_place (zone_id, place_id) SELECT z.id, p.id ",
        "FROM stage s JOIN zone z ON z.code = s.refers JOIN place p ON p.code = s.refers2 WHERE ",
        staged!("zone_places"), " ORDER BY s.line ON CONFLICT DO NOTHING");
    ADD_ZONE_HOMES = concat!("INSERT INTO zone_household (zone_id, household_id, direct) ",
        "SELECT z.id, h.id, 1 FROM stage s JOIN zone z ON z.code = s.refers ",
        "JOIN household h ON h.code = s.refers2 WHERE ", staged!("zone_homes"),
        " ORDER BY s.line ON CONFLICT (household_id, zone_id) DO UPDATE SET direct = 1 ",
        "WHERE zone_household.direct = 0");
}

/// What became of the rows of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Change {
    pub added: u64,
    pub changed: u64,
    pub retired: u64,
    /// Numbers added to people (of humans.csv only).
    pub phones: u64,
}

/// The difference an import makes, by file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    files: Vec<(RosterFile, Change)>,
}

impl Summary {
    /// The change of one file.
    pub fn of(&self, file: RosterFile) -> Change {
        let found = self.files.iter().find(|(named, _)| *named == file);
        found.map(|(_, change)| *change).unwrap_or_default()
    }

    /// Whether the import makes no difference.
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(|(_, change)| *change == Change::default())
    }

    pub(super) fn at(&mut self, file: RosterFile) -> &mut Change {
        let found = self.files.iter().position(|(named, _)| *named == file);
        let at = found.unwrap_or_else(|| {
            self.files.push((file, Change::default()));
            self.files.len() - 1
        });
        &mut self.files[at].1
    }
}

pub(super) async fn merge(
    tx: &mut Tx,
    found: &Differences,
    now: i64,
) -> Result<Summary, StoreFault> {
    use RosterFile::*;
    let mut sum = Summary::default();
    if found.differs(Staged::Humans) {
        sum.at(Humans).changed += tx.exec(&SET_HUMANS, args![]).await?;
        sum.at(Humans).added += tx.exec(&ADD_HUMANS, args![]).await?;
    }
    if found.differs(Staged::Phones) {
        sum.at(Humans).changed += tx.exec(&SET_PHONES, args![]).await?;
        sum.at(Humans).phones += tx.exec(&ADD_PHONES, args![]).await?;
    }
    if found.differs(Staged::Places) {
        for kind in PlaceKind::ALL {
            sum.at(Places).added += tx.exec(&ADD_PLACES, args![kind.word()]).await?;
        }
        // Last, since a place may move below a new one.
        sum.at(Places).changed += tx.exec(&SET_PLACES, args![]).await?;
    }
    closing::tree(tx, found).await?;
    for (staged, file, add, set) in [
        (Staged::Duties, Duties, &ADD_DUTIES, &SET_DUTIES),
        (Staged::Absences, Absences, &ADD_ABSENCES, &SET_ABSENCES),
        (Staged::Households, Households, &ADD_HOMES, &SET_HOMES),
        (Staged::Persons, Persons, &ADD_PERSONS, &SET_PERSONS),
        (Staged::Addresses, Addresses, &ADD_ADDRESSES, &SET_ADDRESSES),
        (Staged::Zones, Zones, &ADD_ZONES, &SET_ZONES),
    ] {
        if found.differs(staged) {
            sum.at(file).changed += tx.exec(set, args![]).await?;
            sum.at(file).added += tx.exec(add, args![]).await?;
        }
    }
    sum.at(ZoneMembers).added += tx.exec(&ADD_ZONE_PLACES, args![]).await?;
    sum.at(ZoneMembers).added += tx.exec(&ADD_ZONE_HOMES, args![]).await?;
    closing::retire(tx, &mut sum, found, now).await?;
    closing::derive(tx, found).await?;
    Ok(sum)
}

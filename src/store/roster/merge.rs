//! The staged rows made so: what is new is added, what differs is changed, what nobody names is
//! retired where that was asked for. Statements in the order in which rows refer to each other;
//! rows that are the same are neither written nor locked.
//!
//! The tree's order, its closure, shared numbers and the zones' homes are worked out by `closing`.

use super::{Missing, closing};
use crate::args;
use crate::domain::roster::{PlaceKind, RosterFile};
use crate::store::{Stmt, StoreFault, Tx};

/// `FROM stage s` of one kind of rows.
macro_rules! staged {
    ($name:literal) => {
        concat!("s.import_id = $1 AND s.file = '", $name, "'")
    };
}

/// A field of the staged row.
macro_rules! text {
    ($field:literal) => {
        concat!("CAST({json s.data} ->> '", $field, "' AS text)")
    };
}
macro_rules! int {
    ($field:literal) => {
        concat!("CAST({json s.data} ->> '", $field, "' AS bigint)")
    };
}

/// A household as it is to be; `n` for the statement that compares.
macro_rules! homes {
    () => {
        concat!(
            "SELECT s.code, ",
            int!("kind"),
            " AS kind, ",
            text!("name"),
            " AS name, ",
            "b.parent_id AS grid_id, b.id AS building_id, p.id AS place_id, ",
            int!("floor"),
            " AS floor, ",
            text!("door"),
            " AS door, ",
            int!("persons"),
            " AS persons, ",
            int!("needs"),
            " AS needs, ",
            int!("categories"),
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
    ADD_HUMANS = concat!("INSERT INTO human (code, name) SELECT s.code, ", text!("name"),
        " FROM stage s WHERE ", staged!("humans"), " AND NOT EXISTS ",
        "(SELECT 1 FROM human x WHERE x.code = s.code) ORDER BY s.line");
    SET_HUMANS = concat!("UPDATE human SET name = n.name, retired_at = NULL FROM (SELECT s.code, ",
        text!("name"), " AS name FROM stage s WHERE ", staged!("humans"), ") n ",
        "WHERE human.code = n.code AND (human.name <> n.name OR human.retired_at IS NOT NULL)");
    ADD_PHONES = concat!("INSERT INTO address (human_id, lane, realm, sealed, hash, last4, ord) ",
        "SELECT o.id, ", int!("lane"), ", ", int!("realm"), ", s.sealed, s.hash, ",
        text!("last4"), ", ", int!("ord"), " ", of_human!(), " AND NOT EXISTS (SELECT 1 ",
        "FROM address x WHERE x.human_id = o.id AND x.lane = ", int!("lane"),
        " AND x.hash = s.hash) ORDER BY s.line");
    SET_PHONES = concat!("UPDATE address SET ord = n.ord, ",
        "state = CASE WHEN address.state = 4 THEN 0 ELSE address.state END ",
        "FROM (SELECT o.id, s.hash, ", int!("lane"), " AS lane, ", int!("ord"), " AS ord ",
        of_human!(), ") n WHERE address.human_id = n.id AND address.lane = n.lane ",
        "AND address.hash = n.hash AND (address.ord <> n.ord OR address.state = 4)");
    // A line of humans.csv names all numbers of the person: another one is gone.
    DROP_PHONES = concat!("UPDATE address SET state = 4, state_at = $2 WHERE state IN (0, 1, 3) ",
        "AND human_id IN (SELECT o.id FROM stage s JOIN human o ON o.code = s.code WHERE ",
        staged!("humans"), ") AND NOT EXISTS (SELECT 1 FROM stage s JOIN human o ",
        "ON o.code = s.refers WHERE ", staged!("phones"), " AND o.id = address.human_id ",
        "AND s.hash = address.hash)");
    ADD_PLACES = concat!("INSERT INTO place (code, name, kind, parent_id, depth, ord) ",
        "SELECT s.code, ", text!("name"), ", ", text!("kind"), ", q.id, 0, 0 FROM stage s ",
        "LEFT JOIN place q ON q.code = s.refers WHERE ", staged!("places"), " AND ",
        text!("kind"), " = $2 AND NOT EXISTS (SELECT 1 FROM place x WHERE x.code = s.code) ",
        "ORDER BY s.line");
    SET_PLACES = concat!("UPDATE place SET name = n.name, parent_id = n.parent, ",
        "retired_at = NULL FROM (SELECT s.code, ", text!("name"), " AS name, q.id AS parent ",
        "FROM stage s LEFT JOIN place q ON q.code = s.refers WHERE ", staged!("places"),
        ") n WHERE place.code = n.code AND (place.name <> n.name OR place.retired_at IS NOT NULL ",
        "OR place.parent_id IS DISTINCT FROM n.parent)");
    ADD_DUTIES = concat!("INSERT INTO duty (place_id, human_id, role, ord) ",
        "SELECT p.id, h.id, ", int!("role"), ", ", int!("ord"), " FROM stage s ",
        "JOIN place p ON p.code = s.refers JOIN human h ON h.code = s.refers2 WHERE ",
        staged!("duties"), " AND NOT EXISTS (SELECT 1 FROM duty x WHERE x.place_id = p.id ",
        "AND x.human_id = h.id AND x.role = ", int!("role"), ")");
    SET_DUTIES = concat!("UPDATE duty SET ord = n.ord FROM (SELECT p.id AS place, ",
        "h.id AS human, ", int!("role"), " AS role, ", int!("ord"), " AS ord FROM stage s ",
        "JOIN place p ON p.code = s.refers JOIN human h ON h.code = s.refers2 WHERE ",
        staged!("duties"), ") n WHERE duty.place_id = n.place AND duty.human_id = n.human ",
        "AND duty.role = n.role AND duty.ord <> n.ord");
    ADD_ABSENCES = concat!("INSERT INTO absence (human_id, from_at, until_at) ",
        "SELECT h.id, ", int!("from"), ", ", int!("until"), " FROM stage s ",
        "JOIN human h ON h.code = s.refers WHERE ", staged!("absences"), " AND NOT EXISTS ",
        "(SELECT 1 FROM absence x WHERE x.human_id = h.id AND x.from_at = ", int!("from"), ")");
    SET_ABSENCES = concat!("UPDATE absence SET until_at = n.until_at FROM (SELECT h.id, ",
        int!("from"), " AS from_at, ", int!("until"), " AS until_at FROM stage s ",
        "JOIN human h ON h.code = s.refers WHERE ", staged!("absences"), ") n ",
        "WHERE absence.human_id = n.id AND absence.from_at = n.from_at ",
        "AND absence.until_at <> n.until_at");
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
        ") n WHERE household.code = n.code AND (household.retired_at IS NOT NULL ",
        "OR household.kind <> n.kind OR household.name <> n.name ",
        "OR household.place_id <> n.place_id OR household.floor <> n.floor ",
        "OR household.door <> n.door OR household.persons <> n.persons ",
        "OR household.needs <> n.needs OR household.categories <> n.categories ",
        "OR household.helper_id IS DISTINCT FROM n.helper_id)");
    ADD_PERSONS = concat!("INSERT INTO person (code, household_id, name, birth_year, needs) ",
        "SELECT s.code, h.id, ", text!("name"), ", ", int!("born"), ", ", int!("needs"),
        " FROM stage s JOIN household h ON h.code = s.refers WHERE ", staged!("persons"),
        " AND NOT EXISTS (SELECT 1 FROM person x WHERE x.code = s.code) ORDER BY s.line");
    SET_PERSONS = concat!("UPDATE person SET household_id = n.home, name = n.name, ",
        "birth_year = n.born, needs = n.needs FROM (SELECT s.code, h.id AS home, ",
        text!("name"), " AS name, ", int!("born"), " AS born, ", int!("needs"), " AS needs ",
        "FROM stage s JOIN household h ON h.code = s.refers WHERE ", staged!("persons"), ") n ",
        "WHERE person.code = n.code AND (person.household_id <> n.home OR person.name <> n.name ",
        "OR person.needs <> n.needs OR person.birth_year IS DISTINCT FROM n.born)");
    ADD_ADDRESSES = concat!("INSERT INTO address (household_id, person_id, lane, realm, sealed, ",
        "hash, last4, ord, relative) SELECT o.id, q.id, ", int!("lane"), ", ", int!("realm"),
        ", s.sealed, s.hash, ", text!("last4"), ", ", int!("ord"), ", ", text!("relative"), " ",
        of_home!(), " AND NOT EXISTS (SELECT 1 FROM address x WHERE x.household_id = o.id ",
        "AND x.lane = ", int!("lane"), " AND x.hash = s.hash) ORDER BY s.line");
    SET_ADDRESSES = concat!("UPDATE address SET person_id = n.person, ord = n.ord, ",
        "relative = n.relative, ",
        "state = CASE WHEN address.state = 4 THEN 0 ELSE address.state END ",
        "FROM (SELECT o.id, q.id AS person, s.hash, ", int!("lane"), " AS lane, ",
        int!("ord"), " AS ord, ", text!("relative"), " AS relative ", of_home!(), ") n ",
        "WHERE address.household_id = n.id AND address.lane = n.lane AND address.hash = n.hash ",
        "AND (address.ord <> n.ord OR address.state = 4 ",
        "OR address.person_id IS DISTINCT FROM n.person ",
        "OR address.relative IS DISTINCT FROM n.relative)");
    ADD_ZONES = concat!("INSERT INTO zone (code, name, hazard, minutes_to_water, route, shelter, ",
        "head_id) SELECT s.code, ", text!("name"), ", ", text!("hazard"), ", ", int!("minutes"),
        ", ", text!("route"), ", ", text!("shelter"), ", h.id FROM stage s ",
        "LEFT JOIN human h ON h.code = s.refers2 WHERE ", staged!("zones"),
        " AND NOT EXISTS (SELECT 1 FROM zone x WHERE x.code = s.code) ORDER BY s.line");
    SET_ZONES = concat!("UPDATE zone SET name = n.name, hazard = n.hazard, ",
        "minutes_to_water = n.minutes, route = n.route, shelter = n.shelter, head_id = n.head ",
        "FROM (SELECT s.code, ", text!("name"), " AS name, ", text!("hazard"), " AS hazard, ",
        int!("minutes"), " AS minutes, ", text!("route"), " AS route, ", text!("shelter"),
        " AS shelter, h.id AS head FROM stage s LEFT JOIN human h ON h.code = s.refers2 WHERE ",
        staged!("zones"), ") n WHERE zone.code = n.code AND (zone.name <> n.name ",
        "OR zone.hazard <> n.hazard OR zone.minutes_to_water <> n.minutes ",
        "OR zone.route <> n.route OR zone.shelter <> n.shelter ",
        "OR zone.head_id IS DISTINCT FROM n.head)");
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    import: i64,
    now: i64,
    missing: Missing,
) -> Result<Summary, StoreFault> {
    use RosterFile::*;
    let mut sum = Summary::default();
    add_and_set(tx, &mut sum, import, Humans, &ADD_HUMANS, &SET_HUMANS).await?;
    sum.at(Humans).changed += tx.exec(&SET_PHONES, args![import]).await?;
    let phones = tx.exec(&ADD_PHONES, args![import]).await?;
    sum.at(Humans).phones += phones;
    sum.at(Humans).changed += tx.exec(&DROP_PHONES, args![import, now]).await?;
    for kind in PlaceKind::ALL {
        sum.at(Places).added += tx.exec(&ADD_PLACES, args![import, kind.word()]).await?;
    }
    sum.at(Places).changed += tx.exec(&SET_PLACES, args![import]).await?;
    closing::tree(tx, import).await?;
    for (file, add, set) in [
        (Duties, &ADD_DUTIES, &SET_DUTIES),
        (Absences, &ADD_ABSENCES, &SET_ABSENCES),
        (Households, &ADD_HOMES, &SET_HOMES),
        (Persons, &ADD_PERSONS, &SET_PERSONS),
        (Addresses, &ADD_ADDRESSES, &SET_ADDRESSES),
        (Zones, &ADD_ZONES, &SET_ZONES),
    ] {
        add_and_set(tx, &mut sum, import, file, add, set).await?;
    }
    sum.at(ZoneMembers).added += tx.exec(&ADD_ZONE_PLACES, args![import]).await?;
    sum.at(ZoneMembers).added += tx.exec(&ADD_ZONE_HOMES, args![import]).await?;
    if missing == Missing::Retire {
        closing::retire(tx, &mut sum, import, now).await?;
    }
    closing::derive(tx).await?;
    Ok(sum)
}

/// Changes first, so that what is added is not compared with itself.
async fn add_and_set(
    tx: &mut Tx,
    sum: &mut Summary,
    import: i64,
    file: RosterFile,
    add: &Stmt,
    set: &Stmt,
) -> Result<(), StoreFault> {
    sum.at(file).changed += tx.exec(set, args![import]).await?;
    sum.at(file).added += tx.exec(add, args![import]).await?;
    Ok(())
}

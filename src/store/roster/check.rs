//! What is wrong with staged rows, found by sets: codes twice, unknown codes, cycles, kinds and
//! roles that do not fit. Each fault names file, line, column, value and remedy.
//!
//! What counts is the roster as it would be: staged rows first, then what the store has.

use std::collections::BTreeSet;

use super::Missing;
use super::compare::Staged;
use crate::args;
use crate::domain::duty::Role;
use crate::domain::roster::{FAULTS_MAX, Fault, PlaceKind, RosterFile};
use crate::store::db::rows_json;
use crate::store::{Stmt, Store, StoreFault};

/// A code that neither the stage nor (unless `$2` is 1) the store knows.
macro_rules! unknown {
    ($refers:literal, $staged:tt, $table:literal, $alive:literal) => {
        concat!(
            "SELECT s.line, s.",
            $refers,
            " FROM stage s WHERE s.file = $1 ",
            "AND s.",
            $refers,
            " <> '' AND NOT EXISTS (SELECT 1 FROM stage t ",
            "WHERE t.file = ",
            file_no!($staged),
            " AND t.code = s.",
            $refers,
            ") ",
            "AND NOT EXISTS (SELECT 1 FROM ",
            $table,
            " p WHERE p.code = s.",
            $refers,
            $alive,
            " AND $2 = 0) ORDER BY s.line LIMIT 1000"
        )
    };
}

/// The kind of a place as it would be, for a code in `s`.
macro_rules! kind_of {
    ($refers:literal) => {
        concat!(
            "COALESCE((SELECT t.t2 FROM stage t WHERE t.file = 1 AND t.code = s.",
            $refers,
            " LIMIT 1), ",
            "(SELECT p.kind FROM place p WHERE p.code = s.",
            $refers,
            "))"
        )
    };
}

crate::statements! {
    TWICE = "SELECT q.line, q.code FROM (SELECT s.line, s.code, row_number() OVER (PARTITION BY \
        s.code ORDER BY s.line) AS n FROM stage s WHERE s.file = $1) q WHERE q.n > 1 \
        ORDER BY q.line LIMIT 1000";
    NO_PLACE = unknown!("refers", "places", "place", " AND p.retired_at IS NULL");
    NO_PLACE_2 = unknown!("refers2", "places", "place", " AND p.retired_at IS NULL");
    NO_HUMAN = unknown!("refers", "humans", "human", " AND p.retired_at IS NULL");
    NO_HUMAN_2 = unknown!("refers2", "humans", "human", " AND p.retired_at IS NULL");
    NO_HOME = unknown!("refers", "households", "household", " AND p.retired_at IS NULL");
    NO_HOME_2 = unknown!("refers2", "households", "household", " AND p.retired_at IS NULL");
    NO_PERSON_2 = unknown!("refers2", "persons", "person", "");
    NO_ZONE = unknown!("refers", "zones", "zone", "");
    SECOND_ROOT = "SELECT s.line, s.code FROM stage s WHERE s.file = $1 \
        AND s.refers = '' AND (EXISTS (SELECT 1 FROM stage t WHERE t.file = s.file \
        AND t.refers = '' AND t.line < s.line) OR EXISTS (SELECT 1 FROM place p \
        WHERE p.parent_id IS NULL AND p.code <> s.code)) ORDER BY s.line LIMIT 1000";
    KIND_CHANGED = "SELECT s.line, p.kind FROM stage s JOIN place p ON p.code = s.code \
        WHERE s.file = $1 AND p.kind <> s.t2 \
        ORDER BY s.line LIMIT 1000";
    CYCLE = "WITH RECURSIVE link AS MATERIALIZED (SELECT s.code, s.refers AS parent, s.line \
        FROM stage s WHERE s.file = $1 UNION ALL SELECT p.code, \
        COALESCE(q.code, ''), 0 FROM place p LEFT JOIN place q ON q.id = p.parent_id \
        WHERE NOT EXISTS (SELECT 1 FROM stage t WHERE t.file = $1 \
        AND t.code = p.code)), reach(code) AS (SELECT l.code FROM link l WHERE l.parent = '' \
        OR NOT EXISTS (SELECT 1 FROM link m WHERE m.code = l.parent) UNION SELECT l.code \
        FROM reach r JOIN link l ON l.parent = r.code) SELECT l.line, l.parent FROM link l \
        WHERE l.line > 0 AND NOT EXISTS (SELECT 1 FROM reach r WHERE r.code = l.code) \
        ORDER BY l.line LIMIT 1000";
    PARENT_KIND = concat!("SELECT s.line, s.refers FROM stage s WHERE ",
        "s.file = $1 AND s.refers <> '' AND ", kind_of!("refers"), " IS NOT NULL ",
        "AND NOT EXISTS (SELECT 1 FROM {rows $2: child text, parent text} ",
        "WHERE r.child = s.t2 AND r.parent = ", kind_of!("refers"), ") ",
        "ORDER BY s.line LIMIT 1000");
    HOME_KIND = concat!("SELECT s.line, s.refers FROM stage s WHERE ",
        "s.file = $1 AND ", kind_of!("refers"), " NOT IN ('building', 'stairwell') ",
        "ORDER BY s.line LIMIT 1000");
    ROLE_KIND = concat!("SELECT s.line, CAST(s.n1 AS text) FROM stage s ",
        "WHERE s.file = $1 AND ", kind_of!("refers"), " IS NOT NULL ",
        "AND NOT EXISTS (SELECT 1 FROM {rows $2: role bigint, kind text} ",
        "WHERE r.role = s.n1 AND r.kind = ",
        kind_of!("refers"), ") ORDER BY s.line LIMIT 1000");
    OTHER_HOME = "SELECT s.line, s.refers2 FROM stage s WHERE s.file = $1 \
        AND s.refers2 <> '' AND COALESCE((SELECT t.refers FROM stage t WHERE t.file = 7 \
        AND t.code = s.refers2 LIMIT 1), (SELECT h.code FROM person p \
        JOIN household h ON h.id = p.household_id WHERE p.code = s.refers2)) <> s.refers \
        ORDER BY s.line LIMIT 1000";
}

/// One question to the stage.
struct Check {
    stmt: &'static Stmt,
    staged: Staged,
    file: RosterFile,
    column: &'static str,
    reason: &'static str,
    third: Third,
}

/// What `$2` of a check is.
#[derive(Clone, Copy)]
enum Third {
    None,
    /// 1: only the stage counts.
    OnlyStage,
    ParentKinds,
    RoleKinds,
}

const fn ask(
    stmt: &'static Stmt,
    staged: Staged,
    file: RosterFile,
    column: &'static str,
    reason: &'static str,
    third: Third,
) -> Check {
    Check { stmt, staged, file, column, reason, third }
}

fn checks() -> Vec<Check> {
    use RosterFile::*;
    use Third::*;
    let twice = "twice in the file: delete one of the rows";
    let place = "no such place in places.csv or the store";
    let human = "no such person in humans.csv or the store";
    let home = "no such household in households.csv or the store";
    let zone = "no such zone in zones.csv or the store";
    let cycle = "a cycle: from here the parents never lead to the county";
    let parent = "a place of that kind cannot lie there: county, town, village, grid, building, \
                  stairwell, from the top; a building lies in a grid";
    let root = "a second county: one installation has one root";
    let kind = "the place is of another kind in the store: give the new place a new code";
    let under = "a household stands in a building or a stairwell, which lies in a grid";
    let role = "that duty is not held for a place of this kind";
    let other = "that person lives in another household";
    let person = "no such person in persons.csv or the store";
    vec![
        ask(&TWICE, Staged::Places, Places, "code", twice, None),
        ask(&TWICE, Staged::Humans, Humans, "code", twice, None),
        ask(&TWICE, Staged::Duties, Duties, "human_code", twice, None),
        ask(&TWICE, Staged::Absences, Absences, "from", twice, None),
        ask(&TWICE, Staged::Households, Households, "code", twice, None),
        ask(&TWICE, Staged::Persons, Persons, "code", twice, None),
        ask(&TWICE, Staged::Addresses, Addresses, "number", twice, None),
        ask(&TWICE, Staged::Zones, Zones, "code", twice, None),
        ask(&TWICE, Staged::ZonePlaces, ZoneMembers, "place_code", twice, None),
        ask(&TWICE, Staged::ZoneHomes, ZoneMembers, "household_code", twice, None),
        ask(&NO_PLACE, Staged::Places, Places, "parent_code", place, OnlyStage),
        ask(&CYCLE, Staged::Places, Places, "parent_code", cycle, None),
        ask(&SECOND_ROOT, Staged::Places, Places, "parent_code", root, None),
        ask(&KIND_CHANGED, Staged::Places, Places, "kind", kind, None),
        ask(&PARENT_KIND, Staged::Places, Places, "parent_code", parent, ParentKinds),
        ask(&NO_PLACE, Staged::Duties, Duties, "place_code", place, OnlyStage),
        ask(&NO_HUMAN_2, Staged::Duties, Duties, "human_code", human, OnlyStage),
        ask(&ROLE_KIND, Staged::Duties, Duties, "role", role, RoleKinds),
        ask(&NO_HUMAN, Staged::Absences, Absences, "human_code", human, OnlyStage),
        ask(&NO_PLACE, Staged::Households, Households, "place_code", place, OnlyStage),
        ask(&HOME_KIND, Staged::Households, Households, "place_code", under, None),
        ask(&NO_HUMAN_2, Staged::Households, Households, "helper_code", human, OnlyStage),
        ask(&NO_HOME, Staged::Persons, Persons, "household_code", home, OnlyStage),
        ask(&NO_HOME, Staged::Addresses, Addresses, "household_code", home, OnlyStage),
        ask(&NO_PERSON_2, Staged::Addresses, Addresses, "person_code", person, OnlyStage),
        ask(&OTHER_HOME, Staged::Addresses, Addresses, "person_code", other, None),
        ask(&NO_HUMAN_2, Staged::Zones, Zones, "head_code", human, OnlyStage),
        ask(&NO_ZONE, Staged::ZonePlaces, ZoneMembers, "zone_code", zone, OnlyStage),
        ask(&NO_ZONE, Staged::ZoneHomes, ZoneMembers, "zone_code", zone, OnlyStage),
        ask(&NO_PLACE_2, Staged::ZonePlaces, ZoneMembers, "place_code", place, OnlyStage),
        ask(&NO_HOME_2, Staged::ZoneHomes, ZoneMembers, "household_code", home, OnlyStage),
    ]
}

pub(super) async fn check(
    store: &Store,
    files: &BTreeSet<RosterFile>,
    missing: Missing,
) -> Result<Vec<Fault>, StoreFault> {
    let mut faults = absent_files(files, missing);
    let only_stage = i64::from(missing == Missing::Retire);
    let (parents, roles) = (parent_kinds()?, role_kinds()?);
    for check in checks().iter().filter(|check| files.contains(&check.file)) {
        let mut args = args![check.staged as i64];
        match check.third {
            Third::None => {}
            Third::OnlyStage => args.push(only_stage.into()),
            Third::ParentKinds => args.push(parents.as_str().into()),
            Third::RoleKinds => args.push(roles.as_str().into()),
        }
        let bad: Vec<(i64, String)> = store.rows(check.stmt, args).await?;
        faults.extend(bad.into_iter().map(|(line, value)| fault(check, line, &value)));
        if faults.len() >= FAULTS_MAX {
            break;
        }
    }
    faults.sort_by_key(|fault| (RosterFile::from_name(&fault.file), fault.line));
    faults.truncate(FAULTS_MAX);
    Ok(faults)
}

fn absent_files(files: &BTreeSet<RosterFile>, missing: Missing) -> Vec<Fault> {
    let absent = RosterFile::ALL.into_iter().filter(|file| !files.contains(file));
    let fault = |file: RosterFile| Fault {
        file: file.name().into(),
        line: 0,
        column: String::new(),
        value: String::new(),
        reason: "retiring what is missing wants all nine files; this one is not there".into(),
    };
    match missing {
        Missing::Keep => Vec::new(),
        Missing::Retire => absent.map(fault).collect(),
    }
}

fn fault(check: &Check, line: i64, value: &str) -> Fault {
    // A composite key shows the part that the column holds; the hash of a number shows nothing.
    let shown = match check.column {
        "number" | "from" => "",
        "role" => match value.parse().ok().and_then(Role::from_code) {
            Some(role) => role.word(),
            None => value,
        },
        _ => value.rsplit('|').next().unwrap_or_default(),
    };
    Fault {
        file: check.file.name().into(),
        line: u64::try_from(line).unwrap_or(0),
        column: check.column.into(),
        value: shown.into(),
        reason: check.reason.into(),
    }
}

fn parent_kinds() -> Result<String, StoreFault> {
    let mut pairs = Vec::new();
    for child in PlaceKind::ALL {
        for parent in PlaceKind::ALL.into_iter().filter(|parent| child.fits_under(*parent)) {
            pairs.push(serde_json::json!({"child": child.word(), "parent": parent.word()}));
        }
    }
    rows_json(&pairs)
}

fn role_kinds() -> Result<String, StoreFault> {
    let mut pairs = Vec::new();
    for role in Role::ALL {
        for kind in PlaceKind::ALL.into_iter().filter(|kind| role.fits(*kind)) {
            pairs.push(serde_json::json!({"role": role.code(), "kind": kind.word()}));
        }
    }
    rows_json(&pairs)
}

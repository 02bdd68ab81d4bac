//! The roster in and out, on every database.

use super::*;
use crate::args;
use crate::base::phone::Phone;
use crate::domain::duty::Role;
use crate::domain::lane::Lane;
use crate::domain::roster::*;
use crate::store::{Stmt, testbed};

static COUNTS: Stmt = Stmt::new(
    "counts",
    "SELECT (SELECT count(*) FROM place), (SELECT count(*) FROM place_above), \
     (SELECT count(*) FROM household), (SELECT count(*) FROM address), \
     (SELECT count(*) FROM zone_household)",
);

type Counts = (i64, i64, i64, i64, i64);

async fn counts(store: &Store) -> Counts {
    store.first(&COUNTS, args![]).await.unwrap().unwrap()
}

fn sealer() -> Sealer {
    Sealer::new(&[9; 32])
}

fn place(code: &str, kind: PlaceKind, parent: Option<&str>, ord: i64) -> Row {
    let (name, parent) = (format!("{code}处"), parent.map(str::to_owned));
    Row::Place(PlaceRow { code: code.into(), name, kind, parent, ord })
}

fn human(code: &str, phones: &[u32]) -> Row {
    let phones = phones.iter().map(|n| Phone::practice_mobile(*n)).collect();
    Row::Human(HumanRow { code: code.into(), name: format!("陈{code}"), phones })
}

fn duty(place: &str, human: &str, role: Role) -> Row {
    Row::Duty(DutyRow { place: place.into(), human: human.into(), role, ord: 1 })
}

fn home(code: &str, place: &str, floor: i64, helper: Option<&str>) -> Row {
    Row::Household(HouseholdRow {
        code: code.into(),
        kind: HouseholdKind::Home,
        name: "王阿婆".into(),
        place: place.into(),
        floor,
        door: format!("{floor}01"),
        persons: 1,
        needs: 4,
        categories: 0,
        helper: helper.map(str::to_owned),
    })
}

fn person(code: &str, household: &str) -> Row {
    let (code, household) = (code.into(), household.into());
    let (name, birth_year) = ("王阿婆".into(), Some(1948));
    Row::Person(PersonRow { code, household, name, birth_year, needs: 1 })
}

fn address(household: &str, n: u32, relative: Option<&str>, person: Option<&str>) -> Row {
    Row::Address(AddressRow {
        household: household.into(),
        lane: Lane::Sms,
        number: Phone::practice_mobile(n),
        ord: 1,
        relative: relative.map(str::to_owned),
        person: person.map(str::to_owned),
    })
}

fn member(zone: &str, member: ZoneMember) -> Row {
    Row::ZoneMember(ZoneMemberRow { zone: zone.into(), member })
}

/// A county with two grids; three homes share a number; a zone with a building and a home.
fn town() -> Vec<Row> {
    use PlaceKind::*;
    let zone = ZoneRow {
        code: "Z".into(),
        name: "姚江沿岸".into(),
        hazard: "flood".into(),
        minutes_to_water: 120,
        route: "向北".into(),
        shelter: "四明小学".into(),
        head: Some("L1".into()),
    };
    vec![
        place("C", County, None, 1),
        place("T", Town, Some("C"), 1),
        place("V", Village, Some("T"), 1),
        place("G2", Grid, Some("V"), 2),
        place("G1", Grid, Some("V"), 1),
        place("B1", Building, Some("G1"), 1),
        place("S1", Stairwell, Some("B1"), 1),
        place("B2", Building, Some("G2"), 1),
        human("L1", &[1, 2]),
        human("L2", &[3]),
        duty("G1", "L1", Role::GridLeader),
        duty("G2", "L1", Role::GridLeader),
        duty("C", "L2", Role::DutyRoom),
        Row::Absence(AbsenceRow { human: "L2".into(), from_at: 1_000, until_at: 9_000 }),
        home("F1", "S1", 2, Some("L2")),
        home("F2", "S1", 1, None),
        home("F3", "B2", 1, None),
        person("P1", "F1"),
        address("F1", 10, Some("女儿 王丽"), Some("P1")),
        address("F2", 10, None, None),
        address("F3", 10, None, None),
        address("F3", 11, None, None),
        Row::Zone(zone),
        member("Z", ZoneMember::Place("B1".into())),
        member("Z", ZoneMember::Household("F3".into())),
    ]
}

fn numbered(rows: &[Row]) -> Vec<(u64, Row)> {
    (2..).zip(rows.iter().cloned()).collect()
}

async fn staged(store: &Store, rows: &[Row], now: i64) -> Import {
    let mut import = begin(store, "甲", now).await.unwrap().unwrap();
    import.stage(&sealer(), &numbered(rows)).await.unwrap();
    import
}

async fn import(store: &Store, rows: &[Row], missing: Missing, now: i64) -> Summary {
    let mut import = staged(store, rows, now).await;
    RosterFile::ALL.into_iter().for_each(|file| import.has(file));
    assert_eq!(import.check(missing).await.unwrap(), []);
    import.compare(missing).await.unwrap();
    let summary = import.merge(now, Finish::Commit).await.unwrap().unwrap();
    import.end().await.unwrap();
    summary
}

async fn exported(store: &Store) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in RosterFile::ALL {
        let mut cursor = Cursor::START;
        loop {
            let page = export(store, &sealer(), file, &mut cursor).await.unwrap();
            if page.is_empty() {
                break;
            }
            rows.extend(page);
        }
    }
    rows
}

/// Rows with the places' order left out: the store counts it anew.
fn comparable(rows: &[Row]) -> Vec<String> {
    let mut texts: Vec<String> = rows
        .iter()
        .cloned()
        .map(|row| match row {
            Row::Place(place) => format!("{:?}", PlaceRow { ord: 0, ..place }),
            other => format!("{other:?}"),
        })
        .collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn what_was_imported_is_exported_and_comes_back_to_no_difference() {
    for store in testbed::stores("roster_round").await {
        let first = import(&store, &town(), Missing::Keep, 1_000).await;
        assert_eq!(first.of(RosterFile::Places).added, 8);
        assert_eq!(first.of(RosterFile::Addresses).added, 4);
        assert_eq!(first.of(RosterFile::Households).changed, 0);
        // 1 + 2 + 3 + 4 + 4 + 5 + 6 + 5 places above; F1 and F2 through B1, F3 by itself.
        assert_eq!(counts(&store).await, (8, 30, 3, 7, 3));
        let rows = exported(&store).await;
        assert_eq!(comparable(&rows), comparable(&town()));
        for missing in [Missing::Keep, Missing::Retire] {
            let again = import(&store, &rows, missing, 2_000).await;
            assert!(again.is_empty(), "{again:?}");
        }
        assert_eq!(exported(&store).await, rows);
    }
}

#[tokio::test]
async fn the_tree_is_walked_in_order_and_homes_know_their_grid_and_building() {
    static WALK: Stmt = Stmt::new("walk", "SELECT code, depth FROM place ORDER BY ord");
    static HOMES: Stmt = Stmt::new(
        "homes",
        "SELECT h.code, g.code, b.code, h.ord FROM household h JOIN place g ON g.id = h.grid_id \
         JOIN place b ON b.id = h.building_id ORDER BY g.ord, h.ord",
    );
    for store in testbed::stores("roster_order").await {
        import(&store, &town(), Missing::Keep, 1_000).await;
        let walk: Vec<(String, i64)> = store.rows(&WALK, args![]).await.unwrap();
        let walk: Vec<(&str, i64)> = walk.iter().map(|(c, d)| (c.as_str(), *d)).collect();
        let wanted =
            [("C", 0), ("T", 1), ("V", 2), ("G1", 3), ("B1", 4), ("S1", 5), ("G2", 3), ("B2", 4)];
        assert_eq!(walk, wanted);
        let homes: Vec<(String, String, String, i64)> = store.rows(&HOMES, args![]).await.unwrap();
        let homes: Vec<String> =
            homes.iter().map(|(h, g, b, ord)| format!("{h} {g} {b} {ord}")).collect();
        assert_eq!(homes, ["F2 G1 B1 1", "F1 G1 B1 2", "F3 G2 B2 1"]);
        // The building moves to the other grid, and its homes go with it.
        let moved = [place("B1", PlaceKind::Building, Some("G2"), 9)];
        import(&store, &moved, Missing::Keep, 2_000).await;
        let homes: Vec<(String, String, String, i64)> = store.rows(&HOMES, args![]).await.unwrap();
        let homes: Vec<String> =
            homes.iter().map(|(h, g, b, ord)| format!("{h} {g} {b} {ord}")).collect();
        assert_eq!(homes, ["F3 G2 B2 1", "F2 G2 B1 2", "F1 G2 B1 3"]);
        assert_eq!(counts(&store).await.1, 30);
    }
}

#[tokio::test]
async fn a_shared_number_is_counted_and_spoken_for_once_by_one_who_lives_there() {
    static SHARED: Stmt = Stmt::new(
        "shared",
        "SELECT h.code, a.shares, a.speaks_for FROM address a JOIN household h \
         ON h.id = a.household_id WHERE a.last4 = '0010' ORDER BY h.code",
    );
    for store in testbed::stores("roster_shared").await {
        import(&store, &town(), Missing::Keep, 1_000).await;
        let shared: Vec<(String, i64, i64)> = store.rows(&SHARED, args![]).await.unwrap();
        let wanted = [("F1", 3, 0), ("F2", 3, 1), ("F3", 3, 0)];
        assert_eq!(shared, wanted.map(|(code, n, speaks)| (code.to_owned(), n, speaks)));
    }
}

#[tokio::test]
async fn every_bad_row_is_named_and_nothing_is_applied() {
    use PlaceKind::*;
    use RosterFile::*;
    let gone = || Some("NN");
    for (row, file, column, value, reason) in [
        (place("V2", Village, gone(), 1), Places, "parent_code", "NN", "no such place"),
        (place("V2", Village, Some("V2"), 1), Places, "parent_code", "V2", "a cycle"),
        (place("T", Town, Some("G1"), 1), Places, "parent_code", "G1", "a cycle"),
        (place("V2", Village, Some("G1"), 1), Places, "parent_code", "G1", "cannot lie there"),
        (place("B9", Building, Some("V"), 1), Places, "parent_code", "V", "cannot lie there"),
        (place("C2", County, None, 1), Places, "parent_code", "C2", "one root"),
        (place("B1", Stairwell, Some("B2"), 1), Places, "kind", "building", "another kind"),
        (duty("NN", "L1", Role::GridLeader), Duties, "place_code", "NN", "no such place"),
        (duty("G1", "NN", Role::GridLeader), Duties, "human_code", "NN", "no such person"),
        (duty("B1", "L1", Role::GridLeader), Duties, "role", "grid_leader", "not held"),
        (home("F9", "NN", 1, None), Households, "place_code", "NN", "no such place"),
        (home("F9", "G1", 1, None), Households, "place_code", "G1", "lies in a grid"),
        (home("F9", "B1", 1, gone()), Households, "helper_code", "NN", "no such person"),
        (person("P9", "NN"), Persons, "household_code", "NN", "no such household"),
        (address("NN", 1, None, None), Addresses, "household_code", "NN", "no such household"),
        (address("F1", 1, None, gone()), Addresses, "person_code", "NN", "no such person"),
        (address("F2", 1, None, Some("P1")), Addresses, "person_code", "P1", "another household"),
        (member("NN", ZoneMember::Place("B1".into())), ZoneMembers, "zone_code", "NN", "no such"),
        (member("Z", ZoneMember::Place("NN".into())), ZoneMembers, "place_code", "NN", "no such"),
        (
            member("Z", ZoneMember::Household("NN".into())),
            ZoneMembers,
            "household_code",
            "NN",
            "no such household",
        ),
    ] {
        for store in testbed::stores("roster_bad").await {
            import(&store, &town(), Missing::Keep, 1_000).await;
            let before = counts(&store).await;
            let import = staged(&store, std::slice::from_ref(&row), 2_000).await;
            let faults = import.check(Missing::Keep).await.unwrap();
            let found = faults.iter().find(|fault| fault.column == column);
            let fault = found.unwrap_or_else(|| panic!("{row:?}: {faults:?}"));
            assert_eq!((fault.file.as_str(), fault.line), (file.name(), 2), "{row:?}");
            assert_eq!(fault.value, value, "{row:?}");
            assert!(fault.reason.contains(reason), "{row:?}: {}", fault.reason);
            import.end().await.unwrap();
            assert_eq!(counts(&store).await, before);
        }
    }
}

#[tokio::test]
async fn a_cycle_far_from_the_county_is_found() {
    use PlaceKind::*;
    for store in testbed::stores("roster_cycle").await {
        let mut rows = town();
        rows.push(place("X", Village, Some("Y"), 1));
        rows.push(place("Y", Village, Some("X"), 1));
        rows.push(place("W", Grid, Some("Y"), 1));
        let import = staged(&store, &rows, 1_000).await;
        let faults = import.check(Missing::Keep).await.unwrap();
        let lines: Vec<u64> = faults
            .iter()
            .filter(|fault| fault.reason.starts_with("a cycle"))
            .map(|fault| fault.line)
            .collect();
        let first = 2 + town().len() as u64;
        assert_eq!(lines, [first, first + 1, first + 2]);
    }
}

#[tokio::test]
async fn a_row_twice_is_named_at_its_second_place() {
    for store in testbed::stores("roster_twice").await {
        let rows = town();
        for (at, row) in rows.iter().enumerate() {
            let mut doubled = rows.clone();
            doubled.push(row.clone());
            let import = staged(&store, &doubled, 1_000 + at as i64).await;
            let faults = import.check(Missing::Keep).await.unwrap();
            let twice: Vec<&Fault> =
                faults.iter().filter(|fault| fault.reason.starts_with("twice")).collect();
            assert_eq!(twice.len(), 1, "{row:?}: {faults:?}");
            assert_eq!(twice[0].file, row.file().name());
            assert_eq!(twice[0].line, 2 + rows.len() as u64);
            import.end().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_dry_run_counts_and_leaves_nothing() {
    for store in testbed::stores("roster_dry").await {
        let mut import = staged(&store, &town(), 1_000).await;
        assert_eq!(import.check(Missing::Keep).await.unwrap(), []);
        import.compare(Missing::Keep).await.unwrap();
        let dry = import.merge(1_000, Finish::DryRun).await.unwrap().unwrap();
        assert_eq!(dry.of(RosterFile::Households).added, 3);
        import.end().await.unwrap();
        assert_eq!(counts(&store).await, (0, 0, 0, 0, 0));
    }
}

#[tokio::test]
async fn changes_are_upserts_and_the_missing_are_retired_only_when_asked() {
    static STATES: Stmt = Stmt::new(
        "states",
        "SELECT a.last4, a.state FROM address a WHERE a.household_id IS NOT NULL ORDER BY a.id",
    );
    static OPT_OUT: Stmt = Stmt::new("opt", "UPDATE address SET state = 2 WHERE last4 = '0011'");
    for store in testbed::stores("roster_retire").await {
        import(&store, &town(), Missing::Keep, 1_000).await;
        store.exec(&OPT_OUT, args![]).await.unwrap();
        let change = [home("F1", "S1", 5, None), human("L1", &[2, 4])];
        let changed = import(&store, &change, Missing::Keep, 2_000).await;
        assert_eq!(changed.of(RosterFile::Households), Change { changed: 1, ..Change::default() });
        let rows = exported(&store).await;
        assert!(rows.contains(&change[0]) && rows.contains(&change[1]), "{rows:?}");

        let of_f3 = |row: &Row| match row {
            Row::Household(r) => r.code == "F3",
            Row::Address(r) => r.household == "F3",
            Row::ZoneMember(r) => r.member == ZoneMember::Household("F3".into()),
            _ => false,
        };
        let kept: Vec<Row> = rows.iter().filter(|row| !of_f3(row)).cloned().collect();
        let summary = import(&store, &kept, Missing::Retire, 3_000).await;
        assert_eq!(summary.of(RosterFile::Households).retired, 1);
        assert_eq!(summary.of(RosterFile::Addresses).retired, 1);
        assert_eq!(exported(&store).await, kept);
        let states: Vec<(String, i64)> = store.rows(&STATES, args![]).await.unwrap();
        let of = |last4: &str| -> Vec<i64> {
            states.iter().filter(|(l, _)| l == last4).map(|(_, state)| *state).collect()
        };
        assert_eq!((of("0010"), of("0011")), (vec![0, 0, 4], vec![2]));
        // Named again, they are back; who opted out stays so.
        import(&store, &rows, Missing::Retire, 4_000).await;
        assert_eq!(exported(&store).await, rows);
        let states: Vec<(String, i64)> = store.rows(&STATES, args![]).await.unwrap();
        assert_eq!(states.iter().map(|(_, state)| *state).collect::<Vec<_>>(), [0, 0, 0, 2]);
    }
}

#[tokio::test]
async fn retiring_wants_all_files() {
    for store in testbed::stores("roster_all").await {
        let import = staged(&store, &[human("L1", &[])], 1_000).await;
        let faults = import.check(Missing::Retire).await.unwrap();
        assert_eq!(faults.len(), RosterFile::ALL.len() - 1);
        assert!(faults.iter().all(|fault| fault.reason.contains("all nine files")));
    }
}

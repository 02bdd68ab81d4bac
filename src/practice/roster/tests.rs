//! The town that is made: the same for a seed, as large as asked, whole, and hard in the right
//! shares.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::outline::{Build, outline};
use super::*;
use crate::domain::lane::Lane;
use crate::domain::need::{Need, RING2_NEEDS};
use crate::domain::roster::{AddressRow, CHUNK_ROWS_MAX, HouseholdKind, HouseholdRow, RosterFile};
use crate::exchange::roster::{Reader, write_header, write_row};

fn rows(households: u64, seed: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    generate(households, seed, &mut |row| {
        rows.push(row.clone());
        Ok(())
    })
    .unwrap();
    rows
}

fn files(rows: &[Row]) -> BTreeMap<RosterFile, Vec<u8>> {
    let mut files: BTreeMap<RosterFile, Vec<u8>> = BTreeMap::new();
    for row in rows {
        let file = files.entry(row.file()).or_insert_with(|| {
            let mut out = Vec::new();
            write_header(&mut out, row.file());
            out
        });
        write_row(file, row);
    }
    files
}

fn digest(rows: &[Row]) -> String {
    let mut sha = Sha256::new();
    for (file, bytes) in files(rows) {
        sha.update(file.name());
        sha.update(bytes);
    }
    sha.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn households(rows: &[Row]) -> Vec<&HouseholdRow> {
    rows.iter()
        .filter_map(|row| match row {
            Row::Household(home) => Some(home),
            _ => None,
        })
        .collect()
}

fn addresses(rows: &[Row]) -> Vec<&AddressRow> {
    rows.iter()
        .filter_map(|row| match row {
            Row::Address(address) => Some(address),
            _ => None,
        })
        .collect()
}

/// A change of this digest changes every town that was ever made: only on purpose.
#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = digest(&rows(1_500, 7));
    assert_eq!(first, digest(&rows(1_500, 7)));
    assert_ne!(first, digest(&rows(1_500, 8)));
    assert_eq!(first, "3f71d63774b5c1cb");
}

#[test]
fn a_town_has_exactly_the_households_asked_for() {
    for asked in [1, 2, 19, 300, 1_000, 3_001] {
        let rows = rows(asked, asked);
        assert_eq!(households(&rows).len() as u64, asked);
        let rooms = |row: &&Row| matches!(row, Row::Duty(duty) if duty.role == Role::DutyRoom);
        assert_eq!(rows.iter().filter(rooms).count(), 1);
    }
    assert_eq!(households(&rows(0, 1)).len(), 1);
}

#[test]
fn the_whole_of_yuyao_has_its_275_urban_grids_of_ordinary_size() {
    for (households, urban, rural) in
        [(300_000, 275, 870), (1_000_000, 917, 2_900), (20_000, 18, 58), (200, 1, 1)]
    {
        let towns = outline(households, 3);
        let villages: Vec<&Village> = towns.iter().flat_map(|town| &town.villages).collect();
        let grids: Vec<_> = villages.iter().flat_map(|village| &village.grids).collect();
        let in_villages = grids.iter().filter(|grid| grid.build == Build::Village).count();
        assert_eq!((grids.len() - in_villages, in_villages), (urban, rural), "{households}");
        assert_eq!(grids.iter().map(|grid| grid.households).sum::<u64>(), households);
        if households >= 20_000 {
            assert!(grids.iter().all(|grid| (180..=380).contains(&grid.households)));
        }
        if households >= 300_000 {
            assert_eq!((towns.len(), villages.len()), (21, 326));
        }
    }
}

#[test]
fn the_whole_of_yuyao_has_its_stairwells_and_phones() {
    let mut places: BTreeMap<PlaceKind, usize> = BTreeMap::new();
    let mut homes = 0_u64;
    generate(300_000, 1, &mut |row| {
        match row {
            Row::Place(place) => *places.entry(place.kind).or_default() += 1,
            Row::Household(_) => homes += 1,
            _ => {}
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(homes, 300_000);
    let counted: Vec<usize> = places.values().copied().collect();
    assert_eq!(counted[..4], [1, 21, 326, 1_145]);
    assert!((6_900..8_500).contains(&counted[5]), "{} stairwells", counted[5]);
}

/// A tenth of the town, in the shares of the whole.
#[test]
fn the_shares_that_make_lists_hard_are_there() {
    let rows = rows(30_000, 5);
    let homes = households(&rows);
    let total = homes.len() as f64;
    let with_number: HashSet<&str> =
        addresses(&rows).iter().map(|a| a.household.as_str()).collect();
    let share = |n: usize, of: f64| n as f64 * 100.0 / of;
    let silent = homes.iter().filter(|home| !with_number.contains(home.code.as_str())).count();
    assert!((5.4..6.6).contains(&share(silent, total)), "{silent} without a phone");
    let sms: Vec<_> = addresses(&rows).into_iter().filter(|a| a.lane == Lane::Sms).collect();
    let dead = sms.iter().filter(|a| is_dead(&a.number)).count();
    assert!((3.4..4.6).contains(&share(dead, sms.len() as f64)), "{dead} of {}", sms.len());
    let of_need = |bits: i64| share(homes.iter().filter(|h| h.needs & bits != 0).count(), total);
    assert!((8.0..22.0).contains(&of_need(RING2_NEEDS)), "{}", of_need(RING2_NEEDS));
    assert!((2.0..9.0).contains(&of_need(Need::LandlineOnly.bit())));
    assert!((4.0..15.0).contains(&of_need(Need::Over75Alone.bit())));
    let units = homes.iter().filter(|home| home.kind == HouseholdKind::Unit).count();
    assert!((40..=115).contains(&units), "{units} units");
    let mut by_number: HashMap<&str, HashSet<&str>> = HashMap::new();
    for address in &sms {
        by_number.entry(address.number.e164()).or_default().insert(&address.household);
    }
    let shared = by_number.values().filter(|homes| homes.len() > 1).count();
    assert!(shared > 100, "{shared} numbers shared");
    assert!(by_number.values().any(|homes| homes.len() > 3), "no number of an office");
    let relatives = sms.iter().filter(|address| address.relative.is_some()).count();
    assert!(relatives > 1_000, "{relatives} relatives");
    assert!(rows.iter().any(|row| row.file() == RosterFile::Absences));
    assert!(homes.iter().all(|home| home.kind == HouseholdKind::Unit || home.persons <= 6));
}

#[test]
fn every_code_that_is_named_exists_and_every_number_is_nobodys() {
    let rows = rows(4_000, 11);
    let mut known: HashSet<(RosterFile, &str)> = HashSet::new();
    for row in &rows {
        let code = match row {
            Row::Place(r) => &r.code,
            Row::Human(r) => &r.code,
            Row::Household(r) => &r.code,
            Row::Person(r) => &r.code,
            Row::Zone(r) => &r.code,
            Row::Duty(_) | Row::Absence(_) | Row::Address(_) | Row::ZoneMember(_) => continue,
        };
        assert!(known.insert((row.file(), code)), "{code} twice");
    }
    let has = |file, code: &str| assert!(known.contains(&(file, code)), "{code} of {file:?}");
    let mut once: BTreeSet<(&str, &str, Lane)> = BTreeSet::new();
    for row in &rows {
        match row {
            Row::Place(r) => {
                if let Some(parent) = &r.parent {
                    has(RosterFile::Places, parent);
                }
            }
            Row::Human(r) => assert!(r.phones.iter().all(Phone::is_practice)),
            Row::Duty(r) => {
                has(RosterFile::Places, &r.place);
                has(RosterFile::Humans, &r.human);
            }
            Row::Absence(r) => has(RosterFile::Humans, &r.human),
            Row::Household(r) => {
                has(RosterFile::Places, &r.place);
                if let Some(human) = &r.helper {
                    has(RosterFile::Humans, human);
                }
            }
            Row::Person(r) => has(RosterFile::Households, &r.household),
            Row::Address(r) => {
                has(RosterFile::Households, &r.household);
                assert!(r.number.is_practice());
                assert!(once.insert((&r.household, r.number.e164(), r.lane)), "{r:?}");
                if let Some(person) = &r.person {
                    has(RosterFile::Persons, person);
                }
            }
            Row::Zone(r) => r.head.iter().for_each(|head| has(RosterFile::Humans, head)),
            Row::ZoneMember(r) => {
                has(RosterFile::Zones, &r.zone);
                match &r.member {
                    ZoneMember::Place(code) => has(RosterFile::Places, code),
                    ZoneMember::Household(code) => has(RosterFile::Households, code),
                }
            }
        }
    }
    assert!(rows.iter().any(|row| row.file() == RosterFile::ZoneMembers));
}

#[test]
fn the_files_are_read_back_as_the_same_rows() {
    let rows = rows(2_500, 2);
    for (file, bytes) in files(&rows) {
        let mut reader = Reader::new(file, &bytes[..]);
        let mut read = Vec::new();
        while let Some(chunk) = reader.next_chunk().unwrap() {
            assert_eq!(chunk.faults, [], "{}", file.name());
            assert!(chunk.rows.len() <= CHUNK_ROWS_MAX);
            read.extend(chunk.rows.into_iter().map(|(_, row)| row));
        }
        let written: Vec<Row> = rows.iter().filter(|row| row.file() == file).cloned().collect();
        assert_eq!(read, written, "{}", file.name());
    }
}

//! Who hears first and who hears again: a narrow gateway, second waves, receipts that come before
//! the answers they belong to. What is said is not looked at here.

use std::collections::{BTreeMap, BTreeSet};

use tongluo::practice::gateway::Vices;

use crate::plant::{GRID, HOME, Layout, home_number, human_number, leader, second_number};
use crate::town::{NIGHT, Setup, Town, on_both};

/// A town of 3,000 homes in 15 grids.
fn town_of_3000() -> Layout {
    Layout {
        grids: 15,
        buildings: 10,
        homes: 20,
        must_move_every: 3,
        fragile_every: 20,
        no_phone_every: 50,
        ..Layout::default()
    }
}

/// When each number first got the order.
fn first_heard(town: &Town) -> BTreeMap<String, (usize, i64)> {
    let mut first = BTreeMap::new();
    for (n, entry) in town.taken().into_iter().enumerate() {
        if entry.text.contains("转移指令：") && entry.reference.starts_with('b') {
            first.entry(entry.to).or_insert((n, entry.at_ms));
        }
    }
    first
}

#[tokio::test]
async fn a_gateway_of_five_a_second_and_a_town_of_3000() {
    let setup = Setup { layout: town_of_3000(), rate_per_second: Some(5.0), ..Setup::default() };
    on_both(setup, async |town| {
        town.flood_order().await;
        // All have been written to in ten minutes; after that nothing needs steps of a second.
        town.slowly(10 * 60).await;
        town.minutes(3).await;
        let first = first_heard(&town);
        let nth = |n: i64| first.get(&home_number(HOME + n));
        let has_phone = |n: &i64| n % 50 != 0;
        let fragile = |n: &i64| n % 20 == 0;
        for n in (1..=town.homes).filter(has_phone) {
            assert!(nth(n).is_some(), "home {n} never heard");
        }
        assert!((1..=town.homes).all(|n| has_phone(&n) || nth(n).is_none()));

        // The fragile of all grids before anybody else of any.
        let of = |keep: &dyn Fn(&i64) -> bool| -> Vec<usize> {
            (1..=town.homes)
                .filter(|n| has_phone(n) && keep(n))
                .filter_map(|n| nth(n).map(|at| at.0))
                .collect()
        };
        let last_fragile = of(&fragile).into_iter().max().unwrap();
        let first_other = of(&|n| !fragile(n)).into_iter().min().unwrap();
        assert!(last_fragile < first_other, "{last_fragile} {first_other}");

        // A grid's list is offered only six minutes after its rings 1 and 2 were handed over.
        let mut offered = 0;
        for grid in 0..15 {
            let heard_at = (1..=town.homes)
                .filter(|n| (n - 1) / 200 == grid && has_phone(n))
                .filter(|n| n % 3 == 0 || fragile(n))
                .filter_map(|n| nth(n).map(|at| at.1))
                .max()
                .unwrap();
            let number = human_number(leader(grid));
            let offers = town.taken().into_iter();
            let of_grid = |n: &i64| (n - 1) / 200 == grid;
            let pursued: Vec<i64> =
                (1..=town.homes).filter(of_grid).filter(|n| n % 3 == 0 || fragile(n)).collect();
            let no_phone = pursued.iter().filter(|n| !has_phone(n)).count();
            for offer in offers.filter(|e| e.to == number && e.text.contains("接手回1")) {
                offered += 1;
                assert!(offer.at_ms >= heard_at + 360_000, "grid {grid}: {offer:?}");
                // All of them were handed over by then; who has no phone is not called silent.
                let doors = pursued.len();
                let says =
                    format!("{doors}户要上门（未应答{}、无电话{no_phone}）", doors - no_phone);
                assert!(offer.text.contains(&says), "grid {grid}: {says}: {}", offer.text);
                assert!(!offer.text.contains("未发出"), "{}", offer.text);
            }
        }
        assert!(offered > 0, "nobody was offered a list in 13 minutes");
        assert_eq!(town.sim.stats().throttled, 0);
        town
    })
    .await;
}

/// Of the homes of a grid that somebody has to go to: when each was first sent the order, none for
/// those without a phone.
fn heard_in(town: &Town, grid: i64, of_grid: i64, no_phone_every: i64) -> Vec<Option<Option<i64>>> {
    let first = first_heard(town);
    (1..=town.homes)
        .filter(|n| (n - 1) / of_grid == grid && (n % 2 == 0 || n % 20 == 0))
        .map(|n| {
            let has_phone = n % no_phone_every != 0;
            has_phone.then(|| first.get(&home_number(HOME + n)).map(|at| at.1))
        })
        .collect()
}

/// What a list of these doors must say if it was written at `at`.
fn says_at(doors: &[Option<Option<i64>>], at: i64) -> String {
    let no_phone = doors.iter().filter(|door| door.is_none()).count();
    let sent = |door: &&Option<Option<i64>>| matches!(door, Some(Some(heard)) if *heard <= at);
    let silent = doors.iter().filter(sent).count();
    let unsent = doors.len() - no_phone - silent;
    let parts = [("未应答", silent), ("未发出", unsent), ("无电话", no_phone)];
    let parts: Vec<String> =
        parts.iter().filter(|part| part.1 > 0).map(|(word, n)| format!("{word}{n}")).collect();
    format!("{}户要上门（{}）", doors.len(), parts.join("、"))
}

#[tokio::test]
async fn a_list_says_who_was_never_sent_anything_and_who_has_no_phone() {
    let (of_grid, no_phone_every) = (40, 7);
    let setup = Setup {
        layout: Layout {
            grids: 6,
            buildings: 4,
            homes: 10,
            fragile_every: 20,
            no_phone_every,
            ..Layout::default()
        },
        rate_per_second: Some(0.2),
        ..Setup::default()
    };
    on_both(setup, async |town| {
        town.flood_order().await;
        // Of the last grids the clock starts after ten minutes, handed over or not.
        town.minutes(17).await;
        let mut with_unsent = 0;
        for grid in 0..6 {
            let doors = heard_in(&town, grid, of_grid, no_phone_every);
            let number = human_number(leader(grid));
            let taken = town.taken().into_iter();
            for offer in taken.filter(|e| e.to == number && e.text.contains("接手回1")) {
                // It is written before the gateway has room for it.
                let mut written = (offer.at_ms - 120_000..=offer.at_ms).step_by(5_000);
                let fits = |at: i64| offer.text.contains(&says_at(&doors, at));
                let now = says_at(&doors, offer.at_ms);
                assert!(written.any(fits), "grid {grid}: {now}: {}", offer.text);
                with_unsent += usize::from(offer.text.contains("未发出"));
                assert!(offer.text.contains("无电话"), "{}", offer.text);
            }
        }
        assert!(with_unsent > 0, "no list had anybody who was never sent anything");
        town
    })
    .await;
}

#[tokio::test]
async fn a_gateway_slower_than_it_was_said_to_be_loses_nobody() {
    let setup = Setup {
        layout: Layout { homes: 30, ..Layout::default() },
        vices: Vices { rate_per_second: Some(1.0), ..Vices::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        town.flood_order().await;
        town.slowly(300).await;
        let first = first_heard(&town);
        assert_eq!(first.len() as i64, town.homes);
        assert!(town.sim.stats().throttled > 0);
        town
    })
    .await;
}

#[tokio::test]
async fn what_fails_in_any_chunk_of_a_batch_is_tried_again() {
    let setup = Setup {
        layout: Layout { homes: 40, must_move_every: 0, fragile_every: 0, ..Layout::default() },
        rate_per_second: Some(2.0),
        vices: Vices { fail_5xx: 0.15, ..Vices::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        town.flood_order().await;
        town.slowly(180).await;
        let first = first_heard(&town);
        assert_eq!(first.len() as i64, town.homes);
        assert!(town.sim.stats().refused > 0, "nothing failed");
        let twice = (1..=town.homes).filter(|n| town.heard(&home_number(HOME + n)).len() > 1);
        assert_eq!(twice.count(), 0);
        town
    })
    .await;
}

#[tokio::test]
async fn the_second_wave_goes_where_no_receipt_came() {
    let setup = Setup {
        layout: Layout {
            buildings: 4,
            homes: 10,
            must_move_every: 1,
            fragile_every: 0,
            second_phone_every: 4,
            ..Layout::default()
        },
        vices: Vices { receipt_missing: 0.5, ..Vices::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        let sql = "SELECT DISTINCT a.household_id FROM receipt r JOIN address a \
                   ON a.id = r.address_id WHERE r.class = 1 AND a.household_id IS NOT NULL";
        let delivered: Vec<(i64,)> = town.rows(sql).await;
        let delivered: BTreeSet<i64> = delivered.into_iter().map(|r| r.0 - HOME).collect();
        assert!((5..=35).contains(&delivered.len()), "{delivered:?}");
        let answered = home_number(HOME + 1);
        town.says(&answered, "2").await;
        town.minutes(2).await;
        for n in 2..=town.homes {
            let first = town.heard(&home_number(HOME + n)).len();
            let second = town.heard(&second_number(HOME + n)).len();
            let expected = match (delivered.contains(&n), n % 4 == 0) {
                (_, true) => (1, 1),
                (true, false) => (1, 0),
                (false, false) => (2, 0),
            };
            assert_eq!((first, second), expected, "home {n}");
        }
        town
    })
    .await;
}

#[tokio::test]
async fn receipts_before_outcomes_are_joined_after_the_fact() {
    let setup = Setup {
        layout: Layout { must_move_every: 1, ..Layout::default() },
        vices: Vices { receipt_early: 1.0, timeout_taken: 0.5, ..Vices::default() },
        receipts_first: true,
        ..Setup::default()
    };
    on_both(setup, async |town| {
        town.flood_order().await;
        town.settle().await;
        let joined = "SELECT count(*) FROM outcome o JOIN receipt r ON r.batch_id = o.batch_id \
                      AND r.address_id = o.address_id AND r.class = 1";
        assert_eq!(town.count(joined).await, town.homes);
        let unknown = town.count("SELECT count(*) FROM outcome WHERE kind = 5").await;
        assert!(unknown > 0, "no call was left without an answer");
        // Neither the window of the unknown nor the second wave repeats what has arrived.
        town.minutes(5).await;
        for n in 1..=town.homes {
            let heard = town.heard(&home_number(HOME + n));
            assert_eq!(heard.len(), 1, "home {n}: {heard:?}");
        }
        let custody = town.custody(1).await;
        assert_eq!(custody.answered, 0, "a receipt closes nothing: {custody:?}");
        let started = format!(
            "SELECT count(*) FROM expansion WHERE grid_id = {GRID} \
                               AND handed_at = {NIGHT}"
        );
        assert_eq!(town.count(&started).await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn who_has_the_water_first_hears_first() {
    let layout = Layout { grids: 3, must_move_every: 1, ..Layout::default() };
    let setup = Setup { layout, rate_per_second: Some(1.0), ..Setup::default() };
    on_both(setup, async |town| {
        for (id, minutes, grid) in [(11, 30, 2), (12, 120, 1)] {
            town.break_in(&format!(
                "INSERT INTO zone (id, code, name, hazard, minutes_to_water, route, shelter) \
                 VALUES ({id}, 'Z{id}', '沿江', 'flood', {minutes}, '往高处走', '四明小学')"
            ))
            .await;
            town.break_in(&format!(
                "INSERT INTO zone_household (zone_id, household_id, direct) \
                 SELECT {id}, h.id, 1 FROM household h WHERE h.grid_id = {}",
                GRID + grid
            ))
            .await;
        }
        let mut form = town.flood_form();
        form.zones = vec!["Z11".into(), "Z12".into()];
        town.release(&form).await;
        town.slowly(120).await;
        let first = first_heard(&town);
        let mut order: Vec<(usize, i64)> = (1..=town.homes)
            .filter_map(|n| Some((first.get(&home_number(HOME + n))?.0, (n - 1) / 10)))
            .collect();
        assert!(order.len() >= 24, "{order:?}");
        order.sort_unstable();
        let mut grids: Vec<i64> = order.into_iter().map(|(_, grid)| grid).collect();
        grids.dedup();
        // The fragile of all grids, then the others; in half an hour, in two, nobody knows when.
        assert_eq!(grids, [2, 1, 0, 2, 1, 0]);
        town
    })
    .await;
}

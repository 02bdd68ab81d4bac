//! Nights of a grid: who is asked when, who is asked next, and that it never ends.

use super::night::{GRID, MIN, Night, full_ladder, human};
use super::*;
use crate::domain::plan::Plans;
use proptest::prelude::*;

#[test]
fn nobody_takes_it_and_it_climbs_to_the_duty_room_and_stays_there() {
    let mut night = Night::new(full_ladder());
    assert_eq!(night.until(5), [] as [i64; 0]);
    assert_eq!(night.until(6), [12, 13, 20]);
    assert_eq!(night.until(7), [] as [i64; 0]);
    assert_eq!(night.until(8), [30]);
    assert_eq!(night.until(10), [40, 50]);
    assert_eq!(night.until(15), [60]);
    assert_eq!(night.until(24), [] as [i64; 0]);
    assert_eq!(night.reminded, [] as [i64; 0]);
    night.until(25);
    assert_eq!((night.step, night.reminded.clone()), (Step::Remind, vec![60]));
    night.until(24 * 60);
    assert!(night.reminded.len() > 100, "it never ends");
    assert!(night.reminded.iter().all(|human| *human == 60));
}

#[test]
fn a_list_taken_stops_the_climb_and_is_watched() {
    let mut night = Night::new(full_ladder());
    night.until(7);
    assert_eq!(night.answer(20, ListState::Taken), [] as [i64; 0]);
    assert_eq!((night.step, night.due_at), (Step::Watch, 37 * MIN));
    night.until(36);
    assert_eq!(night.lists.len(), 3);
}

#[test]
fn two_leaders_asleep() {
    let mut night = Night::new(full_ladder()).without(&[12, 13]);
    assert_eq!(night.until(6), [20]);
    assert_eq!(night.until(8), [30]);
    assert_eq!(night.until(10), [40, 50]);
    assert_eq!(night.answer(40, ListState::Taken), [] as [i64; 0]);
    assert_eq!(night.step, Step::Watch);
}

#[test]
fn a_zero_brings_the_next_at_once_and_keeps_the_gap_after_him() {
    let mut night = Night::new(full_ladder());
    night.until(6);
    assert_eq!(night.answer(20, ListState::Declined), [30]);
    assert_eq!((night.step, night.due_at), (Step::Offer(Rung::Community), 8 * MIN));
    assert_eq!(night.answer(30, ListState::Declined), [40, 50]);
    assert_eq!(night.answer(40, ListState::Declined), [] as [i64; 0], "the street may still say 1");
    assert_eq!(night.answer(50, ListState::Declined), [60]);
    assert_eq!(night.answer(60, ListState::Declined), [] as [i64; 0]);
    assert_eq!(night.reminded, [] as [i64; 0], "not in the breath in which he said no");
    night.until(17);
    assert_eq!(night.reminded, [60], "the duty room can't hand it to anybody");
}

#[test]
fn a_list_given_back_goes_to_the_next_at_once() {
    let mut night = Night::new(full_ladder());
    night.until(7);
    night.answer(20, ListState::Taken);
    night.until(20);
    assert_eq!(night.answer(20, ListState::Declined), [30]);
    assert_eq!(night.until(22), [40, 50]);
}

#[test]
fn half_an_hour_without_an_act_and_it_is_offered_onwards() {
    let mut night = Night::new(full_ladder());
    night.until(7);
    night.answer(20, ListState::Taken);
    night.until(30);
    night.lists[0].acted_at = None;
    let row = night.lists.iter_mut().find(|row| row.human_id == 20).unwrap();
    row.acted_at = Some(30 * MIN);
    assert_eq!(night.until(59), [] as [i64; 0], "a tick at 30 min");
    assert_eq!(night.until(60), [30]);
    assert_eq!(night.passed, [20]);
    assert_eq!(night.until(62), [40, 50], "and on, until somebody takes it");
}

#[test]
fn a_passed_list_goes_up_from_the_highest_rung_that_was_asked() {
    let mut night = Night::new(full_ladder());
    night.until(15);
    night.answer(60, ListState::Taken);
    night.until(44);
    assert_eq!(night.reminded, [] as [i64; 0]);
    night.until(45);
    assert_eq!((night.passed.clone(), night.step), (vec![60], Step::Remind));
    night.until(55);
    assert_eq!(night.reminded, [60]);
}

#[test]
fn building_leaders_cover_only_their_buildings() {
    let mut night = Night::new(full_ladder());
    night.until(6);
    assert_eq!(night.answer(12, ListState::Taken), [] as [i64; 0]);
    assert_eq!(night.step, Step::Offer(Rung::Deputy), "13 is still nobody's");
    night.answer(13, ListState::Taken);
    assert_eq!((night.step, night.due_at), (Step::Watch, 36 * MIN));
    night.now = 7 * MIN;
    assert_eq!(night.answer(12, ListState::Declined), [] as [i64; 0], "the grid leader has till 8");
    assert_eq!((night.step, night.due_at), (Step::Offer(Rung::Deputy), 8 * MIN));
    assert_eq!(night.until(8), [30]);
}

#[test]
fn a_building_without_open_doors_is_not_offered_and_not_missed() {
    let mut night = Night::new(full_ladder());
    night.doors[0].open = 0;
    assert_eq!(night.until(6), [13, 20]);
    night.answer(13, ListState::Taken);
    night.doors[1].open = 0;
    night.until(90);
    assert_eq!(night.passed, [] as [i64; 0], "nobody asks after a finished list");
    night.doors[1].open = 1;
    assert_eq!(night.decide().next_step, Step::Offer(Rung::Community), "going back reopens it");
    assert_eq!(night.passed, [13]);
}

#[test]
fn doors_that_open_before_the_first_moment_wait_for_it() {
    let mut night = Night::new(full_ladder());
    let doors = std::mem::take(&mut night.doors);
    night.now = MIN;
    night.decide();
    night.doors = doors;
    night.now = 2 * MIN;
    assert_eq!(night.decide().offers, []);
    assert_eq!(night.until(6), [12, 13, 20]);
}

#[test]
fn unreachable_absent_and_laden_people_are_skipped_at_once() {
    let mut night = Night::new(full_ladder()).without(&[12, 13]);
    night.ladder[0].reachable = false;
    night.ladder[1].absent = true;
    assert_eq!(night.until(6), [40, 50]);
    assert_eq!(night.until(11), [60], "the gap between the rungs that were asked");
}

#[test]
fn the_laden_are_passed_over_while_another_of_their_rung_can_be_asked() {
    let mut night = Night::new(full_ladder()).without(&[12, 13]);
    night.ladder[0].laden = true;
    night.ladder.push(human(21, Rung::Grid));
    assert_eq!(night.until(6), [21]);
    assert_eq!(night.until(8), [30]);
    for away in [true, false] {
        let mut night = Night::new(full_ladder()).without(&[12, 13]);
        night.ladder[0].laden = true;
        if away {
            night.ladder.push(Human { absent: true, ..human(21, Rung::Grid) });
        }
        assert_eq!(night.until(6), [20], "better he than nobody");
    }
    let twelve = |human_id: i64| Human { place_id: 12, ..human(human_id, Rung::Building) };
    let thirteen = Human { laden: true, ..human(13, Rung::Building) };
    let ladder = vec![Human { laden: true, ..twelve(7) }, twelve(8), thirteen];
    assert_eq!(Night::new(ladder).until(6), [8, 13], "each building by itself");
}

#[test]
fn a_part_taken_out_of_a_grid_list_goes_back_when_its_holder_is_silent() {
    let mut night = Night::new(full_ladder());
    night.until(7);
    night.answer(20, ListState::Taken);
    night.until(20);
    night.answer(12, ListState::Taken);
    night.doors[1].open = 0;
    night.until(45);
    assert_eq!(night.passed, [] as [i64; 0], "the rest of his grid is done");
    for row in night.lists.iter_mut().filter(|row| row.human_id == 20) {
        row.acted_at = Some(45 * MIN);
    }
    night.until(50);
    assert_eq!(night.passed, [] as [i64; 0], "not offered onwards: the grid has a holder");
    assert_eq!(night.returned, [12]);
    assert_eq!(night.lists.iter().find(|row| row.human_id == 12).unwrap().state, ListState::Done);
    assert_eq!(night.step, Step::Watch);
}

#[test]
fn a_place_with_nobody_but_building_leaders_goes_up_at_once() {
    let mut night = Night::new(full_ladder()).without(&[20, 30, 40, 50]);
    assert_eq!(night.until(6), [12, 13, 60]);
    assert_eq!(night.step, Step::Remind);
}

#[test]
fn one_human_on_several_rungs_is_asked_once() {
    let ladder = vec![
        Human { place_id: 12, ..human(20, Rung::Building) },
        human(20, Rung::Grid),
        human(20, Rung::Deputy),
        human(40, Rung::Community),
    ];
    let mut night = Night::new(ladder);
    assert_eq!(night.until(6), [20]);
    assert_eq!(night.lists[0].place_id, GRID);
    assert_eq!(night.until(8), [40], "the deputy is he himself: skipped");
}

#[test]
fn one_leader_on_three_grids_is_offered_each_and_may_take_one() {
    let mut grids: Vec<Night> = (0..3).map(|_| Night::new(full_ladder())).collect();
    for night in &mut grids {
        assert_eq!(night.until(6), [12, 13, 20]);
    }
    grids[0].answer(20, ListState::Taken);
    grids[1].answer(20, ListState::Declined);
    assert_eq!(grids[0].until(15), [] as [i64; 0]);
    assert_eq!(grids[1].lists.last().unwrap().human_id, 30, "at once");
    assert_eq!(grids[2].until(8), [30], "silence takes its time");
}

#[test]
fn a_leader_of_two_buildings_gets_both() {
    let ladder = [12, 13].map(|b| Human { place_id: b, ..human(7, Rung::Building) }).to_vec();
    let mut night = Night::new(ladder);
    assert_eq!(night.until(6), [7, 7]);
    assert_eq!(night.lists.iter().map(|row| row.place_id).collect::<Vec<_>>(), [12, 13]);
}

#[test]
fn a_town_without_a_duty_room_reminds_the_highest_there_is() {
    let mut night = Night::new(full_ladder()).without(&[60]);
    night.until(15);
    night.reminded.sort();
    assert_eq!(night.reminded, [40, 50]);
    assert!(!night.nobody);
    night.answer(40, ListState::Declined);
    night.until(24);
    night.until(25);
    night.reminded.sort();
    assert_eq!(night.reminded, [40, 40, 50, 50], "a no of one of two is no way out");
    night.ladder.push(human(60, Rung::Duty));
    assert_eq!(night.until(35), [60], "a phone that works again is called");
}

#[test]
fn a_town_without_anybody_raises_an_alarm_again_and_again() {
    let mut night = Night::new(vec![]);
    night.until(6);
    assert!(night.nobody);
    assert_eq!((night.step, night.due_at), (Step::Remind, 16 * MIN));
    night.until(16);
    assert!(night.nobody);
    night.ladder = vec![human(20, Rung::Grid)];
    assert_eq!(night.until(26), [20]);
    assert!(!night.nobody);
}

#[test]
fn a_process_down_for_three_hours_resumes_and_does_not_avalanche() {
    let mut night = Night::new(full_ladder());
    night.until(6);
    night.now = 186 * MIN;
    let climb = night.decide();
    assert_eq!(climb.offers.iter().map(|o| o.human_id).collect::<Vec<_>>(), [30]);
    assert_eq!(night.due_at, 188 * MIN);
    night.now = 188 * MIN;
    assert_eq!(night.decide().offers.len(), 2);
    assert_eq!(night.due_at, 193 * MIN);
}

#[test]
fn silence_during_an_outage_is_not_the_holders() {
    let mut night = Night::new(full_ladder());
    night.until(7);
    night.answer(20, ListState::Taken);
    night.now = 187 * MIN;
    let climb = night.decide();
    assert_eq!((climb.passes, climb.offers), (vec![], vec![]));
    assert_eq!((night.step, night.due_at), (Step::Watch, 197 * MIN));
    assert_eq!(night.until(197), [30], "ten minutes to catch up, then onwards");
    assert_eq!(night.passed, [20]);
}

#[test]
fn called_too_early_it_changes_nothing() {
    let mut night = Night::new(full_ladder());
    night.until(7);
    let before = (night.step, night.due_at, night.lists.len());
    for _ in 0..5 {
        night.decide();
    }
    assert_eq!((night.step, night.due_at, night.lists.len()), before);
}

fn called(mut night: Night, human_id: i64, minute: i64) -> Night {
    let human = night.ladder.iter_mut().find(|human| human.human_id == human_id).unwrap();
    human.called_at = Some(minute * MIN);
    night
}

#[test]
fn who_was_called_for_another_list_has_had_his_time_from_then_on() {
    // Asked for another grid a minute ago: this ladder falls in step with that one.
    let mut night = called(Night::new(full_ladder()).without(&[12, 13]), 20, 5);
    assert_eq!(night.until(6), [20]);
    assert_eq!((night.step, night.due_at), (Step::Offer(Rung::Deputy), 7 * MIN));
    // Asked long ago and silent: it is his as well, but nobody waits for him again.
    let mut night = called(Night::new(full_ladder()).without(&[12, 13]), 20, 1);
    assert_eq!(night.until(6), [20, 30]);
    assert_eq!((night.step, night.due_at), (Step::Offer(Rung::Community), 8 * MIN));
    // Another one of the same moment was not called yet: he has his time.
    let mut night = called(Night::new(full_ladder()), 20, 1);
    assert_eq!(night.until(6), [12, 13, 20]);
    assert_eq!((night.step, night.due_at), (Step::Offer(Rung::Deputy), 8 * MIN));
    // All of them were called long ago: the top is asked, and reminded as ever.
    let mut night = Night::new(full_ladder()).without(&[12, 13]);
    for human in [20, 30, 40, 50, 60] {
        night = called(night, human, -30);
    }
    assert_eq!(night.until(6), [20, 30, 40, 50, 60]);
    assert_eq!((night.step, night.due_at), (Step::Remind, 16 * MIN));
}

#[test]
fn silence_while_the_process_was_down_is_held_against_nobody() {
    let mut night = called(Night::new(full_ladder()).without(&[12, 13]), 20, 1);
    night.now = 3 * 60 * MIN;
    let climb = night.decide();
    assert_eq!(climb.offers.iter().map(|offer| offer.human_id).collect::<Vec<_>>(), [20]);
    assert_eq!(night.due_at, night.now + 2 * MIN);
}

#[test]
fn a_notice_has_no_ladder() {
    let plan = Plans::defaults().unwrap().notice;
    assert_eq!(first_due(&plan, 0), None);
    let night = Night::new(full_ladder());
    let grid = Grid {
        place_id: GRID,
        ladder: &night.ladder,
        lists: &[],
        doors: &night.doors,
        step: Step::FIRST,
        due_at: 0,
    };
    assert_eq!(decide(&plan, &grid, 5), None);
}

#[test]
fn codes_come_back() {
    for code in 1..=8 {
        assert_eq!(Step::from_code(code).map(Step::code), Some(code));
    }
    assert_eq!((Step::from_code(0), Step::from_code(9)), (None, None));
}

proptest! {
    /// Whatever people say and whenever, an open door nobody holds is asked about again within
    /// the longest wait of the plan, nobody is offered a place twice, and no timer stands still.
    #[test]
    fn an_open_door_is_never_forgotten(
        gone in proptest::collection::vec(0usize..7, 0..7),
        acts in proptest::collection::vec((1i64..40, 0usize..7, 0i64..4), 0..25),
    ) {
        let mut night = Night::new(full_ladder());
        for i in gone {
            night.ladder[i].reachable = false;
        }
        let mut minute = 0;
        for (wait, who, state) in acts {
            minute += wait;
            night.until(minute);
            let human_id = night.ladder[who].human_id;
            let state = ListState::ALL[state as usize];
            if night.lists.iter().any(|row| row.human_id == human_id) {
                night.answer(human_id, state);
            }
            prop_assert!(night.due_at <= night.now + 30 * MIN, "{:?}", night.step);
        }
        for row in &mut night.lists {
            row.state = ListState::Declined;
        }
        let reminded = night.reminded.len();
        let offered = night.lists.len();
        night.now += MIN;
        night.until(minute + 120);
        let asked = night.reminded.len() > reminded || night.lists.len() > offered;
        prop_assert!(asked || night.nobody);
    }
}

//! Tests of the words and of the life of an alert.

use super::*;
use std::collections::BTreeSet;

const ACTS: [Act; 9] = [
    Act::Edit,
    Act::Submit,
    Act::Return,
    Act::Approve,
    Act::Bypass,
    Act::Update,
    Act::End,
    Act::Withdraw,
    Act::Discard,
];

/// 2013-10-07 00:00 in Yuyao.
const MIDNIGHT: i64 = 1_381_075_200_000;

#[test]
fn the_usual_way_leads_from_draft_to_ended() {
    let way = [Act::Submit, Act::Return, Act::Edit, Act::Submit, Act::Approve, Act::Update];
    let live = way.iter().try_fold(State::Draft, |state, act| state.next(*act));
    assert_eq!(live, Ok(State::Live));
    assert_eq!(State::Live.next(Act::End), Ok(State::Ended));
}

#[test]
fn a_pair_of_state_and_act_stands_in_the_table_at_most_once() {
    for state in State::ALL {
        for act in ACTS {
            let rows = LIFE.iter().filter(|(s, a, _)| *s == state && *a == act).count();
            assert!(rows <= 1, "{state:?} {act:?}");
            assert_eq!(state.next(act).is_ok(), rows == 1, "{state:?} {act:?}");
        }
    }
}

#[test]
fn only_a_signature_makes_live_and_what_is_open_is_thrown_away_or_corrected() {
    for (from, act, to) in LIFE {
        if *to == State::Live && *from != State::Live {
            assert!(matches!(act, Act::Approve | Act::Bypass), "{from:?} by {act:?}");
        }
    }
    for state in [State::Draft, State::Submitted, State::Returned] {
        assert_eq!(state.next(Act::Discard), Ok(State::Discarded));
        let said = state.next(Act::Withdraw).unwrap_err().to_string();
        assert!(said.contains("discard"), "nobody had it, nobody is corrected: {said}");
    }
    assert_eq!(State::Live.next(Act::Withdraw), Ok(State::Withdrawn));
    assert!(State::Live.next(Act::Discard).unwrap_err().to_string().contains("withdraw it"));
    for act in ACTS {
        assert!(State::Discarded.next(act).is_err());
        assert!(State::Ended.next(act).is_err());
        assert!(State::Withdrawn.next(act).is_err());
    }
}

#[test]
fn a_second_approval_is_refused_and_says_that_nothing_was_sent_twice() {
    let refused = State::Live.next(Act::Approve).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Approve is not possible on a live alert: it is live already; nothing was sent twice"
    );
    assert!(State::Draft.next(Act::Approve).is_err());
}

#[test]
fn nobody_approves_his_own_version() {
    assert_eq!(second_person(7, 7), Err(OwnApproval { account: 7 }));
    assert_eq!(second_person(7, 8), Ok(()));
}

#[test]
fn colours_are_ordered_and_read_in_every_spelling_but_numbers() {
    assert!(Colour::Blue < Colour::Yellow && Colour::Yellow < Colour::Orange);
    assert!(Colour::Orange < Colour::Red);
    for colour in Colour::ALL {
        let upper = colour.word().to_uppercase();
        let bare = colour.chinese().trim_end_matches('色');
        for text in [colour.word(), upper.as_str(), colour.chinese(), bare, " 　", ""] {
            let expected = (!text.trim().is_empty()).then_some(colour);
            assert_eq!(Colour::parse(text), expected, "{text}");
        }
    }
    for number in ["1", "01", "4", "04", "色", "白色"] {
        assert_eq!(Colour::parse(number), None, "{number}");
    }
}

#[test]
fn codes_come_back_and_are_unique() {
    let states: BTreeSet<_> = State::ALL.iter().map(|s| s.code()).collect();
    assert_eq!(states.len(), State::ALL.len());
    for state in State::ALL {
        assert_eq!(State::from_code(state.code()), Some(state));
    }
    for demand in Demand::ALL {
        assert_eq!(Demand::from_code(demand.code()), Some(demand));
    }
    for (code, chinese) in [(1, "提示"), (2, "紧急"), (3, "特急")] {
        let urgency = Urgency::from_code(code).unwrap();
        assert_eq!((urgency.code(), urgency.chinese()), (code, chinese));
        assert_eq!(Urgency::parse(chinese), Some(urgency));
        assert_eq!(Urgency::parse(urgency.word()), Some(urgency));
    }
    for origin in [Origin::Forwarded, Origin::Own] {
        assert_eq!(Origin::from_code(origin.code()), Some(origin));
    }
    assert_eq!(Urgency::from_code(4), None);
    assert_eq!(State::from_code(0), None);
}

#[test]
fn urgency_follows_demand_deadline_and_colour() {
    let hours = |h: i64| Some(h * HOUR_MS);
    let cases = [
        (Demand::Evacuation, hours(5), None, Urgency::Flash),
        (Demand::Evacuation, hours(6), None, Urgency::Flash),
        (Demand::Evacuation, hours(7), None, Urgency::Urgent),
        (Demand::Evacuation, hours(20), Some(Colour::Red), Urgency::Flash),
        (Demand::Upstairs, None, None, Urgency::Flash),
        (Demand::Receipt, hours(2), Some(Colour::Red), Urgency::Flash),
        (Demand::Receipt, None, Some(Colour::Red), Urgency::Urgent),
        (Demand::Safety, None, None, Urgency::Urgent),
        (Demand::Inform, None, Some(Colour::Orange), Urgency::Urgent),
        (Demand::Inform, None, Some(Colour::Yellow), Urgency::Notice),
        (Demand::Inform, None, None, Urgency::Notice),
    ];
    for (demand, left, colour, expected) in cases {
        let got = suggest_urgency(demand, left, colour);
        assert_eq!(got, expected, "{demand:?} {left:?} {colour:?}");
    }
}

#[test]
fn a_suggestion_never_falls_when_the_demand_rises() {
    for colour in [None, Some(Colour::Blue), Some(Colour::Orange), Some(Colour::Red)] {
        for left in [None, Some(0), Some(NEAR_DEADLINE_MS), Some(DAY_MS)] {
            let all: Vec<_> =
                Demand::ALL.iter().map(|demand| suggest_urgency(*demand, left, colour)).collect();
            assert!(all.is_sorted(), "{colour:?} {left:?}: {all:?}");
        }
    }
}

#[test]
fn people_should_be_out_three_hours_before_the_water() {
    let now = MIDNIGHT + 8 * HOUR_MS;
    let water = MIDNIGHT + 18 * HOUR_MS;
    assert_eq!(suggest_act_by(water, now), Some(MIDNIGHT + 15 * HOUR_MS));
}

#[test]
fn nobody_is_sent_out_at_night_while_there_is_an_evening_before() {
    let now = MIDNIGHT + 8 * HOUR_MS;
    let evening = Some(MIDNIGHT + 18 * HOUR_MS);
    let before_midnight = MIDNIGHT + 26 * HOUR_MS;
    let after_midnight = MIDNIGHT + 29 * HOUR_MS;
    let at_dawn = MIDNIGHT + 33 * HOUR_MS;
    assert_eq!(suggest_act_by(before_midnight, now), evening);
    assert_eq!(suggest_act_by(after_midnight, now), evening);
    assert_eq!(suggest_act_by(at_dawn - 1, now), evening);
    assert_eq!(suggest_act_by(at_dawn, now), Some(MIDNIGHT + 30 * HOUR_MS));
    let late = MIDNIGHT + 19 * HOUR_MS;
    assert_eq!(suggest_act_by(after_midnight, late), Some(MIDNIGHT + 26 * HOUR_MS));
}

#[test]
fn with_less_than_three_hours_left_there_is_no_deadline_but_now() {
    assert_eq!(suggest_act_by(MIDNIGHT + 3 * HOUR_MS, MIDNIGHT), None);
    assert_eq!(suggest_act_by(i64::MIN, MIDNIGHT), None);
}

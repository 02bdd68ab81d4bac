//! Doors of the town, one case a line (in the fixture): what was said, and whether the door is
//! closed. Then what a line can't say. Laws for any facts stand in `laws`.

use super::*;
use crate::domain::statement::Giver;

pub(super) const MIN: i64 = 60_000;
const RECEIPT: i64 = 1;
pub(super) const SAFETY: i64 = 2;
pub(super) const UPSTAIRS: i64 = 3;
pub(super) const EVACUATION: i64 = 4;

pub(super) const HELP: Claim = Help(Triage::A);

use Claim::*;
use Giver::*;

/// 王阿婆, 78, lives alone and walks with difficulty.
pub(super) fn wang(demand: i64) -> Home {
    Home { persons: 1, vulnerable: true, lives_alone: true, ..zhang(demand) }
}

/// 小李, 30, lives alone.
pub(super) fn li(demand: i64) -> Home {
    Home { persons: 1, lives_alone: true, ..zhang(demand) }
}

/// The Zhangs: four persons, nobody fragile.
pub(super) fn zhang(demand: i64) -> Home {
    Home {
        demand,
        since_version: 1,
        pursued: true,
        persons: 4,
        vulnerable: false,
        lives_alone: false,
    }
}

/// The Chens: four persons, the grandfather bedridden.
pub(super) fn chen(demand: i64) -> Home {
    Home { vulnerable: true, ..zhang(demand) }
}

pub(super) type Said = (i64, Giver, Claim, Option<i64>);

/// Statements by minute; the keys are s0, s1 … in the order written.
pub(super) fn facts(said: &[Said]) -> Vec<Statement> {
    let one = |(i, (minute, giver, claim, persons)): (usize, &Said)| Statement {
        source_key: format!("s{i}"),
        giver: *giver,
        claim: *claim,
        persons: *persons,
        closes: vec![],
        observed_at: minute * MIN,
        version: 1,
    };
    said.iter().enumerate().map(one).collect()
}

fn after(home: Home, said: &[Said]) -> Standing {
    fold(&home, &facts(said))
}

const DOORS: &str = include_str!("../../../tests/fixtures/standing/doors.txt");

fn read_home(text: &str) -> Home {
    let (who, asked) = text.split_once(' ').unwrap();
    let words = ["inform", "receipt", "safety", "upstairs", "evacuation", "unknown"];
    let demand = words.iter().position(|word| *word == asked).expect(asked) as i64;
    match who {
        "wang" => wang(demand),
        "li" => li(demand),
        "zhang" => zhang(demand),
        "chen" => chen(demand),
        other => panic!("nobody is called {other}"),
    }
}

fn read_said(text: &str) -> Said {
    let words: Vec<&str> = text.split_whitespace().collect();
    let giver = Giver::ALL.into_iter().find(|g| format!("{g:?}") == words[1]).expect(words[1]);
    let claim = match words[2] {
        "Help" => HELP,
        word => Claim::ALL.into_iter().find(|c| format!("{c:?}") == word).expect(word),
    };
    let persons = words.get(3).map(|n| n.parse().unwrap());
    (words[0].parse().unwrap(), giver, claim, persons)
}

#[test]
fn every_door_of_the_town() {
    let lines = DOORS.lines().filter(|line| !line.starts_with('#'));
    let mut doors = 0;
    for line in lines {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let said = parts[2].split(';').filter(|part| !part.trim().is_empty());
        let said: Vec<Said> = said.map(read_said).collect();
        let standing = after(read_home(parts[1]), &said);
        let state = match (standing.closed(), standing.verify) {
            (true, _) => "closed",
            (false, true) => "verify",
            (false, false) => "open",
        };
        let found = format!("{state} {:?}", standing.whereabouts);
        assert_eq!(found, parts[3], "{line}\n{standing:?}");
        doors += 1;
    }
    assert!(doors >= 60, "{doors} doors");
}

#[test]
fn a_three_of_many_is_asked_back_once() {
    let first = after(zhang(EVACUATION), &[(1, Lives, LeftAll, None)]);
    assert!(first.ask_back);
    let second = [(1, Lives, LeftAll, None), (3, Lives, LeftAll, None)];
    let second = after(zhang(EVACUATION), &second);
    assert_eq!((second.ask_back, second.closed_at), (false, Some(3 * MIN)));
    assert!(!after(li(EVACUATION), &[(1, Lives, LeftAll, None)]).ask_back);
    let counted = after(zhang(EVACUATION), &[(1, Lives, LeftAll, Some(3))]);
    assert!(!counted.ask_back, "he gave the number");
    assert!(after(zhang(UPSTAIRS), &[(1, Lives, Upstairs, None)]).ask_back);
}

#[test]
fn a_thumb_that_presses_three_twice_has_said_it_once() {
    let mut facts = facts(&[(1, Lives, LeftAll, None), (1, Lives, LeftAll, None)]);
    facts[1].observed_at += ASK_BACK_MIN_MS - 1;
    let standing = fold(&zhang(EVACUATION), &facts);
    assert_eq!((standing.closed(), standing.ask_back), (false, true));
    facts[1].observed_at += 1;
    assert!(fold(&zhang(EVACUATION), &facts).closed());
}

#[test]
fn helps_end_by_name_only_whatever_was_observed_first() {
    let said = [(1, Lives, HELP, None), (2, Lives, Help(Triage::C), None)];
    let both = after(li(RECEIPT), &said);
    assert_eq!((both.helps, both.help_class), (2, Some(Triage::A)));
    assert_eq!(both.help_keys, ["s0", "s1"]);
    let end = |minute, giver, keys: &[&str]| Statement {
        source_key: "end".into(),
        closes: keys.iter().map(|key| key.to_string()).collect(),
        ..facts(&[(minute, giver, HelpClosed, None)]).remove(0)
    };
    let with = |end| fold(&li(RECEIPT), &[facts(&said), vec![end]].concat());
    let one = with(end(9, Desk, &["s0"]));
    assert_eq!((one.helps, one.help_class, one.closed()), (1, Some(Triage::C), false));
    assert_eq!(with(end(9, AtTheDoor, &["s0", "s1"])).closed_at, Some(9 * MIN));
    assert_eq!(with(end(9, AtTheDoor, &[])).helps, 2, "names none, closes none");
    assert_eq!(with(end(0, Desk, &["s0"])).helps, 1, "a clock that was ahead");
    assert_eq!(with(end(9, Relative, &["s0", "s1"])).helps, 2, "not his to close");
    assert_eq!(with(end(9, System, &["s0", "s1"])).helps, 2);
}

#[test]
fn a_tick_at_the_wrong_door_is_taken_back() {
    let mut said = facts(&[
        (1, AtTheDoor, Evacuated, None),
        (2, Lives, HELP, None),
        (3, AtTheDoor, Retracted, None),
    ]);
    said[2].closes = vec!["s0".into(), "s1".into()];
    let standing = fold(&wang(EVACUATION), &said);
    assert_eq!((standing.whereabouts, standing.closed()), (Whereabouts::Unknown, false));
    assert_eq!(standing.helps, 1, "a cry for help can't be taken back");
    said[2].giver = Lives;
    assert_eq!(fold(&wang(EVACUATION), &said).whereabouts, Whereabouts::Evacuated);
}

#[test]
fn a_newer_demand_is_not_met_by_an_older_answer() {
    let newer = |home: Home| Home { since_version: 2, ..home };
    assert!(!after(newer(li(RECEIPT)), &[(1, Lives, Heard, None)]).closed());
    assert!(!after(newer(li(SAFETY)), &[(1, Lives, SafeHome, None)]).closed());
    let gone = after(newer(li(EVACUATION)), &[(1, AtTheDoor, Evacuated, None)]);
    assert!(gone.closed(), "who has gone has gone");
    let up = &[(1, Lives, Upstairs, None)];
    assert!(after(li(UPSTAIRS), up).closed());
    assert!(!after(newer(li(EVACUATION)), up).closed(), "up was enough, now it isn't");
}

#[test]
fn a_relative_lowers_the_urgency_and_his_help_counts_in_full() {
    let eased = after(wang(EVACUATION), &[(1, Relative, Heard, None)]);
    assert_eq!((eased.eased, eased.closed(), eased.heard_at), (true, false, None));
    let said = [(1, Relative, Heard, None), (2, Relative, Refused, None)];
    let refused = after(wang(EVACUATION), &said);
    assert_eq!((refused.eased, refused.refused), (false, true), "my mother won't go");
    assert_eq!(after(wang(RECEIPT), &[(1, Relative, HELP, None)]).helps, 1);
}

#[test]
fn evidence_is_graded_and_heard_is_the_first_word() {
    let grade = |said: &[Said]| after(li(EVACUATION), said).grade;
    assert_eq!(grade(&[]), grade::NONE);
    assert_eq!(grade(&[(1, Lives, Heard, None)]), grade::ANSWERED);
    assert_eq!(grade(&[(1, AtTheDoor, Seen, None)]), grade::SEEN);
    assert_eq!(grade(&[(1, AtTheDoor, SignedIn, None)]), grade::SIGNED_IN);
    assert_eq!(grade(&[(1, AtTheDoor, NobodyHome, None)]), grade::NONE);
    assert_eq!(grade(&[(1, Relative, Heard, None)]), grade::NONE, "he isn't the household");
    let said = [(7, Lives, Heard, None), (3, Lives, HELP, None), (1, AtTheDoor, NobodyHome, None)];
    assert_eq!(after(li(RECEIPT), &said).heard_at, Some(3 * MIN));
}

#[test]
fn at_the_same_moment_the_door_has_the_last_word() {
    let said = [(5, AtTheDoor, Refused, None), (5, Lives, LeftAll, None)];
    assert!(after(li(EVACUATION), &said).refused);
    let said = [(5, AtTheDoor, Evacuated, None), (5, Lives, Refused, None)];
    assert!(after(li(EVACUATION), &said).closed());
}

#[test]
fn closed_since_the_last_time_it_was_open() {
    let said = [
        (1, AtTheDoor, Evacuated, None),
        (5, Lives, Returned, None),
        (9, AtTheDoor, Evacuated, None),
        (12, AtTheDoor, SignedIn, None),
    ];
    assert_eq!(after(li(EVACUATION), &said).closed_at, Some(9 * MIN));
}

#[test]
fn codes_come_back() {
    for place in Whereabouts::ALL {
        assert_eq!(Whereabouts::from_code(place.code()), Some(place));
    }
    assert_eq!(Whereabouts::from_code(10), None);
}

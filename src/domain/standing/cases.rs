//! Doors of the town, one case a line: what was said, and whether the door is closed. Then the laws
//! that hold for any facts at all.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;

const MIN: i64 = 60_000;
const INFORM: i64 = 0;
const RECEIPT: i64 = 1;
const SAFETY: i64 = 2;
const UPSTAIRS: i64 = 3;
const EVACUATION: i64 = 4;

use Claim::*;
use Giver::*;

/// 王阿婆, 78, lives alone and walks with difficulty.
fn wang(demand: i64) -> Home {
    Home {
        persons: 1,
        vulnerable: true,
        lives_alone: true,
        ..zhang(demand)
    }
}

/// 小李, 30, lives alone.
fn li(demand: i64) -> Home {
    Home {
        persons: 1,
        lives_alone: true,
        ..zhang(demand)
    }
}

/// The Zhangs: four persons, nobody fragile.
fn zhang(demand: i64) -> Home {
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
fn chen(demand: i64) -> Home {
    Home {
        vulnerable: true,
        ..zhang(demand)
    }
}

type Said = (i64, Giver, Claim, Option<i64>);

/// Statements by minute; the keys are s0, s1 … in the order written.
fn facts(said: &[Said]) -> Vec<Statement> {
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

/// Name, home, what was said, closed?, to verify?, whereabouts.
type Case = (&'static str, Home, &'static [Said], bool, bool, Whereabouts);

const HELP: Claim = Help(Triage::A);

fn told_cases() -> Vec<Case> {
    use Whereabouts as W;
    vec![
        (
            "小李 says nothing",
            li(RECEIPT),
            &[],
            false,
            false,
            W::Unknown,
        ),
        (
            "小李 says 1",
            li(RECEIPT),
            &[(1, Lives, Heard, None)],
            true,
            false,
            W::Unknown,
        ),
        (
            "nobody has to answer but 小李 does",
            li(INFORM),
            &[(1, Lives, Heard, None)],
            true,
            false,
            W::Unknown,
        ),
        (
            "one of the Zhangs says 1",
            zhang(RECEIPT),
            &[(1, Lives, Heard, None)],
            true,
            false,
            W::Unknown,
        ),
        (
            "a leader tells 王阿婆 at the door",
            wang(RECEIPT),
            &[(5, AtTheDoor, Heard, None)],
            true,
            false,
            W::Unknown,
        ),
        (
            "王阿婆's helper has spoken to her",
            wang(RECEIPT),
            &[(5, Helper, Heard, None)],
            true,
            false,
            W::Unknown,
        ),
        (
            "王阿婆's daughter, away, says 1",
            wang(RECEIPT),
            &[(2, Relative, Heard, None)],
            false,
            false,
            W::Unknown,
        ),
        (
            "the Zhangs' cousin, away, says 1",
            zhang(RECEIPT),
            &[(2, Relative, Heard, None)],
            false,
            false,
            W::Unknown,
        ),
        (
            "a shared number says 1",
            li(RECEIPT),
            &[(2, SharedNumber, Heard, None)],
            false,
            false,
            W::Unknown,
        ),
        (
            "the program itself says heard",
            li(RECEIPT),
            &[(2, System, Heard, None)],
            false,
            false,
            W::Unknown,
        ),
        (
            "nobody opens, only to be told",
            li(RECEIPT),
            &[(9, AtTheDoor, NobodyHome, None)],
            false,
            false,
            W::NobodyHome,
        ),
        (
            "小李 refuses, only to be told",
            li(RECEIPT),
            &[(9, Lives, Refused, None)],
            false,
            false,
            W::Home,
        ),
        (
            "小李 says 1 and then 2",
            li(RECEIPT),
            &[(1, Lives, Heard, None), (3, Lives, HELP, None)],
            false,
            false,
            W::Unknown,
        ),
        (
            "小李 says 2 and then 1: 1 never undoes 2",
            li(RECEIPT),
            &[(1, Lives, HELP, None), (3, Lives, Heard, None)],
            false,
            false,
            W::Unknown,
        ),
        (
            "the desk rang the Zhangs",
            zhang(RECEIPT),
            &[(4, Desk, Heard, None)],
            true,
            false,
            W::Unknown,
        ),
        (
            "a Zhang is missing, told or not",
            zhang(RECEIPT),
            &[(1, Lives, Heard, None), (9, Lives, Missing, None)],
            false,
            false,
            W::Missing,
        ),
    ]
}

fn safety_cases() -> Vec<Case> {
    use Whereabouts as W;
    vec![
        (
            "小李 says 4",
            li(SAFETY),
            &[(1, Lives, SafeHome, None)],
            true,
            false,
            W::Home,
        ),
        (
            "小李 says only 1",
            li(SAFETY),
            &[(1, Lives, Heard, None)],
            false,
            false,
            W::Unknown,
        ),
        (
            "three of four Zhangs are safe",
            zhang(SAFETY),
            &[(1, Lives, SafeHome, Some(3))],
            false,
            false,
            W::Home,
        ),
        (
            "three safe and one away since",
            zhang(SAFETY),
            &[(1, Lives, SafeHome, Some(3)), (2, Lives, Away, None)],
            true,
            false,
            W::Away,
        ),
        (
            "王阿婆's daughter says she is safe",
            wang(SAFETY),
            &[(1, Relative, SafeHome, None)],
            false,
            true,
            W::Unknown,
        ),
        (
            "the Zhangs' cousin says all are safe",
            zhang(SAFETY),
            &[(1, Relative, SafeHome, None)],
            true,
            false,
            W::Home,
        ),
        (
            "a leader sees 王阿婆",
            wang(SAFETY),
            &[(8, AtTheDoor, Seen, None)],
            true,
            false,
            W::Home,
        ),
        (
            "safe, then found empty",
            li(SAFETY),
            &[(1, Lives, SafeHome, None), (9, AtTheDoor, NobodyHome, None)],
            false,
            false,
            W::NobodyHome,
        ),
    ]
}

fn leaving_cases() -> Vec<Case> {
    use Whereabouts as W;
    vec![
        (
            "小李 says 3",
            li(EVACUATION),
            &[(1, Lives, LeftAll, None)],
            true,
            false,
            W::Left,
        ),
        (
            "小李 says only 1",
            li(EVACUATION),
            &[(1, Lives, Heard, None)],
            false,
            false,
            W::Unknown,
        ),
        (
            "1 after 3 undoes nothing",
            li(EVACUATION),
            &[(1, Lives, LeftAll, None), (2, Lives, Heard, None)],
            true,
            false,
            W::Left,
        ),
        (
            "小李 is out of town since",
            li(EVACUATION),
            &[(1, Lives, Away, None)],
            true,
            false,
            W::Away,
        ),
        (
            "小李 goes up, but must leave",
            li(EVACUATION),
            &[(1, Lives, Upstairs, None)],
            false,
            false,
            W::Upstairs,
        ),
        (
            "小李 goes up where that is allowed",
            li(UPSTAIRS),
            &[(1, Lives, Upstairs, None)],
            true,
            false,
            W::Upstairs,
        ),
        (
            "小李 leaves where up was enough",
            li(UPSTAIRS),
            &[(1, Lives, LeftAll, None)],
            true,
            false,
            W::Left,
        ),
        (
            "the Zhangs' first 3",
            zhang(EVACUATION),
            &[(1, Lives, LeftAll, None)],
            false,
            false,
            W::Left,
        ),
        (
            "the Zhangs' second 3",
            zhang(EVACUATION),
            &[(1, Lives, LeftAll, None), (3, Lives, LeftAll, None)],
            true,
            false,
            W::Left,
        ),
        (
            "four Zhangs left, with the number",
            zhang(EVACUATION),
            &[(1, Lives, LeftAll, Some(4))],
            true,
            false,
            W::Left,
        ),
        (
            "three of four Zhangs left",
            zhang(EVACUATION),
            &[(1, Lives, LeftAll, Some(3))],
            false,
            false,
            W::Partly,
        ),
        (
            "twice 3, then: grandma is still there",
            zhang(EVACUATION),
            &[
                (1, Lives, LeftAll, None),
                (3, Lives, LeftAll, None),
                (5, Lives, LeftAll, Some(3)),
            ],
            false,
            false,
            W::Partly,
        ),
        (
            "one Zhang is away, the others silent",
            zhang(EVACUATION),
            &[(1, Lives, Away, None)],
            false,
            false,
            W::Partly,
        ),
        (
            "one away, three by their own word: counted twice?",
            zhang(EVACUATION),
            &[(1, Lives, Away, None), (2, Lives, LeftAll, Some(3))],
            false,
            true,
            W::Partly,
        ),
        (
            "one away, three seen going",
            zhang(EVACUATION),
            &[(1, Lives, Away, None), (9, AtTheDoor, Evacuated, Some(3))],
            true,
            false,
            W::Evacuated,
        ),
        (
            "a cousin, away, says they left",
            zhang(EVACUATION),
            &[(1, Relative, LeftAll, None)],
            false,
            true,
            W::Left,
        ),
        (
            "the helper says they left",
            chen(EVACUATION),
            &[(1, Helper, LeftAll, None)],
            false,
            true,
            W::Left,
        ),
        (
            "王阿婆 says 3",
            wang(EVACUATION),
            &[(1, Lives, LeftAll, None)],
            false,
            true,
            W::Left,
        ),
        (
            "王阿婆 says 3 five times",
            wang(EVACUATION),
            &[
                (1, Lives, LeftAll, None),
                (2, Lives, LeftAll, None),
                (3, Lives, LeftAll, None),
                (4, Lives, LeftAll, Some(1)),
                (5, Lives, LeftAll, None),
            ],
            false,
            true,
            W::Left,
        ),
        (
            "王阿婆 is seen going",
            wang(EVACUATION),
            &[(9, AtTheDoor, Evacuated, None)],
            true,
            false,
            W::Evacuated,
        ),
        (
            "王阿婆 says 3 and signs in at the school",
            wang(EVACUATION),
            &[
                (1, Lives, LeftAll, None),
                (30, AtTheDoor, SignedIn, Some(1)),
            ],
            true,
            false,
            W::SignedIn,
        ),
        (
            "the Chens say 3 twice",
            chen(EVACUATION),
            &[(1, Lives, LeftAll, None), (3, Lives, LeftAll, None)],
            false,
            true,
            W::Left,
        ),
        (
            "the Chens sign in, all but the bedridden",
            chen(EVACUATION),
            &[
                (1, Lives, LeftAll, Some(4)),
                (30, AtTheDoor, SignedIn, Some(3)),
            ],
            false,
            true,
            W::SignedIn,
        ),
        (
            "two at a time: seen going is told in total",
            zhang(EVACUATION),
            &[
                (5, AtTheDoor, Evacuated, Some(2)),
                (9, AtTheDoor, Evacuated, Some(2)),
            ],
            false,
            false,
            W::Partly,
        ),
        (
            "the leader corrects his tick",
            zhang(EVACUATION),
            &[
                (5, AtTheDoor, Evacuated, None),
                (6, AtTheDoor, Evacuated, Some(3)),
            ],
            false,
            false,
            W::Partly,
        ),
    ]
}

fn staying_cases() -> Vec<Case> {
    use Whereabouts as W;
    vec![
        (
            "小李 refuses",
            li(EVACUATION),
            &[(1, Lives, Refused, None)],
            false,
            false,
            W::Home,
        ),
        (
            "小李 said 3 and refuses at the door",
            li(EVACUATION),
            &[(1, Lives, LeftAll, None), (9, AtTheDoor, Refused, None)],
            false,
            false,
            W::Home,
        ),
        (
            "persuaded after all",
            li(EVACUATION),
            &[
                (9, AtTheDoor, Refused, None),
                (40, AtTheDoor, Evacuated, None),
            ],
            true,
            false,
            W::Evacuated,
        ),
        (
            "nobody opens at 王阿婆's",
            wang(EVACUATION),
            &[(9, AtTheDoor, NobodyHome, None)],
            false,
            false,
            W::NobodyHome,
        ),
        (
            "nobody opens, three times",
            li(EVACUATION),
            &[
                (9, AtTheDoor, NobodyHome, None),
                (20, AtTheDoor, NobodyHome, None),
                (30, Desk, NobodyHome, None),
            ],
            false,
            false,
            W::NobodyHome,
        ),
        (
            "nobody opens where they said they left",
            zhang(EVACUATION),
            &[
                (1, Lives, LeftAll, Some(4)),
                (9, AtTheDoor, NobodyHome, None),
            ],
            true,
            false,
            W::Left,
        ),
        (
            "nobody opens at 王阿婆's, who said 3",
            wang(EVACUATION),
            &[(1, Lives, LeftAll, None), (9, AtTheDoor, NobodyHome, None)],
            false,
            true,
            W::Left,
        ),
        (
            "met at home, not moved",
            li(EVACUATION),
            &[(9, AtTheDoor, Seen, None)],
            false,
            false,
            W::Home,
        ),
        (
            "said 3, met at home",
            li(EVACUATION),
            &[(1, Lives, LeftAll, None), (9, AtTheDoor, Seen, None)],
            false,
            false,
            W::Home,
        ),
        (
            "went back home",
            li(EVACUATION),
            &[(1, AtTheDoor, Evacuated, None), (90, Lives, Returned, None)],
            false,
            false,
            W::Home,
        ),
        (
            "went back and left again",
            li(EVACUATION),
            &[
                (1, AtTheDoor, Evacuated, None),
                (90, Lives, Returned, None),
                (120, Lives, LeftAll, None),
            ],
            true,
            false,
            W::Left,
        ),
        (
            "a neighbour's cousin says they are back",
            li(EVACUATION),
            &[
                (1, AtTheDoor, Evacuated, None),
                (90, Relative, Returned, None),
            ],
            false,
            false,
            W::Home,
        ),
        (
            "3, then water inside",
            li(EVACUATION),
            &[(1, Lives, LeftAll, None), (4, Lives, HELP, None)],
            false,
            false,
            W::Left,
        ),
        (
            "the daughter cries for help",
            wang(EVACUATION),
            &[(1, AtTheDoor, Evacuated, None), (4, Relative, HELP, None)],
            false,
            false,
            W::Evacuated,
        ),
        (
            "one is missing at the shelter",
            zhang(EVACUATION),
            &[(1, AtTheDoor, Evacuated, None), (40, Desk, Missing, None)],
            false,
            false,
            W::Missing,
        ),
        (
            "and is found",
            zhang(EVACUATION),
            &[
                (1, AtTheDoor, Evacuated, None),
                (40, Desk, Missing, None),
                (70, AtTheDoor, SignedIn, Some(4)),
            ],
            true,
            false,
            W::SignedIn,
        ),
        (
            "an unknown demand is the strictest",
            li(99),
            &[(1, Lives, Heard, None)],
            false,
            false,
            W::Unknown,
        ),
    ]
}

#[test]
fn every_door_of_the_town() {
    let tables = [
        told_cases(),
        safety_cases(),
        leaving_cases(),
        staying_cases(),
    ];
    let cases: Vec<Case> = tables.into_iter().flatten().collect();
    assert!(cases.len() >= 40);
    for (name, home, said, closed, verify, whereabouts) in cases {
        let standing = after(home, said);
        let found = (standing.closed(), standing.verify, standing.whereabouts);
        assert_eq!(found, (closed, verify, whereabouts), "{name}: {standing:?}");
    }
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
    assert_eq!(
        (one.helps, one.help_class, one.closed()),
        (1, Some(Triage::C), false)
    );
    assert_eq!(
        with(end(9, AtTheDoor, &["s0", "s1"])).closed_at,
        Some(9 * MIN)
    );
    assert_eq!(
        with(end(9, AtTheDoor, &[])).helps,
        2,
        "names none, closes none"
    );
    assert_eq!(
        with(end(0, Desk, &["s0"])).helps,
        1,
        "a clock that was ahead"
    );
    assert_eq!(
        with(end(9, Relative, &["s0", "s1"])).helps,
        2,
        "not his to close"
    );
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
    assert_eq!(
        (standing.whereabouts, standing.closed()),
        (Whereabouts::Unknown, false)
    );
    assert_eq!(standing.helps, 1, "a cry for help can't be taken back");
    said[2].giver = Lives;
    assert_eq!(
        fold(&wang(EVACUATION), &said).whereabouts,
        Whereabouts::Evacuated
    );
}

#[test]
fn a_newer_demand_is_not_met_by_an_older_answer() {
    let newer = |home: Home| Home {
        since_version: 2,
        ..home
    };
    assert!(!after(newer(li(RECEIPT)), &[(1, Lives, Heard, None)]).closed());
    assert!(!after(newer(li(SAFETY)), &[(1, Lives, SafeHome, None)]).closed());
    let gone = after(newer(li(EVACUATION)), &[(1, AtTheDoor, Evacuated, None)]);
    assert!(gone.closed(), "who has gone has gone");
    let up = &[(1, Lives, Upstairs, None)];
    assert!(after(li(UPSTAIRS), up).closed());
    assert!(
        !after(newer(li(EVACUATION)), up).closed(),
        "up was enough, now it isn't"
    );
}

#[test]
fn a_relative_lowers_the_urgency_and_his_help_counts_in_full() {
    let eased = after(wang(EVACUATION), &[(1, Relative, Heard, None)]);
    assert_eq!(
        (eased.eased, eased.closed(), eased.heard_at),
        (true, false, None)
    );
    let said = [(1, Relative, Heard, None), (2, Relative, Refused, None)];
    let refused = after(wang(EVACUATION), &said);
    assert_eq!(
        (refused.eased, refused.refused),
        (false, true),
        "my mother won't go"
    );
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
    assert_eq!(
        grade(&[(1, Relative, Heard, None)]),
        grade::NONE,
        "he isn't the household"
    );
    let said = [
        (7, Lives, Heard, None),
        (3, Lives, HELP, None),
        (1, AtTheDoor, NobodyHome, None),
    ];
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

fn any_fact() -> impl Strategy<Value = Statement> {
    let key = (0u8..12).prop_map(|n| format!("k{n}"));
    let closes = proptest::collection::vec((0u8..12).prop_map(|n| format!("k{n}")), 0..3);
    let persons = select(vec![
        None,
        None,
        None,
        Some(-1),
        Some(0),
        Some(1),
        Some(3),
        Some(4),
    ]);
    let giver = select(Giver::ALL.to_vec());
    let claim = select(Claim::ALL.to_vec());
    (key, giver, claim, persons, closes, 0i64..9, 1i64..3).prop_map(
        |(source_key, giver, claim, persons, closes, minute, version)| Statement {
            source_key,
            giver,
            claim,
            persons,
            closes,
            observed_at: minute * MIN,
            version,
        },
    )
}

fn any_facts() -> impl Strategy<Value = Vec<Statement>> {
    proptest::collection::vec(any_fact(), 0..10)
}

fn any_home() -> impl Strategy<Value = Home> {
    let base = select(vec![zhang(0), chen(0), li(0), wang(0)]);
    (base, 0i64..5, 1i64..3).prop_map(|(home, demand, since_version)| Home {
        demand,
        since_version,
        ..home
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_order_and_any_repetition_give_the_same_standing(
        home in any_home(),
        (facts, shuffled) in any_facts().prop_flat_map(|facts| {
            let doubled = [facts.clone(), facts.clone()].concat();
            (Just(facts), Just(doubled).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(fold(&home, &facts), fold(&home, &shuffled));
    }

    #[test]
    fn a_new_help_is_always_open(home in any_home(), facts in any_facts(), minute in 0i64..9) {
        let mut help = self::facts(&[(minute, Lives, HELP, None)]).remove(0);
        help.source_key = "a new cry".into();
        let before = fold(&home, &facts);
        let with = fold(&home, &[facts, vec![help]].concat());
        prop_assert_eq!(with.helps, before.helps + 1);
        prop_assert!(!with.closed());
    }

    #[test]
    fn refusals_empty_houses_and_missing_people_close_nothing(
        home in any_home(),
        facts in any_facts(),
        claim in select(vec![Refused, NobodyHome, Missing, Returned]),
        giver in select(Giver::ALL.to_vec()),
    ) {
        prop_assume!(home.demand >= SAFETY);
        let mut last = self::facts(&[(60, giver, claim, None)]).remove(0);
        last.source_key = "the last word".into();
        let before = fold(&home, &facts);
        let with = fold(&home, &[facts, vec![last]].concat());
        prop_assert!(before.closed() || !with.closed());
    }

    #[test]
    fn only_an_answer_closes(home in any_home(), facts in any_facts()) {
        let standing = fold(&home, &facts);
        if standing.closed() {
            prop_assert!(standing.grade >= grade::ANSWERED);
            prop_assert_eq!(standing.helps, 0);
            prop_assert!(!standing.verify && !standing.ask_back && !standing.eased);
            prop_assert!(!standing.refused || home.demand < UPSTAIRS);
        }
        prop_assert_eq!(standing.helps as usize, standing.help_keys.len());
        prop_assert_eq!(standing.helps > 0, standing.help_class.is_some());
    }

    #[test]
    fn nobody_but_a_firm_word_moves_a_fragile_household(
        demand in UPSTAIRS..=EVACUATION,
        facts in any_facts(),
    ) {
        let soft: Vec<Statement> = facts
            .into_iter()
            .filter(|fact| !matches!(fact.giver, AtTheDoor | Desk))
            .collect();
        for home in [wang(demand), chen(demand)] {
            prop_assert!(!fold(&home, &soft).closed());
        }
    }
}

//! Laws of the fold that hold for any facts at all, in any order, however often told.

use proptest::prelude::*;
use proptest::sample::select;

use super::cases::{
    EVACUATION, HELP, MIN, SAFETY, UPSTAIRS, chen, facts as facts_of, li, wang, zhang,
};
use super::*;
use crate::domain::statement::Giver;
use Claim::*;
use Giver::*;

fn any_fact() -> impl Strategy<Value = Statement> {
    let key = (0u8..12).prop_map(|n| format!("k{n}"));
    let closes = proptest::collection::vec((0u8..12).prop_map(|n| format!("k{n}")), 0..3);
    let persons = select(vec![None, None, None, Some(-1), Some(0), Some(1), Some(3), Some(4)]);
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
        let mut help = facts_of(&[(minute, Lives, HELP, None)]).remove(0);
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
        let home = Home { demand: SAFETY + home.demand % 3, ..home };
        let mut last = facts_of(&[(60, giver, claim, None)]).remove(0);
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

//! The same facts in any order, as they really come in: replies of a home and of a relative, words
//! at the door from a phone that had no network, some of them taken back. Any facts at all, on both
//! engines. That the fold alone is so is proved beside it; what must follow another by its nature
//! (a help is closed by naming it) keeps its place.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use tongluo::base::phone::Phone;
use tongluo::domain::doorstep::{Reason, Refuge, Seen};
use tongluo::domain::link::Kind;
use tongluo::domain::statement::Claim;
use tongluo::domain::triage::Triage;
use tongluo::engine::doorstep::{Act, Acted, Tap};
use tongluo::engine::link::Link;

use crate::plant::{HOME, Layout, home_number, leader, plant_relative};
use crate::town::{NIGHT, Setup, Town, apart, on_both};

/// Homes of a grid; the n-th of each is of the same kind.
const OF_GRID: i64 = 30;
const MIN: i64 = 60_000;
/// Everything is known by now.
const KNOWN: i64 = NIGHT + 30 * MIN;

#[derive(Debug, Clone)]
enum Fact {
    /// By SMS, from the home or from a relative elsewhere.
    Said(bool, &'static str),
    Saw(Seen),
    /// The word at the door before it was a slip of the finger.
    SawAndTookBack(Seen),
}

/// Facts in the order in which they happened, and two others in which they came in.
type Case = (Vec<Fact>, Vec<usize>, Vec<usize>);

fn any_fact() -> impl Strategy<Value = Fact> {
    let texts =
        ["1", "2", "3", "0", "收到", "全家都走了", "水进屋了", "走不动，要人背", "我们不走"];
    let seen = [
        Seen::Told,
        Seen::Moved(Refuge::Shelter),
        Seen::Moved(Refuge::Upstairs),
        Seen::NobodyHome,
        Seen::Refused(Reason::Disbelief),
        Seen::Help(Triage::B),
    ];
    let harmless = [Seen::Told, Seen::Moved(Refuge::Kin), Seen::NobodyHome];
    prop_oneof![
        3 => (any::<bool>(), select(texts.to_vec())).prop_map(|(r, text)| Fact::Said(r, text)),
        2 => select(seen.to_vec()).prop_map(Fact::Saw),
        1 => select(harmless.to_vec()).prop_map(Fact::SawAndTookBack),
    ]
}

fn any_case() -> impl Strategy<Value = Case> {
    vec(any_fact(), 2..6).prop_flat_map(|facts| {
        let order: Vec<usize> = (0..facts.len()).collect();
        (Just(facts), Just(order.clone()).prop_shuffle(), Just(order).prop_shuffle())
    })
}

fn daughter(home: i64) -> String {
    Phone::practice_mobile(u32::try_from(60_000_000 + home).unwrap()).e164().to_owned()
}

/// When the n-th fact of a case happened.
fn happened_at(n: usize) -> i64 {
    NIGHT + 10 * MIN + i64::try_from(n).unwrap() * 2 * MIN
}

async fn saw(town: &Town, link: &Link, home: i64, n: usize, seen: Seen) {
    let key = format!("tap-{home:03}-{n}");
    let door = format!("c{}", HOME + home);
    let tap = Tap { key: &key, age_ms: town.now() - happened_at(n) };
    let act = Act::Saw { door: &door, seen, persons: None };
    let acted = town.engine.act_on_round(link, tap, act).await.unwrap();
    let kept = matches!(acted, Acted::Done | Acted::Closed);
    assert!(kept, "home {home}: {seen:?} came late and was not kept: {acted:?}");
}

async fn took_back(town: &Town, link: &Link, home: i64, n: usize) {
    let sql = format!(
        "SELECT source_key FROM statement WHERE household_id = {} AND claim <> {} \
         AND source_key LIKE '%:tap-{home:03}-{n}#%'",
        HOME + home,
        Claim::Retracted.code()
    );
    let statement = town.rows::<(String,)>(&sql).await[0].0.clone();
    let key = format!("back-{home:03}-{n}");
    let tap = Tap { key: &key, age_ms: town.now() - happened_at(n) - MIN };
    let act = Act::Undo { statement: &statement };
    let acted = town.engine.act_on_round(link, tap, act).await.unwrap();
    assert_eq!(acted, Acted::Done, "home {home}");
}

async fn comes_in(town: &Town, link: &Link, home: i64, n: usize, fact: &Fact) {
    match fact {
        Fact::Said(relative, text) => {
            let from = if *relative { daughter(home) } else { home_number(HOME + home) };
            let key = format!("SM{home:03}{n}");
            let reply = Town::reply(&key, &from, text, Some(happened_at(n)));
            assert_eq!(town.engine.take_replies("practice", &[reply]).await.unwrap(), 1);
        }
        Fact::Saw(seen) => saw(town, link, home, n, *seen).await,
        Fact::SawAndTookBack(seen) => {
            saw(town, link, home, n, *seen).await;
            took_back(town, link, home, n).await;
        }
    }
}

type Standing = (Option<i64>, i64, i64, i64, i64, i64, Option<i64>);

async fn standing(town: &Town, home: i64) -> Standing {
    let sql = format!(
        "SELECT heard_at, whereabouts, refused, helps, verify, eased, closed_at FROM standing \
         WHERE household_id = {}",
        HOME + home
    );
    town.rows(&sql).await[0]
}

/// The links of the three leaders, each of whom has taken his list.
async fn leaders(town: &Town) -> Vec<Link> {
    let mut links = Vec::new();
    for grid in 0..3 {
        town.leader_says(leader(grid), "1").await;
        let heard = town.leader_heard(leader(grid));
        let token = heard.iter().rev().map(|text| apart(text).1).find(|token| !token.is_empty());
        let found = town.engine.find_link(Kind::Leader, token.unwrap()).await.unwrap();
        links.push(found.unwrap());
    }
    links
}

#[tokio::test]
async fn any_facts_that_come_in_in_any_order_give_the_same_standings() {
    let layout = Layout { grids: 3, buildings: 3, homes: 10, ..Layout::default() };
    let known = std::sync::Mutex::new(None);
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        for home in 1..=town.homes {
            let (store, sealer) = (&town.engine.store, &town.engine.sealer);
            plant_relative(store, sealer, HOME + home, "女儿", &daughter(home)).await;
        }
        town.flood_order().await;
        town.minutes(7).await;
        let links = leaders(&town).await;
        town.clock.advance_ms(KNOWN - town.now());
        // The same cases on both engines.
        let mut runner = TestRunner::deterministic();
        let mut all = Vec::new();
        for kind in 1..=OF_GRID {
            let case = any_case().new_tree(&mut runner).unwrap().current();
            let (facts, one, other) = &case;
            let happened: Vec<usize> = (0..facts.len()).collect();
            let mut came = Vec::new();
            for (grid, order) in (0..).zip([&happened, one, other]) {
                let home = grid * OF_GRID + kind;
                for n in order {
                    let link = &links[usize::try_from(grid).unwrap()];
                    comes_in(&town, link, home, *n, &facts[*n]).await;
                }
                came.push(standing(&town, home).await);
            }
            assert!(came[0] == came[1] && came[0] == came[2], "{case:?}: {came:?}");
            all.push(came[0]);
            town.check().await;
        }
        town.settle().await;
        town.check().await;
        assert!(all.iter().any(|s| s.6.is_some()), "somebody closed: {all:?}");
        assert!(all.iter().any(|s| s.3 > 0), "somebody needs help: {all:?}");
        assert!(all.iter().any(|s| s.2 > 0), "somebody refused: {all:?}");
        let same = known.lock().unwrap().get_or_insert_with(|| all.clone()) == &all;
        assert!(same, "the engines differ");
        town
    })
    .await;
}

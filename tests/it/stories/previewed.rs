//! What an official is shown is what a phone shows, letter by letter: the order, its update and
//! its correction, in every ring, for one person and for a family.

use std::collections::{BTreeMap, BTreeSet};

use tongluo::domain::gate::AlertKind;
use tongluo::store::order;

use crate::plant::{HOME, Layout, home_number};
use crate::town::{Setup, Town, on_both};

/// Homes of one person and of three, by ring: see `plant`.
const HOMES: [(i64, i64, i64); 3] = [(1, 6, 2), (2, 15, 5), (3, 9, 11)];

/// The texts of a version's rings, as the approver's page shows them.
async fn shown(town: &Town, uid: &str, version: i64) -> BTreeMap<i64, (String, String)> {
    let row = order::by_uid(&town.engine.store, uid).await.unwrap().unwrap();
    let version = order::version(&town.engine.store, row.id, version).await.unwrap().unwrap();
    let rings = town.engine.preview(&row, &version).await.unwrap();
    let texts = rings.into_iter().map(|ring| {
        let one = ring.text.unwrap();
        (ring.ring, (one.clone(), ring.family.unwrap_or(one)))
    });
    texts.collect()
}

/// What these homes were sent last.
fn last(town: &Town, home: i64) -> String {
    town.heard(&home_number(HOME + home)).pop().unwrap_or_default()
}

async fn settings(town: &Town) {
    for (ring, one, family) in HOMES {
        let sql = format!(
            "SELECT count(*) FROM standing WHERE ring = {ring} AND ((household_id = {} AND \
             persons = 1) OR (household_id = {} AND persons = 3))",
            HOME + one,
            HOME + family
        );
        assert_eq!(town.count(&sql).await, 2, "ring {ring}");
    }
}

#[tokio::test]
async fn every_text_is_sent_as_it_was_shown_letter_by_letter() {
    let layout = Layout { homes: 10, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let mut form = town.flood_form();
        let (uid, _) = town.draft_order(&form).await;
        let order = shown(&town, &uid, 1).await;
        town.engine.approve(&town.approver, &uid, false).await.unwrap();
        town.settle().await;
        settings(&town).await;
        for (ring, one, family) in HOMES {
            assert_eq!(last(&town, one), order[&ring].0, "ring {ring}");
            assert_eq!(last(&town, family), order[&ring].1, "ring {ring}, three persons");
        }
        assert_ne!(order[&1].0, order[&1].1, "who must leave is told how many are meant");
        town.minutes(1).await;
        form.vars.insert("shelter".into(), "东风小学".into());
        town.engine.update(&town.author, &uid, &form).await.unwrap();
        town.engine.submit(&town.author, &uid).await.unwrap();
        let update = shown(&town, &uid, 2).await;
        town.engine.approve(&town.approver, &uid, false).await.unwrap();
        town.settle().await;
        // Only who must leave has something new to do.
        assert!(update[&1].0.contains("更新："), "{update:?}");
        assert_eq!((last(&town, 6), last(&town, 2)), update[&1]);
        town
    })
    .await;
}

#[tokio::test]
async fn a_correction_asks_nobody_to_leave_and_is_sent_as_it_was_shown() {
    let layout = Layout { homes: 10, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let (uid, alert) = town.flood_order().await;
        town.minutes(1).await;
        settings(&town).await;
        let wrong = [("wrong", "到四明小学"), ("right", "不用转移，在家等通知")]
            .map(|(name, words)| (name.to_owned(), words.to_owned()));
        let vars: BTreeMap<String, String> = wrong.into();
        let (shown, _) = town.engine.correction_text(AlertKind::Live, 2, &vars).unwrap();
        assert!(shown.contains("不用转移，在家等通知"), "{shown}");
        assert!(!shown.contains("回3") && !shown.contains("离开"), "{shown}");
        town.engine.withdraw(&town.author, &uid, &vars).await.unwrap();
        town.settle().await;
        let sent: BTreeSet<String> = (1..=town.homes).map(|home| last(&town, home)).collect();
        assert_eq!(sent, BTreeSet::from([shown]), "one text for all rings and families");
        let asked =
            format!("SELECT count(*) FROM standing WHERE alert_id = {alert} AND demand > 0");
        assert_eq!(town.count(&asked).await, 0, "nothing is asked any more");
        // An answer to it still counts for what it is.
        town.says(&home_number(HOME + 2), "1").await;
        town.says(&home_number(HOME + 6), "要人帮").await;
        let custody = town.custody(alert).await;
        assert_eq!((custody.heard, custody.help), (2, 1), "{custody:?}");
        town
    })
    .await;
}

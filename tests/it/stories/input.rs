//! Orders that must not go out, and who may not send them. Each refusal says what to change.

use tongluo::domain::access::Role;
use tongluo::engine::issue::{Actor, OrderForm};

use crate::plant::{COMMUNITY_HEAD, HOME, Layout, STREET_DUTY, home_number, leader};
use crate::town::{Setup, Town, on_both, refusal};

/// Drafted and handed in; what stood in the way.
async fn submit_refused(town: &Town, form: &OrderForm) -> String {
    let uid = town.engine.draft(&town.author, form).await.unwrap();
    refusal(town.engine.submit(&town.author, &uid).await)
}

async fn nothing_was_sent(town: &Town) {
    town.minutes(1).await;
    assert_eq!(town.taken().len(), 0);
}

#[tokio::test]
async fn orders_that_cannot_be_meant_are_refused_by_name() {
    on_both(Setup::default(), async |town| {
        let mut nobody = town.flood_form();
        nobody.exclude = vec!["p3".into()];
        let said = submit_refused(&town, &nobody).await;
        assert!(said.contains("empty-audience"), "{said}");

        let mut late = town.flood_form();
        late.act_by = Some(town.now() - 1);
        let said = submit_refused(&town, &late).await;
        assert!(said.contains("act-by-past"), "{said}");

        let mut unknown = town.flood_form();
        unknown.vars.insert("shleter".into(), "四明小学".into());
        let said = refusal(town.engine.draft(&town.author, &unknown).await);
        assert!(said.contains("shleter"), "{said}");

        let mut missing = town.flood_form();
        missing.vars.remove("shelter");
        let said = refusal(town.engine.draft(&town.author, &missing).await);
        assert!(said.contains("shelter"), "{said}");

        let mut nowhere = town.flood_form();
        nowhere.places.push("p999".into());
        let said = refusal(town.engine.draft(&town.author, &nowhere).await);
        assert!(said.contains("p999"), "{said}");

        let mut no_place = town.flood_form();
        no_place.places.clear();
        let said = refusal(town.engine.draft(&town.author, &no_place).await);
        assert!(said.contains("places"), "{said}");
        nothing_was_sent(&town).await;
        town
    })
    .await;
}

#[tokio::test]
async fn nobody_approves_his_own_order_and_none_is_approved_twice() {
    on_both(Setup::default(), async |town| {
        let both =
            Actor { rights: vec![(Role::Author, 1), (Role::Approver, 1)], ..town.author.clone() };
        let uid = town.engine.draft(&both, &town.flood_form()).await.unwrap();
        let early = refusal(town.engine.approve(&town.approver, &uid, false).await);
        assert!(early.contains("submit"), "{early}");
        town.engine.submit(&both, &uid).await.unwrap();
        let own = refusal(town.engine.approve(&both, &uid, false).await);
        assert!(own.contains("another person"), "{own}");
        let bypass = refusal(town.engine.approve(&both, &uid, true).await);
        assert!(bypass.contains("emergency") || bypass.contains("bypass"), "{bypass}");
        nothing_was_sent(&town).await;

        town.engine.approve(&town.approver, &uid, false).await.unwrap();
        town.minutes(1).await;
        let second = refusal(town.engine.approve(&town.approver, &uid, false).await);
        assert!(second.contains("nothing was sent twice"), "{second}");
        town.minutes(1).await;
        for n in 1..=town.homes {
            assert_eq!(town.heard(&home_number(HOME + n)).len(), 1, "home {n}");
        }
        town
    })
    .await;
}

#[tokio::test]
async fn two_approvers_at_the_same_moment_send_one_order() {
    on_both(Setup::default(), async |town| {
        let form = town.flood_form();
        let uid = town.engine.draft(&town.author, &form).await.unwrap();
        town.engine.submit(&town.author, &uid).await.unwrap();
        let second = Actor { account_id: 3, name: "王签发".into(), ..town.approver.clone() };
        let (one, two) = tokio::join!(
            town.engine.approve(&town.approver, &uid, false),
            town.engine.approve(&second, &uid, false)
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        town.minutes(1).await;
        for n in 1..=town.homes {
            assert_eq!(town.heard(&home_number(HOME + n)).len(), 1, "home {n}");
        }
        town
    })
    .await;
}

#[tokio::test]
async fn a_town_without_a_duty_room_goes_live_only_by_bypass() {
    let setup =
        Setup { layout: Layout { duty_room: false, ..Layout::default() }, ..Setup::default() };
    on_both(setup, async |town| {
        let form = town.flood_form();
        let uid = town.engine.draft(&town.author, &form).await.unwrap();
        town.engine.submit(&town.author, &uid).await.unwrap();
        let said = refusal(town.engine.approve(&town.approver, &uid, false).await);
        assert!(said.contains("no-duty-room"), "{said}");
        nothing_was_sent(&town).await;
        // The author holds the emergency role; the bypass is journaled as one.
        town.engine.approve(&town.author, &uid, true).await.unwrap();
        town.minutes(40).await;
        let offered = |human: i64| {
            let heard = town.leader_heard(human).into_iter();
            heard.filter(|text| text.contains("接手")).count()
        };
        assert_eq!(offered(leader(0)), 1);
        assert!(offered(COMMUNITY_HEAD) > 1 && offered(STREET_DUTY) > 1, "never an end");
        let bypassed = "SELECT bypass FROM alert_version WHERE version = 1";
        assert_eq!(town.count(bypassed).await, 1);
        town
    })
    .await;
}

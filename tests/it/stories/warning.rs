//! A forwarded warning that only tells: everybody responsible is woken all the same (叫应), and
//! nobody gets a list.

use tongluo::engine::issue::OrderForm;
use tongluo::store::{climb, order::RingRow};

use crate::plant::leader;
use crate::town::{Setup, on_both};

#[tokio::test]
async fn a_red_warning_that_pursues_nobody_still_wakes_everybody_responsible() {
    on_both(Setup::default(), async |town| {
        let ring = |ring: i64| RingRow { ring, demand: 0, pursued: 0 };
        let vars = [
            ("issuer", "余姚市气象台"),
            ("issued", "14日22时58分"),
            ("title", "暴雨红色预警信号"),
            ("colour", "红色"),
        ];
        let form = OrderForm {
            origin: "forwarded".into(),
            title: "暴雨红色预警信号".into(),
            issuer: "余姚市气象台".into(),
            number: Some("2026-47".into()),
            colour: Some("红色".into()),
            template: "forwarded_rainstorm".into(),
            vars: vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            act_by: None,
            rings: Some(vec![ring(1), ring(2), ring(3)]),
            ..town.flood_form()
        };
        let (_, alert) = town.release(&form).await;
        town.minutes(1).await;
        let said = town.leader_heard(leader(0));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("叫应：已发暴雨红色预警信号，"), "{said:?}");
        assert!(said[0].contains("请做好准备。醒着请回1"), "{said:?}");
        let (all, woken, _) = climb::persons(&town.engine.store, alert).await.unwrap();
        assert!(all > 1 && woken == 0, "{all} {woken}");
        town.leader_says(leader(0), "1").await;
        town.minutes(10).await;
        let (_, woken, reported) = climb::persons(&town.engine.store, alert).await.unwrap();
        assert_eq!((woken, reported), (1, all - 1));
        assert!(town.leader_heard(leader(0)).iter().all(|text| !text.contains("接手")));
        assert_eq!(town.count("SELECT count(*) FROM list").await, 0);
        assert_eq!(town.custody(alert).await.pursued, 0);
        town
    })
    .await;
}

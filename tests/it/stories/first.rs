//! The first milestone: one grid, one SMS, one reply, one fired timer, a balanced audit.

use crate::plant::{DUTY_ROOM, HOME, home_number, leader};
use crate::town::{Setup, on_both};

#[tokio::test]
async fn one_order_goes_down_and_one_answer_comes_up() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.settle().await;
        let custody = town.custody(alert).await;
        assert_eq!(custody.audience, town.homes);
        assert_eq!(custody.open, custody.pursued);
        assert_eq!(custody.open_system, custody.open, "{custody:?}");
        let taken = town.taken();
        let of_order = |e: &&tongluo::practice::gateway::Entry| {
            e.text.contains("转移指令") && e.reference.starts_with('b')
        };
        let to_homes = taken.iter().filter(of_order);
        assert_eq!(to_homes.count() as i64, town.homes);

        // Home 2 is of ring 1 with three persons: the first 3 is asked back, the second closes.
        let home = home_number(HOME + 2);
        town.seconds(70).await;
        town.says(&home, "3").await;
        town.seconds(20).await;
        assert!(town.heard(&home).iter().any(|t| t.contains("3人")), "{:?}", town.heard(&home));
        town.says(&home, "3").await;
        let after = town.custody(alert).await;
        assert_eq!(after.answered, custody.answered + 1, "{after:?}");

        // Six minutes after the clock's start the grid leader is offered the list, and takes it.
        town.minutes(6).await;
        let offers = town.heard(&crate::plant::human_number(leader(0)));
        assert!(offers.iter().any(|t| t.contains("接手")), "{offers:?}");
        town.leader_says(leader(0), "1").await;
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        assert_eq!(held.orphans, 0);
        assert!(
            town.heard(&crate::plant::human_number(DUTY_ROOM)).iter().all(|t| !t.contains("接手"))
        );
        town
    })
    .await;
}

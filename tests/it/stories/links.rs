//! Links in leaders' texts: one a human and alert, whatever he answers for; revoked when a phone
//! is lost, dead a day after the end. What their pages show and do is told in `pages`.

use tongluo::domain::access::Role;
use tongluo::domain::link::Kind;

use crate::plant::{COMMUNITY_HEAD, DUTY_ROOM, HOME, Layout, leader};
use crate::town::{Setup, Town, apart, on_both, refusal};

/// The tokens in everything a leader was told, each once.
fn tokens(town: &Town, human: i64) -> Vec<String> {
    let heard = town.leader_heard(human);
    let mut found: Vec<String> = heard.iter().map(|text| apart(text).1.to_owned()).collect();
    found.retain(|token| !token.is_empty());
    found.dedup();
    found
}

async fn opens(town: &Town, kind: Kind, token: &str) -> bool {
    town.engine.find_link(kind, token).await.unwrap().is_some()
}

#[tokio::test]
async fn one_link_opens_everything_a_human_answers_for() {
    let setup = Setup {
        layout: Layout { grids: 3, one_leader: true, ..Layout::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let (_, first) = town.flood_order().await;
        town.seconds(370).await;
        let all = tokens(&town, leader(0));
        assert_eq!(all.len(), 1, "called, called again, offered three lists: {all:?}");
        let link = town.engine.find_link(Kind::Leader, &all[0]).await.unwrap().unwrap();
        assert_eq!((link.bearer.alert_id, link.bearer.subject_id), (first, leader(0)));
        assert!(opens(&town, Kind::Leader, &all[0].to_lowercase()).await, "as it is typed");
        assert!(!opens(&town, Kind::Resident, &all[0]).await);
        let mut other = all[0].clone();
        other.replace_range(..1, if other.starts_with('7') { "8" } else { "7" });
        assert!(!opens(&town, Kind::Leader, &other).await);
        assert_ne!(tokens(&town, COMMUNITY_HEAD), all);
        // Another order is another link.
        let (_, second) = town.flood_order().await;
        town.seconds(370).await;
        let both = tokens(&town, leader(0));
        assert_eq!(both.len(), 2, "{both:?}");
        let link = town.engine.find_link(Kind::Leader, &both[1]).await.unwrap().unwrap();
        assert_eq!(link.bearer.alert_id, second);
        town
    })
    .await;
}

#[tokio::test]
async fn a_lost_phone_opens_nothing_and_is_not_sent_the_new_link() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.flood_order().await;
        town.seconds(370).await;
        let lost = tokens(&town, leader(0)).remove(0);
        let code = format!("h{}", leader(0));
        let mut author = town.author.clone();
        author.rights = vec![(Role::Author, 1)];
        let denied = town.engine.revoke_link(&author, &uid, &code).await;
        assert!(refusal(denied).contains("list.give"));
        let new = town.engine.revoke_link(&town.approver, &uid, &code).await.unwrap().unwrap();
        let token = new.strip_prefix("https://tl.example/l/").unwrap();
        assert!(!opens(&town, Kind::Leader, &lost).await);
        assert!(opens(&town, Kind::Leader, token).await);
        let same = town.engine.leader_link(&town.approver, &uid, &code).await.unwrap();
        assert_eq!(same, new, "asked for again, it is the same");
        town.leader_says(leader(0), "1").await;
        let taken = town.leader_heard(leader(0)).pop().unwrap();
        assert!(taken.contains("由您接手了") && !taken.contains(token), "{taken}");
        let revoked = format!(
            "SELECT count(*) FROM journal WHERE alert_id = {alert} AND act = 'list.revoke'"
        );
        assert_eq!(town.count(&revoked).await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn links_die_a_day_after_the_end() {
    on_both(Setup::default(), async |town| {
        let (uid, _) = town.flood_order().await;
        town.seconds(370).await;
        let home = format!("c{}", HOME + 1);
        let url = town.engine.resident_link(&town.approver, &uid, &home).await.unwrap();
        let resident = url.strip_prefix("https://tl.example/r/").unwrap();
        let leaders = tokens(&town, leader(0)).remove(0);
        town.engine.end(&town.approver, &uid).await.unwrap();
        town.settle().await;
        // The owner of the search list is asked with a link that dies with the others.
        let search = tokens(&town, DUTY_ROOM).remove(0);
        let all = [
            (Kind::Leader, leaders.as_str()),
            (Kind::Leader, search.as_str()),
            (Kind::Resident, resident),
        ];
        town.down_minutes(24 * 60 - 1);
        for (kind, token) in all {
            assert!(opens(&town, kind, token).await, "{kind:?}");
        }
        town.down_minutes(2);
        for (kind, token) in all {
            assert!(!opens(&town, kind, token).await, "{kind:?}");
        }
        let late = town.engine.resident_link(&town.approver, &uid, &home).await;
        assert!(refusal(late).contains("links are dead"));
        town.settle().await;
        town
    })
    .await;
}

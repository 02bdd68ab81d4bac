//! Leaders' lists in the hands of an official who has them on the phone: at the page and by the
//! API, with rights by place; links handed out, and taken out of force where a phone is lost.

use http::StatusCode;
use tongluo::domain::access::Role;
use tongluo::domain::standing::Whereabouts;

use super::board::token;
use super::desk::call;
use super::phone::{code, offered, standing};
use super::schema::conforms;
use super::{account, acts, let_in};
use crate::plant::{HOME, home_number, leader};
use crate::town::{Setup, Town, on_both};

async fn list_of(town: &Town, alert: i64, human: i64) -> (String, i64) {
    let sql = format!(
        "SELECT uid, state FROM list WHERE alert_id = {alert} AND human_id = {human} ORDER BY id"
    );
    town.rows(&sql).await.remove(0)
}

#[tokio::test]
async fn an_official_takes_writes_down_gives_on_and_revokes_at_the_page() {
    on_both(Setup::default(), async |town| {
        let (uid, alert, faces, mut phone) = offered(&town).await;
        let_in(&town).await;
        account(&town, 11, "凤山查看", &[(Role::Viewer, 1)]).await;
        let (list, _) = list_of(&town, alert, leader(0)).await;
        let path = format!("/lists/{list}");
        let mut browser = faces.signed("李签发").await;
        let board = browser.get(&format!("/alerts/{uid}")).await.body;
        assert!(board.contains(&format!("href=\"{path}\"")), "{board}");
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        assert!(page.body.contains("网格长1接手了，代他记下"), "{}", page.body);
        assert!(page.body.contains("副网格长"), "who may have it instead: {}", page.body);
        assert!(page.body.len() < 60 * 1024 && !acts(&town, "people.look").await.is_empty());
        // Who may not look at people sees neither the page nor the name.
        let got = faces.signed("凤山查看").await.get(&path).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.body);
        assert!(!got.body.contains("网格长1"), "{}", got.body);
        let none = browser.get("/lists/0190c7a2-0000-7000-8000-000000000000").await;
        assert_eq!(none.status, StatusCode::NOT_FOUND);

        let got = browser.submit(&path, &path, &[("do", "take")]).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
        assert_eq!(list_of(&town, alert, leader(0)).await.1, 2);
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        let home = code(4);
        let unsaid = [("do", "tick"), ("home", &*home), ("seen", "none")];
        let got = browser.submit(&path, &path, &unsaid).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
        let saw = [("do", "tick"), ("home", &*home), ("seen", "evacuated"), ("persons", "")];
        browser.submit(&path, &path, &saw).await;
        assert_eq!(standing(&town, 4).await.1, Whereabouts::Evacuated);
        assert!(acts(&town, "list.tick").await[0].contains(&format!("h{}", leader(0))));

        // A link is shown once, in no address; the lost phone's is dead at once.
        let got = browser.submit(&path, &path, &[("do", "link")]).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.body);
        assert!(got.body.contains(&format!("https://tl.example{}", phone.path)), "{}", got.body);
        let got = browser.submit(&path, &path, &[("do", "revoke")]).await;
        assert!(got.body.contains("已经作废") && !got.body.contains(&phone.path), "{}", got.body);
        assert_eq!(phone.browser.get(&phone.path).await.status, StatusCode::NOT_FOUND);
        let (_, new) = got.body.split_once("https://tl.example").unwrap();
        phone.path = new.split('<').next().unwrap().to_owned();
        assert!(phone.looks().await.contains("户未应答"));

        // What is refused is refused in the reader's language.
        for (who, says) in [
            (format!("h{}", leader(0)), "网格长1已经接了这张名单"),
            ("h0".to_owned(), "底册里没有编码为 &quot;h0&quot; 的人"),
        ] {
            let got = browser.submit(&path, &path, &[("do", "give"), ("who", &who)]).await;
            assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.body);
            assert!(got.body.contains(says) && !got.body.contains("roster"), "{}", got.body);
        }
        let deputy = format!("h{}", leader(0) + 1);
        let got = browser.submit(&path, &path, &[("do", "give"), ("who", &deputy)]).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
        let (theirs, state) = list_of(&town, alert, leader(0) + 1).await;
        assert_eq!(state, 1, "offered, and not taken for him");
        assert!(got.header("location").starts_with(&format!("/lists/{theirs}")));
        let held = town.custody(alert).await;
        assert_eq!((held.open_list, held.orphans), (held.open, 0), "{held:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_home_at_the_desk_gets_its_page_and_programs_have_the_same_acts() {
    on_both(Setup::default(), async |town| {
        let (uid, alert, faces, phone) = offered(&town).await;
        let_in(&town).await;
        account(&town, 9, "管理", &[(Role::Admin, 1)]).await;
        account(&town, 15, "别处受理", &[(Role::Desk, 10_001)]).await;
        town.says(&home_number(HOME + 2), "2").await;
        let uids: Vec<(String,)> = town.rows("SELECT uid FROM task WHERE kind = 1").await;
        let task = &uids[0].0;
        let mut browser = faces.signed("李签发").await;
        let opened = format!("/desk?open={task}");
        assert!(browser.get(&opened).await.body.contains("住户页链接"));
        let got = browser.submit(&opened, &format!("/desk/{task}"), &[("do", "link")]).await;
        assert!(got.body.contains("https://tl.example/r/"), "{}", got.body);
        assert_eq!(acts(&town, "resident.link").await.len(), 1);

        let (list, _) = list_of(&town, alert, leader(0)).await;
        let (desk, read) = (token(&town, 2, "desk").await, token(&town, 2, "read").await);
        let (at, link) = (format!("/api/v1/lists/{list}"), format!("/api/v1/alerts/{uid}/link"));
        let revoke = format!("/api/v1/alerts/{uid}/revoke");
        let human = format!("{{\"human\":\"h{}\"}}", leader(0));
        let deputy = format!("{{\"human\":\"h{}\"}}", leader(0) + 1);
        let tick = format!("{{\"household\":\"{}\",\"seen\":\"evacuated\"}}", code(4));
        let home = format!("{{\"household\":\"{}\"}}", code(4));
        for (token, method, path, body, status) in [
            (&read, "GET", at.clone(), "", 403),
            (&read, "POST", revoke.clone(), &*human, 403),
            (&desk, "GET", "/api/v1/lists/x".into(), "", 404),
            (&desk, "GET", at.clone(), "", 200),
            (&desk, "POST", format!("{at}/take"), "{}", 200),
            (&desk, "POST", format!("{at}/tick"), "{}", 422),
            (&desk, "POST", format!("{at}/tick"), &*tick, 200),
            (&desk, "POST", format!("{at}/sing"), "{}", 404),
            (&desk, "POST", format!("{at}/give"), &*deputy, 200),
            (&desk, "POST", link.clone(), "{}", 422),
            (&desk, "POST", link.clone(), &*human, 200),
            (&desk, "POST", link.clone(), &*home, 200),
            (&desk, "POST", revoke.clone(), &*home, 422),
            (&desk, "POST", revoke.clone(), &*human, 200),
        ] {
            let (got, answer) = call(&faces, token, method, &path, body).await;
            assert_eq!(got, status, "{method} {path} {body}: {answer}");
            if status == 200 {
                conforms(method, path.strip_prefix("/api/v1").unwrap(), &answer);
            }
        }
        assert_eq!(standing(&town, 4).await.1, Whereabouts::Evacuated);
        let dead = faces.browser().get(&phone.path).await;
        assert_eq!(dead.status, StatusCode::NOT_FOUND, "revoked by the API");
        // Of another place: nothing, and no name.
        let other = token(&town, 15, "desk").await;
        let (got, answer) = call(&faces, &other, "GET", &at, "").await;
        assert_eq!(got, 403, "{answer}");
        assert!(!answer.to_string().contains("网格长1"), "{answer}");
        town
    })
    .await;
}

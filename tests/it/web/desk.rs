//! The help desk: who sees which helps, and what each button does: to the task, the household, the
//! journal. Pages are bounded, and no page of fifty is too large.

use axum::body::Body;
use http::StatusCode;
use tongluo::domain::access::Role;
use tongluo::store::desk::{self, TaskRow};

use super::board::token;
use super::{Faces, Got, account, acts, let_in};
use crate::plant::{HOME, Layout, home_number, leader};
use crate::town::{Setup, Town, on_both};

fn two_grids() -> Setup {
    Setup { layout: Layout { grids: 2, ..Layout::default() }, ..Setup::default() }
}

async fn tasks(town: &Town) -> Vec<TaskRow> {
    desk::tasks(&town.engine.store, 0, 100).await.unwrap()
}

/// Presses a button of a task.
async fn press(faces: &Faces, name: &str, task: &str, fields: &[(&str, &str)]) -> Got {
    let mut browser = faces.signed(name).await;
    browser.submit("/desk", &format!("/desk/{task}"), fields).await
}

#[tokio::test]
async fn the_most_urgent_stands_first_and_each_sees_his_places() {
    on_both(two_grids(), async |town| {
        let_in(&town).await;
        account(&town, 11, "凤山查看", &[(Role::Viewer, 2)]).await;
        account(&town, 15, "网格受理", &[(Role::Desk, 101)]).await;
        let faces = Faces::open(&town);
        let (uid, _) = town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 2), "什么时候发钱啊").await;
        town.says(&home_number(HOME + 5), "2").await;
        town.says(&home_number(HOME + 12), "水进屋了").await;
        town.says(&home_number(HOME + 4_000_000), "我妈妈在四明路12号，水进屋了").await;
        let page = faces.signed("李签发").await.get("/desk").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let page = page.body;
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        assert!(at("水进屋了</blockquote>") < at("发钱啊"), "{page}");
        assert!(page.contains("不知道是哪一户") && page.contains("尾号"), "{page}");
        assert!(page.contains("王家12") && page.contains("第2网格"), "{page}");
        // Home 5 is fragile: what to bring, never why.
        assert!(page.contains("轮椅") && !page.contains("残疾"), "{page}");
        let number = home_number(HOME + 12);
        assert!(page.contains(&format!("tel:{number}")), "{page}");
        let looks = acts(&town, "people.look").await;
        assert_eq!(looks.len(), 1, "the look is journaled, its refresh is not: {looks:?}");
        let mut again = faces.signed("李签发").await;
        again.get("/desk").await;
        assert_eq!(acts(&town, "people.look").await.len(), 1);
        let only = again.get(&format!("/desk?alert={uid}")).await.body;
        assert!(only.contains("王家12") && !only.contains("四明路"), "{only}");

        let own = faces.signed("网格受理").await.get("/desk").await.body;
        assert!(own.contains("王家12") && !own.contains("王家5"), "{own}");
        assert!(!own.contains("四明路"), "what belongs to nobody is the root's: {own}");
        let got = faces.signed("凤山查看").await.get("/desk").await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.body);
        assert!(!got.body.contains("王家"), "{}", got.body);
        let task = tasks(&town).await.into_iter().find(|t| t.household_id == Some(HOME + 5));
        let task = task.unwrap().uid;
        let got = press(&faces, "网格受理", &task, &[("do", "take")]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.body);
        town
    })
    .await;
}

#[tokio::test]
async fn a_help_is_taken_given_on_and_closed_with_what_was_done() {
    on_both(two_grids(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 2), "水进屋了").await;
        let uid = tasks(&town).await[0].uid.clone();
        // Without the page's token nothing happens.
        let mut cheat = faces.signed("李签发").await;
        let got = cheat.post(&format!("/desk/{uid}"), &[("do", "take"), ("csrf", "x")]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN);
        assert_eq!(tasks(&town).await[0].state, 0);

        let got = press(&faces, "李签发", &uid, &[("do", "take")]).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
        assert!(got.header("location").ends_with(&format!("#t-{uid}")), "{:?}", got.headers);
        assert_eq!(tasks(&town).await[0].owner.as_deref(), Some("李签发"));
        assert_eq!(town.custody(alert).await.open_desk, 1);
        let open = faces.signed("李签发").await.get(&format!("/desk?open={uid}")).await.body;
        let goer = format!("<option value=\"h{}\">网格长 网格长1", leader(0));
        assert!(open.contains(&goer) && open.contains("怎么办结的"), "{open}");
        let who = format!("h{}", leader(0));
        let got = press(&faces, "李签发", &uid, &[("do", "assign"), ("who", &who)]).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
        assert_eq!(tasks(&town).await[0].owner.as_deref(), Some("网格长1"));
        let taken = acts(&town, "task.take").await;
        assert!(taken.len() == 2 && taken[1].contains(&who), "{taken:?}");
        let got = press(&faces, "李签发", &uid, &[("do", "assign"), ("who", "h999")]).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.body);

        let got = press(&faces, "李签发", &uid, &[("do", "close"), ("result", " ")]).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
        let done = [("do", "close"), ("result", "网格长已把人背到四明小学")];
        press(&faces, "李签发", &uid, &done).await;
        assert!(tasks(&town).await.is_empty());
        assert_eq!(town.custody(alert).await.help, 0);
        assert!(acts(&town, "task.close").await[0].contains("四明小学"));
        let page = faces.signed("李签发").await.get("/desk").await.body;
        assert!(page.contains("刚办结") && page.contains("已把人背到四明小学"), "{page}");
        let got = press(&faces, "李签发", &uid, &[("do", "take")]).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "closed already");
        town
    })
    .await;
}

#[tokio::test]
async fn an_unclear_reply_gets_its_meaning_with_one_key() {
    on_both(two_grids(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        for home in [2, 4, 5, 6] {
            town.says(&home_number(HOME + home), "什么时候发钱啊").await;
        }
        let of = |all: &[TaskRow], home: i64| {
            let task = all.iter().find(|t| t.household_id == Some(HOME + home));
            task.unwrap_or_else(|| panic!("{home}: {all:?}")).clone()
        };
        let all = tasks(&town).await;
        assert!(all.len() == 4 && all.iter().all(|task| task.kind == 2), "{all:?}");
        let before = town.custody(alert).await;
        // A cry for help after all: life, at once, and open until it is closed.
        let help = of(&all, 2).uid;
        press(&faces, "李签发", &help, &[("do", "class1")]).await;
        let now = of(&tasks(&town).await, 2);
        assert_eq!((now.kind, now.class, now.state), (1, 1, 0));
        assert_eq!(town.custody(alert).await.help, before.help + 1);
        let due = format!("SELECT due_at FROM timer WHERE kind = 7 AND subject_id = {}", now.id);
        assert!(town.count(&due).await <= town.now() + 60_000);
        press(&faces, "李签发", &help, &[("do", "class2")]).await;
        assert_eq!(of(&tasks(&town).await, 2).class, 2);
        assert_eq!(town.custody(alert).await.help, before.help + 1, "one help, whatever its class");
        let got = press(&faces, "李签发", &help, &[("do", "heard")]).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "a help is not read away: {}", got.body);
        press(&faces, "李签发", &help, &[("do", "close"), ("result", "已接走")]).await;
        assert_eq!(town.custody(alert).await.help, before.help);
        // Heard counts as heard; what says nothing changes nothing.
        press(&faces, "李签发", &of(&all, 5).uid, &[("do", "heard")]).await;
        let custody = town.custody(alert).await;
        assert_eq!(custody.heard, before.heard + 2, "{custody:?}");
        press(&faces, "李签发", &of(&all, 6).uid, &[("do", "nothing")]).await;
        assert_eq!(town.custody(alert).await, custody);
        press(&faces, "李签发", &of(&all, 4).uid, &[("do", "left")]).await;
        let left = format!("SELECT whereabouts FROM standing WHERE household_id = {}", HOME + 4);
        assert_eq!(town.count(&left).await, 3);
        assert!(tasks(&town).await.is_empty());
        let read = acts(&town, "statement.record").await;
        assert_eq!(read.len(), 5, "{read:?}");
        let got = press(&faces, "李签发", &of(&all, 6).uid, &[("do", "sing")]).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND);
        town
    })
    .await;
}

#[tokio::test]
async fn fifty_stand_on_a_page_and_it_is_small() {
    let layout = Layout { homes: 40, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (_, alert) = town.flood_order().await;
        town.settle().await;
        for n in 1..=70_i64 {
            let text = "我们家里有两个老人走不动，水已经到门口了，快派人来。".repeat(8);
            town.break_in(&format!(
                "INSERT INTO task (id, uid, alert_id, household_id, building_id, source_key, kind, \
                 class, state, text, opened_at) VALUES ({}, '0190c7a2-0000-7000-8000-{n:012}', \
                 {alert}, {}, {}, 'k{n}', {}, {}, 0, '{text}', {n})",
                9_000 + n,
                HOME + n,
                10_000 + (n - 1) / 40,
                1 + n % 2,
                1 + n % 3,
            ))
            .await;
        }
        let mut browser = faces.signed("李签发").await;
        let first = browser.get("/desk").await;
        println!("{} bytes", first.body.len());
        assert!(first.body.len() < 60 * 1024, "{} bytes", first.body.len());
        assert_eq!(first.body.matches("<blockquote>").count(), 50);
        let (_, next) = first.body.split_once("href=\"/desk?after=").unwrap();
        let next = next.split('"').next().unwrap();
        let second = browser.get(&format!("/desk?after={next}")).await;
        assert_eq!(second.body.matches("<blockquote>").count(), 20, "{}", second.body);
        for n in 1..=70 {
            let id = format!("id=\"t-0190c7a2-0000-7000-8000-{n:012}\"");
            let seen = first.body.contains(&id) as u8 + second.body.contains(&id) as u8;
            assert_eq!(seen, 1, "{n}");
        }
        let odd = browser.get("/desk?after=1.2.3").await;
        assert_eq!(odd.status, StatusCode::NOT_FOUND);
        town.break_in("DELETE FROM task").await;
        town
    })
    .await;
}

/// Promises of helpers, made before anybody cried.
async fn promise(town: &Town, alert: i64, homes: i64) {
    let now = town.now();
    for n in 1..=homes {
        town.break_in(&format!(
            "INSERT INTO task (id, uid, alert_id, household_id, building_id, source_key, kind, \
             class, state, text, owner, opened_at, taken_at, deadline_at) VALUES ({}, \
             '0190c7a2-0000-7000-8000-{n:012}', {alert}, {}, {}, 'helper:9:{alert}.{}', 5, 2, 1, \
             '结对帮扶人已答应去', '陈结对', {now}, {now}, {})",
            9_000 + n,
            HOME + n,
            10_000 + (n - 1) / 40,
            HOME + n,
            now + 30 * 60_000,
        ))
        .await;
    }
}

#[tokio::test]
async fn sixty_promises_bury_no_cry_and_come_up_when_they_are_broken() {
    let layout = Layout { homes: 40, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (uid, alert) = town.flood_order().await;
        town.minutes(2).await;
        promise(&town, alert, 60).await;
        town.minutes(1).await;
        town.says(&home_number(HOME + 70), "2").await;
        let mut browser = faces.signed("李签发").await;
        let page = browser.get("/desk").await.body;
        assert_eq!(page.matches("<blockquote>").count(), 1, "{page}");
        assert!(page.contains("王家70") && page.contains("<b>1</b> 件待办"), "{page}");
        assert!(page.contains("帮扶人在去的：60 户"), "{page}");
        let board = browser.get(&format!("/alerts/{uid}/fragment")).await.body;
        assert!(board.contains("求助与看不懂的回复：1 件"), "{board}");
        assert!(board.contains("另有 60 户"), "{board}");
        let home = browser.get("/").await.body;
        assert!(!home.contains("60 件"), "{home}");
        // Their time is over: they stand there by what they are, behind the cry of the same class.
        town.minutes(31).await;
        let page = browser.get("/desk").await.body;
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        assert!(at("王家70") < at("帮扶人没有按时到"), "{page}");
        assert!(page.contains("<b>61</b> 件待办"), "{page}");
        let board = browser.get(&format!("/alerts/{uid}/fragment")).await.body;
        let at = |text: &str| board.find(text).unwrap_or_else(|| panic!("{text}: {board}"));
        assert!(at("求助 ·") < at("帮扶人没有按时到"), "{board}");
        town.break_in("DELETE FROM task WHERE kind = 5").await;
        town
    })
    .await;
}

#[tokio::test]
async fn a_buildings_incident_is_one_card_closed_home_by_home() {
    on_both(two_grids(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 2), "水进屋了").await;
        town.says(&home_number(HOME + 4), "2").await;
        let mut browser = faces.signed("李签发").await;
        let page = browser.get("/desk").await.body;
        assert!(page.contains("同楼 2 户求助") && page.contains("<b>1</b> 件待办"), "{page}");
        let (_, rest) = page.split_once("data-grave=\"").unwrap();
        let card = rest.split('"').next().unwrap().to_owned();
        assert!(page.contains(&format!("id=\"t-{card}\"")), "{page}");
        press(&faces, "李签发", &card, &[("do", "take")]).await;
        assert_eq!(town.custody(alert).await.open_desk, 2);
        // Which one is said by whoever closes; nobody is closed by a slip.
        let unsaid = [("do", "close"), ("home", "none"), ("result", "已背出来")];
        let got = press(&faces, "李签发", &card, &unsaid).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
        let page = browser.get("/desk").await.body;
        let (_, rest) = page.split_once("请选</option><option value=\"").unwrap();
        let one = rest.split('"').next().unwrap().to_owned();
        town.says(&home_number(HOME + 2), "水到胸口了").await;
        let late = [("do", "close"), ("home", "all.2"), ("result", "已背出来")];
        let got = press(&faces, "李签发", &card, &late).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.body);
        assert!(got.body.contains("又来了新的求助"), "{}", got.body);
        assert_eq!(town.custody(alert).await.help, 2);
        let other = one.replace(".1", ".2");
        let done = [("do", "close"), ("home", other.as_str()), ("result", "已背出来")];
        press(&faces, "李签发", &card, &done).await;
        assert_eq!(town.custody(alert).await.help, 1, "the other home's help is open");
        let page = browser.get("/desk").await.body;
        assert!(page.contains("<b>1</b> 件待办") && page.contains("刚办结"), "{page}");
        town
    })
    .await;
}

#[tokio::test]
async fn programs_work_at_the_desk_with_a_token_for_it() {
    on_both(two_grids(), async |town| {
        let_in(&town).await;
        account(&town, 9, "管理", &[(Role::Admin, 1)]).await;
        account(&town, 15, "网格受理", &[(Role::Desk, 101)]).await;
        let faces = Faces::open(&town);
        town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 2), "水进屋了").await;
        town.says(&home_number(HOME + 4), "什么时候发钱啊").await;
        let desk = token(&town, 2, "desk").await;
        let (status, page) = call(&faces, &desk, "GET", "/api/v1/desk", "").await;
        assert_eq!((status, page["tasks"].as_array().unwrap().len()), (200, 2), "{page}");
        let (help, unclear) = (&page["tasks"][0], &page["tasks"][1]);
        let home = &help["homes"][0];
        assert_eq!((&help["class"], &home["name"]), (&1.into(), &"王家2".into()), "{page}");
        assert_eq!(home["numbers"][0]["number"], home_number(HOME + 2).as_str(), "{page}");
        let path = |task: &serde_json::Value, act: &str| {
            format!("/api/v1/desk/{}/{act}", task["task"].as_str().unwrap())
        };
        let (read, own) = (token(&town, 2, "read").await, token(&town, 15, "desk").await);
        for (token, method, path, body, status) in [
            (&read, "GET", "/api/v1/desk".to_owned(), "", 403),
            (&read, "POST", path(help, "take"), "{}", 403),
            (&own, "POST", path(help, "take"), "{}", 403),
            (&desk, "POST", path(help, "close"), "{}", 422),
            (&desk, "POST", path(help, "close"), "{\"class\":9,\"x\":1}", 422),
            (&desk, "POST", path(help, "sing"), "{}", 404),
            (&desk, "POST", path(help, "read"), "{\"read\":\"heard\"}", 409),
            (&desk, "POST", path(help, "take"), "{}", 200),
            (&desk, "POST", path(help, "close"), "{\"result\":\"好\",\"seen\":0}", 409),
            (&desk, "POST", path(help, "close"), "{\"result\":\"已背出来\"}", 200),
            (&desk, "POST", path(help, "take"), "{}", 409),
            (&desk, "POST", path(unclear, "class"), "{\"class\":3}", 200),
            (&desk, "POST", path(unclear, "assign"), "{\"human\":\"h10\"}", 200),
        ] {
            let (got, answer) = call(&faces, token, method, &path, body).await;
            assert_eq!(got, status, "{method} {path} {body}: {answer}");
        }
        let left = tasks(&town).await;
        assert_eq!((left.len(), left[0].kind, left[0].class), (1, 1, 3));
        assert_eq!(left[0].owner.as_deref(), Some("网格长1"));
        let (_, other) = call(&faces, &own, "GET", "/api/v1/desk", "").await;
        assert_eq!(other["tasks"].as_array().unwrap().len(), 0, "{other}");
        town
    })
    .await;
}

/// One call of the API with a token.
pub async fn call(
    faces: &Faces,
    token: &str,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, serde_json::Value) {
    let mut program = faces.browser();
    program.extra = vec![("authorization", format!("Bearer {token}"))];
    let method = method.parse().unwrap();
    let got = program.send(method, path, Body::from(body.to_owned()), false).await;
    (got.status.as_u16(), serde_json::from_str(&got.body).unwrap())
}

//! The live board: its figures are those of custody at every moment and at every node, each sees
//! his own places and no names he may not see, and a page stays small.

use serde_json::Value;
use tongluo::domain::access::Role;
use tongluo::domain::board::Sums;
use tongluo::domain::scope::Scopes;
use tongluo::engine::board::Boards;
use tongluo::engine::issue::Actor;
use tongluo::store::custody::Custody;
use tongluo::store::desk;

use super::{Faces, account, let_in};
use crate::plant::{HOME, Layout, home_number, leader};
use crate::town::{Setup, Town, on_both};

const LIMIT: usize = 60 * 1024;

fn three_grids() -> Setup {
    Setup { layout: Layout { grids: 3, ..Layout::default() }, ..Setup::default() }
}

/// The board of everything, from a cache of its own.
async fn total(town: &Town, uid: &str) -> Sums {
    let look = town.engine.board(&Boards::default(), &town.approver, uid).await.unwrap().unwrap();
    look.total()
}

/// The board, summed from aggregates, against custody, computed door by door.
async fn agree(town: &Town, uid: &str, alert: i64) -> Custody {
    let (custody, sums) = (town.custody(alert).await, total(town, uid).await);
    assert!(sums.balances(), "{sums:?}");
    let of_board = Custody {
        audience: sums.audience,
        pursued: sums.pursued,
        told: sums.audience - sums.pursued,
        answered: sums.closed,
        open: sums.open(),
        open_desk: sums.desk,
        open_list: sums.list,
        open_sheet: sums.sheet,
        open_system: sums.run,
        orphans: sums.orphan,
        heard: sums.heard,
        help: sums.help,
    };
    assert_eq!(of_board, custody);
    custody
}

#[tokio::test]
async fn the_board_says_what_custody_says_at_every_moment() {
    on_both(three_grids(), async |town| {
        let (uid, alert) = town.flood_order().await;
        agree(&town, &uid, alert).await;
        town.minutes(2).await;
        // A help of somebody pursued, one of somebody only told, and a word of a neighbour.
        for (home, text) in [(2, "水进屋了"), (3, "救命"), (4, "1"), (13, "3")] {
            town.says(&home_number(HOME + home), text).await;
            agree(&town, &uid, alert).await;
        }
        for task in desk::tasks(&town.engine.store, alert, 10).await.unwrap() {
            town.engine.take_task(&town.approver, &task.uid, None).await.unwrap();
        }
        let custody = agree(&town, &uid, alert).await;
        assert!(custody.open_desk >= 2 && custody.help >= 2, "{custody:?}");
        town.minutes(7).await;
        agree(&town, &uid, alert).await;
        town.leader_says(leader(0), "1").await;
        let custody = agree(&town, &uid, alert).await;
        assert!(custody.open_list > 0 && custody.open_system > 0, "{custody:?}");
        // Somebody has the sheet of another grid; of the third nothing says that its clock runs.
        let back = town.now() + 3_600_000;
        town.break_in(&format!(
            "INSERT INTO sheet (id, uid, alert_id, place_id, human_id, handed_at, return_at) \
             VALUES (1, 's', {alert}, 101, 12, 0, {back})"
        ))
        .await;
        let custody = agree(&town, &uid, alert).await;
        assert!(custody.open_sheet > 0, "{custody:?}");
        let clocks = format!("DELETE FROM timer WHERE alert_id = {alert} AND place_id = 102");
        town.break_in(&clocks).await;
        town.break_in("UPDATE batch SET state = 1 WHERE grid_id = 102").await;
        let custody = agree(&town, &uid, alert).await;
        assert!(custody.orphans > 0, "nobody's are found from the aggregates as well: {custody:?}");
        town.engine.audit_once().await.unwrap();
        let custody = agree(&town, &uid, alert).await;
        assert_eq!(custody.orphans, 0, "{custody:?}");
        // The hour of whoever took the helps passes.
        town.down_minutes(61);
        agree(&town, &uid, alert).await;
        town.settle().await;
        agree(&town, &uid, alert).await;
        town.engine.end(&town.approver, &uid).await.unwrap();
        agree(&town, &uid, alert).await;
        town.minutes(3).await;
        agree(&town, &uid, alert).await;
        town
    })
    .await;
}

/// A token of the board's API for an account.
pub async fn token(town: &Town, account: i64, scopes: &str) -> String {
    let boss = Actor { account_id: 9, name: "管理".into(), rights: vec![(Role::Admin, 1)] };
    let scopes = Scopes::parse(scopes).unwrap();
    town.engine.add_token(&boss, account, "测试", scopes, 1).await.unwrap()
}

/// A document of the API.
async fn document(faces: &Faces, token: &str, path: &str) -> (u16, Value) {
    let mut browser = faces.browser();
    browser.extra = vec![("authorization", format!("Bearer {token}"))];
    let got = browser.get(path).await;
    let body = serde_json::from_str(&got.body).unwrap_or(Value::Null);
    (got.status.as_u16(), body)
}

#[tokio::test]
async fn drilled_down_rows_sum_to_the_row_above() {
    on_both(three_grids(), async |town| {
        let_in(&town).await;
        account(&town, 9, "管理", &[(Role::Admin, 1)]).await;
        let (uid, _) = town.flood_order().await;
        let faces = Faces::open(&town);
        let token = token(&town, 2, "read").await;
        town.minutes(2).await;
        for (home, text) in [(2, "水进屋了"), (4, "1"), (13, "收到"), (25, "收到")] {
            town.says(&home_number(HOME + home), text).await;
        }
        town.clock.advance_ms(5_000);
        for node in ["", "p100", "p101", "p10000"] {
            let path = format!("/api/v1/alerts/{uid}/board?node={node}");
            let (status, board) = document(&faces, &token, &path).await;
            assert_eq!(status, 200, "{board}");
            let rows = board["rows"].as_array().unwrap();
            let sum = |level: u64, field: &str| -> i64 {
                let at = rows.iter().filter(|row| row["level"] == level);
                at.map(|row| row[field].as_i64().unwrap()).sum()
            };
            for field in ["pursued", "open", "answered", "heard", "help", "audience"] {
                assert_eq!(sum(0, field), board["total"][field].as_i64().unwrap(), "{field}");
                let opened = rows.iter().find(|row| row["level"] == 0 && row["opened"] == true);
                if let Some(opened) = opened {
                    assert_eq!(sum(1, field), opened[field].as_i64().unwrap(), "{node} {field}");
                }
            }
            let levels = rows.iter().map(|row| row["level"].as_u64().unwrap()).max();
            assert_eq!(levels, Some(u64::from(!node.is_empty())), "{node}: {rows:?}");
            let line = board["hands"]["line"].as_str().unwrap();
            let figures: Vec<i64> = line
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|word| word.parse().ok())
                .collect();
            assert_eq!(figures[0], figures[1..].iter().sum::<i64>(), "{line}");
            assert_eq!(figures[4], 0, "{line}");
        }
        for odd in ["p999", "p3x"] {
            let path = format!("/api/v1/alerts/{uid}/board?node={odd}");
            assert_eq!(document(&faces, &token, &path).await.0, 404);
        }
        town
    })
    .await;
}

/// Officials of several places, and a street beside the town's own.
async fn officials(town: &Town) {
    let_in(town).await;
    for sql in [
        "INSERT INTO place (id, code, name, kind, parent_id, depth, ord) \
         VALUES (50, 'p50', '梨洲街道', 'town', 1, 1, 900)",
        "INSERT INTO place_above (place_id, above_id, distance) VALUES (50, 50, 0), (50, 1, 1)",
    ] {
        town.break_in(sql).await;
    }
    account(town, 9, "管理", &[(Role::Admin, 1)]).await;
    account(town, 11, "凤山查看", &[(Role::Viewer, 2)]).await;
    account(town, 12, "梨洲受理", &[(Role::Desk, 50)]).await;
    account(town, 14, "网格查看", &[(Role::Viewer, 101)]).await;
    account(town, 15, "网格受理", &[(Role::Desk, 101), (Role::Viewer, 2)]).await;
}

#[tokio::test]
async fn each_sees_the_board_of_his_places_without_names_he_may_not_see() {
    on_both(three_grids(), async |town| {
        officials(&town).await;
        let faces = Faces::open(&town);
        let (uid, alert) = town.flood_order().await;
        town.minutes(9).await;
        town.says(&home_number(HOME + 2), "水进屋了").await;
        town.says(&home_number(HOME + 12), "救命").await;
        town.minutes(2).await;
        let open = town.custody(alert).await.open;
        let path = format!("/alerts/{uid}");

        let mut desk = faces.signed("李签发").await;
        let page = desk.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let page = page.body;
        assert!(page.contains(&format!("{open} <small>户未应答")), "{page}");
        assert!(page.contains("王书记") && page.contains("网格长1"), "{page}");
        assert!(page.contains("解除") && page.contains(&format!("{path}/end")), "{page}");
        assert!(page.contains("无主 0"), "{page}");

        let viewer = faces.signed("凤山查看").await.get(&path).await.body;
        assert!(viewer.contains(&format!("{open} <small>户未应答")), "{viewer}");
        for name in ["王书记", "网格长", "王家", "水进屋", "街道值班", "/end", "/desk"]
        {
            assert!(!viewer.contains(name), "{name}: {viewer}");
        }
        assert!(viewer.contains("未叫醒") && viewer.contains("没有人接"), "{viewer}");

        let mut grid = faces.signed("网格查看").await;
        let own = grid.get(&path).await.body;
        assert!(own.contains("2幢") && !own.contains("第1网格"), "{own}");
        assert!(grid.get(&format!("{path}?node=p10100")).await.status == 200);
        for node in ["p100", "p10000", "p2"] {
            let got = grid.get(&format!("{path}/fragment?node={node}")).await;
            assert_eq!(got.status, 404, "{node}: {}", got.body);
        }
        // An act is offered where it may be done: at all places of the order.
        account(&town, 16, "网格签发", &[(Role::Viewer, 2), (Role::Approver, 101)]).await;
        let mut part = faces.signed("网格签发").await;
        let page = part.get(&path).await.body;
        assert!(page.contains("户未应答") && !page.contains("/end"), "{page}");
        assert_eq!(part.get(&format!("{path}/end")).await.status, 403);
        let mixed = faces.signed("网格受理").await.get(&path).await.body;
        assert!(mixed.contains("网格长2") && !mixed.contains("网格长1"), "{mixed}");

        let got = faces.signed("梨洲受理").await.get(&path).await;
        assert_eq!(got.status, 403, "{}", got.body);
        assert!(!got.body.contains("转移指令"), "{}", got.body);
        let got = faces.browser().get(&path).await;
        assert_eq!(
            (got.status.as_u16(), got.header("location").starts_with("/login")),
            (303, true)
        );
        assert_eq!(desk.get("/alerts/nobody").await.status, 404);

        town
    })
    .await;
}

#[tokio::test]
async fn a_token_shows_names_only_with_the_right_and_the_scope() {
    on_both(three_grids(), async |town| {
        officials(&town).await;
        let faces = Faces::open(&town);
        let (uid, _) = town.flood_order().await;
        town.minutes(9).await;
        for (account, scopes, status, named) in [
            (2, "read,desk", 200, true),
            (2, "read", 200, false),
            (11, "read,desk", 200, false),
            (12, "read", 403, false),
            (2, "alert", 403, false),
        ] {
            let token = token(&town, account, scopes).await;
            for part in ["/board", "/lists", ""] {
                let path = format!("/api/v1/alerts/{uid}{part}");
                let (got, body) = document(&faces, &token, &path).await;
                assert_eq!(got, status, "{account} {scopes} {part}: {body}");
                assert_eq!(body.to_string().contains("网格长1"), named, "{account}: {body}");
            }
            let (got, body) =
                document(&faces, &token, &format!("/api/v1/alerts/{uid}/audit")).await;
            assert_eq!(got, status, "{account} {scopes}: {body}");
            assert!(!body.to_string().contains("网格长"), "numbers alone: {body}");
        }
        // Who may see people in one grid reads the names of that one.
        let token = token(&town, 15, "read,desk").await;
        let (_, body) = document(&faces, &token, &format!("/api/v1/alerts/{uid}")).await;
        let unwoken = body["unwoken"].as_array().unwrap();
        let named = unwoken.iter().filter(|one| !one["person"].is_null()).count();
        assert!(named > 0 && named < unwoken.len(), "{body}");
        let said = body.to_string();
        assert!(said.contains("网格长2") && !said.contains("网格长1"), "{said}");
        assert!(!said.contains("王书记"), "{said}");
        town
    })
    .await;
}

#[tokio::test]
async fn lists_silence_and_evidence_stand_on_the_board() {
    let setup = Setup {
        layout: Layout { grids: 2, buildings: 3, homes: 8, ..Layout::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let_in(&town).await;
        account(&town, 9, "管理", &[(Role::Admin, 1)]).await;
        let faces = Faces::open(&town);
        let (uid, _) = town.flood_order().await;
        let token = token(&town, 2, "read,desk").await;
        let path = format!("/api/v1/alerts/{uid}/board");
        town.minutes(8).await;
        town.leader_says(leader(0), "1").await;
        town.says(&home_number(HOME + 1), "1").await;
        town.minutes(12).await;
        let (_, board) = document(&faces, &token, &path).await;
        let lists = &board["lists"];
        assert_eq!((&lists["taken"], &lists["untaken"]), (&1.into(), &1.into()), "{lists}");
        assert_eq!(lists["unopened"], 1, "{lists}");
        let taken = lists["rows"].as_array().unwrap().iter().find(|row| row["state"] == "taken");
        assert_eq!(taken.unwrap()["holder"], "网格长1", "{lists}");
        let silent = &board["silent"];
        assert_eq!(silent["all"], 1, "{silent}");
        assert!(silent["rows"][0]["place"].as_str().unwrap().contains("第2网格"), "{silent}");
        let evidence = board["evidence"]["rows"].as_array().unwrap();
        let all: i64 = evidence.iter().map(|row| row["households"].as_i64().unwrap()).sum();
        assert_eq!(all, board["total"]["pursued"].as_i64().unwrap(), "{evidence:?}");
        assert!(evidence.iter().any(|row| row["title"] == "手机已收到"), "{evidence:?}");
        // A word out of the silent grid.
        town.says(&home_number(HOME + 30), "收到").await;
        town.minutes(1).await;
        let (_, board) = document(&faces, &token, &path).await;
        assert_eq!(board["silent"]["all"], 0, "{}", board["silent"]);
        town
    })
    .await;
}

#[tokio::test]
async fn a_board_of_many_places_comes_through_a_bad_line() {
    let layout = Layout { grids: 30, buildings: 40, homes: 1, ..Layout::default() };
    let setup = Setup { layout, ..Setup::default() };
    on_both(setup, async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (uid, alert) = town.flood_order().await;
        town.settle().await;
        town.clock.advance_ms(9 * 60_000);
        town.settle().await;
        for n in 0..40_i64 {
            town.break_in(&format!(
                "INSERT INTO task (id, uid, alert_id, household_id, building_id, source_key, kind, \
                 class, state, text, opened_at) VALUES ({}, 'uid{n}', {alert}, {}, {}, 'k{n}', 1, \
                 1, 0, '水进屋了', {n})",
                9_000 + n,
                HOME + 1 + n,
                10_000 + n
            ))
            .await;
        }
        let mut browser = faces.signed("李签发").await;
        for node in ["", "?node=p105", "?node=p10502"] {
            for part in ["", "/fragment"] {
                let got = browser.get(&format!("/alerts/{uid}{part}{node}")).await;
                assert_eq!(got.status, 200, "{}", got.body);
                println!("{part}{node}: {} bytes", got.body.len());
                assert!(got.body.len() < LIMIT, "{part}{node}: {} bytes", got.body.len());
                for banned in ["<script>", " style=", "onclick"] {
                    assert!(!got.body.contains(banned), "{banned}: {}", got.body);
                }
            }
        }
        // Every cell has its number in words, not in colour alone.
        let page = browser.get(&format!("/alerts/{uid}?node=p105")).await.body;
        let (_, map) = page.split_once("<svg class=\"map\"").unwrap();
        let map = map.split("</svg>").next().unwrap();
        let cells = map.matches("<rect").count();
        assert!(cells > 5, "{map}");
        for cell in map.split("<g").skip(1) {
            let (_, text) = cell.split_once("<text").expect("a cell without text");
            assert!(text.contains(|c: char| c.is_ascii_digit()), "{cell}");
        }
        town.break_in("DELETE FROM task").await;
        town
    })
    .await;
}

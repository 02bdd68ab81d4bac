//! The first administrator, accounts by place, passwords and tokens.

use std::str::FromStr;

use axum::body::Body;
use http::{Method, StatusCode};
use tongluo::base::limits::{API_BODY_BYTES, SETUP_GUESSES};
use tongluo::domain::access::Role;
use tongluo::domain::scope::Scopes;
use tongluo::domain::setup_code::SetupCode;
use tongluo::engine::issue::Actor;
use tongluo::web::WebSettings;

use super::{Browser, Faces, PASSWORD, account, acts, let_in};
use crate::town::{Setup, Town, on_both};

const ADMIN: &str = "赵管理";

async fn unsettled(town: &Town) -> (Faces, SetupCode) {
    town.break_in("DELETE FROM account").await;
    let code = SetupCode::new([7; 12]);
    let settings = WebSettings { setup_code: Some(code.clone()), ..WebSettings::default() };
    (Faces::open_with(town, settings), code)
}

fn first<'a>(code: &'a str, password: &'a str) -> [(&'a str, &'a str); 4] {
    [("code", code), ("name", ADMIN), ("password", password), ("again", password)]
}

#[tokio::test]
async fn the_first_administrator_is_made_once_and_with_the_code() {
    on_both(Setup::default(), async |town| {
        let (faces, code) = unsettled(&town).await;
        let mut browser = faces.browser();
        assert_eq!(browser.get("/login").await.header("location"), "/setup");
        let page = browser.get("/setup").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.body.contains(&code.shown()), "never on the page");
        let shown = code.shown();
        for (fields, says) in
            [(first("0000-0000-0000", PASSWORD), "启动码不对"), (first(&shown, "太短"), "密码太短")]
        {
            let got = browser.submit("/setup", "/setup", &fields).await;
            assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(got.body.contains(says), "{}", got.body);
        }
        let csrf = browser.get("/setup").await.csrf();
        let got = browser.submit("/setup", "/setup", &first(&shown, PASSWORD)).await;
        assert_eq!(got.header("location"), "/login?first=1", "{}", got.body);
        for mut browser in [browser.clone(), faces.browser()] {
            assert_eq!(browser.get("/setup").await.status, StatusCode::NOT_FOUND);
        }
        let fields: Vec<_> =
            first(&shown, PASSWORD).into_iter().chain([("csrf", &*csrf)]).collect();
        let again = browser.post("/setup", &fields).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND, "{}", again.body);
        assert_eq!(browser.sign_in(ADMIN, PASSWORD).await.status, StatusCode::SEE_OTHER);
        assert_eq!(browser.get("/accounts").await.status, StatusCode::OK);
        let made = acts(&town, "account.change").await;
        assert!(made.len() == 1 && made[0].contains(ADMIN), "{made:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn the_setup_code_cannot_be_guessed_nor_outlive_an_account() {
    on_both(Setup::default(), async |town| {
        let (faces, code) = unsettled(&town).await;
        let mut browser = faces.browser();
        for _ in 0..SETUP_GUESSES {
            assert_eq!(browser.get("/setup").await.status, StatusCode::OK);
            let wrong = first("0000-0000-0000", PASSWORD);
            browser.submit("/setup", "/setup", &wrong).await;
        }
        assert_eq!(browser.get("/setup").await.status, StatusCode::NOT_FOUND);

        let (faces, _) = unsettled(&town).await;
        let mut browser = faces.browser();
        assert_eq!(browser.get("/setup").await.status, StatusCode::OK);
        account(&town, 9, "命令行建的", &[(Role::Admin, 1)]).await;
        assert_eq!(browser.get("/setup").await.status, StatusCode::NOT_FOUND);
        town.break_in("DELETE FROM account_role").await;
        town.break_in("DELETE FROM account").await;
        assert_eq!(browser.get("/setup").await.status, StatusCode::NOT_FOUND, "gone is gone");
        assert_eq!(Faces::open(&town).browser().get("/setup").await.status, StatusCode::NOT_FOUND);
        drop(code);
        town
    })
    .await;
}

#[tokio::test]
async fn without_a_roster_setup_says_what_to_do_first() {
    for room in crate::engines::rooms().await {
        let town = Town::open(room, &Setup::default()).await;
        let (faces, code) = unsettled(&town).await;
        // As on a bare machine: no place yet, whoever lives there.
        town.break_in("UPDATE place SET parent_id = id WHERE parent_id IS NULL").await;
        let mut browser = faces.browser();
        let page = browser.get("/setup").await;
        assert!(page.body.contains("tongluo roster import"), "{}", page.body);
        assert!(!page.body.contains("name=\"code\""), "{}", page.body);
        let refused = town.engine.set_up(ADMIN, PASSWORD).await.unwrap_err();
        assert!(refused.to_string().contains("底册"), "{refused}");
        town.break_in("UPDATE place SET parent_id = NULL WHERE parent_id = id").await;
        let got = browser.submit("/setup", "/setup", &first(&code.shown(), PASSWORD)).await;
        assert_eq!(got.header("location"), "/login?first=1", "{}", got.body);
        town.close().await;
    }
}

async fn admin(town: &Town, faces: &Faces) -> Browser {
    let_in(town).await;
    account(town, 5, ADMIN, &[(Role::Admin, 1)]).await;
    faces.signed(ADMIN).await
}

#[tokio::test]
async fn an_administrator_makes_changes_and_shuts_accounts() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        let mut boss = admin(&town, &faces).await;
        let new = [("name", "周受理"), ("role", "desk"), ("place", "p2"), ("password", PASSWORD)];
        let got = boss.submit("/accounts", "/accounts", &new).await;
        let path = got.header("location").split('?').next().unwrap().to_owned();
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
        let page = boss.get(&path).await;
        assert!(page.body.contains("周受理") && page.body.contains("受理"), "{}", page.body);
        assert!(page.body.len() < 60 * 1024);
        let mut desk = faces.signed("周受理").await;
        assert_eq!(desk.get("/accounts").await.status, StatusCode::FORBIDDEN);
        let grant = [("role", "admin"), ("place", "p2")];
        let to = format!("{path}/roles/grant");
        let got = desk.submit("/me", &to, &grant).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "nobody raises himself");
        for (to, fields) in [
            (format!("{path}/roles/grant"), &[("role", "viewer"), ("place", "p1")][..]),
            (format!("{path}/roles/revoke"), &[("role", "viewer"), ("place", "p1")]),
            (format!("{path}/password"), &[("password", "换成另一个更长的密码")]),
        ] {
            let got = boss.submit(&path, &to, fields).await;
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{to}: {}", got.body);
        }
        assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER, "a new password ends it");
        assert_eq!(desk.sign_in("周受理", "换成另一个更长的密码").await.header("location"), "/");
        let got = boss.submit(&path, &format!("{path}/disable"), &[]).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER);
        assert_eq!(desk.get("/").await.status, StatusCode::SEE_OTHER);
        let refused = desk.sign_in("周受理", "换成另一个更长的密码").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let got = boss.submit(
            "/accounts/5",
            "/accounts/5/roles/revoke",
            &[("role", "admin"), ("place", "p1")],
        );
        assert!(got.await.body.contains("最后一个管理员"));
        assert_eq!(acts(&town, "account.change").await.len(), 5);
        town
    })
    .await;
}

#[tokio::test]
async fn a_reset_by_an_administrator_ends_the_tokens_and_ones_own_change_does_not() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        let mut boss = admin(&town, &faces).await;
        let maker = Actor { account_id: 5, name: ADMIN.into(), rights: vec![(Role::Admin, 1)] };
        let read = Scopes::parse("read").unwrap();
        let token = town.engine.add_token(&maker, 1, "大屏", read, 1).await.unwrap();
        let status = async |token: &str| call(&faces, "GET", "/api/v1/me", token).await.status;
        let mut own = faces.signed("陈制作").await;
        let new = "换成另一个更长的密码";
        let fields = [("old", PASSWORD), ("password", new), ("again", new)];
        own.submit("/me", "/me/password", &fields).await;
        assert_eq!(status(&token).await, StatusCode::OK, "he changed it himself");
        let reset = [("password", "管理员又设了一个密码")];
        let got = boss.submit("/accounts/1", "/accounts/1/password", &reset).await;
        let page = boss.get(got.header("location")).await;
        assert!(page.body.contains("登录和令牌已全部失效"), "{}", page.body);
        assert!(page.body.contains("没有令牌"), "{}", page.body);
        assert_eq!(status(&token).await, StatusCode::UNAUTHORIZED);
        let told = acts(&town, "account.change").await;
        assert!(told.last().unwrap().contains("\"tokens_ended\":1"), "{told:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_streets_administrator_has_no_hand_in_the_city() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        let mut boss = admin(&town, &faces).await;
        account(&town, 6, "街道管理", &[(Role::Admin, 2)]).await;
        account(&town, 7, "街道受理", &[(Role::Desk, 2)]).await;
        let mut street = faces.signed("街道管理").await;
        let page = street.get("/accounts").await;
        assert!(page.body.contains("街道受理") && !page.body.contains(ADMIN), "{}", page.body);
        assert!(boss.get("/accounts").await.body.contains("街道受理"));
        assert_eq!(street.get("/accounts/7").await.status, StatusCode::OK);
        assert_eq!(street.get("/accounts/5").await.status, StatusCode::FORBIDDEN);
        let password = [("password", "换成另一个更长的密码")];
        let got = street.submit("/accounts", "/accounts/5/password", &password).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "not the city's password");
        let role = [("role", "desk"), ("place", "p1")];
        let got = street.submit("/accounts", "/accounts/7/roles/grant", &role).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "not at the city");
        town
    })
    .await;
}

#[tokio::test]
async fn ones_own_password_needs_the_old_one() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (mut here, mut there) = (faces.signed("陈制作").await, faces.signed("陈制作").await);
        let new = "换成另一个更长的密码";
        let fields = |old| [("old", old), ("password", new), ("again", new)];
        let got = here.submit("/me", "/me/password", &fields("不是原来的密码")).await;
        assert_eq!(got.status, StatusCode::CONFLICT);
        assert!(got.body.contains("原密码不对"), "{}", got.body);
        let got = here.submit("/me", "/me/password", &fields(PASSWORD)).await;
        assert_eq!(got.header("location"), "/me?done=password", "{}", got.body);
        assert_eq!(here.get("/me").await.status, StatusCode::OK);
        assert_eq!(there.get("/me").await.status, StatusCode::SEE_OTHER);
        town
    })
    .await;
}

async fn call(faces: &Faces, method: &str, path: &str, token: &str) -> super::Got {
    send(faces, method, path, token, "").await
}

async fn send(faces: &Faces, method: &str, path: &str, token: &str, body: &str) -> super::Got {
    let mut program = faces.browser();
    if !token.is_empty() {
        program.extra.push(("authorization", format!("Bearer {token}")));
    }
    let body = Body::from(body.to_owned());
    program.send(Method::from_str(method).unwrap(), path, body, false).await
}

#[tokio::test]
async fn a_token_does_what_it_is_for_where_its_account_may() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        admin(&town, &faces).await;
        account(&town, 6, "另一街道", &[(Role::Author, 100)]).await;
        let boss = Actor { account_id: 5, name: ADMIN.into(), rights: vec![(Role::Admin, 1)] };
        let mut tokens = Vec::new();
        for (account, scopes) in [(1, "alert"), (1, "read,desk,admin"), (6, "alert")] {
            let scopes = Scopes::parse(scopes).unwrap();
            let made = town.engine.add_token(&boss, account, "测试", scopes, 1).await;
            tokens.push(made.unwrap());
        }
        let form = serde_json::to_string(&town.flood_form()).unwrap();
        for (token, body, status) in [
            (&tokens[0], form.as_str(), 200),
            (&tokens[0], "{\"tittle\": 1}", 422),
            (&tokens[1], form.as_str(), 403),
            (&tokens[2], form.as_str(), 403),
        ] {
            let got = send(&faces, "POST", "/api/v1/alerts", token, body).await;
            assert_eq!(got.status, status, "{}", got.body);
        }
        let large = "x".repeat(API_BODY_BYTES + 1);
        let got = send(&faces, "POST", "/api/v1/alerts", &tokens[0], &large).await;
        assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(acts(&town, "alert.draft").await.len(), 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_token_is_shown_once_and_dies_with_its_day_or_its_account() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        let mut boss = admin(&town, &faces).await;
        let fields = [("for", "大屏"), ("scope", "read"), ("scope", "desk"), ("days", "1")];
        let page = boss.submit("/accounts/2", "/accounts/2/tokens", &fields).await;
        let (_, rest) = page.body.split_once("<code>").expect(&page.body);
        let token = rest.split('<').next().unwrap().to_owned();
        assert!(!boss.get("/accounts/2").await.body.contains(&token), "shown once");

        let me = call(&faces, "GET", "/api/v1/me", &token).await;
        assert_eq!(me.status, StatusCode::OK, "{}", me.body);
        let me: serde_json::Value = serde_json::from_str(&me.body).unwrap();
        assert_eq!(me["name"], "李签发");
        assert_eq!(me["scopes"], serde_json::json!(["read", "desk"]));
        assert_eq!(me["roles"].as_array().unwrap().len(), town.approver.rights.len());
        for (method, path, token, status) in [
            ("GET", "/api/v1/me", "", 401),
            ("GET", "/api/v1/me", "0123456789abcdef", 401),
            ("POST", "/api/v1/me", token.as_str(), 405),
            ("GET", "/api/v1/nothing", token.as_str(), 404),
        ] {
            let got = call(&faces, method, path, token).await;
            assert_eq!(got.status, status, "{method} {path}");
            assert_eq!(got.header("content-type"), "application/problem+json");
            let problem: serde_json::Value = serde_json::from_str(&got.body).unwrap();
            assert_eq!(problem["status"], status, "{problem}");
        }
        // A session's cookie is nobody here.
        assert_eq!(boss.get("/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
        town.clock.advance_machine_ms(86_400_000);
        let late = call(&faces, "GET", "/api/v1/me", &token).await;
        assert_eq!(late.status, StatusCode::UNAUTHORIZED);
        town
    })
    .await;
}

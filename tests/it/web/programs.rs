//! What pages do, programs can do as well: accounts, the first page, what residents and leaders
//! say by way of a hotline; and of every form of a page, which call does it or why none does.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::json;
use tongluo::domain::access::Role;
use tongluo::web::{API_CALLS, PAGES};

use super::client::{Client, client};
use super::{Faces, account, acts, let_in};
use crate::plant::HOME;
use crate::town::{Setup, on_both};

/// How a program does what a form of a page does.
enum By {
    /// These calls, all of them POST unless another method stands before the path.
    Calls(&'static [&'static str]),
    /// Not at all, for this reason.
    None(&'static str),
}

const FORMS: &[(&str, By)] = &[
    ("/l/{token}", By::Calls(&["/alerts/{alert}/rounds/{human}/{act}"])),
    ("/r/{token}", By::Calls(&["/alerts/{alert}/households/{household}/{word}"])),
    ("/alerts/new", By::Calls(&["/alerts", "/alerts/preview", "/alerts/{alert}/submit"])),
    ("/alerts/{uid}/edit", By::Calls(&["put /alerts/{alert}", "/alerts/{alert}/submit"])),
    ("/alerts/{uid}/update", By::Calls(&["/alerts/{alert}/update"])),
    ("/alerts/{uid}/approve", By::Calls(&["/alerts/{alert}/approve"])),
    ("/alerts/{uid}/return", By::Calls(&["/alerts/{alert}/return"])),
    ("/alerts/{uid}/countersign", By::Calls(&["/alerts/{alert}/countersign"])),
    ("/alerts/{uid}/withdraw", By::Calls(&["/alerts/{alert}/withdraw"])),
    ("/alerts/{uid}/discard", By::Calls(&["/alerts/{alert}/discard"])),
    ("/alerts/{uid}/end", By::Calls(&["/alerts/{alert}/end"])),
    ("/alerts/{uid}/extend", By::Calls(&["/alerts/{alert}/extend"])),
    ("/alerts/{uid}/narrow", By::Calls(&["/alerts/{alert}/narrow"])),
    ("/alerts/{uid}/roll", By::Calls(&["/alerts/{alert}/roll", "/alerts/{alert}/roll/confirm"])),
    ("/desk/{task}", By::Calls(&["/desk/{task}/{act}", "/alerts/{alert}/link"])),
    (
        "/lists/{list}",
        By::Calls(&["/lists/{list}/{act}", "/alerts/{alert}/link", "/alerts/{alert}/revoke"]),
    ),
    ("/login", By::None("a program has a token of its own; a password is typed by a person")),
    ("/logout", By::None("a token has no session: it is revoked, or its time runs out")),
    ("/setup", By::None("the one-time code is read in the log, by whoever sits at the machine")),
    ("/me/password", By::None("a person's own, proved by the old one in his session")),
    ("/accounts", By::Calls(&["/accounts"])),
    ("/accounts/{id}/roles/{act}", By::Calls(&["/accounts/{account}/roles/{act}"])),
    ("/accounts/{id}/password", By::Calls(&["/accounts/{account}/password"])),
    ("/accounts/{id}/disable", By::Calls(&["/accounts/{account}/disable"])),
    ("/accounts/{id}/tokens", By::Calls(&["/accounts/{account}/tokens"])),
    (
        "/accounts/{id}/tokens/{token}/revoke",
        By::Calls(&["/accounts/{account}/tokens/{token}/revoke"]),
    ),
];

#[test]
fn every_form_of_a_page_has_its_call_or_a_reason() {
    let forms: BTreeSet<&str> =
        PAGES.concat().into_iter().filter(|(method, _)| *method != "get").map(|p| p.1).collect();
    let known: BTreeMap<&str, &By> = FORMS.iter().map(|(path, by)| (*path, by)).collect();
    assert_eq!(known.len(), FORMS.len(), "a form stands twice");
    assert_eq!(known.keys().copied().collect::<BTreeSet<_>>(), forms);
    for (path, by) in known {
        match by {
            By::None(reason) => assert!(reason.len() > 20, "{path}"),
            By::Calls(calls) => {
                assert!(!calls.is_empty(), "{path}");
                for call in *calls {
                    let asked = call.split_once(' ').unwrap_or(("post", call));
                    assert!(API_CALLS.contains(&asked), "{path}: {asked:?} is no call");
                }
            }
        }
    }
}

#[tokio::test]
async fn programs_keep_accounts() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        account(&town, 5, "赵管理", &[(Role::Admin, 1)]).await;
        let faces = Faces::open(&town);
        let admin = client(&town, &faces, 5, "admin,read").await;
        let reader = client(&town, &faces, 5, "read").await;
        let new = json!({"name": "孙受理", "roles": [{"role": "desk", "place": "p1"}],
            "password": "值班室里的另一个密码"});
        reader.is_refused("POST", "/accounts", &new, 403, "scope admin").await;
        let odd = json!({"name": "孙受理", "roles": [{"role": "cook", "place": "p1"}]});
        admin.is_refused("POST", "/accounts", &odd, 422, "approver").await;
        let odd = json!({"name": "孙受理", "roles": [{"role": "desk", "place": "p0"}]});
        admin.is_refused("POST", "/accounts", &odd, 409, "p0").await;
        let made = admin.posts("/accounts", &new).await;
        let path = format!("/accounts/{}", made["account"]);
        let at = |act: &str| format!("{path}/{act}");
        assert_eq!(
            (&made["roles"][0]["place"], &made["has_password"]),
            (&json!("p1"), &json!(true))
        );
        admin.is_refused("POST", "/accounts", &new, 409, "已有人用").await;
        assert_eq!(faces.browser().sign_in("孙受理", "值班室里的另一个密码").await.status, 303);

        let role = json!({"role": "viewer", "place": "p2"});
        let given = admin.posts(&at("roles/grant"), &role).await;
        assert_eq!(given["roles"].as_array().unwrap().len(), 2, "{given}");
        let taken = admin.posts(&at("roles/revoke"), &role).await;
        assert_eq!(taken["roles"].as_array().unwrap().len(), 1, "{taken}");
        admin.is_refused("POST", &at("roles/lend"), &role, 404, "nothing under").await;
        let last = json!({"role": "admin", "place": "p1"});
        admin.is_refused("POST", "/accounts/5/roles/revoke", &last, 409, "最后一个").await;
        admin.is_refused("POST", &at("password"), &json!({"password": "短"}), 409, "密码").await;
        admin.posts(&at("password"), &json!({"password": "新的第三个值班室密码"})).await;

        let more = json!({"name": "热线", "scopes": ["desk"]});
        admin.is_refused("POST", &at("tokens"), &more, 403, "has not desk itself").await;
        let odd = json!({"name": "热线", "scopes": ["cook"]});
        admin.is_refused("POST", &at("tokens"), &odd, 422, "scopes").await;
        let token = json!({"name": "大屏", "scopes": ["read"], "days": 3});
        let secret = admin.posts(&at("tokens"), &token).await;
        let screen = Client { faces: &faces, token: secret["secret"].as_str().unwrap().to_owned() };
        assert_eq!(screen.gets("/me").await["name"], "孙受理");
        let shown = admin.gets(&path).await;
        assert!(!shown.to_string().contains(&screen.token), "shown once");
        let revoke = format!("tokens/{}/revoke", shown["tokens"][0]["token"]);
        admin.posts(&at(&revoke), &json!({})).await;
        admin.is_refused("POST", &at(&revoke), &json!({}), 404, "nothing under").await;
        screen.is_refused("GET", "/me", &json!({}), 401, "Bearer").await;

        assert!(admin.posts(&at("disable"), &json!({})).await["disabled_at"].is_i64());
        let closed = faces.browser().sign_in("孙受理", "新的第三个值班室密码").await;
        assert_ne!(closed.status, StatusCode::SEE_OTHER);
        admin.is_refused("GET", "/accounts/99999", &json!({}), 404, "nothing under").await;
        let all = admin.gets("/accounts").await;
        assert!(all["accounts"].as_array().unwrap().len() >= 4, "{all}");
        let journal = acts(&town, "account.change").await.join("\n");
        assert!(journal.contains("孙受理") && !journal.contains("值班室密码"), "{journal}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_hotline_passes_on_what_households_and_leaders_say() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        account(&town, 5, "赵管理", &[(Role::Admin, 1)]).await;
        account(&town, 6, "热线", &[(Role::Desk, 1)]).await;
        let faces = Faces::open(&town);
        let hotline = client(&town, &faces, 6, "read,desk").await;
        let reader = client(&town, &faces, 6, "read").await;
        let (uid, alert) = town.flood_order().await;
        town.seconds(120).await;
        let home = format!("/alerts/{uid}/households/c{}", HOME + 8);
        reader.is_refused("GET", &home, &json!({}), 403, "scope desk").await;
        let shown = hotline.gets(&home).await;
        assert_eq!((&shown["persons"], &shown["closed"]), (&json!(3), &json!(false)), "{shown}");
        assert!(shown["orders"][0]["text"].as_str().unwrap().contains("四明小学"), "{shown}");
        let left = format!("{home}/left");
        let said = json!({"key": "hotline-0001"});
        hotline.is_refused("POST", &left, &json!({}), 422, "key").await;
        hotline.is_refused("POST", &left, &json!({"key": "x"}), 409, "8 to 40").await;
        reader.is_refused("POST", &left, &said, 403, "scope desk").await;
        hotline.is_refused("POST", &format!("{home}/sing"), &said, 404, "nothing under").await;
        hotline.is_refused("POST", &format!("{home}/safe"), &said, 409, "in force").await;
        assert_eq!(hotline.posts(&left, &said).await["result"], "noted");
        assert_eq!(hotline.posts(&left, &said).await["result"], "again");
        assert_eq!(hotline.gets(&home).await["ask_back"], true);
        let all = json!({"key": "hotline-0002", "persons": 3});
        assert_eq!(hotline.posts(&left, &all).await["result"], "closed");
        town.seconds(5).await;
        assert_eq!(town.custody(alert).await.answered, 1);
        let help = format!("/alerts/{uid}/households/c{}/help-a", HOME + 7);
        hotline.posts(&help, &json!({"key": "hotline-0003"})).await;
        assert_eq!(hotline.gets("/desk").await["tasks"][0]["class"], 1);
        assert_eq!(hotline.gets("/home").await["desk"][0]["cards"], 1);
        let strange = format!("/alerts/{uid}/households/c0/left");
        hotline.is_refused("POST", &strange, &said, 409, "no household").await;
        let passed = acts(&town, "resident.relay").await;
        assert!(passed[0].contains("hotline-0001"), "{passed:?}");

        town.minutes(10).await;
        let offered = format!(
            "SELECT h.code, l.uid FROM list l JOIN human h ON h.id = l.human_id \
             WHERE l.alert_id = {alert} AND l.state = 1 ORDER BY l.id LIMIT 1"
        );
        let lists: Vec<(String, String)> = town.rows(&offered).await;
        let (human, list) = &lists[0];
        let round = |act: &str| format!("/alerts/{uid}/rounds/{human}/{act}");
        let word = |key: &str| json!({"key": key});
        assert_eq!(hotline.posts(&round("take"), &word("walker-0001")).await["result"], "noted");
        let shown = hotline.gets(&format!("/lists/{list}")).await;
        assert_eq!(shown["state"], "taken", "{shown}");
        let door = shown["open"][0]["household"].clone();
        hotline.is_refused("POST", &round("told"), &word("walker-0002"), 422, "household").await;
        let nobody = json!({"key": "walker-0003", "household": door});
        assert_eq!(hotline.posts(&round("nobody"), &nobody).await["result"], "noted");
        hotline.posts(&round("pass"), &word("walker-0004")).await;
        assert_ne!(hotline.gets(&format!("/lists/{list}")).await["state"], "taken");
        town
    })
    .await;
}

#[tokio::test]
async fn the_first_page_as_a_document() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        account(&town, 5, "赵管理", &[(Role::Admin, 1)]).await;
        let faces = Faces::open(&town);
        let reader = client(&town, &faces, 2, "read").await;
        let quiet = reader.gets("/home").await;
        assert_eq!((&quiet["live"], &quiet["unwoken"]), (&json!([]), &json!(0)), "{quiet}");
        let lights = quiet["readiness"].as_array().unwrap();
        let named = |name: &str| lights.iter().any(|one| one["name"] == name);
        assert!(named("底册") && lights.len() >= 5, "{quiet}");
        let (uid, _) = town.flood_order().await;
        town.minutes(7).await;
        let night = reader.gets("/home").await;
        assert_eq!(
            (&night["live"][0]["alert"], &night["live"][0]["state"]),
            (&json!(uid), &json!("live"))
        );
        assert_eq!(night["unwoken_named"], json!([]), "a token for figures shows no names");
        assert!(night["lists_untaken"].as_i64().unwrap() > 0, "{night}");
        town
    })
    .await;
}

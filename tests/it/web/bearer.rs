//! What must change nothing, or nothing twice: looks, robots, forms that are not of this page, taps
//! sent again; links that open nothing; and how small a page of a long list is.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Method, StatusCode};
use tongluo::domain::need::Need;
use tongluo::domain::standing::Whereabouts;

use super::phone::{Phone, code, field, offered, standing};
use crate::plant::{Layout, leader};
use crate::town::{Setup, on_both};

#[tokio::test]
async fn nothing_but_a_tap_of_this_page_changes_anything() {
    on_both(Setup::default(), async |town| {
        let (_, alert, faces, phone) = offered(&town).await;
        let before = town.custody(alert).await;
        let counts = "SELECT (SELECT count(*) FROM statement) + (SELECT count(*) FROM list \
                      WHERE state <> 1) + (SELECT count(*) FROM summons WHERE woken_at > 0)";
        assert_eq!(town.count(counts).await, 0);
        let path = phone.path.clone();
        let shown = "SELECT count(*) FROM journal WHERE act = 'list.shown'";
        // Robots that draw previews get a page without anybody's name and leave no trace.
        for (name, value) in [
            ("user-agent", "Slackbot-LinkExpanding 1.0"),
            ("user-agent", "facebookexternalhit/1.1"),
            ("sec-purpose", "prefetch;prerender"),
            ("x-purpose", "preview"),
        ] {
            let mut robot = faces.browser();
            robot.extra = vec![(name, value.to_owned())];
            let got = robot.get(&path).await;
            assert_eq!(got.status, StatusCode::OK);
            assert!(!got.body.contains("王家") && !got.body.contains("第1网格"), "{}", got.body);
            assert!(!got.body.contains("tel:+"), "{}", got.body);
            let opened = robot.get(&format!("{path}?open=1")).await;
            assert!(opened.body.contains("我来接手"), "a person comes through");
        }
        let mut head = faces.browser();
        let got = head.send(Method::HEAD, &path, Body::empty(), false).await;
        assert_eq!((got.status, got.body.len()), (StatusCode::OK, 0));
        assert_eq!(town.count(shown).await, 1, "looks of persons are noted, once in a while");
        assert_eq!(town.count(counts).await, 0);
        assert_eq!(town.custody(alert).await, before);

        town
    })
    .await;
}

#[tokio::test]
async fn a_form_that_is_not_of_this_page_does_nothing() {
    on_both(Setup::default(), async |town| {
        let (_, alert, faces, mut phone) = offered(&town).await;
        let (path, before) = (phone.path.clone(), town.custody(alert).await);
        let page = phone.browser.get(&path).await;
        for name in ["cache-control", "x-robots-tag", "referrer-policy"] {
            assert!(page.header(name).contains("no"), "{name}: {:?}", page.headers);
        }
        assert!(page.headers.get("set-cookie").is_none());
        let (nonce, key) = (field(&page, "nonce"), field(&page, "key"));
        let far = [("sec-fetch-site", "cross-site".to_owned())];
        for (fields, extra) in [
            (vec![("do", "take"), ("key", &*key)], &[][..]),
            (vec![("do", "take"), ("key", &key), ("nonce", "0000000000000")], &[]),
            (vec![("do", "take"), ("key", &key), ("nonce", &nonce)], &far),
        ] {
            let mut cheat = faces.browser();
            cheat.extra = extra.to_vec();
            let got = cheat.post(&path, &fields).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{fields:?}");
            assert!(got.body.contains("没有执行"), "{}", got.body);
        }
        let odd = [("do", "take"), ("key", "a,b,c,d,e,f"), ("nonce", &*nonce)];
        let got = phone.browser.post(&path, &odd).await;
        assert!(got.header("location").contains("did=unfit"), "{:?}", got.headers);
        let odd = [("do", "boo"), ("key", &*key), ("nonce", &nonce), ("door", "c1")];
        let got = phone.browser.post(&path, &odd).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        // A door that is on nobody's list of his.
        let odd = [("do", "told"), ("key", &*key), ("nonce", &nonce), ("door", "c9")];
        let got = phone.browser.post(&path, &odd).await;
        assert!(got.header("location").contains("did=unfit"), "{:?}", got.headers);
        let sum = "SELECT (SELECT count(*) FROM statement) + (SELECT count(*) FROM list \
                   WHERE state <> 1)";
        assert_eq!(town.count(sum).await, 0);
        assert_eq!(town.custody(alert).await, before);
        // A page left open for a day is too old; opened again it works.
        town.clock.advance_machine_ms(25 * 3_600_000);
        let late = [("do", "take"), ("key", &*key), ("nonce", &nonce)];
        assert_eq!(phone.browser.post(&path, &late).await.status, StatusCode::FORBIDDEN);
        phone.presses(&town, "take", &[]).await;
        town
    })
    .await;
}

#[tokio::test]
async fn a_tap_sent_twice_is_done_once_and_a_late_one_keeps_its_time() {
    on_both(Setup::default(), async |town| {
        let (_, alert, _faces, mut phone) = offered(&town).await;
        phone.presses(&town, "take", &[]).await;
        let page = phone.browser.get(&phone.path).await;
        let (nonce, door) = (field(&page, "nonce"), code(6));
        let tap = [
            ("do", "nobody"),
            ("nonce", &nonce),
            ("key", "0123456789abcdef"),
            ("door", &door),
            ("age", "120000"),
        ];
        for _ in 0..3 {
            let got = phone.browser.post(&phone.path, &tap).await;
            assert_eq!(got.status, StatusCode::SEE_OTHER);
            town.seconds(5).await;
        }
        let rows: Vec<(i64, i64)> = town.rows("SELECT observed_at, stored_at FROM statement").await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].1 - rows[0].0, 120_000);
        let journaled = "SELECT count(*) FROM journal WHERE act = 'list.tick'";
        assert_eq!(town.count(journaled).await, 1);
        // What was seen before is not undone by a tap that arrives later.
        let moved =
            [("do", "moved-kin"), ("nonce", &nonce), ("key", "fedcba9876543210"), ("door", &door)];
        phone.browser.post(&phone.path, &moved).await;
        let old = [
            ("do", "refused-other"),
            ("nonce", &nonce),
            ("key", "aaaabbbbccccdddd"),
            ("door", &door),
            ("age", "300000"),
        ];
        phone.browser.post(&phone.path, &old).await;
        assert_eq!(standing(&town, 6).await, (true, Whereabouts::Evacuated, 0, 0));
        let held = town.custody(alert).await;
        assert_eq!((held.answered, held.open_list), (1, 5), "{held:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn no_link_tells_whether_it_ever_was_one() {
    on_both(Setup::default(), async |town| {
        let (uid, _, faces, phone) = offered(&town).await;
        let human = format!("h{}", leader(0));
        town.engine.revoke_link(&town.approver, &uid, &human).await.unwrap();
        let dead = Phone::new(&faces, &town, leader(0)).path;
        assert_eq!(dead, phone.path);
        let mut said = Vec::new();
        for path in [&*dead, "/l/0000000000000", "/l/x", "/r/0000000000000"] {
            let got = faces.browser().get(path).await;
            assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}");
            assert!(got.body.contains("这个链接打不开"), "{}", got.body);
            said.push(got.body);
            let got = faces.browser().post(path, &[("do", "take"), ("nonce", "x")]).await;
            assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}");
        }
        assert!(said.windows(2).all(|pair| pair[0] == pair[1]));
        // Whoever goes on trying waits.
        let mut last = StatusCode::OK;
        for n in 0..40 {
            last = faces.browser().get(&format!("/l/000000000{n:04}")).await.status;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
        let ready = faces.browser().get("/readyz").await.body;
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        assert_eq!(ready["links_not_found"], 30, "{ready}");
        town.clock.advance_machine_ms(60_000);
        let got = faces.browser().get("/l/x").await;
        assert_eq!(got.status, StatusCode::NOT_FOUND);
        town
    })
    .await;
}

#[tokio::test]
async fn wrong_links_from_the_same_address_shut_nobody_out_who_has_a_good_one() {
    on_both(Setup::default(), async |town| {
        let (_, _, faces, mut phone) = offered(&town).await;
        for n in 0..40 {
            faces.browser().get(&format!("/l/000000000{n:04}")).await;
        }
        let missed = faces.browser().get("/l/0000000000000").await;
        assert_eq!(missed.status, StatusCode::TOO_MANY_REQUESTS);
        // The carrier puts the whole street behind one address.
        let got = faces.browser().get(&phone.path).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.body);
        phone.presses(&town, "take", &[]).await;
        assert_eq!(town.count("SELECT count(*) FROM list WHERE state <> 1").await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_list_of_four_hundred_doors_is_a_small_page() {
    let setup = Setup {
        layout: Layout {
            buildings: 8,
            homes: 50,
            must_move_every: 1,
            fragile_every: 3,
            ..Layout::default()
        },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        // Everybody fragile has every need there is.
        let all = Need::ALL.iter().fold(0, |sum, need| sum | need.bit());
        town.break_in(&format!("UPDATE household SET needs = {all} WHERE needs > 0")).await;
        let (_, _, _faces, mut phone) = offered(&town).await;
        let first = phone.looks().await;
        assert!(first.contains("<b>400</b>户未应答"), "{first}");
        let (doors, pages) = all_pages(&mut phone).await;
        assert_eq!((doors.len(), pages), (400, 20));
        assert!(first.contains("带上：<b>担架、轮椅、两个人去、车"), "{first}");
        // The worst page: doors where somebody stood twice, and done ones folded below.
        let page = phone.browser.get(&phone.path).await;
        let nonce = field(&page, "nonce");
        for (n, door) in doors.iter().take(40).enumerate() {
            let what = if n < 20 { &["moved-kin"][..] } else { &["nobody", "refused-family"] };
            for what in what {
                let key = format!("{what}-{n}");
                let tap = [("do", *what), ("nonce", &nonce), ("key", &key), ("door", door)];
                phone.browser.post(&phone.path, &tap).await;
            }
        }
        let (left, pages) = all_pages(&mut phone).await;
        assert_eq!((left.len(), pages), (380, 19));
        town
    })
    .await;
}

/// Every door over all pages, each of which is small and tells of nobody what he suffers from.
async fn all_pages(phone: &mut Phone) -> (BTreeSet<String>, usize) {
    let (mut doors, mut pages, mut path) = (BTreeSet::new(), 0, phone.path.clone());
    loop {
        let page = phone.browser.get(&path).await;
        assert!(page.body.len() < 55 * 1024, "{} bytes", page.body.len());
        for part in page.body.split("<li class=\"door").skip(1) {
            let code = part.split("id=\"d-").nth(1).unwrap().split('"').next().unwrap();
            assert!(doors.insert(code.to_owned()), "{code} twice");
        }
        let chinese = ["卧床", "透析", "吸氧", "残疾", "痴呆", "怀孕", "孕妇", "聋", "盲"];
        for word in Need::ALL.map(Need::word).into_iter().chain(chinese) {
            assert!(!page.body.contains(word), "{word}");
        }
        // A number is there to be dialled and nowhere to be read.
        let numbers = page.body.matches("+86").count();
        assert_eq!(numbers, page.body.matches("href=\"tel:+86").count());
        pages += 1;
        let Some((_, next)) = page.body.split_once("?after=") else {
            return (doors, pages);
        };
        path = format!("{}?after={}", phone.path, next.split(['"', '&']).next().unwrap());
    }
}

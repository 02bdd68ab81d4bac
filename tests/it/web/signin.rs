//! Signing in and out, and forms that are not ours.

use http::StatusCode;

use tongluo::base::limits::{SESSION_IDLE_MS, SESSION_MS};
use tongluo::domain::access::Role;
use tongluo::domain::guessing::PAIR;

use super::{Browser, Faces, PASSWORD, account, acts, let_in};
use crate::town::{Setup, on_both};

/// The session's cookie; without TLS it has no prefix.
const SESSION: &str = "tongluo";

#[tokio::test]
async fn an_official_signs_in_and_out_again() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut browser = faces.browser();
        let got = browser.get("/?from=sms").await;
        assert_eq!(
            (got.status, got.header("location")),
            (StatusCode::SEE_OTHER, "/login?to=%2F%3Ffrom%3Dsms")
        );
        let fields = [("name", "陈制作"), ("password", PASSWORD), ("to", "/?from=sms")];
        let got = browser.submit("/login?to=%2F%3Ffrom%3Dsms", "/login", &fields).await;
        assert_eq!((got.status, got.header("location")), (StatusCode::SEE_OTHER, "/?from=sms"));
        let home = browser.get("/").await;
        assert_eq!(home.status, StatusCode::OK);
        assert!(home.body.contains("陈制作"), "{}", home.body);
        let old = browser.clone();
        let got = browser.submit("/", "/logout", &[]).await;
        assert_eq!(got.header("location"), "/login?out=1");
        for mut browser in [browser, old] {
            assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
        }
        town
    })
    .await;
}

#[tokio::test]
async fn a_session_chosen_by_another_is_not_signed_in() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let value = |browser: &Browser| {
            let kept = browser.jar.iter().find(|(name, _)| name == SESSION);
            kept.map(|(_, value)| value.clone())
        };
        let carries = |value: &str| {
            let mut browser = faces.browser();
            browser.jar.push((SESSION.into(), value.into()));
            browser
        };
        // A word that somebody put into this browser, and then a session of his own.
        let made_up = "A".repeat(43);
        let his = value(&faces.signed("李签发").await).unwrap();
        for chosen in [made_up, his] {
            let mut victim = carries(&chosen);
            let sent = victim.get("/login").await;
            let form = match sent.status {
                StatusCode::OK => sent.csrf(),
                _ => victim.get("/").await.csrf(),
            };
            let fields = [("name", "陈制作"), ("password", PASSWORD), ("csrf", &*form)];
            let got = victim.post("/login", &fields).await;
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
            let own = value(&victim).unwrap();
            assert_ne!(own, chosen, "the session is a new one");
            let home = victim.get("/").await;
            assert!(home.body.contains("陈制作"), "{}", home.body);
            let other = carries(&chosen).get("/").await;
            assert_eq!(other.status, StatusCode::SEE_OTHER, "what was chosen opens nothing");
        }
        let open = town.count("SELECT count(*) FROM session").await;
        assert_eq!(open, 2, "the victim's two; the one that was brought in has ended");
        town
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_the_same() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut said = Vec::new();
        for name in ["陈制作", "没有这个人"] {
            let got = faces.browser().sign_in(name, "不是这个密码吧").await;
            assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
            let csrf = got.csrf();
            said.push(got.body.replace(name, "某").replace(&csrf, ""));
        }
        assert_eq!(said[0], said[1]);
        town
    })
    .await;
}

#[tokio::test]
async fn a_form_that_is_not_ours_does_nothing() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut browser = faces.signed("陈制作").await;
        let mut other = faces.signed("李签发").await;
        let theirs = other.get("/").await.csrf();
        let ours = browser.get("/").await.csrf();
        for fields in [&[][..], &[("csrf", "")], &[("csrf", "x")], &[("csrf", theirs.as_str())]] {
            let got = browser.post("/logout", fields).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{fields:?}");
        }
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.cn"),
        ] {
            let mut browser = browser.clone();
            browser.extra.push((name, value.into()));
            let got = browser.post("/logout", &[("csrf", &ours)]).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{name}: {value}");
        }
        assert_eq!(browser.get("/").await.status, StatusCode::OK, "still signed in");
        browser.extra.push(("sec-fetch-site", "same-origin".into()));
        assert_eq!(browser.post("/logout", &[("csrf", &ours)]).await.status, StatusCode::SEE_OTHER);
        town
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_by_itself_and_with_its_account() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        account(&town, 7, "王查看", &[(Role::Viewer, 1)]).await;
        let faces = Faces::open(&town);
        let mut idle = faces.signed("陈制作").await;
        let mut busy = faces.signed("陈制作").await;
        let mut closed = faces.signed("王查看").await;
        assert_eq!(closed.get("/").await.status, StatusCode::OK);
        town.break_in("UPDATE account SET disabled_at = 1 WHERE id = 7").await;
        assert_eq!(closed.get("/").await.status, StatusCode::SEE_OTHER);
        let step = SESSION_IDLE_MS - 60_000;
        let mut gone = 0;
        while gone + step < SESSION_MS {
            town.clock.advance_machine_ms(step);
            gone += step;
            assert_eq!(busy.get("/").await.status, StatusCode::OK, "after {gone} ms");
        }
        assert_eq!(idle.get("/").await.status, StatusCode::SEE_OTHER, "idle for too long");
        town.clock.advance_machine_ms(SESSION_MS - gone);
        assert_eq!(busy.get("/").await.status, StatusCode::SEE_OTHER, "a shift is over");
        town
    })
    .await;
}

#[tokio::test]
async fn whoever_guesses_waits_and_the_duty_officer_does_not() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut officer = faces.signed("陈制作").await;
        officer.submit("/", "/logout", &[]).await;
        for name in ["陈制作", "没有这个人"] {
            let mut guesser = faces.browser();
            for n in 0..=PAIR.free {
                let got = guesser.sign_in(name, "不是这个密码吧").await;
                assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}, attempt {n}");
            }
            let got = guesser.sign_in(name, PASSWORD).await;
            assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS, "{name}");
            assert!(got.body.contains("请过2秒再试"), "{}", got.body);
        }
        let back = officer.sign_in("陈制作", PASSWORD).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "his own browser is not held up");
        let mut elsewhere = faces.browser();
        let held = elsewhere.sign_in("陈制作", PASSWORD).await;
        assert_eq!(held.status, StatusCode::TOO_MANY_REQUESTS, "no other browser is his");
        town.clock.advance_machine_ms(2_000);
        assert_eq!(elsewhere.sign_in("陈制作", PASSWORD).await.status, StatusCode::SEE_OTHER);
        let held = acts(&town, "session.held").await;
        assert_eq!(held.len(), 2, "{held:?}");
        assert!(held[0].contains("陈制作") && !held[1].contains("没有这个人"), "{held:?}");
        assert_eq!(acts(&town, "session.open").await.len(), 3);
        town
    })
    .await;
}

#[tokio::test]
async fn many_at_once_are_counted_and_bounded() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut browser = faces.browser();
        let csrf = browser.get("/login").await.csrf();
        let fields = [("name", "陈制作"), ("password", "不是这个密码吧"), ("csrf", csrf.as_str())];
        let calls = (0..60).map(|_| {
            let mut browser = browser.clone();
            async move { browser.post("/login", &fields).await.status }
        });
        let answers = futures_util::future::join_all(calls).await;
        let wrong = answers.iter().filter(|status| **status == 422).count();
        assert_eq!(wrong, usize::try_from(PAIR.free).unwrap() + 1, "{answers:?}");
        assert!(answers.iter().all(|status| [422, 429, 503].contains(&status.as_u16())));
        town
    })
    .await;
}

//! What every answer has, whatever the route: security headers, a page for what does not exist,
//! bounds, and dress that is kept.

use axum::body::Body;
use http::{Method, StatusCode};
use tongluo::web::WebSettings;

use super::{Faces, let_in};
use crate::town::{Setup, on_both};

const ROUTES: &[&str] =
    &["/", "/login", "/nowhere", "/healthz", "/readyz", "/hooks/practice", "/assets/1/page.css"];

#[tokio::test]
async fn every_answer_keeps_browsers_from_harm() {
    on_both(Setup::default(), async |town| {
        for url in [None, Some("https://alert.example.cn".to_owned())] {
            let tls = url.is_some();
            let settings = WebSettings { public_url: url, ..WebSettings::default() };
            let faces = Faces::open_with(&town, settings);
            for path in ROUTES {
                let got = faces.browser().get(path).await;
                let policy = got.header("content-security-policy");
                for needs in ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
                    assert!(policy.contains(needs), "{path}: {policy}");
                }
                assert!(!policy.contains("unsafe"), "{path}: {policy}");
                assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
                assert_eq!(got.header("referrer-policy"), "no-referrer", "{path}");
                assert_eq!(!got.header("strict-transport-security").is_empty(), tls, "{path}");
                if let Some(cookie) = got.headers.get("set-cookie") {
                    let cookie = cookie.to_str().unwrap();
                    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
                    assert_eq!(cookie.contains("Secure"), tls, "{cookie}");
                    assert_eq!(cookie.starts_with("__Host-"), tls, "{cookie}");
                }
            }
        }
        town
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_said_on_a_page() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        let got = faces.browser().get("/nowhere").await;
        assert_eq!(got.status, StatusCode::NOT_FOUND);
        assert!(got.body.contains("没有这个页面"), "{}", got.body);
        assert!(got.body.contains("练习系统"), "a practice installation says so: {}", got.body);
        let got = faces.browser().get("/logout").await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(got.body.contains("不能这样打开"), "{}", got.body);
        let got = faces.browser().get("/healthz/x").await;
        assert_eq!(got.status, StatusCode::NOT_FOUND);
        let got = faces.browser().send(Method::DELETE, "/login", Body::empty(), false).await;
        assert!(got.status.is_client_error(), "{}", got.status);
        town
    })
    .await;
}

#[tokio::test]
async fn a_form_has_bounds() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut browser = faces.browser();
        let long = "汛".repeat(40_000);
        let got = browser.submit("/login", "/login", &[("name", &long)]).await;
        assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(got.body.contains("内容太长"), "{}", got.body);
        let got = browser.submit("/login", "/login", &[("name", "陈\0制作")]).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        let got = browser.send(Method::POST, "/login", Body::from("{}"), false).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        town
    })
    .await;
}

#[tokio::test]
async fn a_page_is_small_and_its_dress_is_kept() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        let page = faces.browser().get("/login").await;
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(page.body.len() < 60 * 1024);
        assert!(!page.body.contains("http"), "nothing from elsewhere: {}", page.body);
        for name in ["page.css", "page.js", "icon.svg"] {
            let (before, _) = page.body.split_once(name).expect(name);
            let at = before.rfind("\"/assets/").unwrap() + 1;
            let path = format!("{}{name}", &before[at..]);
            let asset = faces.browser().get(&path).await;
            assert_eq!(asset.status, StatusCode::OK, "{path}");
            assert!(asset.header("cache-control").contains("immutable"), "{path}");
            assert!(asset.headers.get("set-cookie").is_none(), "{path}");
        }
        let other = faces.browser().get("/assets/0/page.css").await;
        assert_eq!(other.header("cache-control"), "no-store");
        assert_eq!(faces.browser().get("/assets/0/other").await.status, StatusCode::NOT_FOUND);
        town
    })
    .await;
}

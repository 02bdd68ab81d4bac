//! Signatures against the sheet's vectors, and what a post and its answer are.

use super::*;

const AT: Moment = Moment { now_ms: 1_782_871_384_000, nonce: 7 };

fn vectors(kind: &str) -> Vec<Value> {
    let file = include_str!("../../../tests/fixtures/vectors_wechat.json");
    let file: Value = serde_json::from_str(file).unwrap();
    file["kinds"][kind]["vectors"].as_array().unwrap().clone()
}

fn robot(kind: &str, secret: Option<&str>) -> Robot {
    let text =
        format!("name = \"r\"\nkind = \"{kind}\"\nrealm = \"practice\"\nplace = \"330281001\"\n");
    let mut given = vec![("webhook", "http://127.0.0.1:8700/robot?key=k-1")];
    given.extend(secret.map(|secret| ("secret", secret)));
    Robot::open(&toml::from_str(&text).unwrap(), &given).unwrap()
}

#[test]
fn both_signatures_are_the_vectors() {
    let all = vectors("dingtalk_sign");
    assert_eq!(all.len(), 2);
    for vector in all {
        let (secret, at) = (vector["inputs"]["secret"].as_str().unwrap(), &vector["inputs"]);
        let sign = dingtalk_sign(secret, at["timestamp_ms"].as_i64().unwrap());
        assert_eq!(sign, vector["expected"]["sign_base64"]);
        let at = Moment { now_ms: at["timestamp_ms"].as_i64().unwrap(), nonce: 1 };
        let request = robot("dingtalk", Some(secret)).write("甲", at).unwrap();
        let wanted = vector["expected"]["sign_urlencoded"].as_str().unwrap();
        assert!(request.uri().query().unwrap().ends_with(&format!("sign={wanted}")));
    }
    let all = vectors("feishu_sign");
    assert_eq!(all.len(), 2);
    for vector in all {
        let secret = vector["inputs"]["secret"].as_str().unwrap();
        let seconds = vector["inputs"]["timestamp_s"].as_i64().unwrap();
        let at = Moment { now_ms: seconds * 1_000 + 999, nonce: 1 };
        let request = robot("feishu", Some(secret)).write("甲", at).unwrap();
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["sign"], vector["expected"]["sign"]);
        assert_eq!(body["timestamp"], seconds.to_string());
    }
}

#[test]
fn a_post_is_bounded_and_cut_between_characters() {
    let request = robot("wecom", None).write(&format!("转移指令\n{}", "村".repeat(3_000)), AT);
    let body: Value = serde_json::from_slice(request.unwrap().body()).unwrap();
    let text = body["markdown"]["content"].as_str().unwrap();
    assert!(text.len() <= 4_096 && text.len() > 4_090 && text.ends_with('…'), "{}", text.len());
    assert!(text.starts_with("**转移指令**\n村"));
    assert_eq!(cut("村村", 6), "村村");
    assert_eq!(cut("村村村", 8), "村…");
}

#[test]
fn an_answer_says_what_to_do_next() {
    let said = |kind: &str, body: &'static str| {
        robot(kind, None).outcome(&Response::new(Bytes::from(body)))
    };
    for (kind, body, code, after) in [
        ("wecom", "{\"errcode\":0,\"errmsg\":\"ok\"}", 1, None),
        ("feishu", "{\"code\":0,\"msg\":\"success\"}", 1, None),
        ("wecom", "{\"errcode\":93000}", 2, None),
        ("dingtalk", "{\"errcode\":310000}", 2, None),
        ("feishu", "{\"code\":19021}", 2, None),
        ("wecom", "{\"errcode\":45009}", 4, Some(65_000)),
        ("dingtalk", "{\"errcode\":130101}", 4, Some(600_000)),
        ("feishu", "{\"code\":11232}", 4, Some(65_000)),
        ("dingtalk", "{\"errcode\":-1}", 3, None),
        ("wecom", "ok", 5, None),
    ] {
        let outcome = said(kind, body);
        assert_eq!((outcome.code(), outcome.after_ms()), (code, after), "{kind} {body}");
    }
}

#[test]
fn a_practice_robot_is_never_the_real_one() {
    let text = "name = \"r\"\nkind = \"wecom\"\nrealm = \"practice\"\nplace = \"1\"\n";
    let open = |text: &str, webhook: &str| {
        Robot::open(&toml::from_str(text).unwrap(), &[("webhook", webhook)])
    };
    let real = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k";
    assert!(open(text, real).is_err());
    let live = text.replace("practice", "live");
    assert!(open(&live, real).is_ok_and(|robot| robot.secrets().contains(&real.to_owned())));
    assert!(open(&live, "http://qyapi.weixin.qq.com/x").is_err());
    assert!(open(&live.replace("\"1\"", "\"\""), real).is_err());
}

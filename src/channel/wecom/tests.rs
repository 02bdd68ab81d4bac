//! Many members in one call, and the console's sealed question. Answers and callbacks are the
//! contract suite's, over `tests/fixtures/wecom`.

use super::*;

const AT: Moment = Moment { now_ms: 1_782_871_384_000, nonce: 7 };

fn codec(token: &str, key: &str, corp: &str) -> Wecom {
    let settings: WecomSettings = toml::from_str(&format!(
        "name = \"wecom-a\"\nrealm = \"live\"\ncorp_id = \"{corp}\"\nagent_id = 7\n"
    ))
    .unwrap();
    let given = [("corp_secret", "s-0123456789"), ("hook_token", token), ("hook_aes_key", key)];
    Wecom::new(&settings, &mut Opening::new("wecom-a", Realm::Live, &given)).unwrap()
}

fn ours() -> Wecom {
    codec("emergtoken", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "ww12")
}

fn message(to: &str, text: &str) -> Message {
    Message { to: to.into(), text: text.into(), reference: "b1.2~x".into() }
}

#[test]
fn members_share_a_call_and_each_has_his_outcome() {
    let codec = ours();
    let three = ["wecom:a", "wecom:B", "wecom:c"].map(|to| message(to, "请到村部"));
    let request = codec.request(&three, AT).unwrap();
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!((&body["touser"], &body["agentid"]), (&json!("a|B|c"), &json!(7)));
    assert_eq!(body["enable_duplicate_check"], 1);
    let said = "{\"errcode\":0,\"invaliduser\":\"b\",\"unlicenseduser\":\"c\",\"msgid\":\"m\"}";
    let outcomes = codec.outcomes(&three, &Response::new(Bytes::from(said)));
    assert_eq!(outcomes[0].external_id(), Some("m/a"));
    assert_eq!((outcomes[1].detail(), outcomes[1].code()), ("invaliduser", 2));
    assert_eq!((outcomes[2].detail(), outcomes[2].code()), ("unlicenseduser", 3));
    let long = "村".repeat(683);
    for (to, text) in
        [("wx:a", "x"), ("wecom:a|b", "x"), ("wecom:", "x"), ("wecom:a", long.as_str())]
    {
        assert_eq!(codec.lot(&message(to, text)).unwrap_err().code(), 3, "{to}");
    }
    let two = [message("wecom:a", "甲"), message("wecom:b", "乙")];
    assert!(codec.request(&two, AT).is_err(), "one text a call");
}

#[test]
fn the_vendors_own_question_is_answered() {
    let file = include_str!("../../../tests/fixtures/vectors_wechat.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let vector = &file["kinds"]["wechat_decrypt_official"]["vectors"][0];
    let of = |name: &str| vector["inputs"][name].as_str().unwrap();
    let codec = codec(of("token"), of("encoding_aes_key"), of("receive_id"));
    let ask = |signature: &str| {
        let mut line = form_urlencoded::Serializer::new(String::new());
        line.append_pair("msg_signature", signature).append_pair("timestamp", of("timestamp"));
        line.append_pair("nonce", of("nonce")).append_pair("echostr", of("encrypt"));
        Request::get(format!("/h?{}", line.finish())).body(Bytes::new()).unwrap()
    };
    let good = vector["expected"]["msg_signature"].as_str().unwrap();
    let said = codec.greeting(&ask(good)).unwrap().unwrap();
    assert_eq!(said.body().as_ref(), b"1616140317555161061");
    assert_eq!(codec.greeting(&ask("0")).unwrap().err(), Some(HookFault::Forged));
}

//! What a template message is made of, the console's question, and the welcome. Answers and
//! callbacks are the contract suite's, over `tests/fixtures/official`.

use super::*;
use crate::channel::envelope::Words;

const AT: Moment = Moment { now_ms: 1_782_871_384_000, nonce: 7 };
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

fn codec() -> Official {
    let settings: OfficialSettings = toml::from_str(
        "name = \"official-a\"\nrealm = \"live\"\napp_id = \"wx12\"\n[[templates]]\n\
         code = \"T1\"\nsign = \"余姚市防指\"\ntext = \"${thing1}：${thing2}。收到回1\"\n",
    )
    .unwrap();
    let given =
        [("app_secret", "s-0123456789"), ("hook_token", "emergtoken"), ("hook_aes_key", KEY)];
    Official::new(&settings, &mut Opening::new("official-a", Realm::Live, &given)).unwrap()
}

fn message(to: &str, text: &str) -> Message {
    Message { to: to.into(), text: text.into(), reference: format!("b1.2~{}", "x".repeat(40)) }
}

#[test]
fn one_follower_a_call_with_the_words_of_the_order() {
    let codec = codec();
    let one = [message("wx:oA1", "【余姚市防指】转移指令：3点前离家。收到回1")];
    let request = codec.request(&one, AT).unwrap();
    assert_eq!(request.uri().path(), "/cgi-bin/message/template/send");
    assert!(request.uri().query().is_none(), "the token is put on it later");
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!((&body["touser"], &body["template_id"]), (&json!("oA1"), &json!("T1")));
    assert_eq!(body["data"]["thing2"]["value"], "3点前离家");
    assert_eq!(body["client_msg_id"].as_str().unwrap().len(), 32);
    let far = format!("【余姚市防指】转移指令：{}。收到回1", "远".repeat(21));
    for (to, text, why) in [
        ("wx:oA1", "【余姚市防指】转移指令：3点前离家", "no_template"),
        ("wx:oA1", far.as_str(), "no_template"),
        ("+8613800138000", "【余姚市防指】转移指令：3点前离家。收到回1", "not_this_account"),
    ] {
        let outcome = codec.lot(&message(to, text)).unwrap_err();
        assert_eq!((outcome.detail(), outcome.code()), (why, 3), "{text}");
    }
    let ask = codec.keyed().unwrap().ask(true).unwrap();
    assert_eq!(ask.uri().path(), "/cgi-bin/stable_token");
    assert!(std::str::from_utf8(ask.body()).unwrap().contains("\"force_refresh\":true"));
}

#[test]
fn the_console_hears_its_own_word_and_nobody_else_does() {
    let codec = codec();
    let signature = codec.envelope.signature(&["1782871384", "5"]);
    let line = |s: &str| format!("/h?signature={s}&timestamp=1782871384&nonce=5&echostr=%3Cb%3E");
    let get = |s: &str| Request::get(line(s)).body(Bytes::new()).unwrap();
    let said = codec.greeting(&get(&signature)).unwrap().unwrap();
    assert_eq!(said.body().as_ref(), b"<b>");
    assert_eq!(codec.greeting(&get("0")).unwrap().err(), Some(HookFault::Forged));
    assert!(codec.greeting(&Request::post(line(&signature)).body(Bytes::new()).unwrap()).is_none());
    assert_eq!(codec.callback(&get(&signature)), Err(HookFault::Forged));
}

#[test]
fn who_begins_to_follow_is_told_how_to_bind_his_home() {
    let codec = codec();
    let follower = |act| Follower {
        source_key: "k".into(),
        from: "wx:oA1".into(),
        act,
        scene: None,
        at: None,
    };
    let events = [Event::Follower(follower(FollowAct::Follow))];
    let said = codec.answer(&events, AT);
    let outer = Words::read(said.body()).unwrap();
    let line = format!(
        "timestamp={}&nonce={}&msg_signature={}",
        outer.get("TimeStamp").unwrap(),
        outer.get("Nonce").unwrap(),
        outer.get("MsgSignature").unwrap()
    );
    let fields = crate::channel::door::form(line.as_bytes()).unwrap();
    let text = codec.envelope.open(&fields, outer.get("Encrypt").unwrap()).unwrap();
    let words = Words::read(&text).unwrap();
    assert_eq!(words.get("ToUserName"), Some("oA1"));
    assert!(words.get("Content").unwrap().contains("验证码"));
    let gone = [Event::Follower(follower(FollowAct::Leave))];
    assert_eq!(codec.answer(&gone, AT).body().as_ref(), b"success");
    assert_eq!(codec.answer(&[], AT).body().as_ref(), b"success");
}

//! Sealed callbacks against a library written by others (tests/wechatpy): what it seals we open,
//! what we seal it opens, and neither takes what was touched. Without the library it says that it
//! is skipped, unless REQUIRE_SERVERS=1.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use tongluo::channel::registry::ProviderSettings;
use tongluo::channel::{Event, FollowAct, Follower, HookFault, Moment, Provider};

const TOKEN: &str = "emergtoken";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const APP: &str = "wx12";

struct Library {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Library {
    fn open(python: &str) -> Library {
        let mut child = Command::new(python)
            .args(["tests/wechatpy/peer.py", TOKEN, KEY, APP])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter that tests/run.sh makes");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Library { child, input, output }
    }

    fn ask(&mut self, asked: Value) -> Value {
        writeln!(self.input, "{asked}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn account() -> Provider {
    let settings: ProviderSettings = toml::from_str(&format!(
        "kind = \"official\"\nname = \"official-a\"\nrealm = \"live\"\napp_id = \"{APP}\"\n\
         [[templates]]\ncode = \"T1\"\nsign = \"余姚市防指\"\ntext = \"${{thing1}}\"\n"
    ))
    .unwrap();
    let secrets = [("app_secret", "s-0123456789"), ("hook_token", TOKEN), ("hook_aes_key", KEY)];
    settings.open(&secrets).unwrap()
}

fn hook(body: &str, signature: &str) -> Request<Bytes> {
    let line = format!("/hooks/x?msg_signature={signature}&timestamp=1782871384&nonce=5");
    Request::post(line).body(Bytes::from(body.to_owned())).unwrap()
}

#[test]
fn a_library_of_others_and_we_open_what_the_other_sealed() {
    let Ok(python) = std::env::var("TONGLUO_WECHATPY") else {
        assert!(std::env::var("REQUIRE_SERVERS").is_err(), "TONGLUO_WECHATPY is not set");
        eprintln!("skipped: TONGLUO_WECHATPY is not set; tests/run.sh sets it");
        return;
    };
    let (mut library, account) = (Library::open(&python), account());
    let codec = account.http().unwrap();
    for length in 0..70 {
        let text = "村".repeat(length);
        let xml = format!(
            "<xml><ToUserName>gh</ToUserName><FromUserName>oA1</FromUserName>\
             <CreateTime>1782871384</CreateTime><MsgType>text</MsgType>\
             <Content><![CDATA[{text}]]></Content><MsgId>7</MsgId></xml>"
        );
        let sealed = library.ask(json!({"seal": xml, "nonce": "5", "time": "1782871384"}));
        let (body, signature) =
            (sealed["body"].as_str().unwrap(), sealed["signature"].as_str().unwrap());
        let events = codec.callback(&hook(body, signature)).unwrap();
        assert!(matches!(&events[..], [Event::Reply(reply)] if reply.text == text), "{length}");
        let forged = codec.callback(&hook(body, &signature.replace(['0', '1'], "2")));
        assert_eq!(forged, Err(HookFault::Forged));
    }
    for nonce in 1..40 {
        let follower = Follower {
            source_key: "k".into(),
            from: format!("wx:o{}", "A".repeat(nonce as usize)),
            act: FollowAct::Follow,
            scene: None,
            at: None,
        };
        let at = Moment { now_ms: 1_782_871_384_000, nonce };
        let said = codec.answer(&[Event::Follower(follower)], at);
        let body = String::from_utf8(said.body().to_vec()).unwrap();
        let opened = library.ask(json!({ "open": body }));
        assert!(opened["text"].as_str().is_some_and(|text| text.contains("验证码")), "{opened}");
        let touched = body.replacen("<MsgSignature><![CDATA[", "<MsgSignature><![CDATA[0", 1);
        let refused = library.ask(json!({ "open": touched }));
        assert_eq!(refused["refused"], "InvalidSignatureException");
    }
}

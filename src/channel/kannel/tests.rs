//! What sendsms is asked, as Debian's Kannel 1.4.5 took it, and how texts come back. Answers and
//! callbacks are the contract suite's, over `tests/fixtures/kannel`.

use super::*;

const AT: Moment = Moment { now_ms: 0, nonce: 1 };

fn settings() -> KannelSettings {
    KannelSettings {
        name: "kannel-a".into(),
        realm: Realm::Live,
        base_url: "http://127.0.0.1:13013".into(),
        path: sendsms(),
        username: "tongluo".into(),
        password_file: None,
        password_env: None,
        hook_key_file: None,
        hook_key_env: None,
        from: Some("10690001".into()),
        smsc: None,
        callback_url: "http://127.0.0.1:8600/hooks/kannel-a".into(),
        receipt_codes: BTreeMap::new(),
    }
}

fn build(settings: &KannelSettings) -> Result<Kannel, SettingsFault> {
    let given = [("password", "geheim0001"), ("hook_key", "hook_key_example_0001")];
    Kannel::new(settings, &mut Opening::new(&settings.name, settings.realm, &given))
}

fn message(reference: &str) -> Message {
    Message {
        to: "+8613800138000".into(),
        text: "【余姚市防指】请转移，收到回1".into(),
        reference: reference.into(),
    }
}

/// What Kannel makes of a `dlr-url`.
fn filled(url: &str, status: &str, answer: &str) -> String {
    let coded: String = form_urlencoded::byte_serialize(answer.as_bytes()).collect();
    let url = url.replace("%%", "\0").replace("%d", status).replace("%A", &coded);
    url.replace("%T", "1795869754").replace('\0', "%")
}

#[test]
fn a_message_is_a_post_with_its_headers() {
    let codec = build(&settings()).unwrap();
    let request = codec.request(&[message("b1.2~x")], AT).unwrap();
    assert_eq!(request.uri(), "http://127.0.0.1:13013/cgi-bin/sendsms");
    let headers = request.headers();
    for (name, value) in [
        ("content-type", "text/plain; charset=UTF-8"),
        ("x-kannel-username", "tongluo"),
        ("x-kannel-password", "geheim0001"),
        ("x-kannel-from", "10690001"),
        ("x-kannel-to", "+8613800138000"),
        ("x-kannel-coding", "2"),
        ("x-kannel-dlr-mask", "31"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers["x-kannel-password"].is_sensitive());
    assert_eq!(request.body(), "【余姚市防指】请转移，收到回1".as_bytes());
    let url = headers["x-kannel-dlr-url"].to_str().unwrap();
    let head = "http://127.0.0.1:8600/hooks/kannel-a?ref=b1.2~x&to=%%2B8613800138000&mark=";
    assert!(url.starts_with(head) && url.ends_with("&status=%d&answer=%A&at=%T"), "{url}");
}

#[test]
fn a_receipt_finds_its_message_whatever_its_reference_holds() {
    let codec = build(&settings()).unwrap();
    for reference in ["b1.2~x", "a/b&c=d%d+e", "é王%%P"] {
        let url = codec.dlr_url(&message(reference));
        let call = |status: &str, answer: &str| {
            let uri = filled(&url, status, answer);
            codec.callback(&Request::get(uri).body(Bytes::new()).unwrap()).unwrap()
        };
        let done = call("1", "");
        let [Event::Receipt(receipt)] = &done[..] else { panic!("{done:?}") };
        assert_eq!(receipt.reference.as_deref(), Some(reference));
        assert_eq!(receipt.callee.as_deref(), Some("+8613800138000"));
        assert_eq!(receipt.class, ReceiptClass::Delivered);
        assert_eq!(call("1", ""), done);
        assert_ne!(call("2", "stat:UNDELIV err:001"), done);
    }
}

#[test]
fn settings_overrule_the_code_behind_the_status() {
    let mut settings = settings();
    settings.receipt_codes.insert("2 UNDELIV 001".into(), ReceiptClass::AbsentNumber);
    let codec = build(&settings).unwrap();
    let uri = filled(&codec.dlr_url(&message("r")), "2", "id:1 stat:UNDELIV err:001 text:");
    let events = codec.callback(&Request::get(uri).body(Bytes::new()).unwrap()).unwrap();
    let [Event::Receipt(receipt)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(receipt.class, ReceiptClass::AbsentNumber);
}

#[test]
fn what_is_admitted_but_not_understood_is_shown_without_the_key() {
    let codec = build(&settings()).unwrap();
    let request = Request::get("/h?key=hook_key_example_0001&text=%E6%B0%B4");
    let events = codec.callback(&request.body(Bytes::new()).unwrap()).unwrap();
    let [Event::Reply(reply)] = &events[..] else { panic!("{events:?}") };
    assert!(reply.source_key.starts_with("unreadable:"));
    assert!(reply.text.contains("text=%E6%B0%B4") && !reply.text.contains("hook_key"));
}

#[test]
fn octets_are_read_whatever_they_are() {
    for (coded, octets) in [
        ("a+b%2B", &b"a b+"[..]),
        ("%e6%b0%b4", "水".as_bytes()),
        ("%", b"%"),
        ("%4", b"%4"),
        ("%zz%41", b"%zzA"),
        ("%+1", b"% 1"),
    ] {
        assert_eq!(octets_of(coded), octets, "{coded}");
    }
}

#[test]
fn faults_of_the_settings_are_named() {
    for (names, change) in [
        ("base_url", (|s| s.base_url = "http://10.0.0.5:13013".into()) as fn(&mut KannelSettings)),
        ("callback_url", |s| s.callback_url = "https://a.example/h?x=1".into()),
        ("callback_url", |s| s.callback_url = "https://a.example/%d".into()),
        ("username", |s| s.username = "".into()),
        ("from", |s| s.from = Some("\n".into())),
    ] {
        let mut bad = settings();
        change(&mut bad);
        let fault = build(&bad).err().unwrap().to_string();
        assert!(fault.contains(names) && fault.contains("kannel-a"), "{fault}");
    }
}

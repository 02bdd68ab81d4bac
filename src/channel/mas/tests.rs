//! The request against the sheet's vector, and the switches of an account. Answers and pushes are
//! the contract suite's, over `tests/fixtures/mas`.

use super::*;

const AT: Moment = Moment { now_ms: 0, nonce: 1 };

fn settings() -> MasSettings {
    MasSettings {
        name: "mas-a".into(),
        realm: Realm::Live,
        url: "https://mas.example.cn/sms/norsubmit".into(),
        ec_name: "青川县应急管理局".into(),
        ap_id: "emerg1".into(),
        secret_key_file: None,
        secret_key_env: None,
        send_secret_key: false,
        sign: "AbCdEfGhI".into(),
        sign_text: None,
        add_serial: String::new(),
        hook_key_file: None,
        hook_key_env: None,
        reply_fields: None,
        receipt_codes: BTreeMap::new(),
    }
}

fn build(settings: &MasSettings) -> Result<Mas, SettingsFault> {
    let given = [("secret_key", "Pass1234"), ("hook_key", "hook_key_example_0001")];
    Mas::new(settings, &mut Opening::new(&settings.name, settings.realm, &given))
}

fn message(to: &str, text: &str) -> Message {
    Message { to: to.into(), text: text.into(), reference: "r".into() }
}

#[test]
fn a_call_is_the_vector_byte_for_byte() {
    let file = include_str!("../../../tests/fixtures/mas/vectors.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let vector = &file["kinds"]["cmcc_mas_norsubmit"]["vectors"][0];
    let two = ["+8613800138000", "+8613900139000"].map(|to| message(to, "【测试】请立即撤离"));
    let request = build(&settings()).unwrap().request(&two, AT).unwrap();
    let body = std::str::from_utf8(request.body()).unwrap();
    assert_eq!(body, vector["expected"]["body_base64"]);
    let mac = build(&settings()).unwrap().mac("13800138000,13900139000", "【测试】请立即撤离");
    assert_eq!(mac, vector["expected"]["mac"]);
}

#[test]
fn an_account_may_want_its_key_sent_and_the_signature_left_to_it() {
    let mut settings = settings();
    settings.send_secret_key = true;
    settings.sign_text = Some("测试".into());
    let codec = build(&settings).unwrap();
    let request = codec.request(&[message("+8613800138000", "【测试】请撤离")], AT).unwrap();
    let body = STANDARD.decode(request.body()).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (body["content"].as_str(), body["secretKey"].as_str()),
        (Some("请撤离"), Some("Pass1234"))
    );
    let refused = codec.lot(&message("+8613800138000", "【演习】请撤离")).unwrap_err();
    assert_eq!(refused.detail(), "signature");
    assert_eq!(codec.lot(&message("+33612345678", "【测试】请撤离")).unwrap_err().code(), 2);
}

#[test]
fn a_reply_whose_members_nobody_named_is_shown_to_a_person() {
    let codec = build(&settings()).unwrap();
    let body = "{\"mobile\":\"13800138000\",\"smsContent\":\"收到\"}";
    let request = Request::post("/h?key=hook_key_example_0001").body(Bytes::from(body)).unwrap();
    assert!(matches!(codec.callback(&request), Err(HookFault::Malformed(_))));
}

#[test]
fn faults_of_the_settings_are_named() {
    for (names, change) in [
        (
            "url",
            (|s| s.url = "http://112.35.1.155:1992/sms/norsubmit".into()) as fn(&mut MasSettings),
        ),
        ("url", |s| {
            s.realm = Realm::Practice;
            s.url = "http://112.35.1.155:1992/sms/norsubmit".into();
        }),
        ("ec_name", |s| s.ec_name = "".into()),
        ("add_serial", |s| s.add_serial = "1a".into()),
        ("sign_text", |s| s.sign_text = Some("【测试】".into())),
    ] {
        let mut bad = settings();
        change(&mut bad);
        let fault = build(&bad).err().unwrap().to_string();
        assert!(fault.contains(names) && fault.contains("mas-a"), "{fault}");
    }
}

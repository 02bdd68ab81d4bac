//! The X-WSSE vector, the form of a call, and an outcome for each of its numbers. Answers and
//! pushes are the contract suite's, over `tests/fixtures/huawei`.

use super::*;

const AT: Moment = Moment { now_ms: 1_782_871_384_000, nonce: 1 };

fn settings() -> HuaweiSettings {
    HuaweiSettings {
        name: "huawei-a".into(),
        realm: Realm::Live,
        base_url: "https://smsapi.cn-north-4.myhuaweicloud.com:443/".into(),
        app_key: "c8RWg3ggEcyd4D3p94bf3Y7x1Ile".into(),
        app_secret_file: None,
        app_secret_env: None,
        hook_key_file: None,
        hook_key_env: None,
        from: "8824110605001".into(),
        templates: vec![TemplateSettings {
            code: "T1".into(),
            sign: "余姚市防指".into(),
            text: "${TXT_20}前请到${TXT_20}".into(),
            variable_chars: None,
        }],
        callback_url: "https://alert.example.gov.cn/hooks/huawei-a".into(),
        receipt_codes: BTreeMap::new(),
    }
}

fn build(settings: &HuaweiSettings) -> Result<Huawei, SettingsFault> {
    let given =
        [("app_secret", "q4Ii87BhST9vcs8wvrzN80SfD7Al"), ("hook_key", "hook_key_example_0001")];
    Huawei::new(settings, &mut Opening::new(&settings.name, settings.realm, &given))
}

fn message(to: &str) -> Message {
    let text = "【余姚市防指】3点前请到四明小学".into();
    Message { to: to.into(), text, reference: "b1.2~x".into() }
}

#[test]
fn the_header_is_that_of_the_vector() {
    let file = include_str!("../../../tests/fixtures/huawei/vectors.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let vector = &file["kinds"]["huawei_x_wsse"]["vectors"][0];
    let text = |name: &str| vector["inputs"][name].as_str().unwrap();
    let said = wsse(text("app_key"), text("app_secret"), text("nonce"), text("created"));
    assert_eq!(said, vector["expected"]["x_wsse"]);
}

#[test]
fn a_call_is_a_form_whose_reports_can_find_their_message() {
    let codec = build(&settings()).unwrap();
    let request = codec.request(&[message("+8613800138000")], AT).unwrap();
    let path = "https://smsapi.cn-north-4.myhuaweicloud.com:443/sms/batchSendSms/v1";
    assert_eq!(request.uri(), path);
    let said = request.headers()["x-wsse"].to_str().unwrap();
    assert!(said.ends_with("Created=\"2026-07-01T02:03:04Z\""), "{said}");
    let fields: BTreeMap<String, String> =
        form_urlencoded::parse(request.body()).into_owned().collect();
    assert_eq!(fields["templateParas"], "[\"3点\",\"四明小学\"]");
    assert_eq!(fields["to"], "+8613800138000");
    assert_eq!(fields["signature"], "余姚市防指");
    assert_eq!(fields["extend"], "b1.2~x");
    let push = Request::post(fields["statusCallback"].as_str());
    let push = push.body(Bytes::from("smsMsgId=1&status=DELIVRD")).unwrap();
    let events = codec.callback(&push).unwrap();
    let [Event::Receipt(receipt)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(receipt.reference.as_deref(), Some("b1.2~x"));
}

#[test]
fn a_batch_has_a_name_of_its_own_and_each_number_its_fate() {
    let codec = build(&settings()).unwrap();
    let two = ["+8613800138000", "+8613900139000"].map(message);
    let request = codec.request(&two, AT).unwrap();
    let fields: BTreeMap<String, String> =
        form_urlencoded::parse(request.body()).into_owned().collect();
    assert!(fields["extend"].starts_with(CALL));
    let body = "{\"code\":\"E000510\",\"result\":[\
        {\"originTo\":\"+8613900139000\",\"status\":\"E200028\"},\
        {\"originTo\":\"+8613800138000\",\"status\":\"000000\",\"smsMsgId\":\"1\"}]}";
    let outcomes = codec.outcomes(&two, &Response::new(Bytes::from(body)));
    let codes: Vec<i64> = outcomes.iter().map(Outcome::code).collect();
    assert_eq!(codes, [1, 3]);
}

#[test]
fn faults_of_the_settings_are_named() {
    for (names, change) in [
        ("app_key", (|s| s.app_key = "".into()) as fn(&mut HuaweiSettings)),
        ("from", |s| s.from = "+86".into()),
        ("base_url", |s| s.base_url = "http://smsapi.example.cn".into()),
        ("callback_url", |s| s.callback_url = "https://a.example/h?x=1".into()),
        ("T1", |s| s.templates[0].text = "${TXT_20}${TXT_20}".into()),
    ] {
        let mut bad = settings();
        change(&mut bad);
        let fault = build(&bad).err().unwrap().to_string();
        assert!(fault.contains(names) && fault.contains("huawei-a"), "{fault}");
    }
}

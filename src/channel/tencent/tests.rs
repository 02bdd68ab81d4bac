//! The codec beside its signature: the body of a call, and an outcome for each of its numbers.
//! Answers and pushes are the contract suite's, over `tests/fixtures/tencent`.

use super::*;
use serde_json::{Value, json};

const AT: Moment = Moment { now_ms: 1_782_871_384_999, nonce: 1 };

fn settings() -> TencentSettings {
    TencentSettings {
        name: "tencent-a".into(),
        realm: Realm::Live,
        secret_id: "AKIDexample0001".into(),
        secret_key_file: None,
        secret_key_env: None,
        hook_key_file: None,
        hook_key_env: None,
        base_url: public_api(),
        region: guangzhou(),
        app_id: "1400006666".into(),
        templates: vec![TemplateSettings {
            code: "1234567".into(),
            sign: "青川县应急".into(),
            text: "{1}预警：{2}请转移".into(),
            variable_chars: None,
        }],
        extend: Some("17".into()),
        receipt_codes: BTreeMap::new(),
    }
}

fn build(settings: &TencentSettings) -> Result<Tencent, SettingsFault> {
    let given = [("secret_key", "exampleTencentKey0001"), ("hook_key", "hook_key_example_0001")];
    Tencent::new(settings, &mut Opening::new(&settings.name, settings.realm, &given))
}

fn message(to: &str) -> Message {
    Message {
        to: to.into(),
        text: "【青川县应急】红色预警：乔庄镇请转移".into(),
        reference: "b1.2~x".into(),
    }
}

#[test]
fn many_numbers_of_one_text_are_one_call() {
    let codec = build(&settings()).unwrap();
    let two = [message("+8613800138000"), message("+8613900139000")];
    let request = codec.request(&two, AT).unwrap();
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let mut wanted = json!({
        "PhoneNumberSet": ["+8613800138000", "+8613900139000"],
        "SmsSdkAppId": "1400006666", "TemplateId": "1234567", "SignName": "青川县应急",
        "TemplateParamSet": ["红色", "乔庄镇"], "ExtendCode": "17",
    });
    assert_eq!(body, wanted);
    let headers = request.headers();
    assert_eq!(headers["x-tc-timestamp"], "1782871384");
    assert_eq!(headers["x-tc-region"], "ap-guangzhou");
    assert_eq!(headers["content-type"], CONTENT_TYPE);
    let said = headers["authorization"].to_str().unwrap();
    let scope = "Credential=AKIDexample0001/2026-07-01/sms/tc3_request";
    assert!(said.contains(scope) && said.contains("content-type;host;x-tc-action"), "{said}");
    let one = codec.request(&two[..1], AT).unwrap();
    wanted["PhoneNumberSet"] = json!(["+8613800138000"]);
    wanted["SessionContext"] = json!("b1.2~x");
    assert_eq!(serde_json::from_slice::<Value>(one.body()).unwrap(), wanted);
    let mut other = message("+8613900139000");
    other.text = "【青川县应急】黄色预警：乔庄镇请转移".into();
    assert_ne!(codec.lot(&two[0]), codec.lot(&other));
    assert!(codec.request(&[message("+8613800138000"), other], AT).is_err());
}

#[test]
fn each_number_has_its_own_fate_in_any_order() {
    let codec = build(&settings()).unwrap();
    let three = ["+8613800138000", "+8613900139000", "+8613700137000"].map(message);
    let body = json!({ "Response": { "RequestId": "R", "SendStatusSet": [
        { "SerialNo": "", "PhoneNumber": "+8613900139000",
          "Code": "FailedOperation.PhoneNumberInBlacklist" },
        { "SerialNo": "s1", "PhoneNumber": "+8613800138000", "Code": "Ok" },
    ]}});
    let outcomes = codec.outcomes(&three, &Response::new(Bytes::from(body.to_string())));
    assert_eq!(outcomes.each_codes(), [1, 2, 5]);
    assert_eq!(outcomes[0].external_id(), Some("s1"));
    let whole = json!({ "Response": { "Error": {
        "Code": "InvalidParameterValue.IncorrectPhoneNumber", "Message": "m" } } });
    let outcomes = codec.outcomes(&three, &Response::new(Bytes::from(whole.to_string())));
    assert_eq!(outcomes.each_codes(), [3, 3, 3], "nobody knows which");
}

trait Codes {
    fn each_codes(&self) -> Vec<i64>;
}

impl Codes for Vec<Outcome> {
    fn each_codes(&self) -> Vec<i64> {
        self.iter().map(Outcome::code).collect()
    }
}

#[test]
fn faults_of_the_settings_are_named() {
    for (names, change) in [
        ("secret_id", (|s| s.secret_id = "".into()) as fn(&mut TencentSettings)),
        ("app_id", |s| s.app_id = "1400 6666".into()),
        ("base_url", |s| s.realm = Realm::Practice),
        ("extend", |s| s.extend = Some("".into())),
        ("1234567", |s| s.templates[0].text = "{2}".into()),
    ] {
        let mut bad = settings();
        change(&mut bad);
        let fault = build(&bad).err().unwrap().to_string();
        assert!(fault.contains(names) && fault.contains("tencent-a"), "{fault}");
    }
    let long = Message {
        text: "【青川县应急】红色预警：七个字的乔庄镇请转移".into(),
        ..message("+8613800138000")
    };
    let refused = build(&settings()).unwrap().lot(&long).unwrap_err();
    assert_eq!(refused.detail(), "no_template", "6 characters a variable");
}

//! The codec against the sheet's vectors: what one message and a batch become, and what a batch's
//! answer means. Answers and pushes are the contract suite's, over `tests/fixtures/aliyun`.

use super::*;
use crate::channel::template::NO_TEMPLATE;
use serde_json::json;

const AT: Moment = Moment { now_ms: 1_782_871_385_000, nonce: 0x0011_2233_4455_6677_8899 };

fn settings() -> AliyunSettings {
    let template = |code: &str, text: &str| TemplateSettings {
        code: code.into(),
        sign: "青川县应急".into(),
        text: text.into(),
        variable_chars: None,
    };
    AliyunSettings {
        name: "aliyun-a".into(),
        realm: Realm::Live,
        access_key_id: "LTAIexampleid0001".into(),
        access_key_secret_file: None,
        access_key_secret_env: None,
        hook_key_file: None,
        hook_key_env: None,
        base_url: public_api(),
        templates: vec![
            template("SMS_100000002", "${n}请立即转移"),
            template("SMS_100000003", "全体请在家"),
        ],
        per_call: BATCH,
        extend: None,
        receipt_codes: BTreeMap::new(),
    }
}

fn build(settings: &AliyunSettings) -> Result<Aliyun, SettingsFault> {
    let given = [("access_key_secret", "exampleSecret0001"), ("hook_key", "hook_key_example_0001")];
    Aliyun::new(settings, &mut Opening::new(&settings.name, settings.realm, &given))
}

fn codec() -> Aliyun {
    build(&settings()).unwrap()
}

fn message(to: &str, text: &str) -> Message {
    Message {
        to: to.into(), text: format!("【青川县应急】{text}"), reference: "b1.2~x".into()
    }
}

fn parameters(query: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(query).into_owned().collect()
}

#[test]
fn one_message_is_a_send_with_everything_in_the_query() {
    let mut settings = settings();
    settings.extend = Some("9017".into());
    let codec = build(&settings).unwrap();
    let request = codec.request(&[message("+8613800138000", "张三 *~请立即转移")], AT).unwrap();
    assert!(request.body().is_empty());
    assert_eq!(request.uri().host(), Some("dysmsapi.aliyuncs.com"));
    let query = request.uri().query().unwrap();
    assert!(query.contains("%20%2A~"), "{query}");
    let wanted = [
        ("OutId", "b1.2~x"),
        ("PhoneNumbers", "13800138000"),
        ("SignName", "青川县应急"),
        ("SmsUpExtendCode", "9017"),
        ("TemplateCode", "SMS_100000002"),
        ("TemplateParam", "{\"n\":\"张三 *~\"}"),
    ];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters(query.as_bytes()), BTreeMap::from(wanted));
    let headers = request.headers();
    assert_eq!(headers["x-acs-action"], "SendSms");
    assert_eq!(headers["x-acs-date"], "2026-07-01T02:03:05Z");
    assert_eq!(headers["x-acs-signature-nonce"], "00000000000000112233445566778899");
    assert!(headers.get("content-type").is_none());
    let said = headers["authorization"].to_str().unwrap();
    assert!(said.starts_with("ACS3-HMAC-SHA256 Credential=LTAIexampleid0001,SignedHeaders=host;"));
    let plain = codec.request(&[message("+8613800138000", "全体请在家")], AT).unwrap();
    let plain = parameters(plain.uri().query().unwrap().as_bytes());
    assert!(!plain.contains_key("TemplateParam"), "{plain:?}");
}

#[test]
fn a_batch_has_the_body_of_the_vector() {
    let file = include_str!("../../../tests/fixtures/aliyun/vectors.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let vectors = file["kinds"]["aliyun_acs3_hmac_sha256"]["vectors"].as_array().unwrap();
    let vector = vectors.iter().find(|v| v["id"] == "acs3-sendbatchsms-form").unwrap();
    let two = [
        message("+8613800138000", "张三 A请立即转移"),
        message("+8613900139000", "李四&B请立即转移"),
    ];
    let request = codec().request(&two, AT).unwrap();
    let body = std::str::from_utf8(request.body()).unwrap();
    assert_eq!(body, vector["inputs"]["body"]);
    let headers = request.headers();
    assert_eq!(
        headers["x-acs-content-sha256"],
        vector["expected"]["payload_sha256"].as_str().unwrap()
    );
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(headers["x-acs-action"], "SendBatchSms");
    let query = parameters(request.uri().query().unwrap().as_bytes());
    assert_eq!(query["TemplateCode"], "SMS_100000002");
    assert!(query["OutId"].starts_with(CALL), "a call's mark is nobody's reference");
}

#[test]
fn a_batch_is_of_one_template_and_each_has_its_own_name() {
    let codec = codec();
    let (named, all) = ("张三请立即转移", "全体请在家");
    let two = [message("+8613800138000", named), message("+8613900139000", all)];
    assert_ne!(codec.lot(&two[0]), codec.lot(&two[1]));
    assert!(matches!(codec.request(&two, AT), Err(RequestFault::Unbuildable(_))));
    let two = [message("+8613800138000", named), message("+8613900139000", named)];
    let answer = |body: &'static str| Response::new(Bytes::from(body));
    let taken = codec.outcomes(&two, &answer("{\"Code\":\"OK\",\"BizId\":\"9^0\"}"));
    let phones = ["13800138000", "13900139000"];
    let reports = phones.map(|phone| {
        json!({"phone_number": phone, "success": true, "err_code": "DELIVERED", "biz_id": "9^0",
            "report_time": "2026-07-01 10:00:02", "out_id": "+00ff"})
    });
    let pushed = Request::post("/hooks/x?key=hook_key_example_0001");
    let pushed = pushed.body(Bytes::from(json!(reports).to_string())).unwrap();
    for (outcome, event) in taken.iter().zip(codec.callback(&pushed).unwrap()) {
        let Event::Receipt(receipt) = event else { panic!("{event:?}") };
        assert_eq!(outcome.names(), [receipt.external_id.unwrap()], "they meet");
        assert!(!phones.iter().any(|phone| outcome.names()[0].contains(phone)), "{outcome:?}");
        assert!(!phones.iter().any(|phone| receipt.source_key.contains(phone)));
    }
    let single = codec.outcomes(&two[..1], &answer("{\"Code\":\"OK\",\"BizId\":\"9^0\"}"));
    assert!(single[0].names().is_empty(), "its receipt carries our reference");
    let one_is_wrong = answer("{\"Code\":\"isv.MOBILE_NUMBER_ILLEGAL\"}");
    let refused = codec.outcomes(&two, &one_is_wrong);
    assert!(refused.iter().all(|outcome| outcome.code() == 3), "nobody knows which: {refused:?}");
    assert!(codec.blames_one(&refused[0]), "it is asked again in halves");
    let empty = codec.outcomes(&two, &answer("{\"Code\":\"isv.AMOUNT_NOT_ENOUGH\"}"));
    assert!(!codec.blames_one(&empty[0]) && !codec.blames_one(&taken[0]));
    let absent = BTreeMap::from([("isv.OWN".to_owned(), ReceiptClass::AbsentNumber)]);
    let own = AliyunSettings { receipt_codes: absent, ..settings() };
    let own = build(&own).unwrap();
    let word =
        |size: usize| own.outcomes(&two[..size], &answer("{\"Code\":\"isv.OWN\"}")).remove(0);
    assert_eq!((word(1).code(), word(2).code()), (2, 3), "of two nobody is given up");
    assert!(own.blames_one(&word(2)));
}

#[test]
fn what_no_template_makes_is_an_outcome_and_never_altered() {
    let codec = codec();
    let lot = |to: &str, text: &str| codec.lot(&message(to, text)).unwrap_err();
    assert_eq!(lot("+8613800138000", "请在家").detail(), NO_TEMPLATE);
    let long = format!("{}请立即转移", "张".repeat(36));
    assert_eq!(lot("+8613800138000", &long).detail(), NO_TEMPLATE);
    assert_eq!(lot("+33612345678", "全体请在家").code(), 2);
}

#[test]
fn settings_overrule_and_faults_are_named() {
    let mut changed = settings();
    changed.receipt_codes.insert("isv.SMS_CONTENT_ILLEGAL".into(), ReceiptClass::Barred);
    let answer = Response::new(Bytes::from("{\"Code\":\"isv.SMS_CONTENT_ILLEGAL\"}"));
    let one = [message("+8613800138000", "全体请在家")];
    assert_eq!(build(&changed).unwrap().outcomes(&one, &answer)[0].code(), 2);
    for (names, change) in [
        ("access_key_id", (|s| s.access_key_id = "".into()) as fn(&mut AliyunSettings)),
        ("base_url", |s| s.base_url = "http://dysmsapi.aliyuncs.com".into()),
        ("base_url", |s| s.realm = Realm::Practice),
        ("extend", |s| s.extend = Some("".into())),
        ("extend", |s| s.extend = Some("12a".into())),
        ("templates", |s| s.templates.clear()),
        ("SMS_100000002", |s| s.templates[0].text = "${a}${b}".into()),
    ] {
        let mut bad = settings();
        change(&mut bad);
        let fault = build(&bad).err().unwrap().to_string();
        assert!(fault.contains(names) && fault.contains("aliyun-a"), "{fault}");
    }
}

//! The codec against raw fixtures: callbacks, signatures, and signed bytes of any kind. Answers and
//! unsigned bytes are the contract suite's.

use super::*;
use proptest::prelude::*;

const TOKEN: &str = "tok_example_0001";
const AT: Moment = Moment { now_ms: 0, nonce: 1 };
const HOOK: &str = "https://alert.example.gov.cn/hooks/twilio-a";

fn settings() -> TwilioSettings {
    TwilioSettings {
        name: "twilio-a".into(),
        realm: Realm::Live,
        lane: Lane::Sms,
        account_sid: "AC00000000000000000000000000000001".into(),
        auth_token_file: None,
        auth_token_env: None,
        base_url: "https://api.twilio.com/".into(),
        from: "+8610690001".into(),
        callback_url: HOOK.into(),
        receipt_codes: BTreeMap::new(),
    }
}

fn build(settings: &TwilioSettings, token: &str) -> Twilio {
    let given = [("auth_token", token)];
    Twilio::new(settings, &mut Opening::new(&settings.name, settings.realm, &given)).unwrap()
}

fn codec() -> Twilio {
    build(&settings(), TOKEN)
}

fn message() -> Message {
    Message {
        to: "+8619900000001".into(),
        text: "【余姚市防指】3点前请离家 & 回1".into(),
        reference: "b1/2&3=é".into(),
    }
}

fn signed(codec: &Twilio, url: &str, query: &str, body: &[u8]) -> Request<Bytes> {
    let mut fields: Vec<_> = form_urlencoded::parse(body).collect();
    signature::sort(&mut fields);
    let query = Some(query).filter(|query| !query.is_empty());
    let signature = STANDARD.encode(codec.key.sign(url, query, &fields));
    let path = query.map_or("/hooks/x".into(), |query| format!("/hooks/x?{query}"));
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
        .header("x-twilio-signature", signature)
        .body(Bytes::copy_from_slice(body))
        .unwrap()
}

#[test]
fn a_message_becomes_the_form_of_the_sheet() {
    let request = codec().request(&[message()], AT).unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        format!(
            "https://api.twilio.com/2010-04-01/Accounts/{}/Messages.json",
            settings().account_sid
        )
        .as_str()
    );
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(
        request.headers()["authorization"],
        "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp0b2tfZXhhbXBsZV8wMDAx"
    );
    assert!(request.headers()["authorization"].is_sensitive());
    let fields: Vec<_> = form_urlencoded::parse(request.body()).into_owned().collect();
    let callback = format!("{HOOK}?ref=b1%2F2%263%3D%C3%A9");
    let wanted = [
        ("From", "+8610690001"),
        ("StatusCallback", callback.as_str()),
        ("To", "+8619900000001"),
        ("Body", "【余姚市防指】3点前请离家 & 回1"),
    ];
    assert_eq!(fields, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_messaging_service_and_a_query_in_the_callback_are_kept() {
    let mut settings = settings();
    settings.from = "MG00000000000000000000000000000001".into();
    settings.callback_url = format!("{HOOK}?zone=1");
    let codec = build(&settings, TOKEN);
    let request = codec.request(&[message()], AT).unwrap();
    let fields: Vec<_> = form_urlencoded::parse(request.body()).into_owned().collect();
    assert_eq!(fields[0].0, "MessagingServiceSid");
    assert_eq!(fields[1].1, format!("{HOOK}?zone=1&ref=b1%2F2%263%3D%C3%A9"));
    let body = b"MessageSid=SM1&MessageStatus=delivered";
    let events = codec.callback(&signed(&codec, HOOK, "zone=1&ref=b1%2F2%263", body)).unwrap();
    let [Event::Receipt(receipt)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(receipt.reference.as_deref(), Some("b1/2&3"));
}

#[test]
fn a_chunk_is_one_message() {
    let two = [message(), message()];
    assert_eq!(codec().request(&two, AT).err(), Some(RequestFault::TooMany { given: 2, most: 1 }));
    assert_eq!(codec().request(&[], AT).err(), Some(RequestFault::Empty));
}

#[derive(Deserialize)]
struct Callback {
    name: String,
    query: String,
    body: String,
    event: serde_json::Value,
}

fn told(event: &Event) -> serde_json::Value {
    match event {
        Event::Reply(reply) => serde_json::json!({ "reply": {
            "from": reply.from, "to": reply.to, "text": reply.text,
            "source_key": reply.source_key,
        }}),
        Event::Receipt(receipt) => serde_json::json!({ "receipt": {
            "external_id": receipt.external_id, "reference": receipt.reference,
            "callee": receipt.callee, "class": receipt.class.word(), "code": receipt.code,
            "source_key": receipt.source_key,
        }}),
        Event::Follower(_) => unreachable!("a gateway of numbers has no followers"),
    }
}

#[test]
fn every_callback_has_its_event_and_no_forged_one_has() {
    let file = include_str!("../../../tests/fixtures/twilio/callbacks.json");
    let callbacks: Vec<Callback> = serde_json::from_str(file).unwrap();
    assert!(callbacks.len() > 30);
    let codec = codec();
    for case in callbacks {
        let request = signed(&codec, HOOK, &case.query, case.body.as_bytes());
        let events = codec.callback(&request).unwrap();
        assert_eq!(events.len(), 1, "{}", case.name);
        assert_eq!(told(&events[0]), case.event, "{}", case.name);
        if let Event::Reply(reply) = &events[0] {
            assert_eq!(reply.raw, request.body());
        }
        let mut altered = request.clone();
        *altered.body_mut() = Bytes::from(case.body.clone() + "&Extra=1");
        assert_eq!(codec.callback(&altered), Err(HookFault::Forged), "{}", case.name);
        let mut moved = request.clone();
        *moved.uri_mut() = Uri::from_static("/hooks/x?ref=another");
        assert_eq!(codec.callback(&moved), Err(HookFault::Forged), "{}", case.name);
        let mut bare = request;
        bare.headers_mut().remove("x-twilio-signature");
        assert_eq!(codec.callback(&bare), Err(HookFault::Forged), "{}", case.name);
    }
}

#[test]
fn the_port_may_be_spelled_and_the_key_must_be_ours() {
    let codec = codec();
    let body = b"MessageSid=SM1&From=%2B8613800138000&To=1&Body=1";
    let with_port = "https://alert.example.gov.cn:443/hooks/twilio-a";
    assert!(codec.callback(&signed(&codec, with_port, "", body)).is_ok());
    let other_url = "https://alert.example.gov.cn/hooks/other";
    assert!(codec.callback(&signed(&codec, other_url, "", body)).is_err());
    let other = build(&settings(), "another token");
    assert_eq!(codec.callback(&signed(&other, HOOK, "", body)), Err(HookFault::Forged));
}

#[test]
fn repeated_fields_count_once_in_any_order() {
    let codec = codec();
    let body = "MessageSid=SM1&From=1&To=2&Body=1&X=b&X=a&X=b".as_bytes();
    let mut request = signed(&codec, HOOK, "", body);
    *request.body_mut() = Bytes::from_static(b"X=a&Body=1&X=b&To=2&From=1&MessageSid=SM1");
    assert!(codec.callback(&request).is_ok());
}

#[test]
fn a_json_body_is_signed_by_its_hash() {
    let codec = codec();
    let body = "{\"MessageSid\":\"SM1\",\"From\":\"+8613800138000\",\"To\":\"1\",\"Body\":\"水\"}";
    let hash: String = {
        use sha2::Digest;
        sha2::Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let query = format!("bodySHA256={hash}");
    let mut request = signed(&codec, HOOK, &query, b"");
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = Bytes::from(body);
    let events = codec.callback(&request).unwrap();
    let [Event::Reply(reply)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(reply.text, "水");
    *request.body_mut() = Bytes::from(body.replace('水', "火"));
    assert_eq!(codec.callback(&request), Err(HookFault::Forged));
    let mut plain = signed(&codec, HOOK, "", b"");
    plain.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *plain.body_mut() = Bytes::from(body);
    assert_eq!(codec.callback(&plain), Err(HookFault::Forged));
}

#[test]
fn what_is_ours_but_not_understood_says_so() {
    let codec = codec();
    let long = format!("From={}&Body=1", "1".repeat(200));
    for body in ["", "a=b", "SmsStatus=received&Body=1", "MessageStatus=delivered", &long] {
        let fault = codec.callback(&signed(&codec, HOOK, "", body.as_bytes()));
        assert!(matches!(fault, Err(HookFault::Malformed(_))), "{body}: {fault:?}");
    }
    let mut got = signed(&codec, HOOK, "", b"From=1&Body=1");
    *got.method_mut() = Method::GET;
    assert!(matches!(codec.callback(&got), Err(HookFault::Malformed(_))));
    let large = vec![b'1'; 1_048_576];
    assert_eq!(codec.callback(&signed(&codec, HOOK, "", &large)), Err(HookFault::TooLarge));
    let many = "a=1&".repeat(300);
    let fault = codec.callback(&signed(&codec, HOOK, "", many.as_bytes()));
    assert_eq!(fault, Err(HookFault::TooLarge));
}

#[test]
fn a_reply_without_a_sid_has_a_key_of_its_own_bytes() {
    let codec = codec();
    let key = |body: &str| match &codec.callback(&signed(&codec, HOOK, "", body.as_bytes())) {
        Ok(events) => match &events[0] {
            Event::Reply(reply) => reply.source_key.clone(),
            other => panic!("{other:?}"),
        },
        Err(fault) => panic!("{fault}"),
    };
    assert_eq!(key("From=1&Body=1"), key("From=1&Body=1"));
    assert_ne!(key("From=1&Body=1"), key("From=1&Body=2"));
}

#[test]
fn settings_overrule_a_code() {
    let mut settings = settings();
    settings.receipt_codes.insert("30003".into(), ReceiptClass::Suspended);
    settings.receipt_codes.insert("21614".into(), ReceiptClass::Route);
    let codec = build(&settings, TOKEN);
    let body = b"MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003";
    let events = codec.callback(&signed(&codec, HOOK, "", body)).unwrap();
    let [Event::Receipt(receipt)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(receipt.class, ReceiptClass::Suspended);
    let answer = Response::builder().status(400).body(Bytes::from("{\"code\":21614}")).unwrap();
    assert_eq!(codec.outcomes(&[message()], &answer)[0].code(), 3);
}

#[test]
fn twiml_stands_as_in_the_vectors() {
    let file = include_str!("../../../tests/fixtures/twilio/vectors.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let vectors = file["kinds"]["twiml_message"]["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let xml = answer_xml(vector["inputs"]["text"].as_str());
        assert_eq!(xml, vector["expected"]["xml"].as_str().unwrap(), "{}", vector["id"]);
    }
    assert!(answer_xml(Some("a<b&c\0>")).contains("<Message>a&lt;b&amp;c&gt;</Message>"));
    let answer = codec().acknowledge();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/xml");
    assert_eq!(answer.body(), answer_xml(None).as_bytes());
}

proptest! {
    #[test]
    fn no_signed_bytes_make_the_hook_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let codec = codec();
        let fault = codec.callback(&signed(&codec, HOOK, "ref=1", &body));
        prop_assert_ne!(fault, Err(HookFault::Forged));
    }

    #[test]
    fn any_text_arrives_as_it_was(text in ".{0,80}", reference in ".{1,40}") {
        let sent = Message { to: "+8619900000001".into(), text, reference };
        let request = codec().request(std::slice::from_ref(&sent), AT).unwrap();
        let fields: BTreeMap<_, _> =
            form_urlencoded::parse(request.body()).into_owned().collect();
        prop_assert_eq!(&fields["Body"], &sent.text);
        let callback: Uri = fields["StatusCallback"].parse().unwrap();
        let query = callback.query().unwrap().to_owned();
        let given = form_urlencoded::parse(query.as_bytes()).next().unwrap().1.into_owned();
        prop_assert_eq!(given, sent.reference);
    }
}

//! The codec held to the vectors of the sheets, and to any octets at all.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::pdu::*;
use super::*;
use crate::channel::smpp::tests::{octets, vectors};

fn field(inputs: &Value, name: &str) -> Vec<u8> {
    inputs[name].as_str().unwrap().as_bytes().to_vec()
}

fn octet(inputs: &Value, name: &str) -> u8 {
    inputs[name].as_u64().unwrap() as u8
}

fn number(inputs: &Value, name: &str) -> u32 {
    inputs[name].as_u64().unwrap() as u32
}

fn version(inputs: &Value) -> Version {
    match inputs["cmpp_version"].as_u64() {
        Some(3) => Version::V30,
        _ => Version::V20,
    }
}

fn msg_id(inputs: &Value) -> u64 {
    u64::from_str_radix(inputs["msg_id_hex"].as_str().unwrap(), 16).unwrap()
}

fn proof_of(value: &Value) -> [u8; 16] {
    octets(value).try_into().unwrap()
}

fn submit(inputs: &Value) -> Body {
    let ids = inputs["dest_terminal_ids"].as_array().unwrap();
    Body::Submit(Submit {
        pk_total: octet(inputs, "pk_total"),
        pk_number: octet(inputs, "pk_number"),
        registered_delivery: octet(inputs, "registered_delivery"),
        msg_level: octet(inputs, "msg_level"),
        service_id: field(inputs, "service_id"),
        fee_user_type: octet(inputs, "fee_user_type"),
        fee_terminal_id: field(inputs, "fee_terminal_id"),
        tp_pid: octet(inputs, "tp_pid"),
        tp_udhi: octet(inputs, "tp_udhi"),
        msg_fmt: octet(inputs, "msg_fmt"),
        msg_src: field(inputs, "msg_src"),
        fee_type: field(inputs, "fee_type"),
        fee_code: field(inputs, "fee_code"),
        valid_time: field(inputs, "valid_time"),
        at_time: field(inputs, "at_time"),
        src_id: field(inputs, "src_id"),
        dest_terminal_ids: ids.iter().map(|id| id.as_str().unwrap().into()).collect(),
        content: octets(&inputs["msg_content_hex"]),
        ..Submit::default()
    })
}

fn deliver(inputs: &Value) -> Body {
    Body::Deliver(Deliver {
        msg_id: msg_id(inputs),
        dest_id: field(inputs, "dest_id"),
        service_id: field(inputs, "service_id"),
        tp_udhi: octet(inputs, "tp_udhi"),
        msg_fmt: octet(inputs, "msg_fmt"),
        src_terminal_id: field(inputs, "src_terminal_id"),
        registered_delivery: octet(inputs, "registered_delivery"),
        content: octets(&inputs["msg_content_hex"]),
        ..Deliver::default()
    })
}

fn body(kind: &str, inputs: &Value, expected: &Value) -> Body {
    match kind {
        "cmpp_connect" => {
            let (source_addr, secret) = (field(inputs, "source_addr"), "shared_secret");
            let timestamp = number(inputs, "timestamp");
            let authenticator = source_proof(&source_addr, &field(inputs, secret), timestamp);
            assert_eq!(authenticator, proof_of(&expected["authenticator_source"]));
            Body::Connect {
                source_addr,
                authenticator,
                version: octet(inputs, "version"),
                timestamp,
            }
        }
        "cmpp_connect_resp" => {
            let (status, secret) = (number(inputs, "status"), field(inputs, "shared_secret"));
            let source = octets(&inputs["authenticator_source"]);
            let authenticator = gateway_proof(version(inputs), status, &source, &secret);
            assert_eq!(authenticator, proof_of(&expected["authenticator_ismg"]));
            Body::ConnectAnswer { status, authenticator, version: octet(inputs, "version") }
        }
        "cmpp_submit" => submit(inputs),
        "cmpp_submit_resp" => {
            Body::SubmitAnswer { msg_id: msg_id(inputs), result: number(inputs, "result") }
        }
        "cmpp_deliver" => deliver(inputs),
        "cmpp_deliver_resp" => {
            Body::DeliverAnswer { msg_id: msg_id(inputs), result: number(inputs, "result") }
        }
        _ => match inputs["command"].as_str().unwrap() {
            "active_test" => Body::ActiveTest,
            "active_test_resp" => Body::ActiveTestAnswer(0),
            "terminate" => Body::Terminate,
            "terminate_resp" => Body::TerminateAnswer,
            other => panic!("{other}"),
        },
    }
}

#[test]
fn every_vector_is_written_and_read() {
    for (kind, least) in [
        ("cmpp_connect", 3),
        ("cmpp_connect_resp", 3),
        ("cmpp_submit", 7),
        ("cmpp_submit_resp", 3),
        ("cmpp_deliver", 4),
        ("cmpp_deliver_resp", 2),
        ("cmpp_link", 4),
    ] {
        for vector in vectors(kind, least) {
            let (inputs, expected, id) = (&vector["inputs"], &vector["expected"], &vector["id"]);
            let version = version(inputs);
            let sequence = number(inputs, "sequence_id");
            let pdu = Pdu { sequence, body: body(kind, inputs, expected) };
            let octets = octets(&expected["pdu"]);
            assert_eq!(pdu.encode(version).unwrap(), octets, "{id}");
            assert_eq!(Pdu::decode(&octets, version).unwrap(), pdu, "{id}");
        }
    }
}

fn settings(version: &str, long: &str) -> CmppSettings {
    let text = format!(
        "name = \"cmpp\"\nrealm = \"practice\"\naddress = \"127.0.0.1:7890\"\n\
         version = \"{version}\"\nsource_addr = \"901234\"\nsecret_env = \"X\"\n\
         service_id = \"EMERG\"\nsrc_id = \"1069012379\"\nlong = \"{long}\"\n"
    );
    toml::from_str(&text).unwrap()
}

fn build(settings: &CmppSettings, secret: &str) -> Cmpp {
    let given = [("secret", secret)];
    Cmpp::new(settings, &mut Opening::new(&settings.name, settings.realm, &given)).unwrap()
}

fn speech(version: &str, long: &str) -> Cmpp {
    build(&settings(version, long), "Secret!9")
}

#[test]
fn messages_become_the_submits_of_the_vectors() {
    let mut seen = 0;
    for vector in vectors("cmpp_submit", 7) {
        let (inputs, id) = (&vector["inputs"], vector["id"].as_str().unwrap());
        let (version, long, reference, part) = match id {
            "submit-20-ucs2" => ("2.0", "udh", 1, 0),
            "submit-20-long-part1" => ("2.0", "udh", 0x5a, 0),
            "submit-20-long-part2" => ("2.0", "udh", 0x5a, 1),
            "submit-30-long16-part1" => ("3.0", "udh16", 0x1234, 0),
            "submit-30-long16-part2" => ("3.0", "udh16", 0x1234, 1),
            // Two numbers in one, and ASCII: read, but never sent.
            _ => continue,
        };
        let text = inputs["text"].as_str().unwrap().into();
        let message = Message { to: "+8613800138000".into(), text, reference: "r".into() };
        let mut pdus = speech(version, long).parts(&message, reference).unwrap();
        pdus[part][8..12].copy_from_slice(&number(inputs, "sequence_id").to_be_bytes());
        assert_eq!(pdus[part], octets(&vector["expected"]["pdu"]), "{id}");
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn what_the_vectors_deliver_is_understood() {
    let said = |version: &str, at: usize| {
        let pdu = octets(&vectors("cmpp_deliver", 4)[at]["expected"]["pdu"]);
        let cmpp = speech(version, "udh");
        match cmpp.read(&pdu).unwrap() {
            Heard::Delivery { again, what: What::Words(words), .. } => {
                assert!(again.is_empty());
                (words.id.unwrap(), words.from, cmpp.text(words.coding, &words.octets))
            }
            Heard::Delivery { taken, what: What::Report(report), .. } => {
                assert!(matches!(
                    Pdu::decode(&taken, cmpp.version).unwrap().body,
                    Body::DeliverAnswer { msg_id: 0x7088_310d_c072_0003, result: 0 }
                ));
                // 2026-07-01 02:04 in Beijing.
                assert_eq!(report.at, Some(1_782_842_640_000));
                (report.id, report.callee.unwrap(), format!("{} {:?}", report.code, report.class))
            }
            other => panic!("{other:?}"),
        }
    };
    let tel = "13800138000";
    let told = |id: &str, text: &str| (id.to_owned(), tel.to_owned(), text.to_owned());
    assert_eq!(said("2.0", 0), told("7088310dc0720002", "1已转移"));
    assert_eq!(said("2.0", 1), told("7088310dc0720004", "已转移2人"));
    assert_eq!(said("2.0", 2), told("7088310dc0720001", "DELIVRD Delivered"));
    assert_eq!(said("3.0", 3), told("7088310dc0720001", "MK:0001 AbsentNumber"));
}

#[test]
fn a_connection_is_greeted_at_beijing_time_and_the_gateway_proves_itself() {
    // 1 March 2027, 00:00:05 in Beijing: the leading zero is in the proof.
    let mut cmpp = speech("3.0", "udh");
    let greeting = cmpp.greet(Way::Both, 1_803_830_405_000).unwrap();
    let Body::Connect { authenticator, timestamp, .. } =
        Pdu::decode(&greeting, Version::V30).unwrap().body
    else {
        panic!("a connect");
    };
    assert_eq!(timestamp, 301_000_005);
    let answer = |status, authenticator| {
        let body = Body::ConnectAnswer { status, authenticator, version: 0x30 };
        Pdu { sequence: 1, body }.encode(Version::V30).unwrap()
    };
    let good = gateway_proof(Version::V30, 0, &authenticator, b"Secret!9");
    assert_eq!(cmpp.greeted(&greeting, &answer(0, [0; 16])), Greeting::Welcome);
    cmpp.settings.verify_gateway = true;
    assert_eq!(cmpp.greeted(&greeting, &answer(0, good)), Greeting::Welcome);
    for refused in [answer(0, [0; 16]), answer(3, good), vec![0; 12]] {
        let greeting = cmpp.greeted(&greeting, &refused);
        assert!(matches!(greeting, Greeting::Refused(_)), "{greeting:?}");
    }
    let probe = cmpp.probe();
    assert_eq!(cmpp.greeted(&greeting, &probe), Greeting::NotYet);
}

#[test]
fn results_have_their_outcomes() {
    let codes = |version, result| speech(version, "udh").outcome(result).code();
    assert_eq!((codes("2.0", 8), codes("3.0", 8)), (4, 4));
    assert_eq!((codes("2.0", 13), codes("3.0", 13)), (3, 2));
    for result in [1, 4, 5, 7, 9, 10, 12, 14, 255] {
        assert_eq!((codes("2.0", result), codes("3.0", result)), (3, 3));
    }
}

#[test]
fn settings_that_cannot_be_meant_are_named() {
    let fault = |change: fn(&mut CmppSettings)| {
        let mut settings = settings("2.0", "udh");
        change(&mut settings);
        let mut opening = Opening::new("cmpp", settings.realm, &[("secret", "x")]);
        settings.open(&mut opening).err().unwrap().to_string()
    };
    assert!(fault(|s| s.address = "10.0.0.1:7890".into()).contains("address"));
    assert!(fault(|s| s.source_addr = "9012345".into()).contains("Source_Addr"));
    assert!(fault(|s| s.service_id = "12345678901".into()).contains("Service_Id"));
    assert!(fault(|s| s.src_id = "1".repeat(21)).contains("src_id"));
    assert!(fault(|s| s.fee_type = "100".into()).contains("FeeType"));
    assert!(fault(|s| s.src_id = "106 9".into()).contains("src_id"));
    assert!(toml::from_str::<CmppSettings>("version = \"4.0\"").is_err());
}

fn field_of(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(1u8.., 0..=most)
}

fn any_submit() -> impl Strategy<Value = Body> {
    let octets = proptest::array::uniform9(0u8..);
    let heads = (field_of(10), field_of(21), field_of(6), field_of(2), field_of(6));
    let tails = (field_of(17), field_of(17), field_of(21), vec(field_of(21), 0..20), field_of(8));
    (0u64.., octets, heads, tails, vec(0u8.., 0..256)).prop_map(|(msg_id, o, h, t, content)| {
        Body::Submit(Submit {
            msg_id,
            pk_total: o[0],
            pk_number: o[1],
            registered_delivery: o[2],
            msg_level: o[3],
            service_id: h.0,
            fee_user_type: o[4],
            fee_terminal_id: h.1,
            fee_terminal_type: 0,
            tp_pid: o[5],
            tp_udhi: o[6],
            msg_fmt: o[7],
            msg_src: h.2,
            fee_type: h.3,
            fee_code: h.4,
            valid_time: t.0,
            at_time: t.1,
            src_id: t.2,
            dest_terminal_ids: t.3,
            dest_terminal_type: 0,
            content,
            reserve: t.4,
        })
    })
}

fn any_deliver() -> impl Strategy<Value = Body> {
    let octets = proptest::array::uniform4(0u8..);
    let fields = (field_of(21), field_of(10), field_of(21), field_of(8));
    (0u64.., octets, fields, vec(0u8.., 0..256)).prop_map(|(msg_id, o, fields, content)| {
        Body::Deliver(Deliver {
            msg_id,
            dest_id: fields.0,
            service_id: fields.1,
            tp_pid: o[0],
            tp_udhi: o[1],
            msg_fmt: o[2],
            src_terminal_id: fields.2,
            src_terminal_type: 0,
            registered_delivery: o[3],
            content,
            reserve: fields.3,
        })
    })
}

fn any_body() -> impl Strategy<Value = Body> {
    let proof = proptest::array::uniform16(0u8..);
    let connect = (field_of(6), proof.clone(), 0u8.., 0u32..);
    let connect = connect.prop_map(|(source_addr, authenticator, version, timestamp)| {
        Body::Connect { source_addr, authenticator, version, timestamp }
    });
    let answer = (0u32..256, proof, 0u8..);
    let answer = answer.prop_map(|(status, authenticator, version)| Body::ConnectAnswer {
        status,
        authenticator,
        version,
    });
    let result = || (0u64.., 0u32..256);
    prop_oneof![
        connect,
        answer,
        any_submit(),
        any_deliver(),
        result().prop_map(|(msg_id, result)| Body::SubmitAnswer { msg_id, result }),
        result().prop_map(|(msg_id, result)| Body::DeliverAnswer { msg_id, result }),
        Just(Body::Terminate),
        Just(Body::TerminateAnswer),
        Just(Body::ActiveTest),
        (0u8..).prop_map(Body::ActiveTestAnswer),
        vec(0u8.., 0..50).prop_map(|octets| Body::Other { command: 0x06, octets }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(sequence in 0u32.., body in any_body(), wide: bool) {
        let version = if wide { Version::V30 } else { Version::V20 };
        let pdu = Pdu { sequence, body };
        let octets = pdu.encode(version).unwrap();
        prop_assert!(octets.len() <= version.packet_octets());
        prop_assert_eq!(Pdu::decode(&octets, version).unwrap(), pdu);
    }

    #[test]
    fn any_octets_are_a_value(command in 0u32..12, answer: bool, tail in vec(0u8.., 0..400)) {
        let mut octets = (12 + tail.len() as u32).to_be_bytes().to_vec();
        octets.extend((command | u32::from(answer) << 31).to_be_bytes());
        octets.extend([0; 4]);
        octets.extend(&tail);
        for (version, word) in [(Version::V20, "2.0"), (Version::V30, "3.0")] {
            let cmpp = speech(word, "udh");
            let _ = Pdu::decode(&tail, version);
            let _ = StatusReport::read(&tail);
            let _ = cmpp.greeted(&tail, &octets);
            if let Ok(pdu) = Pdu::decode(&octets, version) {
                // Nothing is held that the octets did not hold, but padding that was left out.
                let again = pdu.encode(version).map_or(0, |again| again.len());
                prop_assert!(again <= octets.len() + 20);
            }
            if let Ok(Heard::Delivery { what: What::Words(words), .. }) = cmpp.read(&octets) {
                prop_assert!(words.octets.len() <= octets.len());
            }
        }
    }

    #[test]
    fn a_changed_pdu_never_panics(body in any_deliver(), at in 0usize..200, octet in 0u8..) {
        let mut octets = Pdu { sequence: 1, body }.encode(Version::V20).unwrap();
        let at = at % octets.len();
        octets[at] = octet;
        let _ = speech("2.0", "udh").read(&octets);
    }
}

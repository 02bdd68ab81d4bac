//! The codec held to the vectors of the sheets, and to any octets at all.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::pdu::*;
use super::*;
use crate::channel::session::Report;

const VECTORS: &str = include_str!("../../../tests/fixtures/vectors_sessions.json");

pub(crate) fn vectors(kind: &str, least: usize) -> Vec<Value> {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let found = all["kinds"][kind]["vectors"].as_array().unwrap().clone();
    assert!(found.len() >= least, "{kind} has lost its vectors");
    found
}

pub(crate) fn octets(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn field(inputs: &Value, name: &str) -> Vec<u8> {
    inputs[name].as_str().unwrap().as_bytes().to_vec()
}

fn number(inputs: &Value, name: &str) -> u8 {
    inputs[name].as_u64().unwrap() as u8
}

fn address(inputs: &Value, kind: &str, digits: &str) -> Address {
    Address {
        ton: number(inputs, &format!("{kind}_addr_ton")),
        npi: number(inputs, &format!("{kind}_addr_npi")),
        digits: field(inputs, digits),
    }
}

fn tlvs(inputs: &Value) -> Vec<Tlv> {
    let Some(named) = inputs["tlvs"].as_object() else {
        return Vec::new();
    };
    // In the order in which the vectors have them on the wire.
    let order = [
        ("message_state", tag::MESSAGE_STATE),
        ("receipted_message_id", tag::RECEIPTED_MESSAGE_ID),
        ("sar_msg_ref_num", tag::SAR_MSG_REF_NUM),
        ("sar_total_segments", tag::SAR_TOTAL_SEGMENTS),
        ("sar_segment_seqnum", tag::SAR_SEGMENT_SEQNUM),
        ("message_payload", tag::MESSAGE_PAYLOAD),
    ];
    let value = |name: &str, tag| match (&named[name], tag) {
        (Value::Number(n), tag::SAR_MSG_REF_NUM) => {
            (n.as_u64().unwrap() as u16).to_be_bytes().to_vec()
        }
        (Value::Number(n), _) => vec![n.as_u64().unwrap() as u8],
        (text, tag::MESSAGE_PAYLOAD) => octets(text),
        (Value::String(state), tag::MESSAGE_STATE) if state == "MessageState.EXPIRED" => vec![3],
        (Value::String(_), _) => [octets(&named[name]).as_slice(), &[0]].concat(),
        other => panic!("{other:?}"),
    };
    let known = order.iter().filter(|(name, _)| named.contains_key(*name));
    let tlvs: Vec<Tlv> =
        known.map(|(name, tag)| Tlv { tag: *tag, value: value(name, *tag) }).collect();
    assert_eq!(tlvs.len(), named.len());
    tlvs
}

fn short(inputs: &Value) -> Short {
    Short {
        source: address(inputs, "source", "source_addr"),
        destination: address(inputs, "dest", "destination_addr"),
        esm_class: number(inputs, "esm_class"),
        registered_delivery: number(inputs, "registered_delivery"),
        data_coding: number(inputs, "data_coding"),
        short_message: octets(&inputs["short_message_hex"]),
        tlvs: tlvs(inputs),
        ..Short::default()
    }
}

fn body(inputs: &Value) -> Body {
    let bind = || Bind {
        system_id: field(inputs, "system_id"),
        password: field(inputs, "password"),
        system_type: field(inputs, "system_type"),
        interface_version: number(inputs, "interface_version"),
        addr_ton: number(inputs, "addr_ton"),
        addr_npi: number(inputs, "addr_npi"),
        address_range: field(inputs, "address_range"),
    };
    match inputs["command"].as_str().unwrap() {
        "bind_transceiver" => Body::Bind(Role::Transceiver, bind()),
        "bind_transmitter" => Body::Bind(Role::Transmitter, bind()),
        "submit_sm" => Body::Submit(short(inputs)),
        "deliver_sm" => Body::Deliver(short(inputs)),
        "enquire_link" => Body::EnquireLink,
        "enquire_link_resp" => Body::EnquireLinkAnswer,
        "unbind" => Body::Unbind,
        "submit_sm_resp" if inputs["message_id"].is_string() => {
            Body::SubmitAnswer(Some(field(inputs, "message_id")))
        }
        "submit_sm_resp" => Body::SubmitAnswer(None),
        "generic_nack" => Body::Nack,
        "deliver_sm_resp" => Body::DeliverAnswer(Some(Vec::new())),
        other => panic!("{other}"),
    }
}

#[test]
fn every_vector_is_written_and_read() {
    let kinds = [("smpp_bind", 3), ("smpp_submit_sm", 7), ("smpp_deliver_sm", 3), ("smpp_misc", 7)];
    for (kind, least) in kinds {
        for vector in vectors(kind, least) {
            let inputs = &vector["inputs"];
            let status = match inputs["command_status"].as_str() {
                None => 0,
                Some(said) if said.contains("0x58") => 0x58,
                Some(said) if said.contains("0x03") => 0x03,
                Some(other) => panic!("{other}"),
            };
            let sequence = inputs["sequence"].as_u64().unwrap() as u32;
            let pdu = Pdu { status, sequence, body: body(inputs) };
            let expected = octets(&vector["expected"]["pdu"]);
            assert_eq!(pdu.encode().unwrap(), expected, "{}", vector["id"]);
            assert_eq!(Pdu::decode(&expected).unwrap(), pdu, "{}", vector["id"]);
        }
    }
}

pub(crate) fn settings(long: &str) -> SmppSettings {
    let text = format!(
        "name = \"smpp\"\nrealm = \"practice\"\naddress = \"127.0.0.1:2775\"\n\
         system_id = \"emerg01\"\npassword_env = \"X\"\nsource = \"1069012379\"\n\
         long = \"{long}\"\n"
    );
    toml::from_str(&text).unwrap()
}

fn build(settings: &SmppSettings, password: &str) -> Smpp {
    let given = [("password", password)];
    Smpp::new(settings, &mut Opening::new(&settings.name, settings.realm, &given)).unwrap()
}

fn speech(long: &str) -> Smpp {
    build(&settings(long), "secret08")
}

/// What the account of the vectors sends is, octet for octet, what the vectors say.
#[test]
fn messages_become_the_submits_of_the_vectors() {
    let mut seen = 0;
    for vector in vectors("smpp_submit_sm", 7) {
        let (inputs, id) = (&vector["inputs"], vector["id"].as_str().unwrap());
        let (long, reference, part) = match id {
            "submit-sar-part1" => ("sar", 0x1234, 0),
            "submit-sar-part2" => ("sar", 0x1234, 1),
            "submit-message-payload" => ("payload", 1, 0),
            "submit-udh-part2" => ("udh", 0xa7, 1),
            _ => ("udh", 0xa7, 0),
        };
        let message = Message {
            to: "+8613800138000".into(),
            text: inputs["text"].as_str().unwrap().into(),
            reference: "r".into(),
        };
        let mut pdus = speech(long).parts(&message, reference).unwrap();
        let sequence = inputs["sequence"].as_u64().unwrap() as u32;
        pdus[part][12..16].copy_from_slice(&sequence.to_be_bytes());
        assert_eq!(pdus[part], octets(&vector["expected"]["pdu"]), "{id}");
        seen += 1;
    }
    assert_eq!(seen, 7);
    let bind = octets(&vectors("smpp_bind", 3)[0]["expected"]["pdu"]);
    let mut greeting = speech("udh").greet(Way::Both, 0).unwrap();
    greeting[12..16].copy_from_slice(&1u32.to_be_bytes());
    assert_eq!(greeting, bind);
}

#[test]
fn what_the_vectors_deliver_is_understood() {
    let said = |at: usize| {
        let pdu = octets(&vectors("smpp_deliver_sm", 3)[at]["expected"]["pdu"]);
        let Heard::Delivery { taken, again, what } = speech("udh").read(&pdu).unwrap() else {
            panic!("a delivery");
        };
        assert_eq!(Pdu::decode(&taken).unwrap().status, 0);
        assert_eq!(Pdu::decode(&again).unwrap().status, 0x64);
        what
    };
    let report = |id: &str, class, code: &str| {
        let callee = Some("8613800138000".into());
        What::Report(Report { id: id.into(), callee, class, code: code.into(), at: None })
    };
    assert_eq!(said(0), report("0123456789", ReceiptClass::Delivered, "DELIVRD"));
    assert_eq!(said(1), report("AB12", ReceiptClass::Expired, "EXPIRED 027"));
    let What::Words(words) = said(2) else { panic!("words") };
    assert_eq!((words.from.as_str(), words.to.as_str()), ("8613800138000", "106901237917"));
    assert_eq!(speech("udh").text(words.coding, &words.octets), "1已转移");
}

#[test]
fn answers_have_their_meaning_and_nonsense_an_answer() {
    let smpp = speech("udh");
    let read = |status, body| smpp.read(&Pdu { status, sequence: 9, body }.encode().unwrap());
    let taken = |id: &str| Heard::Answer { sequence: 9, said: Said::Taken(id.into()) };
    assert_eq!(read(0, Body::SubmitAnswer(Some(b"a1".to_vec()))), Ok(taken("a1")));
    assert_eq!(read(0, Body::SubmitAnswer(None)), Ok(taken("")));
    let Ok(Heard::Answer { said: Said::Not(outcome), .. }) = read(0x58, Body::SubmitAnswer(None))
    else {
        panic!("throttled");
    };
    assert_eq!(outcome.code(), 4);
    let odd = Body::Other { command: 0x21, octets: vec![1, 2] };
    let Ok(Heard::Other { answer: Some(nack) }) = read(0, odd) else { panic!("a nack") };
    assert_eq!(Pdu::decode(&nack).unwrap(), Pdu { status: 3, sequence: 9, body: Body::Nack });
    let broken = [&[0, 0, 0, 18, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 7][..], &[b'x'; 2]].concat();
    let Ok(Heard::Delivery { what: What::Odd, .. }) = smpp.read(&broken) else { panic!("odd") };
    let refused =
        Pdu { status: 0x0e, sequence: 1, body: Body::BindAnswer(Role::Transceiver, None) };
    let Greeting::Refused(why) = smpp.greeted(&[], &refused.encode().unwrap()) else {
        panic!("refused");
    };
    assert!(why.contains("password"), "{why}");
}

#[test]
fn settings_that_cannot_be_meant_are_named() {
    let fault = |change: fn(&mut SmppSettings), password: &str| {
        let mut settings = settings("udh");
        change(&mut settings);
        let given = [("password", password)];
        let mut opening = Opening::new("smpp", settings.realm, &given);
        settings.open(&mut opening).err().unwrap().to_string()
    };
    assert!(fault(|s| s.address = "smsc.example.cn:2775".into(), "x").contains("address"));
    assert!(fault(|_| {}, "ninecharss").contains("password"));
    assert!(fault(|s| s.system_id = "a".repeat(16), "x").contains("system_id"));
    assert!(fault(|s| s.source = "1".repeat(21), "x").contains("source"));
    assert!(fault(|s| s.priority = 4, "x").contains("priority"));
    assert!(fault(|s| s.validity_minutes = Some(0), "x").contains("validity_minutes"));
    assert!(fault(|s| s.link.window = 0, "x").contains("link.window"));
    let mut fine = settings("udh");
    fine.validity_minutes = Some(1_565);
    let made = build(&fine, "x");
    assert_eq!(made.validity, b"000001020500000R");
}

fn field_of(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(1u8.., 0..most)
}

fn any_address() -> impl Strategy<Value = Address> {
    (0u8.., 0u8.., field_of(21)).prop_map(|(ton, npi, digits)| Address { ton, npi, digits })
}

fn any_tlvs() -> impl Strategy<Value = Vec<Tlv>> {
    let tlv = (0u16.., vec(0u8.., 0..300)).prop_map(|(tag, value)| Tlv { tag, value });
    vec(tlv, 0..6)
}

fn any_short() -> impl Strategy<Value = Short> {
    let octets = proptest::array::uniform7(0u8..);
    let heads = (field_of(6), any_address(), any_address(), field_of(17), field_of(17));
    (heads, octets, vec(0u8.., 0..255), any_tlvs()).prop_map(|(heads, o, short_message, tlvs)| {
        let (service_type, source, destination, schedule, validity) = heads;
        Short {
            service_type,
            source,
            destination,
            esm_class: o[0],
            protocol_id: o[1],
            priority_flag: o[2],
            schedule_delivery_time: schedule,
            validity_period: validity,
            registered_delivery: o[3],
            replace_if_present_flag: o[4],
            data_coding: o[5],
            sm_default_msg_id: o[6],
            short_message,
            tlvs,
        }
    })
}

fn any_body() -> impl Strategy<Value = Body> {
    let role = prop_oneof![Just(Role::Receiver), Just(Role::Transmitter), Just(Role::Transceiver)];
    let fields = (field_of(16), field_of(9), field_of(13), field_of(41));
    let bind = (fields, proptest::array::uniform3(0u8..)).prop_map(|(fields, octets)| {
        let (system_id, password, system_type, address_range) = fields;
        let [interface_version, addr_ton, addr_npi] = octets;
        Bind {
            system_id,
            password,
            system_type,
            interface_version,
            addr_ton,
            addr_npi,
            address_range,
        }
    });
    let answer = proptest::option::of((field_of(16), any_tlvs()));
    prop_oneof![
        (role.clone(), bind).prop_map(|(role, bind)| Body::Bind(role, bind)),
        (role, answer).prop_map(|(role, answer)| Body::BindAnswer(role, answer)),
        any_short().prop_map(Body::Submit),
        any_short().prop_map(Body::Deliver),
        proptest::option::of(field_of(65)).prop_map(Body::SubmitAnswer),
        proptest::option::of(field_of(65)).prop_map(Body::DeliverAnswer),
        Just(Body::EnquireLink),
        Just(Body::EnquireLinkAnswer),
        Just(Body::Unbind),
        Just(Body::UnbindAnswer),
        Just(Body::Nack),
        vec(0u8.., 0..50).prop_map(|octets| Body::Other { command: 0x103, octets }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(status in 0u32.., sequence in 0u32.., body in any_body()) {
        let pdu = Pdu { status, sequence, body };
        let octets = pdu.encode().unwrap();
        prop_assert!(octets.len() <= PDU_OCTETS);
        prop_assert_eq!(Pdu::decode(&octets).unwrap(), pdu);
    }

    #[test]
    fn any_octets_are_a_value(command in 0u32..0x25, answer: bool, tail in vec(0u8.., 0..400)) {
        let mut octets = (16 + tail.len() as u32).to_be_bytes().to_vec();
        octets.extend((command | u32::from(answer) << 31).to_be_bytes());
        octets.extend([0; 8]);
        octets.extend(&tail);
        let _ = Pdu::decode(&tail);
        let smpp = speech("udh");
        let _ = smpp.greeted(&[], &octets);
        if let Ok(pdu) = Pdu::decode(&octets) {
            // Nothing is held that the octets did not hold.
            prop_assert!(pdu.encode().map_or(0, |again| again.len()) <= octets.len() + 8);
        }
        if let Ok(Heard::Delivery { what: What::Words(words), .. }) = smpp.read(&octets) {
            prop_assert!(words.octets.len() <= octets.len());
        }
    }

    #[test]
    fn a_changed_pdu_never_panics(short in any_short(), at in 0usize..200, octet in 0u8..) {
        let mut octets = Pdu::new(1, Body::Deliver(short)).encode().unwrap();
        let at = at % octets.len();
        octets[at] = octet;
        let _ = speech("udh").read(&octets);
    }
}

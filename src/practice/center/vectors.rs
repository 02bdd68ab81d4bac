//! The sheets' vectors of session protocols, to which both centres are held.

use serde_json::Value;

const VECTORS: &str = include_str!("../../../tests/fixtures/vectors_sessions.json");

pub(super) fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    all["kinds"][kind]["vectors"].as_array().unwrap().clone()
}

pub(super) fn octets(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap().as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.chunks(2).map(pair).collect()
}

/// The PDU of one vector.
pub(super) fn expected(kind: &str, id: &str) -> Vec<u8> {
    let found = vectors(kind).into_iter().find(|vector| vector["id"] == id).unwrap();
    octets(&found["expected"]["pdu"])
}

//! ACS3-HMAC-SHA256, the V3 signature of Aliyun's gateways (sheet `aliyun-sms` §2). It signs; it
//! sends nothing and reads no clock.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::channel::answer::hex;

const SCHEME: &str = "ACS3-HMAC-SHA256";

/// The request as it is signed; names of headers in lower case.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// As [`query`] writes it.
    pub(super) query: &'a str,
    pub(super) headers: &'a BTreeMap<&'a str, &'a str>,
}

impl Asked<'_> {
    /// The request in its canonical form; `sum` is the digest of the body.
    pub(super) fn canonical(&self, sum: &str) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.method, self.path, self.query);
        for (name, value) in self.headers {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{name}:{}", value.trim());
        }
        let _ = write!(text, "\n{}\n{sum}", self.names());
        text
    }

    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self, sum: &str, id: &str, secret: &str) -> String {
        let told = format!("{SCHEME}\n{}", digest(self.canonical(sum).as_bytes()));
        let names = self.names();
        // A key of any length is taken; an empty signature would only be refused.
        let signature = match Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
            Ok(mut mac) => {
                mac.update(told.as_bytes());
                hex(&mac.finalize().into_bytes())
            }
            Err(_) => String::new(),
        };
        format!("{SCHEME} Credential={id},SignedHeaders={names},Signature={signature}")
    }

    fn names(&self) -> String {
        self.headers.keys().copied().collect::<Vec<_>>().join(";")
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Parameters sorted by name, encoded as the signature wants them.
pub(super) fn query(parameters: &BTreeMap<&str, &str>) -> String {
    let pair = |(name, value): (&&str, &&str)| format!("{}={}", encode(name), encode(value));
    parameters.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: &serde_json::Value) -> BTreeMap<&str, &str> {
        let pairs = value.as_object().unwrap().iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
    }

    #[test]
    fn every_published_signature_comes_out() {
        let file = include_str!("../../../tests/fixtures/aliyun/vectors.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let vectors = file["kinds"]["aliyun_acs3_hmac_sha256"]["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 5);
        for vector in vectors {
            let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
            let (parameters, headers) = (map(&inputs["query"]), map(&inputs["headers"]));
            let line = query(&parameters);
            assert_eq!(line, expected["canonical_query"], "{}", vector["id"]);
            let sum = digest(inputs["body"].as_str().unwrap().as_bytes());
            assert_eq!(sum, expected["payload_sha256"], "{}", vector["id"]);
            let asked = Asked {
                method: inputs["method"].as_str().unwrap(),
                path: inputs["path"].as_str().unwrap(),
                query: &line,
                headers: &headers,
            };
            assert_eq!(asked.canonical(&sum), expected["canonical_request"], "{}", vector["id"]);
            let (id, secret) = (&inputs["access_key_id"], &inputs["access_key_secret"]);
            let said = asked.authorization(&sum, id.as_str().unwrap(), secret.as_str().unwrap());
            assert_eq!(said, expected["authorization"], "{}", vector["id"]);
        }
    }
}

//! TC3-HMAC-SHA256, the signature of Tencent Cloud's API 3.0 (sheet `tencent-sms` §2). It signs;
//! it sends nothing and reads no clock.

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::channel::answer::hex;

const SCHEME: &str = "TC3-HMAC-SHA256";

/// Whose call it is and what of it is signed.
pub(super) struct Signer<'a> {
    pub(super) id: &'a str,
    pub(super) key: &'a str,
    pub(super) service: &'a str,
    pub(super) host: &'a str,
    /// Byte for byte as it is sent.
    pub(super) content_type: &'a str,
    /// Signed too, where given.
    pub(super) action: Option<&'a str>,
}

impl Signer<'_> {
    /// The value of the `Authorization` header; none where the time has no date.
    pub(super) fn authorization(&self, seconds: i64, body: &[u8]) -> Option<String> {
        // The date is that of UTC, wherever we are.
        let date = Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%d").to_string();
        let names = match self.action {
            Some(_) => "content-type;host;x-tc-action",
            None => "content-type;host",
        };
        let action = self.action.map(str::to_ascii_lowercase);
        let action = action.map(|action| format!("x-tc-action:{action}\n")).unwrap_or_default();
        let asked = format!(
            "POST\n/\n\ncontent-type:{}\nhost:{}\n{action}\n{names}\n{}",
            self.content_type,
            self.host,
            digest(body)
        );
        let scope = format!("{date}/{}/tc3_request", self.service);
        let told = format!("{SCHEME}\n{seconds}\n{scope}\n{}", digest(asked.as_bytes()));
        let key = mac(format!("TC3{}", self.key).as_bytes(), &date)?;
        let key = mac(&mac(&key, self.service)?, "tc3_request")?;
        let signature = hex(&mac(&key, &told)?);
        let id = self.id;
        Some(format!(
            "{SCHEME} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        ))
    }
}

fn mac(key: &[u8], text: &str) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().into())
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_signature_comes_out() {
        let file = include_str!("../../../tests/fixtures/tencent/vectors.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let vectors = file["kinds"]["tencent_tc3_hmac_sha256"]["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 4);
        for vector in vectors {
            let inputs = &vector["inputs"];
            let text = |name: &str| inputs[name].as_str().unwrap();
            let with_action = text("signed_headers").contains("x-tc-action");
            let signer = Signer {
                id: text("secret_id"),
                key: text("secret_key"),
                service: text("service"),
                host: text("host"),
                content_type: text("content_type"),
                action: with_action.then_some(text("action")),
            };
            let seconds = inputs["timestamp"].as_i64().unwrap();
            let said = signer.authorization(seconds, text("payload").as_bytes()).unwrap();
            assert_eq!(said, vector["expected"]["authorization"], "{}", vector["id"]);
        }
    }

    #[test]
    fn a_time_without_a_date_is_no_signature() {
        let signer = Signer {
            id: "a",
            key: "b",
            service: "sms",
            host: "h",
            content_type: "c",
            action: None,
        };
        assert_eq!(signer.authorization(i64::MAX, b""), None);
    }
}

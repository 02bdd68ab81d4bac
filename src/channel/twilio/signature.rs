//! X-Twilio-Signature: HMAC-SHA1 over the public URL and the sorted form fields (sheet `voice`
//! §3). It checks and signs; it does not decode what the fields mean.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A decoded form field.
pub(super) type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The account's token, ready to sign with.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha1>);

impl Key {
    pub(super) fn new(token: &[u8]) -> Option<Key> {
        Hmac::new_from_slice(token).ok().map(Key)
    }

    /// The digest over `url` and `fields`, which must stand in [`sort`]ed order.
    pub(super) fn sign(&self, url: &str, query: Option<&str>, fields: &[Field<'_>]) -> [u8; 20] {
        let mut mac = self.0.clone();
        mac.update(url.as_bytes());
        if let Some(query) = query {
            mac.update(b"?");
            mac.update(query.as_bytes());
        }
        for (name, value) in fields {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether `given` (base64) is the signature for one of the spellings of the URL.
    pub(super) fn verify(
        &self,
        urls: &[String],
        query: Option<&str>,
        fields: &[Field<'_>],
        given: &[u8],
    ) -> bool {
        let Ok(given) = STANDARD.decode(given) else {
            return false;
        };
        urls.iter().any(|url| self.sign(url, query, fields).ct_eq(&given).into())
    }
}

/// Puts fields into the order of signing: by name, then value; equal pairs stand once.
pub(super) fn sort(fields: &mut Vec<Field<'_>>) {
    fields.sort_unstable();
    fields.dedup();
}

/// Whether the query's `bodySHA256` is the hash of `body`: so a body that is no form is signed.
pub(super) fn body_matches(query: Option<&str>, body: &[u8]) -> bool {
    let query = query.unwrap_or_default().as_bytes();
    let Some((_, given)) = form_urlencoded::parse(query).find(|(name, _)| name == "bodySHA256")
    else {
        return false;
    };
    let mut hex = [0_u8; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(Sha256::digest(body)) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    hex.ct_eq(given.to_ascii_lowercase().as_bytes()).into()
}

/// The spellings under which the provider may have signed `base` (scheme, authority, path): as it
/// stands, and with the port left out or the default port put in.
pub(super) fn spellings(base: &str) -> Vec<String> {
    let mut all = vec![base.to_owned()];
    let Some((scheme, rest)) = base.split_once("://") else {
        return all;
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
            all.push(format!("{scheme}://{host}{path}"));
        }
        _ => {
            let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
            all.push(format!("{scheme}://{authority}:{port}{path}"));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        id: String,
        inputs: serde_json::Value,
        expected: serde_json::Value,
    }

    pub(crate) fn fields(params: &serde_json::Value) -> Vec<Field<'static>> {
        let mut fields: Vec<Field<'static>> = Vec::new();
        for (name, value) in params.as_object().unwrap() {
            let values = value.as_array().cloned().unwrap_or(vec![value.clone()]);
            for value in values {
                let value = value.as_str().unwrap().to_owned();
                fields.push((Cow::Owned(name.clone()), Cow::Owned(value)));
            }
        }
        sort(&mut fields);
        fields
    }

    #[test]
    fn every_published_signature_comes_out_and_no_other() {
        let file = include_str!("../../../tests/fixtures/twilio/vectors.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let vectors = file["kinds"]["twilio_signature_sha1"]["vectors"].clone();
        let vectors: Vec<Vector> = serde_json::from_value(vectors).unwrap();
        assert_eq!(vectors.len(), 6);
        for Vector { id, inputs, expected } in vectors {
            let key = Key::new(inputs["auth_token"].as_str().unwrap().as_bytes()).unwrap();
            let url = inputs["url"].as_str().unwrap();
            let (base, query) = match url.split_once('?') {
                Some((base, query)) => (base, Some(query)),
                None => (url, None),
            };
            let fields = fields(&inputs["params"]);
            let signature = expected["signature"].as_str().unwrap();
            assert_eq!(STANDARD.encode(key.sign(base, query, &fields)), signature, "{id}");
            let urls = spellings(base);
            assert!(key.verify(&urls, query, &fields, signature.as_bytes()), "{id}");
            assert!(!key.verify(&urls, Some("foo=2"), &fields, signature.as_bytes()), "{id}");
            if let Some(body) = inputs["json_body"].as_str() {
                assert!(body_matches(query, body.as_bytes()), "{id}");
                assert!(!body_matches(query, b"{}"), "{id}");
            }
        }
    }

    #[test]
    fn the_default_port_may_be_named_or_not() {
        assert_eq!(
            spellings("https://a.example/h"),
            ["https://a.example/h", "https://a.example:443/h"]
        );
        assert_eq!(
            spellings("http://a.example:80/h"),
            ["http://a.example:80/h", "http://a.example/h"]
        );
        assert_eq!(spellings("http://[::1]/h"), ["http://[::1]/h", "http://[::1]:80/h"]);
        let key = Key::new(b"token").unwrap();
        let signed = STANDARD.encode(key.sign("https://a.example:443/h", None, &[]));
        assert!(key.verify(&spellings("https://a.example/h"), None, &[], signed.as_bytes()));
        assert!(!key.verify(&spellings("https://b.example/h"), None, &[], signed.as_bytes()));
        for given in ["", "=", "AAAA", "不是"] {
            assert!(!key.verify(&spellings("https://a.example/h"), None, &[], given.as_bytes()));
        }
    }

    #[test]
    fn a_body_without_its_hash_is_not_signed() {
        assert!(!body_matches(None, b"{}"));
        assert!(!body_matches(Some("bodySHA256="), b"{}"));
        assert!(!body_matches(Some("bodysha256=44136fa355b3678a"), b"{}"));
    }
}

//! The gateway's side of the Twilio-shaped wire, written from the sheet (`voice` §3, §4): reads a
//! send, writes its answers, signs callbacks. It keeps nothing and decides nothing.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{Request, Response};
use sha1::Sha1;

/// The largest form taken, in bytes: a hundred texts as some vendors write them.
pub(super) const FORM_LIMIT: usize = 256 * 1024;

/// What a send asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) to: String,
    /// The number shown; none where a messaging service chooses it.
    pub(super) from: Option<String>,
    pub(super) text: String,
    pub(super) callback: Option<String>,
}

/// A refusal in the provider's own words.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: &'static str,
}

/// Reads the form of a send, or says what it lacks.
pub(super) fn read(body: &[u8]) -> Result<Asked, Refusal> {
    let bad = |code, message| Refusal { status: 400, code, message };
    if body.len() > FORM_LIMIT {
        return Err(bad(21617, "The request is too large"));
    }
    let mut asked = Asked { to: String::new(), from: None, text: String::new(), callback: None };
    let mut sender = false;
    for (name, value) in form_urlencoded::parse(body) {
        match name.as_ref() {
            "To" => asked.to = value.into_owned(),
            "From" => {
                sender = true;
                asked.from = Some(value.into_owned());
            }
            "MessagingServiceSid" => sender = value.starts_with("MG"),
            "Body" => asked.text = value.into_owned(),
            "StatusCallback" => asked.callback = Some(value.into_owned()),
            _ => {}
        }
    }
    let digits = asked.to.strip_prefix('+').unwrap_or_default();
    if !(8..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad(21211, "The 'To' number is not a valid phone number"));
    }
    if !sender {
        return Err(bad(21603, "A 'From' phone number is required"));
    }
    if asked.text.is_empty() {
        return Err(bad(21602, "Message body is required"));
    }
    if asked.text.chars().count() > 1_600 {
        return Err(bad(21617, "The message body exceeds the 1600 character limit"));
    }
    Ok(asked)
}

/// Our reference out of the callback's URL; empty where there is none.
pub(super) fn reference(callback: Option<&str>) -> String {
    let query = callback.and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "ref");
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// `SM` and 32 hex digits, as the provider writes its names.
pub(super) fn sid(high: u64, low: u64) -> String {
    format!("SM{high:016x}{low:016x}")
}

/// 201, with the fields a client looks at.
pub(super) fn created(account: &str, sid: &str, to: &str, text: &str) -> Response<Bytes> {
    let body = serde_json::json!({
        "sid": sid, "account_sid": account, "api_version": "2010-04-01", "status": "queued",
        "to": to, "body": text, "num_segments": "1",
        "direction": "outbound-api", "error_code": null, "error_message": null,
    });
    answer(201, body.to_string(), None)
}

/// A refusal, with the seconds to wait where it is a matter of rate.
pub(super) fn refused(refusal: &Refusal, retry_after_s: Option<i64>) -> Response<Bytes> {
    let Refusal { status, code, message } = refusal;
    let body = serde_json::json!({
        "code": code, "message": message, "status": status,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
    });
    answer(*status, body.to_string(), retry_after_s)
}

fn answer(status: u16, body: String, retry_after_s: Option<i64>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    if let Some(seconds) = retry_after_s {
        answer.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// What the account calls with: `Basic base64(sid:token)`.
pub(super) fn basic(account: &str, token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{account}:{token}")))
}

/// X-Twilio-Signature over the URL and the fields by name; equal pairs count once.
pub(super) fn sign(token: &str, url: &str, fields: &[(&str, String)]) -> String {
    let mut sorted: BTreeMap<(&str, &str), ()> = BTreeMap::new();
    for (name, value) in fields {
        sorted.insert((name, value), ());
    }
    let mut said = url.to_owned();
    for ((name, value), ()) in &sorted {
        said.push_str(name);
        said.push_str(value);
    }
    // A key of any length is taken; an empty digest would only fail the check at the other end.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.as_bytes()) else {
        return String::new();
    };
    mac.update(said.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A signed POST of `fields` to `url`; none where `url` is no URL.
pub(super) fn callback(
    token: &str,
    url: &str,
    fields: &[(&str, String)],
) -> Option<Request<Bytes>> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(name, value);
    }
    Request::post(url)
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
        .header("x-twilio-signature", sign(token, url, fields))
        .body(Bytes::from(form.finish()))
        .ok()
}

/// Scheme and authority of a URL: where it leads.
pub(super) fn origin(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let rest = url.get(start..)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_side_holds_to_the_published_vectors_too() {
        let file = include_str!("../../tests/fixtures/twilio/vectors.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let vectors = file["kinds"]["twilio_signature_sha1"]["vectors"].as_array().unwrap();
        for vector in vectors {
            let inputs = &vector["inputs"];
            let mut fields = Vec::new();
            for (name, value) in inputs["params"].as_object().unwrap() {
                let values = value.as_array().cloned().unwrap_or(vec![value.clone()]);
                for value in values {
                    fields.push((name.as_str(), value.as_str().unwrap().to_owned()));
                }
            }
            let token = inputs["auth_token"].as_str().unwrap();
            let signature = sign(token, inputs["url"].as_str().unwrap(), &fields);
            assert_eq!(signature, vector["expected"]["signature"], "{}", vector["id"]);
        }
        assert_eq!(vectors.len(), 6);
    }

    #[test]
    fn a_send_says_what_it_lacks() {
        let code = |form: &str| read(form.as_bytes()).err().map(|refusal| refusal.code);
        assert_eq!(code("To=%2B8619900000001&From=1&Body=%E6%B0%B4"), None);
        assert_eq!(code("To=%2B8619900000001&MessagingServiceSid=MG1&Body=1"), None);
        assert_eq!(code("To=19900000001&From=1&Body=1"), Some(21211));
        assert_eq!(code("To=%2B861990000000x&From=1&Body=1"), Some(21211));
        assert_eq!(code("From=1&Body=1"), Some(21211));
        assert_eq!(code("To=%2B8619900000001&Body=1"), Some(21603));
        assert_eq!(code("To=%2B8619900000001&From=1"), Some(21602));
        let long = format!("To=%2B8619900000001&From=1&Body={}", "x".repeat(1_601));
        assert_eq!(code(&long), Some(21617));
    }

    #[test]
    fn a_url_leads_to_its_origin_and_carries_the_reference() {
        assert_eq!(origin("http://127.0.0.1:80/a?b"), Some("http://127.0.0.1:80"));
        assert_eq!(origin("http://127.0.0.1:8600"), Some("http://127.0.0.1:8600"));
        assert_eq!(origin("/a"), None);
        assert_eq!(reference(Some("http://a/h?x=1&ref=b%2F1")), "b/1");
        assert_eq!(reference(Some("http://a/h")), "");
        assert_eq!(reference(None), "");
    }
}

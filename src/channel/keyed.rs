//! Gateways that take a token with each call (WeCom, Official Account): how one is asked for, read,
//! put on a request, and found to be no longer good. It keeps none: the engine does, for all
//! processes.

use bytes::Bytes;
use http::{Request, Response, Uri};
use serde::Deserialize;

use super::RequestFault;

/// The longest token kept, in bytes.
const TOKEN_BYTES: usize = 1_024;
/// How long before its end a token is no longer used.
const SPARE_MS: i64 = 300_000;
/// What vendors say of a token that is wrong or over.
const STALE: [i64; 3] = [40_001, 40_014, 42_001];

/// A token as its vendor gave it. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    pub token: String,
    /// How long it may be used from now.
    pub lasts_ms: i64,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Grant({} ms)", self.lasts_ms)
    }
}

/// The token's side of a codec.
pub trait Keyed: Send + Sync {
    /// Asks for a token; `force`: the one we have was refused.
    fn ask(&self, force: bool) -> Result<Request<Bytes>, RequestFault>;
}

#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    errcode: i64,
    access_token: Option<String>,
    expires_in: Option<i64>,
}

fn said(answer: &Response<Bytes>) -> Said {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

/// The token in an answer, or the vendor's code for none.
pub fn grant(answer: &Response<Bytes>) -> Result<Grant, String> {
    let status = answer.status();
    let said = said(answer);
    let fit = |token: &String| {
        (1..=TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic())
    };
    match (said.errcode, said.access_token.filter(fit), said.expires_in) {
        (0, Some(token), Some(seconds)) if status.is_success() && seconds > 0 => {
            let lasts_ms = seconds.min(86_400).saturating_mul(1_000);
            Ok(Grant { token, lasts_ms: (lasts_ms - SPARE_MS).max(lasts_ms / 2) })
        }
        (0, ..) => Err(format!("http_{}", status.as_u16())),
        (code, ..) => Err(code.to_string()),
    }
}

/// Whether an answer says that the call's token is wrong or over.
pub fn is_stale(answer: &Response<Bytes>) -> bool {
    STALE.contains(&said(answer).errcode)
}

/// The request with the token in its query.
pub fn bear(request: &Request<Bytes>, token: &str) -> Result<Request<Bytes>, RequestFault> {
    let mark = if request.uri().query().is_some() { '&' } else { '?' };
    let mut line = form_urlencoded::Serializer::new(String::new());
    let line = line.append_pair("access_token", token).finish();
    let uri: Uri = format!("{}{mark}{line}", request.uri()).parse().map_err(RequestFault::new)?;
    let mut borne = Request::builder().method(request.method().clone()).uri(uri);
    if let Some(headers) = borne.headers_mut() {
        *headers = request.headers().clone();
    }
    borne.body(request.body().clone()).map_err(RequestFault::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
    }

    #[test]
    fn a_token_is_used_until_five_minutes_before_its_end() {
        let good = grant(&answer(200, r#"{"access_token":"T-1","expires_in":7200}"#)).unwrap();
        assert_eq!((good.token.as_str(), good.lasts_ms), ("T-1", 6_900_000));
        assert_eq!(format!("{good:?}"), "Grant(6900000 ms)", "never shown");
        let short = grant(&answer(200, r#"{"access_token":"T","expires_in":60}"#)).unwrap();
        assert_eq!(short.lasts_ms, 30_000);
        for (status, body, why) in [
            (200, r#"{"errcode":40125,"errmsg":"invalid appsecret"}"#, "40125"),
            (200, r#"{"errcode":0}"#, "http_200"),
            (500, r#"{"access_token":"T","expires_in":7200}"#, "http_500"),
            (200, r#"{"access_token":"a b","expires_in":7200}"#, "http_200"),
            (502, "<html>", "http_502"),
        ] {
            assert_eq!(grant(&answer(status, body)), Err(why.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_request_bears_its_token_and_stale_ones_are_told() {
        let request = Request::post("https://a.example/send?x=1").header("a", "b");
        let borne = bear(&request.body(Bytes::from("{}")).unwrap(), "T&1").unwrap();
        assert_eq!(borne.uri().query(), Some("x=1&access_token=T%261"));
        assert_eq!(
            (borne.body().as_ref(), borne.headers()["a"].as_bytes()),
            (&b"{}"[..], &b"b"[..])
        );
        for code in STALE {
            assert!(is_stale(&answer(200, &format!("{{\"errcode\":{code}}}"))));
        }
        assert!(!is_stale(&answer(200, "{\"errcode\":45009}")) && !is_stale(&answer(200, "")));
    }
}

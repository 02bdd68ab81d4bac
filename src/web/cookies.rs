//! The cookies: who is signed in, which visit an unsigned form belongs to, and that an account was
//! signed in from this browser before. They carry random values and a mark of ours, no data.

use axum::http::{HeaderMap, HeaderValue, header};

use super::WebSettings;

/// Longest value we would ever have given, with room.
const VALUE_BYTES: usize = 100;
/// A browser is known for so long after its last sign-in.
const KNOWN: &str = "; Max-Age=7776000";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    Session,
    Visit,
    Known,
}

impl Cookie {
    /// `__Host-` keeps a cookie to this host and to TLS; without TLS browsers refuse it.
    fn name(self, settings: &WebSettings) -> &'static str {
        match (self, settings.is_tls()) {
            (Cookie::Session, true) => "__Host-tongluo",
            (Cookie::Session, false) => "tongluo",
            (Cookie::Visit, true) => "__Host-tongluo-visit",
            (Cookie::Visit, false) => "tongluo-visit",
            (Cookie::Known, true) => "__Host-tongluo-known",
            (Cookie::Known, false) => "tongluo-known",
        }
    }
}

/// The value a browser sent.
pub(super) fn read(headers: &HeaderMap, settings: &WebSettings, cookie: Cookie) -> Option<String> {
    let name = cookie.name(settings);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
        .filter(|value| (1..=VALUE_BYTES).contains(&value.len()))
}

/// A session's until the browser is closed; how long it lives is the engine's.
pub(super) fn set(headers: &mut HeaderMap, settings: &WebSettings, cookie: Cookie, value: &str) {
    let end = match cookie {
        Cookie::Session | Cookie::Visit => "",
        Cookie::Known => KNOWN,
    };
    put(headers, settings, cookie, value, end);
}

/// Takes it away.
pub(super) fn drop(headers: &mut HeaderMap, settings: &WebSettings, cookie: Cookie) {
    put(headers, settings, cookie, "", "; Max-Age=0");
}

fn put(headers: &mut HeaderMap, settings: &WebSettings, cookie: Cookie, value: &str, end: &str) {
    if let Some(line) = line(settings, cookie, value, end) {
        headers.append(header::SET_COOKIE, line);
    }
}

/// The line by which a session that was opened elsewhere becomes a browser's.
pub(super) fn session(settings: &WebSettings, value: &str) -> Option<HeaderValue> {
    line(settings, Cookie::Session, value, "")
}

fn line(settings: &WebSettings, cookie: Cookie, value: &str, end: &str) -> Option<HeaderValue> {
    let secure = if settings.is_tls() { "; Secure" } else { "" };
    let name = cookie.name(settings);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{end}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_comes_back_as_it_was_set() {
        for (url, name) in [("https://a.cn", "__Host-tongluo"), ("http://a.cn", "tongluo")] {
            let settings = WebSettings { public_url: Some(url.into()), ..WebSettings::default() };
            let mut headers = HeaderMap::new();
            set(&mut headers, &settings, Cookie::Session, "abc-_9");
            let line = headers[header::SET_COOKIE].to_str().unwrap();
            assert!(line.starts_with(&format!("{name}=abc-_9; Path=/; HttpOnly; SameSite=Strict")));
            assert_eq!(line.ends_with("; Secure"), url.starts_with("https"));
            let sent = HeaderValue::from_str(&format!("x=1; {name}=abc-_9; {name}x=2")).unwrap();
            let headers = HeaderMap::from_iter([(header::COOKIE, sent)]);
            assert_eq!(read(&headers, &settings, Cookie::Session).as_deref(), Some("abc-_9"));
            assert_eq!(read(&headers, &settings, Cookie::Visit), None);
        }
    }
}

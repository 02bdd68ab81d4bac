//! Where a request comes from: whether a page of ours sent it, and which address is counted when
//! it guesses passwords. It decides nothing about who somebody is.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, header};

use super::WebSettings;

/// Whether a browser says that a page of ours sent this. With `Referrer-Policy: no-referrer` a
/// form's `Origin` is `null`, so `Sec-Fetch-Site` is asked first; where a browser sends neither,
/// the form's token alone decides.
pub(super) fn is_ours(headers: &HeaderMap, settings: &WebSettings) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    match text(header::ORIGIN) {
        None | Some("null") => true,
        Some(origin) => {
            let host = origin.split_once("://").map_or(origin, |(_, host)| host);
            let public = settings.public_url.as_deref().map(|url| url.trim_end_matches('/'));
            text(header::HOST) == Some(host) || public == Some(origin)
        }
    }
}

/// The address that is counted: the peer's, or what our own proxy says of its peer. Of IPv6 the
/// /64, which one household or attacker has whole.
pub(super) fn source(request: &Request, settings: &WebSettings) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let Some(peer) = peer.map(|ip| ip.to_canonical()) else {
        return "-".into();
    };
    if !settings.proxies.contains(&peer) {
        return network(peer);
    }
    let forwarded = request.headers().get_all("x-forwarded-for");
    let lines = forwarded.iter().filter_map(|line| line.to_str().ok());
    let last = lines.flat_map(|line| line.split(',')).last();
    let told = last.and_then(|ip| ip.trim().parse::<IpAddr>().ok());
    network(told.map_or(peer, |ip| ip.to_canonical()))
}

fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn only_our_own_pages_send_forms() {
        let settings =
            WebSettings { public_url: Some("https://a.cn/".into()), ..WebSettings::default() };
        let ours = |lines: &[(&'static str, &'static str)]| is_ours(&headers(lines), &settings);
        assert!(ours(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(ours(&[("origin", "https://a.cn"), ("host", "inside:8600")]));
        assert!(ours(&[("origin", "http://127.0.0.1:8600"), ("host", "127.0.0.1:8600")]));
        assert!(ours(&[]));
        assert!(!ours(&[("sec-fetch-site", "cross-site"), ("origin", "null")]));
        assert!(!ours(&[("sec-fetch-site", "same-site")]));
        assert!(!ours(&[("origin", "https://a.cn.evil.cn"), ("host", "a.cn")]));
        assert!(!ours(&[("origin", "https://evil.cn"), ("host", "a.cn")]));
    }

    #[test]
    fn only_our_proxy_is_believed_about_addresses() {
        let settings =
            WebSettings { proxies: vec!["127.0.0.1".parse().unwrap()], ..WebSettings::default() };
        let from = |peer: &str, told: Option<&'static str>| {
            let mut request = Request::new(Body::empty());
            let peer: SocketAddr = peer.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(told) = told {
                let told = HeaderValue::from_static(told);
                request.headers_mut().insert("x-forwarded-for", told);
            }
            source(&request, &settings)
        };
        assert_eq!(from("10.0.0.9:1", Some("8.8.8.8")), "10.0.0.9");
        assert_eq!(from("127.0.0.1:1", Some("1.1.1.1, 10.0.0.7")), "10.0.0.7");
        assert_eq!(from("127.0.0.1:1", Some("nonsense")), "127.0.0.1");
        assert_eq!(from("[2001:db8:1:2:3::4]:1", None), "2001:db8:1:2::/64");
        assert_eq!(from("[::ffff:10.0.0.9]:1", None), "10.0.0.9");
    }
}

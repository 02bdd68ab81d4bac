//! Which URLs a gateway may have: where it is reached and where it reaches us. It resolves no
//! name.

use http::Uri;

use crate::domain::lane::Realm;

/// Whether `url` may be that of a gateway in this world; `real` are the domains of the real ones.
pub(super) fn check_url(url: &str, realm: Realm, real: &[&str]) -> Result<(), &'static str> {
    let parsed: Uri = url.parse().map_err(|_| "not a URL")?;
    let host = parsed.host().ok_or("no host")?.to_ascii_lowercase();
    if url.contains(['#', '@']) {
        return Err("a user or a fragment in it");
    }
    let of = |domain: &&str| {
        host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    match (parsed.scheme_str(), realm) {
        (Some("https"), Realm::Live) => Ok(()),
        (_, Realm::Live) => Err("a live gateway speaks https"),
        (Some("http" | "https"), Realm::Practice) => match real.iter().any(of) {
            true => Err("a practice gateway is not the real one"),
            false => Ok(()),
        },
        (_, Realm::Practice) => Err("neither http nor https"),
    }
}

/// The same for a gateway that may stand on this machine: there plain http is live too.
pub(super) fn check_near_url(url: &str, realm: Realm) -> Result<(), &'static str> {
    let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    let near = matches!(host.as_deref(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match (realm, near) {
        (Realm::Live, true) => check_url(url, Realm::Practice, &[]),
        _ => check_url(url, realm, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_one_is_never_practice_and_live_is_never_in_plain_text() {
        let real = &["aliyuncs.com"][..];
        let check = |url: &str, realm| check_url(url, realm, real).is_ok();
        assert!(check("https://dysmsapi.aliyuncs.com", Realm::Live));
        assert!(!check("http://dysmsapi.aliyuncs.com", Realm::Live));
        assert!(!check("https://DYSMSAPI.aliyuncs.com", Realm::Practice));
        assert!(check("https://notaliyuncs.com", Realm::Practice));
        assert!(check("http://127.0.0.1:8700", Realm::Practice));
        for url in ["", "/x", "127.0.0.1", "https://a@b/", "https://a/#b"] {
            assert!(!check(url, Realm::Live), "{url}");
        }
        assert!(check_near_url("http://127.0.0.1:13013", Realm::Live).is_ok());
        assert!(check_near_url("http://10.0.0.5:13013", Realm::Live).is_err());
        assert!(check_near_url("http://10.0.0.5:13013", Realm::Practice).is_ok());
        assert!(check_near_url("http://a@127.0.0.1/", Realm::Live).is_err());
    }
}

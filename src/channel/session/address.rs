//! Where a session's peer may be, and how numbers are written to it. It resolves no name.

use crate::domain::lane::Realm;

/// Checks HOST:PORT. An address does not show whether real phones are behind it: a practice
/// gateway must be on this machine.
pub(super) fn check_address(address: &str, realm: Realm) -> Result<(), &'static str> {
    let (host, port) = address.rsplit_once(':').ok_or("write HOST:PORT")?;
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err("the port is 1 to 65535");
    }
    let fit = |letter: char| letter.is_ascii_alphanumeric() || "-._[]:%".contains(letter);
    if host.is_empty() || host.len() > 253 || !host.chars().all(fit) {
        return Err("write a name or an address before the port");
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match realm {
        Realm::Practice if !local => Err("a practice gateway is on this machine: 127.0.0.1:PORT"),
        Realm::Practice | Realm::Live => Ok(()),
    }
}

/// The number without its plus, as carriers of the mainland want it: `86…`, or bare 11 digits.
pub(crate) fn digits(number: &str, with_country: bool) -> Result<Vec<u8>, String> {
    let plain = number.trim_start_matches('+');
    if !(5..=20).contains(&plain.len()) || !plain.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err("a number that is none".into());
    }
    match plain.strip_prefix("86") {
        Some(bare) if !with_country => Ok(bare.into()),
        _ => Ok(plain.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn practice_stays_on_this_machine() {
        for address in ["127.0.0.1:2775", "localhost:1", "[::1]:2775"] {
            assert_eq!(check_address(address, Realm::Practice), Ok(()), "{address}");
        }
        for address in ["10.0.0.1:2775", "smsc.example.cn:2775", "127.0.0.1.example.cn:1"] {
            assert!(check_address(address, Realm::Practice).is_err(), "{address}");
            assert_eq!(check_address(address, Realm::Live), Ok(()), "{address}");
        }
        for address in ["", "host", "host:", "host:0", "host:99999", ":1", "u@host:1", "http://a:1"]
        {
            assert!(check_address(address, Realm::Live).is_err(), "{address}");
        }
    }

    #[test]
    fn numbers_lose_their_plus_and_their_country() {
        assert_eq!(digits("+8613800138000", true).unwrap(), b"8613800138000");
        assert_eq!(digits("+8613800138000", false).unwrap(), b"13800138000");
        assert!(digits("+86138a", true).is_err() && digits("", true).is_err());
    }
}

//! Passwords and API tokens as they are kept: Argon2id strings and plain hashes of random tokens.
//!
//! Salt and token bytes are passed in. Nothing here knows accounts or counts attempts.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};

/// A shorter password is refused, counted in characters.
pub const MIN_CHARS: usize = 10;
/// A longer one is refused before it is hashed, in bytes.
pub const MAX_BYTES: usize = 512;

/// The password can't be used; choose another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("the password is shorter than {MIN_CHARS} characters")]
    TooShort,
    #[error("the password is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// The string the store keeps: Argon2id, 19 MiB, two passes (OWASP's first recommendation).
pub fn hash(password: &str, salt: &[u8; 16]) -> Result<String, Unusable> {
    if password.chars().count() < MIN_CHARS {
        return Err(Unusable::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(Unusable::TooLong);
    }
    let broken = |e: argon2::password_hash::Error| Unusable::Hash(e.to_string());
    let salt = SaltString::encode_b64(salt).map_err(broken)?;
    let hashed = hasher().hash_password(password.as_bytes(), &salt).map_err(broken)?;
    Ok(hashed.to_string())
}

/// Whether the password is the one that was hashed. A string that can't be read matches nothing.
pub fn matches(password: &str, kept: &str) -> bool {
    if password.len() > MAX_BYTES {
        return false;
    }
    PasswordHash::new(kept)
        .is_ok_and(|kept| hasher().verify_password(password.as_bytes(), &kept).is_ok())
}

/// What the store keeps of an API token. Tokens are random and long, so no salt is needed.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.trim().as_bytes()).into()
}

fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_only_itself_and_its_salt_makes_it_its_own() {
        let kept = hash("防汛值班室的密码一二三", &[7; 16]).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(matches("防汛值班室的密码一二三", &kept));
        assert!(!matches("防汛值班室的密码一二四", &kept));
        assert_ne!(hash("防汛值班室的密码一二三", &[8; 16]).unwrap(), kept);
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert_eq!(hash("防汛防汛防汛防汛防", &[1; 16]), Err(Unusable::TooShort));
        assert_eq!(hash(&"汛".repeat(200), &[1; 16]), Err(Unusable::TooLong));
        assert!(!matches(&"汛".repeat(200), "whatever"));
    }

    #[test]
    fn an_unreadable_hash_lets_nobody_in() {
        for kept in ["", "plain", "$argon2id$v=19$m=19456,t=2,p=1$"] {
            assert!(!matches("", kept));
            assert!(!matches("plain", kept));
        }
    }

    #[test]
    fn tokens_are_kept_as_hashes_and_a_newline_does_not_matter() {
        assert_eq!(token_hash("0123456789ABC\n"), token_hash("0123456789ABC"));
        assert_ne!(token_hash("0123456789ABC"), token_hash("0123456789ABD"));
    }
}

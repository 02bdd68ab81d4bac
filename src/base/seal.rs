//! Numbers at rest: sealed (XChaCha20-Poly1305), found by a keyed hash (HMAC-SHA-256); our
//! references in callbacks signed, and the tokens of links made, by the same installation key.
//! Knows no table and no file.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::token;

const NONCE_BYTES: usize = 24;
const HASH_BYTES: usize = 16;
const TAG_BYTES: usize = 6;

/// Why a sealed value can't be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    #[error("the key must be 64 hex digits; make one with `tongluo key new`")]
    Key,
    #[error("a sealed value does not open with this installation's key")]
    Closed,
}

/// The installation's key at work.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    hash: Hmac<Sha256>,
    sign: Hmac<Sha256>,
    link: Hmac<Sha256>,
    journal: [u8; 32],
}

impl Sealer {
    /// From 32 bytes. The five uses have keys of their own, derived from it.
    pub fn new(key: &[u8; 32]) -> Sealer {
        let derive = |use_of: &str| -> [u8; 32] {
            Sha256::new().chain_update(key).chain_update(use_of).finalize().into()
        };
        let mac = |use_of: &str| {
            <Hmac<Sha256> as Mac>::new_from_slice(&derive(use_of))
                .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"))
        };
        Sealer {
            cipher: XChaCha20Poly1305::new(&derive("seal").into()),
            hash: mac("hash"),
            sign: mac("sign"),
            link: mac("link"),
            journal: derive("journal"),
        }
    }

    /// From 64 hex digits, as a key file holds them.
    pub fn from_hex(text: &str) -> Result<Sealer, SealFault> {
        let text = text.trim();
        if text.len() != 64 || !text.is_ascii() {
            return Err(SealFault::Key);
        }
        let mut key = [0u8; 32];
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| SealFault::Key)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| SealFault::Key)?;
        }
        Ok(Sealer::new(&key))
    }

    /// Seals a number. The nonce is derived from the number, so that a re-import of the same
    /// roster writes the same bytes; equal numbers are visible as equal by their hash anyway.
    pub fn seal(&self, text: &str) -> Vec<u8> {
        let mut mac = self.hash.clone();
        mac.update(b"nonce:");
        mac.update(text.as_bytes());
        let full = mac.finalize().into_bytes();
        let nonce = XNonce::from_slice(&full[..NONCE_BYTES]);
        let body = self.cipher.encrypt(nonce, text.as_bytes()).unwrap_or_default();
        [nonce.as_slice(), &body].concat()
    }

    /// Opens a sealed number.
    pub fn open(&self, sealed: &[u8]) -> Result<String, SealFault> {
        if sealed.len() <= NONCE_BYTES {
            return Err(SealFault::Closed);
        }
        let (nonce, body) = sealed.split_at(NONCE_BYTES);
        let plain =
            self.cipher.decrypt(XNonce::from_slice(nonce), body).map_err(|_| SealFault::Closed)?;
        String::from_utf8(plain).map_err(|_| SealFault::Closed)
    }

    /// The keyed hash by which a number is found. 16 bytes.
    pub fn hash(&self, text: &str) -> Vec<u8> {
        let mut mac = self.hash.clone();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes()[..HASH_BYTES].to_vec()
    }

    /// The token that only this installation makes for a text: 65 bits, see [`token`].
    pub fn token(&self, text: &str) -> String {
        let mut mac = self.link.clone();
        mac.update(text.as_bytes());
        token::spell(&mac.finalize().into_bytes())
    }

    /// What the salts of sealed journal rows are derived from.
    pub fn journal_key(&self) -> &[u8] {
        &self.journal
    }

    fn tag(&self, text: &str) -> String {
        let mut mac = self.sign.clone();
        mac.update(text.as_bytes());
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..TAG_BYTES])
    }

    /// `text` with a tag that only this installation can make: `text~tag`.
    pub fn sign(&self, text: &str) -> String {
        format!("{text}~{}", self.tag(text))
    }

    /// The whole tag of a text, for what is guessed at over the net: 43 characters.
    pub fn mark(&self, text: &str) -> String {
        let mut mac = self.sign.clone();
        mac.update(b"mark:");
        mac.update(text.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// Whether a mark is that of the text.
    pub fn is_mark(&self, text: &str, mark: &str) -> bool {
        bool::from(self.mark(text).as_bytes().ct_eq(mark.as_bytes()))
    }

    /// The signed text, where the tag is ours.
    pub fn verify<'a>(&self, signed: &'a str) -> Option<&'a str> {
        let (text, tag) = signed.rsplit_once('~')?;
        bool::from(self.tag(text).as_bytes().ct_eq(tag.as_bytes())).then_some(text)
    }
}

/// Whether two secrets are the same, in a time that tells nothing of where they differ.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_number_opens_only_with_its_key() {
        let ours = Sealer::new(&[7; 32]);
        let sealed = ours.seal("+8612000000001");
        assert_eq!(ours.open(&sealed).as_deref(), Ok("+8612000000001"));
        assert_eq!(Sealer::new(&[8; 32]).open(&sealed), Err(SealFault::Closed));
        assert_eq!(ours.open(&sealed[..10]), Err(SealFault::Closed));
        assert_ne!(ours.hash("+8612000000001"), ours.hash("+8612000000002"));
    }

    #[test]
    fn a_reference_is_ours_or_nothing() {
        let ours = Sealer::new(&[7; 32]);
        let signed = ours.sign("b1.2.3");
        assert_eq!(ours.verify(&signed), Some("b1.2.3"));
        assert_eq!(ours.verify(&signed.replace("b1", "b9")), None);
        assert_eq!(ours.verify("b1.2.3"), None);
        assert!(ours.is_mark("b1.2.3", &ours.mark("b1.2.3")));
        assert!(!ours.is_mark("b1.2.4", &ours.mark("b1.2.3")));
        assert!(!ours.is_mark("b1.2.3", ""));
        assert!(Sealer::from_hex("zz").is_err());
    }

    #[test]
    fn a_token_is_made_for_one_text_by_one_key() {
        let ours = Sealer::new(&[7; 32]);
        let made = ours.token("leader.1.10.1");
        assert_eq!(token::read(&made).as_deref(), Some(made.as_str()));
        assert_eq!(ours.token("leader.1.10.1"), made);
        assert_ne!(ours.token("leader.1.10.2"), made, "a new epoch is another token");
        assert_ne!(Sealer::new(&[8; 32]).token("leader.1.10.1"), made);
        assert!(same(&made, &made) && !same(&made, &made[1..]) && !same(&made, ""));
    }
}

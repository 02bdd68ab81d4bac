//! The sealed callbacks of WeChat's two houses (sheet `wechat` §4): signature over the sorted
//! words, AES-256-CBC, padding to 32 octets by hand (paddings of block 16 refuse what is longer),
//! length, text and receiver. Opened only after the signature was found good. It reads no event and
//! keeps no nonce: what is said twice has the same key, and its reader drops it.

use aes::Aes256;
use base64::Engine as _;
use base64::alphabet::STANDARD as LETTERS;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use quick_xml::Reader;
use quick_xml::events::Event as Mark;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::answer::hex;
use super::door::{Field, field};
use super::{HOOK_FIELD_LIMIT, HookFault};

/// Octets of a block for the padding; the cipher's own are half as long.
const PAD: usize = 32;
/// Random octets before the length.
const RANDOM: usize = 16;
/// Octets of the length.
const LENGTH: usize = 4;
/// How deep a message's elements may lie.
const DEPTH: usize = 8;

/// One account's key, with the word that both sides know.
pub(super) struct Envelope {
    token: String,
    key: [u8; 32],
    iv: [u8; 16],
    receiver: String,
}

/// What one side hands to the other.
pub(super) struct Sealed {
    pub(super) encrypt: String,
    pub(super) signature: String,
}

impl Envelope {
    /// `key` is the vendor's EncodingAESKey, `receiver` the appid or corpid.
    pub(super) fn new(token: &str, key: &str, receiver: &str) -> Result<Envelope, &'static str> {
        let lenient = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        // Real keys end in bits that a strict decoder refuses.
        let decoder = GeneralPurpose::new(&LETTERS, lenient);
        let what = "43 letters and digits, as the vendor's console shows them";
        let bytes = decoder.decode(format!("{key}=")).map_err(|_| what)?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| what)?;
        let mut iv = [0; 16];
        iv.copy_from_slice(&key[..16]);
        Ok(Envelope { token: token.to_owned(), key, iv, receiver: receiver.to_owned() })
    }

    /// The signature over the token and these words.
    pub(super) fn signature(&self, words: &[&str]) -> String {
        let mut words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        words.push(self.token.as_bytes());
        words.sort_unstable();
        hex(&Sha1::digest(words.concat()))
    }

    /// Whether the query's field `name` is the signature over its time, its nonce and `more`.
    pub(super) fn admits(&self, fields: &[Field<'_>], name: &str, more: &[&str]) -> bool {
        let of = |name: &str| field(fields, name).unwrap_or_default();
        let words: Vec<&str> =
            [of("timestamp"), of("nonce")].into_iter().chain(more.iter().copied()).collect();
        self.signature(&words).as_bytes().ct_eq(of(name).as_bytes()).into()
    }

    /// The text of a callback: signed, opened, and meant for this account.
    pub(super) fn open(&self, fields: &[Field<'_>], encrypt: &str) -> Result<Vec<u8>, HookFault> {
        if !self.admits(fields, "msg_signature", &[encrypt]) {
            return Err(HookFault::Forged);
        }
        self.decrypt(encrypt).ok_or(HookFault::Forged)
    }

    fn decrypt(&self, encrypt: &str) -> Option<Vec<u8>> {
        let sealed = STANDARD.decode(encrypt).ok()?;
        let cipher = cbc::Decryptor::<Aes256>::new((&self.key).into(), (&self.iv).into());
        let plain = cipher.decrypt_padded_vec_mut::<NoPadding>(&sealed).ok()?;
        let pad = usize::from(*plain.last()?);
        if !(1..=PAD).contains(&pad) {
            return None;
        }
        let plain = plain.get(RANDOM..plain.len().checked_sub(pad)?)?;
        let (length, rest) = plain.split_at_checked(LENGTH)?;
        let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
        let (text, receiver) = rest.split_at_checked(length)?;
        let ours: bool = receiver.ct_eq(self.receiver.as_bytes()).into();
        ours.then(|| text.to_vec())
    }

    /// A text sealed for the account's other side.
    pub(super) fn seal(
        &self,
        text: &[u8],
        random: [u8; RANDOM],
        time: &str,
        nonce: &str,
    ) -> Sealed {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut plain = [&random[..], &length, text, self.receiver.as_bytes()].concat();
        let pad = PAD - plain.len() % PAD;
        plain.resize(plain.len() + pad, u8::try_from(pad).unwrap_or(0));
        let cipher = cbc::Encryptor::<Aes256>::new((&self.key).into(), (&self.iv).into());
        let encrypt = STANDARD.encode(cipher.encrypt_padded_vec_mut::<NoPadding>(&plain));
        let signature = self.signature(&[time, nonce, &encrypt]);
        Sealed { encrypt, signature }
    }
}

/// The elements of a message with their texts: those that lie right below its root, in order.
pub(super) struct Words(Vec<(String, String)>);

impl Words {
    /// Reads one XML document. None: not well formed, too large, or with a DTD.
    pub(super) fn read(bytes: &[u8]) -> Option<Words> {
        let mut reader = Reader::from_str(std::str::from_utf8(bytes).ok()?);
        let (mut words, mut depth, mut roots) = (Vec::new(), 0_usize, 0);
        loop {
            match reader.read_event().ok()? {
                Mark::Start(start) => {
                    roots += usize::from(depth == 0);
                    depth += 1;
                    if depth > DEPTH || words.len() > HOOK_FIELD_LIMIT || roots > 1 {
                        return None;
                    }
                    if depth == 2 {
                        let name = std::str::from_utf8(start.name().as_ref()).ok()?.to_owned();
                        words.push((name, String::new()));
                    }
                }
                Mark::End(_) => depth = depth.checked_sub(1)?,
                Mark::Text(text) => put(&mut words, depth, &text.decode().ok()?)?,
                Mark::CData(text) => put(&mut words, depth, &text.decode().ok()?)?,
                Mark::GeneralRef(name) => {
                    let known = match name.resolve_char_ref().ok()? {
                        Some(letter) => letter,
                        None => match &*name {
                            b"lt" => '<',
                            b"gt" => '>',
                            b"amp" => '&',
                            b"quot" => '"',
                            b"apos" => '\'',
                            _ => return None,
                        },
                    };
                    put(&mut words, depth, known.encode_utf8(&mut [0; 4]))?;
                }
                Mark::Empty(_) | Mark::Decl(_) | Mark::Comment(_) => {}
                Mark::DocType(_) | Mark::PI(_) => return None,
                Mark::Eof => return (depth == 0 && roots == 1).then_some(Words(words)),
            }
        }
    }

    /// The text of the first element of that name, where it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }
}

/// Text counts inside an element of ours; outside the root there is none.
fn put(words: &mut [(String, String)], depth: usize, text: &str) -> Option<()> {
    match depth {
        0 => text.trim().is_empty().then_some(()),
        2 => {
            words.last_mut()?.1.push_str(text);
            Some(())
        }
        _ => Some(()),
    }
}

/// The sealed message inside a callback's body, if it is one.
pub(super) fn sealed_in(body: &Bytes) -> Option<String> {
    Words::read(body)?.get("Encrypt").map(str::to_owned)
}

#[cfg(test)]
mod tests;

//! The journal's proof: a canonical form of an entry, the chain of hashes, and its verification.
//!
//! A chain shows that nothing inside it was changed, dropped, added or reordered. That its tail
//! was not cut off shows only a head written down elsewhere (report, shift hand-over).
//! Nothing is stored or read here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];
/// What the first entry is chained to.
pub const GENESIS: Hash = [0; 32];
/// Bytes kept of a row's hash: enough that no second row can be made to fit.
pub const ROW_HASH_BYTES: usize = 16;
/// Longest line of an exported journal, in bytes.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// An entry with its place in the chain. `detail` is JSON text and is hashed as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// 1 for the first, without gaps.
    pub pos: i64,
    /// ms UTC.
    pub at: i64,
    pub actor: String,
    pub act: String,
    pub alert: Option<i64>,
    pub detail: String,
    #[serde(with = "hex")]
    pub hash: Hash,
}

/// The keys in the order in which they are hashed.
#[derive(Serialize)]
struct Form<'a> {
    pos: i64,
    at: i64,
    actor: &'a str,
    act: &'a str,
    alert: Option<i64>,
    detail: &'a str,
}

impl Entry {
    /// What is hashed of the entry: one JSON object, keys in a fixed order, no white space.
    pub fn canonical(&self) -> String {
        let form = Form {
            pos: self.pos,
            at: self.at,
            actor: &self.actor,
            act: &self.act,
            alert: self.alert,
            detail: &self.detail,
        };
        // Numbers and strings always serialise.
        serde_json::to_string(&form).unwrap_or_default()
    }

    /// The hash this entry must bear after `prev`: SHA-256(prev ‖ canonical form).
    pub fn hash_after(&self, prev: &Hash) -> Hash {
        let mut digest = Sha256::new();
        digest.update(prev);
        digest.update(self.canonical().as_bytes());
        digest.finalize().into()
    }

    /// The line of an export; [`Entry::from_line`] reads it.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a line of an export. The error says what is wrong with it.
    pub fn from_line(line: &str) -> Result<Entry, String> {
        if line.len() > MAX_LINE_BYTES {
            return Err(format!("longer than {MAX_LINE_BYTES} bytes"));
        }
        serde_json::from_str(line).map_err(|e| e.to_string())
    }
}

/// Why the chain is broken at an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("its position should be {expected}: an entry is missing, doubled or out of order")]
    Position { expected: i64 },
    #[error("its hash does not follow from it and the entry before: one of them was changed")]
    Hash,
}

/// The first entry at which the chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal is broken at position {pos}: {why}")]
pub struct Broken {
    pub pos: i64,
    pub why: Why,
}

/// A chain that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub entries: i64,
    /// The hash of the last entry; [`GENESIS`] of an empty journal.
    pub head: Hash,
}

/// A verification under way, fed entry by entry so that no journal need fit into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    last_pos: i64,
    head: Hash,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain::after(0, GENESIS)
    }
}

impl Chain {
    /// A chain that goes on after a known entry.
    pub fn after(last_pos: i64, head: Hash) -> Chain {
        Chain { last_pos, head }
    }

    /// The position of the last entry taken.
    pub fn last_pos(&self) -> i64 {
        self.last_pos
    }

    /// Gives an entry its position and hash and goes on from it.
    pub fn link(&mut self, entry: &mut Entry) {
        entry.pos = self.last_pos + 1;
        entry.hash = entry.hash_after(&self.head);
        (self.last_pos, self.head) = (entry.pos, entry.hash);
    }

    /// Checks the next entry.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Broken> {
        let broken = |why| Broken { pos: entry.pos, why };
        let expected = self.last_pos + 1;
        if entry.pos != expected {
            return Err(broken(Why::Position { expected }));
        }
        if entry.hash_after(&self.head) != entry.hash {
            return Err(broken(Why::Hash));
        }
        (self.last_pos, self.head) = (entry.pos, entry.hash);
        Ok(())
    }

    /// What was verified so far.
    pub fn verified(&self) -> Verified {
        Verified { entries: self.last_pos, head: self.head }
    }
}

/// Verifies a whole journal from its first entry.
pub fn verify<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Verified, Broken> {
    let mut chain = Chain::default();
    for entry in entries {
        chain.take(entry)?;
    }
    Ok(chain.verified())
}

/// A row that is not the one that was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    #[error("the entry seals no row with the index {0}")]
    NoSuchRow(usize),
    #[error("row {0} is not what was sealed")]
    Changed(usize),
    #[error("the seal can't be read")]
    Unreadable,
}

/// The salt of one row of a batch entry.
///
/// It is derived, not stored: who has only the journal can't guess an erased "1" or "2" from its
/// hash, and one row can be proved by handing out its salt alone.
pub fn row_salt(key: &[u8], batch: &str, index: usize) -> Hash {
    // HMAC takes keys of any length, so this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return GENESIS;
    };
    mac.update(b"tongluo journal row\0");
    mac.update(batch.as_bytes());
    mac.update(&[0]);
    mac.update(&(index as u64).to_be_bytes());
    mac.finalize().into_bytes().into()
}

fn row_hash(salt: &Hash, row: &[u8]) -> [u8; ROW_HASH_BYTES] {
    let full: Hash = Sha256::new().chain_update(salt).chain_update(row).finalize().into();
    let mut kept = [0; ROW_HASH_BYTES];
    kept.copy_from_slice(&full[..ROW_HASH_BYTES]);
    kept
}

/// The salted hashes of a batch's rows in order, as base64, for the detail of its one entry.
///
/// The entry's own hash covers them, so rows may be erased later without breaking the chain.
pub fn seal_rows<R: AsRef<[u8]>>(key: &[u8], batch: &str, rows: &[R]) -> String {
    let hashes: Vec<u8> = rows
        .iter()
        .enumerate()
        .flat_map(|(i, row)| row_hash(&row_salt(key, batch, i), row.as_ref()))
        .collect();
    STANDARD_NO_PAD.encode(hashes)
}

/// Checks a row that still exists against the seal in its batch's entry.
pub fn check_row(sealed: &str, salt: &Hash, index: usize, row: &[u8]) -> Result<(), RowFault> {
    let hashes = STANDARD_NO_PAD.decode(sealed).map_err(|_| RowFault::Unreadable)?;
    let kept = hashes.chunks(ROW_HASH_BYTES).nth(index).ok_or(RowFault::NoSuchRow(index))?;
    if kept != row_hash(salt, row) {
        return Err(RowFault::Changed(index));
    }
    Ok(())
}

/// Hashes as text: 64 lower-case hexadecimal digits.
pub mod hex {
    use super::Hash;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes a hash out.
    pub fn text(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads it back; only exactly 64 digits are taken.
    pub fn parse(text: &str) -> Option<Hash> {
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
        let mut hash = [0; 32];
        for (out, pair) in hash.iter_mut().zip(bytes.chunks_exact(2)) {
            *out = digit(pair[0])? * 16 + digit(pair[1])?;
        }
        Some(hash)
    }

    pub(super) fn serialize<S: Serializer>(hash: &Hash, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&text(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Hash, D::Error> {
        let written = String::deserialize(d)?;
        parse(&written).ok_or_else(|| D::Error::custom("a hash has 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(act: &str, detail: &str) -> Entry {
        Entry {
            pos: 0,
            at: 1_381_100_000_000,
            actor: "值班员 王建国".into(),
            act: act.into(),
            alert: Some(7),
            detail: detail.into(),
            hash: GENESIS,
        }
    }

    fn journal() -> Vec<Entry> {
        let mut chain = Chain::default();
        let mut entries = vec![
            entry("alert.draft", r#"{"title":"凤山街道转移指令"}"#),
            entry("alert.submit", "{}"),
            entry("alert.approve", r#"{"by":"副指挥 李"}"#),
            entry("send.batch", r#"{"rows":200}"#),
        ];
        entries.iter_mut().for_each(|e| chain.link(e));
        entries
    }

    #[test]
    fn the_canonical_form_and_hash_are_fixed_for_ever() {
        let first = &journal()[0];
        assert_eq!(
            first.canonical(),
            r#"{"pos":1,"at":1381100000000,"actor":"值班员 王建国","act":"alert.draft","alert":7,"#
                .to_owned()
                + r#""detail":"{\"title\":\"凤山街道转移指令\"}"}"#
        );
        assert_eq!(hex::text(&first.hash), FIRST_HASH);
    }

    /// Computed outside of this program: 32 zero bytes and the form above, through SHA-256.
    const FIRST_HASH: &str = "84fb68a5ef28b012cdd540de187df330e5bd86fc4782d9f82823e91be1f22bed";

    #[test]
    fn a_whole_journal_holds_and_names_its_head() {
        let entries = journal();
        let verified = verify(&entries).unwrap();
        assert_eq!(verified.entries, 4);
        assert_eq!(verified.head, entries[3].hash);
        let nothing = verify([]).unwrap();
        assert_eq!((nothing.entries, nothing.head), (0, GENESIS));
    }

    #[test]
    fn a_dropped_doubled_or_exchanged_entry_is_found_where_it_stands() {
        let mut dropped = journal();
        dropped.remove(1);
        let broken = verify(&dropped).unwrap_err();
        assert_eq!((broken.pos, broken.why), (3, Why::Position { expected: 2 }));
        let mut exchanged = journal();
        exchanged.swap(1, 2);
        assert_eq!(verify(&exchanged).unwrap_err().pos, 3);
        let mut doubled = journal();
        doubled.insert(2, doubled[1].clone());
        assert_eq!(verify(&doubled).unwrap_err().pos, 2);
    }

    #[test]
    fn an_entry_forged_with_a_hash_of_its_own_breaks_the_next() {
        let mut entries = journal();
        entries[1].actor = "另一个人".into();
        entries[1].hash = entries[1].hash_after(&entries[0].hash.clone());
        let broken = verify(&entries).unwrap_err();
        assert_eq!((broken.pos, broken.why), (3, Why::Hash));
    }

    #[test]
    fn a_chain_goes_on_after_a_known_head() {
        let entries = journal();
        let mut rest = Chain::after(2, entries[1].hash);
        rest.take(&entries[2]).unwrap();
        rest.take(&entries[3]).unwrap();
        assert_eq!(rest.verified(), verify(&entries).unwrap());
    }

    #[test]
    fn an_export_line_comes_back_whole_and_a_bad_one_says_why() {
        for entry in journal() {
            assert_eq!(Entry::from_line(&entry.to_line()), Ok(entry));
        }
        let cut = journal()[0].to_line().replace(FIRST_HASH, &FIRST_HASH[1..]);
        assert!(Entry::from_line(&cut).unwrap_err().contains("64 hexadecimal"));
        assert!(Entry::from_line("{}").unwrap_err().contains("missing field"));
        let long = " ".repeat(MAX_LINE_BYTES + 1);
        assert!(Entry::from_line(&long).unwrap_err().contains("longer"));
        assert_eq!(hex::parse(&"é".repeat(32)), None);
    }

    #[test]
    fn erased_rows_break_nothing_and_the_others_can_still_be_proved() {
        let key = b"key of the installation";
        let texts = ["1", "水进屋了，快来人", "3"];
        let sealed = seal_rows(key, "replies-17", &texts);
        let mut chain = Chain::default();
        let mut batch = entry("reply.batch", &format!(r#"{{"rows":"{sealed}"}}"#));
        chain.link(&mut batch);
        // The first text is erased; the entry is untouched and the others are proved.
        assert!(verify([&batch]).is_ok());
        for index in [1, 2] {
            let salt = row_salt(key, "replies-17", index);
            assert_eq!(check_row(&sealed, &salt, index, texts[index].as_bytes()), Ok(()));
        }
        let salt = row_salt(key, "replies-17", 1);
        let other = check_row(&sealed, &salt, 1, "没事".as_bytes());
        assert_eq!(other, Err(RowFault::Changed(1)));
        assert_eq!(check_row(&sealed, &salt, 3, b"1"), Err(RowFault::NoSuchRow(3)));
        assert_eq!(check_row("汉字", &salt, 0, b"1"), Err(RowFault::Unreadable));
    }

    #[test]
    fn equal_rows_do_not_show_as_equal() {
        let sealed = seal_rows(b"k", "b", &["1", "1"]);
        let bytes = STANDARD_NO_PAD.decode(&sealed).unwrap();
        assert_ne!(bytes[..16], bytes[16..]);
        assert_ne!(sealed, seal_rows(b"k", "c", &["1", "1"]));
        assert_ne!(sealed, seal_rows(b"j", "b", &["1", "1"]));
    }

    proptest! {
        #[test]
        fn any_change_to_any_entry_is_found(at in 0_usize..4, field in 0..5, by in 1_i64..9) {
            let mut entries = journal();
            let changed = &mut entries[at];
            match field {
                0 => changed.at += by,
                1 => changed.actor.push('假'),
                2 => changed.act.insert(0, '假'),
                3 => changed.alert = changed.alert.map(|a| a + by),
                _ => changed.detail.push(' '),
            }
            let broken = verify(&entries).unwrap_err();
            prop_assert_eq!((broken.pos, broken.why), (at as i64 + 1, Why::Hash));
        }

        #[test]
        fn fields_can_not_flow_into_each_other(actor in ".{0,12}", act in ".{0,12}") {
            let mut one = entry(&act, "{}");
            one.actor = actor.clone();
            let mut other = entry(&actor, "{}");
            other.actor = act.clone();
            prop_assert_eq!(one.canonical() == other.canonical(), actor == act);
        }
    }
}

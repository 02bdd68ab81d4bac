//! The journal's proof of sends and replies: one entry a batch over salted hashes of its rows,
//! written with them, and the check of those rows that still exist. Erased texts break nothing.
//! It decides neither what is sent nor when anything is erased.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Engine, EngineFault};
use crate::base::seal::Sealer;
use crate::domain::journal::{self as rules, Entry};
use crate::store::answer::InboundRow;
use crate::store::batch::{Leased, OutcomeRow};
use crate::store::journal;
use crate::store::notice::{NoticeRow, SettleRow};
use crate::store::proof::{self, Kept};
use crate::store::{Store, StoreFault, Tx};

/// The journal's word for messages to households.
pub const SENDS: &str = "send.batch";
/// The journal's word for messages to single persons.
pub const NOTICES: &str = "notice.batch";
/// The journal's word for what came in.
pub const REPLIES: &str = "reply.batch";

/// The detail of such an entry. `rows` names each row inside its batch: address, notice, reply.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seal {
    /// What the rows' salts are derived from, unique to the entry.
    pub of: String,
    /// The batches; none for replies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batches: Vec<i64>,
    pub rows: Vec<i64>,
    pub seal: String,
    /// A call that was repeated after a lost lease: the store keeps only its first outcome.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
}

impl Seal {
    /// A row of this entry among those that the store still has. An address stands in one batch of
    /// an entry only, a reply in none.
    fn find<'a>(&self, kept: &'a HashMap<(i64, i64), Kept>, row: i64) -> Option<&'a Kept> {
        match self.batches.as_slice() {
            [] => kept.get(&(0, row)),
            some => some.iter().find_map(|batch| kept.get(&(*batch, row))),
        }
    }
}

/// A row of a sealed batch that is not what the journal says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row} of the entry at position {pos} ({act}) was changed")]
pub struct RowBroken {
    pub pos: i64,
    pub act: String,
    pub row: i64,
}

/// How many sealed rows were found as they were, and how many are erased by now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowsChecked {
    pub proved: i64,
    pub erased: i64,
}

fn seal(sealer: &Sealer, of: String, batches: Vec<i64>, rows: &[Kept]) -> Seal {
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    let seal = rules::seal_rows(sealer.journal_key(), &of, &texts);
    Seal { of, batches, rows: rows.iter().map(|row| row.id).collect(), seal, repeated: false }
}

impl Engine {
    /// Seals the outcomes of one chunk, in the transaction that appends them.
    pub(super) async fn seal_sends(
        &self,
        tx: &mut Tx,
        batches: &[Leased],
        provider: &str,
        outcomes: &[OutcomeRow],
        appended: u64,
        now: i64,
    ) -> Result<(), EngineFault> {
        let rows: Vec<Kept> = outcomes
            .iter()
            .map(|o| {
                let (x, c) = (o.x.as_deref(), o.c.as_deref());
                Kept::send(o.b, o.a, o.seq, o.k, provider, x, c, now)
            })
            .collect();
        let (Some(first), Some(batch)) = (rows.first(), batches.first()) else {
            return Ok(());
        };
        let of = format!("b{}.{}.{}", batch.id, batch.lease_epoch, first.id);
        let batches = batches.iter().map(|batch| batch.id).collect();
        let mut sealed = seal(&self.sealer, of, batches, &rows);
        sealed.repeated = u64::try_from(rows.len()) != Ok(appended);
        let alert = Some(batch.alert_id);
        self.note(tx, "dispatch", SENDS, alert, json!(sealed)).await
    }

    /// Seals notices whose outcome is final; the others are tried again and sealed then.
    pub(super) async fn seal_notices(
        &self,
        tx: &mut Tx,
        batch: &Leased,
        provider: &str,
        sent: &[(NoticeRow, SettleRow)],
        now: i64,
    ) -> Result<(), EngineFault> {
        let rows: Vec<Kept> = sent
            .iter()
            .filter(|(_, settled)| settled.due.is_none())
            .map(|(n, s)| {
                let (x, c) = (s.x.as_deref(), s.c.as_deref());
                Kept::notice(n.id, &n.text, s.kind, provider, x, c, now)
            })
            .collect();
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let of = format!("n{}.{}.{}", batch.id, batch.lease_epoch, first.id);
        let sealed = json!(seal(&self.sealer, of, vec![batch.id], &rows));
        let alert = (batch.alert_id != 0).then_some(batch.alert_id);
        self.note(tx, "dispatch", NOTICES, alert, sealed).await
    }

    /// Seals a group of replies that are new.
    pub(super) async fn seal_replies(
        &self,
        tx: &mut Tx,
        replies: &[InboundRow],
        new: &HashMap<String, i64>,
    ) -> Result<(), EngineFault> {
        let rows: Vec<Kept> = replies
            .iter()
            .filter_map(|r| {
                let id = *new.get(&r.key)?;
                Some(Kept::reply(id, &r.key, &r.last4, &r.text, r.sent, r.received))
            })
            .collect();
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let sealed = json!(seal(&self.sealer, format!("r{}", first.id), Vec::new(), &rows));
        self.note(tx, "intake", REPLIES, None, sealed).await
    }
}

/// Holds the rows that the store still has against the seals of these entries.
pub async fn check_rows(
    store: &Store,
    sealer: &Sealer,
    entries: &[Entry],
) -> Result<Result<RowsChecked, RowBroken>, StoreFault> {
    let mut checked = RowsChecked::default();
    for act in [SENDS, NOTICES, REPLIES] {
        let of_act: Vec<(&Entry, Seal)> = entries
            .iter()
            .filter(|entry| entry.act == act)
            .filter_map(|entry| Some((entry, serde_json::from_str(&entry.detail).ok()?)))
            .filter(|(_, seal): &(&Entry, Seal)| !seal.repeated)
            .collect();
        let kept = kept_rows(store, act, &of_act).await?;
        for (entry, seal) in &of_act {
            for (index, row) in seal.rows.iter().enumerate() {
                let Some(found) = seal.find(&kept, *row) else {
                    checked.erased += 1;
                    continue;
                };
                let salt = rules::row_salt(sealer.journal_key(), &seal.of, index);
                let holds = rules::check_row(&seal.seal, &salt, index, found.text.as_bytes());
                match holds {
                    Ok(()) => checked.proved += 1,
                    Err(_) if found.erased => checked.erased += 1,
                    Err(_) => {
                        let act = act.to_owned();
                        return Ok(Err(RowBroken { pos: entry.pos, act, row: *row }));
                    }
                }
            }
        }
    }
    Ok(Ok(checked))
}

async fn kept_rows(
    store: &Store,
    act: &str,
    seals: &[(&Entry, Seal)],
) -> Result<HashMap<(i64, i64), Kept>, StoreFault> {
    let batches: Vec<i64> = seals.iter().flat_map(|(_, seal)| seal.batches.clone()).collect();
    let rows = match act {
        SENDS => proof::sends(store, &batches).await?,
        NOTICES => proof::notices(store, &batches).await?,
        _ => {
            let all: Vec<i64> = seals.iter().flat_map(|(_, seal)| seal.rows.clone()).collect();
            proof::replies(store, &all).await?
        }
    };
    Ok(rows.into_iter().map(|row| ((row.batch, row.id), row)).collect())
}

/// What a person needs to prove one row without showing the others: its text and its salt.
#[derive(Debug, Clone, Serialize)]
pub struct RowProof {
    pub pos: i64,
    pub index: usize,
    /// The row as it was sealed, where the store still has it.
    pub text: String,
    /// 64 hexadecimal digits.
    pub salt: String,
}

/// The proof of row `row` of the sealed entry at a position. None: no such entry or row, or it is
/// erased.
pub async fn prove_row(
    store: &Store,
    sealer: &Sealer,
    pos: i64,
    row: i64,
) -> Result<Option<RowProof>, StoreFault> {
    let page = journal::page(store, pos - 1, 1).await?;
    let Some(entry) = page.first().filter(|entry| entry.pos == pos) else {
        return Ok(None);
    };
    let Ok(seal) = serde_json::from_str::<Seal>(&entry.detail) else {
        return Ok(None);
    };
    let Some(index) = seal.rows.iter().position(|one| *one == row) else {
        return Ok(None);
    };
    let salt = rules::row_salt(sealer.journal_key(), &seal.of, index);
    let kept = kept_rows(store, &entry.act, &[(entry, seal.clone())]).await?;
    Ok(seal.find(&kept, row).filter(|kept| !kept.erased).map(|kept| RowProof {
        pos,
        index,
        text: kept.text.clone(),
        salt: rules::hex::text(&salt),
    }))
}

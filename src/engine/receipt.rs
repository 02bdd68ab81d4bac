//! Receipts as they come: joined to their messages by our reference, else by the gateway's own
//! name, and kept. A receipt before its outcome, twice, or for nobody is kept all the same; none of
//! them closes anything, but one from the handset brings back a number that was called dead, and
//! one that says that nobody is reached there sends the text to the next number (`undelivered`).

use super::{Engine, EngineFault};
use crate::channel::ReceiptEvent;
use crate::domain::outcome::Outcome;
use crate::store::Tx;
use crate::store::receipt::{self as rows, ReceiptRow, SentName};

/// What a gateway's name for a message stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum About {
    /// A household's: batch and address.
    Home(i64, i64),
    /// A notice.
    Notice(i64),
}

impl Engine {
    /// Keeps a group of receipts of one provider. Gives the number that were new.
    pub async fn take_receipts(
        &self,
        provider: &str,
        events: &[ReceiptEvent],
    ) -> Result<u64, EngineFault> {
        let row = |event: &ReceiptEvent| self.receipt_row(provider, event);
        let mut receipts: Vec<ReceiptRow> = events.iter().map(row).collect();
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        rows::hear(&mut tx, provider, &mut receipts, now).await?;
        let kept = rows::keep(&mut tx, &receipts, now).await?;
        if kept > 0 {
            receipts.retain(ReceiptRow::is_met);
            self.act_on(&mut tx, provider, &receipts, now).await?;
        }
        tx.commit().await?;
        Ok(kept)
    }

    /// Notes under which names receipts will tell of these messages, and acts on those that have
    /// come already. In the transaction of the outcomes, and after them.
    pub(super) async fn note_names(
        &self,
        tx: &mut Tx,
        provider: &str,
        made: &[(About, &Outcome)],
        now: i64,
    ) -> Result<(), EngineFault> {
        let sent = made.iter().flat_map(|(about, outcome)| names(*about, outcome));
        let sent: Vec<SentName> = sent.collect();
        let early = rows::note(tx, provider, &sent, now).await?;
        self.act_on(tx, provider, &early, now).await
    }

    /// What follows from receipts of which it is known what they are about.
    async fn act_on(
        &self,
        tx: &mut Tx,
        provider: &str,
        receipts: &[ReceiptRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        if receipts.is_empty() {
            return Ok(());
        }
        self.revive_delivered(tx, receipts, now).await?;
        self.look_elsewhere(tx, provider, receipts, now).await
    }

    fn receipt_row(&self, provider: &str, event: &ReceiptEvent) -> ReceiptRow {
        let reference = event.reference.as_deref().and_then(|r| self.sealer.verify(r));
        let (batch, address, notice) = reference.map_or((None, None, None), parse);
        ReceiptRow {
            key: format!("{provider}:{}", event.source_key),
            provider: provider.into(),
            batch,
            address,
            notice,
            x: event.external_id.clone(),
            class: event.class.code(),
            code: event.code.chars().take(64).collect(),
            at: event.at,
        }
    }
}

fn names(about: About, outcome: &Outcome) -> Vec<SentName> {
    let all = outcome.names();
    let (batch, address, notice) = match about {
        About::Home(batch, address) => (Some(batch), Some(address), None),
        About::Notice(notice) => (None, None, Some(notice)),
    };
    let parts = i64::try_from(all.len()).unwrap_or(1);
    let whole = all.first().cloned().unwrap_or_default();
    let name = |name: &String| SentName {
        name: name.clone(),
        whole: whole.clone(),
        parts,
        batch,
        address,
        notice,
    };
    all.iter().map(name).collect()
}

/// `b{batch}.{address}` or `n{notice}`.
fn parse(reference: &str) -> (Option<i64>, Option<i64>, Option<i64>) {
    if let Some(notice) = reference.strip_prefix('n') {
        return (None, None, notice.parse().ok());
    }
    let parts = reference.strip_prefix('b').and_then(|rest| rest.split_once('.'));
    let Some((batch, address)) = parts else {
        return (None, None, None);
    };
    match (batch.parse(), address.parse()) {
        (Ok(batch), Ok(address)) => (Some(batch), Some(address), None),
        _ => (None, None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_reference_names_a_batch_and_an_address_or_a_notice() {
        assert_eq!(parse("b12.7"), (Some(12), Some(7), None));
        assert_eq!(parse("n9"), (None, None, Some(9)));
        assert_eq!(parse("b12"), (None, None, None));
        assert_eq!(parse("王"), (None, None, None));
    }
}

//! Receipts as they come: kept by reference, joined to their outcomes afterwards. A receipt before
//! its outcome, twice, or for nobody is kept all the same; none of them closes anything, but one
//! from the handset brings back a number that was called dead, and one that says that nobody is
//! reached there sends the text to the next number (`undelivered`).

use super::{Engine, EngineFault};
use crate::channel::ReceiptEvent;
use crate::store::desk::{self, ReceiptRow};

impl Engine {
    /// Keeps a group of receipts of one provider. Gives the number that were new.
    pub async fn take_receipts(
        &self,
        provider: &str,
        events: &[ReceiptEvent],
    ) -> Result<u64, EngineFault> {
        let rows: Vec<ReceiptRow> = events.iter().map(|e| self.receipt_row(provider, e)).collect();
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        let kept = desk::keep_receipts(&mut tx, &rows, now).await?;
        if kept > 0 {
            self.revive_delivered(&mut tx, events, &rows, now).await?;
            self.look_elsewhere(&mut tx, provider, &rows, now).await?;
        }
        tx.commit().await?;
        Ok(kept)
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

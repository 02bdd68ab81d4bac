//! What follows where nobody is reached at a number for good: the next number at once, of a
//! household as of a responsible person. A number that does not exist is buried, as one refused at
//! the call is; one that is stopped or barred may take texts again in weeks, so later orders try
//! it. A responsible person's number is buried for any of these where he has another, and never
//! where it is his only one.

use std::collections::BTreeMap;

use super::{Engine, EngineFault, words};
use crate::domain::batch::RANK_LEADER;
use crate::domain::burial::Verdict;
use crate::domain::notice::Purpose;
use crate::domain::outcome::ReceiptClass;
use crate::store::Tx;
use crate::store::notice::Post;
use crate::store::receipt::ReceiptRow;
use crate::store::undelivered::{self as rows, LostRow};

/// A notice older than this is not said again at another number.
const NOTICE_MS: i64 = 30 * 60_000;

fn class(row: &ReceiptRow) -> ReceiptClass {
    ReceiptClass::from_code(row.class).unwrap_or(ReceiptClass::Unknown)
}

impl Engine {
    /// Receipts of one gateway that were just kept, joined to their messages.
    pub(super) async fn look_elsewhere(
        &self,
        tx: &mut Tx,
        gateway: &str,
        receipts: &[ReceiptRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let ends = receipts.iter().filter(|row| class(row).is_final()).count();
        let lost: Vec<&ReceiptRow> =
            receipts.iter().filter(|row| class(row).is_permanent()).collect();
        // Receipts are judged by receipts: another process may have made the calls.
        let window = format!("{gateway}（回执）");
        if lost.is_empty() {
            self.burials.judge(&window, now, ends, &[]);
            return Ok(());
        }
        let named = |(n, row): (usize, &&ReceiptRow)| LostRow {
            n: i64::try_from(n).unwrap_or(-1),
            batch: row.batch,
            address: row.address,
            notice: row.notice,
        };
        let named: Vec<LostRow> = lost.iter().enumerate().map(named).collect();
        let found = rows::resolve(tx, &named).await?;
        let dead = found.iter().filter(|one| {
            let receipt = usize::try_from(one.n).ok().and_then(|n| lost.get(n));
            let absent = receipt.is_some_and(|row| class(row) == ReceiptClass::AbsentNumber);
            absent || one.has_another
        });
        let dead: Vec<i64> = dead.map(|one| one.address).collect();
        let verdict = self.burials.judge(&window, now, ends, &dead);
        let alert = found.first().map_or(0, |one| one.alert);
        self.bury_spare(tx, alert, &window, &verdict, now).await?;
        let calls: Vec<(i64, i64)> =
            lost.iter().filter_map(|row| Some((row.batch?, row.address?))).collect();
        rows::go_elsewhere(tx, &calls, words::in_force(), now).await?;
        let notices: Vec<i64> = lost.iter().filter_map(|row| row.notice).collect();
        self.say_elsewhere(tx, &notices, now).await
    }

    /// Notices that a gateway refused for good: their numbers are judged as those of homes are.
    pub(super) async fn bury_notices(
        &self,
        tx: &mut Tx,
        alert: i64,
        gateway: &str,
        verdict: &Verdict,
        refused: &[i64],
        now: i64,
    ) -> Result<(), EngineFault> {
        self.bury_spare(tx, alert, gateway, verdict, now).await?;
        self.say_elsewhere(tx, refused, now).await
    }

    /// The only number of a responsible person is not given up for a gateway's word: it is tried
    /// every time, and he stands on the un-woken list meanwhile.
    async fn bury_spare(
        &self,
        tx: &mut Tx,
        alert: i64,
        gateway: &str,
        verdict: &Verdict,
        now: i64,
    ) -> Result<(), EngineFault> {
        let mut verdict = verdict.clone();
        if !verdict.bury.is_empty() {
            verdict.bury = rows::with_another(tx, &verdict.bury).await?;
        }
        self.bury_or_doubt(tx, alert, gateway, &verdict, now).await
    }

    /// Says these notices again, each at its person's next number.
    async fn say_elsewhere(
        &self,
        tx: &mut Tx,
        notices: &[i64],
        now: i64,
    ) -> Result<(), EngineFault> {
        if notices.is_empty() {
            return Ok(());
        }
        let in_force: Vec<i64> = Purpose::WHILE_IN_FORCE.iter().map(|p| p.code()).collect();
        let since = now - NOTICE_MS;
        let next = rows::next_numbers(tx, notices, since, words::in_force(), &in_force).await?;
        let mut by_alert: BTreeMap<i64, Vec<Post>> = BTreeMap::new();
        for row in next {
            by_alert.entry(row.alert_id).or_default().push(Post {
                address: row.next,
                purpose: row.purpose,
                n: row.n,
                human: row.human_id,
                household: row.household_id,
                text: row.text,
            });
        }
        for (alert, posts) in by_alert {
            self.post(tx, alert, RANK_LEADER, &posts, now).await?;
        }
        Ok(())
    }
}

//! Alarms: what the installation itself must tell people, as a task of the desk with words of
//! their own. A home's cry is `record`'s and `cry`'s; an open home in nobody's hands `audit`'s.

use super::{Engine, EngineFault};
use crate::domain::triage::Triage;
use crate::store::Tx;
use crate::store::desk::{self, NewTask};

/// A task of this kind asks for a person's eyes on the installation, not on a home.
pub(super) const TASK_KIND: i64 = 4;

impl Engine {
    /// Tells the desk, once for each key. `alert`: 0 for none. Gives whether it is new.
    pub(super) async fn alarm(
        &self,
        tx: &mut Tx,
        alert: i64,
        key: String,
        text: String,
        now: i64,
    ) -> Result<bool, EngineFault> {
        let task = NewTask {
            uid: self.entropy.uuid(now),
            alert,
            household: None,
            building: None,
            inbound: None,
            key,
            kind: TASK_KIND,
            class: Triage::B.code(),
            text,
        };
        Ok(desk::open_tasks(tx, &[task], now).await? > 0)
    }
}

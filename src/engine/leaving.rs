//! Places that an update leaves out: nothing climbs there any more, nobody is told anything, and
//! whoever held or was offered a list learns that it is not needed. Who had the old text is told
//! only when the author chooses so; that is `change`'s.

use serde_json::json;

use super::{Engine, EngineFault};
use crate::render::WhyWithdrawn;
use crate::store::order::AlertRow;
use crate::store::{Tx, correct};

impl Engine {
    /// Lets go of the grids that are in an older version and not in this one, which has its
    /// expansion rows already. Open helps stay at the desk.
    pub(super) async fn leave_places(
        &self,
        tx: &mut Tx,
        alert: &AlertRow,
        version: i64,
        now: i64,
    ) -> Result<(), EngineFault> {
        correct::end_pending(tx, alert.id, version).await?;
        let grids = correct::left_grids(tx, alert.id, version).await?;
        if grids.is_empty() {
            return Ok(());
        }
        let open = correct::leave(tx, alert.id, &grids).await?;
        let told = self.withdraw_lists(tx, alert, Some(&grids), WhyWithdrawn::Left, now).await?;
        let detail = json!({"version": version, "grids": grids.len(), "open": open,
            "told": told.len()});
        self.note(tx, "clock", "alert.leave", Some(alert.id), detail).await
    }
}

//! What a household or a leader says by way of a program: a hotline's, or another office's app. It
//! counts as a tap on their own page does, and who passed it on is journaled before it counts.
//! What a tap means is `home`'s and `doorstep`'s.

use serde_json::json;

use super::doorstep::{Act, Acted, Tap};
use super::home::{Home, Word};
use super::issue::{Actor, refused};
use super::link::{LINKS_DEAD, Link};
use super::{Engine, EngineFault};
use crate::domain::access::Action;
use crate::domain::link::{Kind, tap_key};

impl Engine {
    /// What a household (by code) is asked under an alert, as its own page shows it.
    ///
    /// # Errors
    /// Refused: no such household, not of this audience, or no right to see its people.
    pub async fn look_at_home(
        &self,
        actor: &Actor,
        alert: &str,
        household: &str,
    ) -> Result<Home, EngineFault> {
        let action = Action::LookAtPeople;
        let (row, id) = self.home_for(actor, action, alert, household).await?;
        let detail = json!({"household": household});
        let token = self.opened(actor, Kind::Resident, row.id, id, action.word(), detail).await?;
        let link = self.living(Kind::Resident, &token).await?;
        self.home(&link).await?.ok_or_else(|| refused(LINKS_DEAD))
    }

    /// Passes a household's word on. The same key again is the same word.
    ///
    /// # Errors
    /// Refused: as [`Engine::look_at_home`], or the key is no key.
    pub async fn relay_home(
        &self,
        actor: &Actor,
        alert: &str,
        household: &str,
        tap: Tap<'_>,
        word: Word,
    ) -> Result<Acted, EngineFault> {
        check_key(tap.key)?;
        let action = Action::RecordStatement;
        let (row, id) = self.home_for(actor, action, alert, household).await?;
        let detail = json!({"household": household, "key": tap.key});
        let token =
            self.opened(actor, Kind::Resident, row.id, id, "resident.relay", detail).await?;
        let link = self.living(Kind::Resident, &token).await?;
        self.act_at_home(&link, tap, word).await
    }

    /// Passes on what a leader (by code) did or saw on his round.
    ///
    /// # Errors
    /// Refused: no such person, no right at the places of his lists, or the key is no key.
    pub async fn relay_round(
        &self,
        actor: &Actor,
        alert: &str,
        human: &str,
        tap: Tap<'_>,
        act: Act<'_>,
    ) -> Result<Acted, EngineFault> {
        check_key(tap.key)?;
        let action = match act {
            Act::Take { .. } | Act::Pass { .. } | Act::Awake => Action::TakeList,
            Act::Called { .. } | Act::Saw { .. } | Act::Undo { .. } => Action::TickList,
        };
        let (row, id) = self.leader_for(actor, action, alert, human).await?;
        let detail = json!({"human": human, "key": tap.key});
        let token = self.opened(actor, Kind::Leader, row.id, id, "list.relay", detail).await?;
        let link = self.living(Kind::Leader, &token).await?;
        self.act_on_round(&link, tap, act).await
    }

    async fn living(&self, kind: Kind, token: &str) -> Result<Link, EngineFault> {
        self.find_link(kind, token).await?.ok_or_else(|| refused(LINKS_DEAD))
    }
}

fn check_key(key: &str) -> Result<(), EngineFault> {
    let why = "key: 8 to 40 letters, digits or -, a new one for every word, the same when it is \
               sent again";
    tap_key(key).map(drop).ok_or_else(|| refused(why))
}

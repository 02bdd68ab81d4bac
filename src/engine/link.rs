//! Links without an account: opened for everybody who is offered a list, found by their token,
//! revoked when a phone is lost. Only here a token is made; what its page shows and does is
//! `round`'s (leaders) and `home`'s (residents).

use std::collections::HashMap;

use serde_json::json;

use super::issue::Actor;
use super::{Engine, EngineFault};
use crate::base::{seal, token};
use crate::domain::access::Action;
use crate::domain::link::{self as rules, Bearer, Kind};
use crate::store::link::{self, LinkRow};
use crate::store::order::{self, AlertRow};
use crate::store::{Tx, round, view};

/// A link that was found living, with its token.
#[derive(Debug, Clone)]
pub struct Link {
    pub id: i64,
    pub bearer: Bearer,
    pub token: String,
}

/// Why there is no link any more.
pub(super) const LINKS_DEAD: &str = "这条指令解除已超过一天，链接都失效了 (this alert ended more \
    than a day ago: its links are dead)";

fn refused(text: impl Into<String>) -> EngineFault {
    EngineFault::Refused(text.into())
}

pub(super) fn no_household(code: &str) -> EngineFault {
    refused(format!("底册里没有编码为 {code:?} 的户 (no household {code:?} in the roster)"))
}

pub(super) fn no_person(code: &str) -> EngineFault {
    refused(format!("底册里没有编码为 {code:?} 的人 (no person {code:?} in the roster)"))
}

impl Engine {
    fn token_of(&self, bearer: &Bearer) -> String {
        self.sealer.token(&bearer.text())
    }

    fn link_hash(&self, token: &str) -> Vec<u8> {
        self.sealer.hash(&format!("link:{token}"))
    }

    /// The tokens of these humans' lists, for notices; links are opened for who has none. A link
    /// that was revoked is handed over by a person and never sent: his number may be the lost one.
    pub(super) async fn list_tokens(
        &self,
        tx: &mut Tx,
        alert: i64,
        humans: &[i64],
        now: i64,
    ) -> Result<HashMap<i64, String>, EngineFault> {
        let tokens = self.open_links(tx, Kind::Leader, alert, humans, now).await?;
        let sent = tokens.into_iter().filter(|(bearer, _)| bearer.epoch == 1);
        Ok(sent.map(|(bearer, token)| (bearer.subject_id, token)).collect())
    }

    async fn open_links(
        &self,
        tx: &mut Tx,
        kind: Kind,
        alert: i64,
        subjects: &[i64],
        now: i64,
    ) -> Result<Vec<(Bearer, String)>, EngineFault> {
        let mut subjects = subjects.to_vec();
        subjects.sort_unstable();
        subjects.dedup();
        if alert == 0 || subjects.is_empty() {
            return Ok(Vec::new());
        }
        let bearer = |subject_id, epoch| Bearer { kind, alert_id: alert, subject_id, epoch };
        let hash = |subject: &i64| self.link_hash(&self.token_of(&bearer(*subject, 1)));
        let hashes: Vec<u8> = subjects.iter().flat_map(hash).collect();
        link::open(tx, kind, alert, &subjects, &hashes, now).await?;
        let epochs = link::epochs(tx, kind, alert, &subjects, now).await?;
        let with_token = |(subject, epoch)| {
            let bearer = bearer(subject, epoch);
            (bearer, self.token_of(&bearer))
        };
        Ok(epochs.into_iter().map(with_token).collect())
    }

    /// The living link behind a token as it was typed. None: unknown, revoked or dead, and nobody
    /// learns which.
    pub async fn find_link(&self, kind: Kind, typed: &str) -> Result<Option<Link>, EngineFault> {
        let Some(token) = token::read(typed) else {
            return Ok(None);
        };
        let now = self.clock.story_ms();
        let found = link::by_hash(&self.store, kind, &self.link_hash(&token), now).await?;
        let sound = |row: LinkRow| {
            let bearer = row.bearer()?;
            let made = self.token_of(&bearer);
            seal::same(&made, &token).then_some(Link { id: row.id, bearer, token })
        };
        Ok(found.and_then(sound))
    }

    /// What a page of this link carries in its forms.
    pub fn page_nonce(&self, link: &Link) -> String {
        let [now, _] = rules::nonce_texts(&link.token, self.clock.machine_ms());
        self.sealer.token(&now)
    }

    /// Whether a form came from a page of this link that is not too old.
    pub fn is_page_nonce(&self, link: &Link, nonce: &str) -> bool {
        let texts = rules::nonce_texts(&link.token, self.clock.machine_ms());
        let fits = texts.map(|text| seal::same(&self.sealer.token(&text), nonce));
        fits[0] | fits[1]
    }

    /// Notes that a page with names was shown, at most once in a while. It proves nothing.
    pub async fn note_shown(&self, link: &Link) -> Result<(), EngineFault> {
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        if link::show(&mut tx, link.id, now).await? {
            let Bearer { kind, alert_id, subject_id, epoch } = link.bearer;
            let (actor, act) = match kind {
                Kind::Leader => (format!("human:{subject_id}"), "list.shown"),
                Kind::Resident => (format!("household:{subject_id}"), "resident.shown"),
            };
            self.note(&mut tx, &actor, act, Some(alert_id), json!({"epoch": epoch})).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The link of a human (by code) to his lists under an alert, for an official to hand over.
    pub async fn leader_link(
        &self,
        actor: &Actor,
        alert: &str,
        human_code: &str,
    ) -> Result<String, EngineFault> {
        let (alert, human) = self.leader_for(actor, Action::GiveList, alert, human_code).await?;
        let detail = json!({"human": human_code});
        self.link_for(actor, Kind::Leader, alert.id, human, "list.link", detail).await
    }

    /// Takes a human's link out of force, his phone being lost; gives the new one, which is never
    /// sent to a number. None: it is out of force, and there is no address for another.
    pub async fn revoke_link(
        &self,
        actor: &Actor,
        alert: &str,
        human_code: &str,
    ) -> Result<Option<String>, EngineFault> {
        let (alert, human) = self.leader_for(actor, Action::GiveList, alert, human_code).await?;
        let mut tx = self.store.begin().await?;
        let row = link::of(&mut tx, Kind::Leader, alert.id, human).await?;
        let bearer = row.as_ref().and_then(LinkRow::bearer);
        let (Some(row), Some(old)) = (row, bearer) else {
            return Err(refused(format!(
                "{human_code:?} 在这条指令下没有链接 ({human_code:?} has no link under this alert)"
            )));
        };
        let token = self.token_of(&Bearer { epoch: old.epoch + 1, ..old });
        if !link::raise(&mut tx, row.id, old.epoch, &self.link_hash(&token)).await? {
            return Err(refused(
                "别人刚刚已经收回了这个链接 (the link was revoked by somebody else just now)",
            ));
        }
        let detail = json!({"human": human_code, "epoch": old.epoch + 1});
        self.note(&mut tx, &actor.name, "list.revoke", Some(alert.id), detail).await?;
        tx.commit().await?;
        Ok(self.needs_address().is_ok().then(|| self.link_url(Kind::Leader, &token)))
    }

    /// The link of a household's own page, for who asked for one.
    pub async fn resident_link(
        &self,
        actor: &Actor,
        alert: &str,
        household_code: &str,
    ) -> Result<String, EngineFault> {
        let (alert, household) =
            self.home_for(actor, Action::LookAtPeople, alert, household_code).await?;
        let detail = json!({"household": household_code});
        self.link_for(actor, Kind::Resident, alert.id, household, "resident.link", detail).await
    }

    /// A household (by code) of an alert's audience, where the actor may do this to it.
    pub(super) async fn home_for(
        &self,
        actor: &Actor,
        action: Action,
        alert: &str,
        household_code: &str,
    ) -> Result<(AlertRow, i64), EngineFault> {
        let alert = self.alert_of_link(alert).await?;
        let (household, building) = view::household(&self.store, household_code)
            .await?
            .ok_or_else(|| no_household(household_code))?;
        self.check_access(actor, action, &[building]).await?;
        if view::standing_of(&self.store, alert.id, household).await?.is_none() {
            return Err(refused(format!(
                "{household_code:?} 不在这条指令的范围内 \
                 (household {household_code:?} is not of this alert's audience)"
            )));
        }
        Ok((alert, household))
    }

    /// A link leads somewhere only where the installation knows its own address.
    fn needs_address(&self) -> Result<(), EngineFault> {
        match self.settings.public_url {
            Some(_) => Ok(()),
            None => Err(refused(
                "web.public_url is not set, so no link leads here: set it to the address by which \
                 people reach this machine, as https://alert.example.gov.cn",
            )),
        }
    }

    async fn link_for(
        &self,
        actor: &Actor,
        kind: Kind,
        alert: i64,
        subject: i64,
        act: &str,
        detail: serde_json::Value,
    ) -> Result<String, EngineFault> {
        self.needs_address()?;
        let token = self.opened(actor, kind, alert, subject, act, detail).await?;
        Ok(self.link_url(kind, &token))
    }

    /// The token of somebody's living link, opened where there was none, and why it was asked for.
    pub(super) async fn opened(
        &self,
        actor: &Actor,
        kind: Kind,
        alert: i64,
        subject: i64,
        act: &str,
        detail: serde_json::Value,
    ) -> Result<String, EngineFault> {
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        let tokens = self.open_links(&mut tx, kind, alert, &[subject], now).await?;
        let Some((_, token)) = tokens.into_iter().next() else {
            return Err(refused(LINKS_DEAD));
        };
        self.note(&mut tx, &actor.name, act, Some(alert), detail).await?;
        tx.commit().await?;
        Ok(token)
    }

    async fn alert_of_link(&self, uid: &str) -> Result<AlertRow, EngineFault> {
        let row = order::by_uid(&self.store, uid).await?;
        let gone = || refused(format!("没有这条指令 (no alert {uid}: see `tongluo alert list`)"));
        row.ok_or_else(gone)
    }

    pub(super) async fn leader_for(
        &self,
        actor: &Actor,
        action: Action,
        alert: &str,
        human_code: &str,
    ) -> Result<(AlertRow, i64), EngineFault> {
        let alert = self.alert_of_link(alert).await?;
        let (human, _) =
            view::human(&self.store, human_code).await?.ok_or_else(|| no_person(human_code))?;
        let mut places = round::places(&self.store, alert.id, human).await?;
        if places.is_empty() {
            places.extend(view::root(&self.store).await?);
        }
        self.check_access(actor, action, &places).await?;
        Ok((alert, human))
    }

    /// Where a token leads, as far as the installation knows its own address.
    pub fn link_url(&self, kind: Kind, token: &str) -> String {
        let base = self.settings.public_url.as_deref().unwrap_or_default();
        format!("{}/{}/{token}", base.trim_end_matches('/'), kind.path())
    }
}

//! From a notice to its post: rendered under the order that it answers to, so that what belongs to
//! an exercise or a rehearsal says so and goes only where the gate lets it. Who is told what is the
//! caller's.

use std::collections::HashMap;

use super::leader::Word;
use super::{Engine, EngineFault};
use crate::domain::batch::RANK_LEADER;
use crate::domain::gate::AlertKind;
use crate::domain::lane::Lane;
use crate::domain::link::Kind;
use crate::render::{NoticeHead, NoticeText};
use crate::store::notice::{self, Post};
use crate::store::order::{self, AlertRow};
use crate::store::{Tx, binding, desk};

/// The order that a text answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Under {
    /// 0: none.
    pub alert: i64,
    pub kind: AlertKind,
}

impl Under {
    /// A text of the office itself, about no order.
    pub(super) const NONE: Under = Under { alert: 0, kind: AlertKind::Live };

    /// For what is said about a help. During an exercise it is real until a person says otherwise,
    /// whoever is on the roll; only a rehearsal's people are not.
    pub(super) fn for_help(self) -> Under {
        match self.kind {
            AlertKind::Live | AlertKind::Rehearsal => self,
            AlertKind::Exercise => Under::NONE,
        }
    }
}

impl Engine {
    /// Of several orders the one that a text about all of them answers to: a real one first.
    pub(super) async fn under(&self, tx: &mut Tx, alerts: &[i64]) -> Result<Under, EngineFault> {
        Ok(self.each_under(tx, alerts).await?.into_iter().next().unwrap_or(Under::NONE))
    }

    /// These orders with their kinds, real ones first.
    pub(super) async fn each_under(
        &self,
        tx: &mut Tx,
        alerts: &[i64],
    ) -> Result<Vec<Under>, EngineFault> {
        if alerts.iter().all(|alert| *alert == 0) {
            return Ok(Vec::new());
        }
        let mut known: Vec<Under> = order::kinds(tx, alerts)
            .await?
            .into_iter()
            .filter_map(|(alert, kind)| Some(Under { alert, kind: AlertKind::from_code(kind)? }))
            .collect();
        known.sort_by_key(|under| (under.kind, under.alert));
        Ok(known)
    }

    /// Renders a notice of an order: an exercise says so in every text, and so does a rehearsal.
    pub(crate) fn say_in(
        &self,
        kind: AlertKind,
        text: &NoticeText<'_>,
        now: i64,
    ) -> Result<String, EngineFault> {
        let list_url = match self.settings.public_url {
            Some(_) => self.link_url(Kind::Leader, ""),
            None => String::new(),
        };
        let signature = &self.settings.signature;
        let head = NoticeHead { signature, kind, list_url: &list_url, now_ms: now };
        let said = self.messages.notice_mended(&head, text)?;
        self.names.note(said.mended);
        Ok(said.text)
    }

    /// The same by the order's row.
    pub(super) fn say_of(
        &self,
        row: &AlertRow,
        text: &NoticeText<'_>,
        now: i64,
    ) -> Result<String, EngineFault> {
        self.say_in(AlertKind::from_code(row.kind).unwrap_or(AlertKind::Live), text, now)
    }

    /// Puts notices on their way: by SMS, to followers on WeChat.
    pub(crate) async fn post(
        &self,
        tx: &mut Tx,
        alert: i64,
        rank: i64,
        posts: &[Post],
        now: i64,
    ) -> Result<(), EngineFault> {
        if !posts.is_empty() {
            let nonce = self.entropy.below(1 << 50);
            let followers = self.followers_among(tx, posts).await?;
            let (wechat, sms): (Vec<Post>, Vec<Post>) =
                posts.iter().cloned().partition(|post| followers.contains(&post.address));
            for (lane, posts) in [(Lane::Sms, sms), (Lane::Wechat, wechat)] {
                if !posts.is_empty() {
                    notice::post(tx, alert, lane.code(), rank, &posts, now, nonce).await?;
                }
            }
        }
        Ok(())
    }

    /// Those of the posts' addresses that are on WeChat.
    async fn followers_among(&self, tx: &mut Tx, posts: &[Post]) -> Result<Vec<i64>, EngineFault> {
        if !self.has_lane(Lane::Wechat) {
            return Ok(Vec::new());
        }
        let addresses: Vec<i64> = posts.iter().map(|post| post.address).collect();
        Ok(binding::of_lane(tx, &addresses, Lane::Wechat.code()).await?)
    }

    /// Posts a word to each human by his first good number, in the transaction of what it tells.
    pub(super) async fn tell_humans(
        &self,
        tx: &mut Tx,
        alert: i64,
        words: Vec<Word>,
        now: i64,
    ) -> Result<(), EngineFault> {
        let humans: Vec<i64> = words.iter().map(|w| w.0).collect();
        let addresses: HashMap<i64, i64> =
            desk::first_addresses(tx, &humans).await?.into_iter().collect();
        let posts: Vec<Post> = words
            .into_iter()
            .filter_map(|(human, purpose, text)| {
                Some(Post {
                    address: *addresses.get(&human)?,
                    purpose: purpose.code(),
                    n: self.entropy.below(1 << 50),
                    human: Some(human),
                    household: None,
                    text,
                })
            })
            .collect();
        self.post(tx, alert, RANK_LEADER, &posts, now).await
    }
}

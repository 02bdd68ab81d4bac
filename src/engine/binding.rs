//! Followers of WeChat accounts: bound to a home by a code that went to its number, unbound when
//! they leave. Nobody is told whether a number is registered; numbers and codes that are said here
//! are kept nowhere. What followers answer to orders is `intake`'s.

use serde_json::json;

use super::saying::Under;
use super::{Engine, EngineFault};
use crate::base::phone::Phone;
use crate::base::sms;
use crate::channel::{FollowAct, Follower, Inbound, official, wecom};
use crate::domain::batch::RANK_CONFIRMATION;
use crate::domain::binding::{self as rules, Asked};
use crate::domain::gate::AlertKind;
use crate::domain::notice::Purpose;
use crate::render::NoticeText;
use crate::store::binding::{self as rows, Binding};
use crate::store::notice::Post;

/// Whether an address is that of somebody on WeChat.
pub(super) fn is_follower(from: &str) -> bool {
    [official::PREFIX, wecom::PREFIX]
        .iter()
        .any(|prefix| from.strip_prefix(prefix).is_some_and(|id| (1..=128).contains(&id.len())))
}

impl Engine {
    /// Takes from `replies` those by which somebody binds his home; gives the others.
    pub(super) async fn take_bindings(
        &self,
        provider: &str,
        replies: Vec<Inbound>,
    ) -> Result<Vec<Inbound>, EngineFault> {
        let mut others = Vec::with_capacity(replies.len());
        for reply in replies {
            if !is_follower(&reply.from) || !self.take_binding(provider, &reply).await? {
                others.push(reply);
            }
        }
        Ok(others)
    }

    async fn take_binding(&self, provider: &str, reply: &Inbound) -> Result<bool, EngineFault> {
        let text = sms::clean(&reply.text);
        if let Some(code) = rules::code_in(&text) {
            return self.bind(&reply.from, code).await;
        }
        let long = text.bytes().filter(u8::is_ascii_digit).count() >= 11;
        let Some(phone) = Phone::parse(text.trim()).ok().filter(|_| long) else {
            return Ok(false);
        };
        let key = format!("{provider}:{}", sms::clean(&reply.source_key));
        self.send_code(&reply.from, &key, &phone).await?;
        Ok(true)
    }

    /// Sends a code to the number, where it is a home's and nobody asks too often.
    async fn send_code(&self, from: &str, key: &str, phone: &Phone) -> Result<(), EngineFault> {
        let now = self.clock.story_ms();
        let (follower, number) = (self.sealer.hash(from), self.sealer.hash(phone.e164()));
        let mut tx = self.store.begin().await?;
        let known = rows::of(&mut tx, &follower).await?;
        if known.iter().any(|row| row.source_key == key) {
            return Ok(());
        }
        let since = now - rules::DAY_MS;
        let recent = known.iter().filter(|row| row.asked_at > since);
        let asked = Asked {
            own: recent.map(|row| row.asks).sum(),
            number: rows::asks_of(&mut tx, &number, since).await?,
            last_at: known.first().map(|row| row.asked_at),
        };
        let to = rows::number(&mut tx, &number).await?;
        let may = rules::may_ask(asked, now);
        if !may {
            tracing::info!("a follower asks for codes too often");
        }
        let code = format!("{:06}", self.entropy.below(1_000_000));
        let before = known.iter().find(|row| row.phone == number && row.first_at > since);
        let sent = may && to.is_some();
        let row = Binding {
            phone: number,
            source_key: key.to_owned(),
            mark: if sent { self.code_mark(from, &code) } else { String::new() },
            asked_at: if may { now } else { asked.last_at.unwrap_or(now) },
            first_at: before.map_or(now, |row| row.first_at),
            // Asking in vain counts as well: nobody shall try out numbers.
            asks: before.map_or(0, |row| row.asks) + i64::from(may),
            tries: 0,
        };
        // What was refused changes nothing: a code on its way stays good.
        if may {
            rows::keep(&mut tx, &follower, &row).await?;
        }
        if let (true, Some(address)) = (sent, to) {
            let text = NoticeText::BindCode { code: &code };
            self.post_bound(&mut tx, address, &text, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Whether the digits were a code that somebody waits for; the right one binds his homes.
    async fn bind(&self, from: &str, code: &str) -> Result<bool, EngineFault> {
        let now = self.clock.story_ms();
        let follower = self.sealer.hash(from);
        let mut tx = self.store.begin().await?;
        let known = rows::of(&mut tx, &follower).await?;
        let open =
            |row: &&Binding| !row.mark.is_empty() && rules::is_open(row.asked_at, row.tries, now);
        let Some(mut row) = known.iter().find(open).cloned() else {
            return Ok(false);
        };
        if !self.sealer.is_mark(&code_text(from, code), &row.mark) {
            row.tries += 1;
            rows::keep(&mut tx, &follower, &row).await?;
            tx.commit().await?;
            return Ok(true);
        }
        row.mark.clear();
        rows::keep(&mut tx, &follower, &row).await?;
        let to = rows::number(&mut tx, &row.phone).await?;
        let sealed = self.sealer.seal(from);
        let homes = rows::bind(&mut tx, &row.phone, &sealed, &follower, now).await?;
        if let Some(address) = to {
            self.post_bound(&mut tx, address, &NoticeText::Bound, now).await?;
        }
        let detail = json!({"address": to, "homes": homes});
        self.note(&mut tx, "wechat", "follower.bound", None, detail).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes what followers did. Who leaves is unbound; a scene is only counted.
    pub(super) async fn take_followers(&self, events: &[Follower]) -> Result<(), EngineFault> {
        let now = self.clock.story_ms();
        for one in events {
            match one.act {
                FollowAct::Leave => {
                    let follower = self.sealer.hash(&one.from);
                    // The vendor tells whole seconds.
                    let at = one.at.map_or(now, |at| at + 999);
                    let mut tx = self.store.begin().await?;
                    let homes = rows::unbind(&mut tx, &follower, now, at).await?;
                    if homes > 0 {
                        let detail = json!({ "homes": homes });
                        self.note(&mut tx, "wechat", "follower.left", None, detail).await?;
                    }
                    tx.commit().await?;
                }
                FollowAct::Follow | FollowAct::Scan => {
                    tracing::info!(scene = one.scene.as_deref(), "somebody follows");
                }
            }
        }
        Ok(())
    }

    /// The number to be dialled; who wrote on WeChat has none.
    pub(super) fn dialled(&self, sealed: &[u8]) -> Option<String> {
        self.sealer.open(sealed).ok().filter(|address| !is_follower(address))
    }

    fn code_mark(&self, from: &str, code: &str) -> String {
        self.sealer.mark(&code_text(from, code))
    }

    async fn post_bound(
        &self,
        tx: &mut crate::store::Tx,
        address: i64,
        text: &NoticeText<'_>,
        now: i64,
    ) -> Result<(), EngineFault> {
        let post = Post {
            address,
            purpose: Purpose::Binding.code(),
            n: self.entropy.below(1 << 50),
            human: None,
            household: None,
            text: self.say_in(AlertKind::Live, text, now)?,
        };
        self.post(tx, Under::NONE.alert, RANK_CONFIRMATION, &[post], now).await
    }
}

fn code_text(from: &str, code: &str) -> String {
    format!("bind:{from}:{code}")
}

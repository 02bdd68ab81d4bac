//! What leaders' digits do: take, wake, decline, hand back; and the confirmations that say which.
//! Also the thanks and questions that go back to residents. Who is asked next is `fire`'s.

use super::intake::Effects;
use super::record::Recorded;
use super::{Engine, EngineFault};
use crate::domain::batch::{RANK_CONFIRMATION, RANK_HELP, RANK_LEADER};
use crate::domain::demand::Demand;
use crate::domain::lane::Lane;
use crate::domain::list::ListState;
use crate::domain::matching::LeaderAct;
use crate::domain::notice::Purpose;
use crate::domain::statement::Claim;
use crate::render::{HelpClass, NoticeHead, NoticeText};
use crate::store::notice::{self, Post};
use crate::store::{Tx, desk, timer};

/// A human's word, waiting to be acted on. `act` none: words, which only wake him.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub human: i64,
    pub inbound: i64,
    pub act: Option<LeaderAct>,
}

impl Engine {
    pub(super) async fn act_for_leaders(
        &self,
        tx: &mut Tx,
        pending: &[Pending],
        now: i64,
    ) -> Result<(), EngineFault> {
        if pending.is_empty() {
            return Ok(());
        }
        let humans: Vec<i64> = pending.iter().map(|p| p.human).collect();
        desk::wake(tx, &humans, now).await?;
        let addresses = desk::first_addresses(tx, &humans).await?;
        let mut posts = Vec::new();
        for one in pending {
            let Some(act) = one.act else { continue };
            let address = addresses.iter().find(|a| a.0 == one.human).map(|a| a.1);
            let Some(text) = self.leader_act(tx, one.human, act, now).await? else {
                continue;
            };
            if let Some(address) = address {
                posts.push(Post {
                    address,
                    purpose: Purpose::Confirmation.code(),
                    n: one.inbound,
                    human: Some(one.human),
                    household: None,
                    text,
                });
            }
        }
        self.post(tx, 0, RANK_LEADER, &posts, now).await
    }

    async fn leader_act(
        &self,
        tx: &mut Tx,
        human: i64,
        act: LeaderAct,
        now: i64,
    ) -> Result<Option<String>, EngineFault> {
        match act {
            LeaderAct::Take => self.take_offered(tx, human, now).await,
            LeaderAct::Wake => Ok(Some(self.say(&NoticeText::WokenThanks, now)?)),
            LeaderAct::Decline => self.hand_on(tx, human, ListState::Offered, now).await,
            LeaderAct::HandBack => self.hand_on(tx, human, ListState::Taken, now).await,
            LeaderAct::OwnHome => Ok(Some(self.say(&NoticeText::HomeAnswered { digit: 1 }, now)?)),
            LeaderAct::Repeat | LeaderAct::Unclear => Ok(None),
        }
    }

    /// Takes every list offered to a human. None: there was none.
    pub(crate) async fn take_offered(
        &self,
        tx: &mut Tx,
        human: i64,
        now: i64,
    ) -> Result<Option<String>, EngineFault> {
        let offered = [ListState::Offered.code(), ListState::PassedOn.code()];
        let lists = desk::lists_of_human(tx, human, &offered).await?;
        let Some(first) = lists.first() else {
            return Ok(None);
        };
        let ids: Vec<i64> = lists.iter().map(|l| l.0).collect();
        desk::set_lists(tx, &ids, ListState::Taken.code(), now).await?;
        desk::yield_lists(tx, &ids).await?;
        for list in &lists {
            let detail = serde_json::json!({"list": list.1, "place": list.3});
            self.note(tx, &format!("human:{human}"), "list.take", Some(list.2), detail).await?;
        }
        let place = first.6.clone();
        let doors =
            self.open_doors(tx, &lists.iter().map(|l| (l.2, l.3)).collect::<Vec<_>>()).await?;
        let text = NoticeText::ListTaken { place: &place, doors, token: None };
        Ok(Some(self.say(&text, now)?))
    }

    async fn open_doors(&self, tx: &mut Tx, lists: &[(i64, i64)]) -> Result<u32, EngineFault> {
        let mut doors = 0;
        for (alert, place) in lists {
            doors += crate::store::climb::count_open_below(tx, *alert, *place).await?;
        }
        Ok(u32::try_from(doors).unwrap_or(u32::MAX))
    }

    /// Gives back what was offered to, or is held by, a human; the next one is asked at once.
    pub(crate) async fn hand_on(
        &self,
        tx: &mut Tx,
        human: i64,
        from: ListState,
        now: i64,
    ) -> Result<Option<String>, EngineFault> {
        let lists = desk::lists_of_human(tx, human, &[from.code()]).await?;
        let Some(first) = lists.first() else {
            return Ok(None);
        };
        let ids: Vec<i64> = lists.iter().map(|l| l.0).collect();
        // Who gives back what he took keeps it until another takes it; who declines never had it.
        let to = if from == ListState::Taken { ListState::PassedOn } else { ListState::Declined };
        desk::set_lists(tx, &ids, to.code(), now).await?;
        for (alert, grid) in desk::grids_of_lists(tx, &ids).await? {
            timer::hasten_lists(tx, alert, &[grid], now).await?;
        }
        for list in &lists {
            let detail = serde_json::json!({"list": list.1, "place": list.3});
            self.note(tx, &format!("human:{human}"), "list.decline", Some(list.2), detail).await?;
        }
        Ok(Some(self.say(&NoticeText::ListDeclined { place: &first.6 }, now)?))
    }

    /// Thanks, questions and the word that help has been heard, to residents.
    pub(super) async fn confirm(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        recorded: &[Recorded],
        now: i64,
    ) -> Result<(), EngineFault> {
        let mut help = Vec::new();
        let mut other = Vec::new();
        for statement in &effects.statements {
            let (Some(address), Some(claim)) =
                (statement.giver_id, Claim::from_code(statement.claim))
            else {
                continue;
            };
            let after = recorded
                .iter()
                .find(|r| r.household_id == statement.household && r.alert_id == statement.alert);
            let post = |purpose: Purpose, text: String| Post {
                address,
                purpose: purpose.code(),
                n: statement.at,
                human: None,
                household: Some(statement.household),
                text,
            };
            if let Claim::Help(triage) = claim {
                let class = match triage {
                    crate::domain::triage::Triage::A => HelpClass::Life,
                    crate::domain::triage::Triage::B => HelpClass::Carry,
                    crate::domain::triage::Triage::C => HelpClass::Supply,
                };
                let text = self.say(&NoticeText::HelpReceived { class }, now)?;
                help.push(post(Purpose::HelpReceived, text));
            } else if let Some(home) = after.filter(|a| a.standing.ask_back) {
                let registered = u32::try_from(home.persons).unwrap_or(1);
                let demand = Demand::from_code(home.demand).unwrap_or(Demand::Evacuation);
                let text = self.say(&NoticeText::AskBackPersons { registered, demand }, now)?;
                let mut ask = post(Purpose::AskBack, text);
                ask.n = 1; // asked once
                other.push(ask);
            } else if self.settings.thank_receipts {
                other.push(post(Purpose::Thanks, self.say(&NoticeText::Thanks, now)?));
            }
        }
        let alert = effects.statements.first().map_or(0, |s| s.alert);
        self.post(tx, alert, RANK_HELP, &help, now).await?;
        self.post(tx, alert, RANK_CONFIRMATION, &other, now).await
    }

    /// Renders a notice.
    pub(crate) fn say(&self, text: &NoticeText<'_>, now: i64) -> Result<String, EngineFault> {
        let head = NoticeHead { signature: &self.settings.signature, exercise: false, now_ms: now };
        Ok(self.messages.notice(&head, text)?)
    }

    /// Puts notices on their way by SMS.
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
            notice::post(tx, alert, Lane::Sms.code(), rank, posts, now, nonce).await?;
        }
        Ok(())
    }
}

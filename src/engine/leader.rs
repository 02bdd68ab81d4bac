//! What leaders' digits do: take, go on, wake, decline, hand back; the confirmations that say
//! which, and the word to whoever loses or shares a list by it. Also the thanks and questions that
//! go back to residents. Who is asked next is `ladder`'s.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::intake::Effects;
use super::record::Recorded;
use super::saying::Under;
use super::{Engine, EngineFault};
use crate::domain::alert::State;
use crate::domain::batch::{RANK_CONFIRMATION, RANK_HELP, RANK_LEADER};
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::domain::list::{ListState, SEARCH};
use crate::domain::matching::LeaderAct;
use crate::domain::notice::Purpose;
use crate::domain::plan::TimerKind;
use crate::domain::statement::Claim;
use crate::domain::triage::Triage;
use crate::render::{HelpClass, NoticeText};
use crate::store::answer::{Speaking, StatementRow};
use crate::store::list::{self, HumanList};
use crate::store::notice::Post;
use crate::store::{Tx, desk, timer};

/// What one human is told: who, what for, the text.
pub(super) type Word = (i64, Purpose, String);

/// The places of lists in few words.
pub(super) fn place_words(lists: &[HumanList]) -> String {
    let name = |list: &HumanList| match list.rung {
        SEARCH => "清点名单".to_owned(),
        _ => list.place.clone(),
    };
    match lists {
        [] => "本辖区".into(),
        [one] => name(one),
        [first, ..] => format!("{}等{}处", name(first), lists.len()),
    }
}

/// A human's word, waiting to be acted on. `act` none: words, which only wake him.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub human: i64,
    /// The kind of orders that he speaks of.
    pub kind: AlertKind,
    pub inbound: i64,
    pub digit: u8,
    pub act: Option<LeaderAct>,
    /// The orders under which his own home was sent something.
    pub home: Vec<i64>,
}

impl Pending {
    fn speaking(&self) -> Speaking {
        Speaking { human: self.human, kind: self.kind.code() }
    }
}

/// What a leader is answered, under which order.
pub(super) type Reply = (Under, String);

fn alerts_of(lists: &[HumanList]) -> Vec<i64> {
    lists.iter().map(|l| l.alert_id).collect()
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
        let speaking: Vec<Speaking> = pending.iter().map(Pending::speaking).collect();
        let woken = desk::wake(tx, &speaking, State::Live.code(), now).await?;
        list::act(tx, &humans, now).await?;
        let addresses = desk::first_addresses(tx, &humans).await?;
        let mut posts: BTreeMap<i64, Vec<Post>> = BTreeMap::new();
        for one in pending {
            let Some((under, text)) = self.leader_act(tx, one, &woken, now).await? else {
                continue;
            };
            let address = addresses.iter().find(|a| a.0 == one.human).map(|a| a.1);
            if let Some(address) = address {
                posts.entry(under.alert).or_default().push(Post {
                    address,
                    purpose: Purpose::Confirmation.code(),
                    n: one.inbound,
                    human: Some(one.human),
                    household: None,
                    text,
                });
            }
        }
        for (alert, posts) in posts {
            self.post(tx, alert, RANK_LEADER, &posts, now).await?;
        }
        Ok(())
    }

    /// `woken`: humans and the orders whose summons this answers.
    async fn leader_act(
        &self,
        tx: &mut Tx,
        one: &Pending,
        woken: &[(i64, i64)],
        now: i64,
    ) -> Result<Option<Reply>, EngineFault> {
        let (human, digit, speaking) = (one.human, one.digit, one.speaking());
        let (alerts, text) = match one.act {
            Some(LeaderAct::Take) => return self.take_offered(tx, speaking, now).await,
            Some(LeaderAct::GoOn) => return self.go_on(tx, speaking, now).await,
            Some(LeaderAct::Decline) => {
                return self.hand_on(tx, speaking, ListState::Offered, now).await;
            }
            Some(LeaderAct::HandBack) => {
                return self.hand_on(tx, speaking, ListState::Taken, now).await;
            }
            Some(LeaderAct::TakeHomes) => return self.take_homes(tx, speaking, now).await,
            Some(LeaderAct::DeclineHomes) => return self.decline_homes(tx, speaking, now).await,
            Some(LeaderAct::Wake) => {
                let his = woken.iter().filter(|row| row.0 == human);
                (his.map(|row| row.1).collect(), NoticeText::WokenThanks)
            }
            Some(LeaderAct::OwnHome) => (one.home.clone(), NoticeText::HomeAnswered { digit }),
            Some(LeaderAct::Repeat | LeaderAct::Unclear) | None => return Ok(None),
        };
        let under = self.under(tx, &alerts).await?;
        Ok(Some((under, self.say_in(under.kind, &text, now)?)))
    }

    /// Takes every list that a human was told is offered to him. None: there was none.
    async fn take_offered(
        &self,
        tx: &mut Tx,
        speaking: Speaking,
        now: i64,
    ) -> Result<Option<Reply>, EngineFault> {
        let mut lists = list::of_human(tx, speaking, &[ListState::Offered.code()]).await?;
        // He can't have meant what he was not told of; it is told next.
        lists.retain(|list| list.told_at.is_some());
        if lists.is_empty() {
            return Ok(None);
        }
        self.take_for(tx, speaking.human, &lists, now).await?;
        Ok(Some(self.say_held(tx, &lists, false, now).await?))
    }

    /// These lists are in a human's hand by his own act.
    pub(super) async fn take_for(
        &self,
        tx: &mut Tx,
        human: i64,
        lists: &[HumanList],
        now: i64,
    ) -> Result<(), EngineFault> {
        self.put_in_hand(tx, lists, now).await?;
        for list in lists {
            let detail = serde_json::json!({"list": list.uid, "place": list.place_id});
            let actor = format!("human:{human}");
            self.note(tx, &actor, "list.take", Some(list.alert_id), detail).await?;
        }
        Ok(())
    }

    /// Who was asked how he is says that he goes on.
    async fn go_on(
        &self,
        tx: &mut Tx,
        speaking: Speaking,
        now: i64,
    ) -> Result<Option<Reply>, EngineFault> {
        let lists = list::of_human(tx, speaking, &[ListState::Taken.code()]).await?;
        match lists.is_empty() {
            true => Ok(None),
            false => Ok(Some(self.say_held(tx, &lists, true, now).await?)),
        }
    }

    async fn say_held(
        &self,
        tx: &mut Tx,
        lists: &[HumanList],
        again: bool,
        now: i64,
    ) -> Result<Reply, EngineFault> {
        let mut doors = 0;
        let ids: Vec<i64> = lists.iter().map(|l| l.id).collect();
        for (_, open) in list::open_doors(tx, &ids).await? {
            doors += open;
        }
        for search in lists.iter().filter(|l| l.rung == SEARCH) {
            doors += timer::count_open(tx, search.alert_id).await?.0;
        }
        // Lists under several alerts: the first one's page leads to the others.
        let (alert, human) = lists.first().map_or((0, 0), |l| (l.alert_id, l.human_id));
        let tokens = self.list_tokens(tx, alert, &[human], now).await?;
        let token = tokens.get(&human).map(String::as_str);
        let place = place_words(lists);
        let doors = u32::try_from(doors).unwrap_or(0);
        let under = self.under(tx, &alerts_of(lists)).await?;
        let text = NoticeText::ListTaken { place: &place, doors, again, token };
        Ok((under, self.say_in(under.kind, &text, now)?))
    }

    /// Writes that these lists are taken by their humans, and tells everybody whose doors they
    /// were: who held or was offered the same, and who holds the whole of which one is a part.
    pub(super) async fn put_in_hand(
        &self,
        tx: &mut Tx,
        lists: &[HumanList],
        now: i64,
    ) -> Result<(), EngineFault> {
        let ids: Vec<i64> = lists.iter().map(|l| l.id).collect();
        list::set(tx, &ids, ListState::Taken.code(), now).await?;
        let yielded = list::yield_to(tx, &ids).await?;
        let humans: Vec<i64> = lists.iter().map(|l| l.human_id).collect();
        let names: HashMap<i64, String> =
            list::human_names(tx, &humans).await?.into_iter().collect();
        let taker = lists.first().and_then(|l| names.get(&l.human_id)).cloned();
        let who = taker.unwrap_or_else(|| "另一位".into());
        let under = self.under(tx, &alerts_of(lists)).await?;
        let mut told: BTreeMap<i64, Vec<HumanList>> = BTreeMap::new();
        let knew = list::by_id(tx, &yielded).await?.into_iter().filter(|l| l.told_at.is_some());
        for list in knew {
            told.entry(list.human_id).or_default().push(list);
        }
        let mut words = Vec::new();
        for (human, theirs) in told {
            let place = place_words(&theirs);
            let text = NoticeText::ListPassed { place: &place, who: &who };
            words.push((human, Purpose::ListPassed, self.say_in(under.kind, &text, now)?));
        }
        words.extend(self.tell_whole(tx, lists, &who, (true, under.kind), now).await?);
        self.tell_humans(tx, under.alert, words, now).await?;
        let alerts: BTreeSet<i64> = lists.iter().map(|l| l.alert_id).collect();
        for alert in alerts {
            self.watch_pace(tx, alert, &ids, now).await?;
        }
        Ok(())
    }

    /// Who holds the whole learns what became of its parts: taken by another, or his again.
    pub(super) async fn tell_whole(
        &self,
        tx: &mut Tx,
        parts: &[HumanList],
        who: &str,
        (taken, kind): (bool, AlertKind),
        now: i64,
    ) -> Result<Vec<Word>, EngineFault> {
        let ids: Vec<i64> = parts.iter().map(|l| l.id).collect();
        let mut by_holder: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (part, holder) in list::holders_above(tx, &ids).await? {
            by_holder.entry(holder).or_default().push(part);
        }
        let open: HashMap<i64, i64> = list::open_doors(tx, &ids).await?.into_iter().collect();
        let mut words = Vec::new();
        for (holder, mine) in by_holder {
            let theirs: Vec<HumanList> =
                parts.iter().filter(|l| mine.contains(&l.id)).cloned().collect();
            let doors: i64 = mine.iter().filter_map(|id| open.get(id)).sum();
            let (place, doors) = (place_words(&theirs), u32::try_from(doors).unwrap_or(0));
            let text = match taken {
                true => NoticeText::ListShared { place: &place, doors, who },
                false => NoticeText::ListReturned { place: &place, doors, who },
            };
            words.push((holder, Purpose::Shared, self.say_in(kind, &text, now)?));
        }
        Ok(words)
    }

    /// Gives back what was offered to, or is held by, a human; the next one is asked at once.
    async fn hand_on(
        &self,
        tx: &mut Tx,
        speaking: Speaking,
        from: ListState,
        now: i64,
    ) -> Result<Option<Reply>, EngineFault> {
        let lists = list::of_human(tx, speaking, &[from.code()]).await?;
        if lists.is_empty() {
            return Ok(None);
        }
        self.give_up(tx, speaking.human, &lists, now).await?;
        let under = self.under(tx, &alerts_of(&lists)).await?;
        let text = NoticeText::ListDeclined { place: &place_words(&lists) };
        Ok(Some((under, self.say_in(under.kind, &text, now)?)))
    }

    /// Writes that these lists are not a human's any more, asks the next at once, and tells whose
    /// whole it was of which he held a part.
    pub(super) async fn give_up(
        &self,
        tx: &mut Tx,
        human: i64,
        lists: &[HumanList],
        now: i64,
    ) -> Result<(), EngineFault> {
        let ids: Vec<i64> = lists.iter().map(|l| l.id).collect();
        list::set(tx, &ids, ListState::Declined.code(), now).await?;
        for (alert, grid) in list::grids_of(tx, &ids).await? {
            timer::look_at_lists(tx, alert, &[grid], now).await?;
        }
        for search in lists.iter().filter(|l| l.rung == SEARCH) {
            let kind = TimerKind::Search.code();
            timer::set(tx, search.alert_id, kind, 0, 0, 0, now).await?;
        }
        for list in lists {
            let detail = serde_json::json!({"list": list.uid, "place": list.place_id});
            let actor = format!("human:{human}");
            self.note(tx, &actor, "list.decline", Some(list.alert_id), detail).await?;
        }
        let in_hand = [ListState::Taken.code(), ListState::PassedOn.code()];
        let held: Vec<HumanList> =
            lists.iter().filter(|l| in_hand.contains(&l.state)).cloned().collect();
        if held.is_empty() {
            return Ok(());
        }
        let under = self.under(tx, &alerts_of(&held)).await?;
        let names = list::human_names(tx, &[human]).await?;
        let who = names.first().map_or("对方", |n| n.1.as_str());
        let words = self.tell_whole(tx, &held, who, (false, under.kind), now).await?;
        self.tell_humans(tx, under.alert, words, now).await
    }

    /// Thanks, questions and the word that help has been heard, to residents.
    pub(super) async fn confirm(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        recorded: &[Recorded],
        now: i64,
    ) -> Result<(), EngineFault> {
        let alerts: Vec<i64> = effects.statements.iter().map(|s| s.alert).collect();
        let known = self.each_under(tx, &alerts).await?;
        // A reply that answers several orders is confirmed once, under the realest of them.
        let mut ordered: Vec<(Under, &StatementRow)> = effects
            .statements
            .iter()
            .map(|s| (known.iter().find(|u| u.alert == s.alert).map_or(Under::NONE, |u| *u), s))
            .collect();
        ordered.sort_by_key(|(under, _)| (under.kind, under.alert));
        let mut done: HashSet<(i64, i64, i64)> = HashSet::new();
        let mut posts: BTreeMap<(i64, i64), Vec<Post>> = BTreeMap::new();
        for (under, statement) in ordered {
            let after = recorded
                .iter()
                .find(|r| r.household_id == statement.household && r.alert_id == statement.alert);
            let said = self.confirmation(under, statement, after, now)?;
            let Some((under, rank, post)) = said else {
                continue;
            };
            if done.insert((post.address, post.purpose, statement.at)) {
                posts.entry((under.alert, rank)).or_default().push(post);
            }
        }
        for ((alert, rank), posts) in posts {
            self.post(tx, alert, rank, &posts, now).await?;
        }
        Ok(())
    }

    fn confirmation(
        &self,
        under: Under,
        statement: &StatementRow,
        after: Option<&Recorded>,
        now: i64,
    ) -> Result<Option<(Under, i64, Post)>, EngineFault> {
        let (Some(address), Some(claim)) = (statement.giver_id, Claim::from_code(statement.claim))
        else {
            return Ok(None);
        };
        let (under, rank, purpose, n, text) = if let Claim::Help(triage) = claim {
            let class = match triage {
                Triage::A => HelpClass::Life,
                Triage::B => HelpClass::Carry,
                Triage::C => HelpClass::Supply,
            };
            let text = NoticeText::HelpReceived { class };
            (under.for_help(), RANK_HELP, Purpose::HelpReceived, statement.at, text)
        } else if let Some(home) = after.filter(|a| a.standing.ask_back) {
            let registered = u32::try_from(home.persons).unwrap_or(1);
            let demand = Demand::from_code(home.demand).unwrap_or(Demand::Evacuation);
            let text = NoticeText::AskBackPersons { registered, demand };
            // Asked once.
            (under, RANK_CONFIRMATION, Purpose::AskBack, 1, text)
        } else if self.settings.thank_receipts {
            (under, RANK_CONFIRMATION, Purpose::Thanks, statement.at, NoticeText::Thanks)
        } else {
            return Ok(None);
        };
        let post = Post {
            address,
            purpose: purpose.code(),
            n,
            human: None,
            household: Some(statement.household),
            text: self.say_in(under.kind, &text, now)?,
        };
        Ok(Some((under, rank, post)))
    }
}

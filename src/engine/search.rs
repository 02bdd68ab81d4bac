//! The search list (清点名单): after the end everybody still open stands on one list with an owner,
//! who is asked, and every ten minutes another with him, until a named person takes it. They leave
//! it found, safe elsewhere or reported missing; those statements are ticked by `hands`.

use std::sync::Arc;

use super::issue::Actor;
use super::leader::place_words;
use super::summons::count;
use super::{Engine, EngineFault, Order};
use crate::domain::calling::called;
use crate::domain::list::{ListState, SEARCH};
use crate::domain::notice::Purpose;
use crate::domain::plan::TimerKind;
use crate::render::NoticeText;
use crate::store::list::NewOffer;
use crate::store::order::AlertRow;
use crate::store::search::{self as rows, SearchRow};
use crate::store::timer::{self, TimerRow};
use crate::store::{Tx, list};

const MINUTE_MS: i64 = 60_000;
const REMIND_MS: i64 = 10 * MINUTE_MS;
const SILENT_MS: i64 = 30 * MINUTE_MS;
/// Who is asked for one search list at a time.
const ASKED_MAX: usize = 8;

impl Engine {
    /// Where anybody is still open, opens the search list of an alert for who ended it, if he can
    /// be reached, else for the duty room. Gives the open households.
    pub(super) async fn open_search(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        alert: &AlertRow,
        now: i64,
    ) -> Result<i64, EngineFault> {
        let (open, _) = timer::count_open(tx, alert.id).await?;
        if open == 0 {
            return Ok(0);
        }
        let ender = rows::human_of_account(tx, actor.account_id).await?;
        let owners = rows::owners(tx, alert.id, now).await?;
        if let Some(owner) = ender.or(owners.first().copied()) {
            self.offer_search(tx, alert.id, owner, now).await?;
        }
        timer::set(tx, alert.id, TimerKind::Search.code(), 0, 0, 0, now).await?;
        Ok(open)
    }

    /// An alert that is over climbs no further.
    pub(super) async fn stop_timers(&self, tx: &mut Tx, alert: i64) -> Result<u64, EngineFault> {
        let kept = TimerKind::ALL.into_iter().filter(|kind| kind.outlives_order());
        let kept: Vec<i64> = kept.map(TimerKind::code).collect();
        Ok(timer::stop_alert(tx, alert, &kept).await?)
    }

    async fn offer_search(
        &self,
        tx: &mut Tx,
        alert: i64,
        owner: i64,
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(place) = rows::root(tx).await? else {
            return Ok(());
        };
        let offer = NewOffer { uid: self.entropy.uuid(now), place, human: owner, rung: SEARCH };
        list::offer(tx, alert, &[offer], now).await?;
        Ok(())
    }

    /// Everybody is found: whoever has the list learns it, once.
    async fn end_search(
        &self,
        tx: &mut Tx,
        order: &Order,
        lists: &[SearchRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let asked = [ListState::Offered, ListState::Taken, ListState::PassedOn];
        let asked = asked.map(ListState::code);
        let ids: Vec<i64> =
            lists.iter().filter(|l| asked.contains(&l.state)).map(|l| l.id).collect();
        let mut words = Vec::new();
        for list in list::by_id(tx, &ids).await?.iter().filter(|l| l.told_at.is_some()) {
            let place = place_words(std::slice::from_ref(list));
            let held = list.state != ListState::Offered.code();
            let text = NoticeText::ListFinished { place: &place, held };
            words.push((list.human_id, Purpose::Finished, self.say_in(order.kind, &text, now)?));
        }
        list::set(tx, &ids, ListState::Finished.code(), now).await?;
        self.tell_humans(tx, order.alert_id, words, now).await
    }

    /// Asks for the search list until somebody has it, and whoever has it how he is.
    pub(super) async fn fire_search(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let (open, _) = timer::count_open(tx, order.alert_id).await?;
        let kind = TimerKind::Search.code();
        let lists = rows::lists(tx, order.alert_id).await?;
        if open == 0 {
            return self.end_search(tx, order, &lists, now).await;
        }
        if let Some(held) = lists.iter().find(|l| l.state == ListState::Taken.code()) {
            let silent_at = held.last_act_at() + SILENT_MS;
            if now < silent_at {
                return Ok(timer::set(tx, order.alert_id, kind, 0, 0, 0, silent_at).await?);
            }
            list::set(tx, &[held.id], ListState::PassedOn.code(), now).await?;
            let check = NoticeText::HolderCheck { silent_min: count(SILENT_MS / MINUTE_MS) };
            let check = self.say_in(order.kind, &check, now)?;
            let word = (held.human_id, Purpose::HolderCheck, check);
            self.tell_humans(tx, order.alert_id, vec![word], now).await?;
            timer::set(tx, order.alert_id, kind, 0, 0, 0, now + REMIND_MS).await?;
            return Ok(());
        }
        let step = timers.first().map_or(0, |t| t.step);
        timer::set(tx, order.alert_id, kind, 0, 0, step + 1, now + REMIND_MS).await?;
        let mut asked: Vec<i64> = offered(&lists).map(|l| l.human_id).collect();
        if (asked.is_empty() || step > 0) && asked.len() < ASKED_MAX {
            let owner = self.next_owner(tx, order.alert_id, &lists, now).await?;
            if let Some(owner) = owner.filter(|owner| !asked.contains(owner)) {
                self.offer_search(tx, order.alert_id, owner, now).await?;
                asked.push(owner);
            }
        }
        if asked.is_empty() {
            tracing::error!(alert = order.uid, open, "nobody to search for the open");
        }
        let since = offered(&lists).map(|l| l.offered_at).min().unwrap_or(now);
        let waited_min = count((now - since) / MINUTE_MS);
        self.tell_search(tx, order, &called(&asked, step), waited_min, now).await
    }

    /// Tells who is offered the search list how many are on it.
    pub(super) async fn tell_search(
        &self,
        tx: &mut Tx,
        order: &Order,
        told: &[i64],
        waited_min: u32,
        now: i64,
    ) -> Result<(), EngineFault> {
        let (open, persons) = timer::count_open(tx, order.alert_id).await?;
        let tokens = self.list_tokens(tx, order.alert_id, told, now).await?;
        let mut words = Vec::with_capacity(told.len());
        for &owner in told {
            let text = NoticeText::Search {
                alert_title: &order.title,
                doors: count(open),
                persons: count(persons),
                waited_min,
                token: tokens.get(&owner).map(String::as_str),
            };
            rows::tell(tx, order.alert_id, owner, now).await?;
            words.push((owner, Purpose::Search, self.say_in(order.kind, &text, now)?));
        }
        self.tell_humans(tx, order.alert_id, words, now).await
    }

    /// Who is asked next: who had found everybody, where a door opened again; else the first who
    /// was never asked; and where nobody is asked at present, the first of all.
    async fn next_owner(
        &self,
        tx: &mut Tx,
        alert: i64,
        lists: &[SearchRow],
        now: i64,
    ) -> Result<Option<i64>, EngineFault> {
        let owners = rows::owners(tx, alert, now).await?;
        let fresh = owners.iter().find(|owner| lists.iter().all(|l| l.human_id != **owner));
        let again = lists.iter().find(|l| l.state == ListState::Finished.code());
        let again = again.map(|l| &l.human_id);
        let first = owners.first().filter(|_| offered(lists).next().is_none());
        Ok(again.or(fresh).or(first).copied())
    }
}

fn offered(lists: &[SearchRow]) -> impl Iterator<Item = &SearchRow> {
    lists.iter().filter(|l| l.state == ListState::Offered.code())
}

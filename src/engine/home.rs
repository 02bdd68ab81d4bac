//! A household's own page: what it is asked, in the words of its message, and what its taps say.
//! A tap is a word of who lives there, as a digit by SMS would be, under each order the page shows.
//! Who closes what is the fold's business.

use serde_json::json;

use super::doorstep::{Acted, Tap};
use super::link::Link;
use super::{Engine, EngineFault, Order};
use crate::domain::alert::State;
use crate::domain::demand::Demand;
use crate::domain::doorstep::are_of_home;
use crate::domain::gate::AlertKind;
use crate::domain::link::{observed_at, tap_key};
use crate::domain::standing::Whereabouts;
use crate::domain::statement::{Claim, Giver};
use crate::domain::triage::Triage;
use crate::render::{Audience, ResidentText};
use crate::store::answer::{self, StatementRow};
use crate::store::cry::HELP;
use crate::store::desk::{self, NewTask};
use crate::store::home::{self, AskedRow};
use crate::store::order;

/// Orders on one page.
const ORDERS_MAX: i64 = 3;
/// Own words that are shown.
const WORDS_MAX: i64 = 3;

/// What a resident says with one tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// 知道了.
    Heard,
    /// 要人帮.
    Help(Triage),
    /// 全家都离开了; persons where he was asked back.
    Left { persons: Option<i64> },
    /// 在家平安.
    SafeHome,
}

/// One order as the page tells it.
#[derive(Debug, Clone)]
pub struct Told {
    pub title: String,
    pub issuer: String,
    pub state: State,
    pub demand: Demand,
    /// The message without signature and menu.
    pub text: String,
    pub by: Option<String>,
    pub shelter: Option<String>,
    pub issued_at: i64,
    /// The household does not belong to it any more.
    pub dropped: bool,
}

/// Something the household said itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnWord {
    pub claim: Claim,
    pub persons: Option<i64>,
    pub at: i64,
}

/// One household's page.
#[derive(Debug, Clone)]
pub struct Home {
    pub name: String,
    pub building: String,
    pub door: String,
    pub kind: AlertKind,
    pub persons: i64,
    /// The order of the link first.
    pub orders: Vec<Told>,
    /// The strongest of what is in force; none: nothing is.
    pub demand: Option<Demand>,
    pub words: Vec<OwnWord>,
    pub whereabouts: Whereabouts,
    pub helps: i64,
    /// Somebody will look, a word being not enough.
    pub verify: bool,
    pub closed: bool,
    /// Left, they said, and more than one is registered: how many?
    pub ask_back: bool,
    pub help_taken_at: Option<i64>,
}

impl Engine {
    /// The page of a household's link. None: it is gone, or never was of this alert's audience.
    pub async fn home(&self, link: &Link) -> Result<Option<Home>, EngineFault> {
        let (alert, household) = (link.bearer.alert_id, link.bearer.subject_id);
        let asked = home::asked(&self.store, alert, household, ORDERS_MAX).await?;
        let (Some(first), Some((name, building, door))) =
            (asked.first(), home::home(&self.store, household).await?)
        else {
            return Ok(None);
        };
        let mut kind = AlertKind::Live;
        let mut orders = Vec::new();
        for row in &asked {
            if let Some(order) = self.order(row.alert_id, row.in_force).await? {
                kind = order.kind;
                orders.extend(self.told(row, &order));
            }
        }
        let words: Vec<OwnWord> = home::own_words(&self.store, alert, household, WORDS_MAX)
            .await?
            .into_iter()
            .filter_map(|(claim, persons, at)| {
                Some(OwnWord { claim: Claim::from_code(claim)?, persons, at })
            })
            .collect();
        let in_force = asked.iter().filter(|row| is_in_force(row));
        let demand = in_force.filter_map(|row| Demand::from_code(row.demand)).max();
        let left = words.first().is_some_and(|word| {
            matches!(word.claim, Claim::LeftAll | Claim::Upstairs) && word.persons.is_none()
        });
        let open = first.closed_at.is_none();
        Ok(Some(Home {
            name,
            building,
            door,
            kind,
            persons: first.persons,
            orders,
            demand,
            whereabouts: Whereabouts::from_code(first.whereabouts).unwrap_or(Whereabouts::Unknown),
            helps: asked.iter().map(|row| row.helps).sum(),
            verify: asked.iter().any(|row| row.verify == 1),
            closed: !open,
            ask_back: left && open && first.persons > 1,
            help_taken_at: home::help_taken_at(&self.store, alert, household).await?,
            words,
        }))
    }

    fn told(&self, row: &AskedRow, order: &Order) -> Option<Told> {
        let demand = Demand::from_code(row.demand).unwrap_or(Demand::Receipt);
        let text = self.messages.resident_words(&ResidentText {
            signature: &self.settings.signature,
            template: &order.template,
            vars: &order.vars,
            demand,
            audience: Audience::Household,
            kind: order.kind,
            version: 2, // without a time of its own: the page says it
            issued_at_ms: order.issued_at,
            merged: &[],
        });
        let text = match text {
            Ok(text) => text,
            Err(fault) => {
                tracing::error!(alert = order.uid, %fault, "an order has no words for a page");
                return None;
            }
        };
        let word = |name: &str| order.vars.get(name).filter(|word| !word.is_empty()).cloned();
        let moves = demand.must_move();
        Some(Told {
            title: order.title.clone(),
            issuer: order.issuer.clone(),
            state: State::from_code(row.state).unwrap_or(State::Ended),
            demand,
            text,
            by: word("by").filter(|_| moves),
            shelter: word("shelter").filter(|_| moves),
            issued_at: order.issued_at,
            dropped: row.dropped > 0,
        })
    }

    /// Does what a tap on a household's page says, in one transaction.
    pub async fn act_at_home(
        &self,
        link: &Link,
        tap: Tap<'_>,
        word: Word,
    ) -> Result<Acted, EngineFault> {
        let Some(key) = tap_key(tap.key) else {
            return Ok(Acted::Unfit);
        };
        let (alert, household) = (link.bearer.alert_id, link.bearer.subject_id);
        let now = self.clock.story_ms();
        let since = order::by_id(&self.store, alert).await?.and_then(|a| a.live_at).unwrap_or(0);
        let at = observed_at(tap.age_ms, now, since);
        let mut tx = self.store.begin().await?;
        let mut asked = home::asked_now(&mut tx, alert, household, ORDERS_MAX).await?;
        // A cry for help is heard whatever became of the order.
        let help = matches!(word, Word::Help(_));
        asked.retain(|row| is_in_force(row) || (help && row.alert_id == alert));
        asked.retain(|row| word.fits(row));
        // In the order in which all others lock them.
        asked.sort_by_key(|row| row.alert_id);
        let key = format!("page:{}:{key}", link.id);
        let mut statements = Vec::with_capacity(asked.len());
        for row in &asked {
            answer::lock_standings(&mut tx, row.alert_id, &[household]).await?;
            let statement = word.statement(&key, row, at);
            if !home::is_known(&mut tx, &statement.key).await? {
                statements.push(statement);
            }
        }
        if statements.is_empty() {
            return Ok(if asked.is_empty() { Acted::Unfit } else { Acted::Again });
        }
        let recorded = self.record(&mut tx, &statements).await?;
        if let Word::Help(class) = word {
            let task = |row: &AskedRow| NewTask {
                uid: self.entropy.uuid(now),
                alert: row.alert_id,
                household: Some(household),
                building: Some(row.building_id),
                inbound: None,
                key: format!("{key}#{}.{household}.t", row.alert_id),
                kind: HELP,
                class: class.code(),
                text: help_text(class).into(),
            };
            let tasks: Vec<NewTask> = asked.iter().map(task).collect();
            desk::open_tasks(&mut tx, &tasks, now).await?;
        }
        let claims: Vec<i64> = statements.iter().map(|s| s.claim).collect();
        let detail = json!({"household": household, "claims": claims, "at": at});
        let actor = format!("household:{household}");
        self.note(&mut tx, &actor, "resident.say", Some(alert), detail).await?;
        tx.commit().await?;
        let closed = recorded.iter().all(|r| r.standing.closed());
        Ok(if closed { Acted::Closed } else { Acted::Done })
    }
}

fn is_in_force(row: &AskedRow) -> bool {
    row.state == State::Live.code() && row.dropped == 0
}

fn help_text(class: Triage) -> &'static str {
    match class {
        Triage::A => "网页求助：有危险（水进屋、受伤、被困）",
        Triage::B => "网页求助：要人帮，走不动",
        Triage::C => "网页求助：缺水、缺吃的、缺药",
    }
}

impl Word {
    /// 3 is offered only where somebody must leave, 4 only where `Safety` is asked.
    fn fits(self, row: &AskedRow) -> bool {
        let Some(demand) = Demand::from_code(row.demand) else {
            return false;
        };
        match self {
            Word::Heard | Word::Help(_) => true,
            Word::Left { persons } => {
                demand.must_move() && persons.is_none_or(|n| are_of_home(n, row.persons))
            }
            Word::SafeHome => demand == Demand::Safety,
        }
    }

    fn statement(self, key: &str, row: &AskedRow, at: i64) -> StatementRow {
        let upstairs = row.demand == Demand::Upstairs.code();
        let (claim, persons) = match self {
            Word::Heard => (Claim::Heard, None),
            Word::Help(class) => (Claim::Help(class), None),
            Word::Left { persons } if upstairs => (Claim::Upstairs, persons),
            Word::Left { persons } => (Claim::LeftAll, persons),
            Word::SafeHome => (Claim::SafeHome, None),
        };
        StatementRow {
            key: format!("{key}#{}.{}.{}", row.alert_id, row.household_id, claim.code()),
            alert: row.alert_id,
            version: row.version,
            household: row.household_id,
            giver: Giver::Lives.code(),
            giver_id: None,
            claim: claim.code(),
            persons,
            closes: None,
            detail: None,
            at,
            source: "page".into(),
        }
    }
}

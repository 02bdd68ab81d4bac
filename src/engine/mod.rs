//! The steps: issue, expand, feed, send, receipt, intake, fire, audit, chain, and the pump that
//! drives them in production. A step never sleeps and never asks the machine for the time; one
//! that lost a deadlock, a connection or a lease returns a value that says "again".

mod access;
pub mod accounts;
mod alarm;
pub mod audit;
mod binding;
pub mod board;
mod bookkeeping;
pub mod burial;
pub mod calendar;
pub mod chain;
mod change;
mod check;
mod chunk;
mod countersign;
pub mod desk;
pub mod doorstep;
pub mod dossier;
pub mod exercise;
pub mod expand;
mod failing;
pub mod feed;
pub mod fire;
pub mod forecast;
pub mod hands;
pub mod home;
pub mod inbox;
pub mod intake;
pub mod issue;
mod ladder;
mod leader;
mod leaving;
pub mod link;
mod names;
pub mod narrow;
mod notices;
mod offers;
pub mod outage;
mod pace;
mod paired;
pub mod paper;
pub mod preview;
pub mod proof;
pub mod pump;
pub mod readiness;
mod reading;
pub mod receipt;
mod record;
mod relay;
mod released;
mod renewals;
pub mod round;
mod saying;
mod search;
pub mod send;
pub mod session;
pub mod signin;
mod situation;
pub mod sketch;
mod spoken;
mod summons;
pub mod tasks;
mod undelivered;
mod unmatched;
mod waiting;
pub mod words;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::seal::Sealer;
use crate::channel::{Provider, Transport};
use crate::domain::access::Denied;
use crate::domain::lane::{Lane, Realm};
use crate::domain::plan::Plans;
use crate::queue::{Queue, QueueFault};
use crate::render::{Messages, RenderFault};
use crate::store::{Store, StoreFault};

pub use words::Order;

/// One gateway and what it may be asked to do.
pub struct Gateway {
    pub provider: Arc<Provider>,
    /// Messages a second; none: as fast as it answers.
    pub rate_per_second: Option<f64>,
}

/// What an installation decides once.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// This process in leases: unique among all processes.
    pub owner: String,
    /// The office's signature without brackets: 余姚市防指.
    pub signature: String,
    /// A practice installation never loads or reaches a live gateway.
    pub practice: bool,
    /// Whether a plain 收到 is thanked by a message of its own.
    pub thank_receipts: bool,
    /// Open calls to gateways in this process.
    pub calls_open: usize,
    /// Minutes of the day at which shifts of the duty room end.
    pub shift_ends: Vec<i64>,
    /// The address by which people reach the pages; none: a link is a bare token.
    pub public_url: Option<String>,
}

/// Everything the steps work with.
pub struct Engine {
    pub store: Store,
    pub queue: Arc<dyn Queue>,
    pub transport: Arc<dyn Transport>,
    pub gateways: Vec<Gateway>,
    pub sealer: Sealer,
    pub clock: Arc<dyn Clock>,
    pub entropy: Entropy,
    pub messages: Messages,
    pub plans: Plans,
    pub settings: EngineSettings,
    /// What gateways the settings name, where this process loads none of them.
    pub(crate) named: Vec<(Lane, Realm)>,
    pub(crate) calls: tokio::sync::Semaphore,
    door: signin::Door,
    pub(crate) renewals: renewals::Renewals,
    pub(crate) names: names::OddNames,
    pub(crate) books: bookkeeping::Books,
    pub(crate) burials: burial::Burials,
    pub(crate) outages: outage::Outages,
    pub(crate) accesses: access::Accesses,
    /// Rounds of the feeder that had room.
    pub(crate) rounds: AtomicU64,
    orders: Mutex<HashMap<(i64, i64), Arc<Order>>>,
}

/// The parts an engine is built from.
pub struct EngineParts {
    pub store: Store,
    pub queue: Arc<dyn Queue>,
    pub transport: Arc<dyn Transport>,
    pub gateways: Vec<Gateway>,
    pub sealer: Sealer,
    pub clock: Arc<dyn Clock>,
    pub entropy: Entropy,
    pub messages: Messages,
    pub plans: Plans,
    pub settings: EngineSettings,
}

/// What went wrong in a step, by what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum EngineFault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Queue(#[from] QueueFault),
    #[error(transparent)]
    Render(#[from] RenderFault),
    /// The actor has no right to this at this place.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The request can't be carried out as it stands; the text says what to change.
    #[error("{0}")]
    Refused(String),
}

impl EngineFault {
    /// Whether the same step may simply be run again.
    pub fn is_again(&self) -> bool {
        match self {
            EngineFault::Store(fault) => fault.is_again(),
            EngineFault::Queue(_) => true,
            EngineFault::Render(_) | EngineFault::Denied(_) | EngineFault::Refused(_) => false,
        }
    }
}

impl Engine {
    /// Puts the parts together. A practice installation with a live gateway is refused.
    pub fn new(parts: EngineParts) -> Result<Engine, EngineFault> {
        let live = |g: &&Gateway| g.provider.realm() == Realm::Live;
        if let Some(gateway) = parts.gateways.iter().find(live)
            && parts.settings.practice
        {
            return Err(EngineFault::Refused(format!(
                "this installation is marked practice: remove the live gateway {}",
                gateway.provider.name()
            )));
        }
        Ok(Engine {
            store: parts.store,
            queue: parts.queue,
            transport: parts.transport,
            gateways: parts.gateways,
            sealer: parts.sealer,
            clock: parts.clock,
            entropy: parts.entropy,
            messages: parts.messages,
            plans: parts.plans,
            named: Vec::new(),
            calls: tokio::sync::Semaphore::new(parts.settings.calls_open.max(1)),
            door: signin::Door::default(),
            renewals: renewals::Renewals::default(),
            names: names::OddNames::default(),
            books: bookkeeping::Books::default(),
            burials: burial::Burials::default(),
            outages: outage::Outages::default(),
            accesses: access::Accesses::default(),
            rounds: AtomicU64::new(1),
            settings: parts.settings,
            orders: Mutex::new(HashMap::new()),
        })
    }

    /// Tells a process that loads no gateway which ones those have that dispatch.
    #[must_use]
    pub fn knowing(mut self, named: Vec<(Lane, Realm)>) -> Engine {
        self.named = named;
        self
    }

    /// A version in its immutable form, kept once read.
    pub async fn order(&self, alert: i64, version: i64) -> Result<Option<Arc<Order>>, EngineFault> {
        let known =
            |orders: &HashMap<(i64, i64), Arc<Order>>| orders.get(&(alert, version)).cloned();
        if let Some(order) = self.orders.lock().ok().and_then(|orders| known(&orders)) {
            return Ok(Some(order));
        }
        let Some(order) = Order::read(&self.store, alert, version).await? else {
            return Ok(None);
        };
        let order = Arc::new(order);
        if let Ok(mut orders) = self.orders.lock() {
            if orders.len() > 1_000 {
                orders.clear();
            }
            orders.insert((alert, version), order.clone());
        }
        Ok(Some(order))
    }

    /// The gateway for a lane, realm and attempt: a repeat changes the provider where it can.
    pub(crate) fn gateway(&self, lane: Lane, realm: Realm, turn: i64) -> Option<&Gateway> {
        let fit = self.fitting(lane, realm);
        let turn = usize::try_from(turn).unwrap_or(0);
        (!fit.is_empty()).then(|| fit[turn % fit.len()])
    }

    /// Whether the installation has a gateway of this lane, in this process or another.
    pub(crate) fn has_lane(&self, lane: Lane) -> bool {
        self.gateways.iter().any(|gateway| gateway.provider.lane() == lane)
            || self.named.iter().any(|(named, _)| *named == lane)
    }

    pub(crate) fn fitting(&self, lane: Lane, realm: Realm) -> Vec<&Gateway> {
        let fit = |g: &&Gateway| g.provider.lane() == lane && g.provider.realm() == realm;
        self.gateways.iter().filter(fit).collect()
    }
}

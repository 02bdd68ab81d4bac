//! Whoever has hands in the demo: leaders who go from door to door with the lists they took, on
//! the page whose address their phones received, and the officers at the desk. They act through
//! the engine as pages and the command line do.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::entropy::Entropy;
use crate::domain::doorstep::{Reason, Refuge, Seen};
use crate::domain::link::Kind;
use crate::engine::doorstep::{Act, Tap};
use crate::engine::hands::Tick;
use crate::engine::issue::Actor;
use crate::engine::link::Link;
use crate::engine::{Engine, EngineFault};
use crate::practice::gateway::GatewaySim;
use crate::store::demo::look::{self, Door};
use crate::store::desk::{self, TaskRow};

const MINUTE_MS: i64 = 60_000;
/// From taking a list to the first door, and from door to door.
const SET_OFF_MS: i64 = 4 * MINUTE_MS;
const DOOR_MS: i64 = 150_000;
/// A door where nobody opened is tried again after this.
const AGAIN_MS: i64 = 40 * MINUTE_MS;
/// Tasks the officers take in a story minute, and how long one takes them.
const TASKS_MINUTE: i64 = 8;
const TASK_MS: i64 = 12 * MINUTE_MS;
const TASKS_LOOKED_AT: i64 = 500;
/// What is a matter of life is seen at once, the rest in a while.
const LIFE: i64 = 1;
const SEEN_MS: i64 = MINUTE_MS / 2;
/// Doors of one look, so that the desk is not kept waiting.
const DOORS_LOOK: usize = 150;
const LOOK_EVERY_MS: u64 = 200;
/// Leaders take a step at every so many looks.
const DOORS_EVERY: u64 = 4;
/// Messages of the gateway's log that are read at once.
const LOG_PAGE: usize = 5_000;
const LIST_PATH: &str = "/l/";

/// What the people need to know of the town.
pub struct Town {
    pub engine: Arc<Engine>,
    pub gateway: Arc<GatewaySim>,
    pub desk: Actor,
    /// Mobiles of those with a duty, by code.
    pub mobiles: HashMap<String, Vec<String>>,
    /// The household in which everybody goes along when asked.
    pub willing: String,
    pub seed: u64,
}

/// The people, between two looks.
pub struct People {
    town: Town,
    /// The orders in force.
    orders: watch::Receiver<Vec<i64>>,
    chance: Entropy,
    /// When each leader is at his next door.
    next_door_at: HashMap<i64, i64>,
    /// Doors where nobody opened or somebody refused, and when they are tried again.
    later: HashMap<String, i64>,
    /// Tasks of the officers and when they are done.
    tasks: HashMap<String, i64>,
    taken_until: i64,
    /// How far the texts on the phones are read, and the tokens found there, by number.
    read: usize,
    tokens: HashMap<String, Vec<String>>,
    /// Links by order and human.
    links: HashMap<(i64, i64), Link>,
}

impl People {
    pub fn new(town: Town, orders: watch::Receiver<Vec<i64>>) -> People {
        let (taken_until, chance) = (town.engine.clock.story_ms(), Entropy::seeded(town.seed));
        People {
            town,
            orders,
            chance,
            next_door_at: HashMap::new(),
            later: HashMap::new(),
            tasks: HashMap::new(),
            taken_until,
            read: 0,
            tokens: HashMap::new(),
            links: HashMap::new(),
        }
    }

    /// Works until the stop.
    pub async fn work(mut self, mut stop: watch::Receiver<bool>) {
        let pause = Duration::from_millis(LOOK_EVERY_MS);
        let mut looks = 0_u64;
        while tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.is_err() {
            // Who called for help comes before doors.
            let mut done = vec![self.at_the_desk().await];
            looks += 1;
            if looks.is_multiple_of(DOORS_EVERY) {
                self.read_phones();
                let orders = self.orders.borrow().clone();
                for order in orders {
                    done.push(self.at_the_doors(order, &stop).await);
                }
            }
            for fault in done.into_iter().filter_map(Result::err) {
                tracing::debug!(%fault, "somebody will try again");
            }
        }
    }

    /// The addresses of lists that came by SMS.
    fn read_phones(&mut self) {
        loop {
            let page = self.town.gateway.log_page(self.read, LOG_PAGE);
            self.read += page.len();
            for entry in page.iter().filter(|entry| entry.taken) {
                let Some((_, rest)) = entry.text.split_once(LIST_PATH) else { continue };
                let token: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
                let known = self.tokens.entry(entry.to.clone()).or_default();
                if !known.contains(&token) {
                    known.push(token);
                }
            }
            if page.len() < LOG_PAGE {
                return;
            }
        }
    }

    /// The page of a leader's lists under an order, as his phone has it.
    async fn link(&mut self, order: i64, door: &Door) -> Result<Option<&Link>, EngineFault> {
        let key = (order, door.human);
        if !self.links.contains_key(&key) {
            let numbers = self.town.mobiles.get(&door.human_code).into_iter().flatten();
            let tokens: Vec<String> =
                numbers.filter_map(|n| self.tokens.remove(n)).flatten().collect();
            for token in tokens {
                if let Some(link) = self.town.engine.find_link(Kind::Leader, &token).await? {
                    let (alert, human) = (link.bearer.alert_id, link.bearer.subject_id);
                    self.links.insert((alert, human), link);
                }
            }
        }
        Ok(self.links.get(&key))
    }

    async fn at_the_doors(
        &mut self,
        order: i64,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), EngineFault> {
        let now = self.town.engine.clock.story_ms();
        let mut by_human: BTreeMap<i64, Vec<Door>> = BTreeMap::new();
        for door in look::doors(&self.town.engine.store, order).await? {
            if self.later.get(&door.household).is_none_or(|at| *at <= now) {
                by_human.entry(door.human).or_default().push(door);
            }
        }
        let mut knocked = 0;
        for (human, doors) in by_human {
            let set_off = doors.iter().filter_map(|d| d.taken_at).min().unwrap_or(now);
            let mut at = *self.next_door_at.entry(human).or_insert(set_off + SET_OFF_MS);
            let mut doors = doors.iter();
            while at <= now && knocked < DOORS_LOOK && !*stop.borrow() {
                let Some(door) = doors.next() else { break };
                self.knock(order, door, now).await?;
                knocked += 1;
                at += DOOR_MS / 2 + self.chance.below(DOOR_MS);
            }
            self.next_door_at.insert(human, at);
        }
        Ok(())
    }

    fn sees(&self, door: &Door) -> Seen {
        let chance = self.chance.below(100);
        if door.household == self.town.willing {
            return Seen::Moved(Refuge::Shelter);
        }
        match (chance, door.ring) {
            (0..12, _) => Seen::NobodyHome,
            (12..15, 1) => Seen::Refused(Reason::Belongings),
            (15..18, 1) => Seen::Refused(Reason::Disbelief),
            (18..24, 1) => Seen::Moved(Refuge::Upstairs),
            (24..50, 1) => Seen::Moved(Refuge::Kin),
            (_, 1) => Seen::Moved(Refuge::Shelter),
            _ => Seen::Told,
        }
    }

    async fn knock(&mut self, order: i64, door: &Door, now: i64) -> Result<(), EngineFault> {
        let seen = self.sees(door);
        self.later.insert(door.household.clone(), now + AGAIN_MS);
        let engine = self.town.engine.clone();
        let key = engine.entropy.uuid(now);
        if let Some(link) = self.link(order, door).await? {
            let saw = Act::Saw { door: &door.household, seen, persons: None };
            return engine.act_on_round(link, Tap { key: &key, age_ms: 0 }, saw).await.map(drop);
        }
        // Whose text with the address got lost rings the desk.
        let claim = seen.claim();
        let tick = Tick { household: door.household.clone(), claim, persons: None };
        engine.tick_list(&self.town.desk, &door.list, &tick).await.map(drop).or_else(again)
    }

    async fn at_the_desk(&mut self) -> Result<(), EngineFault> {
        let (engine, officer) = (self.town.engine.clone(), self.town.desk.clone());
        let now = engine.clock.story_ms();
        let due: Vec<String> =
            self.tasks.iter().filter(|(_, at)| **at <= now).map(|(uid, _)| uid.clone()).collect();
        for uid in due {
            self.tasks.remove(&uid);
            let result = "已回电核实，需要的已派人上门";
            engine.close_task(&officer, &uid, result).await.or_else(again)?;
        }
        let open = desk::tasks(&engine.store, 0, TASKS_LOOKED_AT).await?;
        let seen = |task: &TaskRow| task.class == LIFE || task.opened_at + SEEN_MS <= now;
        let waiting = |task: &&TaskRow| task.state == 0 && seen(task);
        let free = (now - self.taken_until) * TASKS_MINUTE / MINUTE_MS;
        self.taken_until += free * MINUTE_MS / TASKS_MINUTE;
        for task in open.iter().filter(waiting).take(free.unsigned_abs() as usize) {
            engine.take_task(&officer, &task.uid, None).await.map(drop).or_else(again)?;
            let done_at = now + TASK_MS / 2 + self.chance.below(TASK_MS);
            // Whoever takes an incident answers for all its homes.
            let same = |one: &&TaskRow| {
                one.uid == task.uid
                    || (task.incident_id.is_some() && one.incident_id == task.incident_id)
            };
            self.tasks.extend(open.iter().filter(same).map(|one| (one.uid.clone(), done_at)));
        }
        Ok(())
    }
}

/// Somebody else was faster: no fault.
fn again(fault: EngineFault) -> Result<(), EngineFault> {
    match fault {
        EngineFault::Refused(_) => Ok(()),
        EngineFault::Store(_)
        | EngineFault::Queue(_)
        | EngineFault::Render(_)
        | EngineFault::Denied(_) => Err(fault),
    }
}

//! Whoever has hands in the demo: leaders who go from door to door with the lists they took, and
//! the officers at the desk. They act through the engine as the command line does.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::entropy::Entropy;
use crate::domain::statement::Claim;
use crate::engine::hands::Tick;
use crate::engine::issue::Actor;
use crate::engine::{Engine, EngineFault};
use crate::store::desk::{self, TaskRow};
use crate::store::look::{self, Door};

const MINUTE_MS: i64 = 60_000;
/// From taking a list to the first door, and from door to door.
const SET_OFF_MS: i64 = 4 * MINUTE_MS;
const DOOR_MS: i64 = 150_000;
/// A door where nobody opened is tried again after this.
const AGAIN_MS: i64 = 40 * MINUTE_MS;
/// Tasks the officers take in a story minute, and how long one takes them.
const TASKS_MINUTE: i64 = 6;
const TASK_MS: i64 = 12 * MINUTE_MS;
const TASKS_LOOKED_AT: i64 = 500;
/// Doors of one look, so that the desk is not kept waiting.
const DOORS_LOOK: usize = 150;
const LOOK_EVERY_MS: u64 = 1_500;

/// The people, between two looks.
pub struct People {
    engine: Arc<Engine>,
    officer: Actor,
    alert: i64,
    chance: Entropy,
    /// When each leader is at his next door.
    next_door_at: HashMap<i64, i64>,
    /// Doors where nobody opened or somebody refused, and when they are tried again.
    later: HashMap<String, i64>,
    /// Tasks of the officers and when they are done.
    tasks: HashMap<String, i64>,
    taken_until: i64,
}

impl People {
    pub fn new(engine: Arc<Engine>, officer: Actor, alert: i64, seed: u64) -> People {
        let taken_until = engine.clock.story_ms();
        People {
            engine,
            officer,
            alert,
            chance: Entropy::seeded(seed),
            next_door_at: HashMap::new(),
            later: HashMap::new(),
            tasks: HashMap::new(),
            taken_until,
        }
    }

    /// Works until the stop.
    pub async fn work(mut self, mut stop: watch::Receiver<bool>) {
        let pause = Duration::from_millis(LOOK_EVERY_MS);
        while tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.is_err() {
            // Who called for help comes before doors.
            for done in [self.at_the_desk().await, self.at_the_doors(&stop).await] {
                if let Err(fault) = done {
                    tracing::debug!(%fault, "somebody will try again");
                }
            }
        }
    }

    async fn at_the_doors(&mut self, stop: &watch::Receiver<bool>) -> Result<(), EngineFault> {
        let now = self.engine.clock.story_ms();
        let mut by_human: BTreeMap<i64, Vec<Door>> = BTreeMap::new();
        for door in look::doors(&self.engine.store, self.alert).await? {
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
                self.knock(door, now).await?;
                knocked += 1;
                at += DOOR_MS / 2 + self.chance.below(DOOR_MS);
            }
            self.next_door_at.insert(human, at);
        }
        Ok(())
    }

    async fn knock(&mut self, door: &Door, now: i64) -> Result<(), EngineFault> {
        let claim = match (self.chance.below(100), door.ring) {
            (0..12, _) => Claim::NobodyHome,
            (12..18, _) => Claim::Refused,
            (18..24, _) => Claim::Upstairs,
            (_, 1) => Claim::Evacuated,
            _ => Claim::Heard,
        };
        let tick = Tick { household: door.household.clone(), claim, persons: None };
        self.later.insert(door.household.clone(), now + AGAIN_MS);
        match self.engine.tick_list(&self.officer, &door.list, &tick).await {
            Ok(_) => Ok(()),
            // The list went to another in the meantime: he will knock.
            Err(EngineFault::Refused(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    async fn at_the_desk(&mut self) -> Result<(), EngineFault> {
        let now = self.engine.clock.story_ms();
        let due: Vec<String> =
            self.tasks.iter().filter(|(_, at)| **at <= now).map(|(uid, _)| uid.clone()).collect();
        for uid in due {
            self.tasks.remove(&uid);
            let result = "已回电核实，需要的已派人上门";
            self.engine.close_task(&self.officer, &uid, result).await.or_else(again)?;
        }
        let open = desk::tasks(&self.engine.store, self.alert, TASKS_LOOKED_AT).await?;
        let waiting = |task: &&TaskRow| task.state == 0 && task.opened_at + MINUTE_MS / 2 <= now;
        let free = (now - self.taken_until) * TASKS_MINUTE / MINUTE_MS;
        self.taken_until += free * MINUTE_MS / TASKS_MINUTE;
        for task in open.iter().filter(waiting).take(free.unsigned_abs() as usize) {
            self.engine.take_task(&self.officer, &task.uid).await.map(drop).or_else(again)?;
            let done_at = now + TASK_MS / 2 + self.chance.below(TASK_MS);
            self.tasks.insert(task.uid.clone(), done_at);
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

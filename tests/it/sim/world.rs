//! Several processes on one store, with what happens to them: kills at any await, calls that hang
//! while the lease runs out. It counts what a kill may cost; what steps there are stands in
//! `acts`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use tongluo::engine::{Engine, EngineFault};

use super::books;
use super::stop::{Ended, Step, drive};
use super::wire::{Slow, Wire};
use crate::town::{Setup, Town};

/// One process: it dies with its connections, and another takes its place.
pub struct Process {
    pub engine: Arc<Engine>,
    pub wire: Arc<Wire>,
    /// A step whose calls hang; the process does nothing else meanwhile.
    pub hangs: Option<Step>,
    /// References of this step that a repetition is already allowed for.
    counted: BTreeSet<String>,
}

pub struct World {
    pub town: Town,
    pub processes: Vec<Process>,
    pub random: StdRng,
    /// How often a message may be repeated, by its reference.
    pub allowed: BTreeMap<String, usize>,
    /// What happened, for whoever reads a failure.
    pub trace: Vec<String>,
    pub kills: usize,
    setup: Setup,
    seed: u64,
    born: u64,
}

/// What came of a step that was run.
#[derive(Debug, PartialEq, Eq)]
pub enum Ran {
    Done,
    /// It met something that says "again", or was refused.
    Failed,
    Killed,
    Hangs,
}

impl World {
    pub async fn open(town: Town, setup: Setup, seed: u64, processes: usize) -> World {
        books::forbid(&town).await;
        let mut world = World {
            town,
            processes: Vec::new(),
            random: StdRng::seed_from_u64(seed),
            allowed: BTreeMap::new(),
            trace: Vec::new(),
            kills: 0,
            setup,
            seed,
            born: 0,
        };
        for _ in 0..processes {
            let process = world.bear().await;
            world.processes.push(process);
        }
        world
    }

    async fn bear(&mut self) -> Process {
        self.born += 1;
        let seed = self.seed * 1_000 + self.born;
        let wire = Arc::new(Wire::new(&self.town.sim, &self.town.clock, seed));
        let owner = format!("process {}", self.born);
        let mut open = Vec::new();
        let engine = self.town.another(&owner, seed, wire.clone(), &self.setup).await;
        if !self.town.is_sqlite() {
            // Its connections are open: a sign-on has thousands of awaits of its own.
            for connection in [engine.store.begin(), engine.store.begin(), engine.store.begin()] {
                open.push(connection.await.unwrap());
            }
        }
        Process { engine: Arc::new(engine), wire, hangs: None, counted: BTreeSet::new() }
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    pub fn note(&mut self, what: impl Into<String>) {
        let at_s = (self.town.now() - crate::town::NIGHT) / 1_000;
        self.trace.push(format!("{at_s:>6} s  {}", what.into()));
    }

    /// Runs a step of a process to its end, to its kill, or until its calls hang.
    pub async fn run(&mut self, p: usize, step: Step, stop_at: Option<usize>) -> Ran {
        self.processes[p].counted.clear();
        self.go_on(p, step, stop_at).await
    }

    /// Lets the hanging calls of a process go, and its step with them.
    pub async fn let_go(&mut self, p: usize, stop_at: Option<usize>) -> Ran {
        let Some(step) = self.processes[p].hangs.take() else { return Ran::Done };
        self.processes[p].wire.open();
        self.go_on(p, step, stop_at).await
    }

    async fn go_on(&mut self, p: usize, mut step: Step, stop_at: Option<usize>) -> Ran {
        let wire = self.processes[p].wire.clone();
        match drive(&mut step, stop_at, || wire.waits()).await {
            Ended::Done(Ok(())) => Ran::Done,
            Ended::Done(Err(EngineFault::Refused(why))) => {
                self.note(format!("  refused: {why}"));
                Ran::Failed
            }
            Ended::Done(Err(fault)) => {
                assert!(fault.is_again(), "a step broke: {fault:?}");
                self.note(format!("  again: {fault}"));
                Ran::Failed
            }
            Ended::Stopped => {
                drop(step);
                self.kill(p).await;
                Ran::Killed
            }
            Ended::Waiting => {
                self.allow(p).await;
                self.processes[p].hangs = Some(step);
                Ran::Hangs
            }
        }
    }

    /// Ends a process with everything it holds; another comes up in its place.
    pub async fn kill(&mut self, p: usize) {
        self.allow(p).await;
        self.kills += 1;
        let next = self.bear().await;
        self.processes[p] = next;
    }

    /// What this step has called and not written down may be called once more.
    async fn allow(&mut self, p: usize) {
        for signed in self.processes[p].wire.asked() {
            let reference = books::plain(&self.town, &signed).to_owned();
            if self.is_written(&reference).await {
                continue;
            }
            if self.processes[p].counted.insert(reference.clone()) {
                *self.allowed.entry(reference).or_default() += 1;
            }
        }
    }

    async fn is_written(&self, reference: &str) -> bool {
        let (kind, id) = reference.split_at(1);
        let sql = match id.split_once('.') {
            Some((batch, address)) => format!(
                "SELECT count(*) FROM outcome WHERE batch_id = {batch} AND address_id = {address}"
            ),
            None => format!("SELECT count(*) FROM notice WHERE id = {id} AND kind IS NOT NULL"),
        };
        assert!(["b", "n"].contains(&kind), "{reference}");
        self.town.count(&sql).await > 0
    }

    /// How the calls of the next step of a process fare.
    pub fn weather(&mut self, p: usize) {
        let slow = match self.random.random_range(0..20) {
            0 => Slow::BeforeTaken,
            1 => Slow::AfterTaken,
            _ => Slow::No,
        };
        let garbled = if self.chance(20) { 20 } else { 0 };
        self.processes[p].wire.begin(slow, garbled);
    }

    /// A process that is alive renews its leases, whatever its calls do.
    pub async fn renew(&mut self, p: usize) {
        if let Err(fault) = self.processes[p].engine.renew_leases().await {
            assert!(fault.is_again(), "{fault:?}");
        }
    }

    /// What must hold at every moment.
    pub async fn check(&self) {
        books::check(&self.town).await;
        books::check_doubles(&self.town, &self.allowed).await;
    }

    /// Faults are over and time goes on: what is owed is done, by a process that did nothing yet.
    pub async fn rest(&mut self, minutes: i64) {
        for p in 0..self.processes.len() {
            if self.processes[p].hangs.is_some() {
                if self.chance(50) {
                    self.kill(p).await;
                } else {
                    self.let_go(p, None).await;
                }
            }
        }
        self.town.clock.advance_ms(95_000);
        for _ in 0..minutes * 3 {
            self.town.clock.advance_ms(20_000);
            self.town.settle().await;
        }
        self.check().await;
    }
}

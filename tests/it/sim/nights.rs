//! A night by a seed: at every turn one of several processes is given something to do, or
//! something happens to it. The seed fixes all choices; only how many awaits a database makes of a
//! statement is not ours, so a failure prints what happened as well as its seed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use rand::Rng;
use rand::seq::IndexedRandom;

use tongluo::channel::{HookFault, ReceiptEvent};
use tongluo::domain::outcome::ReceiptClass;
use tongluo::domain::statement::Claim;
use tongluo::practice::gateway::{DeadNumbers, Vices};
use tongluo::queue::Faults;
use tongluo::store::{order, view};

use super::acts::{Act, Callback, Hands};
use super::books;
use super::world::{Ran, World};
use crate::own_queue::{Broker, BrokerWish, Under};
use crate::plant::{GRID, HOME, Layout, home_number, human_number};
use crate::town::{Setup, on_both};

const TURNS: usize = 110;
/// Texts of residents and leaders, the digits among them.
const SAID: [&str; 10] =
    ["1", "2", "3", "0", "知道了", "水进屋了", "全家已离开", "不走", "打错了", "猪怎么办"];

/// One night and what it has to remember.
struct Night {
    world: World,
    hands: Hands,
    broker: Arc<Broker>,
    serial: usize,
    /// Who may have had the text of a withdrawn alert, as it was at the withdrawal.
    may: BTreeMap<i64, BTreeSet<i64>>,
    /// How far the machine's clock is off.
    off_ms: i64,
}

fn setup(seed: u64, under: Under) -> Setup {
    Setup {
        layout: Layout {
            grids: 2,
            buildings: 2,
            homes: 4,
            no_phone_every: 7,
            second_phone_every: 4,
            ..Layout::default()
        },
        rate_per_second: seed.is_multiple_of(3).then_some(40.0),
        broker: Some(BrokerWish { seed, faults: Faults::rough(), under }),
        calls_open: 2,
        ..Setup::default()
    }
}

/// Plays the nights of these seeds on both engines; a failure says how to play it again.
async fn play(seeds: impl IntoIterator<Item = u64>, under: Under) {
    for seed in seeds {
        on_both(setup(seed, under), async |town| {
            if town.is_sqlite() && under != Under::InProcess {
                return town;
            }
            let world = World::open(town, setup(seed, under), seed, 3).await;
            let hands = Hands::of(&world.town);
            // The town keeps the broker it was opened with.
            let mut night = Night {
                hands,
                broker: world.town.broker.clone().unwrap(),
                world,
                serial: 0,
                may: BTreeMap::new(),
                off_ms: 0,
            };
            let played = AssertUnwindSafe(night.play()).catch_unwind().await;
            if let Err(broken) = played {
                for line in &night.world.trace {
                    eprintln!("{line}");
                }
                books::show(&night.world.town).await;
                eprintln!("TONGLUO_SEED={seed} cargo nextest run --test it sim::nights::by_seed");
                std::panic::resume_unwind(broken);
            }
            println!("seed {seed}: {} kills, {} turns", night.world.kills, TURNS);
            night.world.town
        })
        .await;
    }
}

impl Night {
    async fn play(&mut self) {
        self.world.town.flood_order().await;
        for _ in 0..TURNS {
            let ms = self.world.random.random_range(0..8_000);
            self.world.town.clock.advance_ms(ms);
            self.turn().await;
            self.look_at_withdrawals().await;
            self.world.check().await;
        }
        self.world.note("the faults are over");
        self.broker.set_faults(Faults::default());
        self.broker.revive();
        self.world.town.sim.set_vices(Vices::default());
        // What was dated while the clock was ahead waits for that hour.
        self.world.town.clock.advance_machine_ms(3_600_000 - self.off_ms);
        self.world.rest(14).await;
        self.look_at_withdrawals().await;
        books::check_nobody_lost(&self.world.town).await;
        books::check_rest(&self.world.town).await;
        books::check_chain(&self.world.town).await;
        self.check_corrections().await;
        let doubles = self.world.allowed.values().sum::<usize>();
        self.world.note(format!("{} kills, {doubles} doubles allowed", self.world.kills));
    }

    async fn turn(&mut self) {
        let p = self.world.random.random_range(0..self.world.processes.len());
        if self.world.processes[p].hangs.is_some() {
            return self.hanging(p).await;
        }
        let step = match self.world.random.random_range(0..100) {
            0..20 => Act::Feed,
            20..44 => Act::Work,
            44..58 => Act::Fire,
            58..62 => Act::Audit,
            62..66 => Act::Chain,
            66..78 => return self.callbacks(p).await,
            78..86 => return self.somebody_writes(),
            86..92 => return self.official(p).await,
            92 => return self.fake_receipt().await,
            93 => return self.forged(),
            94 => return self.world.kill(p).await,
            95 => return self.world.renew(p).await,
            96 => return self.clock_steps(),
            97 => return self.broker_changes(),
            _ => return self.vices_change(),
        };
        self.run(p, step).await;
    }

    async fn run(&mut self, p: usize, act: Act) -> Ran {
        let percent = if matches!(act, Act::Work | Act::Callbacks(_)) { 35 } else { 20 };
        let stop_at = self.world.chance(percent).then(|| self.world.random.random_range(1..=30));
        self.world.weather(p);
        let step = self.hands.step(&self.world.processes[p].engine, act.clone());
        let ran = self.world.run(p, step, stop_at).await;
        let name = format!("{act:?}");
        let name: String = name.chars().take(60).collect();
        self.world.note(format!("{p} {name} to await {stop_at:?}: {ran:?}"));
        ran
    }

    /// A process whose calls hang: it goes on, is killed, or only renews its leases.
    async fn hanging(&mut self, p: usize) {
        match self.world.random.random_range(0..6) {
            0 => self.world.kill(p).await,
            1..3 => {
                let stop_at = self.world.chance(30).then(|| self.world.random.random_range(1..=10));
                let ran = self.world.let_go(p, stop_at).await;
                self.world.note(format!("{p} goes on to await {stop_at:?}: {ran:?}"));
            }
            3 => self.world.renew(p).await,
            _ => self.world.town.clock.advance_ms(12_000),
        }
    }

    /// The gateway's callbacks, some lost, twice, or late; it comes again until it is thanked.
    async fn callbacks(&mut self, p: usize) {
        let now = self.world.town.now();
        let mut brought = Vec::new();
        for request in self.world.town.sim.due(now) {
            let call = Callback::of(&request);
            let fate = self.world.random.random_range(0..100);
            match fate {
                0..15 => {
                    let later = now + self.world.random.random_range(1_000..90_000);
                    self.world.town.sim.again(later, call.request());
                }
                15..25 => brought.extend([call.clone(), call]),
                25..35 if !call.is_reply() => {}
                _ => brought.push(call),
            }
        }
        if brought.is_empty() {
            return;
        }
        let ran = self.run(p, Act::Callbacks(brought.clone())).await;
        if ran != Ran::Done {
            for call in brought {
                self.world.town.sim.again(now + 5_000, call.request());
            }
        }
    }

    fn somebody_writes(&mut self) {
        let town = &self.world.town;
        let number = if self.world.random.random_bool(0.4) {
            human_number(*[1, 2, 3, 10, 11, 12, 13].choose(&mut self.world.random).unwrap())
        } else {
            home_number(HOME + self.world.random.random_range(1..=town.homes))
        };
        let text = *SAID.choose(&mut self.world.random).unwrap();
        town.sim.write_in(town.now(), &number, text);
        self.world.note(format!("{} writes {text}", &number[number.len() - 4..]));
    }

    /// An official, or somebody at the desk, does something.
    async fn official(&mut self, p: usize) {
        let Some(act) = self.choose_act().await else { return };
        self.run(p, act).await;
    }

    async fn choose_act(&mut self) -> Option<Act> {
        let town = &self.world.town;
        let live = order::live(&town.engine.store, 4).await.unwrap();
        let (alert, uid, ..) = live.choose(&mut self.world.random).cloned()?;
        let turn = self.world.random.random_range(0..20);
        let mut form = Box::new(town.flood_form());
        match turn {
            0 => Some(Act::Withdraw(uid)),
            1 => Some(Act::End(uid)),
            2..5 => {
                form.vars.insert("shelter".into(), "东风小学".into());
                if turn == 2 {
                    form.places = vec![format!("p{GRID}")];
                }
                Some(Act::Update(uid, form))
            }
            5 if live.len() < 3 => Some(Act::Release(form)),
            5..12 => {
                let lists = view::lists(&town.engine.store, alert, 0).await.unwrap();
                let list = lists.choose(&mut self.world.random)?.clone();
                if turn < 7 {
                    return Some(Act::TakeList(list.uid));
                }
                if turn == 7 {
                    return Some(Act::GiveList(list.uid, "h3".into()));
                }
                let home = HOME + self.world.random.random_range(1..=town.homes);
                let claims = [Claim::Evacuated, Claim::NobodyHome, Claim::Refused, Claim::Heard];
                let claim = *claims.choose(&mut self.world.random).unwrap();
                Some(Act::Tick(list.uid, format!("c{home}"), claim))
            }
            _ => {
                let sql = format!(
                    "SELECT uid FROM task WHERE alert_id IN (0, {alert}) \
                                   AND state < 2 ORDER BY id"
                );
                let tasks: Vec<(String,)> = town.rows(&sql).await;
                let (task,) = tasks.choose(&mut self.world.random)?.clone();
                Some(if turn < 16 { Act::TakeTask(task) } else { Act::CloseTask(task) })
            }
        }
    }

    /// A receipt for nobody, or for a message that was never sent.
    async fn fake_receipt(&mut self) {
        self.serial += 1;
        let sealer = &self.world.town.engine.sealer;
        let reference = match self.world.random.random_range(0..3) {
            0 => None,
            1 => Some(sealer.sign("b999999.1")),
            _ => Some("b1.1~forged".to_owned()),
        };
        let event = ReceiptEvent {
            external_id: Some(format!("SM{}", self.serial)),
            reference,
            callee: Some(home_number(HOME + 1)),
            class: ReceiptClass::Delivered,
            code: "delivered".into(),
            at: None,
            source_key: format!("fake:{}", self.serial),
        };
        let taken = self.world.town.engine.take_receipts("practice", &[event]).await;
        assert_eq!(taken.unwrap(), 1);
    }

    /// A callback with a word changed on the way is not heard.
    fn forged(&mut self) {
        let town = &self.world.town;
        let Some(request) = town.sim.due(town.now()).pop() else { return };
        let mut call = Callback::of(&request);
        town.sim.again(town.now(), call.request());
        call.body = bytes::Bytes::from([&call.body[..], b"1"].concat());
        let heard = town.provider.http().unwrap().callback(&call.request());
        assert_eq!(heard, Err(HookFault::Forged));
    }

    fn clock_steps(&mut self) {
        let ms = *[-3_600_000, -40_000, 40_000, 3_600_000].choose(&mut self.world.random).unwrap();
        // Never far from the truth in the same direction.
        let ms = if (self.off_ms + ms).abs() > 3_600_000 { -self.off_ms } else { ms };
        self.off_ms += ms;
        self.world.town.clock.advance_machine_ms(ms);
        self.world.note(format!("the machine's clock is off by {} ms", self.off_ms));
    }

    fn broker_changes(&mut self) {
        if self.world.random.random_bool(0.5) {
            self.broker.die();
        } else {
            self.broker.revive();
        }
        self.world.note(format!("the broker: {:?}", tongluo::queue::Queue::health(&*self.broker)));
    }

    fn vices_change(&mut self) {
        let mut share = |most: f64| self.world.random.random_range(0.0..most);
        let vices = Vices {
            receipt_missing: share(0.5),
            receipt_doubled: share(0.5),
            receipt_early: share(0.5),
            receipt_late: share(0.5),
            timeout_taken: share(0.2),
            timeout_not_taken: share(0.2),
            fail_5xx: share(0.2),
            rate_per_second: (share(1.0) < 0.3).then_some(2.0),
            dead_numbers: DeadNumbers { endings: vec!["5".into()], ..DeadNumbers::default() },
            ..Vices::default()
        };
        self.world.note(format!("{vices:?}"));
        self.world.town.sim.set_vices(vices);
    }

    /// Notes who may have had a text that is being taken back.
    async fn look_at_withdrawals(&mut self) {
        let town = &self.world.town;
        for (alert, ..) in order::live(&town.engine.store, 6).await.unwrap() {
            if let Entry::Vacant(unknown) = self.may.entry(alert) {
                unknown.insert(books::may_have_had(town, alert).await);
            }
        }
    }

    /// Corrections went to everyone who had the text, and to nobody who never could have had it.
    async fn check_corrections(&self) {
        let asked = books::asked(&self.world.town).await;
        for (alert, may) in &self.may {
            let versions: Vec<_> = asked.range((*alert, 0)..=(*alert, i64::MAX)).collect();
            let sql = format!("SELECT version FROM alert WHERE id = {alert}");
            let last = self.world.town.count(&sql).await;
            let told = asked.get(&(*alert, last)).cloned().unwrap_or_default();
            for (address, taken) in versions.iter().filter(|v| v.0.1 < last).flat_map(|v| v.1) {
                assert!(!taken || told.contains_key(address), "{address} was not corrected");
            }
            for address in told.keys() {
                assert!(may.contains(address), "{address} never had the text of {alert}");
            }
        }
    }
}

/// The nights of CI: a fixed list.
#[tokio::test]
async fn of_the_first_seeds() {
    play(1..=3, Under::InProcess).await;
}

#[tokio::test]
async fn of_further_seeds() {
    play(4..=6, Under::InProcess).await;
}

/// The same over RabbitMQ and PostgreSQL.
#[tokio::test]
async fn of_some_seeds_over_a_real_broker() {
    play(21..=22, Under::RoomOfTheKilled).await;
}

/// One seed (`TONGLUO_SEED`), or as many as asked for (`TONGLUO_SEEDS`); else one more.
#[tokio::test]
async fn by_seed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match (number("TONGLUO_SEED"), number("TONGLUO_SEEDS")) {
        (Some(seed), _) => play([seed], Under::InProcess).await,
        (None, Some(count)) => play(100..100 + count, Under::InProcess).await,
        (None, None) => play([7], Under::InProcess).await,
    }
}

//! What the processes of one test stand on: a schema, queues under a prefix, a directory with key
//! and settings, a planted town; and an engine that drafts and approves as the command line would.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tongluo::args;
use tongluo::base::clock::{CarriedClock, Clock};
use tongluo::base::entropy::Entropy;
use tongluo::base::seal::Sealer;
use tongluo::channel::http::{HttpLimits, HttpTransport};
use tongluo::domain::access::Role;
use tongluo::domain::plan::Plans;
use tongluo::engine::issue::{Actor, OrderForm};
use tongluo::engine::{Engine, EngineParts, EngineSettings};
use tongluo::queue::{MemoryQueue, QueueSettings, RabbitQueue};
use tongluo::render::Messages;
use tongluo::store::db::{Args, Row};
use tongluo::store::{Stmt, Store, migrate::migrate, order, view};

use super::processes::{GatewayProcess, Process};
use super::{seen, until};
use crate::engines::{in_schema, on_server, server};
use crate::plant::{Layout, by_words, plant};

static NEXT: AtomicU32 = AtomicU32::new(0);
const HOUR_MS: i64 = 3_600_000;
/// Callbacks that nobody waits for.
pub const NO_HOOK: &str = "http://127.0.0.1:9/hooks/practice";

pub struct Ground {
    pub engine: Arc<Engine>,
    pub clock: Arc<CarriedClock>,
    pub homes: i64,
    pub directory: PathBuf,
    name: String,
    database: String,
    base: String,
    broker: String,
}

impl Ground {
    /// None where a server is missing and none is required.
    pub async fn open(layout: &Layout) -> Option<Ground> {
        let (base, broker) = (server("TEST_PG_URL")?, server("TEST_AMQP_URL")?);
        let name =
            format!("faults_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(&name);
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("tongluo.key"), "07".repeat(32)).unwrap();
        on_server(&base, format!("CREATE SCHEMA {name}")).await;
        let database = in_schema(&base, &name);
        let store = Store::open(&database, 4).await.unwrap();
        migrate(&store).await.unwrap();
        let sealer = Sealer::new(&[7; 32]);
        let homes = plant(&store, &sealer, layout).await;
        let tables = "ANALYZE place, place_above, household, address, human, duty";
        store.exec(stmt(tables), args![]).await.unwrap();
        let now_ms = view::now_ms(&store).await.unwrap();
        let clock = Arc::new(CarriedClock::new(now_ms, now_ms, 1.0));
        let engine = Arc::new(bystander(store, sealer, clock.clone()));
        Some(Ground { engine, clock, homes, directory, name, database, base, broker })
    }

    /// Writes the settings of the processes, for a gateway and a limit of open calls.
    pub fn write_settings(&self, gateway: &GatewayProcess, calls_open: usize) {
        let text = format!(
            "[installation]\npractice = true\n\n[queue]\nurl = {:?}\nprefix = {:?}\n\n\
             [dispatch]\ncalls_open = {calls_open}\ncall_timeout_ms = 60000\n\n\
             [[provider]]\nkind = \"twilio\"\nname = \"practice\"\nrealm = \"practice\"\n\
             account_sid = \"AC0123456789\"\nauth_token_env = \"TONGLUO_PRACTICE_SECRET\"\n\
             base_url = {:?}\nfrom = \"+8612700000000\"\ncallback_url = {NO_HOOK:?}\n",
            self.broker, self.name, gateway.url
        );
        std::fs::write(self.directory.join("tongluo.toml"), text).unwrap();
    }

    /// A process that dispatches and keeps the clock; its connections bear its name.
    pub fn serve(&self, name: &str) -> Process {
        let database = format!("{}&application_name={name}", self.database);
        let settings = format!("{name}.toml");
        let common = std::fs::read_to_string(self.directory.join("tongluo.toml")).unwrap();
        let text = format!("[database]\nurl = {database:?}\nconnections = 12\n\n{common}");
        std::fs::write(self.directory.join(&settings), text).unwrap();
        let words = ["serve", "--config", &settings, "--roles", "dispatch,clock"];
        Process::start(&self.directory, name, &words)
    }

    /// Returns when the database has ended the last connection of a process that was killed: what
    /// it had on the way is committed or undone.
    pub async fn has_let_go(&self, name: &str) {
        until(&format!("connections of {name} end"), 30, async || {
            let left = self
                .count(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1",
                    args![name],
                )
                .await;
            seen(left == 0, left)
        })
        .await;
    }

    /// 转移指令 for the whole county, approved by a second person; gives uid and id.
    pub async fn order(&self) -> (String, i64) {
        let (author, approver) = (author(), actor(2, "李签发", &[Role::Approver]));
        let uid = self.engine.draft(&author, &self.form()).await.unwrap();
        self.engine.submit(&author, &uid).await.unwrap();
        self.engine.approve(&approver, &uid, false).await.unwrap();
        let row = order::by_uid(&self.engine.store, &uid).await.unwrap().unwrap();
        (uid, row.id)
    }

    fn form(&self) -> OrderForm {
        let act_by = self.clock.story_ms() + 5 * HOUR_MS;
        let vars = [("by", by_words(act_by)), ("shelter", "四明小学".into())];
        OrderForm {
            origin: "own".into(),
            kind: "live".into(),
            hazard: "flood".into(),
            title: "转移指令".into(),
            issuer: "余姚市防指".into(),
            template: "move_order".into(),
            vars: vars.map(|(name, value)| (name.to_owned(), value)).into(),
            urgency: Some("flash".into()),
            act_by: Some(act_by),
            places: vec!["p1".into()],
            ..OrderForm::default()
        }
    }

    pub async fn rows<T: Row>(&self, sql: &str, args: Args) -> Vec<T> {
        self.engine.store.rows(stmt(sql), args).await.unwrap()
    }

    /// The first column of a query's only row.
    pub async fn count(&self, sql: &str, args: Args) -> i64 {
        let rows: Vec<(i64,)> = self.rows(sql, args).await;
        rows[0].0
    }

    /// Waits until every grid is expanded and the first wave has nothing open.
    pub async fn first_wave_is_out(&self, alert: i64, seconds: u64, serving: &mut [Process]) {
        until("the first wave is out", seconds, async || {
            serving.iter_mut().for_each(Process::assert_alive);
            let left: Vec<(i64, i64)> = self
                .rows(
                    "SELECT (SELECT count(*) FROM expansion WHERE alert_id = $1 AND state = 0), \
                     (SELECT count(*) FROM batch WHERE alert_id = $1 AND kind = 1 AND wave = 1 \
                     AND state = 0)",
                    args![alert],
                )
                .await;
            seen(left[0] == (0, 0), left)
        })
        .await;
    }

    /// The sums of custody hold and nobody is an orphan.
    pub async fn check_custody(&self, alert: i64) {
        let custody = self.engine.custody(alert).await.unwrap();
        assert!(custody.balances(), "{custody:?}");
        assert_eq!((custody.orphans, custody.audience), (0, self.homes), "{custody:?}");
    }

    /// Takes away what the test has on the servers and on disk.
    pub async fn close(self) {
        self.engine.store.close().await;
        let settings = QueueSettings {
            prefix: self.name.clone(),
            consume: Vec::new(),
            ..QueueSettings::new(&self.broker)
        };
        RabbitQueue::connect(&settings).await.unwrap().close_and_delete().await.unwrap();
        on_server(&self.base, format!("DROP SCHEMA {} CASCADE", self.name)).await;
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}

pub fn author() -> Actor {
    actor(1, "陈制作", &[Role::Author, Role::Emergency])
}

fn actor(id: i64, name: &str, roles: &[Role]) -> Actor {
    let rights = roles.iter().map(|role| (*role, 1)).collect();
    Actor { account_id: id, name: name.into(), rights }
}

/// An engine that acts on the store and takes no part in the queue.
fn bystander(store: Store, sealer: Sealer, clock: Arc<CarriedClock>) -> Engine {
    Engine::new(EngineParts {
        store,
        queue: Arc::new(MemoryQueue::new(&QueueSettings::new("memory:"))),
        transport: Arc::new(HttpTransport::new(HttpLimits::default(), Vec::new()).unwrap()),
        gateways: Vec::new(),
        sealer,
        clock,
        entropy: Entropy::system(),
        messages: Messages::embedded().unwrap(),
        plans: Plans::defaults().unwrap(),
        settings: EngineSettings {
            owner: format!("test-{}", std::process::id()),
            signature: "余姚市防指".into(),
            practice: true,
            thank_receipts: false,
            calls_open: 1,
            shift_ends: vec![8 * 60, 20 * 60],
            public_url: None,
        },
    })
    .unwrap()
}

fn stmt(sql: &str) -> &'static Stmt {
    let text: &'static str = Box::leak(sql.to_owned().into_boxed_str());
    Box::leak(Box::new(Stmt::new("FAULTS", text)))
}

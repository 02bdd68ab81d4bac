//! The engines a story runs on: SQLite + in-process, and PostgreSQL + RabbitMQ. Each town has a
//! schema and a queue prefix of its own, removed with it. A story whose broker fails has faults
//! laid over the room's queue, or over one in the process. Without `TEST_AMQP_URL` all have that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tongluo::base::clock::calendar_ms;
use tongluo::queue::{MemoryQueue, Queue, QueueSettings};
use tongluo::store::{Stmt, Store, migrate::migrate};

use crate::stepped::Stepped;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A store and a queue for one town.
pub struct EngineRoom {
    pub name: &'static str,
    pub store: Store,
    pub url: String,
    place: Place,
    broker: Option<Arc<Stepped>>,
}

/// Where the store of a room is.
enum Place {
    File(std::path::PathBuf),
    Schema { base: String, name: String },
}

impl EngineRoom {
    /// Another handle on the same store: as another process would open it.
    pub async fn store_handle(&self) -> Store {
        Store::open(&self.url, 6).await.unwrap()
    }

    /// The room's own queue, opened at the first call. `loses`: what is received may be lost with
    /// a process that is killed, so that nobody waits for it for long.
    pub async fn queue(&mut self, loses: bool) -> Arc<dyn Queue> {
        let Place::Schema { name, .. } = &self.place else { return in_process() };
        let Some(url) = server("TEST_AMQP_URL") else { return in_process() };
        let stepped = Arc::new(Stepped::connect(&url, name, loses).await);
        self.broker = Some(stepped.clone());
        stepped
    }

    /// Takes away what the room has on servers.
    pub async fn close(self) {
        self.store.close().await;
        if let Some(broker) = &self.broker {
            broker.remove().await;
        }
        if let Place::Schema { base, name } = &self.place {
            on_server(base, format!("DROP SCHEMA {name} CASCADE")).await;
        }
    }
}

/// A queue that lives in the process.
pub fn in_process() -> Arc<dyn Queue> {
    Arc::new(MemoryQueue::new(&QueueSettings::new("memory:")))
}

impl Drop for EngineRoom {
    fn drop(&mut self) {
        if let Place::File(file) = &self.place {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{end}", file.display()));
            }
        }
    }
}

fn leak(sql: String) -> &'static Stmt {
    let text: &'static str = Box::leak(sql.into_boxed_str());
    Box::leak(Box::new(Stmt::new("test", text)))
}

/// Both engines; PostgreSQL is left out only where no server is given and none is required.
pub async fn rooms() -> Vec<EngineRoom> {
    // The time too: a schema of a process long dead may bear the same number.
    let (began, n) = (calendar_ms(), NEXT.fetch_add(1, Ordering::Relaxed));
    let unique = format!("{}_{began}_{n}", std::process::id());
    let file = std::env::temp_dir().join(format!("tongluo_story_{unique}.db"));
    let url = format!("sqlite:{}", file.display());
    let store = Store::open(&url, 4).await.unwrap();
    migrate(&store).await.unwrap();
    let mut rooms =
        vec![EngineRoom { name: "sqlite", store, url, place: Place::File(file), broker: None }];
    if let Some(base) = server("TEST_PG_URL") {
        rooms.push(postgres(base, format!("story_{unique}")).await);
    }
    rooms
}

/// The address of a server; without it a test says what it leaves out, or fails where servers are
/// required.
pub fn server(variable: &str) -> Option<String> {
    match std::env::var(variable) {
        Ok(url) => Some(url),
        Err(_) if std::env::var("REQUIRE_SERVERS").is_ok_and(|v| v == "1") => {
            panic!("{variable} is not set, and REQUIRE_SERVERS=1")
        }
        Err(_) => {
            println!("skipped: {variable} is not set");
            None
        }
    }
}

/// One statement on the server itself.
pub async fn on_server(base: &str, sql: String) {
    let admin = Store::open(base, 1).await.unwrap();
    admin.exec(leak(sql), vec![]).await.unwrap();
    admin.close().await;
}

/// The same server with all names looked for in one schema.
pub fn in_schema(base: &str, schema: &str) -> String {
    let mark = if base.contains('?') { '&' } else { '?' };
    format!("{base}{mark}options=-csearch_path%3D{schema}")
}

async fn postgres(base: String, name: String) -> EngineRoom {
    on_server(&base, format!("CREATE SCHEMA {name}")).await;
    let url = in_schema(&base, &name);
    let store = Store::open(&url, 6).await.unwrap();
    migrate(&store).await.unwrap();
    EngineRoom { name: "postgres", store, url, place: Place::Schema { base, name }, broker: None }
}

//! The engines a story runs on: SQLite + in-process, and PostgreSQL (with the queue it is given).
//! Each town has a schema of its own, dropped with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tongluo::queue::{MemoryQueue, Queue, QueueSettings};
use tongluo::store::{Stmt, Store, migrate::migrate};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A store and a queue for one town.
pub struct EngineRoom {
    pub name: &'static str,
    pub store: Store,
    pub queue: Arc<dyn Queue>,
    pub url: String,
    file: Option<std::path::PathBuf>,
}

impl EngineRoom {
    /// Another handle on the same store: as another process would open it.
    pub async fn store_handle(&self) -> Store {
        Store::open(&self.url, 6).await.unwrap()
    }
}

impl Drop for EngineRoom {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
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
    let unique = format!("{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let file = std::env::temp_dir().join(format!("tongluo_story_{unique}.db"));
    let url = format!("sqlite:{}", file.display());
    let store = Store::open(&url, 4).await.unwrap();
    migrate(&store).await.unwrap();
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new(&QueueSettings::new("memory:")));
    let mut rooms = vec![EngineRoom { name: "sqlite", store, queue, url, file: Some(file) }];
    match std::env::var("TEST_PG_URL") {
        Ok(base) => rooms.push(postgres(&base, &unique).await),
        Err(_) if std::env::var("REQUIRE_SERVERS").is_ok_and(|v| v == "1") => {
            panic!("TEST_PG_URL is not set, and REQUIRE_SERVERS=1")
        }
        Err(_) => println!("skipped on PostgreSQL: TEST_PG_URL is not set"),
    }
    rooms
}

async fn postgres(base: &str, unique: &str) -> EngineRoom {
    let admin = Store::open(base, 1).await.unwrap();
    let schema = format!("story_{unique}");
    admin.exec(leak(format!("CREATE SCHEMA {schema}")), vec![]).await.unwrap();
    admin.close().await;
    let mark = if base.contains('?') { '&' } else { '?' };
    let url = format!("{base}{mark}options=-csearch_path%3D{schema}");
    let store = Store::open(&url, 6).await.unwrap();
    migrate(&store).await.unwrap();
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new(&QueueSettings::new("memory:")));
    EngineRoom { name: "postgres", store, queue, url, file: None }
}

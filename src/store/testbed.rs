//! For tests of this crate: a fresh, migrated store on every database there is.
//!
//! SQLite always; PostgreSQL where `TEST_PG_URL` names a server, each test in a schema of its own.
//! With `REQUIRE_SERVERS=1` a missing server is a failure, else it is said and passed over.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::migrate::migrate;
use super::{Stmt, Store};
use crate::args;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A store of one test; its files go with it.
pub(crate) struct Fresh {
    store: Store,
    file: Option<PathBuf>,
}

impl Deref for Fresh {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{end}", file.display()));
            }
        }
    }
}

/// One store per database; `name` says in paths and schemas whose they are.
pub(crate) async fn stores(name: &str) -> Vec<Fresh> {
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("{name}_{}_{unique}", std::process::id());
    let mut stores = vec![sqlite(&name).await];
    match std::env::var("TEST_PG_URL") {
        Ok(url) => stores.push(Fresh { store: postgres(&url, &name).await, file: None }),
        Err(_) if std::env::var("REQUIRE_SERVERS").is_ok_and(|v| v == "1") => {
            panic!("TEST_PG_URL is not set")
        }
        Err(_) => println!("skipped on PostgreSQL: TEST_PG_URL is not set"),
    }
    for store in &stores {
        migrate(store).await.unwrap();
    }
    stores
}

async fn sqlite(name: &str) -> Fresh {
    let file = std::env::temp_dir().join(format!("tongluo_{name}.db"));
    let store = Store::open(&format!("sqlite:{}", file.display()), 4).await.unwrap();
    Fresh { store, file: Some(file) }
}

async fn postgres(url: &str, name: &str) -> Store {
    let admin = Store::open(url, 1).await.unwrap();
    let schema: &'static str = Box::leak(format!("CREATE SCHEMA {name}").into_boxed_str());
    admin.exec(&Stmt::new("schema", schema), args![]).await.unwrap();
    admin.close().await;
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{joint}options=-csearch_path%3D{name}");
    Store::open(&url, 4).await.unwrap()
}

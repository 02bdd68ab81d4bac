//! `bench fanout` killed in the middle: what it leaves behind, schema, queues or files, the next
//! run removes; what a living run stands on, it leaves alone.

use std::path::Path;
use std::process::Command;

use lapin::options::QueueDeclareOptions;
use lapin::{Connection, ConnectionProperties};
use tongluo::queue::{QueueSettings, every_queue};
use tongluo::store::{Stmt, Store};

use super::processes::{Process, program};
use super::{seen, until};
use crate::engines::server;

static SCHEMAS: Stmt = Stmt::new(
    "BENCH_SCHEMAS",
    "SELECT CAST(nspname AS text) FROM pg_namespace WHERE nspname LIKE $1",
);

/// The schema of a run, by the process's id.
async fn schema_of(database: &str, process: u32) -> Option<String> {
    let store = Store::open(database, 1).await.unwrap();
    let like = tongluo::args![format!("bench\\_{process}\\_%")];
    let names: Vec<(String,)> = store.rows(&SCHEMAS, like).await.unwrap();
    store.close().await;
    names.into_iter().next().map(|row| row.0)
}

async fn has_queue(broker: &str, prefix: &str) -> bool {
    let settings = QueueSettings { prefix: prefix.into(), ..QueueSettings::new(broker) };
    let (topic, class) = every_queue().next().unwrap();
    let connection = Connection::connect(broker, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let name = settings.queue_name(topic, class);
    channel.queue_declare(name.into(), passive, Default::default()).await.is_ok()
}

/// A short run to its end.
fn run(mut command: Command, words: &[&str]) {
    let output = command.args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn left_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("tongluo_bench_")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_bench_is_cleared_away_by_the_next() {
    let (Some(database), Some(broker)) = (server("TEST_PG_URL"), server("TEST_AMQP_URL")) else {
        return;
    };
    let directory = std::env::temp_dir().join(format!("faults_bench_{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let on = ["--database", &database, "--queue", &broker];
    let long = [&["bench", "fanout", "--households", "100000"], &on[..]].concat();
    let short = [&["bench", "fanout", "--households", "200"], &on[..]].concat();
    let mut first = Process::start(&directory, "bench", &long);
    let mut schema = None;
    until("the run has a schema and queues", 120, async || {
        first.assert_alive();
        schema = schema_of(&database, first.id()).await;
        let queues = match &schema {
            Some(schema) => has_queue(&broker, schema).await,
            None => false,
        };
        seen(queues, schema.clone())
    })
    .await;
    let schema = schema.unwrap();
    run(program(&directory), &short);
    first.assert_alive();
    assert_eq!(schema_of(&database, first.id()).await, Some(schema.clone()), "it was alive");
    first.kill();
    assert!(has_queue(&broker, &schema).await, "nobody could clear up");
    run(program(&directory), &short);
    assert_eq!(schema_of(&database, first.id()).await, None);
    assert!(!has_queue(&broker, &schema).await, "queues of {schema} are left");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_bench_on_a_file_is_cleared_away_by_the_next() {
    let directory = std::env::temp_dir().join(format!("faults_files_{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let own = || {
        let mut command = program(&directory);
        command.env("TMPDIR", &directory);
        command
    };
    let mut first = own().args(["bench", "fanout", "--households", "100000"]).spawn().unwrap();
    until("the run has its file", 60, async || {
        let left = left_in(&directory);
        seen(left.iter().any(|name| name.ends_with("-wal")), left)
    })
    .await;
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!left_in(&directory).is_empty());
    run(own(), &["bench", "fanout", "--households", "200"]);
    assert_eq!(left_in(&directory), Vec::<String>::new());
    std::fs::remove_dir_all(&directory).unwrap();
}

//! `bench fanout --json`: the keys that others read it by, on both engines, one message a call or a
//! hundred, with receipts or without. What the figures are is the machine's.

use serde_json::Value;

use crate::engines::server;
use crate::faults::processes::program;

const HOUSEHOLDS: i64 = 650;
const KEYS: [&str; 10] = [
    "expand_s",
    "first_send_ms",
    "floor",
    "households",
    "peak_rss_mb",
    "per_call",
    "queue",
    "ratio",
    "store",
    "total_s",
];
const FLOORS: [&str; 4] = ["http_per_s", "insert_per_s", "pipeline_s", "publish_per_s"];

/// The figures of a run of the built program.
fn fanout(words: &[&str]) -> Value {
    let households = HOUSEHOLDS.to_string();
    let mut command = program(&std::env::temp_dir());
    command.args(["bench", "fanout", "--json", "--households", &households]).args(words);
    let output = command.output().unwrap();
    let fault = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {fault}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn keys(figures: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = figures.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// The servers that are there, as options; the file and the queue of the process without any.
fn grounds() -> Vec<(Vec<String>, &'static str, &'static str)> {
    let mut all = vec![(Vec::new(), "sqlite", "memory")];
    if let (Some(database), Some(queue)) = (server("TEST_PG_URL"), server("TEST_AMQP_URL")) {
        let on = ["--database".into(), database, "--queue".into(), queue].to_vec();
        all.push((on, "postgres", "rabbitmq"));
    }
    all
}

#[test]
fn figures_have_the_names_by_which_they_are_read() {
    for (on, store, queue) in grounds() {
        let on: Vec<&str> = on.iter().map(String::as_str).collect();
        let figures = fanout(&on);
        assert_eq!(keys(&figures), KEYS);
        assert_eq!(keys(&figures["floor"]), FLOORS);
        assert_eq!((&figures["store"], &figures["queue"]), (&store.into(), &queue.into()));
        assert_eq!(figures["households"], HOUSEHOLDS);
        assert_eq!(figures["per_call"], 1);
        for name in ["expand_s", "total_s", "peak_rss_mb", "ratio"] {
            assert!(figures[name].as_f64().unwrap() > 0.0, "{name}: {figures}");
        }
        for name in FLOORS {
            assert!(figures["floor"][name].as_f64().unwrap() > 0.0, "{name}: {figures}");
        }
    }
}

#[test]
fn receipts_are_taken_in_beside_the_sending_by_one_or_by_a_hundred() {
    for (on, ..) in grounds() {
        for per_call in ["1", "100"] {
            let on = on.iter().map(String::as_str);
            let words: Vec<&str> = on.chain(["--receipts", "--per-call", per_call]).collect();
            let figures = fanout(&words);
            let mut wanted = [&KEYS[..], &["receipts", "receipts_s"]].concat();
            wanted.sort_unstable();
            assert_eq!(keys(&figures), wanted);
            assert_eq!(figures["per_call"].to_string(), per_call);
            assert_eq!(figures["receipts"], HOUSEHOLDS, "each joined to its message");
            let (last, sent) = (&figures["receipts_s"], &figures["total_s"]);
            assert!(last.as_f64().unwrap() >= sent.as_f64().unwrap(), "{figures}");
        }
    }
}

#[test]
fn what_can_not_be_meant_is_named() {
    for per_call in ["0", "101"] {
        let output = program(&std::env::temp_dir())
            .args(["bench", "fanout", "--per-call", per_call])
            .output()
            .unwrap();
        let fault = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && fault.contains("--per-call: 1 to 100"), "{fault}");
    }
}

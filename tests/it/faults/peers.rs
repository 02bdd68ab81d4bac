//! The program as an operator runs it: `serve` and `practice town` as two processes on loopback,
//! SQLite, the queue in the process, everything else by the command line. An order goes down,
//! answers come up through the hooks, SIGTERM ends both in the middle of it and leaves no lease.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tongluo::args;
use tongluo::base::clock::calendar_ms;
use tongluo::practice::gateway::Vices;
use tongluo::store::{Stmt, Store};

use super::processes::{GatewayProcess, Process, free_port, program, to_homes};
use super::{seen, until};
use crate::plant::by_words;

const ROOT: &str = "330281000000";
/// Story milliseconds in a real one, of the practice town alone: its people answer in seconds.
const SPEED: i64 = 60;

static LEASED: Stmt = Stmt::new(
    "PEERS_LEASED",
    "SELECT (SELECT count(*) FROM batch WHERE lease_until IS NOT NULL), \
     (SELECT count(*) FROM lease WHERE until_at > $1), \
     (SELECT count(*) FROM outcome WHERE kind = 1), (SELECT count(*) FROM outcome WHERE kind = 5)",
);

struct Office {
    directory: PathBuf,
}

impl Office {
    fn open() -> Office {
        let directory = std::env::temp_dir().join(format!("faults_peers_{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        Office { directory }
    }

    fn write_settings(&self, port: u16, gateway: &str) {
        let text = format!(
            "[installation]\npractice = true\n\n[web]\nlisten = \"127.0.0.1:{port}\"\n\n\
             [[provider]]\nkind = \"twilio\"\nname = \"practice\"\nrealm = \"practice\"\n\
             account_sid = \"AC0123456789\"\nauth_token_env = \"TONGLUO_PRACTICE_SECRET\"\n\
             base_url = {gateway:?}\nfrom = \"+8612700000000\"\n\
             callback_url = \"http://127.0.0.1:{port}/hooks/practice\"\n"
        );
        std::fs::write(self.directory.join("tongluo.toml"), text).unwrap();
    }

    /// One command to its end; its JSON.
    fn says(&self, words: &str) -> Value {
        let output = run(&self.directory, words);
        let fault = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words}: {fault}");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    fn form(&self) {
        let act_by = calendar_ms() + 5 * 3_600_000;
        let form = json!({
            "kind": "live", "origin": "own", "hazard": "flood", "title": "转移指令", "issuer": "余姚市防指",
            "template": "move_order", "vars": {"by": by_words(act_by), "shelter": "四明小学"},
            "urgency": "flash", "act_by": act_by, "places": [ROOT],
        });
        std::fs::write(self.directory.join("form.json"), form.to_string()).unwrap();
    }

    async fn serve(&self, name: &str) -> Process {
        let mut process = Process::start(&self.directory, name, &["serve"]);
        process.address("listening").await;
        process
    }

    /// Ends it by SIGTERM: no lease is left, and what the gateway took has its outcome.
    async fn ends_clean(&self, serving: &mut Process, gateway: &GatewayProcess) {
        let status = serving.end(20).await;
        assert_eq!(status.code(), Some(0), "{}: {status:?}\n{}", serving.name, serving.log());
        let file = self.directory.join("tongluo.db");
        let store = Store::open(&format!("sqlite:{}", file.display()), 2).await.unwrap();
        let rows: Vec<(i64, i64, i64, i64)> =
            store.rows(&LEASED, args![calendar_ms()]).await.unwrap();
        store.close().await;
        let taken = to_homes(&gateway.taken().await).count();
        println!("ended: {rows:?}, the gateway took {taken} for homes");
        let (batches, roles, accepted, unknown) = rows[0];
        assert_eq!((batches, roles), (0, 0), "leases left behind");
        assert_eq!((accepted, unknown), (taken as i64, 0), "every call was waited for");
    }
}

fn run(directory: &Path, words: &str) -> Output {
    program(directory).arg("--json").args(words.split_whitespace()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_through_two_processes_and_sigterm_in_the_middle() {
    let office = Office::open();
    let port = free_port();
    let hook = format!("http://127.0.0.1:{port}/hooks/practice");
    let speed = SPEED.to_string();
    let words = ["town", "--seed", "3", "--speed", &speed];
    // A second of real time for each call, until the first process was ended.
    let slow = Vices { latency_ms: (1_000 * SPEED, 1_000 * SPEED), ..Vices::default() };
    let mut gateway = GatewayProcess::start(&office.directory, &words, &hook, &slow).await;
    office.write_settings(port, &gateway.url);
    office.says("key new");
    office.says("roster generate --households 300 --seed 1 --out roster");
    office.says("roster import roster");
    office.says(&format!("user add 陈制作 --role author@{ROOT} admin@{ROOT} viewer@{ROOT}"));
    office.says(&format!("user add 李签发 --role approver@{ROOT} --as 陈制作"));
    let mut serving = office.serve("serve-a").await;
    office.form();
    let uid = office.says("alert draft --form form.json --as 陈制作")["alert"].clone();
    let uid = uid.as_str().unwrap().to_owned();
    office.says(&format!("alert submit {uid} --as 陈制作"));
    let shown = office.says(&format!("alert show {uid} --as 李签发"));
    let mark = shown["seen"].as_str().unwrap();
    office.says(&format!("alert approve {uid} --seen {mark} --as 李签发"));

    until("calls are under way", 60, async || {
        let taken = to_homes(&gateway.taken().await).count();
        seen(taken >= 30, taken)
    })
    .await;
    office.ends_clean(&mut serving, &gateway).await;

    gateway.set_vices(&Vices::default()).await;
    let mut serving = office.serve("serve-b").await;
    until("the town answers", 120, async || {
        serving.assert_alive();
        let audit = office.says(&format!("alert audit {uid} --as 李签发"));
        let count = |name: &str| audit[name].as_i64().unwrap();
        assert_eq!((count("orphans"), count("audience")), (0, 300), "{audit}");
        seen(count("heard") >= 60 && count("answered") >= 5 && count("help") >= 1, audit)
    })
    .await;
    office.ends_clean(&mut serving, &gateway).await;
    let status = gateway.process.end(20).await;
    assert_eq!(status.code(), Some(0), "{status:?}");
    let audit = office.says(&format!("alert audit {uid} --as 李签发"));
    assert_eq!(audit["balances"], json!(true), "{audit}");
    office.says("journal verify --as 陈制作");
    std::fs::remove_dir_all(&office.directory).unwrap();
}

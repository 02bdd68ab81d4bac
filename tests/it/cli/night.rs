//! A night from the command line while `serve` dispatches to a practice gateway, each a process of
//! its own: lists taken, ticked and given, a help at the desk, a place let go, the search list
//! after the end, and the journal that proves one message of it.

use serde_json::{Value, json};
use tongluo::base::clock::calendar_ms;
use tongluo::domain::journal::{check_row, hex};
use tongluo::practice::gateway::Vices;

use super::{Office, offices};
use crate::faults::processes::{GatewayProcess, Process, free_port};
use crate::faults::{seen, until};

const HELP: &str = "水进屋了，快来救人";

struct Night {
    office: Office,
    gateway: GatewayProcess,
    serving: Process,
    alert: String,
    /// The grid that stays, and the one that is let go.
    grids: [String; 2],
}

impl Night {
    async fn begin(office: Office) -> Night {
        office.settle(600);
        let port = free_port();
        let hook = format!("http://127.0.0.1:{port}/hooks/practice");
        let vices = Vices::default();
        let gateway = GatewayProcess::start(&office.folder, &["gateway"], &hook, &vices).await;
        let settings = std::fs::read_to_string(office.folder.join("tongluo.toml")).unwrap();
        let text = format!(
            "{settings}\n[web]\nlisten = \"127.0.0.1:{port}\"\n\n[[provider]]\nkind = \"twilio\"\n\
             name = \"practice\"\nrealm = \"practice\"\naccount_sid = \"AC0123456789\"\n\
             auth_token_env = \"TONGLUO_PRACTICE_SECRET\"\nbase_url = {:?}\n\
             from = \"+8612700000000\"\ncallback_url = {hook:?}\n",
            gateway.url
        );
        office.write("tongluo.toml", &text);
        let mut serving = Process::start(&office.folder, "serve", &["serve"]);
        serving.address("listening").await;
        let grids = office.places("grid");
        let grids = [grids[1].clone(), grids[2].clone()];
        // With four minutes left a list is offered twelve seconds after the first wave.
        let by = json!({"act_by": calendar_ms() + 240_000});
        let form = office.form("order", &[&grids[0], &grids[1]], by);
        let alert = office.release(&form);
        Night { office, gateway, serving, alert, grids }
    }

    fn does(&self, words: &str) -> Value {
        self.office.does("李签发", words)
    }

    fn refuses(&self, words: &str, named: &[&str]) {
        self.office.refuses_with("李签发", words, named);
    }

    fn show(&self) -> Value {
        self.does(&format!("alert show {}", self.alert))
    }

    fn list_at(&self, place: &str, rung: i64) -> Option<String> {
        let shown = self.show();
        let lists = shown["lists"].as_array().unwrap().iter();
        let mut here = lists.filter(|l| l["place_code"] == place && l["rung"] == rung);
        here.next().map(|list| list["list"].as_str().unwrap().to_owned())
    }

    /// A mobile number that speaks for one home of the first grid, and that home's code.
    fn resident(&self) -> (String, String) {
        let rows = self.office.roster("addresses.csv");
        let once = |number: &str| rows.iter().filter(|row| row["number"] == number).count() == 1;
        let ours = |code: &str| code.starts_with(&self.grids[0]);
        let one = rows.iter().find(|row| {
            row["lane"] == "sms"
                && row["relative"].is_empty()
                && ours(&row["household_code"])
                && row["number"].len() == 11
                && once(&row["number"])
        });
        let one = one.unwrap();
        (format!("+86{}", one["number"]), one["household_code"].clone())
    }

    async fn gateway_has(&mut self, to: &str, words: &str) {
        until(&format!("{to:?} hears {words}"), 60, async || {
            self.serving.assert_alive();
            let taken = self.gateway.taken().await;
            let heard = taken.iter().any(|e| e.to.contains(to) && e.text.contains(words));
            seen(heard, taken.len())
        })
        .await;
    }
}

/// A list is taken for its leader, walked, and given to his deputy.
async fn lists(night: &mut Night) {
    let grid = night.grids[0].clone();
    let mut list = None;
    until("the grid leader is offered his list", 90, async || {
        night.serving.assert_alive();
        list = night.list_at(&grid, 2);
        seen(list.is_some(), "not offered")
    })
    .await;
    let list = list.unwrap();
    night.office.refuses_with("乡长", &format!("list show {list}"), &["people.look", &grid]);
    night.office.refuses_with("陈制作", &format!("list take {list}"), &["list.take", "desk 受理"]);
    night.refuses("list take 0199", &["0199", "alert show"]);
    assert_eq!(night.does(&format!("list take {list}"))["state"], "taken");
    let shown = night.does(&format!("list show {list}"));
    let doors = shown["open"].as_array().unwrap();
    assert!(doors.len() > 1 && shown["reach"]["doors"] == doors.len(), "{shown}");
    let first = doors[0]["code"].as_str().unwrap();
    let tick = format!("list tick {list}");
    night.refuses(&format!("{tick} {first} gone"), &["seen", "\"gone\"", "evacuated"]);
    night.refuses(&format!("{tick} {first} found"), &["on this list", "told"]);
    night.refuses(&format!("{tick} 没有 told"), &["没有", "roster"]);
    let lives = doors[0]["persons"].as_i64().unwrap();
    let named = ["persons 99", &*format!("{lives} are registered"), &*format!("1 to {lives}")];
    night.refuses(&format!("{tick} {first} evacuated --persons 99"), &named);
    night.refuses(&format!("{tick} {first} evacuated --persons 0"), &["persons 0", first]);
    let one_more = format!("{tick} {first} evacuated --persons {}", lives + 1);
    night.refuses(&one_more, &["persons", first]);
    let elsewhere = night.office.roster("households.csv");
    let elsewhere = elsewhere.iter().find(|row| row["code"].starts_with(&night.grids[1])).unwrap();
    night.refuses(&format!("{tick} {} told", elsewhere["code"]), &["not on this list"]);
    let done = night.does(&format!("{tick} {first} evacuated --persons {lives}"));
    assert_eq!(done["closed"], true, "{done}");
    let left = night.does(&format!("list show {list}"));
    assert_eq!(left["open"].as_array().unwrap().len(), doors.len() - 1, "{left}");

    let duties = night.office.roster("duties.csv");
    let deputy = duties.iter().find(|d| d["place_code"] == grid && d["role"] == "grid_deputy");
    let deputy = deputy.unwrap()["human_code"].clone();
    night.refuses(&format!("list give {list} --to P0"), &["\"P0\"", "roster"]);
    let given = night.does(&format!("list give {list} --to {deputy}"));
    assert_eq!((&given["state"], &given["holder_code"]), (&json!("offered"), &json!(deputy)));
    let said = night.office.reads("李签发", &format!("list give {list} --to {deputy}"));
    assert!(said.contains("his once he takes it"), "{said}");
    assert_eq!(night.does(&format!("list show {list}"))["state"], "taken", "until he does");
    let theirs = given["list"].as_str().unwrap();
    let taken = night.does(&format!("list take {theirs}"));
    assert_eq!((&taken["state"], &taken["holder_code"]), (&json!("taken"), &json!(deputy)));
    night.refuses(&format!("list give {list} --to {deputy}"), &["has this list already"]);
    night.refuses(&format!("list take {list}"), &["with another"]);
    let audit = night.does(&format!("alert audit {}", night.alert));
    assert!(audit["open_list"].as_i64().unwrap() > 0, "{audit}");
}

/// A cry for help is taken at the desk, its sender learns a name, and it is closed with a result.
async fn desk(night: &mut Night) {
    let (number, home) = night.resident();
    let sent = night.gateway.taken().await;
    assert!(sent.iter().any(|e| e.to == number), "{number} was never messaged");
    night.gateway.write_in(&number, HELP).await;
    let mut tasks = Value::Null;
    until("the help is at the desk", 60, async || {
        tasks = night.does(&format!("desk show --alert {}", night.alert));
        seen(tasks.as_array().unwrap().iter().any(|t| t["text"] == HELP), tasks.clone())
    })
    .await;
    let task = tasks.as_array().unwrap().iter().find(|t| t["text"] == HELP).unwrap();
    assert_eq!((&task["class"], &task["household"]), (&json!("A"), &json!(home)), "{task}");
    let id = task["task"].as_str().unwrap();
    night.office.refuses_with("陈制作", "desk show", &["people.look", "desk 受理"]);
    night.office.refuses_with("乡长", &format!("desk take {id}"), &["task.take", "another place"]);
    night.refuses("desk take 0199", &["0199", "desk show"]);
    let read = night.office.reads("李签发", "desk show");
    assert!(read.contains(HELP) && read.contains(task["door"].as_str().unwrap()), "{read}");
    let taken = night.does(&format!("desk take {id}"));
    assert_eq!((&taken["state"], &taken["owner"]), (&json!("taken"), &json!("李签发")));
    night.gateway_has(&number, "李签发").await;
    let again = format!("desk take {id}");
    night.office.refuses_with("周两职", &again, &["李签发", "--from"]);
    let over = night.office.does("周两职", &format!("{again} --from 李签发"));
    assert_eq!(over["owner"], "周两职");
    assert_eq!(night.does(&format!("{again} --from 周两职"))["owner"], "李签发");
    let empty = night.office.run("李签发", &format!("desk close {id} --result="), "");
    assert!(empty.code == 1 && empty.fault.contains("result"), "{}", empty.fault);
    let close = format!("desk close {id} --result 已接到避灾点");
    assert_eq!(night.does(&close)["state"], "closed");
    night.refuses(&close, &["closed already"]);
    night.refuses(&format!("desk take {id}"), &["closed already"]);
}

/// An update leaves a grid out: its people hear nothing until somebody says so.
async fn narrow(night: &mut Night) {
    let (alert, [kept, left]) = (night.alert.clone(), night.grids.clone());
    let by = json!({"act_by": calendar_ms() + 3_600_000});
    let form = night.office.form("narrower", &[&kept], by);
    night.office.does("陈制作", &format!("alert update {alert} --form {form}"));
    night.office.does("陈制作", &format!("alert submit {alert}"));
    assert_eq!(night.does(&night.office.approval(&alert))["version"], 2);
    let shown = night.show();
    let dropped = shown["dropped"]["households"].as_i64().unwrap();
    assert!(dropped > 0 && shown["dropped"]["told"] == 0, "{shown}");
    let tell = format!("alert narrow {alert} --place {left} --tell");
    night.office.refuses_with("陈制作", &format!("{tell} return-notice"), &["alert.end", &left]);
    let told = night.office.does("陈制作", &format!("{tell} range-correction"));
    assert!(told["messages"].as_i64().unwrap() > 0, "{told}");
    night.gateway_has("", "范围更正").await;
    night.office.refuses_with("陈制作", &format!("{tell} range-correction"), &["all were told"]);
}

/// One message is proved by its own text and salt, outside of the store.
async fn journal(night: &mut Night) {
    let mut found = Value::Null;
    until("the journal is chained", 60, async || {
        found = night.does("journal verify");
        seen(found["unchained"] == 0, found.clone())
    })
    .await;
    assert!(found["holds"] == true && found["rows"].as_i64().unwrap() > 100, "{found}");
    let head = found["head"].as_str().unwrap();
    assert!(night.office.reads("李签发", "journal verify").contains("the journal holds"));
    assert_eq!(head.len(), 64);
    let mut position = 0;
    let (entry, row) = loop {
        position += 1;
        let answer =
            night.office.run("李签发", &format!("journal prove --at {position} --json"), "");
        if answer.code == 0 {
            let said: Value = serde_json::from_str(&answer.out).unwrap();
            break (said["entry"].clone(), said["rows"][0].as_i64().unwrap());
        }
        assert!(answer.fault.contains("seals no messages"), "{}", answer.fault);
    };
    let seal: Value = serde_json::from_str(entry["detail"].as_str().unwrap()).unwrap();
    let prove = format!("journal prove --at {position} --row");
    let proof = night.does(&format!("{prove} {row}"))["proof"].clone();
    let (text, salt) = (proof["text"].as_str().unwrap(), proof["salt"].as_str().unwrap());
    let index = usize::try_from(proof["index"].as_u64().unwrap()).unwrap();
    let salt = hex::parse(salt).unwrap();
    let sealed = seal["seal"].as_str().unwrap();
    assert_eq!(check_row(sealed, &salt, index, text.as_bytes()), Ok(()));
    assert!(check_row(sealed, &salt, index, text.replace('1', "2").as_bytes()).is_err());
    night.refuses(&format!("{prove} 0"), &["--row", "no row 0"]);
    night.refuses("journal prove --at 999999", &["--at", "999999", "journal verify"]);
    night.office.refuses_with("陈制作", &format!("{prove} {row}"), &["journal.export"]);
}

/// After the end whoever is open stands on the search list, and leaves it by a word of its own.
async fn search(night: &mut Night) {
    let ended = night.does(&format!("alert end {}", night.alert));
    assert!(ended["state"] == "ended" && ended["open"].as_i64().unwrap() > 0, "{ended}");
    let shown = night.show();
    let lists = shown["lists"].as_array().unwrap();
    let list = lists.iter().find(|list| list["kind"] == "search").unwrap();
    let list = list["list"].as_str().unwrap();
    assert_eq!(night.does(&format!("list take {list}"))["state"], "taken");
    let open = night.does(&format!("list show {list}"));
    let first = open["open"][0]["code"].as_str().unwrap();
    night.refuses(&format!("list tick {list} {first} told"), &["found, elsewhere, missing"]);
    let found = night.does(&format!("list tick {list} {first} found"));
    assert_eq!(found["closed"], true, "{found}");
    let audit = night.does(&format!("alert audit {}", night.alert));
    assert_eq!((&audit["balances"], &audit["orphans"]), (&json!(true), &json!(0)), "{audit}");
    assert_eq!(audit["open"].as_i64(), ended["open"].as_i64().map(|open| open - 1), "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_at_the_command_line() {
    for office in offices("night").await {
        println!("--- {}", office.folder.display());
        let mut night = Night::begin(office).await;
        lists(&mut night).await;
        desk(&mut night).await;
        narrow(&mut night).await;
        journal(&mut night).await;
        search(&mut night).await;
        let status = night.serving.end(20).await;
        assert_eq!(status.code(), Some(0), "{status:?}\n{}", night.serving.log());
        night.office.close().await;
    }
}

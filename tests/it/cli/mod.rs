//! The built program from the command line, as an office uses it: on a SQLite file of its own and
//! on PostgreSQL, a command a process, by exit code, standard output and standard error.

mod begin;
mod bench;
mod demo;
mod first;
mod night;
mod orders;
mod practice;

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tongluo::base::clock::calendar_ms;
use tongluo::base::instant;

use crate::engines::{in_schema, on_server, server};
use crate::faults::processes::program;
use crate::plant::by_words;

pub const ROOT: &str = "330281000000";
static NEXT: AtomicU32 = AtomicU32::new(0);

/// An installation in a folder: its settings, its key, its files.
pub struct Office {
    pub folder: PathBuf,
    /// The server and the schema that is dropped with the office.
    schema: Option<(String, String)>,
}

/// What a command left behind.
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub fault: String,
}

/// An office on each engine, without key or schema.
pub async fn offices(what: &str) -> Vec<Office> {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let unique = format!("cli_{what}_{}_{}_{n}", std::process::id(), calendar_ms());
    let mut all = vec![Office::open(&unique, "sqlite:tongluo.db", None)];
    if let Some(base) = server("TEST_PG_URL") {
        on_server(&base, format!("CREATE SCHEMA {unique}")).await;
        let url = in_schema(&base, &unique);
        all.push(Office::open(&format!("{unique}_pg"), &url, Some((base, unique))));
    }
    all
}

impl Office {
    fn open(name: &str, url: &str, schema: Option<(String, String)>) -> Office {
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let office = Office { folder, schema };
        let text = format!("[installation]\npractice = true\n\n[database]\nurl = {url:?}\n");
        office.write("tongluo.toml", &text);
        office
    }

    pub fn is_sqlite(&self) -> bool {
        self.schema.is_none()
    }

    pub async fn close(self) {
        if let Some((base, name)) = &self.schema {
            on_server(base, format!("DROP SCHEMA {name} CASCADE")).await;
        }
        std::fs::remove_dir_all(&self.folder).unwrap();
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    /// The rows of a roster file by the names of its columns.
    pub fn roster(&self, file: &str) -> Vec<HashMap<String, String>> {
        let text = std::fs::read_to_string(self.folder.join("roster").join(file)).unwrap();
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
        let columns: Vec<String> = lines.next().unwrap().collect();
        lines.map(|cells| columns.iter().cloned().zip(cells).collect()).collect()
    }

    /// Codes of the places of one kind, in tree order.
    pub fn places(&self, kind: &str) -> Vec<String> {
        let rows = self.roster("places.csv").into_iter();
        rows.filter(|row| row["kind"] == kind).map(|row| row["code"].clone()).collect()
    }

    /// One command to its end. `by`: the account named by `--as`; empty: none.
    pub fn run(&self, by: &str, words: &str, input: &str) -> Answer {
        let mut command = program(&self.folder);
        command.args(words.split_whitespace()).env_remove("TONGLUO_TOKEN");
        if !by.is_empty() {
            command.args(["--as", by]);
        }
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        // A command that reads nothing may have closed its end.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Answer {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            fault: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A command that succeeds: the one JSON document it gives.
    pub fn does(&self, by: &str, words: &str) -> Value {
        let answer = self.run(by, &format!("{words} --json"), "");
        assert_eq!(answer.code, 0, "{words}: {}{}", answer.out, answer.fault);
        serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{words}: {}", answer.out))
    }

    /// A command that succeeds: what it gives to be read.
    pub fn reads(&self, by: &str, words: &str) -> String {
        let answer = self.run(by, words, "");
        assert_eq!(answer.code, 0, "{words}: {}{}", answer.out, answer.fault);
        assert!(serde_json::from_str::<Value>(&answer.out).is_err(), "{words}: {}", answer.out);
        answer.out
    }

    /// A command that fails says why on standard error, twice alike, and nothing else.
    pub fn refuses(&self, by: &str, words: &str) -> String {
        let plain = self.run(by, words, "");
        let answer = self.run(by, &format!("{words} --json"), "");
        for answer in [&plain, &answer] {
            assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{words}: {}", answer.fault);
        }
        let line = answer.fault.lines().last().unwrap_or_default();
        let said: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{words}: {line}"));
        let said = said["error"].as_str().unwrap().to_owned();
        assert!(plain.fault.ends_with(&format!("error: {said}\n")), "{words}: {}", plain.fault);
        said
    }

    /// The same, and that what is said names all of these.
    pub fn refuses_with(&self, by: &str, words: &str, named: &[&str]) {
        let said = self.refuses(by, words);
        for word in named {
            assert!(said.contains(word), "{words}: {said:?} lacks {word:?}");
        }
    }

    /// With a roster and its people: 管理, 陈制作 who writes, 李签发 who signs and takes calls,
    /// 周两职 who may do both, and 乡长, who has every right in the first town alone.
    pub fn settle(&self, households: u32) {
        self.does("", "key new");
        self.does("", &format!("roster generate --households {households} --seed 7 --out roster"));
        self.does("", "roster import roster");
        let town = self.places("town")[0].clone();
        self.does("", &format!("user add 管理 --role admin@{ROOT}"));
        for (name, roles) in [
            ("陈制作", format!("author@{ROOT}")),
            ("李签发", format!("approver@{ROOT} desk@{ROOT}")),
            ("周两职", format!("制作@{ROOT} 签发@{ROOT} 紧急签发@{ROOT}")),
            ("乡长", format!("author@{town} approver@{town} emergency@{town} desk@{town}")),
        ] {
            self.does("管理", &format!("user add {name} --role {roles}"));
        }
    }

    /// A form for these places with some of its fields set otherwise; gives its file's name. Where
    /// its text says 3点, the time of its `act_by` is said.
    pub fn form(&self, name: &str, places: &[&str], fields: Value) -> String {
        let mut form = json!({
            "kind": "live", "origin": "own", "hazard": "flood", "title": "转移指令",
            "issuer": "余姚市防指",
            "template": "move_order", "vars": {"by": "3点", "shelter": "四明小学"},
            "act_by": calendar_ms() + 5 * 3_600_000, "places": places,
        });
        for (field, value) in fields.as_object().unwrap() {
            form[field] = value.clone();
        }
        let act_by = &form["act_by"];
        let act_by = act_by.as_i64().or_else(|| instant::parse(act_by.as_str()?));
        if let (Some(act_by), true) = (act_by, form["vars"]["by"] == "3点") {
            form["vars"]["by"] = json!(by_words(act_by));
        }
        let file = format!("{name}.json");
        self.write(&file, &form.to_string());
        file
    }

    /// The words that sign what 李签发 reads of an order now.
    pub fn approval(&self, alert: &str) -> String {
        let shown = self.does("李签发", &format!("alert show {alert}"));
        let waits = if shown["next"].is_null() { &shown["seen"] } else { &shown["next"]["seen"] };
        format!("alert approve {alert} --seen {}", waits.as_str().unwrap())
    }

    /// Drafted by one, submitted, and approved by another; gives its id.
    pub fn release(&self, form: &str) -> String {
        let alert = self.does("陈制作", &format!("alert draft --form {form}"))["alert"].clone();
        let alert = alert.as_str().unwrap().to_owned();
        self.does("陈制作", &format!("alert submit {alert}"));
        let live = self.does("李签发", &self.approval(&alert));
        assert_eq!((&live["state"], &live["version"]), (&json!("live"), &json!(1)), "{live}");
        alert
    }
}

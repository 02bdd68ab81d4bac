//! What a newcomer meets: nothing set up yet, no gateway, no address of its own, each said with
//! what to do.

use serde_json::{Value, json};

use super::{Office, ROOT, offices};
use crate::faults::processes::Process;
use crate::faults::{seen, until};

/// The lines of a doctor that say something must be done, by name.
fn missing(said: &Value) -> Vec<&str> {
    let lines = said.as_array().unwrap().iter();
    lines.filter(|line| line["light"] == "act").map(|line| line["name"].as_str().unwrap()).collect()
}

fn doctor(office: &Office) -> Value {
    let answer = office.run("", "doctor --json", "");
    let said: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(answer.code, i32::from(!missing(&said).is_empty()), "{said}");
    said
}

#[tokio::test]
async fn the_doctor_names_what_is_missing_until_nothing_is() {
    for office in offices("doctor").await {
        office.refuses_with("", "doctor", &["installation.key_file", "tongluo key new"]);
        office.does("", "key new");
        let said = doctor(&office);
        for name in ["账号", "短信通道", "底册", "值班室", "制作与签发", "计时与核对"]
        {
            assert!(missing(&said).contains(&name), "{name}: {said}");
        }
        office.does("", "roster generate --households 300 --seed 7 --out roster");
        office.does("", "roster import roster");
        office.does("", &format!("user add 管理 --role admin@{ROOT}"));
        office.does("管理", &format!("user add 陈制作 --role author@{ROOT}"));
        let password = |name: &str| {
            let set = office.run("管理", &format!("user passwd {name}"), "一个足够长的口令 2026\n");
            assert_eq!(set.code, 0, "{}", set.fault);
        };
        password("陈制作");
        let said = doctor(&office);
        assert_eq!(missing(&said), ["短信通道", "计时与核对", "制作与签发"], "{said}");
        let answer = office.run("", "doctor", "");
        assert!(
            answer.out.contains("须处理  制作与签发：没有人能签发\n        → "),
            "{}",
            answer.out
        );
        office.does("管理", &format!("user add 李签发 --role approver@{ROOT}"));
        password("李签发");
        let settings = std::fs::read_to_string(office.folder.join("tongluo.toml")).unwrap();
        let provider = "[[provider]]\nkind = \"twilio\"\nname = \"practice\"\n\
            realm = \"practice\"\naccount_sid = \"AC0123456789\"\n\
            auth_token_env = \"TONGLUO_NEWCOMER_SECRET\"\nbase_url = \"http://127.0.0.1:1\"\n\
            from = \"+8612700000000\"\ncallback_url = \"http://127.0.0.1:2/hooks/practice\"\n";
        office.write("tongluo.toml", &format!("{settings}\n{provider}"));
        office.refuses_with("", "doctor", &["practice", "TONGLUO_NEWCOMER_SECRET"]);
        let known = provider.replace("TONGLUO_NEWCOMER_SECRET", "TONGLUO_PRACTICE_SECRET");
        office.write("tongluo.toml", &format!("{settings}\n{known}"));
        let said = doctor(&office);
        assert_eq!(missing(&said), ["计时与核对"], "only `serve` is missing: {said}");
        office.close().await;
    }
}

#[tokio::test]
async fn who_waits_for_a_gateway_does_not_wait_for_the_morning() {
    for office in offices("nobody").await {
        office.settle(300);
        let mut serving =
            Process::start(&office.folder, "serve", &["serve", "--roles", "dispatch,clock"]);
        serving.serves().await;
        let grid = office.places("grid")[1].clone();
        let alert = office.release(&office.form("order", &[&grid], json!({"urgency": "flash"})));
        let mut shown = Value::Null;
        until("its households wait", 60, async || {
            serving.assert_alive();
            shown = office.does("李签发", &format!("alert show {alert}"));
            seen(shown["waiting"]["households"].as_i64() > Some(0), shown["waiting"].to_string())
        })
        .await;
        assert_eq!(shown["waiting"]["reasons"][0]["why"], "no_gateway", "{shown}");
        let said = office.reads("李签发", &format!("alert show {alert}"));
        assert!(said.contains("wait for an SMS gateway") && !said.contains("quiet"), "{said}");

        // Nor does a link lead anywhere before the installation knows its own address.
        let home = office.roster("households.csv");
        let home = home.iter().find(|row| row["code"].starts_with(&*grid)).unwrap();
        let words = format!("list link {alert} --home {}", home["code"]);
        office.refuses_with("李签发", &words, &["web.public_url is not set", "https://"]);
        let settings = std::fs::read_to_string(office.folder.join("tongluo.toml")).unwrap();
        let settings = format!("{settings}\n[web]\npublic_url = \"https://gong.example/\"\n");
        office.write("tongluo.toml", &settings);
        let link = office.does("李签发", &words)["link"].clone();
        assert!(link.as_str().unwrap().starts_with("https://gong.example/r/"), "{link}");
        serving.end(20).await;
        office.close().await;
    }
}

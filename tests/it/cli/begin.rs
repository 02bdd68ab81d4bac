//! From an empty folder to accounts and a roster: key, schema, people, files in and out.

use serde_json::json;

use super::{Office, ROOT, offices};
use crate::faults::processes::program;

/// A token that may do everything about accounts; one made without a word may only look.
fn token_of(office: &Office, name: &str) -> String {
    let give = format!("token new {name} --for 大屏");
    let weak = office.does(name, &give);
    assert_eq!(weak["scopes"], "read", "{weak}");
    let made = office.does(name, &format!("{give} --scopes admin"));
    made["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_installation_begins_from_nothing() {
    for office in offices("begin").await {
        office.refuses_with("", "user list", &["installation.key_file", "tongluo key new"]);
        assert_eq!(office.does("", "key new"), json!({"key_file": "tongluo.key"}));
        let key = office.folder.join("tongluo.key");
        let sealed = std::fs::read_to_string(&key).unwrap();
        office.refuses_with("", "key new", &["installation.key_file", "exists", "another file"]);
        assert_eq!(std::fs::read_to_string(&key).unwrap(), sealed, "it was overwritten");
        assert!(!sealed.contains("practice") && sealed.trim().len() == 64);
        let said = office.reads("", "migrate");
        assert!(said.contains("schema"), "{said}");
        assert!(office.is_sqlite() || said.contains(":***@"), "a password was printed: {said}");
        assert_eq!(office.does("", "migrate"), office.does("", "migrate"), "again and again");

        let first = format!("user add 管理 --role admin@{ROOT}");
        office.refuses_with("", &first, &["--role", ROOT, "places.csv"]);
        let made = office.does("", "roster generate --households 300 --seed 7 --out roster");
        assert_eq!(made["households"], 300);
        let said = office.reads("", "roster import roster --dry-run");
        assert!(said.contains("households.csv: 300 added") && said.contains("dry run"), "{said}");
        let taken = office.does("", "roster import roster");
        assert_eq!(taken["changes"]["households.csv"]["added"], 300, "{taken}");

        // Who comes first must be able to make the others.
        office.refuses_with("", "user list", &["no account yet", "user add", "admin@"]);
        let lame = format!("user add 陈制作 --role author@{ROOT} approver@{ROOT}");
        office.refuses_with("", &lame, &["--role", "first account", "admin@"]);
        let made = office.does("", &first);
        assert!(made["token"].is_null(), "nobody asked for a token: {made}");
        let token = token_of(&office, "管理");
        for by in ["", "谁"] {
            let named = if by.is_empty() { "--as NAME" } else { "no open account" };
            office.refuses_with(by, "user list", &[named]);
        }
        office.refuses_with("管理", &first, &["NAME", "taken"]);
        let nowhere = "user add 甲 --role desk@99";
        office.refuses_with("管理", nowhere, &["--role", "\"99\"", "places.csv"]);
        let long = format!("user add {} --role desk@{ROOT}", "长".repeat(65));
        office.refuses_with("管理", &long, &["NAME", "64"]);
        for (name, why) in [("clock", "the program itself"), ("human:5", "no colon")] {
            let taken = format!("user add {name} --role desk@{ROOT}");
            office.refuses_with("管理", &taken, &["NAME", name, why]);
        }
        let cook = office.run("管理", "user add 甲 --role cook@1", "");
        assert!(cook.code == 1 && cook.fault.contains("author"), "{}", cook.fault);
        office.does("管理", &format!("user add 值班 --role desk@{ROOT}"));
        office.refuses_with("值班", "user list", &["值班", "admin", "--as"]);
        let other = format!("user add 乙 --role desk@{ROOT}");
        office.refuses_with("值班", &other, &["account.change", "余姚市", ROOT, "admin 管理"]);
        let listed = office.does("管理", "user list");
        let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names.len(), 2, "{listed}");
        assert!(!listed.to_string().contains(&token), "a token is shown once");

        // A token acts as its account; a wrong one as nobody.
        for (token, code) in [(token.as_str(), 0), ("0000", 1)] {
            let mut command = program(&office.folder);
            let output = command.args(["user", "list"]).env("TONGLUO_TOKEN", token).output();
            let output = output.unwrap();
            let fault = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(code), "{fault}");
            assert!(code == 0 || fault.contains("TONGLUO_TOKEN"), "{fault}");
        }
        let set = office.run("管理", "user passwd 值班", "一个足够长的口令 2026\n");
        assert_eq!(set.code, 0, "{}", set.fault);
        let listed = office.does("管理", "user list").to_string();
        assert!(listed.contains("\"has_password\":true"), "{listed}");
        office.close().await;
    }
}

#[tokio::test]
async fn no_town_of_an_impossible_size_is_made_up() {
    for office in offices("size").await.into_iter().filter(|office| office.is_sqlite()) {
        for households in ["0", "1500001", "18446744073709551615"] {
            let words = format!("roster generate --households {households} --out roster");
            office.refuses_with("", &words, &["--households", "1 to 1500000", "nothing was"]);
            assert!(!office.folder.join("roster").exists());
        }
        office.close().await;
    }
}

#[tokio::test]
async fn a_lost_or_wrong_key_is_named_and_no_second_one_is_made() {
    for office in offices("key").await {
        office.does("", "key new");
        let made = office.does("", "roster generate --households 300 --seed 7 --out roster");
        assert_eq!(made["households"], 300);
        office.does("", "roster import roster");
        let (key, away) = (office.folder.join("tongluo.key"), office.folder.join("away.key"));
        std::fs::rename(&key, &away).unwrap();
        let words = ["installation.key_file", "there is no tongluo.key", "put that file back"];
        office.refuses_with("", "user list", &words);
        office.refuses_with("", "key new", &words);
        assert!(!key.exists(), "a second key was made");
        // Whoever makes one elsewhere and names it gets no further.
        let other = office.folder.join("other");
        std::fs::create_dir(&other).unwrap();
        let mut command = program(&other);
        assert!(command.args(["key", "new"]).output().unwrap().status.success());
        std::fs::copy(other.join("tongluo.key"), &key).unwrap();
        for words in ["user list", "roster import roster", "serve --roles clock"] {
            let named = ["installation.key_file", "tongluo.key holds another key", "put that"];
            office.refuses_with("", words, &named);
        }
        std::fs::rename(&away, &key).unwrap();
        office.does("", &format!("user add 管理 --role admin@{ROOT}"));
        let said = office.reads("管理", "roster import roster");
        assert!(said.ends_with("no difference\n"), "every number opens again: {said}");
        office.close().await;
    }
}

#[tokio::test]
async fn a_roster_goes_out_and_comes_back_and_a_bad_one_changes_nothing() {
    for office in offices("files").await {
        office.settle(600);
        office.refuses_with("陈制作", "roster export --out out", &["roster.export", "admin"]);
        office.refuses_with("陈制作", "roster import roster", &["roster.import", "admin"]);
        let rows = office.does("管理", "roster export --out out")["rows"].as_u64().unwrap();
        assert!(rows > 3_000, "{rows}");
        for words in ["roster import out", "roster import out --retire-missing"] {
            let taken = office.does("管理", words);
            for (file, change) in taken["changes"].as_object().unwrap() {
                let none = json!({"added": 0, "changed": 0, "retired": 0, "phones": 0});
                assert_eq!(change, &none, "{file}");
            }
            let said = office.reads("管理", words);
            assert!(said.ends_with("no difference\n"), "{said}");
        }
        std::fs::create_dir(office.folder.join("bad")).unwrap();
        let bad = "code,name,kind,parent_code,ord\nV9,新社区,village,T9,1\n";
        office.write("bad/places.csv", bad);
        let answer = office.run("管理", "roster import bad", "");
        assert_eq!(answer.code, 1, "{}", answer.out);
        assert!(answer.out.contains("places.csv") && answer.out.contains("T9"), "{}", answer.out);
        assert!(answer.out.contains("nothing was changed"), "{}", answer.out);
        assert!(office.reads("管理", "roster import out").ends_with("no difference\n"));
        office.refuses_with("陈制作", "roster revive --since 2026-07-25", &["--since", "15:00"]);
        let revive = "roster revive --numbers numbers.txt";
        office.refuses_with("管理", revive, &["numbers.txt"]);
        office.write("numbers.txt", "13805740000\n王建国\n");
        office.refuses_with("管理", revive, &["numbers", "place 2"]);
        office.write("numbers.txt", "13805740000\n");
        office.refuses_with("陈制作", revive, &["roster.import", "admin"]);
        assert_eq!(office.does("管理", revive), json!({"revived": 0}), "none of them is dead");
        let since = office.run("管理", "roster revive --numbers - --json", "13805740000\n");
        assert_eq!((since.code, since.out.trim()), (0, r#"{"revived":0}"#), "{}", since.fault);
        office.refuses_with("管理", "roster import tongluo.toml", &["no roster file", "places"]);
        office.close().await;
    }
}

#[tokio::test]
async fn replies_are_classified_line_by_line() {
    for office in offices("classify").await.into_iter().filter(|office| office.is_sqlite()) {
        let input = "1\n水进屋了，快来救人\n收到\n";
        let answer = office.run("", "replies classify --menu 123", input);
        assert_eq!(answer.code, 0, "{}", answer.fault);
        let lines: Vec<Vec<&str>> =
            answer.out.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(lines.len(), 3, "{}", answer.out);
        assert!(lines.iter().zip(input.lines()).all(|(line, text)| line[2] == text));
        assert!(lines[1][0].contains("help"), "{}", answer.out);
        office.refuses_with("", "replies classify nofile.txt", &["nofile.txt"]);
        office.close().await;
    }
}

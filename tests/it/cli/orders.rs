//! The life of orders from the command line, with nobody dispatching: two persons, rights by place,
//! what is wrong with a form, versions, bypasses, exercises, the end. Custody adds up throughout.

use serde_json::{Value, json};
use tongluo::base::clock::calendar_ms;
use tongluo::base::instant;

use super::{Office, offices};

/// The sums that must hold, by the audit's own document.
fn adds_up(audit: &Value) {
    let n = |name: &str| audit[name].as_i64().unwrap();
    assert_eq!(n("audience"), n("pursued") + n("told"), "{audit}");
    assert_eq!(n("pursued"), n("answered") + n("open"), "{audit}");
    let hands = ["open_desk", "open_list", "open_sheet", "open_system", "orphans"].map(n);
    assert_eq!(n("open"), hands.iter().sum::<i64>(), "{audit}");
    assert_eq!((n("orphans"), &audit["balances"]), (0, &json!(true)), "{audit}");
}

fn draft(office: &Office, form: &str) -> String {
    let said = office.does("陈制作", &format!("alert draft --form {form}"));
    said["alert"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wrong_form_is_refused_by_field_and_remedy() {
    for office in offices("forms").await {
        office.settle(300);
        let (town, grids) = (office.places("town")[0].clone(), office.places("grid"));
        let vars = |more: Value| {
            let mut vars = json!({"by": "3点", "shelter": "四明小学"});
            for (name, value) in more.as_object().unwrap() {
                vars[name] = value.clone();
            }
            json!({ "vars": vars })
        };
        let missing = json!({"vars": {"by": "3点"}});
        let past = instant::words(calendar_ms() - 3_600_000);
        for (fields, named) in [
            (vars(json!({"depth": "2米"})), ["\"depth\"", "by, shelter, zone"]),
            (vars(json!({"by": ""})), ["by", "empty"]),
            (missing, ["\"shelter\"", "by, shelter, zone"]),
            (json!({"template": "move"}), ["\"move\"", "move_order"]),
            (json!({"places": ["99"]}), ["\"99\"", "roster"]),
            (json!({"places": []}), ["places", "code"]),
            (json!({"zones": ["Z-9"]}), ["\"Z-9\"", "roster"]),
            (json!({"plases": []}), ["plases", "places"]),
            (json!({"act_by": "3点"}), ["act_by", "2026-07-25 15:00"]),
            (json!({"urgency": "很急"}), ["urgency", "flash"]),
            (json!({"origin": "our"}), ["origin", "forwarded"]),
            (json!({"kind": "drill"}), ["kind", "exercise"]),
            (json!({"exclude": [town]}), ["exclude", "among the places"]),
        ] {
            let form = office.form("wrong", &[&town], fields);
            office.refuses_with("陈制作", &format!("alert draft --form {form}"), &named);
        }
        office.write("broken.json", "{\"origin\": ");
        for name in ["broken.json", "nofile.json"] {
            office.refuses_with("陈制作", &format!("alert draft --form {name}"), &["--form", name]);
        }
        assert_eq!(office.does("陈制作", "alert list"), json!([]), "nothing was written");
        // What only a submission can see: all of it at once.
        let villages = office.places("village");
        let fields = json!({"act_by": past, "colour": "红色", "exclude": villages, "title": ""});
        let form = office.form("late", &[&town, &town], fields);
        let late = draft(&office, &form);
        let words = ["act-by-past", "own-with-colour", "empty-audience", "no-title"];
        office.refuses_with("陈制作", &format!("alert submit {late}"), &words);
        // A ring asked more than the text can ask for.
        let rings = json!([{"ring": 1, "demand": 4, "pursued": 1}]);
        let fields =
            json!({"template": "return_notice", "vars": {"place": "朗霞街道"}, "rings": rings});
        let odd = draft(&office, &office.form("odd", &[&grids[0]], fields));
        office.refuses_with("陈制作", &format!("alert submit {odd}"), &["ring 1", "return_notice"]);
        // A form from standard input, its time in words.
        let at = calendar_ms() / 60_000 * 60_000 + 4 * 3_600_000;
        let form = office.form("words", &[&town], json!({"act_by": instant::words(at)}));
        let text = std::fs::read_to_string(office.folder.join(form)).unwrap();
        let answer = office.run("陈制作", "alert draft --form - --json", &text);
        assert_eq!(answer.code, 0, "{}", answer.fault);
        let made: Value = serde_json::from_str(&answer.out).unwrap();
        let shown =
            office.does("陈制作", &format!("alert show {}", made["alert"].as_str().unwrap()));
        assert_eq!(shown["act_by"], json!(at), "{shown}");
        assert_eq!((&shown["kind"], &shown["places"][0]["place"]), (&json!("live"), &json!(town)));
        let alert = made["alert"].as_str().unwrap();
        let said = office.reads("陈制作", &format!("alert show {alert}"));
        assert!(
            said.contains("  draft  live  v") && said.contains(&format!("places: {town} ")),
            "{said}"
        );
        assert!(office.reads("陈制作", "alert list").contains("  live  v"), "{said}");
        office.close().await;
    }
}

#[tokio::test]
async fn a_form_is_refused_for_all_its_faults_and_for_what_it_contradicts() {
    for office in offices("faults").await {
        office.settle(300);
        let town = office.places("town")[0].clone();
        // All of it at once, whatever it is.
        let fields = json!({"kind": "", "origin": "our", "vars": {"depth": "2米"},
            "urgency": "很急", "places": ["98", "99"],
            "rings": [{"ring": 1, "demand": 9, "pursued": 1}]});
        let form = office.form("all", &[], fields);
        let named = [
            "kind: say",
            "origin \"our\"",
            "no variable \"depth\"",
            "needs variable \"by\", \"shelter\"",
            "urgency \"很急\"",
            "\"98\", \"99\"",
            "demand 9",
        ];
        office.refuses_with("陈制作", &format!("alert draft --form {form}"), &named);
        // A text that contradicts the order it stands in.
        let at = (calendar_ms() / 3_600_000 + 5) * 3_600_000 + 30 * 60_000;
        let fields =
            json!({"act_by": at, "vars": {"by": "下午4点", "shelter": "四明小学", "zone": "沿河"}});
        let odd = draft(&office, &office.form("by", &[&town], fields));
        let words = ["by-differs", "下午4点", &*instant::words(at), "both"];
        office.refuses_with("陈制作", &format!("alert submit {odd}"), &words);
        let vars = json!({"issuer": "余姚市气象台", "issued": "14日10时30分", "title": "台风预警",
            "colour": "红色"});
        let warning = |colour: Value| {
            json!({"origin": "forwarded", "template": "forwarded_typhoon", "vars": vars,
                "title": "台风预警", "issuer": "余姚市气象台", "number": "2026-7",
                "colour": colour, "act_by": null})
        };
        for (colour, said) in [(json!("橙色"), "橙色"), (json!(null), "无")] {
            let odd = draft(&office, &office.form("colour", &[&town], warning(colour)));
            let words = ["colour-differs", said, "红色", "copy the issuer's colour"];
            office.refuses_with("陈制作", &format!("alert submit {odd}"), &words);
        }
        let same = draft(&office, &office.form("same", &[&town], warning(json!("红"))));
        office.does("陈制作", &format!("alert submit {same}"));
        let own = json!({"origin": "own", "template": "forwarded_typhoon", "vars": vars,
            "act_by": null});
        let odd = draft(&office, &office.form("own", &[&town], own));
        office.refuses_with("陈制作", &format!("alert submit {odd}"), &["own-with-colour"]);
        office.close().await;
    }
}

#[tokio::test]
async fn two_persons_with_a_right_at_the_place_release_an_order_once() {
    for office in offices("persons").await {
        office.settle(600);
        let towns = office.places("town");
        let form = office.form("order", &[&towns[1]], json!({}));
        office.refuses_with(
            "乡长",
            &format!("alert draft --form {form}"),
            &["alert.draft", &towns[1]],
        );
        office.refuses_with("李签发", &format!("alert draft --form {form}"), &["author 制作"]);
        // Who wrote it does not sign it, whatever else he may.
        let said = office.does("周两职", &format!("alert draft --form {form}"));
        let alert = said["alert"].as_str().unwrap();
        office.refuses_with(
            "乡长",
            &format!("alert submit {alert}"),
            &["another place", &towns[1]],
        );
        office.does("周两职", &format!("alert submit {alert}"));
        office.refuses_with("周两职", &format!("alert submit {alert}"), &["submitted"]);
        let approve = format!("alert approve {alert}");
        office.refuses_with("周两职", &approve, &["another person"]);
        office.refuses_with("陈制作", &approve, &["alert.approve", "approver 签发"]);
        office.refuses_with("乡长", &approve, &["alert.approve", "another place", &towns[1]]);
        // The second person sees what he signs.
        let shown = office.does("李签发", &format!("alert show {alert}"));
        let ring = &shown["rings"][0];
        assert!(ring["text"].as_str().unwrap().contains("四明小学"), "{shown}");
        assert!(ring["counted"]["households"].as_i64().unwrap() > 0, "{shown}");
        assert_eq!((&shown["state"], &shown["urgency"]), (&json!("submitted"), &json!("flash")));
        let read = office.reads("李签发", &format!("alert show {alert}"));
        assert!(read.contains("【余姚市防指】") && read.contains("特急"), "{read}");
        office.refuses_with("乡长", &format!("alert show {alert}"), &["board.look", &towns[1]]);
        assert_eq!(office.does("乡长", "alert list"), json!([]), "not his place");
        // Given back with a reason, and handed in again.
        let back = format!("alert return {alert} --reason");
        let empty = office.run("李签发", &format!("{back}="), "");
        assert!(empty.code == 1 && empty.fault.contains("reason"), "{}", empty.fault);
        office.does("李签发", &format!("{back} 避灾点写错了"));
        let shown = office.does("周两职", &format!("alert show {alert}"));
        assert_eq!(shown["reason"], "避灾点写错了", "{shown}");
        office.refuses_with("李签发", &approve, &["returned", "submit"]);
        office.does("周两职", &format!("alert submit {alert}"));
        office.refuses_with("李签发", &approve, &["seen", "alert show"]);
        let read = office.reads("李签发", &format!("alert show {alert}"));
        let signs = office.approval(alert);
        assert!(read.contains(signs.split_once("--").unwrap().1), "{read}");
        let live = office.does("李签发", &signs);
        assert_eq!((&live["state"], &live["version"]), (&json!("live"), &json!(1)));
        office.refuses_with("李签发", &approve, &["live already", "nothing was sent twice"]);
        office.refuses_with("李签发", &format!("alert return {alert} --reason x"), &["live"]);
        let audit = office.does("李签发", &format!("alert audit {alert}"));
        adds_up(&audit);
        assert!(audit["pursued"].as_i64().unwrap() > 0, "{audit}");
        assert!(office.reads("李签发", &format!("alert audit {alert}")).contains("holds"));
        for words in ["show", "audit", "submit", "approve", "end", "roll"] {
            office.refuses_with("李签发", &format!("alert {words} 0199"), &["0199", "alert list"]);
        }
        office.close().await;
    }
}

#[tokio::test]
async fn an_order_is_updated_extended_withdrawn_and_ended() {
    for office in offices("life").await {
        office.settle(600);
        let (town, grids) = (office.places("town")[1].clone(), office.places("grid"));
        let form = office.form("order", &[&town], json!({}));
        let alert = office.release(&form);
        let fields = json!({"places": [grids[2]], "vars": {"by": "3点", "shelter": "东风小学"}});
        let narrower = office.form("narrower", &[], fields);
        let update = format!("alert update {alert} --form {narrower}");
        office.refuses_with("乡长", &update, &["alert.draft", "another place"]);
        assert_eq!(office.does("陈制作", &update)["version"], 2);
        let shown = office.does("李签发", &format!("alert show {alert}"));
        assert!(shown["rings"][0]["text"].as_str().unwrap().contains("四明小学"), "{shown}");
        assert!(shown["next"]["rings"][0]["text"].as_str().unwrap().contains("东风小学"));
        assert_eq!(shown["next"]["version_state"], "draft");
        office.refuses_with("李签发", &format!("alert approve {alert}"), &["draft", "submit"]);
        office.does("陈制作", &format!("alert submit {alert}"));
        assert_eq!(office.does("李签发", &office.approval(&alert))["version"], 2);
        adds_up(&office.does("李签发", &format!("alert audit {alert}")));
        // Nobody had the old text: there is nobody to tell.
        let narrow = format!("alert narrow {alert} --tell range-correction --place");
        office.refuses_with("陈制作", &format!("{narrow} {town}"), &["place", "older text"]);
        office.refuses_with("陈制作", &format!("{narrow} 99"), &["place", "\"99\""]);
        let before = office.does("李签发", &format!("alert show {alert}"))["expires_at"].as_i64();
        let until = office.does("李签发", &format!("alert extend {alert} --hours 3"))["expires_at"]
            .as_i64();
        assert_eq!(until, before.map(|at| at + 3 * 3_600_000));
        for hours in ["0", "73"] {
            let words = format!("alert extend {alert} --hours {hours}");
            office.refuses_with("李签发", &words, &["hours", "1 to 72"]);
        }
        let (end, extend) =
            (format!("alert end {alert}"), format!("alert extend {alert} --hours 1"));
        office.refuses_with("陈制作", &end, &["alert.end", "approver 签发"]);
        assert_eq!(office.does("李签发", &end)["state"], "ended");
        office.refuses_with("李签发", &end, &["ended"]);
        office.refuses_with("李签发", &extend, &["live"]);
        office.refuses_with("陈制作", &update, &["ended"]);
        adds_up(&office.does("李签发", &format!("alert audit {alert}")));

        let wrong = office.release(&form);
        let withdraw = format!("alert withdraw {wrong}");
        office.refuses_with("陈制作", &withdraw, &["\"wrong\""]);
        let odd = format!("{withdraw} --var wrong=到四明小学 --var rihgt=到东风小学");
        office.refuses_with("陈制作", &odd, &["\"rihgt\"", "right"]);
        let good = format!("{withdraw} --var wrong=到四明小学 --var right=到东风小学");
        office.refuses_with("乡长", &good, &["alert.withdraw", "another place"]);
        assert_eq!(office.does("陈制作", &good)["state"], "withdrawn");
        office.refuses_with("陈制作", &good, &["withdrawn"]);
        let listed = office.does("陈制作", "alert list");
        let states: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["state"]).collect();
        assert_eq!(states, ["withdrawn", "ended"], "the newest first");
        office.close().await;
    }
}

#[tokio::test]
async fn a_bypass_is_countersigned_and_a_roll_confirmed_by_another() {
    for office in offices("bypass").await {
        office.settle(300);
        let grid = office.places("grid")[0].clone();
        let form = office.form("drill", &[&grid], json!({"kind": "exercise"}));
        let said = office.does("周两职", &format!("alert draft --form {form}"));
        let drill = said["alert"].as_str().unwrap();
        let submit = format!("alert submit {drill}");
        office.refuses_with("周两职", &submit, &["empty-roll"]);
        let fill = format!("alert roll-fill {drill}");
        office.write("odd.csv", "没有这户\n");
        office.refuses_with("周两职", &format!("{fill} --file odd.csv"), &["file", "没有这户"]);
        office.write("bare.csv", "12700000001\n");
        office.refuses_with("周两职", &format!("{fill} --file bare.csv"), &["file", "name"]);
        office.refuses_with("周两职", &format!("{fill} --place 99"), &["place", "\"99\""]);
        let home = office.roster("addresses.csv")[0]["household_code"].clone();
        office.write("roll.csv", &format!("# 参演\n12700000001,王阿婆\n{home}\n"));
        let added = office.does("周两职", &format!("{fill} --file roll.csv"))["added"].as_i64();
        assert!(added >= Some(2), "{added:?}");
        office.does("周两职", &submit);
        let approve = format!("alert approve {drill}");
        office.refuses_with("李签发", &approve, &["unconfirmed-roll"]);
        let confirm = format!("alert roll-confirm {drill}");
        office.refuses_with("周两职", &format!("{confirm} --all"), &["does not confirm it"]);
        office.refuses_with("陈制作", &format!("{confirm} --all"), &["roll.confirm", "approver"]);
        office.refuses_with("李签发", &format!("{confirm} --name 李大爷"), &["name", "alert roll"]);
        let one = office.does("李签发", &format!("{confirm} --name 王阿婆"));
        assert_eq!((&one["confirmed"], one["waiting"].as_i64()), (&json!(1), added.map(|n| n - 1)));
        let roll = office.does("李签发", &format!("alert roll {drill}"));
        assert_eq!(roll["numbers"].as_i64(), added);
        office.refuses_with("李签发", &approve, &["unconfirmed-roll"]);
        office.does("李签发", &format!("{confirm} --all"));
        assert_eq!(office.does("李签发", &office.approval(drill))["state"], "live");
        office.refuses_with("周两职", &format!("{fill} --file roll.csv"), &["once it is live"]);
        office.refuses_with("李签发", &format!("{confirm} --all"), &["once it is live"]);

        // Something real by one person alone: it stops the exercise and waits for a signature.
        let real = office.form("real", &[&grid], json!({}));
        office.refuses_with(
            "陈制作",
            &format!("alert send --form {real}"),
            &["emergency 紧急签发"],
        );
        let sent = office.does("周两职", &format!("alert send --form {real}"));
        let alert = sent["alert"].as_str().unwrap();
        assert_eq!(sent["state"], "live");
        assert_eq!(office.does("李签发", &format!("alert show {drill}"))["state"], "ended");
        let shown = office.does("李签发", &format!("alert show {alert}"));
        assert_eq!(shown["uncountersigned"][0]["version"], 1, "{shown}");
        let sign = format!("alert countersign {alert}");
        office.refuses_with("周两职", &sign, &["another person"]);
        assert_eq!(office.does("李签发", &sign)["countersigned"], 1);
        office.refuses_with("李签发", &sign, &["nothing waits"]);
        let shown = office.does("李签发", &format!("alert show {alert}"));
        assert_eq!(shown["uncountersigned"], json!([]), "{shown}");
        adds_up(&office.does("李签发", &format!("alert audit {alert}")));
        office.refuses_with(
            "周两职",
            &format!("alert roll-fill {alert} --place {grid}"),
            &["exercise"],
        );
        office.close().await;
    }
}

#[tokio::test]
async fn what_never_went_out_is_thrown_away_without_a_word() {
    for office in offices("discard").await {
        office.settle(300);
        let town = office.places("town")[1].clone();
        let form = office.form("order", &[&town], json!({}));
        let faulty = office.form("faulty", &[&town], json!({"title": ""}));
        let alert = draft(&office, &faulty);
        let discard = format!("alert discard {alert}");
        office.refuses_with("乡长", &discard, &["alert.discard", "another place"]);
        office.refuses_with("管理", &discard, &["alert.discard", "author"]);
        // Nobody had it, so there is nothing to correct.
        let withdraw = format!("alert withdraw {alert} --var wrong=旧址 --var right=新址");
        office.refuses_with("陈制作", &withdraw, &["never went out", "discard"]);
        office.refuses_with("李签发", &format!("alert end {alert}"), &["discard"]);
        assert_eq!(office.does("陈制作", &discard)["state"], "discarded");
        let shown = office.does("陈制作", &format!("alert show {alert}"));
        assert_eq!((&shown["state"], &shown["version"]), (&json!("discarded"), &json!(0)));
        for words in ["submit", "discard"] {
            office.refuses_with("陈制作", &format!("alert {words} {alert}"), &["thrown away"]);
        }
        office.refuses_with("李签发", &format!("alert approve {alert}"), &["thrown away"]);

        // Handed in it can be thrown away as well; live it can't.
        let submitted = draft(&office, &form);
        office.does("陈制作", &format!("alert submit {submitted}"));
        office.does("李签发", &format!("alert discard {submitted}"));
        let live = office.release(&form);
        office.refuses_with("陈制作", &format!("alert discard {live}"), &["went out", "withdraw"]);

        // The next version of a live order: the order goes on, and another can be written.
        let update = format!("alert update {live} --form");
        let other = office.form("other", &[&town], json!({"kind": ""}));
        assert_eq!(office.does("陈制作", &format!("{update} {other}"))["version"], 2);
        assert_eq!(office.does("陈制作", &format!("alert discard {live}"))["version"], 2);
        let shown = office.does("陈制作", &format!("alert show {live}"));
        assert_eq!((&shown["state"], &shown["version"]), (&json!("live"), &json!(1)), "{shown}");
        assert!(shown["next"].is_null(), "{shown}");
        let drill = office.form("drill", &[&town], json!({"kind": "exercise"}));
        let named = ["kind", "written as live", "draft anew"];
        office.refuses_with("陈制作", &format!("{update} {drill}"), &named);
        assert_eq!(office.does("陈制作", &format!("{update} {form}"))["version"], 2);
        let listed = office.does("陈制作", "alert list");
        let states: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["state"]).collect();
        assert_eq!(states, ["live", "discarded", "discarded"], "{listed}");
        office.does("李签发", "journal verify");
        office.close().await;
    }
}

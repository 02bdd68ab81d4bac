//! The same way over the API, and its description: every call is in it and nothing else, so that a
//! client can be generated from it.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Value, json};
use tongluo::domain::access::Role;
use tongluo::web::API_CALLS;

use super::client::{Client, client};
use super::schema::loose_parts;
use super::{Faces, account, let_in};
use crate::town::{Setup, on_both};

fn form(more: Value) -> Value {
    let mut form = json!({"kind": "live", "hazard": "flood", "title": "转移指令", "issuer": "余姚市防指",
        "template": "move_order", "vars": {"by": "3点", "shelter": "四明小学"},
        "urgency": "flash", "act_by": "2013-10-08 03:00", "places": ["p2"]});
    for (name, value) in more.as_object().unwrap() {
        form[name] = value.clone();
    }
    form
}

/// Edited, handed in, given back, and signed by who has read it as it is.
async fn released(author: &Client<'_>, approver: &Client<'_>, path: &str) {
    let at = |act: &str| format!("{path}/{act}");
    let (_, edited) = author.call("PUT", path, Some(&form(json!({"title": "转移指令二"})))).await;
    assert_eq!(edited["state"], "draft", "{edited}");
    author.posts(&at("submit"), &json!({})).await;
    author.is_refused("PUT", path, &form(json!({})), 409, "submitted").await;
    let seen = &approver.gets(path).await["seen"];
    author.is_refused("POST", &at("approve"), &json!({"seen": seen}), 403, "approver").await;
    approver.is_refused("POST", &at("approve"), &json!({}), 422, "seen").await;
    let odd = json!({"seen": "1.0123456789abcdef"});
    approver.is_refused("POST", &at("approve"), &odd, 409, "read it first").await;
    approver.posts(&at("return"), &json!({"reason": "再写清楚"})).await;
    assert_eq!(author.gets(path).await["reason"], "再写清楚");
    // Written anew under the same number, in the same instant: what was read is gone.
    let other = json!({"title": "转移指令二", "vars": {"by": "3点", "shelter": "错误小学"}});
    author.call("PUT", path, Some(&form(other))).await;
    author.posts(&at("submit"), &json!({})).await;
    let old = json!({"seen": seen});
    approver.is_refused("POST", &at("approve"), &old, 409, "read it first").await;
    assert_eq!(approver.gets(path).await["state"], "submitted");
    approver.posts(&at("return"), &json!({"reason": "学校不对"})).await;
    author.call("PUT", path, Some(&form(json!({"title": "转移指令二"})))).await;
    author.posts(&at("submit"), &json!({})).await;
    let live = approver.signs(path).await;
    assert_eq!((&live["state"], &live["title"]), (&json!("live"), &json!("转移指令二")));
}

#[tokio::test]
async fn programs_take_an_order_its_whole_way() {
    let setup = Setup { rate_per_second: Some(0.5), ..Setup::default() };
    on_both(setup, async |town| {
        let_in(&town).await;
        account(&town, 5, "赵管理", &[(Role::Admin, 1)]).await;
        let faces = Faces::open(&town);
        let author = client(&town, &faces, 1, "read,alert").await;
        let approver = client(&town, &faces, 2, "read,alert").await;
        let templates = author.gets("/templates").await;
        assert!(templates["templates"].as_array().unwrap().len() >= 8, "{templates}");
        let below = author.gets("/places?under=p1").await;
        assert_eq!(below["places"][0]["code"], "p2", "{below}");
        author.gets("/zones").await;

        let sketch = author.posts("/alerts/preview", &form(json!({}))).await;
        assert_eq!(sketch["faults"], json!([]), "{sketch}");
        assert_eq!((&sketch["households"], &sketch["messages"]), (&json!(10), &json!(10)));
        let last = &sketch["forecast"]["grids"][0]["last_ms"];
        assert_eq!((last, &sketch["urgency"]), (&json!(20_000), &json!("flash")));
        assert!(sketch["rings"][0]["text"].as_str().unwrap().contains("四明小学"), "{sketch}");
        let odd = form(json!({"vars": {"by": "3点"}, "places": [], "title": ""}));
        let sketch = author.posts("/alerts/preview", &odd).await;
        let fields: BTreeSet<&str> = sketch["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["field"].as_str().unwrap())
            .collect();
        assert_eq!(fields, ["places", "title", "var.shelter"].into(), "{sketch}");
        assert_eq!(town.count("SELECT count(*) FROM alert").await, 0, "a look writes nothing");

        let made = author.posts("/alerts", &form(json!({}))).await;
        let path = format!("/alerts/{}", made["alert"].as_str().unwrap());
        let at = |act: &str| format!("{path}/{act}");
        released(&author, &approver, &path).await;
        town.minutes(2).await;

        let newer = form(json!({"vars": {"by": "3点", "shelter": "东风小学"}}));
        let sketch = author.posts(&format!("/alerts/preview?alert={}", &path[8..]), &newer).await;
        let text = sketch["rings"][0]["text"].as_str().unwrap();
        assert!(text.contains("更新：") && text.contains("东风小学"), "{text}");
        assert_eq!(author.posts(&at("update"), &newer).await["version"], 2);
        author.posts(&at("submit"), &json!({})).await;
        let shown = approver.gets(&path).await;
        let in_force = json!({"seen": shown["seen"]});
        approver.is_refused("POST", &at("approve"), &in_force, 409, "read it first").await;
        assert_eq!(approver.signs(&path).await["version"], 2);
        approver.posts(&at("extend"), &json!({"hours": 3})).await;
        approver.is_refused("POST", &at("extend"), &json!({"hours": 0}), 409, "1 to 72").await;
        town.minutes(2).await;
        let audit = approver.gets(&at("audit")).await;
        assert_eq!((&audit["balances"], &audit["orphans"]), (&json!(true), &json!(0)), "{audit}");
        let ended = approver.posts(&at("end"), &json!({})).await;
        assert_eq!(ended["open"], audit["open"], "{ended}");
        approver.is_refused("POST", &at("end"), &json!({}), 409, "over").await;
        let listed = author.gets("/alerts?limit=1").await;
        assert_eq!(listed["alerts"][0]["state"], "ended", "{listed}");
        town
    })
    .await;
}

#[tokio::test]
async fn programs_correct_and_countersign_and_their_tokens_have_bounds() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        account(&town, 5, "赵管理", &[(Role::Admin, 1)]).await;
        let faces = Faces::open(&town);
        let author = client(&town, &faces, 1, "read,alert").await;
        let approver = client(&town, &faces, 2, "alert").await;
        let reader = client(&town, &faces, 1, "read").await;
        let made = author.posts("/alerts", &form(json!({}))).await;
        let path = format!("/alerts/{}", made["alert"].as_str().unwrap());
        let at = |act: &str| format!("{path}/{act}");
        let vars = json!({"vars": {"wrong": "到四明小学", "right": "到东风小学"}});
        let nothing = json!({});
        for (act, body) in [
            ("submit", &nothing),
            ("approve", &json!({"seen": "1.0"})),
            ("return", &json!({"reason": "不"})),
            ("update", &form(json!({}))),
            ("withdraw", &vars),
            ("discard", &nothing),
            ("end", &nothing),
            ("extend", &json!({"hours": 1})),
            ("countersign", &nothing),
            ("narrow", &json!({"tell": "return_notice", "places": ["p2"]})),
        ] {
            reader.is_refused("POST", &at(act), body, 403, "scope alert").await;
            let nowhere = format!("/alerts/0199/{act}");
            let (client, gone) = if act == "end" { (&approver, 404) } else { (&author, 404) };
            client.is_refused("POST", &nowhere, body, gone, "nothing under").await;
        }
        let faulty = author.posts("/alerts", &form(json!({"title": ""}))).await;
        let thrown = format!("/alerts/{}/discard", faulty["alert"].as_str().unwrap());
        assert_eq!(author.posts(&thrown, &nothing).await["state"], "discarded");
        author.is_refused("POST", &thrown, &nothing, 409, "thrown away").await;
        let mut unsaid = form(json!({"vars": {}}));
        unsaid.as_object_mut().unwrap().remove("kind");
        author.is_refused("POST", "/alerts", &unsaid, 409, "kind: say what it is").await;
        author.is_refused("POST", "/alerts", &unsaid, 409, "\"by\", \"shelter\"").await;
        let sketch = author.posts("/alerts/preview", &unsaid).await;
        let fields: Vec<&Value> =
            sketch["faults"].as_array().unwrap().iter().map(|fault| &fault["field"]).collect();
        assert_eq!(fields, ["var.by", "var.shelter", "kind"], "{sketch}");
        approver.is_refused("GET", &path, &nothing, 403, "scope read").await;
        author.is_refused("POST", &at("withdraw"), &json!({"wars": {}}), 422, "vars").await;
        author.is_refused("POST", &at("approve"), &json!({"bypas": true}), 422, "bypass").await;
        let read = json!({"seen": author.gets(&path).await["seen"], "bypass": true});
        author.posts(&at("submit"), &nothing).await;
        author.posts(&at("approve"), &read).await;
        let unsigned = &author.gets(&path).await["uncountersigned"];
        assert_eq!(unsigned[0]["version"], 1, "{unsigned}");
        assert_eq!(approver.posts(&at("countersign"), &nothing).await["countersigned"], 1);
        town.minutes(1).await;
        let gone = author.posts(&at("withdraw"), &vars).await;
        assert_eq!(gone["state"], "withdrawn", "{gone}");
        town
    })
    .await;
}

#[tokio::test]
async fn programs_fill_a_roll_and_tell_whom_an_update_left_out() {
    let layout = crate::plant::Layout { grids: 2, ..Default::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let_in(&town).await;
        account(&town, 5, "赵管理", &[(Role::Admin, 1)]).await;
        let faces = Faces::open(&town);
        let author = client(&town, &faces, 1, "read,alert").await;
        let approver = client(&town, &faces, 2, "read,alert").await;
        let reader = client(&town, &faces, 2, "read").await;
        let drill = author.posts("/alerts", &form(json!({"kind": "exercise"}))).await;
        let path = format!("/alerts/{}/roll", drill["alert"].as_str().unwrap());
        reader.is_refused("GET", &path, &json!({}), 403, "scope alert").await;
        author.is_refused("POST", &path, &json!({"lines": ["c7"]}), 409, "c7").await;
        let filled = author.posts(&path, &json!({"places": ["p2"]})).await;
        let confirm = format!("{path}/confirm");
        author.is_refused("POST", &confirm, &json!({}), 403, "roll.confirm").await;
        let roll = approver.gets(&path).await;
        assert_eq!((&roll["numbers"], &roll["waiting"]), (&filled["added"], &filled["added"]));
        let name = roll["roll"][0]["name"].as_str().unwrap();
        let one = approver.posts(&confirm, &json!({"names": [name]})).await;
        assert_eq!(one["confirmed"], roll["roll"][0]["numbers"], "{one}");
        assert_eq!(approver.posts(&confirm, &json!({})).await["waiting"], 0);
        let roll = approver.gets(&path).await;
        let done = roll["roll"].as_array().unwrap().iter().all(|one| one["confirmed"] == true);
        assert!(done && roll["open"] == true, "{roll}");
        author.is_refused("GET", "/alerts/0199/roll", &json!({}), 404, "nothing under").await;

        let made = author.posts("/alerts", &form(json!({}))).await;
        let path = format!("/alerts/{}", made["alert"].as_str().unwrap());
        let at = |act: &str| format!("{path}/{act}");
        author.posts(&at("submit"), &json!({})).await;
        approver.signs(&path).await;
        town.minutes(2).await;
        assert_eq!(reader.gets(&at("narrow")).await["grids"], json!([]));
        author.posts(&at("update"), &form(json!({"places": ["p100"]}))).await;
        author.posts(&at("submit"), &json!({})).await;
        approver.signs(&path).await;
        let dropped = reader.gets(&at("narrow")).await;
        assert_eq!(dropped["grids"][0]["place"], "p101", "{dropped}");
        let tell = |what: &str| json!({"tell": what, "places": ["p101"]});
        author.is_refused("POST", &at("narrow"), &tell("odd"), 422, "range_correction").await;
        let told = author.posts(&at("narrow"), &tell("range_correction")).await;
        let dropped = reader.gets(&at("narrow")).await;
        assert_eq!(dropped["grids"][0]["corrected"], told["messages"], "{dropped}");
        town
    })
    .await;
}

/// Every `$ref` below a value.
fn refs<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_str()) {
                    ("$ref", Some(to)) => drop(found.insert(to)),
                    _ => refs(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| refs(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_description_has_every_call_and_nothing_else() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        let got = faces.browser().get("/api/v1/openapi.json").await;
        assert_eq!((got.status, got.header("content-type")), (StatusCode::OK, "application/json"));
        let document: Value = serde_json::from_str(&got.body).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut described = BTreeMap::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, call) in item.as_object().unwrap() {
                if method != "parameters" {
                    described.insert((method.as_str(), path.as_str()), (item, call));
                }
            }
        }
        let calls: BTreeSet<(&str, &str)> = API_CALLS.iter().copied().collect();
        let known: BTreeSet<(&str, &str)> = described.keys().copied().collect();
        assert_eq!(known, calls);
        let mut names = BTreeSet::new();
        for ((method, path), (item, call)) in &described {
            let at = format!("{method} {path}");
            assert!(names.insert(call["operationId"].as_str().unwrap()), "{at}");
            assert!(!call["summary"].as_str().unwrap().is_empty(), "{at}");
            assert!(call["responses"]["200"]["content"]["application/json"].is_object(), "{at}");
            let public = call["security"] == json!([]);
            assert_eq!(public, *path == "/openapi.json", "{at}");
            assert_eq!(public, call["responses"]["401"].is_null(), "{at}");
            let of_path = item["parameters"].as_array().into_iter().flatten();
            let in_path: BTreeSet<&str> = of_path
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let asked: BTreeSet<&str> =
                path.split('{').skip(1).map(|part| part.split('}').next().unwrap()).collect();
            assert_eq!(in_path, asked, "{at}");
        }
        let mut found = BTreeSet::new();
        refs(&document, &mut found);
        for to in found {
            let pointer = to.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{to}");
        }
        assert_eq!(loose_parts(), Vec::<String>::new(), "a part that says nothing");
        // What is described is what is sent: nothing undocumented in the form, nor the reverse.
        let schema = &document["components"]["schemas"]["OrderForm"]["properties"];
        let form = serde_json::to_value(tongluo::engine::issue::OrderForm::default()).unwrap();
        let (schema, form) = (schema.as_object().unwrap(), form.as_object().unwrap());
        let fields = |map: &serde_json::Map<String, Value>| -> BTreeSet<String> {
            map.keys().cloned().collect()
        };
        assert_eq!(fields(schema), fields(form));
        town
    })
    .await;
}

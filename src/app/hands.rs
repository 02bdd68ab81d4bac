//! `tongluo list …` and `desk …`: the engine's acts by hand, and how lists and tasks are shown.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::Said;
use crate::base::limits::PAGE_ROWS;
use crate::domain::access::Action;
use crate::domain::list::SEARCH;
use crate::engine::Engine;
use crate::engine::dossier::{list_json, list_word};
use crate::engine::hands::Tick;
use crate::engine::issue::Actor;
use crate::store::desk::{self, TaskRow};
use crate::store::order;
use crate::store::view::{self, ListView, Reach};

/// How far the open doors were reached; whoever answered and is still open is the rest.
pub(super) fn reach_words(reach: &Reach) -> String {
    format!(
        "{} open: 未应答 {}, 未发出 {}, 无电话 {}",
        reach.doors, reach.silent, reach.unsent, reach.no_phone
    )
}

fn list_said(list: &ListView) -> Said {
    let state = list_word(list.state);
    let (uid, place, human, doors) = (&list.uid, &list.place, &list.human, list.doors);
    let search = if list.rung == SEARCH { "清点名单 " } else { "" };
    let text = format!("{uid}  {search}{place}: {state} {human}, {doors} doors");
    Said::new(list_json(list, true), text)
}

/// A list with its open doors.
pub async fn show_list(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<Said> {
    let (list, reach, doors) = engine.show_list(actor, uid).await?;
    let mut said = list_said(&list);
    let mut lines = vec![said.text, format!("  {}", reach_words(&reach))];
    for door in &doors {
        let mark = if door.vulnerable == 1 { " ★" } else { "" };
        let help = if door.helps > 0 { " 求助" } else { "" };
        let eased = if door.eased == 1 { " 亲属已联系" } else { "" };
        let reach = match door.reach {
            1 => " 未发出",
            2 => " 无电话",
            _ => "",
        };
        lines.push(format!(
            "  {}  {} {}（{}，{}人）{mark}{help}{eased}{reach}",
            door.code, door.building, door.door, door.name, door.persons
        ));
    }
    said.json["open"] = serde_json::to_value(&doors)?;
    said.json["reach"] = serde_json::to_value(reach)?;
    said.text = lines.join("\n");
    Ok(said)
}

/// Takes a list for the one it was offered to.
pub async fn take_list(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<Said> {
    Ok(list_said(&engine.take_list(actor, uid).await?))
}

/// Offers a list to another person.
pub async fn give_list(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    human: &str,
) -> anyhow::Result<Said> {
    let mut said = list_said(&engine.give_list(actor, uid, human).await?);
    said.text
        .push_str("\nhis once he takes it: by SMS, on his page, or by `list take` on his word");
    Ok(said)
}

/// The link to a person's lists, or to a household's own page.
pub async fn link(
    engine: &Engine,
    actor: &Actor,
    alert: &str,
    human: Option<&str>,
    home: Option<&str>,
) -> anyhow::Result<Said> {
    let link = match (human, home) {
        (Some(human), _) => engine.leader_link(actor, alert, human).await?,
        (None, Some(home)) => engine.resident_link(actor, alert, home).await?,
        (None, None) => return Err(anyhow!("say whose: --person or --home")),
    };
    Ok(Said::new(json!({"link": link}), link))
}

/// Takes a person's link out of force and gives the new one.
pub async fn revoke(
    engine: &Engine,
    actor: &Actor,
    alert: &str,
    human: &str,
) -> anyhow::Result<Said> {
    let link = engine.revoke_link(actor, alert, human).await?;
    let text = match &link {
        Some(link) => format!("{link}\nnever sent by SMS: hand it over"),
        None => "revoked; there is no new link while web.public_url is not set".into(),
    };
    Ok(Said::new(json!({"link": link}), text))
}

/// Writes down what was seen at a door.
pub async fn tick_list(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    household: &str,
    word: &str,
    persons: Option<i64>,
) -> anyhow::Result<Said> {
    let claim = Tick::claim(word).ok_or_else(|| {
        let words: Vec<&str> = Tick::WORDS.iter().map(|(word, _)| *word).collect();
        anyhow!("seen: {word:?} is not known: write one of {}", words.join(", "))
    })?;
    let tick = Tick { household: household.into(), claim, persons };
    let closed = engine.tick_list(actor, uid, &tick).await?;
    let end = if closed { "closed" } else { "still open" };
    let doc = json!({"list": uid, "household": household, "seen": word, "closed": closed});
    Ok(Said::new(doc, format!("{household}: {word}, {end}")))
}

fn task_json(task: &TaskRow) -> Value {
    let kind = match task.kind {
        1 => "help",
        2 => "unclear",
        4 => "alarm",
        5 => "helper",
        _ => "search",
    };
    let class = match task.class {
        1 => "A",
        2 => "B",
        _ => "C",
    };
    let state = match task.state {
        0 => "open",
        1 => "taken",
        _ => "closed",
    };
    json!({"task": task.uid, "kind": kind, "class": class, "state": state, "text": task.text,
        "alert": task.alert, "household": task.household, "door": task.door,
        "owner": task.owner, "opened_at": task.opened_at, "deadline_at": task.deadline_at})
}

fn task_line(task: &TaskRow) -> String {
    let doc = task_json(task);
    let word = |name: &str| doc[name].as_str().unwrap_or_default().to_owned();
    let owner = task.owner.as_deref().unwrap_or("-");
    let (class, kind, state) = (word("class"), word("kind"), word("state"));
    let door = task.door.as_deref().unwrap_or("-");
    format!("{}  {class} {kind} {state} {owner}  {door}：{}", task.uid, task.text)
}

/// Open and taken tasks, the most urgent first; of one alert or of all.
pub async fn show_desk(
    engine: &Engine,
    actor: &Actor,
    alert: Option<&str>,
) -> anyhow::Result<Said> {
    let root: Vec<i64> = view::root(&engine.store).await?.into_iter().collect();
    let (id, places) = match alert {
        None => (0, root),
        Some(uid) => {
            let row = order::by_uid(&engine.store, uid).await?;
            let row = row.ok_or_else(|| anyhow!("no alert {uid}: see `tongluo alert list`"))?;
            let areas = order::areas(&engine.store, row.id, row.version.max(1)).await?;
            let places = areas.into_iter().filter(|a| a.1 == 0).map(|a| a.0);
            (row.id, places.collect())
        }
    };
    engine.check_access(actor, Action::LookAtPeople, &places).await?;
    let tasks = desk::tasks(&engine.store, id, PAGE_ROWS).await?;
    let writers = engine.writers(&tasks).await?;
    let mut lines = Vec::with_capacity(tasks.len());
    let mut rows: Vec<Value> = Vec::with_capacity(tasks.len());
    for task in &tasks {
        let (mut line, mut row) = (task_line(task), task_json(task));
        if let Some(number) = writers.get(&task.id) {
            line.push_str(&format!("  {number}"));
            row["number"] = json!(number);
        }
        lines.push(line);
        rows.push(row);
    }
    Ok(Said::new(json!(rows), lines.join("\n")))
}

/// Takes a task; one that another has only from him by name.
pub async fn take_task(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    from: Option<&str>,
) -> anyhow::Result<Said> {
    let task = engine.take_task(actor, uid, from).await?;
    Ok(Said::new(task_json(&task), task_line(&task)))
}

/// Closes a task with its result.
pub async fn close_task(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    result: &str,
) -> anyhow::Result<Said> {
    engine.close_task(actor, uid, result).await?;
    let doc = json!({"task": uid, "state": "closed", "result": result});
    Ok(Said::new(doc, format!("{uid}: closed")))
}

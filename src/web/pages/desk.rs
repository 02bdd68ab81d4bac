//! `/desk`: helps and unclear replies, the most urgent first, of these what nobody has, with the
//! home, its needs and a number to call; one card a home or incident, one key or button for each
//! class. What an act means is the engine's.

use axum::extract::{Path, Query};
use serde::Deserialize;

use super::fields::Fields;
use super::list::{Handed, show_link};
use super::{PageFault, PageResult, Posted, Signed};
use crate::domain::duty::Role;
use crate::domain::gate::AlertKind;
use crate::domain::roster::full_name;
use crate::domain::triage::Triage;
use crate::engine::desk::{DeskHome, DeskTask, Read};
use crate::engine::tasks::Closing;
use crate::render::pages::{Value, context};
use crate::store::desk_page::{After, DeskRow};
use crate::store::order;

/// Characters of a text that is not shown whole.
const TEXT_CHARS: usize = 70;
/// Numbers of a home, and of one on the opened card.
const DIALS: (usize, usize) = (1, 3);
/// Homes of a card, and of the opened one.
const HOMES: (usize, usize) = (4, 60);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Only of this alert.
    alert: String,
    after: String,
    /// What was just done.
    did: String,
    /// The task that is shown whole, with who may go.
    open: String,
}

pub(super) async fn show(page: Signed, Query(asked): Query<Asked>) -> PageResult {
    let alert = match asked.alert.as_str() {
        "" => None,
        uid => Some(order::by_uid(&page.engine().store, uid).await?.ok_or(PageFault::NotFound)?),
    };
    let after = After::read(&asked.after).ok_or(PageFault::NotFound)?;
    let only = alert.as_ref().map_or(0, |alert| alert.id);
    let desk = page.engine().desk_page(&page.face().looks, &page.actor, only, after).await?;
    let tasks: Vec<Value> = desk.tasks.iter().map(|one| task(one, &asked)).collect();
    let next = desk.next.map_or_else(String::new, |next| {
        let mut query = form_urlencoded::Serializer::for_suffix("/desk?".to_owned(), 6);
        if !asked.alert.is_empty() {
            query.append_pair("alert", &asked.alert);
        }
        query.append_pair("after", &next.to_string()).finish()
    });
    let count = |of: &dyn Fn(i64, i64) -> bool| -> i64 {
        let fit = desk.counts.iter().filter(|(class, state, _)| of(*class, *state));
        fit.map(|(_, _, tasks)| tasks).sum()
    };
    let reads: Vec<Value> = Read::ALL
        .iter()
        .map(|read| context! { word => read.word(), title => read.chinese() })
        .collect();
    let words = context! {
        tasks, next, reads,
        first => asked.after.is_empty(),
        only => alert.as_ref().map(|alert| context! { uid => alert.uid.as_str(),
            title => alert.title.as_str() }),
        done => desk.done.iter().map(home).collect::<Vec<_>>(),
        did => did(&asked.did),
        all => count(&|_, _| true),
        grave => count(&|class, _| class == 1),
        untaken => count(&|_, state| state < 2),
        new_grave => desk.grave.join(" "),
        promised => desk.promises.homes,
        promised_at => desk.promises.first_at,
        now => page.now_ms(),
    };
    let kind = alert.and_then(|alert| AlertKind::from_code(alert.kind));
    page.about(kind.unwrap_or(AlertKind::Live)).view("desk.html", words)
}

/// One act on one task; then back to where he was.
pub(super) async fn act(
    page: Signed,
    Path(task): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    let (engine, act) = (page.engine(), form.text("do")?);
    let kept = match act {
        "take" => engine.take_task(&page.actor, &task, None).await.map(|_| true)?,
        "takeover" => {
            let from = Some(form.text("from")?);
            engine.take_task(&page.actor, &task, from).await.map(|_| true)?
        }
        "assign" => {
            engine.assign_task(&page.actor, &task, form.text("who")?).await?;
            true
        }
        "close" => {
            let result = form.maybe("result");
            let result = result.ok_or_else(|| PageFault::Form("请写明是怎么办结的。".into()))?;
            let (home, closing) = which(&task, form.maybe("home"))?;
            engine.close_card(&page.actor, home, result, closing).await?;
            false
        }
        "link" => {
            let (whose, link, kind) = engine.home_link(&page.actor, &task).await?;
            let (link, back) = (Some(link), format!("/desk?open={task}#t-{task}"));
            return show_link(&page, &Handed { whose, link, instead: false, back, kind });
        }
        "class1" | "class2" | "class3" => {
            let code = act.strip_prefix("class").and_then(|code| code.parse().ok());
            let class = code.and_then(Triage::from_code).ok_or(PageFault::NotFound)?;
            engine.set_task_class(&page.actor, &task, class, seen(&form)).await?;
            true
        }
        word => {
            let read = Read::from_word(word).ok_or(PageFault::NotFound)?;
            engine.read_task(&page.actor, &task, read, seen(&form)).await?;
            false
        }
    };
    let mut back = form_urlencoded::Serializer::for_suffix("/desk?".to_owned(), 6);
    back.append_pair("did", act);
    if let Some(alert) = form.maybe("alert") {
        back.append_pair("alert", alert);
    }
    // Closed tasks are gone from the page: the keyboard goes on where it was.
    let mark = if kept { format!("#t-{task}") } else { String::new() };
    page.go(&format!("{}{mark}", back.finish()))
}

fn did(act: &str) -> &'static str {
    match act {
        "take" | "takeover" => "已由您接手，一小时内请写明结果。",
        "assign" => "已记下由谁去办。",
        "close" => "已办结。",
        "class1" | "class2" | "class3" => "已归类。",
        word if Read::from_word(word).is_some() => "已归类办结。",
        _ => "",
    }
}

/// How many replies of its one home the page showed.
fn seen(form: &Fields) -> Option<i64> {
    form.maybe("home")?.split_once('.')?.1.parse().ok()
}

/// What is closed: `task.cries` of one home, or `all.cries` of the whole incident, with how many
/// cries the page showed.
fn which<'a>(card: &'a str, home: Option<&'a str>) -> Result<(&'a str, Closing), PageFault> {
    let Some(home) = home else {
        return Ok((card, Closing::default()));
    };
    if home == "none" {
        return Err(PageFault::Form("请选办结的是哪一户，或者“全部”。".into()));
    }
    let (task, seen) = home.split_once('.').ok_or(PageFault::NotFound)?;
    let seen = Some(seen.parse().map_err(|_| PageFault::NotFound)?);
    Ok(match task {
        "all" => (card, Closing { whole: true, seen }),
        "" => (card, Closing { whole: false, seen }),
        task => (task, Closing { whole: false, seen }),
    })
}

pub(in crate::web) fn kind_word(kind: i64) -> &'static str {
    match kind {
        1 => "求助",
        2 => "看不懂的回复",
        3 => "待查找",
        5 => "结对帮扶",
        _ => "系统告警",
    }
}

/// Who goes, in the words of the trade.
pub(in crate::web) fn role_word(role: i64) -> &'static str {
    match Role::from_code(role) {
        Some(Role::BuildingLeader) => "楼栋长",
        Some(Role::GridLeader) => "网格长",
        Some(Role::GridDeputy) => "副网格长",
        Some(Role::CommunityHead) => "社区",
        Some(Role::StreetDuty) => "街道值班",
        Some(Role::DutyRoom) => "市值班室",
        Some(Role::Volunteer | Role::UnitHead | Role::ShelterManager) | None => "责任人",
    }
}

/// What a task is about, as one word.
fn about(row: &DeskRow) -> &'static str {
    if row.promise == 1 { "帮扶人没有按时到" } else { kind_word(row.kind) }
}

fn home(row: &DeskRow) -> Value {
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    context! {
        uid => row.uid.as_str(),
        kind => about(row),
        unclear => row.kind == 2,
        class => row.class,
        taken => row.state == 1,
        text => row.text.as_str(),
        owner => word(&row.owner),
        title => word(&row.title),
        code => word(&row.household),
        name => word(&row.name),
        place => full_name(&word(&row.grid), &word(&row.building)),
        door => word(&row.door),
        persons => row.persons,
        last4 => word(&row.last4),
        cries => row.cries,
        cried_at => row.cried_at,
        opened_at => row.opened_at,
        deadline_at => row.deadline_at,
        closed_at => row.closed_at,
        result => word(&row.result),
        linked => row.household_id.is_some() && row.alert.is_some(),
        exercise => row.alert_kind.is_some_and(|kind| kind == AlertKind::Exercise.code()),
        rehearsal => row.alert_kind.is_some_and(|kind| kind == AlertKind::Rehearsal.code()),
    }
}

/// One home of a card. Only those of the opened one are whole, so that fifty cards come through a
/// bad line.
fn one_home(one: &DeskHome, open: bool) -> Value {
    let cut = !open && one.row.text.chars().count() > TEXT_CHARS;
    let text: String = match cut {
        true => one.row.text.chars().take(TEXT_CHARS).chain("……".chars()).collect(),
        false => one.row.text.clone(),
    };
    let gear: Vec<&str> = one.gear.iter().map(|gear| gear.word()).collect();
    let dials: Vec<Value> = one
        .dials
        .iter()
        .take(if open { DIALS.1 } else { DIALS.0 })
        .map(|dial| {
            let relative = dial.relative.as_deref().unwrap_or("");
            context! { number => dial.number.as_str(), relative }
        })
        .collect();
    context! { gear, dials, text, cut, others => &one.others, ..home(&one.row) }
}

/// One card.
fn task(one: &DeskTask, asked: &Asked) -> Value {
    let open = one.has(&asked.open);
    let most = if open { HOMES.1 } else { HOMES.0 };
    let homes: Vec<Value> = one.homes.iter().take(most).map(|home| one_home(home, open)).collect();
    let cut = one.homes.iter().any(|home| home.row.text.chars().count() > TEXT_CHARS);
    let goers: Vec<Value> = one
        .goers
        .iter()
        .filter(|_| open)
        .map(|goer| {
            context! { code => goer.code.as_str(), name => goer.name.as_str(),
            role => role_word(goer.role) }
        })
        .collect();
    let mut more = form_urlencoded::Serializer::for_suffix("?".to_owned(), 1);
    for (name, value) in [("alert", &asked.alert), ("after", &asked.after)] {
        if !value.is_empty() {
            more.append_pair(name, value);
        }
    }
    let anchor = one.at.anchor.as_str();
    more.append_pair("open", anchor);
    let more = format!("{}#t-{anchor}", more.finish());
    let mut owners: Vec<&str> = Vec::new();
    for home in one.homes.iter().filter(|home| home.row.state == 1) {
        let owner = home.row.owner.as_deref().unwrap_or_default();
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    context! {
        uid => anchor,
        class => one.at.class,
        opened_at => one.at.opened_at,
        taken => one.homes.iter().all(|home| home.row.state == 1),
        late => one.at.held < 2 && one.homes.iter().all(|home| home.row.state == 1),
        free => one.homes.iter().filter(|home| home.row.state == 0).count(),
        owners => owners.join("、"),
        owner => owners.first().copied().unwrap_or_default(),
        count => one.homes.len(),
        cries => one.cries(),
        homes, goers, open, more, cut => cut && !open,
        ..home(&one.row)
    }
}

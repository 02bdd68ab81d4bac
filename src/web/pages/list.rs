//! `/lists/{list}`: a leader's list for the official who has him on the phone: take it on his word,
//! write down what he saw, give it to another, hand out his link, or take that out of force where
//! his phone is lost. Each is the engine's act, journaled on his behalf. A link is shown once, on
//! the page that answers, and in no address.

use axum::extract::{Path, Query};
use serde::Deserialize;

use super::desk::role_word;
use super::{PageFault, PageResult, Posted, Signed};
use crate::domain::access::Action;
use crate::domain::gate::AlertKind;
use crate::domain::list::{ListState, SEARCH};
use crate::engine::hands::Tick;
use crate::render::pages::{Value, context};
use crate::store::order::{self, AlertRow};
use crate::store::view::{DoorView, ListView};
use crate::store::{desk_page, view};

/// Doors on one page; the fragile come first, and what is written down leaves room.
const DOORS: usize = 60;

/// What is seen at a door, as a page says it: of a list, and of a search list.
const SEEN: [(&str, &str); 8] = [
    ("told", "已当面讲到"),
    ("evacuated", "已转移"),
    ("upstairs", "已上楼"),
    ("seen", "当面见到"),
    ("away", "早已不在家"),
    ("nobody", "家中无人"),
    ("refused", "拒绝转移"),
    ("signed-in", "避灾点已签到"),
];
const SEARCHED: [(&str, &str); 3] =
    [("found", "找到了，平安"), ("elsewhere", "在别处平安"), ("missing", "已报失联")];

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// What was just done.
    did: String,
}

/// A link to be handed over by mouth or hand.
pub(super) struct Handed {
    /// Whose.
    pub whose: String,
    /// None: out of force, and there is no address for another.
    pub link: Option<String>,
    /// It takes the place of one that is out of force.
    pub instead: bool,
    pub back: String,
    pub kind: AlertKind,
}

/// Shows a link once.
pub(super) fn show_link(page: &Signed, handed: &Handed) -> PageResult {
    let words = context! {
        whose => handed.whose.as_str(),
        link => handed.link.as_deref(),
        instead => handed.instead,
        back => handed.back.as_str(),
    };
    page.about(handed.kind).view("link_shown.html", words)
}

pub(super) async fn show(
    page: Signed,
    Path(uid): Path<String>,
    Query(asked): Query<Asked>,
) -> PageResult {
    let store = &page.engine().store;
    let list = view::list(store, &uid).await?.ok_or(PageFault::NotFound)?;
    page.engine().check_access(&page.actor, Action::LookAtPeople, &[list.place_id]).await?;
    let (list, reach, doors) = page.engine().show_list(&page.actor, &uid).await?;
    let alert = order::by_id(store, list.alert_id).await?.ok_or(PageFault::NotFound)?;
    let near = desk_page::near(store, list.place_id).await?;
    let near: Vec<Value> = near
        .iter()
        .filter(|(code, ..)| *code != list.human_code)
        .map(|(code, name, role, _)| {
            context! { code => code.as_str(), name => name.as_str(), role => role_word(*role) }
        })
        .collect();
    let search = list.rung == SEARCH;
    let seen: &[(&str, &str)] = if search { &SEARCHED } else { &SEEN };
    let seen: Vec<Value> =
        seen.iter().map(|(word, title)| context! { word => *word, title => *title }).collect();
    let state = ListState::from_code(list.state);
    let ended = matches!(state, Some(ListState::Withdrawn | ListState::Finished) | None);
    let words = context! {
        list => head(&list),
        alert => context! { uid => alert.uid.as_str(), title => alert.title.as_str() },
        did => did(&asked.did),
        search,
        may_take => !ended && !matches!(state, Some(ListState::Taken | ListState::Done)),
        may_give => !ended,
        reach => context! { doors => reach.doors, silent => reach.silent,
            unsent => reach.unsent, no_phone => reach.no_phone },
        more => doors.len().saturating_sub(DOORS),
        doors => doors.iter().take(DOORS).map(door).collect::<Vec<_>>(),
        near, seen,
        now => page.now_ms(),
    };
    page.about(kind(&alert)).view("list.html", words)
}

pub(super) async fn act(page: Signed, Path(uid): Path<String>, Posted(form): Posted) -> PageResult {
    let engine = page.engine();
    let list = view::list(&engine.store, &uid).await?.ok_or(PageFault::NotFound)?;
    let alert = order::by_id(&engine.store, list.alert_id).await?.ok_or(PageFault::NotFound)?;
    let (act, human) = (form.text("do")?, list.human_code.as_str());
    let handed = |link: Option<String>, instead: bool| Handed {
        whose: format!("{}的名单", list.human),
        link,
        instead,
        back: format!("/lists/{uid}"),
        kind: kind(&alert),
    };
    let shown = match act {
        "take" => engine.take_list(&page.actor, &uid).await?.uid,
        "give" => engine.give_list(&page.actor, &uid, form.text("who")?).await?.uid,
        "tick" => {
            let word = form.maybe("seen").and_then(|word| Some((word, Tick::claim(word)?)));
            let (_, claim) = word.ok_or_else(|| PageFault::Form("请选看到了什么。".into()))?;
            let household = form.text("home")?.to_owned();
            let tick = Tick { household, claim, persons: form.number("persons")? };
            engine.tick_list(&page.actor, &uid, &tick).await?;
            uid.clone()
        }
        "link" => {
            let link = engine.leader_link(&page.actor, &alert.uid, human).await?;
            return show_link(&page, &handed(Some(link), false));
        }
        "revoke" => {
            let link = engine.revoke_link(&page.actor, &alert.uid, human).await?;
            return show_link(&page, &handed(link, true));
        }
        _ => return Err(PageFault::NotFound),
    };
    page.go(&format!("/lists/{shown}?did={act}"))
}

pub(super) fn kind(alert: &AlertRow) -> AlertKind {
    AlertKind::from_code(alert.kind).unwrap_or(AlertKind::Live)
}

fn did(act: &str) -> &'static str {
    match act {
        "take" => "已记下：他在电话里接手了。",
        "give" => "已发给他，等他接手；在他接手以前，原来的人还在办。",
        "tick" => "已记下。",
        _ => "",
    }
}

fn state_word(state: i64) -> &'static str {
    match ListState::from_code(state) {
        Some(ListState::Offered) => "没人接手",
        Some(ListState::Taken) => "已接手",
        Some(ListState::Declined) => "去不了",
        Some(ListState::PassedOn) => "没有回音",
        Some(ListState::Done) => "别人接手了",
        Some(ListState::Withdrawn) => "已收回",
        Some(ListState::Finished) | None => "已走完",
    }
}

fn head(list: &ListView) -> Value {
    context! {
        uid => list.uid.as_str(),
        place => list.place.as_str(),
        holder => list.human.as_str(),
        state => state_word(list.state),
        offered_at => list.offered_at,
        answered_at => list.answered_at,
        acted_at => list.acted_at,
    }
}

fn door(door: &DoorView) -> Value {
    context! {
        code => door.code.as_str(),
        name => door.name.as_str(),
        place => format!("{} {}", door.building, door.door),
        persons => door.persons,
        fragile => door.vulnerable == 1,
        help => door.helps > 0,
        refused => door.refused == 1,
        reach => match door.reach { 1 => "未发出", 2 => "无电话", 3 => "答过", _ => "未应答" },
    }
}

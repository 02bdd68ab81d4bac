//! `/alerts/{uid}/roll`: whom an exercise may reach: filled by one, confirmed by name by another,
//! who sees who added whom. That they are two persons, and that nothing changes once it is live,
//! is the engine's.

use axum::extract::{Path, Query};
use serde::Deserialize;

use super::compose::newest;
use super::{PageFault, PageResult, Posted, Signed};
use crate::domain::gate::AlertKind;
use crate::engine::EngineFault;
use crate::engine::exercise::{RollFill, RollLook};
use crate::render::pages::{Value, context};
use crate::store::paper;
use crate::store::roll::RollName;

/// Names on one page; those that wait come first, so that each look brings the next.
const NAMES: i64 = 120;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    find: String,
    done: String,
    n: i64,
}

pub(super) async fn show(
    page: Signed,
    Path(uid): Path<String>,
    Query(asked): Query<Asked>,
) -> PageResult {
    let (row, version) = newest(&page, &uid).await?;
    if row.kind != AlertKind::Exercise.code() {
        return Err(PageFault::Refused("只有演练才有名册。".into()));
    }
    let look = page.engine().look_at_roll(&page.actor, &uid, asked.find.trim(), NAMES).await?;
    let areas = paper::areas(&page.engine().store, row.id, version.version).await?;
    let areas: Vec<Value> = areas
        .iter()
        .filter(|area| area.excluded == 0)
        .map(|area| context! { code => area.code.as_str(), name => area.name.as_str() })
        .collect();
    let (waits, confirmed): (Vec<&RollName>, Vec<&RollName>) =
        look.names.iter().partition(|one| one.waiting > 0);
    let words = context! {
        done => asked.done,
        n => asked.n,
        find => asked.find.trim(),
        areas,
        waits => waits.into_iter().map(name).collect::<Vec<Value>>(),
        confirmed => confirmed.into_iter().map(name).collect::<Vec<Value>>(),
        roll => roll_words(&look),
    };
    page.about(AlertKind::Exercise).view("alert_roll.html", words)
}

fn roll_words(look: &RollLook) -> Value {
    context! {
        uid => look.alert.uid.as_str(),
        title => look.alert.title.as_str(),
        numbers => look.numbers,
        waiting => look.waiting,
        open => look.open,
        may_fill => look.may_fill && look.open,
        may_confirm => look.may_confirm && look.open,
        sees => look.sees,
        more => look.more,
    }
}

fn name(one: &RollName) -> Value {
    context! {
        name => one.name.as_str(),
        numbers => one.numbers,
        own => one.own == one.waiting,
        added_by => one.added_by.as_deref().unwrap_or("（已删除的账号）"),
        confirmed_by => one.confirmed_by.as_deref(),
    }
}

pub(super) async fn act(page: Signed, Path(uid): Path<String>, Posted(form): Posted) -> PageResult {
    let (engine, actor) = (page.engine(), &page.actor);
    // Whoever may not see the alert is told that, before anything is said of its roll.
    newest(&page, &uid).await?;
    if !engine.look_at_roll(actor, &uid, "", 0).await?.open {
        return Err(PageFault::Refused("演练已经发布过，名册不能再改。".into()));
    }
    let to = |done: &str, n: u64| page.go(&format!("/alerts/{uid}/roll?done={done}&n={n}"));
    let confirm =
        async |names: Option<&[String]>| match engine.confirm_roll(actor, &uid, names).await {
            Ok((confirmed, _)) => to("confirmed", confirmed),
            Err(EngineFault::Refused(_)) => Err(PageFault::Refused(
                "没有确认：这些人已经确认过，或者是您自己加的（谁加的谁不能确认）。".into(),
            )),
            Err(fault) => Err(fault.into()),
        };
    match form.text("do")? {
        "fill" => {
            let places: Vec<String> = form.all("place").into_iter().map(str::to_owned).collect();
            let lines = RollFill::read_lines(form.maybe("lines").unwrap_or_default());
            if places.is_empty() && lines.is_empty() {
                let why = "还没有选人：请勾选地点，或填写号码和姓名，每行一个。";
                return Err(PageFault::Form(why.into()));
            }
            let fill = RollFill { places, lines };
            if let Some(fault) = engine.fill_fault(&fill).await? {
                return Err(PageFault::Form(fault.chinese()));
            }
            to("filled", engine.fill_roll(actor, &uid, &fill).await?)
        }
        "confirm" => {
            let names: Vec<String> = form.all("name").into_iter().map(str::to_owned).collect();
            if names.is_empty() {
                return Err(PageFault::Form("还没有勾选：请逐个核对，勾选后再确认。".into()));
            }
            confirm(Some(&names)).await
        }
        "confirm-all" => confirm(None).await,
        _ => Err(PageFault::Form("页面上没有这个按钮。".into())),
    }
}

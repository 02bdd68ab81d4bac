//! `/alerts/{uid}/narrow`: who had an older text and no longer belongs since an update, grid by
//! grid, and the two things they may be told. Nobody is told anything until an official says which;
//! who may is the engine's.

use axum::extract::{Path, Query};
use serde::Deserialize;

use super::approve::may_at;
use super::compose::newest;
use super::{PageFault, PageResult, Posted, Signed};
use crate::base::sms::measure_domestic;
use crate::domain::gate::AlertKind;
use crate::engine::EngineFault;
use crate::engine::narrow::Farewell;
use crate::render::pages::{Value, context};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    done: String,
    n: i64,
}

pub(super) async fn show(
    page: Signed,
    Path(uid): Path<String>,
    Query(asked): Query<Asked>,
) -> PageResult {
    let (row, version) = newest(&page, &uid).await?;
    let look = page.engine().look_at_dropped(&page.actor, &uid).await?;
    let grids: Vec<Value> = look
        .grids
        .iter()
        .map(|one| {
            context! { code => one.code.as_str(), name => one.name.as_str(),
            households => one.households, corrected => one.corrected,
            sent_home => one.sent_home }
        })
        .collect();
    let at = if row.version == 0 { version.version } else { row.version };
    let mut ways = Vec::new();
    for (farewell, word, title, text) in [
        (Farewell::RangeCorrection, "range_correction", "范围更正", &look.correction),
        (Farewell::ReturnNotice, "return_notice", "返回通知", &look.homeward),
    ] {
        let may = may_at(&page, row.id, at, farewell.action()).await?;
        let parts = measure_domestic(text).parts;
        ways.push(context! { word, title, text, parts, may });
    }
    let words = context! {
        done => asked.done,
        n => asked.n,
        paper => context! { uid => row.uid.as_str(), title => row.title.as_str() },
        households => look.grids.iter().map(|grid| grid.households).sum::<i64>(),
        grids,
        ways,
    };
    let kind = AlertKind::from_code(row.kind).unwrap_or(AlertKind::Live);
    page.about(kind).view("alert_narrow.html", words)
}

pub(super) async fn tell(
    page: Signed,
    Path(uid): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    newest(&page, &uid).await?;
    let farewell = form.maybe("tell").and_then(Farewell::from_word);
    let farewell =
        farewell.ok_or_else(|| PageFault::Form("请选发哪一种：范围更正，还是返回通知。".into()))?;
    let places: Vec<String> = form.all("place").into_iter().map(str::to_owned).collect();
    if places.is_empty() {
        return Err(PageFault::Form("还没有选网格：请勾选要通知的网格。".into()));
    }
    let told = match page.engine().tell_dropped(&page.actor, &uid, farewell, &places).await {
        Ok(told) => told,
        Err(EngineFault::Refused(_)) => {
            let why = "没有发：这些网格里没有要通知的住户，或者都通知过了。";
            return Err(PageFault::Refused(why.into()));
        }
        Err(fault) => return Err(fault.into()),
    };
    page.go(&format!("/alerts/{uid}/narrow?done=told&n={told}"))
}

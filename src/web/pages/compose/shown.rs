//! A sketch as a page shows it: the texts as a phone has them, head-counts, the time it takes, the
//! plan as a timeline. It counts and decides nothing.

use crate::base::sms::measure_domestic;
use crate::domain::alert::Urgency;
use crate::domain::plan::Plan;
use crate::engine::forecast::{Forecast, GridForecast, RingCount};
use crate::engine::sketch::{RingSketch, Sketch};
use crate::render::pages::{Value, context};
use crate::render::time::say_span;

/// Who stands in a ring.
pub(in crate::web::pages) fn ring_title(ring: i64) -> &'static str {
    match ring {
        1 => "第1圈：住在危险区或列入转移名册",
        2 => "第2圈：需帮扶户",
        _ => "第3圈：其他住户",
    }
}

/// All of a sketch but its faults.
pub(in crate::web::pages) fn sketch(
    sketch: &Sketch,
    vars: &std::collections::BTreeMap<String, String>,
    now: i64,
) -> Value {
    let rings: Vec<Value> = sketch.rings.iter().map(|ring| ring_row(ring, vars)).collect();
    let rate = sketch.pace.rate_per_second;
    context! {
        rings,
        all => counts(&sketch.all()),
        urgency => urgency(sketch.urgency),
        expires_at => sketch.expires_at,
        steps => steps(&sketch.plan),
        gateway => sketch.gateway,
        rate => rate.map(|rate| format!("{rate}")),
        last_ms => sketch.pace.last_ms,
        last_at => sketch.pace.last_ms.map(|ms| now + ms),
        forecast => forecast(&sketch.forecast, now),
    }
}

/// Grids shown of a forecast.
const GRIDS_SHOWN: usize = 12;

/// The grids that are through last, and those with the most doors that only a person reaches.
fn forecast(forecast: &Forecast, now: i64) -> Value {
    let grid = |one: &GridForecast| {
        context! { name => one.name.as_str(), households => one.households,
        messages => one.messages, doors => one.doors,
        last_at => one.last_ms.map(|ms| now + ms) }
    };
    let mut doors: Vec<&GridForecast> =
        forecast.grids.iter().filter(|grid| grid.doors > 0).collect();
    doors.sort_by_key(|grid| std::cmp::Reverse(grid.doors));
    let latest: Vec<Value> = forecast.grids.iter().take(GRIDS_SHOWN).map(grid).collect();
    let by_doors: Vec<Value> = doors.iter().take(GRIDS_SHOWN).copied().map(grid).collect();
    context! {
        last => forecast.last().map(grid),
        all => forecast.grids.len(),
        latest,
        lists => forecast.lists(),
        doors => forecast.doors(),
        by_doors,
    }
}

fn counts(count: &RingCount) -> Value {
    context! { households => count.households, persons => count.persons,
    no_phone => count.no_phone, messages => count.messages }
}

/// An urgency with both its words.
pub(in crate::web::pages) fn urgency(urgency: Urgency) -> Value {
    context! { word => urgency.word(), title => urgency.chinese() }
}

fn ring_row(ring: &RingSketch, vars: &std::collections::BTreeMap<String, String>) -> Value {
    let text = ring.text.text.as_ref().ok();
    let units = text.map_or(0, |text| measure_domestic(text).units);
    context! {
        title => ring_title(ring.text.ring),
        ring => ring.text.ring,
        demand => ring.text.demand.title_zh(),
        pursued => ring.text.pursued,
        text => text.map(|text| marked(text, vars)),
        family => ring.text.family.as_ref().map(|text| marked(text, vars)),
        parts => ring.text.parts,
        units,
        count => counts(&ring.count),
    }
}

/// The text in pieces, those that the author filled in told apart from the template's.
pub(in crate::web::pages) fn marked(
    text: &str,
    vars: &std::collections::BTreeMap<String, String>,
) -> Vec<Value> {
    let mut values: Vec<&str> =
        vars.values().map(String::as_str).filter(|value| !value.is_empty()).collect();
    values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let first = values
            .iter()
            .filter_map(|value| rest.find(value).map(|at| (at, *value)))
            .min_by_key(|(at, value)| (*at, std::cmp::Reverse(value.len())));
        let Some((at, value)) = first else {
            pieces.push(context! { own => false, text => rest });
            break;
        };
        if at > 0 {
            pieces.push(context! { own => false, text => &rest[..at] });
        }
        pieces.push(context! { own => true, text => value });
        rest = &rest[at + value.len()..];
    }
    pieces
}

/// A plan in one line, to be chosen by.
pub(super) fn plan_line(plan: &Plan) -> String {
    let spans = |at: &[i64]| at.iter().map(|ms| span(*ms)).collect::<Vec<_>>().join("、");
    let mut parts = vec!["马上发第一波".to_owned()];
    match plan.persons_ms.is_empty() {
        true => parts.push("不叫应责任人".into()),
        false => parts.push(format!("{}叫应责任人", spans(&plan.persons_ms))),
    }
    if !plan.waves_ms.is_empty() {
        parts.push(format!("未应答的{}后再发", spans(&plan.waves_ms)));
    }
    match &plan.lists {
        Some(lists) => parts.push(format!(
            "{}后入户名单给网格长，{}后没人接的到值班室",
            span(lists.grid_ms),
            span(lists.duty_ms)
        )),
        None => parts.push("没有入户名单".into()),
    }
    parts.join("；")
}

fn span(ms: i64) -> String {
    if ms == 0 { "马上".into() } else { say_span(ms) }
}

/// Who is called when, in order.
fn steps(plan: &Plan) -> Vec<Value> {
    let mut steps: Vec<(i64, String)> = vec![(0, "第一波短信".into())];
    for (n, at) in plan.persons_ms.iter().enumerate() {
        steps.push((*at, format!("第{}次叫应责任人", n + 1)));
    }
    steps.extend(plan.unwoken_ms.map(|at| (at, "未叫醒的提级叫应上级".into())));
    for (n, at) in plan.waves_ms.iter().enumerate() {
        steps.push((*at, format!("第{}波：未应答的再发", n + 2)));
    }
    if let Some(lists) = &plan.lists {
        for (at, who) in [
            (lists.building_ms, "入户名单给楼栋长"),
            (lists.grid_ms, "入户名单给网格长"),
            (lists.deputy_ms, "没人接的给副网格长"),
            (lists.above_ms, "没人接的给社区、街道"),
            (lists.duty_ms, "没人接的给值班室"),
        ] {
            steps.push((at, who.into()));
        }
    }
    steps.sort_by_key(|step| step.0);
    steps.into_iter().map(|(at_ms, what)| context! { at_ms, what }).collect()
}

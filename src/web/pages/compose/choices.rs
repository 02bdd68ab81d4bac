//! What the compose form offers to choose from: texts, demands by ring, plans, kinds, hazards; and
//! what its fields are called. It judges nothing that was chosen.

use super::Paper;
use super::shown::{plan_line, ring_title};
use super::tree::hazard_word;
use super::typed::Typed;
use crate::domain::alert::Urgency;
use crate::domain::demand::Demand;
use crate::render::pages::{Value, context};
use crate::render::{CORRECTION, TemplateInfo};
use crate::store::places;
use crate::web::pages::{PageFault, Signed};

/// What a text of the first question is for.
const HAZARDS: [&str; 2] = ["flood", "typhoon"];

/// The texts to which this one may be changed without losing what is typed. A forwarded warning
/// never becomes an own order, nor the reverse.
pub(super) fn other_templates(page: &Signed, known: &TemplateInfo, paper: &Paper) -> Vec<Value> {
    let templates = page.engine().messages.templates().into_iter();
    let fits = |other: &TemplateInfo| {
        other.origin == known.origin && (other.name != CORRECTION || !paper.has_head())
    };
    templates
        .filter(fits)
        .map(|other| context! { name => other.name, title => other.title_zh })
        .collect()
}

pub(super) fn rings(typed: &Typed, known: &TemplateInfo) -> Vec<Value> {
    let demands = || Demand::ALL.into_iter().filter(|demand| *demand <= known.strongest);
    typed
        .rings
        .iter()
        .map(|(ring, word, pursued)| {
            let options: Vec<Value> =
                demands().map(|d| context! { word => d.word(), title => d.title_zh() }).collect();
            context! { n => ring, title => ring_title(*ring), word, pursued, options }
        })
        .collect()
}

/// The plans to choose from, as they would run with the time that is left now.
pub(super) fn plans(page: &Signed, typed: &Typed) -> Vec<Value> {
    let left_ms = typed.form().0.act_by.map(|at| at - page.now_ms());
    let plan = |one: Urgency| {
        let line = plan_line(&page.engine().plan_for(one, left_ms));
        context! { word => one.word(), title => one.chinese(), line }
    };
    Urgency::ALL.into_iter().rev().map(plan).collect()
}

pub(super) fn kinds() -> Vec<Value> {
    [("live", "实战"), ("exercise", "演练（只发名册）"), ("rehearsal", "推演（模拟，不发真人）")]
        .map(|(word, title)| context! { word, title })
        .to_vec()
}

pub(super) async fn hazards(page: &Signed, typed: &Typed) -> Result<Vec<Value>, PageFault> {
    let mut words: Vec<String> = HAZARDS.map(str::to_owned).to_vec();
    let zones = places::zones(&page.engine().store).await?;
    let more = zones.into_iter().map(|zone| zone.hazard).chain([typed.hazard.clone()]);
    for word in more.filter(|word| !word.is_empty()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let hazard = |word: &String| context! { word, title => hazard_word(word) };
    Ok(words.iter().map(hazard).collect())
}

pub(super) fn label(field: &str, known: &TemplateInfo) -> &'static str {
    if let Some(name) = field.strip_prefix("var.") {
        let variable = known.variables.iter().find(|variable| variable.name == name);
        return variable.map_or("短信内容", |variable| variable.title_zh);
    }
    match field {
        "kind" => "性质",
        "title" => "标题",
        "issuer" => "发布单位",
        "number" => "原文编号",
        "issued_at" => "发布时刻",
        "urgency" => "叫应方案",
        "act_by" => "完成时限",
        "expires_at" => "失效时间",
        "rings" => "要求谁做什么",
        "places" => "地点",
        "zones" => "危险区",
        _ => "短信内容",
    }
}

//! `/alerts/new`, `…/edit`, `…/update`: an order written by an official, without script. The form
//! is sent for every look (preview, a branch of the tree, a search) and comes back as typed; only
//! 提交审核 writes anything. What is wrong, and what it would reach, is the engine's sketch.

mod choices;
mod moment;
mod shown;
mod tree;
mod typed;

use std::collections::BTreeMap;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use self::choices::{hazards, kinds, label, other_templates, plans, rings};
use self::typed::Typed;
use super::fields::Fields;
use super::{PageFault, PageResult, Posted, Signed};
use crate::domain::access::Action;
use crate::domain::alert::{Act, State};
use crate::domain::gate::AlertKind;
use crate::engine::EngineFault;
use crate::engine::issue::OrderForm;
use crate::engine::sketch::{FieldFault, Of, Sketch};
use crate::render::pages::{Value, context};
use crate::render::{CORRECTION, MAX_TITLE_UNITS, Origin, TemplateInfo};
use crate::store::order::{self, AlertRow, VersionRow};
use crate::store::{places, view};

pub(super) use self::shown::{marked, ring_title, sketch as shown_sketch, urgency};
pub(super) use self::tree::hazard_word as said_hazard;

/// The fields beside which a fault may be said, but for the variables of a template.
const FIELDS: [&str; 12] = [
    "template",
    "kind",
    "title",
    "issuer",
    "number",
    "issued_at",
    "urgency",
    "act_by",
    "expires_at",
    "rings",
    "places",
    "zones",
];

/// What is being written.
enum Paper {
    New,
    /// A draft, or a version that was given back.
    Edit(AlertRow, VersionRow),
    /// The next version of a live alert, from the one in force.
    Update(AlertRow, VersionRow),
}

impl Paper {
    fn of(&self) -> Of {
        match self {
            Paper::New => Of::NEW,
            Paper::Edit(row, v) => Of { alert: Some(row.id), version: v.version, live_at: None },
            Paper::Update(row, v) => {
                Of { alert: Some(row.id), version: v.version + 1, live_at: None }
            }
        }
    }

    fn path(&self) -> String {
        match self {
            Paper::New => "/alerts/new".into(),
            Paper::Edit(row, _) => format!("/alerts/{}/edit", row.uid),
            Paper::Update(row, _) => format!("/alerts/{}/update", row.uid),
        }
    }

    /// The head of an alert is its first version's, and not changed by a later one.
    fn has_head(&self) -> bool {
        match self {
            Paper::New => true,
            Paper::Edit(_, v) => v.version == 1,
            Paper::Update(..) => false,
        }
    }

    fn row(&self) -> Option<&AlertRow> {
        match self {
            Paper::New => None,
            Paper::Edit(row, _) | Paper::Update(row, _) => Some(row),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    template: String,
}

/// The first question, and then the empty form of the text chosen.
pub(super) async fn show_new(page: Signed, Query(asked): Query<Asked>) -> PageResult {
    may_write(&page)?;
    let templates = page.engine().messages.templates();
    let Some(known) = templates.iter().find(|known| known.name == asked.template) else {
        return first_question(&page, &templates);
    };
    let rings = page.engine().rings_for(known.name)?;
    let office = &page.engine().settings.signature;
    let mut typed = Typed::blank(known, office, &rings);
    typed.open = own_place(&page).await?;
    give(&page, &Paper::New, &typed, known, None, Vec::new()).await
}

pub(super) async fn write_new(page: Signed, Posted(form): Posted) -> PageResult {
    may_write(&page)?;
    take(&page, Paper::New, &form).await
}

pub(super) async fn show_edit(page: Signed, Path(uid): Path<String>) -> PageResult {
    let paper = draft_of(&page, &uid).await?;
    show_old(&page, paper).await
}

pub(super) async fn write_edit(
    page: Signed,
    Path(uid): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    let paper = draft_of(&page, &uid).await?;
    take(&page, paper, &form).await
}

pub(super) async fn show_update(page: Signed, Path(uid): Path<String>) -> PageResult {
    match next_of(&page, &uid).await? {
        Ok(paper) => show_old(&page, paper).await,
        Err(path) => page.go(&path),
    }
}

pub(super) async fn write_update(
    page: Signed,
    Path(uid): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    match next_of(&page, &uid).await? {
        Ok(paper) => take(&page, paper, &form).await,
        Err(path) => page.go(&path),
    }
}

/// Only who may write somewhere is shown the form; where he may is judged with the places.
fn may_write(page: &Signed) -> Result<(), PageFault> {
    let roles = Action::DraftAlert.roles();
    match page.actor.rights.iter().any(|(role, _)| roles.contains(role)) {
        true => Ok(()),
        false => Err(PageFault::Denied("制作预警和指令要有“制作”或“紧急签发”职责。".into())),
    }
}

/// The highest place at which he may write: there the tree is open first.
async fn own_place(page: &Signed) -> Result<String, PageFault> {
    let roles = Action::DraftAlert.roles();
    let held = page.actor.rights.iter().filter(|(role, _)| roles.contains(role));
    let Some((_, place)) = held.min_by_key(|(_, place)| *place) else {
        return Ok(String::new());
    };
    let known = view::place(&page.engine().store, *place).await?;
    Ok(known.map_or_else(String::new, |(code, _)| code))
}

fn first_question(page: &Signed, templates: &[TemplateInfo]) -> PageResult {
    let of = |fits: fn(&TemplateInfo) -> bool| -> Vec<Value> {
        let known = templates.iter().filter(|known| fits(known) && known.name != CORRECTION);
        known.map(|known| context! { name => known.name, title => known.title_zh }).collect()
    };
    let words = context! {
        forwarded => of(|known| known.origin == Origin::Forwarded),
        own => of(|known| known.origin == Origin::Own && known.name != "public_notice"),
        notice => of(|known| known.name == "public_notice"),
    };
    page.view("alert_first.html", words)
}

/// An alert and its newest version.
pub(super) async fn newest(page: &Signed, uid: &str) -> Result<(AlertRow, VersionRow), PageFault> {
    let store = &page.engine().store;
    let row = order::by_uid(store, uid).await?.ok_or(PageFault::NotFound)?;
    let newest = order::latest_version(store, row.id).await?;
    let version = order::version(store, row.id, newest).await?.ok_or(PageFault::NotFound)?;
    page.engine().look_at_alert(&page.actor, uid).await?;
    Ok((row, version))
}

async fn draft_of(page: &Signed, uid: &str) -> Result<Paper, PageFault> {
    may_write(page)?;
    let (row, version) = newest(page, uid).await?;
    let state = State::from_code(version.state).unwrap_or(State::Live);
    state.next(Act::Edit).map_err(|fault| PageFault::Refused(fault.chinese()))?;
    Ok(Paper::Edit(row, version))
}

/// The paper of a next version; or where one that is already under way stands.
async fn next_of(page: &Signed, uid: &str) -> Result<Result<Paper, String>, PageFault> {
    may_write(page)?;
    let (row, version) = newest(page, uid).await?;
    let state = State::from_code(row.state).unwrap_or(State::Draft);
    state.next(Act::Update).map_err(|fault| PageFault::Refused(fault.chinese()))?;
    match version.version > row.version {
        true => Ok(Err(format!("/alerts/{uid}/approve"))),
        false => Ok(Ok(Paper::Update(row, version))),
    }
}

async fn show_old(page: &Signed, paper: Paper) -> PageResult {
    let (Paper::Edit(row, version) | Paper::Update(row, version)) = &paper else {
        return Err(PageFault::Broken);
    };
    let form = page.engine().form_of(row, version).await?;
    let mut typed = Typed::of(&form);
    typed.open = parent_of(page, form.places.first()).await?;
    let known = known_template(page, &form.template)?;
    let (sketch, faults) = look(page, &paper, &typed, &form).await?;
    // An update begins as what holds; that its deadline has passed is said when it is looked at.
    let faults = if matches!(paper, Paper::Update(..)) { Vec::new() } else { faults };
    give(page, &paper, &typed, &known, sketch, faults).await
}

/// Where the tree is open for a place that is chosen: beside its brothers.
async fn parent_of(page: &Signed, code: Option<&String>) -> Result<String, PageFault> {
    let Some(code) = code else {
        return own_place(page).await;
    };
    let chain = places::chain(&page.engine().store, code).await?;
    Ok(chain.iter().rev().nth(1).map_or_else(String::new, |place| place.code.clone()))
}

fn known_template(page: &Signed, name: &str) -> Result<TemplateInfo, PageFault> {
    let templates = page.engine().messages.templates();
    templates.into_iter().find(|known| known.name == name).ok_or(PageFault::NotFound)
}

/// A form that was sent: shown again, or written down.
async fn take(page: &Signed, paper: Paper, sent: &Fields) -> PageResult {
    let known = known_template(page, sent.maybe("template").unwrap_or_default())?;
    let mut typed = Typed::read(sent, &known);
    let act = sent.maybe("do").unwrap_or("preview");
    if let Some(code) = act.strip_prefix("open.") {
        typed.open = code.to_owned();
    }
    if let Some(row) = paper.row().filter(|_| !paper.has_head()) {
        keep_head(&mut typed, row);
    }
    let (form, unread) = typed.form();
    if act == "submit" || act == "preview" {
        let (sketch, mut faults) = look(page, &paper, &typed, &form).await?;
        faults.splice(0..0, unread);
        if act == "submit" && faults.is_empty() {
            return write(page, &paper, &form).await;
        }
        return give(page, &paper, &typed, &known, sketch, faults).await;
    }
    give(page, &paper, &typed, &known, None, Vec::new()).await
}

/// A later version has the head of its alert.
fn keep_head(typed: &mut Typed, row: &AlertRow) {
    typed.kind = AlertKind::from_code(row.kind).map_or("live", AlertKind::word).into();
    typed.title.clone_from(&row.title);
    typed.issuer.clone_from(&row.issuer);
    typed.hazard.clone_from(&row.hazard);
    typed.number = row.number.clone().unwrap_or_default();
}

/// The sketch of what was typed, with all its faults; a place that is not his is one of them.
async fn look(
    page: &Signed,
    paper: &Paper,
    typed: &Typed,
    form: &OrderForm,
) -> Result<(Option<Sketch>, Vec<FieldFault>), PageFault> {
    let mut form = form.clone();
    if let Some(row) = paper.row().filter(|_| !paper.has_head()) {
        // Judged by what stands in the store, whatever template the new text has.
        form.title.clone_from(&row.title);
        form.issuer.clone_from(&row.issuer);
        form.colour.clone_from(&row.colour);
        form.number.clone_from(&row.number);
        form.issued_at = Some(row.issued_at);
        form.origin = if row.origin == 1 { "forwarded" } else { "own" }.into();
    }
    match page.engine().sketch(&page.actor, &form, paper.of()).await {
        Ok(mut sketch) => {
            let mut faults = std::mem::take(&mut sketch.faults);
            for fault in &mut faults {
                fault.field = typed.field(&fault.field).to_owned();
            }
            Ok((Some(sketch), faults))
        }
        Err(EngineFault::Denied(denied)) => {
            let at = denied.place_name.clone().unwrap_or_default();
            let said = format!("没有权限：{at} {}", denied.chinese());
            Ok((None, vec![FieldFault { field: "places".into(), said }]))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Writes it down and hands it in.
async fn write(page: &Signed, paper: &Paper, form: &OrderForm) -> PageResult {
    let (engine, actor) = (page.engine(), &page.actor);
    let uid = match paper {
        Paper::New => engine.draft(actor, form).await?,
        Paper::Edit(row, _) => {
            engine.edit(actor, &row.uid, form).await?;
            row.uid.clone()
        }
        Paper::Update(row, _) => {
            engine.update(actor, &row.uid, form).await?;
            row.uid.clone()
        }
    };
    match engine.submit(actor, &uid).await {
        Ok(()) => page.go(&format!("/alerts/{uid}/approve?done=submitted")),
        // It is a draft now, and its form says what is in the way.
        Err(EngineFault::Refused(why)) => {
            tracing::info!(alert = uid, why, "a draft was not handed in");
            page.go(&format!("/alerts/{uid}/edit"))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// The form as typed, with what is wrong beside each field.
async fn give(
    page: &Signed,
    paper: &Paper,
    typed: &Typed,
    known: &TemplateInfo,
    sketch: Option<Sketch>,
    faults: Vec<FieldFault>,
) -> Result<Response, PageFault> {
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    for fault in &faults {
        let field = if fault.field == "exclude" { "places" } else { &fault.field };
        let known_field = FIELDS.contains(&field) || field.starts_with("var.");
        let field = if known_field { field } else { "template" };
        let line = said.entry(field.to_owned()).or_default();
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&fault.said);
    }
    let beside = |field: &str| said.get(field).cloned().unwrap_or_default();
    let f: BTreeMap<&str, String> = FIELDS.iter().map(|field| (*field, beside(field))).collect();
    let vars: Vec<Value> = known
        .variables
        .iter()
        .map(|variable| {
            let name = variable.name;
            let value = typed.vars.get(name).cloned().unwrap_or_default();
            context! { name, title => variable.title_zh, required => variable.required,
            sample => variable.sample, most => variable.max_units, value,
            long => variable.max_units > 40, fault => beside(&format!("var.{name}")) }
        })
        .collect();
    let status = if said.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (row, now) = (paper.row(), page.now_ms());
    let words = context! {
        path => paper.path(),
        updating => matches!(paper, Paper::Update(..)),
        reason => reason_of(paper),
        uid => row.map_or("", |row| row.uid.as_str()),
        has_roll => row.is_some_and(|row| row.kind == AlertKind::Exercise.code()),
        heading => heading(paper),
        has_head => paper.has_head(),
        typed => fields(typed, now),
        act_by => typed.act_by.instant().ok().flatten(),
        template => context! { name => known.name, title => known.title_zh },
        templates => other_templates(page, known, paper),
        vars, f,
        faults => said.iter().map(|(field, said)| context! { field, said,
            label => label(field, known) }).collect::<Vec<_>>(),
        rings => rings(typed, known),
        kinds => kinds(),
        plans => plans(page, typed),
        hazards => hazards(page, typed).await?,
        tree => tree::shown(page.engine(), typed).await?,
        sketch => sketch.as_ref().map(|sketch| shown_sketch(sketch, &typed.vars, now)),
        title_most => MAX_TITLE_UNITS,
        now,
    };
    let kind = AlertKind::from_word(&typed.kind).unwrap_or(AlertKind::Live);
    page.about(kind).view_as(status, "alert_form.html", words)
}

fn reason_of(paper: &Paper) -> String {
    match paper {
        Paper::Edit(_, version) => version.reason.clone().unwrap_or_default(),
        Paper::New | Paper::Update(..) => String::new(),
    }
}

fn heading(paper: &Paper) -> String {
    match paper {
        Paper::New => "新建预警或指令".into(),
        Paper::Edit(row, _) => format!("修改：{}", row.title),
        Paper::Update(row, version) => {
            format!("更新：{}（第{}版）", row.title, version.version + 1)
        }
    }
}

fn fields(typed: &Typed, now: i64) -> Value {
    context! {
        forwarded => typed.forwarded,
        kind => typed.kind.as_str(),
        title => typed.title.as_str(),
        issuer => typed.issuer.as_str(),
        number => typed.number.as_str(),
        hazard => typed.hazard.as_str(),
        issued_at => typed.issued_at.shown(-3..=0, now),
        urgency => typed.urgency.as_str(),
        act_by => typed.act_by.shown(0..=7, now),
        expires_at => typed.expires_at.shown(0..=7, now),
        open => typed.open.as_str(),
        find => typed.find.as_str(),
    }
}

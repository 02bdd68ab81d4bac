//! `/alerts/{uid}/approve`: an order as its second official reads it (what it says, whom it
//! reaches, what is the author's and what the template's, what changed since the version in
//! force), and signs it or gives it back. The rules are the engine's; here they are only said
//! before the act.

use std::collections::BTreeMap;

use axum::extract::{Path, Query};
use serde::Deserialize;

use super::compose::{marked, newest, ring_title, said_hazard, shown_sketch, urgency};
use super::{PageFault, PageResult, Posted, Signed};
use crate::domain::access::Action;
use crate::domain::alert::{self, Act, Colour, Origin, State, Urgency};
use crate::domain::difference::{Piece, compare};
use crate::domain::gate::AlertKind;
use crate::engine::EngineFault;
use crate::engine::issue::OrderForm;
use crate::engine::narrow::Farewell;
use crate::engine::paper::Change;
use crate::engine::preview::RingText;
use crate::engine::sketch::Of;
use crate::render::pages::{Value, context};
use crate::store::order::{self, AlertRow, VersionRow};
use crate::store::{paper, roll, situation};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    done: String,
}

pub(super) async fn show(
    page: Signed,
    Path(uid): Path<String>,
    Query(asked): Query<Asked>,
) -> PageResult {
    let (row, version) = newest(&page, &uid).await?;
    let engine = page.engine();
    let form = engine.form_of(&row, &version).await?;
    let of = Of { alert: Some(row.id), version: version.version, live_at: version.live_at };
    let sketch = engine.sketch_of(&form, of).await?;
    let state = State::from_code(version.state).unwrap_or(State::Draft);
    let waits = matches!(state, State::Draft | State::Submitted | State::Returned);
    // What is over is no fault of a version that is in force or was.
    let faults: Vec<String> = match waits {
        true => sketch.faults.iter().map(|fault| fault.said.clone()).collect(),
        false => Vec::new(),
    };
    let areas = paper::areas(&engine.store, row.id, version.version).await?;
    let names = |excluded: i64| {
        let of = areas.iter().filter(|area| area.excluded == excluded);
        of.map(|area| area.name.clone()).collect::<Vec<String>>()
    };
    let texts = sketch.rings.iter().map(|ring| &ring.text);
    let words = context! {
        done => asked.done,
        paper => paper_words(&page, &row, &version, state).await?,
        may => rights(&page, &row, &version, state).await?,
        faults,
        filled => filled(&page, &form),
        places => names(0),
        exclude => names(1),
        zones => paper::zones(&engine.store, row.id, version.version).await?
            .into_iter().map(|zone| zone.1).collect::<Vec<_>>(),
        hazard => said_hazard(&row.hazard),
        changes => changed(&page, &row, &version, &form).await?,
        texts => old_texts(&page, &row, &version, texts).await?,
        counted => counted(&engine.submitted_counts(row.id, version.version).await?),
        sketch => shown_sketch(&sketch, &form.vars, page.now_ms()),
        seen => engine.mark_of(&row, &version).await?,
        roll => roll_words(&page, &row).await?,
        dropped => dropped(&page, &row).await?,
        now => page.now_ms(),
    };
    let kind = AlertKind::from_code(row.kind).unwrap_or(AlertKind::Live);
    page.about(kind).view("alert_approve.html", words)
}

/// How an exercise's roll stands: numbers, and those that wait.
async fn roll_words(page: &Signed, row: &AlertRow) -> Result<Option<Value>, PageFault> {
    if row.kind != AlertKind::Exercise.code() {
        return Ok(None);
    }
    let (numbers, waiting) = roll::count(&page.engine().store, row.id).await?;
    Ok(Some(context! { numbers, waiting }))
}

/// Households that had an older text and no longer belong, and were told nothing yet.
async fn dropped(page: &Signed, row: &AlertRow) -> Result<i64, PageFault> {
    if row.version < 2 {
        return Ok(0);
    }
    let purposes = Farewell::purposes();
    let (all, told) = situation::dropped(&page.engine().store, row.id, &purposes).await?;
    Ok(all - told)
}

async fn name_of(page: &Signed, account: i64) -> Result<String, PageFault> {
    let names = paper::names(&page.engine().store, &[account]).await?;
    Ok(names.into_iter().next().map_or_else(|| "（已删除的账号）".into(), |row| row.1))
}

async fn paper_words(
    page: &Signed,
    row: &AlertRow,
    version: &VersionRow,
    state: State,
) -> Result<Value, PageFault> {
    let colour = row.colour.as_deref().and_then(Colour::parse);
    let colour = colour.map(|colour| context! { word => colour.word(), title => colour.chinese() });
    let approver = match version.approver_id {
        Some(account) => Some(name_of(page, account).await?),
        None => None,
    };
    let kind = AlertKind::from_code(row.kind).map_or("live", AlertKind::word);
    Ok(context! {
        uid => row.uid.as_str(),
        title => row.title.as_str(),
        issuer => row.issuer.as_str(),
        number => row.number.as_deref(),
        forwarded => Origin::from_code(row.origin) == Some(Origin::Forwarded),
        colour,
        kind,
        issued_at => row.issued_at,
        version => version.version,
        live_version => row.version,
        state => state.word(),
        state_title => state.chinese(),
        alert_state => State::from_code(row.state).map_or("draft", State::word),
        urgency => urgency(Urgency::from_code(version.urgency).unwrap_or(Urgency::Notice)),
        act_by => version.act_by,
        expires_at => version.expires_at,
        author => name_of(page, version.author_id).await?,
        approver,
        bypass => version.bypass == 1,
        countersign_due => version.countersign_due,
        countersigned_at => version.countersigned_at,
        reason => version.reason.as_deref(),
        created_at => version.created_at,
        live_at => version.live_at,
    })
}

/// What whoever looks may do with it now, and what stands against it.
async fn rights(
    page: &Signed,
    row: &AlertRow,
    version: &VersionRow,
    state: State,
) -> Result<Value, PageFault> {
    let may = async |action: Action| may_at(page, row.id, version.version, action).await;
    let (me, submitted) = (page.actor.account_id, state == State::Submitted);
    let own = alert::second_person(version.author_id, me).err();
    let waits = matches!(state, State::Draft | State::Submitted | State::Returned);
    let approver = may(Action::ApproveAlert).await?;
    let unsigned =
        version.bypass == 1 && version.countersigned_at.is_none() && version.live_at.is_some();
    let alone = alert::second_person(version.approver_id.unwrap_or(version.author_id), me).err();
    let live = row.state == State::Live.code();
    Ok(context! {
        approve => submitted && approver && own.is_none(),
        give_back => submitted && may(Action::ReturnAlert).await?,
        own => own.filter(|_| submitted).map(|fault| fault.chinese()),
        bypass => waits && may(Action::BypassAlert).await?,
        edit => matches!(state, State::Draft | State::Returned)
            && may(Action::DraftAlert).await?,
        discard => waits && may(Action::DiscardAlert).await?,
        countersign => unsigned && may(Action::CountersignAlert).await? && alone.is_none(),
        unsigned,
        update => live && version.version == row.version && may(Action::DraftAlert).await?,
        withdraw => live && may(Action::WithdrawAlert).await?,
        end => live && may(Action::EndAlert).await?,
        extend => live && may(Action::ExtendAlert).await?,
    })
}

/// Whether whoever looks may do this at all places of a version.
pub(super) async fn may_at(
    page: &Signed,
    alert: i64,
    version: i64,
    action: Action,
) -> Result<bool, PageFault> {
    match page.engine().may_at(&page.actor, action, alert, version).await {
        Ok(()) => Ok(true),
        Err(EngineFault::Denied(_)) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

/// What the author filled into the template.
fn filled(page: &Signed, form: &OrderForm) -> Value {
    let templates = page.engine().messages.templates();
    let known = templates.iter().find(|known| known.name == form.template);
    let variables: Vec<Value> = known
        .map(|known| {
            let row = |variable: &crate::render::VariableInfo| {
                let value = form.vars.get(variable.name).map(String::as_str).unwrap_or_default();
                context! { title => variable.title_zh, value }
            };
            known.variables.iter().map(row).collect()
        })
        .unwrap_or_default();
    context! { template => known.map_or("", |known| known.title_zh), variables }
}

/// In what it differs from the version in force.
async fn changed(
    page: &Signed,
    row: &AlertRow,
    version: &VersionRow,
    form: &OrderForm,
) -> Result<Option<Value>, PageFault> {
    let Some(old) = before(page, row, version).await? else {
        return Ok(None);
    };
    let was = page.engine().form_of(row, &old).await?;
    let changes = page.engine().changes(&was, form).await?;
    let row = |one: &Change| {
        context! { what => one.what.as_str(), was => one.was.as_str(), is => one.is.as_str() }
    };
    let rows: Vec<Value> = changes.iter().map(row).collect();
    Ok(Some(context! { version => old.version, rows }))
}

/// The version that held before this one.
async fn before(
    page: &Signed,
    row: &AlertRow,
    version: &VersionRow,
) -> Result<Option<VersionRow>, PageFault> {
    let last = if version.version > row.version { row.version } else { version.version - 1 };
    match last {
        ..=0 => Ok(None),
        last => Ok(order::version(&page.engine().store, row.id, last).await?),
    }
}

/// The texts that people have now, beside the new ones, ring by ring, with what is other in each.
async fn old_texts(
    page: &Signed,
    row: &AlertRow,
    version: &VersionRow,
    new: impl Iterator<Item = &RingText>,
) -> Result<Vec<Value>, PageFault> {
    let Some(old) = before(page, row, version).await? else {
        return Ok(Vec::new());
    };
    let old = page.engine().preview(row, &old).await?;
    let pair = |new: &RingText| {
        let was = old.iter().find(|old| old.ring == new.ring)?.text.as_ref().ok()?;
        let is = new.text.as_ref().ok()?;
        let pieces = compare(was, is);
        let only = |of: fn(&Piece) -> &str| -> Vec<String> {
            let pieces = pieces.iter().map(of).filter(|text| !text.is_empty());
            pieces.map(|text| format!("“{text}”")).collect()
        };
        let (gone, come) = (only(|piece| &piece.was), only(|piece| &piece.is));
        let shown: Vec<Value> = pieces
            .iter()
            .map(|piece| {
                let (both, was, is) = (&*piece.both, &*piece.was, &*piece.is);
                context! { both, was, is }
            })
            .collect();
        let title = ring_title(new.ring);
        Some(context! { title, pieces => shown, gone => gone.join("、"), come => come.join("、") })
    };
    Ok(new.filter_map(pair).collect())
}

/// Households as they were when it was handed in; none where it never was.
fn counted(rings: &[serde_json::Value]) -> Option<i64> {
    let households = |ring: &serde_json::Value| ring["households"].as_i64().unwrap_or(0);
    (!rings.is_empty()).then(|| rings.iter().map(households).sum())
}

/// Signs it: what was read, and only that.
pub(super) async fn approve(
    page: Signed,
    Path(uid): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    let (row, version) = newest(&page, &uid).await?;
    let seen = form.text("seen")?;
    if seen != page.engine().mark_of(&row, &version).await? {
        let why = "您看的这一版已经改过：请重新打开审核页，看过新的内容再签发。";
        return Err(PageFault::Refused(why.into()));
    }
    let bypass = form.has("bypass");
    let action = if bypass { Action::BypassAlert } else { Action::ApproveAlert };
    // Rights first: who may not sign at all is told that, not how the paper stands.
    if may_at(&page, row.id, version.version, action).await? {
        let state = State::from_code(version.state).unwrap_or(State::Live);
        let act = if bypass { Act::Bypass } else { Act::Approve };
        state.next(act).map_err(|fault| PageFault::Refused(fault.chinese()))?;
        if !bypass {
            alert::second_person(version.author_id, page.actor.account_id)
                .map_err(|fault| PageFault::Refused(fault.chinese().into()))?;
        }
    }
    page.engine().approve_seen(&page.actor, &uid, seen, bypass).await?;
    page.go(&format!("/alerts/{uid}/approve?done=live"))
}

/// Gives it back with a reason.
pub(super) async fn give_back(
    page: Signed,
    Path(uid): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    let reason = form.maybe("reason");
    let reason = reason.ok_or_else(|| PageFault::Form("请写明退回理由，作者要照着改。".into()))?;
    page.engine().give_back(&page.actor, &uid, reason).await?;
    page.go(&format!("/alerts/{uid}/approve?done=returned"))
}

/// Puts the second signature under what went out alone.
pub(super) async fn countersign(
    page: Signed,
    Path(uid): Path<String>,
    Posted(_): Posted,
) -> PageResult {
    page.engine().countersign(&page.actor, &uid).await?;
    page.go(&format!("/alerts/{uid}/approve?done=countersigned"))
}

/// The text of a correction as it would go out, in pieces; or what is wrong with its words.
pub(super) fn correction(
    page: &Signed,
    row: &AlertRow,
    version: i64,
    vars: &BTreeMap<String, String>,
) -> Result<(Vec<Value>, usize), String> {
    let kind = AlertKind::from_code(row.kind).unwrap_or(AlertKind::Live);
    let said = page.engine().correction_text(kind, version, vars);
    said.map(|(text, parts)| (marked(&text, vars), parts)).map_err(|fault| fault.said)
}

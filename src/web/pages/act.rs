//! What may be done with an order, each on a page that says what follows and has one button:
//! withdraw and correct, lift, extend; and throw a draft away. An update is written in the compose
//! form. The acts and their rules are the engine's.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;

use super::approve::correction;
use super::compose::newest;
use super::{PageFault, PageResult, Posted, Signed};
use crate::domain::access::Action;
use crate::domain::alert::{Act, State};
use crate::domain::gate::AlertKind;
use crate::engine::sketch::FieldFault;
use crate::render::pages::{Value, context};
use crate::store::custody;
use crate::store::order::{self, AlertRow};

/// Hours by which an order is extended, at most.
const HOURS_MOST: i64 = 72;

fn kind(row: &AlertRow) -> AlertKind {
    AlertKind::from_code(row.kind).unwrap_or(AlertKind::Live)
}

fn head(row: &AlertRow) -> Value {
    context! { uid => row.uid.as_str(), title => row.title.as_str(), version => row.version }
}

/// An alert on which this may be done now, by whoever looks.
async fn open(page: &Signed, uid: &str, action: Action, act: Act) -> Result<AlertRow, PageFault> {
    let (row, version) = newest(page, uid).await?;
    let at = if row.version == 0 { version.version } else { row.version };
    page.engine().may_at(&page.actor, action, row.id, at).await?;
    let state = State::from_code(row.state).unwrap_or(State::Draft);
    state.next(act).map_err(|fault| PageFault::Refused(fault.chinese()))?;
    Ok(row)
}

pub(super) async fn show_withdraw(page: Signed, Path(uid): Path<String>) -> PageResult {
    let row = open(&page, &uid, Action::WithdrawAlert, Act::Withdraw).await?;
    // Filled in already: to stop it takes one press, and what holds instead may follow.
    let live = order::version(&page.engine().store, row.id, row.version).await?;
    let live = live.ok_or(PageFault::NotFound)?;
    let vars = page.engine().correction_of(&row.title, &live);
    withdraw_page(&page, &row, &vars, &[]).await
}

pub(super) async fn withdraw(
    page: Signed,
    Path(uid): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    let row = open(&page, &uid, Action::WithdrawAlert, Act::Withdraw).await?;
    let field = |name: &str| form.maybe(name).unwrap_or_default().to_owned();
    let vars: BTreeMap<String, String> =
        ["wrong", "right"].map(|name| (name.to_owned(), field(name))).into();
    let vars = vars.into_iter().filter(|(name, word)| name == "wrong" || !word.is_empty());
    let vars: BTreeMap<String, String> = vars.collect();
    let faults = page.engine().correction_faults(&vars);
    if !faults.is_empty() || form.maybe("do") == Some("preview") {
        return withdraw_page(&page, &row, &vars, &faults).await;
    }
    page.engine().withdraw(&page.actor, &uid, &vars).await?;
    page.go(&format!("/alerts/{uid}/approve?done=withdrawn"))
}

async fn withdraw_page(
    page: &Signed,
    row: &AlertRow,
    vars: &BTreeMap<String, String>,
    faults: &[FieldFault],
) -> PageResult {
    let (attempts, ..) = custody::attempts(&page.engine().store, row.id).await?;
    let text = correction(page, row, row.version + 1, vars).ok();
    let beside = |name: &str| {
        let field = format!("var.{name}");
        faults.iter().find(|fault| fault.field == field).map_or("", |fault| fault.said.as_str())
    };
    let value = |name: &str| vars.get(name).cloned().unwrap_or_default();
    let words = context! {
        paper => head(row),
        attempts,
        wrong => context! { value => value("wrong"), fault => beside("wrong") },
        right => context! { value => value("right"), fault => beside("right") },
        text => text.as_ref().map(|(pieces, _)| pieces.clone()),
        parts => text.as_ref().map(|(_, parts)| *parts),
    };
    let status = match faults.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page.about(kind(row)).view_as(status, "alert_withdraw.html", words)
}

/// A paper that never went out, for whoever may throw it away.
async fn unsent(page: &Signed, uid: &str) -> Result<(AlertRow, i64), PageFault> {
    let (row, version) = newest(page, uid).await?;
    page.engine().may_at(&page.actor, Action::DiscardAlert, row.id, version.version).await?;
    let state = State::from_code(version.state).unwrap_or(State::Live);
    state.next(Act::Discard).map_err(|fault| PageFault::Refused(fault.chinese()))?;
    Ok((row, version.version))
}

pub(super) async fn show_discard(page: Signed, Path(uid): Path<String>) -> PageResult {
    let (row, version) = unsent(&page, &uid).await?;
    let words = context! { paper => head(&row), version };
    page.about(kind(&row)).view("alert_discard.html", words)
}

pub(super) async fn discard(
    page: Signed,
    Path(uid): Path<String>,
    Posted(_): Posted,
) -> PageResult {
    let (row, _) = unsent(&page, &uid).await?;
    page.engine().discard(&page.actor, &uid).await?;
    match row.version {
        0 => page.go("/alerts?done=discarded"),
        _ => page.go(&format!("/alerts/{uid}/approve?done=discarded")),
    }
}

pub(super) async fn show_end(page: Signed, Path(uid): Path<String>) -> PageResult {
    let row = open(&page, &uid, Action::EndAlert, Act::End).await?;
    let now = page.engine().custody(row.id).await?;
    let custody = context! { open => now.open, pursued => now.pursued, help => now.help };
    let words = context! { paper => head(&row), custody };
    page.about(kind(&row)).view("alert_end.html", words)
}

pub(super) async fn end(page: Signed, Path(uid): Path<String>, Posted(_): Posted) -> PageResult {
    open(&page, &uid, Action::EndAlert, Act::End).await?;
    let open = page.engine().end(&page.actor, &uid).await?;
    page.go(&format!("/alerts/{uid}/approve?done={}", if open > 0 { "searching" } else { "ended" }))
}

pub(super) async fn show_extend(page: Signed, Path(uid): Path<String>) -> PageResult {
    let row = open(&page, &uid, Action::ExtendAlert, Act::Update).await?;
    let (_, version) = newest(&page, &uid).await?;
    let until = row.extended_to.unwrap_or(version.expires_at);
    let words = context! { paper => head(&row), until, most => HOURS_MOST };
    page.about(kind(&row)).view("alert_extend.html", words)
}

pub(super) async fn extend(
    page: Signed,
    Path(uid): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    open(&page, &uid, Action::ExtendAlert, Act::Update).await?;
    let hours = form.number("hours")?.unwrap_or(0);
    if !(1..=HOURS_MOST).contains(&hours) {
        return Err(PageFault::Form(format!("延长1到{HOURS_MOST}小时：请改后再按。")));
    }
    page.engine().extend(&page.actor, &uid, hours).await?;
    page.go(&format!("/alerts/{uid}/approve?done=extended"))
}

//! `/alerts`: the orders of his places, open ones and past ones, a page at a time.

use axum::extract::Query;
use serde::Deserialize;

use super::compose::urgency;
use super::{PageResult, Signed};
use crate::base::limits::PAPERS_PAGE;
use crate::domain::access::Action;
use crate::domain::alert::{Colour, State, Urgency};
use crate::domain::gate::AlertKind;
use crate::render::pages::{Value, context};
use crate::store::paper::PaperRow;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    before: Option<i64>,
    done: String,
}

pub(super) async fn list(page: Signed, Query(asked): Query<Asked>) -> PageResult {
    let before = asked.before.unwrap_or(i64::MAX);
    let (papers, next) = page.engine().papers(&page.actor, before, PAPERS_PAGE).await?;
    let open = |row: &&PaperRow| {
        let state = State::from_code(row.state);
        let waits = |state| matches!(state, State::Draft | State::Submitted | State::Returned);
        state.is_some_and(|state| state == State::Live || waits(state))
    };
    let (open, past): (Vec<&PaperRow>, Vec<&PaperRow>) = papers.iter().partition(open);
    let roles = Action::DraftAlert.roles();
    let words = context! {
        open => open.into_iter().map(row).collect::<Vec<_>>(),
        past => past.into_iter().map(row).collect::<Vec<_>>(),
        next, first => asked.before.is_none(), done => asked.done,
        may_write => page.actor.rights.iter().any(|(role, _)| roles.contains(role)),
        now => page.now_ms(),
    };
    page.view("alerts.html", words)
}

fn row(paper: &PaperRow) -> Value {
    let colour = paper.colour.as_deref().and_then(Colour::parse);
    let colour = colour.map(|colour| context! { word => colour.word(), title => colour.chinese() });
    let state = State::from_code(paper.state).unwrap_or(State::Draft);
    let newest = State::from_code(paper.newest_state).unwrap_or(State::Draft);
    let waits = paper.version == 0 && matches!(state, State::Draft | State::Returned);
    let live = paper.version > 0;
    // A paper is read on its own page; what is in force, on its board.
    let path = match (live, waits) {
        (true, _) => format!("/alerts/{}", paper.uid),
        (false, true) => format!("/alerts/{}/edit", paper.uid),
        (false, false) => format!("/alerts/{}/approve", paper.uid),
    };
    let pending = paper.newest > paper.version && live;
    context! {
        path,
        uid => paper.uid.as_str(),
        title => paper.title.as_str(),
        issuer => paper.issuer.as_str(),
        kind => AlertKind::from_code(paper.kind).map_or("live", AlertKind::word),
        colour,
        state => state.word(),
        state_title => state.chinese(),
        pending => pending.then(|| context! { version => paper.newest, state => newest.chinese() }),
        urgency => urgency(Urgency::from_code(paper.urgency).unwrap_or(Urgency::Notice)),
        version => paper.version,
        act_by => paper.act_by,
        at => paper.ended_at.or(paper.live_at).unwrap_or(paper.created_at),
    }
}

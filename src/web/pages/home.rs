//! `/`: what is live now, what waits for whoever looks, and whether everything is ready. Numbers
//! are those of his places; names only where he may see people.

use super::{PageFault, PageResult, Signed};
use crate::domain::access::Action;
use crate::domain::alert::{Colour, State, Urgency};
use crate::domain::gate::AlertKind;
use crate::engine::readiness::{Light, Reading};
use crate::render::pages::{Value, context};
use crate::store::order;
use crate::store::overview::{self, DeskWaits, LiveNow, Unsigned};
use crate::web::ready;

/// Un-woken persons named on this page; the rest is a number.
const NAMED: usize = 8;

pub(super) async fn show(page: Signed) -> PageResult {
    let store = &page.engine().store;
    let now = page.now_ms();
    let (board, people) =
        (page.actor.places(Action::LookAtBoard), page.actor.places(Action::LookAtPeople));
    let live = overview::live_now(store, &board).await?;
    let unsigned = overview::unsigned(store, &board).await?;
    let papers = papers(&page, unsigned).await?;
    let desk = overview::desk_waits(store, &page.actor.places(Action::TakeTask), now).await?;
    let (lists, lists_since) = overview::untaken(store, &board).await?;
    let unwoken = overview::unwoken(store, &board).await?;
    let asleep = unwoken.first().map_or(0, |one| one.all_of_them);
    let named: Vec<Value> = match people.is_empty() {
        true => Vec::new(),
        false => overview::unwoken(store, &people)
            .await?
            .iter()
            .take(NAMED)
            .map(|one| {
                let (person, place) = (one.person.as_str(), one.place.as_str());
                context! { person, place, n => one.n, called_at => one.called_at }
            })
            .collect(),
    };
    let readings = ready::readings(page.face()).await;
    let words = context! {
        rights => !page.actor.rights.is_empty(),
        live => live.iter().map(live_row).collect::<Vec<_>>(),
        papers,
        desk => desk.iter().map(desk_row).collect::<Vec<_>>(),
        lists, lists_since, asleep, named,
        acts => of(&readings, Light::Act),
        looks => of(&readings, Light::Look),
        wells => of(&readings, Light::Well),
        now,
    };
    page.view("home.html", words)
}

fn of(readings: &[Reading], light: Light) -> Vec<Value> {
    let row = |one: &Reading| {
        let (said, remedy) = (one.said.as_str(), one.remedy.as_str());
        context! { name => one.name, said, remedy }
    };
    readings.iter().filter(|one| one.light == light).map(row).collect()
}

fn kind_word(kind: i64) -> &'static str {
    AlertKind::from_code(kind).map_or("live", AlertKind::word)
}

fn urgency(code: i64) -> Value {
    let urgency = Urgency::from_code(code).unwrap_or(Urgency::Notice);
    context! { word => urgency.word(), title => urgency.chinese() }
}

fn live_row(row: &LiveNow) -> Value {
    let colour = row.colour.as_deref().and_then(Colour::parse);
    let colour = colour.map(|colour| context! { word => colour.word(), title => colour.chinese() });
    context! {
        uid => row.uid.as_str(),
        title => row.title.as_str(),
        issuer => row.issuer.as_str(),
        kind => kind_word(row.kind),
        urgency => urgency(row.urgency),
        colour,
        ended => row.state == State::Ended.code(),
        version => row.version,
        changed_at => row.changed_at,
        act_by => row.act_by,
        expires_at => row.expires_at,
        pursued => row.pursued,
        closed => row.closed,
        open => row.pursued - row.closed,
        help => row.help,
    }
}

/// What a paper asks of whoever looks.
async fn papers(page: &Signed, unsigned: Vec<Unsigned>) -> Result<Vec<Value>, PageFault> {
    let mut rows = Vec::new();
    for paper in &unsigned {
        let mine = paper.author_id == page.actor.account_id;
        let asks = match State::from_code(paper.state) {
            Some(State::Submitted) if !mine && may(page, Action::ApproveAlert, paper).await? => {
                "sign"
            }
            Some(State::Submitted) if mine => "waits",
            Some(State::Returned) if mine => "returned",
            Some(State::Draft) if mine => "draft",
            Some(State::Live | State::Ended | State::Withdrawn)
                if paper.approver_id != Some(page.actor.account_id)
                    && may(page, Action::CountersignAlert, paper).await? =>
            {
                "countersign"
            }
            Some(
                State::Submitted
                | State::Returned
                | State::Draft
                | State::Live
                | State::Ended
                | State::Withdrawn
                | State::Discarded,
            )
            | None => continue,
        };
        rows.push(context! {
            asks,
            uid => paper.uid.as_str(),
            title => paper.title.as_str(),
            author => paper.author.as_str(),
            reason => paper.reason.as_deref().unwrap_or(""),
            kind => kind_word(paper.kind),
            urgency => urgency(paper.urgency),
            version => paper.version,
            since => paper.since,
            due => paper.countersign_due,
        });
    }
    Ok(rows)
}

async fn may(page: &Signed, action: Action, paper: &Unsigned) -> Result<bool, PageFault> {
    let areas = order::areas(&page.engine().store, paper.id, paper.version).await?;
    let places: Vec<i64> =
        areas.into_iter().filter(|(_, excluded)| *excluded == 0).map(|(place, _)| place).collect();
    Ok(page.engine().check_access(&page.actor, action, &places).await.is_ok())
}

fn desk_row(row: &DeskWaits) -> Value {
    let kind = super::desk::kind_word(row.kind);
    let class = match row.class {
        1 => "甲类：救命",
        2 => "乙类：要人转移",
        _ => "丙类：物资、咨询",
    };
    context! { kind, class, grave => row.class == 1, taken => row.state == 1,
    tasks => row.tasks, since => row.since, late => row.late }
}

//! A board as a document: the same figures for the page and for programs, cut to whoever looks.
//! Where he may not see people there are no names in it at all. How it is drawn is `drawing`'s.

mod drawing;
mod parts;

use serde_json::{Value, json};

use crate::domain::alert::{Colour, State, Urgency};
use crate::domain::board::{Row, Sums, Tree};
use crate::domain::gate::AlertKind;
use crate::engine::board::Look;
use crate::engine::readiness::{Light, Reading};

pub(super) use drawing::drawings;
pub(super) use parts::lists;

/// What stands for a provider or a part of the installation on a board.
const LIGHTS: [&str; 5] = ["短信通道", "语音通道", "派发", "队列", "时钟"];

/// What was asked for under a place that is not his to see, or nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSuchPlace;

/// The node of a code, where he may look at it; an empty code is none.
pub(super) fn node(look: &Look, code: &str) -> Result<Option<usize>, NoSuchPlace> {
    if code.is_empty() {
        return Ok(None);
    }
    let tree = &look.quick.tree;
    let node = tree.node_by_code(code).filter(|node| tree.is_below(*node, &look.tops));
    node.map(Some).ok_or(NoSuchPlace)
}

/// The whole board with the rows open on the way to a node.
pub(super) fn document(look: &Look, opened: Option<usize>, readings: &[Reading]) -> Value {
    let (tree, total) = (&look.quick.tree, look.total());
    let rows: Vec<Value> =
        tree.rows(&look.tops, opened).iter().map(|row| row_value(tree, row)).collect();
    json!({
        "alert": head(look),
        "at": look.quick.at,
        "total": sums(&total),
        "hands": hands(&total),
        "node": opened.map(|node| tree.place(node).code.as_str()),
        "path": opened.map_or_else(Vec::new, |node| path(look, node)),
        "rows": rows,
        "persons": parts::persons(look),
        "evidence": parts::evidence(look),
        "lists": lists(look, parts::SHOWN),
        "silent": parts::silent(look),
        "helps": parts::helps(look),
        "lights": lights(look, readings),
    })
}

fn head(look: &Look) -> Value {
    let alert = &look.alert;
    let colour = alert.colour.as_deref().and_then(Colour::parse);
    let urgency = Urgency::from_code(look.urgency).unwrap_or(Urgency::Notice);
    let state = State::from_code(alert.state).unwrap_or(State::Ended);
    json!({
        "id": alert.uid,
        "title": alert.title,
        "issuer": alert.issuer,
        "kind": AlertKind::from_code(alert.kind).map_or("live", AlertKind::word),
        "urgency": {"word": urgency.word(), "title": urgency.chinese()},
        "colour": colour.map(|one| json!({"word": one.word(), "title": one.chinese()})),
        "state": state.word(),
        "version": alert.version,
        "live_at": alert.live_at,
        "ended_at": alert.ended_at,
        "act_by": look.act_by,
        "expires_at": look.expires_at,
    })
}

/// The figures of one place.
fn sums(sums: &Sums) -> Value {
    json!({
        "audience": sums.audience,
        "pursued": sums.pursued,
        "answered": sums.closed,
        "open": sums.open(),
        "heard": sums.heard,
        "help": sums.help,
        "refused": sums.refused,
        "must": sums.must,
        "must_open": sums.must_open,
        "step": sums.step(),
    })
}

/// In whose hands the open ones are; the line is the promise of the whole program.
fn hands(sums: &Sums) -> Value {
    let persons = sums.desk + sums.list + sums.sheet;
    let line = format!(
        "应跟进 {} = 已落实 {} + 在人手上 {persons} + 系统跟进 {}，无主 {}",
        sums.pursued, sums.closed, sums.run, sums.orphan
    );
    json!({"desk": sums.desk, "list": sums.list, "sheet": sums.sheet, "system": sums.run,
        "orphans": sums.orphan, "persons": persons, "balances": sums.balances(), "line": line})
}

fn row_value(tree: &Tree, row: &Row) -> Value {
    let place = row.node.map(|node| tree.place(node));
    let mut value = sums(&row.sums);
    value["level"] = json!(row.level);
    value["opened"] = json!(row.opened);
    value["places"] = json!(row.places);
    value["place"] = json!(place.map(|place| place.code.as_str()));
    value["name"] = json!(place.map(|place| place.name.as_str()));
    // To close a row is to open the one above.
    let above = row.node.and_then(|node| tree.path(node).get(1).copied());
    value["above"] = json!(above.map(|node| tree.place(node).code.as_str()));
    value
}

/// The places from the highest that he may see down to a node.
fn path(look: &Look, node: usize) -> Vec<Value> {
    let tree = &look.quick.tree;
    let mut path = tree.path(node);
    path.retain(|here| tree.is_below(*here, &look.tops));
    path.reverse();
    let value = |node: &usize| {
        let place = tree.place(*node);
        json!({"place": place.code, "name": place.name})
    };
    path.iter().map(value).collect()
}

fn lights(look: &Look, readings: &[Reading]) -> Vec<Value> {
    let known = readings.iter().filter(|one| LIGHTS.contains(&one.name));
    let mut lights: Vec<Value> = known
        .map(|one| {
            json!({"name": one.name, "light": one.light.word(), "title": one.light.chinese(),
                "said": one.said})
        })
        .collect();
    for (provider, all, accepted) in &look.slow.providers {
        // Of ten attempts one may fail; where most do, another way is needed now.
        let light = match (accepted * 10, all * 10) {
            (taken, tried) if taken * 10 >= tried * 9 => Light::Well,
            (taken, tried) if taken * 2 >= tried => Light::Look,
            _ => Light::Act,
        };
        let said = format!("近10分钟 {all} 次，接受 {accepted} 次");
        lights.push(json!({"name": provider, "light": light.word(), "title": light.chinese(),
            "said": said}));
    }
    lights
}

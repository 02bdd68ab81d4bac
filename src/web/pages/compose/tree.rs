//! The tree of places in a form without script: what is chosen, what is open level by level, what a
//! search found. It judges no right.

use std::collections::BTreeMap;

use super::typed::Typed;
use crate::base::limits::TREE_ROWS;
use crate::engine::Engine;
use crate::render::pages::{Value, context};
use crate::store::StoreFault;
use crate::store::places::{self, PlaceRow};

/// Everything the form needs to show of places.
pub(super) async fn shown(engine: &Engine, typed: &Typed) -> Result<Value, StoreFault> {
    let store = &engine.store;
    let codes: Vec<String> = typed.places.iter().chain(&typed.exclude).cloned().collect();
    let chosen = places::by_codes(store, &codes).await?;
    let found = match typed.find.is_empty() {
        true => Vec::new(),
        false => places::find(store, &typed.find).await?,
    };
    let ids: Vec<i64> = chosen.iter().chain(&found).map(|row| row.id).collect();
    let mut above: BTreeMap<i64, Vec<(String, String)>> = BTreeMap::new();
    for (place, code, name) in places::above(store, &ids).await? {
        above.entry(place).or_default().push((code, name));
    }
    let row = |row: &PlaceRow| {
        let line = above.get(&row.id).map_or(&[][..], Vec::as_slice);
        let path: Vec<&str> = line.iter().skip(1).map(|(_, name)| name.as_str()).collect();
        let inside = line.iter().any(|(code, _)| typed.places.contains(code));
        place(typed, row, inside, path.join(" › "))
    };
    // A code that the roster does not have stays in the form, so that it can be seen and left out.
    let known: Vec<&str> = chosen.iter().map(|row| row.code.as_str()).collect();
    let strange = |codes: &[String]| -> Vec<String> {
        codes.iter().filter(|code| !known.contains(&code.as_str())).cloned().collect()
    };
    let known_zones = places::zones(store).await?;
    let is_zone = |code: &&String| known_zones.iter().any(|zone| zone.code == **code);
    let strange_zones: Vec<String> =
        typed.zones.iter().filter(|code| !is_zone(code)).cloned().collect();
    let zones: Vec<Value> = known_zones
        .into_iter()
        .map(|zone| {
            let checked = typed.zones.contains(&zone.code);
            context! { checked, hazard => hazard_word(&zone.hazard), code => zone.code,
            name => zone.name, households => zone.households }
        })
        .collect();
    let (rows, cut) = tree(engine, typed).await?;
    Ok(context! {
        chosen => chosen.iter().map(row).collect::<Vec<_>>(),
        found => found.iter().map(row).collect::<Vec<_>>(),
        strange_places => strange(&typed.places),
        strange_exclude => strange(&typed.exclude),
        rows,
        cut,
        strange_zones,
        zones,
    })
}

/// The way to the open place and what stands right below it: a small page, however large the town.
/// Beside the rows: whether there are more than are shown.
async fn tree(engine: &Engine, typed: &Typed) -> Result<(Vec<Value>, bool), StoreFault> {
    let chain = places::chain(&engine.store, &typed.open).await?;
    let Some(open) = chain.last() else {
        return Ok((Vec::new(), false));
    };
    let mut rows = Vec::new();
    let mut inside = false;
    for place in &chain {
        rows.push(branch(typed, place, inside, place.id == open.id));
        inside |= typed.places.contains(&place.code);
    }
    let below = places::children(&engine.store, open.id).await?;
    rows.extend(below.iter().map(|place| branch(typed, place, inside, false)));
    Ok((rows, i64::try_from(below.len()).is_ok_and(|shown| shown == TREE_ROWS)))
}

fn branch(typed: &Typed, row: &PlaceRow, inside: bool, open: bool) -> Value {
    context! { open, ..place(typed, row, inside, String::new()) }
}

fn place(typed: &Typed, row: &PlaceRow, inside: bool, path: String) -> Value {
    context! {
        code => row.code.as_str(),
        name => row.name.as_str(),
        kind => kind_word(&row.kind),
        depth => row.depth,
        opens => row.opens == 1,
        chosen => typed.places.contains(&row.code),
        excluded => typed.exclude.contains(&row.code),
        inside,
        path,
    }
}

fn kind_word(kind: &str) -> &'static str {
    match kind {
        "county" => "市县",
        "town" => "乡镇街道",
        "village" => "村社区",
        "grid" => "网格",
        "building" => "楼幢",
        "stairwell" => "单元",
        _ => "地点",
    }
}

/// A hazard as officials say it; a word of their own stays theirs.
pub(in crate::web::pages) fn hazard_word(hazard: &str) -> String {
    match hazard {
        "flood" => "洪水内涝".into(),
        "typhoon" => "台风".into(),
        "" => "不指定".into(),
        other => other.to_owned(),
    }
}

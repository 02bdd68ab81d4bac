//! The parts of a board beside its tree: persons called, evidence, lists, silent areas, helps. Each
//! is cut to what fits; its counts are those of everything.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::board::is_silent;
use crate::domain::list::{ListState, SEARCH};
use crate::domain::roster::full_name;
use crate::domain::standing::grade;
use crate::engine::board::{GRADES, Look};
use crate::store::board::{HelpRow, ListRow};

/// Rows of a part on the page.
pub(super) const SHOWN: usize = 8;

/// Evidence, the strongest first.
const EVIDENCE: [(i64, &str); GRADES] = [
    (grade::SIGNED_IN, "避灾点签到"),
    (grade::SEEN, "当面见到"),
    (grade::ANSWERED, "本人应答"),
    (grade::PLAYED, "语音听完"),
    (grade::HANDSET_RECEIPT, "手机已收到"),
    (grade::CARRIER_RECEIPT, "运营商已收"),
    (grade::HANDED_OVER, "已交网关"),
    (grade::NONE, "还没有证据"),
];

/// A place with the one above it, as people say it.
fn place_name(look: &Look, place: i64) -> String {
    let tree = &look.quick.tree;
    let Some(node) = tree.node(place) else { return "本辖区外".into() };
    let here = tree.place(node);
    let above = tree.path(node).get(1).map(|node| tree.place(*node));
    match above.filter(|_| matches!(here.kind.as_str(), "grid" | "building" | "stairwell")) {
        Some(above) => full_name(&above.name, &here.name),
        None => here.name.clone(),
    }
}

/// 叫应: responsible persons called and not woken.
pub(super) fn persons(look: &Look) -> Value {
    let seen = || look.quick.summonses.iter().filter(|one| look.sees(one.place_id));
    let asleep = || seen().filter(|one| one.woken_at.is_none());
    let named: Vec<Value> = asleep()
        .filter(|one| look.sees_people(one.place_id))
        .take(SHOWN)
        .map(|one| {
            json!({"person": one.human, "place": place_name(look, one.place_id), "calls": one.n,
                "called_at": one.called_at, "reported": one.reported_at.is_some()})
        })
        .collect();
    json!({"called": seen().count(), "unwoken": asleep().count(), "named": named})
}

/// Pursued households by their best evidence.
pub(super) fn evidence(look: &Look) -> Value {
    let mut by_grade = [0_i64; GRADES];
    for (grid, grades) in &look.slow.evidence {
        if look.sees(*grid) {
            by_grade.iter_mut().zip(grades).for_each(|(sum, homes)| *sum += homes);
        }
    }
    let rows: Vec<Value> = EVIDENCE
        .iter()
        .filter_map(|(grade, title)| {
            let homes = by_grade[usize::try_from(*grade).unwrap_or(0)];
            (homes > 0).then(|| json!({"grade": grade, "title": title, "households": homes}))
        })
        .collect();
    json!({"at": look.slow.at, "rows": rows})
}

/// How pressing a list is: what nobody has first, then who is too slow or silent.
fn rank(look: &Look, list: &ListRow) -> i64 {
    match ListState::from_code(list.state) {
        Some(ListState::Declined) => 0,
        Some(ListState::Offered) => 1,
        Some(ListState::PassedOn) => 2,
        Some(_) | None => match look.pace(list) {
            Some((_, true)) => 3,
            Some((_, false)) | None => 4,
        },
    }
}

/// One list a place: that of its holder, else the last one offered.
fn one_a_place(look: &Look) -> Vec<&ListRow> {
    let mut places: BTreeMap<(i64, bool), &ListRow> = BTreeMap::new();
    let weight = |list: &ListRow| match ListState::from_code(list.state) {
        Some(ListState::Taken) => (3, list.offered_at),
        Some(ListState::PassedOn) if list.answered_at.is_some() => (2, list.offered_at),
        Some(ListState::Offered | ListState::PassedOn) => (1, list.offered_at),
        Some(_) | None => (0, list.offered_at),
    };
    for list in look.quick.lists.iter().filter(|list| look.sees(list.place_id)) {
        let slot = places.entry((list.place_id, list.rung == SEARCH)).or_insert(list);
        if weight(list) > weight(slot) {
            *slot = list;
        }
    }
    let open = |list: &&ListRow| open_doors(look, list) > 0;
    places.into_values().filter(open).collect()
}

fn open_doors(look: &Look, list: &ListRow) -> i64 {
    let tree = &look.quick.tree;
    tree.node(list.place_id).map_or(0, |node| tree.sums(node).open())
}

/// Lists with open doors: who has them, at what pace, and which nobody took.
pub(in crate::web) fn lists(look: &Look, most: usize) -> Value {
    let mut lists = one_a_place(look);
    let count = |of: &dyn Fn(&&&ListRow) -> bool| lists.iter().filter(of).count();
    let untaken = |list: &&&ListRow| rank(look, list) <= 1;
    let (all, taken) = (lists.len(), count(&|list| list.state == ListState::Taken.code()));
    let no_one = count(&untaken);
    let unopened = count(&|list| untaken(list) && list.shown_at.is_none());
    let late = count(&|list| rank(look, list) == 3);
    lists.sort_by_key(|list| (rank(look, list), list.offered_at, list.id));
    let rows: Vec<Value> = lists.iter().take(most).map(|list| list_row(look, list)).collect();
    json!({"all": all, "taken": taken, "untaken": no_one, "unopened": unopened, "late": late,
        "rows": rows})
}

fn list_row(look: &Look, list: &ListRow) -> Value {
    let pace = look.pace(list).filter(|_| list.state == ListState::Taken.code());
    let (open, done) = look.slow.pace.get(&list.id).copied().unwrap_or_default();
    let people = look.sees_people(list.place_id);
    let state = match ListState::from_code(list.state) {
        Some(ListState::Offered) => "offered",
        Some(ListState::Taken) => "taken",
        Some(ListState::Declined) => "declined",
        Some(ListState::PassedOn) => "silent",
        Some(_) | None => "done",
    };
    json!({
        "list": people.then_some(list.uid.as_str()),
        "place": place_name(look, list.place_id),
        "holder": people.then_some(list.human.as_str()),
        "state": state,
        "search": list.rung == SEARCH,
        "open": open_doors(look, list),
        "offered_at": list.offered_at,
        "taken_at": list.answered_at,
        "acted_at": list.acted_at,
        "opened": list.shown_at.is_some(),
        "left": pace.map(|_| open),
        "done": pace.map(|_| done),
        "ends_at": pace.and_then(|(ends_at, _)| ends_at),
        "late": pace.is_some_and(|(_, late)| late),
    })
}

/// 疑似失联片区: grids told long ago from which no word has come.
pub(super) fn silent(look: &Look) -> Value {
    let tree = &look.quick.tree;
    let mut grids: Vec<(usize, i64)> = look
        .slow
        .handed
        .iter()
        .filter(|(grid, _)| look.sees(**grid))
        .filter_map(|(grid, handed_at)| Some((tree.node(*grid)?, *handed_at)))
        .filter(|(node, handed_at)| is_silent(tree.sums(*node), *handed_at, look.quick.at))
        .map(|(node, handed_at)| (node, handed_at.unwrap_or_default()))
        .collect();
    grids.sort_by_key(|(node, _)| (std::cmp::Reverse(tree.sums(*node).audience), *node));
    let row = |(node, handed_at): &(usize, i64)| {
        json!({"place": place_name(look, tree.place(*node).id),
            "households": tree.sums(*node).audience, "told_at": handed_at})
    };
    json!({"all": grids.len(), "rows": grids.iter().take(SHOWN).map(row).collect::<Vec<_>>()})
}

/// One card of the desk: an incident's homes, or one task.
struct Card<'a> {
    first: &'a HelpRow,
    homes: usize,
    class: i64,
    taken: bool,
    late: bool,
    opened_at: i64,
}

/// The cards that an official sees, the most urgent first, of these what is nobody's or overdue and
/// the oldest; and how many homes helpers have promised to go to, in time still.
fn cards<'a>(look: &'a Look, sees: &dyn Fn(i64) -> bool) -> (Vec<Card<'a>>, usize) {
    let mut cards: BTreeMap<i64, Card<'a>> = BTreeMap::new();
    let mut promised = 0;
    for one in look.quick.helps.iter().filter(|one| sees(one.building_id)) {
        let taken = one.state == 1;
        let late = taken && one.deadline_at.is_some_and(|at| at < look.quick.at);
        if one.promise == 1 && taken && !late {
            promised += 1;
            continue;
        }
        let card = cards.entry(one.card).or_insert(Card {
            first: one,
            homes: 0,
            class: one.class,
            taken,
            late,
            opened_at: one.opened_at,
        });
        card.homes += 1;
        card.class = card.class.min(one.class);
        card.taken &= taken;
        card.late |= late;
        card.opened_at = card.opened_at.min(one.opened_at);
    }
    let mut cards: Vec<Card<'_>> = cards.into_values().collect();
    let held = |card: &Card<'_>| match card.taken && !card.late {
        true => 2,
        false => card.first.promise,
    };
    cards.sort_by_key(|card| (card.class, held(card), card.opened_at, card.first.card));
    (cards, promised)
}

/// What waits at the desk.
pub(super) fn helps(look: &Look) -> Value {
    let tree = &look.quick.tree;
    // What belongs to no building is the root's.
    let root = look.tops.iter().any(|top| tree.place(*top).parent_id == 0);
    let sees = |building: i64| if building == 0 { root } else { look.sees(building) };
    let (cards, promised) = cards(look, &sees);
    let count = |of: &dyn Fn(&&Card<'_>) -> bool| cards.iter().filter(of).count();
    let row = |card: &Card<'_>| {
        let one = card.first;
        let people = one.building_id == 0 || look.sees_people(one.building_id);
        let place = match one.building_id {
            0 => "不知道是哪一户".to_owned(),
            building if people => place_name(look, building),
            building => grid_name(look, building),
        };
        let owner = one.owner.as_deref().filter(|_| people && card.taken);
        json!({"kind": one.kind, "class": card.class, "place": place, "owner": owner,
            "homes": card.homes, "promise": one.promise == 1, "taken": card.taken,
            "opened_at": card.opened_at, "late": card.late, "desk": people})
    };
    let rows: Vec<Value> = cards.iter().take(SHOWN).map(row).collect();
    json!({"all": cards.len(), "grave": count(&|c| c.class == 1),
        "untaken": count(&|c| !c.taken), "late": count(&|c| c.late), "promised": promised,
        "rows": rows})
}

/// Where somebody who may not see people sees a help: its grid.
fn grid_name(look: &Look, building: i64) -> String {
    let tree = &look.quick.tree;
    let path = tree.node(building).map(|node| tree.path(node)).unwrap_or_default();
    let grid = path.iter().find(|node| tree.place(**node).kind == "grid");
    grid.map_or_else(|| "本辖区".into(), |node| place_name(look, tree.place(*node).id))
}

//! `/l/{token}`: a leader's lists as one round of doors, for a phone in the rain. A look takes
//! nothing; every tap is a form with the page's nonce, and leads back to the page. What a tap does
//! is `engine::doorstep`'s.

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, Method};
use serde::Deserialize;

use super::bearer::{find, may_repeat, page_key, preview, tap};
use super::fields::Fields;
use super::{PageFault, PageResult, Posted, Visitor};
use crate::domain::alert::State;
use crate::domain::demand::Demand;
use crate::domain::doorstep::Seen;
use crate::domain::lane::Lane;
use crate::domain::link::Kind;
use crate::domain::list::{ListState, SEARCH};
use crate::domain::outcome::ReceiptClass;
use crate::domain::statement::Claim;
use crate::engine::doorstep::{Act, Acted};
use crate::engine::round::{Door, Part, Round, Tried, Turn};
use crate::render::pages::{Value, context};
use crate::render::time::{say_clock, say_time};
use crate::store::view::ListView;

/// Persons of a household that are offered one by one in the choice of who went.
const PERSONS_OFFERED: i64 = 12;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// The place in the order behind which the page begins.
    after: Option<String>,
    part: Option<String>,
    /// What was just done.
    did: Option<String>,
    /// Where it was done.
    at: Option<String>,
    /// Past the page for robots.
    open: Option<String>,
}

pub(super) async fn show(
    page: Visitor,
    method: Method,
    headers: HeaderMap,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
) -> PageResult {
    let path = format!("/l/{token}");
    if let Some(robot) = preview(&page, &headers, &path).filter(|_| asked.open.is_none()) {
        return robot;
    }
    let link = match find(&page, Kind::Leader, &token).await? {
        Ok(link) => link,
        Err(gone) => return Ok(gone),
    };
    let part = if asked.part.as_deref() == Some("told") { Part::Told } else { Part::Open };
    let round = page.engine().round(&link, part, asked.after.as_deref()).await?;
    let round = round.ok_or(PageFault::NotFound)?;
    if method == Method::GET {
        page.engine().note_shown(&link).await?;
    }
    let now = page.now_ms();
    let words = context! {
        path => format!("/l/{}", link.token),
        nonce => page.engine().page_nonce(&link),
        key => page_key(&page),
        told_part => part == Part::Told,
        after => asked.after.as_deref().unwrap_or(""),
        did => did_words(asked.did.as_deref(), asked.at.as_deref(), &round),
        ..round_words(&round, now)
    };
    page.about(round.kind).view("round.html", words)
}

pub(super) async fn act(
    page: Visitor,
    Path(token): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    let link = match find(&page, Kind::Leader, &token).await? {
        Ok(link) => link,
        Err(gone) => return Ok(gone),
    };
    if !page.engine().is_page_nonce(&link, form.secret("nonce")) {
        return Err(PageFault::Forged);
    }
    let act = read_act(&form)?;
    let (tap, engine) = (tap(&form), page.engine());
    let mut turn = 0;
    let acted = loop {
        match engine.act_on_round(&link, tap, act).await {
            Err(fault) if may_repeat(&fault, turn).await => turn += 1,
            acted => break acted?,
        }
    };
    let did = match acted {
        Acted::Done => form.maybe("do").unwrap_or("done"),
        Acted::Closed => "closed",
        Acted::Again => "again",
        Acted::Elsewhere => "elsewhere",
        Acted::Unfit => "unfit",
    };
    page.go(&back(&link.token, &form, did))
}

/// Back to where the thumb was: the same part of the list, at the next door.
fn back(token: &str, form: &Fields, did: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, known) in [("after", "after"), ("part", "part"), ("at", "door")] {
        if let Some(value) = form.maybe(known) {
            query.append_pair(name, value);
        }
    }
    let query = query.append_pair("did", did).finish();
    let anchor: String = form.maybe("next").unwrap_or_default().chars().take(64).collect();
    let anchor = form_urlencoded::byte_serialize(anchor.as_bytes()).collect::<String>();
    let at = if anchor.is_empty() { String::new() } else { format!("#d-{anchor}") };
    format!("/l/{token}?{query}{at}")
}

fn read_act(form: &Fields) -> Result<Act<'_>, PageFault> {
    let (list, what) = (form.maybe("list"), form.text("do")?);
    let door = || form.text("door");
    Ok(match what {
        "take" => Act::Take { list },
        "pass" => Act::Pass { list },
        "awake" => Act::Awake,
        "called" => Act::Called { door: door()? },
        "undo" => Act::Undo { statement: form.text("statement")? },
        word => {
            let unknown = || PageFault::Form("页面上没有这个按钮。".into());
            let seen = Seen::from_word(word).ok_or_else(unknown)?;
            // The choice of how many belongs to going; beside the other answers it says nothing.
            let persons = match seen.claim() {
                Claim::Evacuated | Claim::Upstairs => form.number("persons")?,
                _ => None,
            };
            Act::Saw { door: door()?, seen, persons }
        }
    })
}

/// What the page says of the tap that led to it; words of ours only.
fn did_words(did: Option<&str>, at: Option<&str>, round: &Round) -> Option<String> {
    let did = did?;
    let doors = round.doors.iter().chain(&round.done);
    let name = at.and_then(|at| doors.into_iter().find(|door| door.row.code == at));
    let name = name.map_or(String::new(), |door| format!("{}：", door.row.name));
    Some(match did {
        "take" => "由您接手了，谢谢，注意安全。".into(),
        "pass" => "转交了，您不用去了，注意安全。".into(),
        "awake" => "收到，您醒着。".into(),
        "undo" => format!("{name}刚才那一下收回了。"),
        "closed" => format!("{name}已记下，办好了。"),
        "again" => "已经记过了。".into(),
        "elsewhere" => "已由别人接手，您不用去了，谢谢。".into(),
        "unfit" => "没有记：这一户不在您的名单上，或不用这样答。".into(),
        word => match Seen::from_word(word) {
            Some(Seen::Help(_)) => format!("{name}求救已报值班室，马上有人联系。危急拨119。"),
            Some(seen) => {
                let said = crate::domain::doorstep::say(seen.claim(), seen.detail());
                format!("{name}已记下“{said}”，这一户还没落实。")
            }
            None => return None,
        },
    })
}

fn round_words(round: &Round, now: i64) -> Value {
    let lists: Vec<Value> = round.lists.iter().map(list_words).collect();
    let offered: Vec<&ListView> = round.lists_in(ListState::Offered).collect();
    let held: Vec<&ListView> = round.lists.iter().filter(|list| is_held(list)).collect();
    let mine: Vec<&ListView> = offered.iter().chain(&held).copied().collect();
    let codes: Vec<&str> = round.doors.iter().map(|door| door.row.code.as_str()).collect();
    let doors: Vec<Value> = round
        .doors
        .iter()
        .enumerate()
        .map(|(n, door)| door_words(door, codes.get(n + 1).copied().unwrap_or(""), now))
        .collect();
    let done: Vec<Value> = round.done.iter().map(|door| door_words(door, "", now)).collect();
    let hands: Vec<Value> = round
        .hands
        .iter()
        .map(|hand| {
            let since = hand.answered_at.map(say_clock);
            let last = hand.acted_at.filter(|at| Some(*at) != hand.answered_at).map(say_clock);
            let (place, who) = (hand.place.clone(), hand.human.clone());
            context! { place, who, doors => hand.doors, since, last }
        })
        .collect();
    let by = round.act_by.filter(|at| *at > now).map(|at| say_time(at, now));
    let late = round.act_by.filter(|at| *at <= now).map(|at| say_time(at, now));
    let elsewhere: Vec<Value> =
        round.elsewhere.iter().map(|(title, path)| context! { title, path }).collect();
    context! {
        who => round.who.clone(),
        title => round.title.clone(),
        issuer => round.issuer.clone(),
        shelter => round.shelter.clone(),
        state => state_word(round.state),
        where_ => places(&mine),
        by, late, lists, doors, done, hands, elsewhere,
        offered => offered.len(),
        held => held.len(),
        asleep => round.asleep && round.state == State::Live,
        searches => round.searches,
        sums => context! {
            doors => round.sums.doors, fragile => round.sums.fragile, helps => round.sums.helps,
            silent => round.sums.silent, unsent => round.sums.unsent,
            no_phone => round.sums.no_phone,
        },
        told => round.told,
        closed => round.closed,
        next => round.next.clone(),
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Live => "live",
        State::Withdrawn => "withdrawn",
        State::Draft | State::Submitted | State::Returned | State::Ended | State::Discarded => {
            "ended"
        }
    }
}

fn is_held(list: &ListView) -> bool {
    [ListState::Taken.code(), ListState::PassedOn.code()].contains(&list.state)
}

fn place_of(list: &ListView) -> &str {
    if list.rung == SEARCH { "清点名单" } else { &list.place }
}

fn places(lists: &[&ListView]) -> String {
    match lists {
        [] => String::new(),
        [one] => place_of(one).into(),
        [first, ..] => format!("{}等{}处", place_of(first), lists.len()),
    }
}

fn list_words(list: &ListView) -> Value {
    let state = match ListState::from_code(list.state) {
        Some(ListState::Offered) => "offered",
        Some(ListState::Taken | ListState::PassedOn) => "held",
        Some(ListState::Declined) => "declined",
        Some(ListState::Done) => "elsewhere",
        Some(ListState::Finished) => "finished",
        Some(ListState::Withdrawn) | None => "withdrawn",
    };
    let since = list.answered_at.map(say_clock);
    context! { uid => list.uid.clone(), place => place_of(list), doors => list.doors, state, since }
}

fn turn_word(turn: Turn) -> &'static str {
    match turn {
        Turn::Help => "help",
        Turn::Fresh => "fresh",
        Turn::Again => "again",
    }
}

fn door_words(door: &Door, next: &str, now: i64) -> Value {
    let row = &door.row;
    let demand = Demand::from_code(row.demand).unwrap_or(Demand::Evacuation);
    let said: Vec<Value> = door
        .said
        .iter()
        .rev()
        .map(|one| {
            let at = say_clock(one.at);
            context! { at, who => one.who.clone(), what => one.what, persons => one.persons,
            undo => one.undo.clone() }
        })
        .collect();
    let dials: Vec<Value> = door
        .dials
        .iter()
        .map(|dial| context! { number => dial.number.clone(), relative => dial.relative.clone() })
        .collect();
    let gear: Vec<&str> = door.gear.iter().map(|gear| gear.word()).collect();
    let partly: Vec<i64> =
        if row.persons <= PERSONS_OFFERED { (1..row.persons).collect() } else { Vec::new() };
    context! {
        code => row.code.clone(),
        next,
        turn => turn_word(door.turn),
        at => address(door),
        name => row.name.clone(),
        persons => row.persons,
        partly,
        fragile => row.vulnerable == 1,
        helps => row.helps,
        pursued => row.pursued == 1,
        moves => demand.must_move(),
        upstairs => demand == Demand::Upstairs,
        safety => demand == Demand::Safety,
        closed => row.closed_at.map(say_clock),
        gear => gear.join("、"),
        tried => tried_words(door, now),
        said,
        dials,
    }
}

fn address(door: &Door) -> String {
    let row = &door.row;
    let stairwell = row.stairwell.as_deref().unwrap_or("");
    format!("{}{stairwell}{}", row.building, row.door)
}

/// What was tried, in one line: every lane with its last message.
fn tried_words(door: &Door, now: i64) -> String {
    let mut parts: Vec<String> = Vec::new();
    for lane in [Lane::Sms, Lane::Voice, Lane::Wechat] {
        let sent: Vec<&Tried> = door.tried.iter().filter(|one| one.lane == lane).collect();
        let Some(last) = sent.last() else { continue };
        let times =
            if sent.len() > 1 { format!("{}次，最后", sent.len()) } else { String::new() };
        let how = last.receipt.map_or("", receipt_word);
        parts.push(format!("{}{times}{}{how}", lane_word(lane), say_clock(last.at)));
    }
    let row = &door.row;
    let answer = match (row.heard_at, row.verify == 1) {
        (Some(at), true) => format!("{}报过已走，要核实", say_clock(at.min(now))),
        (Some(at), false) => format!("{}应答过", say_clock(at.min(now))),
        (None, _) if row.reach == 2 && door.dials.is_empty() => "无电话".into(),
        (None, _) if row.reach == 2 => "发不了短信，只能打电话".into(),
        (None, _) if parts.is_empty() => "还没发出".into(),
        (None, _) => "未应答".into(),
    };
    parts.push(answer);
    parts.join("；")
}

fn lane_word(lane: Lane) -> &'static str {
    match lane {
        Lane::Sms => "短信",
        Lane::Voice => "电话",
        Lane::Wechat => "微信",
    }
}

fn receipt_word(class: ReceiptClass) -> &'static str {
    match class {
        ReceiptClass::Delivered => "已送达",
        ReceiptClass::Accepted => "已发出",
        ReceiptClass::PhoneOff | ReceiptClass::OutOfArea | ReceiptClass::Expired => "关机或没信号",
        ReceiptClass::AbsentNumber => "空号",
        ReceiptClass::Suspended => "停机",
        ReceiptClass::Barred | ReceiptClass::Blacklist => "对方收不到",
        ReceiptClass::MemoryFull
        | ReceiptClass::ContentBlocked
        | ReceiptClass::Throttled
        | ReceiptClass::Route
        | ReceiptClass::CarrierInternal
        | ReceiptClass::Unknown => "没送到",
    }
}

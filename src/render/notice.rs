//! The short texts the engine itself writes: to leaders and superiors (叫应, lists), and back to
//! residents who answered. Their occasions are the plan's and the fold's business.

mod shapes;

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::fault::RenderFault;
use super::time::{say_clock, say_time};
use super::wording::check_wording;
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::domain::wording::FULL_NAME_UNITS;

pub use shapes::{HelpClass, HomeAt, OpenDoors, PersonAt, PlaceDoors, WhyWithdrawn};

/// What stands around every notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeHead<'a> {
    /// The office's short name without brackets: 余姚市防指.
    pub signature: &'a str,
    /// An exercise and a rehearsal say so in every text.
    pub kind: AlertKind,
    /// What stands before a list's token: https://…/l/. Empty: the token alone.
    pub list_url: &'a str,
    /// When it is written, ms UTC: times are said relative to it.
    pub now_ms: i64,
}

/// One notice. Instants are ms UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum NoticeText<'a> {
    /// 叫应, the `n`th (from 1), for all his places: 1 = awake, takes no list; 0 = cannot. `doors`
    /// are pursued.
    Summons {
        alert_title: &'a str,
        places: &'a [PlaceDoors<'a>],
        n: u32,
        doors: u32,
        token: Option<&'a str>,
    },
    /// A list is offered to one person who holds `held` doors already.
    Offer {
        place: &'a str,
        doors: OpenDoors,
        act_by_ms: Option<i64>,
        token: Option<&'a str>,
        held: Option<u32>,
    },
    /// Several places of one person at once; `doors` are the sums of all of them, the first three
    /// are named. `added`: those of them that he had not been told of, where he had of others.
    OfferMerged {
        places: &'a [PlaceDoors<'a>],
        doors: OpenDoors,
        act_by_ms: Option<i64>,
        token: Option<&'a str>,
        added: Option<&'a str>,
        held: Option<u32>,
    },
    /// All doors of a list were closed; `held`: he had taken it.
    ListFinished {
        place: &'a str,
        held: bool,
    },
    /// To the superior of a holder who won't end in time: a part of his doors, in these buildings.
    /// `slow` such holders at once; the first is named. `ends_ms` none: never, at his pace.
    Split {
        slow: u32,
        who: &'a str,
        place: &'a str,
        doors: u32,
        ends_ms: Option<i64>,
        act_by_ms: Option<i64>,
        parts: &'a [PlaceDoors<'a>],
        part_doors: u32,
        token: Option<&'a str>,
    },
    /// To the superior: who did not wake, and `more` not named (beyond five they are counted).
    Unwoken {
        people: &'a [PersonAt<'a>],
        more: u32,
    },
    /// To the duty room until it takes the list.
    DutyRoomReminder {
        place: &'a str,
        doors: u32,
        waited_min: u32,
        act_by_ms: Option<i64>,
        token: Option<&'a str>,
        call_up: bool,
    },
    /// To the duty room: helps that nobody at the desk has taken.
    DeskWaits {
        helps: u32,
        waited_min: u32,
    },
    /// 清点名单, to its owner until somebody takes it.
    Search {
        alert_title: &'a str,
        doors: u32,
        persons: u32,
        waited_min: u32,
        token: Option<&'a str>,
    },
    /// To the duty room before an alert expires; unanswered it goes on by `extend_hours`.
    Expiring {
        alert_title: &'a str,
        left_min: u32,
        doors: u32,
        extend_hours: u32,
    },
    /// A cry for help has arrived; nobody has taken it yet.
    HelpReceived {
        class: HelpClass,
    },
    /// Somebody took it: only now a name.
    HelpTaken {
        who: &'a str,
    },
    /// An answer has arrived.
    Thanks,
    /// The first 3 of a home with several persons is asked back, once.
    AskBackPersons {
        registered: u32,
        demand: Demand,
    },
    /// `again`: he held it already and goes on.
    ListTaken {
        place: &'a str,
        doors: u32,
        again: bool,
        token: Option<&'a str>,
    },
    ListDeclined {
        place: &'a str,
    },
    /// Told to the former holder, or to who was offered it: another took the list.
    ListPassed {
        place: &'a str,
        who: &'a str,
    },
    /// Told to who holds the whole: another took this part of it.
    ListShared {
        place: &'a str,
        doors: u32,
        who: &'a str,
    },
    /// Told to who holds the whole: this part of it is his again.
    ListReturned {
        place: &'a str,
        doors: u32,
        who: &'a str,
    },
    /// Told to who holds or was offered a list that nobody needs to walk any more.
    ListWithdrawn {
        place: &'a str,
        alert_title: &'a str,
        why: WhyWithdrawn,
    },
    /// A summons was answered; it took no list.
    WokenThanks,
    /// A leader's digit that meant his own home.
    HomeAnswered {
        digit: u8,
    },
    /// To a helper, with the first wave: his homes, of which the first three are named.
    Helper {
        alert_title: &'a str,
        homes: &'a [HomeAt<'a>],
        count: u32,
        by: Option<&'a str>,
        shelter: Option<&'a str>,
    },
    /// To a helper who had the order's text: it was wrong (`wrong`, `right`: the correction's
    /// words), leaves these of his homes out, or is over. `other`: another order that still asks
    /// him to go.
    HelperOver {
        alert_title: &'a str,
        why: WhyWithdrawn,
        homes: &'a [HomeAt<'a>],
        count: u32,
        wrong: Option<&'a str>,
        right: Option<&'a str>,
        other: Option<&'a str>,
    },
    /// To whoever was woken and had nothing in hand: the order was wrong (`wrong`, `right`: the
    /// correction's words), or is over. `other`: another order in force that woke him.
    SummonsOver {
        alert_title: &'a str,
        why: WhyWithdrawn,
        wrong: Option<&'a str>,
        right: Option<&'a str>,
        other: Option<&'a str>,
    },
    /// The helper goes; or, once he `spoke` to so many, what is left for him.
    HelperTaken {
        homes: u32,
        spoke: u32,
    },
    /// The helper can't go.
    HelperDeclined,
    /// To the duty room: nobody countersigned by the end of the shift, `hours` ago.
    CountersignDue {
        alert_title: &'a str,
        hours: u32,
    },
    /// The code by which somebody binds his home on WeChat.
    BindCode {
        code: &'a str,
    },
    /// It is bound.
    Bound,
    /// Something real has gone out: the exercise is over.
    ExerciseStopped {
        alert_title: &'a str,
    },
    /// 返回通知, by zone.
    ReturnNotice {
        place: &'a str,
    },
    /// 范围更正: had the old text, belongs no longer.
    RangeCorrection {
        alert_title: &'a str,
        sent_ms: i64,
    },
    /// Who holds a list and has been silent: 1 = goes on, 0 = hands over.
    HolderCheck {
        silent_min: u32,
    },
}

/// So many places of a merged text are named.
const NAMED_PLACES: usize = 3;
/// So many sleepers are named.
const NAMED_PEOPLE: usize = 5;
const MAX_PLACES: usize = 40;
const MAX_PEOPLE: usize = 1_000;
/// The title of an order, as notices say it.
pub const MAX_TITLE_UNITS: usize = 50;
const TOKEN_UNITS: usize = 32;

impl NoticeText<'_> {
    pub(super) fn template(&self) -> &'static str {
        match self {
            NoticeText::Summons { .. } => "notices/summons",
            NoticeText::Offer { .. } => "notices/offer",
            NoticeText::OfferMerged { .. } => "notices/offer_merged",
            NoticeText::Unwoken { .. } => "notices/unwoken",
            NoticeText::DutyRoomReminder { .. } => "notices/duty_room_reminder",
            NoticeText::Expiring { .. } => "notices/expiring",
            NoticeText::HelpReceived { .. } => "notices/help_received",
            NoticeText::HelpTaken { .. } => "notices/help_taken",
            NoticeText::Thanks => "notices/thanks",
            NoticeText::AskBackPersons { .. } => "notices/ask_back_persons",
            NoticeText::ListTaken { .. } => "notices/list_taken",
            NoticeText::ListDeclined { .. } => "notices/list_declined",
            NoticeText::ListPassed { .. } => "notices/list_passed",
            NoticeText::ListShared { .. } => "notices/list_shared",
            NoticeText::ListReturned { .. } => "notices/list_returned",
            NoticeText::ListWithdrawn { .. } => "notices/list_withdrawn",
            NoticeText::ListFinished { .. } => "notices/list_finished",
            NoticeText::Split { .. } => "notices/split",
            NoticeText::DeskWaits { .. } => "notices/desk_waits",
            NoticeText::Search { .. } => "notices/search",
            NoticeText::WokenThanks => "notices/woken_thanks",
            NoticeText::HomeAnswered { .. } => "notices/home_answered",
            NoticeText::Helper { .. } => "notices/helper",
            NoticeText::HelperOver { .. } => "notices/helper_over",
            NoticeText::SummonsOver { .. } => "notices/summons_over",
            NoticeText::HelperTaken { .. } => "notices/helper_taken",
            NoticeText::HelperDeclined => "notices/helper_declined",
            NoticeText::CountersignDue { .. } => "notices/countersign_due",
            NoticeText::ExerciseStopped { .. } => "notices/exercise_stopped",
            NoticeText::BindCode { .. } => "notices/bind_code",
            NoticeText::Bound => "notices/bound",
            NoticeText::ReturnNotice { .. } => "notices/return_notice",
            NoticeText::RangeCorrection { .. } => "notices/range_correction",
            NoticeText::HolderCheck { .. } => "notices/holder_check",
        }
    }

    pub(super) fn check(&self) -> Result<(), RenderFault> {
        match *self {
            NoticeText::Summons { alert_title, places, token, .. } => {
                check_token(token)?;
                check_title(alert_title)?;
                check_places(places, 1)
            }
            NoticeText::Offer { place, token, .. }
            | NoticeText::DutyRoomReminder { place, token, .. }
            | NoticeText::ListTaken { place, token, .. } => {
                check_token(token).and(check_place(place))
            }
            NoticeText::OfferMerged { places, token, added, .. } => {
                check_token(token)?;
                added.map_or(Ok(()), check_place)?;
                check_places(places, 2)
            }
            NoticeText::Split { who, place, parts, token, .. } => {
                check_token(token)?;
                check_who(who)?;
                check_place(place)?;
                check_places(parts, 1)
            }
            NoticeText::Unwoken { people, .. } => {
                check_count("people", people.len(), 1, MAX_PEOPLE)?;
                people.iter().try_for_each(|one| check_at(one.name, one.place))
            }
            NoticeText::ListWithdrawn { place, alert_title, .. } => {
                check_title(alert_title).and(check_place(place))
            }
            NoticeText::ListPassed { place, who }
            | NoticeText::ListShared { place, who, .. }
            | NoticeText::ListReturned { place, who, .. } => check_who(who).and(check_place(place)),
            NoticeText::Search { alert_title, token, .. } => {
                check_token(token).and(check_title(alert_title))
            }
            NoticeText::Expiring { alert_title, .. }
            | NoticeText::RangeCorrection { alert_title, .. }
            | NoticeText::CountersignDue { alert_title, .. }
            | NoticeText::ExerciseStopped { alert_title } => check_title(alert_title),
            NoticeText::Helper { alert_title, homes, .. } => {
                check_title(alert_title).and(check_homes(homes, 1))
            }
            NoticeText::HelperOver { alert_title, why, homes, other, .. } => {
                check_titles(alert_title, other)?;
                check_homes(homes, usize::from(why == WhyWithdrawn::Left))
            }
            NoticeText::SummonsOver { alert_title, other, .. } => check_titles(alert_title, other),
            NoticeText::HelpTaken { who } => check_who(who),
            NoticeText::ListDeclined { place }
            | NoticeText::ListFinished { place, .. }
            | NoticeText::ReturnNotice { place } => check_place(place),
            NoticeText::HelpReceived { .. }
            | NoticeText::BindCode { .. }
            | NoticeText::Bound
            | NoticeText::HelperTaken { .. }
            | NoticeText::HelperDeclined
            | NoticeText::Thanks
            | NoticeText::AskBackPersons { .. }
            | NoticeText::WokenThanks
            | NoticeText::HomeAnswered { .. }
            | NoticeText::DeskWaits { .. }
            | NoticeText::HolderCheck { .. } => Ok(()),
        }
    }

    /// The words of the template: the fields by their own names, times as they are said.
    pub(super) fn context(&self, now_ms: i64) -> Value {
        let fields = by_fields(self);
        let stamp = say_clock(now_ms);
        match *self {
            NoticeText::DutyRoomReminder { act_by_ms, .. } => {
                with_deadline(fields, act_by_ms, now_ms)
            }
            NoticeText::Offer { doors, act_by_ms, .. } => {
                with_deadline(context! { ..by_fields(&doors), ..fields }, act_by_ms, now_ms)
            }
            NoticeText::OfferMerged { places, doors, act_by_ms, .. } => {
                let fields = context! { ..by_fields(&doors), ..named(places), ..fields };
                with_deadline(fields, act_by_ms, now_ms)
            }
            NoticeText::Summons { places, .. } => context! { ..named(places), ..fields },
            NoticeText::Split { parts, ends_ms, act_by_ms, .. } => {
                let ends = ends_ms.map(|at_ms| say_time(at_ms, now_ms));
                let fields = with_deadline(fields, act_by_ms, now_ms);
                context! { ..context! { ends }, ..named(parts), ..fields }
            }
            NoticeText::Unwoken { people, more } => {
                let count = people.len() as u64 + u64::from(more);
                let people: Vec<Value> = people.iter().take(NAMED_PEOPLE).map(by_fields).collect();
                let more = count - people.len() as u64;
                context! { people, count, more }
            }
            NoticeText::RangeCorrection { sent_ms, .. } => {
                context! { stamp, sent => say_time(sent_ms, now_ms), ..fields }
            }
            NoticeText::Helper { homes, count, .. }
            | NoticeText::HelperOver { homes, count, .. } => {
                let more = count as usize > homes.len();
                context! { more, ..fields }
            }
            NoticeText::CountersignDue { .. }
            | NoticeText::ExerciseStopped { .. }
            | NoticeText::BindCode { .. }
            | NoticeText::SummonsOver { .. }
            | NoticeText::HelperTaken { .. } => fields,
            NoticeText::HelperDeclined | NoticeText::Bound => context! {},
            NoticeText::ReturnNotice { .. } => {
                context! { stamp, ..fields }
            }
            NoticeText::Expiring { .. }
            | NoticeText::Search { .. }
            | NoticeText::DeskWaits { .. }
            | NoticeText::HelpReceived { .. }
            | NoticeText::HelpTaken { .. }
            | NoticeText::AskBackPersons { .. }
            | NoticeText::ListTaken { .. }
            | NoticeText::ListDeclined { .. }
            | NoticeText::ListPassed { .. }
            | NoticeText::ListShared { .. }
            | NoticeText::ListReturned { .. }
            | NoticeText::ListWithdrawn { .. }
            | NoticeText::ListFinished { .. }
            | NoticeText::HomeAnswered { .. }
            | NoticeText::HolderCheck { .. } => fields,
            NoticeText::Thanks | NoticeText::WokenThanks => context! {},
        }
    }
}

fn by_fields(shape: &impl Serialize) -> Value {
    Value::from(Serde(shape))
}

/// The first few places by name, and how many there are.
fn named(places: &[PlaceDoors<'_>]) -> Value {
    let (count, more) = (places.len(), places.len() > NAMED_PLACES);
    let places: Vec<Value> = places.iter().take(NAMED_PLACES).map(by_fields).collect();
    context! { places, count, more }
}

/// A deadline still to come, or the one that has passed: a leader is never told a time gone by.
fn with_deadline(fields: Value, act_by_ms: Option<i64>, now_ms: i64) -> Value {
    let said = |at_ms: i64| say_time(at_ms, now_ms);
    let by = act_by_ms.filter(|at_ms| *at_ms > now_ms).map(said);
    let late = act_by_ms.filter(|at_ms| *at_ms <= now_ms).map(said);
    context! { by, late, ..fields }
}

fn check_titles(title: &str, other: Option<&str>) -> Result<(), RenderFault> {
    check_title(title)?;
    other.map_or(Ok(()), check_title)
}

fn check_title(title: &str) -> Result<(), RenderFault> {
    check_wording("alert_title", title, MAX_TITLE_UNITS)
}

fn check_place(place: &str) -> Result<(), RenderFault> {
    check_wording("place", place, FULL_NAME_UNITS)
}

fn check_places(places: &[PlaceDoors<'_>], least: usize) -> Result<(), RenderFault> {
    check_count("places", places.len(), least, MAX_PLACES)?;
    places.iter().try_for_each(|one| check_place(one.place))
}

fn check_homes(homes: &[HomeAt<'_>], least: usize) -> Result<(), RenderFault> {
    check_count("homes", homes.len(), least, NAMED_PLACES)?;
    homes.iter().try_for_each(|one| check_at(one.name, one.place))
}

/// A person and where he is.
fn check_at(who: &str, place: &str) -> Result<(), RenderFault> {
    check_who(who)?;
    check_place(place)
}

fn check_who(who: &str) -> Result<(), RenderFault> {
    check_wording("who", who, FULL_NAME_UNITS)
}

fn check_token(token: Option<&str>) -> Result<(), RenderFault> {
    token.map_or(Ok(()), |token| check_wording("token", token, TOKEN_UNITS))
}

fn check_count(
    field: &'static str,
    given: usize,
    least: usize,
    most: usize,
) -> Result<(), RenderFault> {
    let fits = (least..=most).contains(&given);
    if fits { Ok(()) } else { Err(RenderFault::Count { field, given, least, most }) }
}

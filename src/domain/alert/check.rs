//! What is wrong with a version before it may be submitted, all at once and by name.
//!
//! Looks at facts the caller has counted. The texts are checked by rendering them; what that
//! finds joins the list as [`Defect::Text`].

use super::deadline::ClockSaid;
use super::{Colour, DAY_MS, Demand, HOUR_MS, Origin, Urgency};
use crate::base::instant;

/// No version stays in force longer than this; an order is renewed by a person, not by default.
pub const MAX_VALID_MS: i64 = 7 * DAY_MS;
/// How far an issuer's clock may be ahead of ours.
pub const ISSUED_AHEAD_MS: i64 = HOUR_MS / 12;

/// What one ring is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingAsked {
    /// 1 must move, 2 needs a person, 3 to be told.
    pub ring: i64,
    pub demand: Demand,
    pub pursued: bool,
}

/// The numbers an exercise may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roll {
    pub numbers: i64,
    /// Of these, not yet confirmed by a second person.
    pub unconfirmed: i64,
}

/// What the text itself says, in its author's words; empty where it says nothing of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    /// By when people must be out.
    pub by: &'a str,
    /// Of a forwarded warning.
    pub colour: &'a str,
    pub title: &'a str,
}

/// A version as it would be submitted, with what the caller counted for it.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    pub origin: Origin,
    pub title: &'a str,
    pub issuer: &'a str,
    pub number: Option<&'a str>,
    /// As it stands in the warning, word for word.
    pub colour: Option<&'a str>,
    pub issued_at: i64,
    pub urgency: Urgency,
    pub act_by: Option<i64>,
    pub expires_at: i64,
    pub told: Told<'a>,
    /// Whether anybody lives in the areas, exclusions taken off.
    pub audience: bool,
    /// The text itself tells people to move, whatever the rings are asked.
    pub moves: bool,
    /// Households of the audience by ring; may be empty where every ring is asked something.
    pub homes: &'a [(i64, i64)],
    pub rings: &'a [RingAsked],
    /// Messages of this kind of alert can leave: a gateway for SMS is set up in its realm.
    pub gateway: bool,
    /// The root has a duty room with a reachable phone.
    pub duty_room: bool,
    /// Set for exercises only.
    pub roll: Option<Roll>,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    #[error("nobody lives in the chosen places and zones: choose others or fewer exclusions")]
    EmptyAudience,
    #[error("no ring is asked anything: choose what each ring must do")]
    NoRings,
    #[error("the ring {0} is unknown or stands there twice")]
    BadRing(i64),
    #[error("the time to be out by (act_by) has passed: choose a later one or none")]
    ActByPast,
    #[error("the alert would have expired already: choose a later expiry")]
    ExpiryPast,
    #[error("the alert would expire before people must be out: let it expire after act_by")]
    ExpiryBeforeActBy,
    #[error("the alert would be valid for more than 7 days: choose an earlier expiry")]
    ExpiryTooLate,
    #[error("提示 pursues nobody: raise the urgency to 紧急 or ask every ring only to be informed")]
    PursuitNeedsUrgent,
    #[error("ring {0} is pursued without being asked anything: choose a demand")]
    PursuedWithoutDemand(i64),
    #[error(
        "ring {0} of this order to move is asked nothing, and {1} households of its places are in \
         it: give the ring a demand in `rings`, leave `rings` out altogether, or exclude the places"
    )]
    RingLeftOut(i64, i64),
    #[error(
        "ring 1 of an order to move must leave: give it a demand and pursued 1, or leave `rings` \
         out altogether; to tell only, choose a text that orders nobody to move"
    )]
    MoveNotPursued,
    #[error("a title is missing")]
    NoTitle,
    #[error("an issuer is missing: every text names who speaks")]
    NoIssuer,
    #[error("a forwarded warning needs the number its issuer gave it")]
    NoNumber,
    #[error("an own order has no colour: colours belong to the office that issues the warning")]
    OwnWithColour,
    #[error("the colour {0:?} is not one of 蓝色, 黄色, 橙色, 红色")]
    UnknownColour(String),
    #[error(
        "the warning's colour is {head} and its text says {text}: copy the issuer's colour into \
         both, `colour` and the variable; a warning of another colour is an alert of its own"
    )]
    ColourDiffers { head: &'static str, text: &'static str },
    #[error(
        "the text says {said} and the order's act_by is {}: write the same time in both",
        instant::words(*act_by)
    )]
    ByDiffers { said: String, act_by: i64 },
    #[error("the time of issue lies in the future")]
    IssuedInFuture,
    #[error("no duty room at the root has a reachable phone: nobody would hear the last alarm")]
    NoDutyRoom,
    #[error(
        "no SMS gateway is set up for this kind of alert, nobody would get a message: add a \
         [[provider]] block for it (live and exercise: realm \"live\", rehearsal: \"practice\") \
         and restart"
    )]
    NoGateway,
    #[error("an exercise needs a roll of the numbers it may reach")]
    EmptyRoll,
    #[error("{0} numbers of the exercise's roll are not confirmed by a second person")]
    UnconfirmedRoll(i64),
    /// From `render`: an unknown variable, a missing template, a text too long.
    #[error("{0}")]
    Text(String),
}

impl Defect {
    /// The stable word for machines.
    pub fn word(&self) -> &'static str {
        match self {
            Defect::EmptyAudience => "empty-audience",
            Defect::NoRings => "no-rings",
            Defect::BadRing(_) => "bad-ring",
            Defect::ActByPast => "act-by-past",
            Defect::ExpiryPast => "expiry-past",
            Defect::ExpiryBeforeActBy => "expiry-before-act-by",
            Defect::ExpiryTooLate => "expiry-too-late",
            Defect::PursuitNeedsUrgent => "pursuit-needs-urgent",
            Defect::PursuedWithoutDemand(_) => "pursued-without-demand",
            Defect::RingLeftOut(..) => "ring-left-out",
            Defect::MoveNotPursued => "move-not-pursued",
            Defect::NoTitle => "no-title",
            Defect::NoIssuer => "no-issuer",
            Defect::NoNumber => "no-number",
            Defect::OwnWithColour => "own-with-colour",
            Defect::UnknownColour(_) => "unknown-colour",
            Defect::ColourDiffers { .. } => "colour-differs",
            Defect::ByDiffers { .. } => "by-differs",
            Defect::IssuedInFuture => "issued-in-future",
            Defect::NoDutyRoom => "no-duty-room",
            Defect::NoGateway => "no-gateway",
            Defect::EmptyRoll => "empty-roll",
            Defect::UnconfirmedRoll(_) => "unconfirmed-roll",
            Defect::Text(_) => "text",
        }
    }

    /// An emergency bypass may go live in spite of it. All others stop the bypass too.
    pub fn yields_to_bypass(&self) -> bool {
        matches!(self, Defect::NoDutyRoom | Defect::NoGateway)
    }
}

/// Everything wrong with the version at this moment; empty where it may be submitted.
pub fn check(version: &Submission, now: i64) -> Vec<Defect> {
    let mut defects = Vec::new();
    if !version.audience {
        defects.push(Defect::EmptyAudience);
    }
    check_words(version, now, &mut defects);
    check_times(version, now, &mut defects);
    check_rings(version, &mut defects);
    if !version.duty_room {
        defects.push(Defect::NoDutyRoom);
    }
    if !version.gateway {
        defects.push(Defect::NoGateway);
    }
    match version.roll {
        Some(roll) if roll.numbers <= 0 => defects.push(Defect::EmptyRoll),
        Some(roll) if roll.unconfirmed > 0 => {
            defects.push(Defect::UnconfirmedRoll(roll.unconfirmed));
        }
        Some(_) | None => {}
    }
    defects
}

fn check_words(version: &Submission, now: i64, defects: &mut Vec<Defect>) {
    let missing = |text: &str| text.trim().is_empty();
    if missing(version.title) {
        defects.push(Defect::NoTitle);
    }
    if missing(version.issuer) {
        defects.push(Defect::NoIssuer);
    }
    match version.origin {
        Origin::Forwarded => {
            if version.number.is_none_or(missing) {
                defects.push(Defect::NoNumber);
            }
            if let Some(word) = version.colour.filter(|word| Colour::parse(word).is_none()) {
                defects.push(Defect::UnknownColour(word.into()));
            }
            check_colours(version, defects);
        }
        Origin::Own => {
            if version.colour.is_some() || !version.told.colour.is_empty() {
                defects.push(Defect::OwnWithColour);
            }
        }
    }
    if version.issued_at > now.saturating_add(ISSUED_AHEAD_MS) {
        defects.push(Defect::IssuedInFuture);
    }
}

/// The colour of a warning is the same in its head and in the text that people get.
fn check_colours(version: &Submission, defects: &mut Vec<Defect>) {
    let head = version.colour.and_then(Colour::parse);
    let in_title = |colour: &Colour| version.told.title.contains(colour.chinese());
    let text = match Colour::parse(version.told.colour) {
        None => Colour::ALL.into_iter().rev().find(in_title),
        said => said,
    };
    // A correction, say, has neither; and what can't be read is a defect of its own.
    let silent = version.told.title.is_empty() && text.is_none();
    if head != text && !silent && (head.is_some() || version.colour.is_none()) {
        let word = |colour: Option<Colour>| colour.map_or("无", Colour::chinese);
        defects.push(Defect::ColourDiffers { head: word(head), text: word(text) });
    }
}

fn check_times(version: &Submission, now: i64, defects: &mut Vec<Defect>) {
    if version.act_by.is_some_and(|act_by| act_by <= now) {
        defects.push(Defect::ActByPast);
    }
    if version.expires_at <= now {
        defects.push(Defect::ExpiryPast);
    } else if version.expires_at > now.saturating_add(MAX_VALID_MS) {
        defects.push(Defect::ExpiryTooLate);
    }
    if let (Some(act_by), Some(said)) = (version.act_by, ClockSaid::read(version.told.by))
        && !said.fits(act_by)
    {
        defects.push(Defect::ByDiffers { said: version.told.by.into(), act_by });
    }
    if version.act_by.is_some_and(|act_by| version.expires_at < act_by) {
        defects.push(Defect::ExpiryBeforeActBy);
    }
}

fn check_rings(version: &Submission, defects: &mut Vec<Defect>) {
    if version.rings.is_empty() {
        defects.push(Defect::NoRings);
    }
    for (i, asked) in version.rings.iter().enumerate() {
        let twice = version.rings[..i].iter().any(|earlier| earlier.ring == asked.ring);
        if twice || !(1..=3).contains(&asked.ring) {
            defects.push(Defect::BadRing(asked.ring));
        }
        if asked.pursued && asked.demand == Demand::Inform {
            defects.push(Defect::PursuedWithoutDemand(asked.ring));
        }
    }
    let pursues = |asked: &RingAsked| asked.pursued || asked.demand != Demand::Inform;
    if version.urgency == Urgency::Notice && version.rings.iter().any(pursues) {
        defects.push(Defect::PursuitNeedsUrgent);
    }
    if version.moves || version.rings.iter().any(|asked| asked.demand.must_move()) {
        check_move(version, defects);
    }
}

/// An order to move leaves out nobody who lives in its places, and goes after ring 1.
fn check_move(version: &Submission, defects: &mut Vec<Defect>) {
    for (ring, homes) in version.homes {
        if *homes > 0 && !version.rings.iter().any(|asked| asked.ring == *ring) {
            defects.push(Defect::RingLeftOut(*ring, *homes));
        }
    }
    let idle =
        |asked: &RingAsked| asked.ring == 1 && (!asked.pursued || asked.demand == Demand::Inform);
    if version.rings.iter().any(idle) {
        defects.push(Defect::MoveNotPursued);
    }
}

#[cfg(test)]
mod tests;

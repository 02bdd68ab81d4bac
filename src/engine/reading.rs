//! A reply before it has any effect: cleaned, its number read, grouped, and the words of `domain`
//! for what it may answer. Writes nothing.

use std::collections::HashSet;

use super::binding;
use crate::base::limits::GROUP_ROWS;
use crate::base::phone::Phone;
use crate::base::sms;
use crate::channel::Inbound;
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::domain::lane::Lane;
use crate::domain::matching::{Candidate, Target};
use crate::domain::reply::{Label, Menu, Reading};
use crate::domain::statement::Claim;
use crate::domain::triage::Triage;
use crate::store::answer::{CandidateRow, Owner};

/// A reply of a group, with what its number stands for.
pub(super) struct Read<'a> {
    pub reply: &'a Inbound,
    pub key: String,
    pub text: String,
    pub from: Option<Sender>,
}

impl Read<'_> {
    /// The way it came.
    pub fn lane(&self) -> Lane {
        match self.from {
            Some(Sender::Follower(_)) => Lane::Wechat,
            Some(Sender::Phone(_)) | None => Lane::Sms,
        }
    }
}

/// Who writes: by a number, or on WeChat.
pub(super) enum Sender {
    Phone(Phone),
    Follower(String),
}

impl Sender {
    fn read(from: &str) -> Option<Sender> {
        if binding::is_follower(from) {
            return Some(Sender::Follower(from.to_owned()));
        }
        Phone::parse(from).ok().map(Sender::Phone)
    }

    /// His address, as it is sealed and hashed.
    pub fn address(&self) -> &str {
        match self {
            Sender::Phone(phone) => phone.e164(),
            Sender::Follower(address) => address,
        }
    }

    /// What lists show of it.
    pub fn shown(&self) -> &str {
        match self {
            Sender::Phone(phone) => phone.last4(),
            Sender::Follower(_) => "微信",
        }
    }
}

/// The key of a statement made by a reply. No comma: closings list such keys.
pub(super) fn statement_key(reply: &str, target: &Target, claim: Claim) -> String {
    let reply = reply.replace(',', "_");
    format!("{reply}#{}.{}.{}", target.alert_id, target.household_id, claim.code())
}

/// None: a person has to read it.
pub(super) fn claims_of(reading: &Reading) -> Option<Vec<Claim>> {
    match reading.label {
        Label::NeedHelp => Some(vec![Claim::Help(reading.triage.unwrap_or(Triage::B))]),
        Label::Evacuated => Some(vec![Claim::LeftAll]),
        Label::Safe => Some(vec![Claim::SafeHome]),
        Label::Ack => Some(vec![Claim::Heard]),
        Label::OptOut | Label::WrongNumber => Some(Vec::new()),
        Label::Unclear => None,
    }
}

pub(super) fn read_one<'a>(provider: &str, reply: &'a Inbound) -> Read<'a> {
    Read {
        reply,
        key: format!("{provider}:{}", sms::clean(&reply.source_key)),
        text: sms::clean(&reply.text),
        from: Sender::read(&reply.from),
    }
}

pub(super) fn candidate(row: &CandidateRow, owner: &Owner) -> Candidate {
    Candidate {
        alert_id: row.alert_id,
        household_id: row.household_id,
        version: row.version,
        demand: row.demand,
        pursued: row.pursued == 1,
        kind: AlertKind::from_code(row.kind).unwrap_or(AlertKind::Live),
        first_sent_at: row.first_sent_at,
        last_sent_at: row.last_sent_at,
        open: row.open == 1,
        shared_by: owner.shares,
        relative: owner.relative.is_some(),
    }
}

/// The digits offered to that number: those of the strongest demand it was sent.
pub(super) fn menu_of(candidates: &[(&CandidateRow, Candidate)]) -> Menu {
    let demand = candidates.iter().map(|c| c.1.demand).max().and_then(Demand::from_code);
    demand.map_or(Menu::none(), |d| {
        Menu::parse(match d {
            Demand::Inform => "12",
            Demand::Receipt | Demand::Safety | Demand::Upstairs | Demand::Evacuation => d.menu(),
        })
    })
}

/// Groups in which every number speaks once, in the order of arrival.
pub(super) fn unique_numbers(replies: &[Inbound]) -> Vec<Vec<&Inbound>> {
    let mut groups: Vec<Vec<&Inbound>> = Vec::new();
    let mut current: Vec<&Inbound> = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for reply in replies {
        if current.len() >= GROUP_ROWS || !seen.insert(reply.from.as_str()) {
            groups.push(std::mem::take(&mut current));
            seen.clear();
            seen.insert(reply.from.as_str());
        }
        current.push(reply);
    }
    if !current.is_empty() {
        groups.push(current);
    }
    groups
}

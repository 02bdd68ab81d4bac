//! The fold's state between two statements: who is counted as gone, away, safe, missing. It is
//! walked in order by `standing`, which alone decides that order; nothing here is public.

use std::collections::{BTreeMap, HashSet};

use super::{ASK_BACK_MIN_MS, Home, Standing, Whereabouts, grade};
use crate::domain::statement::{Claim, Giver, Statement};
use crate::domain::triage::Triage;

/// How much a giver's word on other people's whereabouts weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Closes.
    Firm,
    /// Closes where everyone is counted and nobody is vulnerable.
    Own,
    /// Closes nothing that must move.
    Hearsay,
    /// Says nothing about this household.
    Void,
}

impl Weight {
    pub(super) fn of(giver: Giver) -> Weight {
        match giver {
            Giver::AtTheDoor | Giver::Desk => Weight::Firm,
            Giver::Lives => Weight::Own,
            Giver::Helper | Giver::Relative => Weight::Hearsay,
            Giver::SharedNumber | Giver::System => Weight::Void,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Inform,
    Receipt,
    Safety,
    Upstairs,
    Evacuation,
}

impl Asked {
    /// An unknown demand is taken for the strictest: it leaves the door open.
    fn of(code: i64) -> Asked {
        match code {
            0 => Asked::Inform,
            1 => Asked::Receipt,
            2 => Asked::Safety,
            3 => Asked::Upstairs,
            _ => Asked::Evacuation,
        }
    }

    fn must_move(self) -> bool {
        self >= Asked::Upstairs
    }
}

/// The state of the fold between two statements. Counts are persons, at most `total`.
pub(super) struct Walk<'a> {
    home: &'a Home,
    asked: Asked,
    total: i64,
    heard_at: Option<i64>,
    told: bool,
    place: Whereabouts,
    refused: bool,
    helps: BTreeMap<String, Triage>,
    help_ends: HashSet<String>,
    gone_firm: i64,
    gone_own: i64,
    away_firm: i64,
    away_own: i64,
    safe: i64,
    missing: i64,
    /// Off the search list: found, safe elsewhere, reported missing.
    searched: [i64; 3],
    first_three_at: Option<i64>,
    hearsay: bool,
    eased: bool,
    grade: i64,
    closed_at: Option<i64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(home: &'a Home) -> Walk<'a> {
        Walk {
            home,
            asked: Asked::of(home.demand),
            total: home.persons.max(1),
            heard_at: None,
            told: false,
            place: Whereabouts::Unknown,
            refused: false,
            helps: BTreeMap::new(),
            help_ends: HashSet::new(),
            gone_firm: 0,
            gone_own: 0,
            away_firm: 0,
            away_own: 0,
            safe: 0,
            missing: 0,
            searched: [0; 3],
            first_three_at: None,
            hearsay: false,
            eased: false,
            grade: grade::NONE,
            closed_at: None,
        }
    }

    pub(super) fn take(&mut self, fact: &Statement) {
        self.end_helps(fact);
        if let Claim::Help(class) = fact.claim
            && !self.help_ends.contains(&fact.source_key)
        {
            self.helps.insert(fact.source_key.clone(), class);
        }
        let weight = Weight::of(fact.giver);
        if weight == Weight::Void {
            return;
        }
        self.note_hearing(fact);
        self.note_grade(fact);
        self.note_relative(fact);
        match fact.claim {
            Claim::Heard | Claim::Help(_) | Claim::HelpClosed | Claim::Retracted => {}
            Claim::LeftAll => self.gone(fact, weight, Whereabouts::Left),
            Claim::Evacuated => self.gone(fact, weight, Whereabouts::Evacuated),
            Claim::SignedIn => self.gone(fact, weight, Whereabouts::SignedIn),
            Claim::Upstairs if self.asked == Asked::Upstairs => {
                self.gone(fact, weight, Whereabouts::Upstairs);
            }
            Claim::Upstairs => self.at_home(fact, weight, Whereabouts::Upstairs),
            Claim::SafeHome | Claim::Seen => self.at_home(fact, weight, Whereabouts::Home),
            Claim::Away => self.away(fact, weight),
            Claim::Refused => {
                self.forget_leaving();
                self.refused = true;
                self.place = Whereabouts::Home;
            }
            Claim::Returned => {
                self.forget_leaving();
                self.away_firm = 0;
                self.away_own = 0;
                self.place = Whereabouts::Home;
            }
            Claim::NobodyHome => self.nobody_home(weight),
            Claim::Missing => {
                self.missing = self.count(fact.persons.or(Some(1))).max(1);
                self.searched = [0; 3];
            }
            Claim::Found => self.search(fact, weight, 0, Whereabouts::Home),
            Claim::SafeElsewhere => self.search(fact, weight, 1, Whereabouts::Away),
            Claim::ReportedMissing => self.search(fact, weight, 2, Whereabouts::Missing),
        }
        if self.asked.must_move() && (self.all_moved() || self.all_searched()) {
            self.refused = false;
        }
    }

    fn count(&self, persons: Option<i64>) -> i64 {
        persons.unwrap_or(self.total).clamp(0, self.total)
    }

    /// A closing names its helps, so it may be observed before them (a phone's clock is ahead).
    fn end_helps(&mut self, fact: &Statement) {
        let may = match fact.giver {
            Giver::AtTheDoor | Giver::Desk | Giver::Lives => true,
            Giver::Helper | Giver::Relative | Giver::SharedNumber | Giver::System => false,
        };
        if !may || fact.claim.is_help() || fact.claim == Claim::Retracted {
            return;
        }
        for key in &fact.closes {
            self.helps.remove(key);
            self.help_ends.insert(key.clone());
        }
    }

    fn note_hearing(&mut self, fact: &Statement) {
        let spoke = match fact.claim {
            Claim::NobodyHome | Claim::Missing | Claim::ReportedMissing | Claim::Retracted => false,
            Claim::Heard | Claim::Seen | Claim::Help(_) | Claim::Refused => {
                fact.giver != Giver::Relative
            }
            Claim::LeftAll
            | Claim::SafeHome
            | Claim::Upstairs
            | Claim::Away
            | Claim::HelpClosed
            | Claim::Evacuated
            | Claim::SignedIn
            | Claim::Found
            | Claim::SafeElsewhere
            | Claim::Returned => Weight::of(fact.giver) != Weight::Hearsay,
        };
        if !spoke {
            return;
        }
        self.heard_at.get_or_insert(fact.observed_at);
        // A cry for help or a refusal is heard, and yet must not be what closes a door.
        let answers = !fact.claim.is_help() && fact.claim != Claim::Refused;
        self.told |= answers && fact.version >= self.home.since_version;
    }

    fn note_grade(&mut self, fact: &Statement) {
        let grade = match (fact.giver, fact.claim) {
            (_, Claim::NobodyHome | Claim::Missing | Claim::Retracted) => grade::NONE,
            (Giver::AtTheDoor, Claim::SafeElsewhere | Claim::ReportedMissing) => grade::ANSWERED,
            (Giver::AtTheDoor | Giver::Desk, Claim::SignedIn) => grade::SIGNED_IN,
            (Giver::AtTheDoor, Claim::LeftAll | Claim::Away) => grade::ANSWERED,
            (Giver::AtTheDoor, _) => grade::SEEN,
            (Giver::Desk | Giver::Lives, _) => grade::ANSWERED,
            (Giver::Helper, Claim::Heard | Claim::Seen) => grade::ANSWERED,
            (Giver::Helper, _) => grade::NONE,
            (Giver::Relative, Claim::SafeHome) if self.relative_counts() => grade::ANSWERED,
            (Giver::Relative | Giver::SharedNumber | Giver::System, _) => grade::NONE,
        };
        self.grade = self.grade.max(grade);
    }

    fn note_relative(&mut self, fact: &Statement) {
        match fact.claim {
            Claim::Refused | Claim::Returned | Claim::Missing | Claim::ReportedMissing => {
                self.eased = false;
            }
            Claim::Help(_) | Claim::HelpClosed | Claim::NobodyHome | Claim::Retracted => {}
            Claim::Heard
            | Claim::LeftAll
            | Claim::SafeHome
            | Claim::Upstairs
            | Claim::Away
            | Claim::Seen
            | Claim::Evacuated
            | Claim::SignedIn
            | Claim::Found
            | Claim::SafeElsewhere => self.eased |= fact.giver == Giver::Relative,
        }
    }

    /// Knowing that they are safe needs no presence; but nobody vouches for who lives alone.
    fn relative_counts(&self) -> bool {
        self.asked == Asked::Safety && !self.home.lives_alone && !self.home.vulnerable
    }

    fn gone(&mut self, fact: &Statement, weight: Weight, place: Whereabouts) {
        let n = self.count(fact.persons);
        match weight {
            Weight::Firm if fact.claim == Claim::SignedIn => {
                self.gone_firm = self.gone_firm.max(n);
            }
            Weight::Firm => {
                self.gone_firm = n;
                if n < self.total {
                    self.gone_own = self.gone_own.min(n);
                    self.first_three_at = None;
                }
            }
            Weight::Own => self.gone_by_own_word(fact),
            Weight::Hearsay => {
                self.hearsay = true;
                if self.place != Whereabouts::Unknown {
                    return;
                }
            }
            Weight::Void => return,
        }
        self.find(fact, weight, n);
        if weight == Weight::Firm || self.gone_firm < self.total {
            self.place = place;
        }
    }

    /// A bare 3 where more than one lives there waits for the second; a number speaks for itself.
    fn gone_by_own_word(&mut self, fact: &Statement) {
        match (fact.persons, self.first_three_at) {
            (Some(n), _) if n < self.total => {
                self.gone_own = n.max(0);
                self.gone_firm = self.gone_firm.min(self.gone_own);
                self.first_three_at = None;
            }
            (Some(_), _) => self.gone_own = self.total,
            (None, _) if self.total == 1 || !self.asked.must_move() => self.gone_own = self.total,
            (None, None) => self.first_three_at = Some(fact.observed_at),
            (None, Some(first_at)) if fact.observed_at - first_at >= ASK_BACK_MIN_MS => {
                self.gone_own = self.total;
            }
            (None, Some(_)) => {}
        }
    }

    /// "I'm away" speaks for the speaker only; a leader's "away" for the household.
    fn away(&mut self, fact: &Statement, weight: Weight) {
        let n = match weight {
            Weight::Firm => {
                self.away_firm = self.count(fact.persons);
                self.away_firm
            }
            Weight::Own => {
                self.away_own = self.count(fact.persons.or(Some(1)));
                self.away_own
            }
            Weight::Hearsay => {
                self.hearsay = true;
                return;
            }
            Weight::Void => return,
        };
        self.find(fact, weight, n);
        if self.gone_firm.max(self.gone_own) < self.total {
            self.place = Whereabouts::Away;
        }
    }

    fn at_home(&mut self, fact: &Statement, weight: Weight, place: Whereabouts) {
        let relative = fact.giver == Giver::Relative && self.relative_counts();
        if weight == Weight::Void || (weight == Weight::Hearsay && !relative) {
            self.hearsay = true;
            return;
        }
        let n = self.count(fact.persons);
        self.forget_leaving();
        if fact.version >= self.home.since_version {
            self.safe = n;
        }
        self.find(fact, weight, n);
        self.place = place;
    }

    /// The end of a search counts only by a firm word, and each person once.
    fn search(&mut self, fact: &Statement, weight: Weight, end: usize, place: Whereabouts) {
        if weight != Weight::Firm {
            self.hearsay = true;
            return;
        }
        self.searched[end] = self.count(fact.persons);
        self.missing = 0;
        self.place = place;
    }

    fn all_searched(&self) -> bool {
        self.searched.iter().sum::<i64>() >= self.total
    }

    /// Who is at home has not left, whatever was said before.
    fn forget_leaving(&mut self) {
        self.gone_firm = 0;
        self.gone_own = 0;
        self.safe = 0;
        self.first_three_at = None;
        self.hearsay = false;
    }

    /// An empty house agrees with having left and contradicts being at home; it proves neither.
    fn nobody_home(&mut self, weight: Weight) {
        if weight == Weight::Firm {
            self.safe = 0;
        }
        if matches!(self.place, Whereabouts::Unknown | Whereabouts::Home) {
            self.place = Whereabouts::NobodyHome;
        }
    }

    /// The missing are found only by a full count that somebody made.
    fn find(&mut self, fact: &Statement, weight: Weight, n: i64) {
        let counted = weight == Weight::Firm || (weight == Weight::Own && fact.persons.is_some());
        if counted && n >= self.total {
            self.missing = 0;
        }
    }

    fn moved_firm(&self) -> i64 {
        self.gone_firm + self.away_firm
    }

    /// Two self-reports are never added up: who is away may have counted himself among the gone.
    fn moved(&self) -> i64 {
        if self.home.vulnerable { self.moved_firm() } else { self.moved_by_any_word() }
    }

    fn moved_by_any_word(&self) -> i64 {
        let with_own = self.gone_firm + self.away_firm.max(self.away_own);
        with_own.max(self.gone_own).max(self.away_own)
    }

    fn all_moved(&self) -> bool {
        self.moved() >= self.total
    }

    fn answered(&self) -> bool {
        if self.all_searched() {
            return true;
        }
        match self.asked {
            Asked::Inform => self.heard_at.is_some(),
            Asked::Receipt => self.told && self.missing == 0,
            Asked::Safety => {
                let gone = self.gone_firm.max(self.gone_own);
                let away = self.away_firm.max(self.away_own);
                self.safe + gone + away >= self.total && self.missing == 0
            }
            Asked::Upstairs | Asked::Evacuation => {
                self.all_moved() && !self.refused && self.missing == 0
            }
        }
    }

    pub(super) fn settle(&mut self, at: i64) {
        let closed = self.helps.is_empty() && self.grade >= grade::ANSWERED && self.answered();
        self.closed_at = match (closed, self.closed_at) {
            (true, Some(since)) => Some(since),
            (true, None) => Some(at),
            (false, _) => None,
        };
    }

    fn whereabouts(&self) -> Whereabouts {
        let some = self.moved_by_any_word();
        let waiting = self.first_three_at.is_some();
        match self.place {
            _ if self.missing > 0 => Whereabouts::Missing,
            Whereabouts::Away | Whereabouts::Home if self.all_searched() => self.place,
            Whereabouts::Left
            | Whereabouts::Upstairs
            | Whereabouts::Away
            | Whereabouts::Evacuated
            | Whereabouts::SignedIn
                if some > 0 && some < self.total && !waiting =>
            {
                Whereabouts::Partly
            }
            place => place,
        }
    }

    pub(super) fn standing(self) -> Standing {
        let closed = self.closed_at.is_some();
        let waiting = self.first_three_at.is_some() && self.gone_own < self.total;
        let own = self.gone_own + self.away_own;
        let own_word = own >= self.total
            || (self.home.vulnerable && (own > 0 || self.first_three_at.is_some()));
        let verify = match self.asked {
            Asked::Inform | Asked::Receipt => false,
            Asked::Safety => self.hearsay,
            Asked::Upstairs | Asked::Evacuation => self.hearsay || own_word,
        };
        Standing {
            heard_at: self.heard_at,
            whereabouts: self.whereabouts(),
            refused: self.refused,
            helps: self.helps.len() as i64,
            help_class: self.helps.values().copied().min(),
            verify: verify && !self.answered(),
            closed_at: self.closed_at,
            grade: self.grade,
            ask_back: waiting && !closed && !self.all_moved(),
            eased: self.eased && !closed,
            help_keys: self.helps.into_keys().collect(),
        }
    }
}

//! The first reading of a resident's reply: what it means under the menu that was sent, how sure
//! that is, and what else it carries (digit, persons, refusal, triage, a leader's letter).
//!
//! Help beats everything and is never lost; what is not clear goes to a person. It reads one text:
//! whose it is, which alert it answers and what it closes is decided elsewhere. Made of tables
//! (`words`) over folded text (`fold`); no dictionary, no model, no state.

mod digits;
mod fold;
mod pattern;
mod words;

pub use super::triage::Triage;
use fold::{Clause, Mood};
use pattern::Hit;
use words::{CONCERNS, CUE_TABLE, HINT_TABLE, Hint, MASK_TABLE, Meaning, TURNS};

/// What the dispatcher has to do with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// Danger, injury, no way to leave, somebody in need or out of reach.
    NeedHelp,
    /// Wants no more messages.
    OptOut,
    /// The phone does not belong to that household.
    WrongNumber,
    /// Has left for a safer place, or is on the way.
    Evacuated,
    /// Well where they are, or nobody there.
    Safe,
    /// Received or agreed; nothing on the state.
    Ack,
    /// All else: questions, refusals, offers, noise. A person reads it.
    Unclear,
}

impl Label {
    /// All labels, in the order of their weight.
    pub const ALL: [Label; 7] = [
        Label::NeedHelp,
        Label::OptOut,
        Label::WrongNumber,
        Label::Evacuated,
        Label::Safe,
        Label::Ack,
        Label::Unclear,
    ];

    /// The word used in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Label::NeedHelp => "need_help",
            Label::OptOut => "opt_out",
            Label::WrongNumber => "wrong_number",
            Label::Evacuated => "evacuated",
            Label::Safe => "safe",
            Label::Ack => "ack",
            Label::Unclear => "unclear",
        }
    }

    /// The label of a word, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.word() == word)
    }
}

/// The digits that were offered to the number that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Menu(u16);

impl Menu {
    /// No menu is known: only 1 has a meaning, the usual "reply 1 when received".
    pub const fn none() -> Self {
        Self(0)
    }

    /// Reads the digits of a text such as `123`; everything else in it is passed over.
    pub fn parse(digits: &str) -> Self {
        Self(digits.chars().filter_map(|c| c.to_digit(10)).fold(0, |set, digit| set | 1 << digit))
    }

    /// Whether this digit was offered.
    pub fn offers(self, digit: u8) -> bool {
        digit < 10 && (self.0 & (1 << digit) != 0 || (self.0 == 0 && digit == 1))
    }

    /// One meaning for ever: 1 heard, 2 help, 3 left, 4 safe. 9 (again) and 0 carry no state.
    fn meaning(self, digit: u8) -> Option<Label> {
        match digit {
            _ if !self.offers(digit) => None,
            1 => Some(Label::Ack),
            2 => Some(Label::NeedHelp),
            3 => Some(Label::Evacuated),
            4 => Some(Label::Safe),
            _ => None,
        }
    }
}

/// What was read in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What the reply means.
    pub label: Label,
    /// 0 to 100; below 60 a person should look.
    pub confidence: u8,
    /// The menu digit answered with, offered or not, in whatever form it was written.
    pub digit: Option<u8>,
    /// The number of persons it speaks of.
    pub persons: Option<u32>,
    /// Somebody will not leave (the label is then help or unclear, unless an address speaks).
    pub refusal: bool,
    /// Set exactly when the label is [`Label::NeedHelp`].
    pub triage: Option<Triage>,
    /// The letter of a leader's answer such as `A1`.
    pub letter: Option<char>,
}

/// Reads a reply under the menu that its sender had been offered.
pub fn read(text: &str, menu: Menu) -> Reading {
    let folded = fold::fold(text);
    let lettered = digits::lettered(&folded);
    let digit = lettered.map(|(_, digit)| digit).or_else(|| digits::menu_digit(&folded));
    let clauses = fold::clauses(&folded);
    let mut claims = Claims::default();
    for clause in &clauses {
        claims.take(clause);
    }
    if digits::is_refusal_code(&folded) {
        claims.said.push(Label::OptOut);
    }
    let pressed = pressed(&folded, digit, menu, &claims);
    let (label, confidence) = claims.decide(pressed);
    let triage = match label {
        Label::NeedHelp => Some(claims.help.unwrap_or(Triage::B)),
        Label::OptOut
        | Label::WrongNumber
        | Label::Evacuated
        | Label::Safe
        | Label::Ack
        | Label::Unclear => None,
    };
    Reading {
        label,
        confidence,
        digit,
        persons: digits::persons(&folded),
        refusal: claims.refusal,
        triage,
        letter: lettered.map(|(letter, _)| letter),
    }
}

/// What the digits of the reply say under the menu. A digit put as a question says nothing,
/// except that help is not lost.
fn pressed(folded: &str, digit: Option<u8>, menu: Menu, claims: &Claims) -> Option<Label> {
    let listed = digits::listed(folded);
    let several = || {
        let all = !listed.is_empty() && listed.iter().all(|digit| menu.offers(*digit));
        let said = listed.iter().filter_map(|digit| menu.meaning(*digit));
        if all && menu != Menu::none() { said.min() } else { None }
    };
    let label = digit.and_then(|digit| menu.meaning(digit)).or_else(several)?;
    (!claims.asks || label == Label::NeedHelp).then_some(label)
}

/// What the clauses of a reply claim together.
#[derive(Debug, Default)]
struct Claims {
    help: Option<Triage>,
    said: Vec<Label>,
    refusal: bool,
    asks: bool,
    /// Something is said that no phrase explains and that may matter.
    unread: bool,
    hints: Vec<Hint>,
}

impl Claims {
    fn take(&mut self, clause: &Clause) {
        let mut masks = MASK_TABLE.find(&clause.chars);
        let widest = masks.clone();
        masks.retain(|hit| !widest.iter().any(|mask| mask.span != hit.span && inside(hit, mask)));
        let cues = CUE_TABLE.find(&clause.chars);
        if masks.is_empty() && cues.is_empty() {
            self.unread |= may_matter(clause);
            self.hint(clause);
        }
        match clause.mood {
            Mood::AsksWhat | Mood::AsksWhether => {
                // 没什么事 holds a question word, but asks nothing.
                let calm = masks.iter().any(|mask| mask.meaning == Meaning::Safe);
                self.asks |= !(calm && clause.mood == Mood::AsksWhat);
            }
            Mood::Says | Mood::Supposes => {}
        }
        for mask in &masks {
            self.weigh(mask.meaning, clause.mood, &masks);
        }
        for hit in &cues {
            let masked = masks.iter().any(|mask| takes(mask, hit));
            if !masked && !cannot(hit, &clause.chars) {
                self.weigh(hit.meaning, clause.mood, &masks);
            }
        }
    }

    fn weigh(&mut self, meaning: Meaning, mood: Mood, masks: &[Hit<Meaning>]) {
        let calm = mood == Mood::AsksWhat && masks.iter().any(|m| m.meaning == Meaning::Safe);
        let states = mood == Mood::Says || calm;
        match meaning {
            Meaning::Help(triage) if matches!(mood, Mood::Says | Mood::AsksWhat) => {
                self.plead(triage);
            }
            Meaning::Plea(triage) if mood != Mood::Supposes => self.plead(triage),
            Meaning::OptOut if mood != Mood::Supposes => self.said.push(Label::OptOut),
            Meaning::WrongNumber if mood != Mood::Supposes => self.said.push(Label::WrongNumber),
            Meaning::Evacuated if states => self.said.push(Label::Evacuated),
            Meaning::Safe if states => self.said.push(Label::Safe),
            Meaning::Ack if states => self.said.push(Label::Ack),
            Meaning::Refusal if mood != Mood::AsksWhether => self.refusal = true,
            Meaning::Help(_)
            | Meaning::Plea(_)
            | Meaning::OptOut
            | Meaning::WrongNumber
            | Meaning::Evacuated
            | Meaning::Safe
            | Meaning::Ack
            | Meaning::Refusal
            | Meaning::Aside => {}
        }
    }

    fn hint(&mut self, clause: &Clause) {
        match clause.mood {
            Mood::Says | Mood::AsksWhat => {}
            Mood::AsksWhether | Mood::Supposes => return,
        }
        for hit in HINT_TABLE.find(&clause.chars) {
            if !self.hints.contains(&hit.meaning) {
                self.hints.push(hit.meaning);
            }
        }
    }

    fn plead(&mut self, triage: Triage) {
        self.help = Some(self.help.map_or(triage, |known| known.min(triage)));
    }

    fn said(&self, label: Label) -> bool {
        self.said.contains(&label)
    }

    /// The label of all claims together, and how sure it is (0 to 100).
    fn decide(&self, pressed: Option<Label>) -> (Label, u8) {
        let has = |label| self.said(label) || pressed == Some(label);
        let asked = if self.asks { 20 } else { 0 };
        if self.help.is_some() || pressed == Some(Label::NeedHelp) {
            let both = self.help.is_some() && pressed == Some(Label::NeedHelp);
            let calm = self.said(Label::Safe) || self.said(Label::Evacuated);
            let sure = if both || pressed.is_some() && !calm { 97 } else { 90 };
            return (Label::NeedHelp, sure - asked - if calm { 15 } else { 0 });
        }
        if has(Label::WrongNumber) {
            return (Label::WrongNumber, 90);
        }
        if has(Label::OptOut) {
            return (Label::OptOut, 92);
        }
        // Refusals need a person, whatever else is said: the rest may speak of others.
        if self.refusal {
            return (Label::Unclear, 80);
        }
        if has(Label::Evacuated) {
            let mixed = self.unread || self.said(Label::Safe) && pressed.is_none();
            return (Label::Evacuated, 92 - asked - if mixed { 20 } else { 0 });
        }
        if has(Label::Safe) && self.hints.len() < 2 && !(self.unread && self.asks) {
            return (Label::Safe, 90 - asked - if self.unread { 20 } else { 0 });
        }
        if self.hints.len() >= 2 {
            return (Label::NeedHelp, 55 - asked);
        }
        if has(Label::Ack) && !self.asks && !self.unread {
            return (Label::Ack, if pressed == Some(Label::Ack) { 97 } else { 90 });
        }
        (Label::Unclear, if self.asks { 70 } else { 40 })
    }
}

/// Whether a clause without any known phrase speaks of something a person should read.
fn may_matter(clause: &Clause) -> bool {
    let text: String = clause.chars.iter().collect();
    let turns = TURNS.iter().any(|turn| text.starts_with(turn)) && clause.chars.len() >= 4;
    turns || clause.chars.iter().any(|c| CONCERNS.contains(*c))
}

/// 出不去 cannot; only 不去 will not.
fn cannot(hit: &Hit<Meaning>, clause: &[char]) -> bool {
    let before = hit.span.start.checked_sub(1).and_then(|at| clause.get(at));
    hit.meaning == Meaning::Refusal && before.is_some_and(|c| "出下过上进回".contains(*c))
}

/// Whether a mask takes the sting out of a cue. What is only to come or to be moved is not yet
/// "left", even where the two merely overlap; help is taken only when wholly inside.
fn takes(mask: &Hit<Meaning>, cue: &Hit<Meaning>) -> bool {
    let not_yet = matches!(mask.meaning, Meaning::Ack | Meaning::Aside);
    inside(cue, mask) || (cue.meaning == Meaning::Evacuated && not_yet && overlap(cue, mask))
}

fn inside(hit: &Hit<Meaning>, mask: &Hit<Meaning>) -> bool {
    mask.span.start <= hit.span.start && hit.span.end <= mask.span.end
}

fn overlap(hit: &Hit<Meaning>, other: &Hit<Meaning>) -> bool {
    hit.span.start < other.span.end && other.span.start < hit.span.end
}

#[cfg(test)]
mod tests;

//! The one gate between engine and channel: which kind of alert may leave by which gateway to
//! which address. It issues the [`Pass`] without which `channel::send` cannot be called. It knows
//! nothing of rates, leases or texts beyond the mark of an exercise.

use serde::{Deserialize, Serialize};

use super::lane::Realm;

/// What opens every text of an exercise, after the signature.
pub const EXERCISE_MARK: &str = "【演练】";
/// What opens every text of a rehearsal.
pub const REHEARSAL_MARK: &str = "【推演】";

/// What an alert is, never changed after its first draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertKind {
    /// The real thing.
    Live,
    /// 实战演练: real gateways, but only the confirmed numbers on its roll.
    Exercise,
    /// 推演: practice gateways and virtual people only, always.
    Rehearsal,
}

impl AlertKind {
    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            AlertKind::Live => 1,
            AlertKind::Exercise => 2,
            AlertKind::Rehearsal => 3,
        }
    }

    /// The inverse of [`AlertKind::code`].
    pub fn from_code(code: i64) -> Option<AlertKind> {
        match code {
            1 => Some(AlertKind::Live),
            2 => Some(AlertKind::Exercise),
            3 => Some(AlertKind::Rehearsal),
            _ => None,
        }
    }

    /// What every text of it opens with, after the signature; empty: it is meant as it stands.
    pub fn mark(self) -> &'static str {
        match self {
            AlertKind::Live => "",
            AlertKind::Exercise => EXERCISE_MARK,
            AlertKind::Rehearsal => REHEARSAL_MARK,
        }
    }

    /// The word used in settings, commands and logs.
    pub fn word(self) -> &'static str {
        match self {
            AlertKind::Live => "live",
            AlertKind::Exercise => "exercise",
            AlertKind::Rehearsal => "rehearsal",
        }
    }

    /// The inverse of [`AlertKind::word`].
    pub fn from_word(word: &str) -> Option<AlertKind> {
        match word {
            "live" => Some(AlertKind::Live),
            "exercise" => Some(AlertKind::Exercise),
            "rehearsal" => Some(AlertKind::Rehearsal),
            _ => None,
        }
    }

    /// What a form says an alert is. `known`: what it is already, which a form may leave out. A
    /// first form says it: neither guess is harmless, as a forgotten word would wake a town in
    /// earnest or let it sleep through a rehearsal.
    pub fn said(word: &str, known: Option<AlertKind>) -> Result<AlertKind, KindFault> {
        let said = match (word, known) {
            ("", None) => return Err(KindFault::Unsaid),
            ("", Some(known)) => return Ok(known),
            (word, _) => AlertKind::from_word(word),
        };
        let said = said.ok_or_else(|| KindFault::Unknown(word.to_owned()))?;
        match known.filter(|known| *known != said) {
            None => Ok(said),
            Some(known) => Err(KindFault::Other { known }),
        }
    }
}

/// Why a form does not tell what an alert is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindFault {
    #[error(
        "kind: say what it is: live (everybody gets it), exercise (only the confirmed numbers of \
         its roll) or rehearsal (practice gateways, nobody real)"
    )]
    Unsaid,
    #[error("kind {0:?}: write live, exercise or rehearsal")]
    Unknown(String),
    #[error("kind: this is written as {} and never becomes anything else: draft anew",
        known.word())]
    Other { known: AlertKind },
}

impl KindFault {
    /// What is wrong and what to do, for a page.
    pub fn chinese(&self) -> String {
        match self {
            KindFault::Unsaid => "还没有选性质：请选实战、演练或推演。".into(),
            KindFault::Unknown(word) => format!("没有“{word}”这种性质：请选实战、演练或推演。"),
            KindFault::Other { .. } => "性质写定以后不能改：请另外新建。".into(),
        }
    }
}

/// Proof that a message went through [`admit`]. Its fields are private and nothing else makes
/// one, so a call of a gateway that went round the gate does not compile:
///
/// ```compile_fail,E0451
/// use tongluo::domain::{gate::{AlertKind, Pass}, lane::Realm};
/// let pass = Pass { kind: AlertKind::Live, realm: Realm::Live };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    kind: AlertKind,
    realm: Realm,
}

impl Pass {
    /// Whether this pass also covers `text` on a gateway of `gateway`'s realm: one pass serves a
    /// chunk of one alert, and what leaves must still be what was admitted.
    pub fn covers(&self, gateway: Realm, text: &str) -> bool {
        opens_with(self.kind.mark(), text) && gateway == self.realm
    }
}

/// Why the gate stayed shut. The message must not be sent in any other way either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// The gateway belongs to the other world.
    #[error("a gateway of the {gateway:?} realm may not carry a {} alert here", kind.word())]
    Gateway { kind: AlertKind, gateway: Realm },
    /// The address belongs to the other world.
    #[error("an address of the {address:?} realm may not get a {} alert here", kind.word())]
    Address { kind: AlertKind, address: Realm },
    /// An exercise reaches only who confirmed it.
    #[error("the address is not on the roll of the exercise")]
    NotOnRoll,
    /// What does not say at once that it is not meant would be believed.
    #[error("the text of a {} alert must open with {}", kind.word(), kind.mark())]
    NotMarked { kind: AlertKind },
}

/// Lets one message through, or says why not.
///
/// `installation_practice`: the whole installation is marked practice; then nothing live exists
/// in it. `on_roll`: the address is on the exercise's confirmed roll (looked at only for an
/// exercise). `text`: as rendered, with its signature.
pub fn admit(
    kind: AlertKind,
    installation_practice: bool,
    gateway: Realm,
    address: Realm,
    on_roll: bool,
    text: &str,
) -> Result<Pass, GateRefusal> {
    let realm = match kind {
        AlertKind::Rehearsal => Realm::Practice,
        AlertKind::Live | AlertKind::Exercise if installation_practice => Realm::Practice,
        AlertKind::Live | AlertKind::Exercise => Realm::Live,
    };
    if gateway != realm {
        return Err(GateRefusal::Gateway { kind, gateway });
    }
    if address != realm {
        return Err(GateRefusal::Address { kind, address });
    }
    if kind == AlertKind::Exercise && !on_roll {
        return Err(GateRefusal::NotOnRoll);
    }
    if !opens_with(kind.mark(), text) {
        return Err(GateRefusal::NotMarked { kind });
    }
    Ok(Pass { kind, realm })
}

/// The mark stands first, or directly after one signature `【…】`.
fn opens_with(mark: &str, text: &str) -> bool {
    if text.starts_with(mark) {
        return true;
    }
    let Some(inside) = text.strip_prefix('【') else {
        return false;
    };
    match inside.split_once('】') {
        Some((signature, rest)) => !signature.contains('【') && rest.starts_with(mark),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "【余姚市防指】转移指令：3点前请离家到四明小学。";
    const DRILL: &str = "【余姚市防指】【演练】转移指令：3点前请离家到四明小学。";
    const STAGED: &str = "【余姚市防指】【推演】转移指令：3点前请离家到四明小学。";
    const REALMS: [Realm; 2] = [Realm::Live, Realm::Practice];

    #[test]
    fn only_the_named_pairs_pass() {
        let kinds = [AlertKind::Live, AlertKind::Exercise, AlertKind::Rehearsal];
        let mut passed = Vec::new();
        for kind in kinds {
            let text = match kind {
                AlertKind::Live => ORDER,
                AlertKind::Exercise => DRILL,
                AlertKind::Rehearsal => STAGED,
            };
            for practice in [false, true] {
                for gateway in REALMS {
                    for address in REALMS {
                        if admit(kind, practice, gateway, address, true, text).is_ok() {
                            passed.push((kind, practice, gateway, address));
                        }
                    }
                }
            }
        }
        assert_eq!(
            passed,
            [
                (AlertKind::Live, false, Realm::Live, Realm::Live),
                (AlertKind::Live, true, Realm::Practice, Realm::Practice),
                (AlertKind::Exercise, false, Realm::Live, Realm::Live),
                (AlertKind::Exercise, true, Realm::Practice, Realm::Practice),
                (AlertKind::Rehearsal, false, Realm::Practice, Realm::Practice),
                (AlertKind::Rehearsal, true, Realm::Practice, Realm::Practice),
            ]
        );
    }

    #[test]
    fn an_exercise_reaches_only_its_roll_and_says_so_first() {
        let exercise = |on_roll, text| {
            admit(AlertKind::Exercise, false, Realm::Live, Realm::Live, on_roll, text)
        };
        assert!(exercise(true, DRILL).is_ok());
        assert!(exercise(true, "【演练】请回1").is_ok());
        assert_eq!(exercise(false, DRILL), Err(GateRefusal::NotOnRoll));
        for text in [
            ORDER,
            "",
            "【余姚市防指】转移指令【演练】：请离家",
            "【余姚市防指】 【演练】前有空格",
            "【余姚市防指【演练】没有收尾",
            "演练：请离家",
            "请离家【演练】",
        ] {
            assert_eq!(
                exercise(true, text),
                Err(GateRefusal::NotMarked { kind: AlertKind::Exercise }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_rehearsal_says_so_in_an_installation_of_its_own_too() {
        for practice in [false, true] {
            let realm = Realm::Practice;
            let staged = |text| admit(AlertKind::Rehearsal, practice, realm, realm, false, text);
            assert!(staged(STAGED).is_ok());
            for text in [ORDER, DRILL, ""] {
                let refusal = GateRefusal::NotMarked { kind: AlertKind::Rehearsal };
                assert_eq!(staged(text), Err(refusal), "{text}");
            }
        }
    }

    #[test]
    fn a_pass_covers_no_other_world_and_no_unmarked_exercise() {
        let live = admit(AlertKind::Live, false, Realm::Live, Realm::Live, false, ORDER).unwrap();
        assert!(live.covers(Realm::Live, ORDER));
        assert!(!live.covers(Realm::Practice, ORDER));
        let drill =
            admit(AlertKind::Exercise, false, Realm::Live, Realm::Live, true, DRILL).unwrap();
        assert!(drill.covers(Realm::Live, DRILL));
        assert!(!drill.covers(Realm::Live, ORDER));
    }

    #[test]
    fn codes_and_words_come_back() {
        for kind in [AlertKind::Live, AlertKind::Exercise, AlertKind::Rehearsal] {
            assert_eq!(AlertKind::from_code(kind.code()), Some(kind));
            assert_eq!(AlertKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(AlertKind::from_code(4), None);
        assert_eq!(AlertKind::from_word("drill"), None);
    }

    #[test]
    fn what_an_alert_is_must_be_said_and_stays() {
        let (live, drill) = (AlertKind::Live, AlertKind::Exercise);
        assert_eq!(AlertKind::said("", None), Err(KindFault::Unsaid));
        assert_eq!(AlertKind::said("drill", None), Err(KindFault::Unknown("drill".into())));
        assert_eq!(AlertKind::said("live", None), Ok(live));
        assert_eq!(AlertKind::said("", Some(drill)), Ok(drill));
        assert_eq!(AlertKind::said("exercise", Some(drill)), Ok(drill));
        assert_eq!(AlertKind::said("live", Some(drill)), Err(KindFault::Other { known: drill }));
    }
}

//! What is seen at a door, in the answers a leader has under his thumb, and what to bring there.
//! It never names an illness: gear is chosen so that it does not tell which need asked for it.

use super::need::Need;
use super::statement::Claim;
use super::triage::Triage;

/// Whether so many can have been seen of a home in which so many are registered. More of them would
/// close a door behind which somebody waits, and nobody who has moved is no news of the door.
pub fn are_of_home(seen: i64, registered: i64) -> bool {
    (1..=registered.max(1)).contains(&seen)
}

/// Where they went (去向).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refuge {
    Shelter,
    Kin,
    /// 就高避险: up, inside the house.
    Upstairs,
}

/// Why they won't go, in one tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    Belongings,
    Disbelief,
    WaitsForFamily,
    Animals,
    Other,
}

/// One answer at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seen {
    /// 已当面讲到.
    Told,
    /// Met, all well: where that is what is asked.
    Well,
    /// 已转移.
    Moved(Refuge),
    /// 家中无人.
    NobodyHome,
    /// 拒绝转移.
    Refused(Reason),
    /// 要救人.
    Help(Triage),
    /// Whoever asked for help has it.
    HelpDone,
    /// After the end, off the search list.
    Found,
    Elsewhere,
    Missing,
}

impl Seen {
    pub const ALL: [Seen; 18] = [
        Seen::Told,
        Seen::Well,
        Seen::Moved(Refuge::Shelter),
        Seen::Moved(Refuge::Kin),
        Seen::Moved(Refuge::Upstairs),
        Seen::NobodyHome,
        Seen::Refused(Reason::Belongings),
        Seen::Refused(Reason::Disbelief),
        Seen::Refused(Reason::WaitsForFamily),
        Seen::Refused(Reason::Animals),
        Seen::Refused(Reason::Other),
        Seen::Help(Triage::A),
        Seen::Help(Triage::B),
        Seen::Help(Triage::C),
        Seen::HelpDone,
        Seen::Found,
        Seen::Elsewhere,
        Seen::Missing,
    ];

    /// The word that a form sends.
    pub fn word(self) -> &'static str {
        match self {
            Seen::Told => "told",
            Seen::Well => "well",
            Seen::Moved(Refuge::Shelter) => "moved-shelter",
            Seen::Moved(Refuge::Kin) => "moved-kin",
            Seen::Moved(Refuge::Upstairs) => "moved-upstairs",
            Seen::NobodyHome => "nobody",
            Seen::Refused(Reason::Belongings) => "refused-belongings",
            Seen::Refused(Reason::Disbelief) => "refused-disbelief",
            Seen::Refused(Reason::WaitsForFamily) => "refused-family",
            Seen::Refused(Reason::Animals) => "refused-animals",
            Seen::Refused(Reason::Other) => "refused-other",
            Seen::Help(Triage::A) => "help-a",
            Seen::Help(Triage::B) => "help-b",
            Seen::Help(Triage::C) => "help-c",
            Seen::HelpDone => "help-done",
            Seen::Found => "found",
            Seen::Elsewhere => "elsewhere",
            Seen::Missing => "missing",
        }
    }

    /// The inverse of [`Seen::word`].
    pub fn from_word(word: &str) -> Option<Seen> {
        Seen::ALL.into_iter().find(|seen| seen.word() == word)
    }

    /// What it claims of the household.
    pub fn claim(self) -> Claim {
        match self {
            Seen::Told => Claim::Heard,
            Seen::Well => Claim::Seen,
            Seen::Moved(Refuge::Shelter | Refuge::Kin) => Claim::Evacuated,
            Seen::Moved(Refuge::Upstairs) => Claim::Upstairs,
            Seen::NobodyHome => Claim::NobodyHome,
            Seen::Refused(_) => Claim::Refused,
            Seen::Help(class) => Claim::Help(class),
            Seen::HelpDone => Claim::HelpClosed,
            Seen::Found => Claim::Found,
            Seen::Elsewhere => Claim::SafeElsewhere,
            Seen::Missing => Claim::ReportedMissing,
        }
    }

    /// What the claim alone does not say, as the store keeps it.
    pub fn detail(self) -> Option<&'static str> {
        match self {
            Seen::Moved(Refuge::Shelter) => Some("shelter"),
            Seen::Moved(Refuge::Kin) => Some("kin"),
            Seen::Refused(Reason::Belongings) => Some("belongings"),
            Seen::Refused(Reason::Disbelief) => Some("disbelief"),
            Seen::Refused(Reason::WaitsForFamily) => Some("family"),
            Seen::Refused(Reason::Animals) => Some("animals"),
            Seen::Refused(Reason::Other) => Some("other"),
            Seen::Told
            | Seen::Well
            | Seen::Moved(Refuge::Upstairs)
            | Seen::NobodyHome
            | Seen::Help(_)
            | Seen::HelpDone
            | Seen::Found
            | Seen::Elsewhere
            | Seen::Missing => None,
        }
    }

    /// Whether it ends a search; the other answers belong to the lists before the end.
    pub fn ends_search(self) -> bool {
        matches!(self, Seen::Found | Seen::Elsewhere | Seen::Missing)
    }
}

/// What a claim at a door is called, with what it was about.
pub fn say(claim: Claim, detail: Option<&str>) -> &'static str {
    match claim {
        Claim::Heard => "已当面讲到",
        Claim::Seen | Claim::SafeHome => "见到人，平安",
        Claim::Evacuated | Claim::LeftAll => match detail {
            Some("shelter") => "已转移：集中安置",
            Some("kin") => "已转移：投亲靠友",
            Some(_) | None => "已转移",
        },
        Claim::SignedIn => "避灾点已登记",
        Claim::Upstairs => "就高避险",
        Claim::Away => "早已不在家",
        Claim::NobodyHome => "家中无人",
        Claim::Refused => match detail {
            Some("belongings") => "拒绝转移：舍不得家当",
            Some("disbelief") => "拒绝转移：不信会淹",
            Some("family") => "拒绝转移：等家里人",
            Some("animals") => "拒绝转移：有牲口宠物",
            Some(_) | None => "拒绝转移",
        },
        Claim::Help(_) => "要救人",
        Claim::HelpClosed => "求助已处理",
        Claim::Returned => "又回家了",
        Claim::Missing => "有人失联",
        Claim::Retracted => "点错，已收回",
        Claim::Found => "找到了，平安",
        Claim::SafeElsewhere => "在别处，平安",
        Claim::ReportedMissing => "已报失联",
    }
}

/// What to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gear {
    Stretcher,
    Wheelchair,
    TwoPeople,
    Car,
    KnownFace,
    Interpreter,
    PenAndTorch,
    Rainwear,
}

impl Gear {
    pub const ALL: [Gear; 8] = [
        Gear::Stretcher,
        Gear::Wheelchair,
        Gear::TwoPeople,
        Gear::Car,
        Gear::KnownFace,
        Gear::Interpreter,
        Gear::PenAndTorch,
        Gear::Rainwear,
    ];

    /// The word on the page.
    pub fn word(self) -> &'static str {
        match self {
            Gear::Stretcher => "担架",
            Gear::Wheelchair => "轮椅",
            Gear::TwoPeople => "两个人去",
            Gear::Car => "车",
            Gear::KnownFace => "叫上熟人",
            Gear::Interpreter => "会说方言的人",
            Gear::PenAndTorch => "手电、纸笔",
            Gear::Rainwear => "雨具",
        }
    }

    fn serves(self, need: Need) -> bool {
        match need {
            Need::Bedridden | Need::Oxygen => {
                matches!(self, Gear::Stretcher | Gear::TwoPeople | Gear::Car)
            }
            Need::Wheelchair => matches!(self, Gear::Wheelchair | Gear::TwoPeople),
            Need::Disabled | Need::Blind => self == Gear::TwoPeople,
            Need::Dialysis | Need::Pregnant => matches!(self, Gear::Car | Gear::Rainwear),
            Need::Dementia | Need::ChildAlone => self == Gear::KnownFace,
            Need::Deaf => self == Gear::PenAndTorch,
            Need::NoChinese => self == Gear::Interpreter,
            Need::Over70 | Need::Over70Alone | Need::Over75Alone | Need::Infant => {
                self == Gear::Rainwear
            }
            Need::LandlineOnly => false,
        }
    }
}

/// What to bring to a household with these needs, the heaviest first.
pub fn gear(needs: i64) -> Vec<Gear> {
    let has = |need: &Need| needs & need.bit() != 0;
    let wanted = |gear: &Gear| Need::ALL.iter().filter(|need| has(need)).any(|n| gear.serves(*n));
    Gear::ALL.into_iter().filter(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_only_three_end_a_search() {
        for seen in Seen::ALL {
            assert_eq!(Seen::from_word(seen.word()), Some(seen));
        }
        assert_eq!(Seen::from_word("moved"), None);
        assert_eq!(Seen::ALL.iter().filter(|seen| seen.ends_search()).count(), 3);
    }

    #[test]
    fn an_answer_is_said_with_where_to_and_why_not() {
        let said = |word: &str| {
            let seen = Seen::from_word(word).unwrap();
            say(seen.claim(), seen.detail())
        };
        assert_eq!(said("moved-kin"), "已转移：投亲靠友");
        assert_eq!(said("moved-upstairs"), "就高避险");
        assert_eq!(said("refused-disbelief"), "拒绝转移：不信会淹");
        assert_eq!(said("refused-other"), "拒绝转移");
    }

    #[test]
    fn no_gear_belongs_to_one_illness_alone() {
        // A wheelchair, a pen or an interpreter has to be brought, and is seen by everybody anyway.
        let plain = [Need::Wheelchair, Need::Deaf, Need::NoChinese];
        for need in Need::ALL.into_iter().filter(|need| !plain.contains(need)) {
            let here = gear(need.bit());
            let alike = Need::ALL.iter().filter(|other| {
                **other != need && here.iter().all(|g| gear(other.bit()).contains(g))
            });
            assert!(alike.count() >= 1, "{need:?} is told by {here:?}");
        }
        assert_eq!(gear(0), []);
        let both = gear(Need::Oxygen.bit() | Need::Over75Alone.bit());
        assert_eq!(both, [Gear::Stretcher, Gear::TwoPeople, Gear::Car, Gear::Rainwear]);
    }
}

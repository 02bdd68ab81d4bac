//! What a notice is for: messages to one named person, beside the orders to households.
//! The words of it are `render`'s.

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        /// Why one person gets a message of his own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Purpose { $($(#[$doc])* $name,)+ }

        impl Purpose {
            /// Every purpose.
            pub const ALL: &'static [Purpose] = &[$(Purpose::$name,)+];

            /// The stable number under which the store keeps it.
            pub fn code(self) -> i64 {
                match self { $(Purpose::$name => $code,)+ }
            }

            /// The inverse of [`Purpose::code`].
            pub fn from_code(code: i64) -> Option<Purpose> {
                Purpose::ALL.iter().copied().find(|p| p.code() == code)
            }
        }
    };
}

purposes! {
    /// 叫应 of a responsible person.
    Summons = 1;
    /// A list is offered.
    Offer = 2;
    /// Who did not wake, to the superior.
    Unwoken = 3;
    /// An untaken list or task, to the duty room.
    Reminder = 4;
    /// An alert is about to expire.
    Expiring = 5;
    /// A cry for help has arrived.
    HelpReceived = 6;
    /// Somebody took it.
    HelpTaken = 7;
    Thanks = 8;
    /// 登记4人，都走了再回3.
    AskBack = 9;
    /// What a leader's digit did.
    Confirmation = 10;
    /// Told to who holds or was offered a list that another took.
    ListPassed = 11;
    /// Who holds a list and has been silent.
    HolderCheck = 13;
    /// The helper of a household (结对帮扶人).
    Helper = 14;
    /// A list that won't end in time: its superior may take a part.
    Split = 16;
    /// 清点名单, to its owner.
    Search = 17;
    /// A list that is not needed any more.
    Withdrawn = 18;
    /// A part of somebody's list that another took, or gave back to him.
    Shared = 19;
    /// 范围更正, to who had an older text and no longer belongs.
    RangeCorrection = 20;
    /// 返回通知, likewise.
    ReturnNotice = 21;
    /// An exercise was stopped by the real thing.
    ExerciseStopped = 22;
    /// A bypass was not countersigned in time.
    Countersign = 23;
    /// All doors of somebody's list are closed.
    Finished = 24;
    /// To a helper: the order was wrong, leaves his homes out, or is over.
    HelperOver = 25;
    /// To whoever was woken and had nothing in hand: the order was wrong, or is over.
    SummonsOver = 26;
    /// Binding a home on WeChat: the code, and that it is done.
    Binding = 27;
}

impl Purpose {
    /// Said only while the order is in force: once it is lifted or taken back, whoever has not had
    /// it yet must not be sent anywhere by it.
    pub const WHILE_IN_FORCE: [Purpose; 8] = [
        Purpose::Summons,
        Purpose::Offer,
        Purpose::Unwoken,
        Purpose::Expiring,
        Purpose::ListPassed,
        Purpose::Helper,
        Purpose::Split,
        Purpose::Shared,
    ];

    /// Whether it is said once more where nobody knows that it was said: everything by which
    /// somebody acts, no mere courtesies.
    pub fn bears_repeating(self) -> bool {
        !matches!(self, Purpose::Thanks | Purpose::AskBack | Purpose::Confirmation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_own() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::from_code(purpose.code()), Some(*purpose));
        }
        assert_eq!(Purpose::from_code(99), None);
    }
}

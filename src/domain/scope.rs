//! What an API token may be used for: less than its account may, never more. Where is decided by
//! the account's roles (`access`), not here.

use std::fmt;

use super::access::Action;

/// One thing a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Boards and numbers; nobody's name or phone.
    Read,
    /// Alerts, from draft to end.
    Alert,
    /// Helps, lists, sheets, and the people on them.
    Desk,
    /// Accounts, roster, settings, the journal's export.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 4] = [Scope::Read, Scope::Alert, Scope::Desk, Scope::Admin];

    /// The bit under which the store keeps it.
    fn bit(self) -> i64 {
        match self {
            Scope::Read => 1,
            Scope::Alert => 2,
            Scope::Desk => 4,
            Scope::Admin => 8,
        }
    }

    /// The word in commands and answers.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Alert => "alert",
            Scope::Desk => "desk",
            Scope::Admin => "admin",
        }
    }

    /// The word on pages.
    pub fn chinese(self) -> &'static str {
        match self {
            Scope::Read => "查看",
            Scope::Alert => "预警与指令",
            Scope::Desk => "受理与名单",
            Scope::Admin => "管理",
        }
    }

    /// The inverse of [`Scope::word`].
    pub fn from_word(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.word() == word.trim())
    }

    /// Which scope an action needs.
    pub fn of(action: Action) -> Scope {
        match action {
            Action::DraftAlert
            | Action::SubmitAlert
            | Action::ReturnAlert
            | Action::ApproveAlert
            | Action::BypassAlert
            | Action::CountersignAlert
            | Action::WithdrawAlert
            | Action::DiscardAlert
            | Action::EndAlert
            | Action::ExtendAlert
            | Action::ConfirmRoll
            | Action::CallUp => Scope::Alert,
            Action::TakeTask
            | Action::CloseTask
            | Action::RecordStatement
            | Action::TakeList
            | Action::TickList
            | Action::GiveList
            | Action::HandSheet
            | Action::ReturnSheet
            | Action::LookAtPeople => Scope::Desk,
            Action::LookAtBoard | Action::VerifyJournal => Scope::Read,
            Action::ImportRoster
            | Action::ExportRoster
            | Action::ManageAccounts
            | Action::ChangeSettings
            | Action::ExportJournal => Scope::Admin,
        }
    }
}

/// A token may not be used for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{action} needs a token with the scope {}", Scope::of(*action).word())]
pub struct OutOfScope {
    pub action: Action,
}

/// The scopes of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(i64);

impl Scopes {
    /// All of them.
    pub fn all() -> Scopes {
        Scope::ALL.into_iter().collect()
    }

    /// As the store keeps them.
    pub fn bits(self) -> i64 {
        self.0
    }

    /// The inverse of [`Scopes::bits`]; a bit this program doesn't know gives nothing.
    pub fn from_bits(bits: i64) -> Scopes {
        Scope::ALL.into_iter().filter(|scope| bits & scope.bit() != 0).collect()
    }

    /// Reads `read,desk`.
    pub fn parse(text: &str) -> Result<Scopes, String> {
        let words: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
        let read = |word: &str| {
            Scope::from_word(word)
                .ok_or_else(|| format!("{word:?}: the scopes are {}", words.join(", ")))
        };
        text.split(',').map(read).collect()
    }

    /// Whether none is held.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one is held.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes held, in their order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// Whether a token with these may be used for an action.
    pub fn allow(self, action: Action) -> Result<(), OutOfScope> {
        if self.has(Scope::of(action)) { Ok(()) } else { Err(OutOfScope { action }) }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Scopes {
        Scopes(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Scope::word).collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_for_looking_changes_nothing() {
        let read = Scopes::parse("read").unwrap();
        for &action in Action::ALL {
            let looks = matches!(action, Action::LookAtBoard | Action::VerifyJournal);
            assert_eq!(read.allow(action).is_ok(), looks, "{action}");
            assert_eq!(Scopes::all().allow(action), Ok(()), "{action}");
            assert!(Scopes::from_bits(0).allow(action).is_err(), "{action}");
        }
        let denied = read.allow(Action::ApproveAlert).unwrap_err();
        assert_eq!(denied.to_string(), "alert.approve needs a token with the scope alert");
    }

    #[test]
    fn scopes_come_back_as_they_were_kept_and_said() {
        let some = Scopes::parse("desk, read").unwrap();
        assert_eq!(some.to_string(), "read,desk");
        assert_eq!(Scopes::from_bits(some.bits()), some);
        assert_eq!(Scopes::from_bits(i64::MAX), Scopes::all());
        assert!(Scopes::parse("read,cook").unwrap_err().contains("alert"));
        assert!(Scopes::parse("").is_err());
    }
}

//! What every kind of gateway does while it is opened from its settings: secrets are read, values
//! are held to their rules, faults name the gateway. It builds nothing and calls nothing.

use super::door::HookKey;
use super::registry::SettingsFault;
use super::url::check_url;
use crate::domain::lane::Realm;

const SECRET_LIMIT: usize = 4_096;

/// A gateway that is being opened.
pub(super) struct Opening<'a> {
    pub(super) name: &'a str,
    pub(super) realm: Realm,
    /// Secrets that are handed in, by their names in the settings; all others are read.
    given: &'a [(&'a str, &'a str)],
    secrets: Vec<String>,
}

impl<'a> Opening<'a> {
    pub(super) fn new(name: &'a str, realm: Realm, given: &'a [(&'a str, &'a str)]) -> Opening<'a> {
        Opening { name, realm, given, secrets: Vec::new() }
    }

    /// A value that must be mended.
    pub(super) fn fault(&self, what: impl Into<String>) -> SettingsFault {
        SettingsFault::Value(self.name.to_owned(), what.into())
    }

    /// Refuses what is not `good`; `what` names the field and what to write.
    pub(super) fn check(&self, good: bool, what: &str) -> Result<(), SettingsFault> {
        if good { Ok(()) } else { Err(self.fault(what)) }
    }

    /// A value of 1 to `most` bytes, each of them fit.
    pub(super) fn word(
        &self,
        text: &str,
        most: usize,
        fit: impl Fn(u8) -> bool,
        what: &str,
    ) -> Result<(), SettingsFault> {
        self.check((1..=most).contains(&text.len()) && text.bytes().all(fit), what)
    }

    /// A secret from a file or from the environment: exactly one of the two must be named.
    pub(super) fn secret(
        &mut self,
        what: &str,
        file: &Option<String>,
        variable: &Option<String>,
    ) -> Result<String, SettingsFault> {
        let fault = |why: String| SettingsFault::Secret(self.name.into(), what.into(), why);
        let given = self.given.iter().find(|(name, _)| *name == what);
        let text =
            match (given, file, variable) {
                (Some((_, text)), ..) => (*text).to_owned(),
                (None, Some(file), None) => std::fs::read_to_string(file)
                    .map_err(|error| fault(format!("{file}: {error}")))?,
                (None, None, Some(variable)) => std::env::var(variable)
                    .map_err(|error| fault(format!("{variable}: {error}")))?,
                _ => return Err(fault("name either a file or a variable".into())),
            };
        let text = text.trim();
        if text.is_empty() || text.len() > SECRET_LIMIT {
            return Err(fault("empty or far too long".into()));
        }
        self.hides(text.to_owned());
        Ok(text.to_owned())
    }

    /// The key of the hook of a gateway that signs nothing.
    pub(super) fn hook_key(
        &mut self,
        file: &Option<String>,
        variable: &Option<String>,
    ) -> Result<HookKey, SettingsFault> {
        let what = "hook_key";
        let text = self.secret(what, file, variable)?;
        HookKey::new(&text)
            .map_err(|why| SettingsFault::Secret(self.name.into(), what.into(), why.into()))
    }

    /// Another form of a secret, which no log may show either.
    pub(super) fn hides(&mut self, secret: String) {
        self.secrets.push(secret);
    }

    /// The address of the gateway, without a slash at its end.
    pub(super) fn base_url<'u>(
        &self,
        url: &'u str,
        real: &[&str],
    ) -> Result<&'u str, SettingsFault> {
        let base = url.trim_end_matches('/');
        check_url(base, self.realm, real)
            .map_err(|what| self.fault(format!("base_url: {what}")))?;
        Ok(base)
    }

    /// The URL at which the gateway reaches us.
    pub(super) fn callback_url(&self, url: &str, real: &[&str]) -> Result<(), SettingsFault> {
        check_url(url, Realm::Practice, real)
            .map_err(|what| self.fault(format!("callback_url: {what}")))
    }

    /// Everything that was read: what must never appear in a log.
    pub(super) fn into_secrets(self) -> Vec<String> {
        self.secrets
    }
}

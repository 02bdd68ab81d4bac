//! The list of gateway kinds (a line each) and the gateways of this installation, made from its
//! settings. It reads secrets from files or the environment and calls nothing.

use std::sync::Arc;

use serde::Deserialize;

use super::Provider;
use super::aliyun::AliyunSettings;
use super::cmpp::CmppSettings;
use super::huawei::HuaweiSettings;
use super::kannel::KannelSettings;
use super::mas::MasSettings;
use super::smpp::SmppSettings;
use super::tencent::TencentSettings;
use super::twilio::TwilioSettings;
use crate::domain::lane::{Lane, Realm};

/// The most gateways one installation may name.
pub const PROVIDER_LIMIT: usize = 64;
const SECRET_LIMIT: usize = 4_096;

/// What the settings of every kind tell.
pub(super) trait Kind {
    /// The way its messages take.
    fn lane(&self) -> Lane;
    fn realm(&self) -> Realm;
    /// Reads its secrets and builds the gateway: a codec of HTTP, or a session by its protocol.
    fn build(&self) -> Result<Arc<dyn Provider>, SettingsFault>;
}

macro_rules! kinds {
    ($($kind:ident($settings:ty),)+) => {
        /// One `[[provider]]` of the settings; `kind` says which codec reads the rest.
        #[derive(Debug, Clone, Deserialize)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        pub enum ProviderSettings {
            $($kind($settings),)+
        }

        impl ProviderSettings {
            fn kind(&self) -> &dyn Kind {
                match self {
                    $(ProviderSettings::$kind(settings) => settings,)+
                }
            }
        }
    };
}

kinds! {
    Aliyun(AliyunSettings),
    Cmpp(CmppSettings),
    Huawei(HuaweiSettings),
    Kannel(KannelSettings),
    Mas(MasSettings),
    Smpp(SmppSettings),
    Tencent(TencentSettings),
    Twilio(TwilioSettings),
}

/// Settings that must be mended before the installation can start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsFault {
    #[error("provider {0:?}: {1}")]
    Value(String, String),
    #[error("provider {0:?}: the secret {1} cannot be read: {2}")]
    Secret(String, String, String),
    #[error("provider name {0:?}: 1 to 32 small letters, digits and hyphens, each name once")]
    Name(String),
    #[error("provider {0:?} is live, but this installation is for practice only")]
    LiveInPractice(String),
    #[error("more than {PROVIDER_LIMIT} providers")]
    TooMany,
}

/// The gateways of this installation.
#[derive(Clone, Default)]
pub struct Registry {
    providers: Vec<Arc<dyn Provider>>,
}

impl Registry {
    /// Builds every gateway or names the first fault. A practice installation loads no real one.
    pub fn load(
        settings: &[ProviderSettings],
        installation_practice: bool,
    ) -> Result<Registry, SettingsFault> {
        let mut registry = Registry::default();
        for settings in settings {
            registry.add(settings.kind().build()?, installation_practice)?;
        }
        Ok(registry)
    }

    /// Adds a gateway that was built elsewhere (stories, tests), under the same rules.
    pub fn add(
        &mut self,
        provider: Arc<dyn Provider>,
        installation_practice: bool,
    ) -> Result<(), SettingsFault> {
        let name = provider.name();
        let fit = (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fit || self.by_name(name).is_some() {
            return Err(SettingsFault::Name(name.into()));
        }
        if installation_practice && provider.realm() == Realm::Live {
            return Err(SettingsFault::LiveInPractice(name.into()));
        }
        if self.providers.len() == PROVIDER_LIMIT {
            return Err(SettingsFault::TooMany);
        }
        self.providers.push(provider);
        Ok(())
    }

    /// The gateway of that name, as it stands in `/hooks/{provider}`.
    pub fn by_name(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.iter().find(|provider| provider.name() == name)
    }

    /// The gateways of one lane in one world, in the order of the settings.
    pub fn of(&self, lane: Lane, realm: Realm) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.iter().filter(move |p| p.lane() == lane && p.realm() == realm)
    }

    /// All gateways, in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.iter()
    }

    /// What must never appear in a log, of all gateways.
    pub fn secrets(&self) -> Vec<String> {
        self.iter().flat_map(|provider| provider.secrets()).collect()
    }
}

impl ProviderSettings {
    /// The way its messages take, and in which world; no secret is read for it.
    pub fn way(&self) -> (Lane, Realm) {
        (self.kind().lane(), self.kind().realm())
    }
}

/// A secret from a file or from the environment: exactly one of the two must be named.
pub(super) fn secret(
    provider: &str,
    what: &str,
    file: Option<&str>,
    variable: Option<&str>,
) -> Result<String, SettingsFault> {
    let fault = |why: String| SettingsFault::Secret(provider.into(), what.into(), why);
    let text = match (file, variable) {
        (Some(file), None) => {
            std::fs::read_to_string(file).map_err(|error| fault(format!("{file}: {error}")))?
        }
        (None, Some(variable)) => {
            std::env::var(variable).map_err(|error| fault(format!("{variable}: {error}")))?
        }
        _ => return Err(fault("name either a file or a variable".into())),
    };
    let text = text.trim();
    if text.is_empty() || text.len() > SECRET_LIMIT {
        return Err(fault("empty or far too long".into()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Settings {
        provider: Vec<ProviderSettings>,
    }

    fn parse(text: &str) -> Result<Vec<ProviderSettings>, toml::de::Error> {
        toml::from_str::<Settings>(text).map(|settings| settings.provider)
    }

    fn entry(name: &str, realm: &str, base: &str) -> String {
        // A variable every Unix process of cargo has: the tests must not change the environment.
        format!(
            "[[provider]]\nkind = \"twilio\"\nname = \"{name}\"\nrealm = \"{realm}\"\n\
             account_sid = \"AC1\"\nauth_token_env = \"CARGO_MANIFEST_DIR\"\n\
             base_url = \"{base}\"\nfrom = \"+8610690001\"\n\
             callback_url = \"https://alert.example.gov.cn/hooks/{name}\"\n"
        )
    }

    fn load(text: &str, practice: bool) -> Result<Registry, SettingsFault> {
        Registry::load(&parse(text).unwrap(), practice)
    }

    #[test]
    fn gateways_are_found_by_name_lane_and_realm() {
        let text = entry("twilio-a", "live", "https://api.twilio.com")
            + &entry("practice", "practice", "http://127.0.0.1:8700");
        let registry = load(&text, false).unwrap();
        assert_eq!(registry.by_name("practice").unwrap().realm(), Realm::Practice);
        let loaded: Vec<_> = registry.iter().map(|p| (p.lane(), p.realm())).collect();
        let named: Vec<_> = parse(&text).unwrap().iter().map(ProviderSettings::way).collect();
        assert_eq!(named, loaded, "what the settings say without a secret");
        let live: Vec<_> = registry.of(Lane::Sms, Realm::Live).map(|p| p.name()).collect();
        assert_eq!(live, ["twilio-a"]);
        assert_eq!(registry.of(Lane::Voice, Realm::Live).count(), 0);
        assert!(registry.secrets().contains(&env!("CARGO_MANIFEST_DIR").to_owned()));
        assert!(registry.by_name("").is_none());
    }

    #[test]
    fn a_practice_installation_loads_no_real_gateway() {
        let text = entry("twilio-a", "live", "https://api.twilio.com");
        let fault = load(&text, true).err();
        assert_eq!(fault, Some(SettingsFault::LiveInPractice("twilio-a".into())));
        assert!(load(&text, false).is_ok());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (realm, base) in [
            ("live", "http://api.twilio.com"),
            ("practice", "https://api.twilio.com"),
            ("practice", "ftp://127.0.0.1"),
            ("practice", "127.0.0.1"),
            ("practice", "http://user@127.0.0.1"),
            ("practice", ""),
        ] {
            let fault = load(&entry("a", realm, base), false).err();
            assert!(matches!(fault, Some(SettingsFault::Value(..))), "{realm} {base}: {fault:?}");
        }
        let twice = entry("a", "practice", "http://127.0.0.1:1").repeat(2);
        assert_eq!(load(&twice, false).err(), Some(SettingsFault::Name("a".into())));
        let odd = entry("名字", "practice", "http://127.0.0.1:1");
        assert_eq!(load(&odd, false).err(), Some(SettingsFault::Name("名字".into())));
        let fine = entry("a", "practice", "http://127.0.0.1:1");
        for (from, to) in [
            ("auth_token_env = \"CARGO_MANIFEST_DIR\"", ""),
            ("auth_token_env = \"CARGO_MANIFEST_DIR\"", "auth_token_env = \"NO_SUCH_ONE\""),
            ("auth_token_env", "auth_token_file"),
        ] {
            let fault = load(&fine.replace(from, to), false).err();
            assert!(matches!(fault, Some(SettingsFault::Secret(..))), "{to}: {fault:?}");
        }
        assert!(parse(&fine.replace("twilio", "pigeon")).is_err());
        assert!(parse(&(fine + "auth_token = \"in plain sight\"\n")).is_err());
    }
}

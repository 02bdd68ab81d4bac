//! The list of gateway kinds (a line each) and the gateways of this installation, made from its
//! settings. It calls nothing.

use std::sync::Arc;

use serde::Deserialize;

use super::aliyun::AliyunSettings;
use super::cmpp::CmppSettings;
use super::huawei::HuaweiSettings;
use super::kannel::KannelSettings;
use super::mas::MasSettings;
use super::official::OfficialSettings;
use super::opening::Opening;
use super::smpp::SmppSettings;
use super::tencent::TencentSettings;
use super::twilio::TwilioSettings;
use super::wecom::WecomSettings;
use super::{Provider, Speaks};
use crate::domain::lane::{Lane, Realm};

/// The most gateways one installation may name.
pub const PROVIDER_LIMIT: usize = 64;

/// What the settings of every kind tell, beside their `name` and `realm`.
pub(super) trait Kind {
    /// The way its messages take.
    fn lane(&self) -> Lane {
        Lane::Sms
    }
    /// Reads its secrets and builds its codec of HTTP, or its connections with their protocol.
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault>;
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
            /// Its name, its world, and what only its kind knows.
            fn parts(&self) -> (&str, Realm, &dyn Kind) {
                match self {
                    $(ProviderSettings::$kind(own) => (&own.name, own.realm, own),)+
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
    Official(OfficialSettings),
    Smpp(SmppSettings),
    Tencent(TencentSettings),
    Twilio(TwilioSettings),
    Wecom(WecomSettings),
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
    providers: Vec<Arc<Provider>>,
}

impl Registry {
    /// Builds every gateway or names the first fault. A practice installation loads no real one.
    pub fn load(
        settings: &[ProviderSettings],
        installation_practice: bool,
    ) -> Result<Registry, SettingsFault> {
        let mut registry = Registry::default();
        for settings in settings {
            registry.add(Arc::new(settings.open(&[])?), installation_practice)?;
        }
        Ok(registry)
    }

    /// Adds a gateway that was built elsewhere (stories, tests), under the same rules.
    pub fn add(
        &mut self,
        provider: Arc<Provider>,
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
    pub fn by_name(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.iter().find(|provider| provider.name() == name)
    }

    /// The gateways of one lane in one world, in the order of the settings.
    pub fn of(&self, lane: Lane, realm: Realm) -> impl Iterator<Item = &Arc<Provider>> {
        self.iter().filter(move |p| p.lane() == lane && p.realm() == realm)
    }

    /// All gateways, in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.iter()
    }

    /// What must never appear in a log, of all gateways.
    pub fn secrets(&self) -> Vec<String> {
        self.iter().flat_map(|provider| provider.secrets().to_vec()).collect()
    }
}

impl ProviderSettings {
    /// The way its messages take, and in which world; no secret is read for it.
    pub fn way(&self) -> (Lane, Realm) {
        let (_, realm, kind) = self.parts();
        (kind.lane(), realm)
    }

    /// Builds the gateway. Secrets are read as the settings say, but for those that are handed in
    /// under their names (stories and benches have no files for them).
    pub fn open(&self, secrets: &[(&str, &str)]) -> Result<Provider, SettingsFault> {
        let (name, realm, kind) = self.parts();
        let mut opening = Opening::new(name, realm, secrets);
        let speaks = kind.open(&mut opening)?;
        let (name, lane) = (name.to_owned(), kind.lane());
        Ok(Provider { name, realm, lane, speaks, secrets: opening.into_secrets() })
    }
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

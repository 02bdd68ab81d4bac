//! Settings from a file and the environment: shape, defaults, and faults that name the field. It
//! opens nothing; `build` does.

use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use serde::Deserialize;

use crate::channel::http::HttpLimits;
use crate::channel::registry::ProviderSettings;
use crate::domain::shift;
use crate::queue::QueueSettings;
use crate::render::{SIGNATURE_UNITS, check_wording};

/// Settings that can't be used as they stand; the text names the field.
#[derive(Debug, thiserror::Error)]
#[error("settings: {0}")]
pub struct SettingsFault(pub String);

/// All of it. A field nobody knows is a fault, not a silence.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub installation: Installation,
    pub database: Database,
    pub queue: Queue,
    pub web: Web,
    pub dispatch: Dispatch,
    /// `[[provider]]`: the gateways.
    pub provider: Vec<ProviderSettings>,
    /// Messages a second by gateway name; none: as fast as it answers.
    pub rate: std::collections::BTreeMap<String, f64>,
}

/// Whose installation it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Installation {
    /// The office's signature without brackets.
    pub signature: String,
    /// Marked practice: no live gateway is loaded.
    pub practice: bool,
    /// The file with the installation's key: 64 hex digits.
    pub key_file: PathBuf,
    /// Plans of its own; none: those built in.
    pub plans_file: Option<PathBuf>,
    /// Whether a plain 收到 is thanked.
    pub thank_receipts: bool,
    /// The county's zone: when a day begins, and its calendar.
    pub zone: String,
    /// Texts of messages and answers are erased after so many days.
    pub retention_days: i64,
    /// When shifts of the duty room end, HH:MM: by then a bypass is countersigned.
    pub shift_ends: Vec<String>,
}

impl Installation {
    /// The ends of shifts as minutes of the day.
    pub fn shift_minutes(&self) -> Vec<i64> {
        self.shift_ends.iter().filter_map(|end| shift::minute_of_day(end)).collect()
    }
}

impl Default for Installation {
    fn default() -> Installation {
        Installation {
            signature: "余姚市防指".into(),
            practice: false,
            key_file: "tongluo.key".into(),
            plans_file: None,
            thank_receipts: false,
            zone: "Asia/Shanghai".into(),
            retention_days: 365,
            shift_ends: shift::DEFAULT_ENDS.map(str::to_owned).to_vec(),
        }
    }
}

/// The store.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    pub connections: u32,
}

impl Default for Database {
    fn default() -> Database {
        Database { url: "sqlite:tongluo.db".into(), connections: 16 }
    }
}

/// Without the URL: it carries a password.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("url", &crate::store::db::mask(&self.url))
            .field("connections", &self.connections)
            .finish()
    }
}

/// The queue.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// `memory:` or `amqp://…`.
    pub url: String,
    pub prefix: String,
    pub version: u32,
    pub prefetch: u16,
    pub depth_max: u32,
}

impl Default for Queue {
    fn default() -> Queue {
        let own = QueueSettings::new("memory:");
        Queue {
            url: own.url,
            prefix: own.prefix,
            version: own.version,
            prefetch: own.prefetch,
            depth_max: own.depth_max,
        }
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.for_queue())
    }
}

impl Queue {
    /// As the queue's room wants them.
    pub fn for_queue(&self) -> QueueSettings {
        QueueSettings {
            prefix: self.prefix.clone(),
            version: self.version,
            prefetch: self.prefetch,
            depth_max: self.depth_max,
            ..QueueSettings::new(self.url.clone())
        }
    }
}

/// HTTP in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Where callbacks are listened for.
    pub listen: String,
    /// The address by which gateways and people reach it.
    pub public_url: Option<String>,
    /// Proxies of ours, believed about the address they speak for.
    pub proxies: Vec<std::net::IpAddr>,
}

impl Default for Web {
    fn default() -> Web {
        Web { listen: "127.0.0.1:8600".into(), public_url: None, proxies: Vec::new() }
    }
}

/// Calls out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dispatch {
    /// Open calls to gateways in this process.
    pub calls_open: usize,
    /// A call without an answer by then is unknown.
    pub call_timeout_ms: u64,
}

impl Default for Dispatch {
    fn default() -> Dispatch {
        Dispatch {
            calls_open: crate::base::limits::CALLS_OPEN,
            call_timeout_ms: HttpLimits::default().total_ms,
        }
    }
}

/// The file looked for where none is named; it need not exist.
pub const DEFAULT_FILE: &str = "tongluo.toml";
/// Bytes of a settings file at most.
const FILE_BYTES: u64 = 1 << 20;

impl Settings {
    /// From the named file (or `tongluo.toml` where it exists) and `TONGLUO_SECTION__KEY`.
    pub fn load(file: Option<&Path>) -> Result<Settings, SettingsFault> {
        let text = match file {
            Some(path) => Some(read(path)?),
            None if Path::new(DEFAULT_FILE).is_file() => Some(read(Path::new(DEFAULT_FILE))?),
            None => None,
        };
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Settings::parse(text.as_deref().unwrap_or_default(), variables)
    }

    /// From text and variables: what `load` does, without a file or an environment.
    pub fn parse(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Settings, SettingsFault> {
        let source = variables
            .into_iter()
            .filter_map(|(name, value)| Some((spelled(&name)?, value)))
            .collect();
        let environment = Environment::with_prefix("TONGLUO")
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .source(Some(source));
        let settings: Settings = Config::builder()
            .add_source(File::from_str(text, FileFormat::Toml))
            .add_source(environment)
            .build()
            .and_then(Config::try_deserialize)
            .map_err(|fault| SettingsFault(fault.to_string()))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsFault> {
        let fault = |text: String| Err(SettingsFault(text));
        let url = &self.database.url;
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
        {
            return fault("database.url: write sqlite:PATH or postgres://…".into());
        }
        if !(2..=200).contains(&self.database.connections) {
            return fault("database.connections: 2 to 200".into());
        }
        if !(1..=4_096).contains(&self.dispatch.calls_open) {
            return fault("dispatch.calls_open: 1 to 4096".into());
        }
        if !(100..=120_000).contains(&self.dispatch.call_timeout_ms) {
            return fault("dispatch.call_timeout_ms: 100 to 120000".into());
        }
        if jiff::tz::TimeZone::get(&self.installation.zone).is_err() {
            return fault(
                "installation.zone: no such zone; write one such as Asia/Shanghai".into(),
            );
        }
        if !(1..=36_500).contains(&self.installation.retention_days) {
            return fault("installation.retention_days: 1 to 36500".into());
        }
        let signature = &self.installation.signature;
        if let Err(rule) = check_wording("installation.signature", signature, SIGNATURE_UNITS) {
            return fault(format!("{rule}; without brackets"));
        }
        let ends = &self.installation.shift_ends;
        if !(1..=6).contains(&ends.len()) || self.installation.shift_minutes().len() != ends.len() {
            return fault("installation.shift_ends: one to six times, as 08:00".into());
        }
        if self.web.listen.parse::<std::net::SocketAddr>().is_err() {
            return fault(format!("web.listen: {:?} is no ADDRESS:PORT", self.web.listen));
        }
        if let Some((name, _)) =
            self.rate.iter().find(|(_, rate)| !rate.is_finite() || **rate <= 0.0)
        {
            return fault(format!("rate.{name}: messages a second, more than 0"));
        }
        self.queue.for_queue().check().map_err(SettingsFault)
    }
}

/// The two short names, and only variables that are settings: a token is none.
fn spelled(name: &str) -> Option<String> {
    match name {
        "TONGLUO_DATABASE_URL" => Some("TONGLUO_DATABASE__URL".into()),
        "TONGLUO_QUEUE_URL" => Some("TONGLUO_QUEUE__URL".into()),
        other => (other.starts_with("TONGLUO_") && other.contains("__")).then(|| other.to_owned()),
    }
}

fn read(path: &Path) -> Result<String, SettingsFault> {
    let fault = |why: String| SettingsFault(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?;
    if size.len() > FILE_BYTES {
        return Err(fault("larger than 1 MB".into()));
    }
    std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Settings::parse(text, variables.iter().map(owned)).map_err(|fault| fault.to_string())
    }

    #[test]
    fn nothing_is_needed_and_the_environment_wins() {
        let plain = parse("", &[]).unwrap();
        assert_eq!(plain.database.url, "sqlite:tongluo.db");
        let text = "[database]\nurl = \"sqlite:a.db\"\n[installation]\nsignature = \"凤山街道\"\n";
        let variables = [
            ("TONGLUO_DATABASE_URL", "postgres://localhost/tongluo"),
            ("TONGLUO_QUEUE__PREFIX", "yuyao"),
            ("TONGLUO_DISPATCH__CALLS_OPEN", "16"),
            ("TONGLUO_TOKEN", "geheim"),
        ];
        let settings = parse(text, &variables).unwrap();
        assert_eq!(settings.database.url, "postgres://localhost/tongluo");
        assert_eq!(settings.queue.prefix, "yuyao");
        assert_eq!(settings.dispatch.calls_open, 16);
        assert_eq!(settings.installation.signature, "凤山街道");
    }

    #[test]
    fn a_fault_names_its_field() {
        for (text, names) in [
            ("[database]\nurll = \"x\"", "urll"),
            ("[databse]\nurl = \"x\"", "databse"),
            ("[database]\nurl = \"mysql://x\"", "database.url"),
            ("[database]\nconnections = \"many\"", "database.connections"),
            ("[dispatch]\ncalls_open = 0", "dispatch.calls_open"),
            ("[web]\nlisten = \"8600\"", "web.listen"),
            ("[queue]\nprefix = \"a b\"", "queue.prefix"),
            ("[rate]\npractice = -1.0", "rate.practice"),
            ("[installation]\nsignature = \"\"", "installation.signature"),
            ("[installation]\nsignature = \"【余姚】\"", "installation.signature: has a"),
            ("[installation]\nsignature = \"余姚市防汛防旱防台抗旱指挥部\"", "at most 12"),
            ("[installation]\nzone = \"余姚\"", "installation.zone"),
            ("[installation]\nretention_days = 0", "installation.retention_days"),
            ("[installation]\nshift_ends = [\"8点\"]", "installation.shift_ends"),
            ("[[provider]]\nkind = \"pigeon\"", "pigeon"),
        ] {
            let fault = parse(text, &[]).unwrap_err();
            assert!(fault.contains(names), "{text}: {fault}");
        }
        let variables = [("TONGLUO_WEB__LISTNE", "127.0.0.1:1")];
        assert!(parse("", &variables).unwrap_err().contains("listne"));
    }

    #[test]
    fn the_example_is_read() {
        let text = include_str!("../../config/tongluo.toml");
        parse(text, &[]).unwrap();
        let opened: String = text
            .lines()
            .map(|line| line.strip_prefix("#= ").unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n");
        let settings = parse(&opened, &[]).unwrap();
        assert_eq!(settings.provider.len(), 10, "a block for each kind");
        assert!(settings.rate.contains_key("practice"));
    }

    #[test]
    fn the_practice_installation_of_the_readme_is_one() {
        let settings = parse(include_str!("../../config/practice.toml"), &[]).unwrap();
        assert!(settings.installation.practice && settings.web.public_url.is_some());
        let way = settings.provider[0].way();
        assert_eq!(way, (crate::domain::lane::Lane::Sms, crate::domain::lane::Realm::Practice));
    }

    #[test]
    fn no_password_is_printed() {
        let variables = [
            ("TONGLUO_DATABASE_URL", "postgres://gong:geheim@localhost/tongluo"),
            ("TONGLUO_QUEUE_URL", "amqp://gong:geheim@localhost/%2f"),
        ];
        let printed = format!("{:?}", parse("", &variables).unwrap());
        assert!(!printed.contains("geheim"), "{printed}");
    }
}

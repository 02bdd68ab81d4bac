//! From settings to an engine: key, store, queue, gateways, clock. It starts no task but the
//! queue's own; `serve` does. A store is opened only with the key by which it was sealed.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use serde_json::json;

use super::Said;
use super::settings::Settings;
use crate::base::clock::CarriedClock;
use crate::base::entropy::Entropy;
use crate::base::seal::Sealer;
use crate::channel::http::{HttpLimits, HttpTransport};
use crate::channel::registry::{ProviderSettings, Registry};
use crate::domain::plan::Plans;
use crate::engine::{Engine, EngineParts, EngineSettings, Gateway};
use crate::queue::QueueSettings;
use crate::render::Messages;
use crate::store::db::mask;
use crate::store::{Store, keyed, migrate as schema, view};

/// What a store keeps the key's mark of.
const KEY_TEXT: &str = "this store's key";

/// An engine with the clock that it is carried by.
pub struct Built {
    pub engine: Arc<Engine>,
    pub clock: Arc<CarriedClock>,
}

/// The engine, for those who only hand it on.
pub type EngineHandle = Engine;

/// Whether this process takes part in the queue, or only acts on the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Publishes and consumes hints.
    Dispatcher,
    /// Writes rows; those who dispatch find them.
    Bystander,
}

/// Opens and migrates the store, connects the queue and puts the engine together.
pub async fn build_engine(settings: &Settings, part: Part) -> anyhow::Result<Built> {
    let installation = &settings.installation;
    let sealer = find_key(settings).await?;
    let store = open_store(settings).await?;
    check_key(settings, &store, &sealer).await?;
    let now_ms = view::now_ms(&store).await?;
    let clock = Arc::new(CarriedClock::new(now_ms, now_ms, 1.0));
    let entropy = Entropy::system();
    let mut queue_settings = match part {
        Part::Dispatcher => settings.queue.for_queue(),
        Part::Bystander => QueueSettings::new("memory:"),
    };
    queue_settings.jitter_seed = entropy.below(i64::MAX).unsigned_abs();
    let queue = crate::queue::connect(&queue_settings).await?;
    // A bystander calls no gateway, and needs no secret of one.
    let registry = match part {
        Part::Dispatcher => Registry::load(&settings.provider, installation.practice)?,
        Part::Bystander => Registry::default(),
    };
    let limits =
        HttpLimits { total_ms: settings.dispatch.call_timeout_ms, ..HttpLimits::default() };
    let transport = HttpTransport::new(limits, registry.secrets())?;
    let gateways = registry
        .iter()
        .map(|provider| Gateway {
            rate_per_second: settings.rate.get(provider.name()).copied(),
            provider: provider.clone(),
        })
        .collect();
    let engine = Engine::new(EngineParts {
        store,
        queue,
        transport: Arc::new(transport),
        gateways,
        sealer,
        clock: clock.clone(),
        messages: Messages::embedded()?,
        plans: read_plans(installation.plans_file.as_deref())?,
        settings: EngineSettings {
            owner: format!("{}-{:x}", std::process::id(), entropy.below(1 << 40)),
            signature: installation.signature.clone(),
            practice: installation.practice,
            thank_receipts: installation.thank_receipts,
            calls_open: settings.dispatch.calls_open,
            shift_ends: settings.installation.shift_minutes(),
            public_url: settings.web.public_url.clone(),
        },
        entropy,
    })?;
    let named = settings.provider.iter().map(ProviderSettings::way).collect();
    let engine = Arc::new(engine.knowing(named));
    Ok(Built { engine, clock })
}

/// Brings the schema of the store named by the settings up to this program.
pub async fn migrate(settings: &Settings) -> anyhow::Result<Said> {
    open_store(settings).await?.close().await;
    let shown = mask(&settings.database.url);
    Ok(Said::new(json!({"database": shown}), format!("{shown}: the schema is this program's")))
}

/// Opens the store and brings its schema up to this program.
pub async fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    let database = &settings.database;
    let shown = mask(&database.url);
    let store = Store::open(&database.url, database.connections)
        .await
        .with_context(|| format!("database.url: cannot open {shown}"))?;
    schema::migrate(&store).await.with_context(|| format!("cannot migrate {shown}"))?;
    Ok(store)
}

/// The installation's key. Where its file is missing, what to do depends on whether the store was
/// sealed already.
async fn find_key(settings: &Settings) -> anyhow::Result<Sealer> {
    let path = &settings.installation.key_file;
    if path.try_exists().unwrap_or(true) || !is_sealed(settings).await {
        return read_key(path);
    }
    let missing = format!("there is no {}", path.display());
    Err(anyhow!(needs_its_key(settings, &missing)))
}

/// The installation's key from its file.
pub fn read_key(path: &Path) -> anyhow::Result<Sealer> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("installation.key_file: cannot read {name}; `tongluo key new` makes one")
    })?;
    Sealer::from_hex(&text).with_context(|| format!("installation.key_file: {name}"))
}

/// Refuses a key that is not the one by which the store was sealed; the first to open a store
/// leaves its key's mark there.
async fn check_key(settings: &Settings, store: &Store, sealer: &Sealer) -> anyhow::Result<()> {
    let kept = keyed::keep_mark(store, &sealer.mark(KEY_TEXT)).await?;
    if sealer.is_mark(KEY_TEXT, &kept) {
        return Ok(());
    }
    let wrong = format!("{} holds another key", settings.installation.key_file.display());
    Err(anyhow!(needs_its_key(settings, &wrong)))
}

fn needs_its_key(settings: &Settings, why: &str) -> String {
    let shown = mask(&settings.database.url);
    format!(
        "installation.key_file: {why}, and everything personal in {shown} opens only with the key \
         by which it was sealed: put that file back from where it is kept, or name it. A new key \
         opens nothing there; without the old one begin with an empty database and the roster"
    )
}

/// Whether a key has sealed this store. It is not made for the question; one that can't be asked
/// is asked again when it is opened.
async fn is_sealed(settings: &Settings) -> bool {
    let url = &settings.database.url;
    if !Store::may_exist(url) {
        return false;
    }
    let Ok(store) = Store::open(url, 2).await else {
        return false;
    };
    // Without a schema there is no mark either.
    let mark = keyed::mark(&store).await;
    store.close().await;
    mark.is_ok_and(|mark| mark.is_some())
}

/// Makes the first key of an installation: none where its store was sealed with one already.
pub async fn make_first_key(settings: &Settings) -> anyhow::Result<Said> {
    let path = &settings.installation.key_file;
    if !path.try_exists().unwrap_or(true) && is_sealed(settings).await {
        let missing = format!("there is no {}", path.display());
        return Err(anyhow!(needs_its_key(settings, &missing)));
    }
    make_key(path)?;
    let text = format!("{}: made; keep a copy of it apart from the backups", path.display());
    Ok(Said::new(json!({"key_file": path}), text))
}

/// Makes a key file that only its owner can read. One that exists is never overwritten: what it
/// sealed could not be opened again.
pub fn make_key(path: &Path) -> anyhow::Result<()> {
    let key: [u8; 32] = Entropy::system().bytes();
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|fault| match fault.kind() {
        std::io::ErrorKind::AlreadyExists => anyhow!(
            "installation.key_file: {} exists: what it sealed opens with no other key; \
             a new installation needs another file",
            path.display()
        ),
        _ => anyhow!("installation.key_file: cannot make {}: {fault}", path.display()),
    })?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    Ok(())
}

fn read_plans(path: Option<&Path>) -> anyhow::Result<Plans> {
    let plans = match path {
        None => Plans::defaults(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("installation.plans_file: {}", path.display()))?;
            Plans::parse(&text)
        }
    };
    match plans {
        Ok(plans) => Ok(plans),
        Err(faults) => {
            let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
            bail!("installation.plans_file: {}", all.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let path = std::env::temp_dir().join(format!("tongluo_{}.key", std::process::id()));
        let missing = read_key(&path).err().unwrap();
        assert!(format!("{missing:#}").contains("key_file"), "{missing:#}");
        make_key(&path).unwrap();
        let sealed = read_key(&path).unwrap().seal("+8612700000001");
        assert!(make_key(&path).is_err());
        let opened = read_key(&path).unwrap().open(&sealed).unwrap();
        assert_eq!(opened, "+8612700000001");
        std::fs::remove_file(&path).unwrap();
    }
}

//! The life of a serving process: build, serve, pump, measure the store's clock, and at SIGTERM or
//! Ctrl-C take nothing new, finish what is in flight and go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::build::{self, Built, Part};
use super::calendar;
use super::sessions::Sessions;
use super::settings::Settings;
use crate::base::clock::CarriedClock;
use crate::domain::setup_code::SetupCode;
use crate::engine::calendar::Calendar;
use crate::engine::pump::{self, Pulse, Roles};
use crate::store::{Dialect, view};
use crate::web::{self, Patience, WebSettings};

const MEASURE_EVERY_MS: u64 = 30_000;
/// Clocks further apart than this dispatch nothing.
const CLOCK_OFF_MS: i64 = 2_000;
/// How long requests may take after the stop.
const WEB_DRAIN_MS: u64 = 10_000;

/// What this process shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duties {
    pub web: bool,
    pub roles: Roles,
}

impl Duties {
    /// From `web,dispatch,clock`, any of them, in any order.
    pub fn parse(text: &str) -> anyhow::Result<Duties> {
        let mut duties = Duties { web: false, roles: Roles { dispatch: false, clock: false } };
        for word in text.split(',').map(str::trim) {
            match word {
                "web" => duties.web = true,
                "dispatch" => duties.roles.dispatch = true,
                "clock" => duties.roles.clock = true,
                other => bail!("--roles: {other:?} is none of web, dispatch, clock"),
            }
        }
        Ok(duties)
    }
}

/// Serves until the process is told to stop.
pub async fn serve(settings: &Settings, duties: Duties) -> anyhow::Result<()> {
    let (end, stop) = watch::channel(false);
    let signals = tokio::spawn(async move {
        told_to_stop().await;
        tracing::info!("stopping: nothing new is taken");
        let _ = end.send(true);
        // Kept until the process ends: a dropped sender reads as a stop as well.
        std::future::pending::<()>().await;
    });
    let served = serve_until(settings, duties, stop).await;
    signals.abort();
    served
}

/// The same until `stop` says so.
pub async fn serve_until(
    settings: &Settings,
    duties: Duties,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let built = build::build_engine(settings, Part::Dispatcher).await?;
    for fault in built.engine.gateway_faults() {
        tracing::warn!(what = fault.name, said = fault.said, remedy = fault.remedy, "not ready");
    }
    let pulse = Arc::new(Pulse::default());
    let measuring = tokio::spawn(measure(built.clone_parts(), pulse.clone(), stop.clone()));
    let mut calendar = None;
    if duties.roles.clock {
        let installation = &settings.installation;
        let zone = jiff::tz::TimeZone::get(&installation.zone).context("installation.zone")?;
        let days = Calendar { zone, retention_days: installation.retention_days };
        calendar = Some(tokio::spawn(calendar::keep(built.engine.clone(), days, stop.clone())));
    }
    let web = match duties.web {
        true => Some(open_web(settings, &built, &pulse, &stop).await?),
        false => None,
    };
    let sessions = duties.roles.dispatch.then(|| Sessions::open(&built.engine));
    tracing::info!(?duties, "serving");
    pump::run_with(built.engine.clone(), duties.roles, pulse.clone(), stop.clone()).await;
    if let Some(sessions) = sessions {
        sessions.close().await;
    }
    if let Some(web) = web
        && tokio::time::timeout(Duration::from_millis(WEB_DRAIN_MS), web).await.is_err()
    {
        tracing::warn!("requests were cut off");
    }
    measuring.abort();
    if let Some(calendar) = calendar {
        calendar.await.context("the calendar broke")??;
    }
    built.engine.store.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn open_web(
    settings: &Settings,
    built: &Built,
    pulse: &Arc<Pulse>,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let listen = &settings.web.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("web.listen: cannot listen on {listen}"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    // Replies go on being grouped until the last request is answered.
    let (hold, grouping) = watch::channel(false);
    let faces = WebSettings {
        public_url: settings.web.public_url.clone(),
        proxies: settings.web.proxies.clone(),
        setup_code: setup_code(built, settings).await?,
    };
    let patience = Patience { proxies: faces.proxies.clone(), ..Patience::default() };
    let routes = web::routes(built.engine.clone(), pulse.clone(), faces, &grouping)?;
    let mut stop = stop.clone();
    let done = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    Ok(tokio::spawn(async move {
        web::serve(listener, routes, patience, done).await;
        let _ = hold.send(true);
    }))
}

/// While there is no account, a code is told to whoever sees this process's output: with it the
/// first administrator is made. Nowhere else is it shown, and a restart gives another.
async fn setup_code(built: &Built, settings: &Settings) -> anyhow::Result<Option<SetupCode>> {
    if !built.engine.is_without_accounts().await? {
        return Ok(None);
    }
    let code = SetupCode::new(built.engine.entropy.bytes());
    let listen = format!("http://{}", settings.web.listen);
    let address = settings.web.public_url.as_deref().unwrap_or(&listen).trim_end_matches('/');
    let shown = code.shown();
    tracing::warn!("还没有账号：打开 {address}/setup ，输入启动码 {shown} ，创建第一个管理员");
    Ok(Some(code))
}

impl Built {
    fn clone_parts(&self) -> Built {
        Built { engine: self.engine.clone(), clock: self.clock.clone() }
    }
}

/// Holds the carried clock against the store's. An embedded store has this machine's calendar,
/// which may be stepped: there the monotonic clock alone is believed.
async fn measure(built: Built, pulse: Arc<Pulse>, mut stop: watch::Receiver<bool>) {
    if built.engine.store.dialect() == Dialect::Sqlite {
        return;
    }
    let wait = Duration::from_millis(MEASURE_EVERY_MS);
    while tokio::time::timeout(wait, stop.wait_for(|stop| *stop)).await.is_err() {
        match view::now_ms(&built.engine.store).await {
            Ok(now_ms) => judge(&built.clock, &pulse, now_ms),
            Err(fault) => tracing::warn!(%fault, "the store's clock was not measured"),
        }
    }
}

/// Takes a measure of the store's clock. One that is far off holds the dispatch until a later
/// measure agrees with the clock corrected by this one.
fn judge(clock: &CarriedClock, pulse: &Pulse, store_ms: i64) {
    let off_ms = clock.correct(store_ms);
    let held = off_ms.abs() > CLOCK_OFF_MS;
    if held {
        tracing::error!(off_ms, "the clocks disagree: nothing is dispatched");
    }
    pulse.hold.store(held, Ordering::Relaxed);
}

/// Returns at SIGTERM or Ctrl-C.
pub(super) async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut term) = signal(SignalKind::terminate()) else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_disagree_hold_the_dispatch_until_they_agree_again() {
        use crate::base::clock::Clock;
        let clock = CarriedClock::new(1_000_000, 1_000_000, 1.0);
        let pulse = Pulse::default();
        let after = |off_ms: i64| {
            judge(&clock, &pulse, clock.machine_ms() + off_ms);
            pulse.hold.load(Ordering::Relaxed)
        };
        assert!(!after(1_500));
        for hour in [3_600_000, -3_600_000] {
            assert!(after(hour), "stepped by {hour} ms");
            assert!(!after(0), "the next measure agrees");
        }
        assert!(clock.story_ms() < 1_060_000, "the story went on by itself");
    }

    #[test]
    fn roles_are_read() {
        let all = Duties::parse("web, dispatch,clock").unwrap();
        assert!(all.web && all.roles.dispatch && all.roles.clock);
        let some = Duties::parse("clock").unwrap();
        assert!(!some.web && !some.roles.dispatch && some.roles.clock);
        assert!(Duties::parse("web,cook").unwrap_err().to_string().contains("cook"));
    }
}

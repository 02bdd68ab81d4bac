//! `practice gateway` and `practice town`: the other side of the protocols as a process of its own.
//! The two are one simulation: a gateway whose numbers belong to residents, silent or not.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::serve::told_to_stop;
use crate::base::clock::{CarriedClock, calendar_ms};
use crate::channel::http::{HttpLimits, HttpTransport};
pub use crate::practice::gateway::Vendor;
use crate::practice::gateway::{GatewaySettings, GatewaySim, Vices};
use crate::practice::gateway_serve::{Face, serve};
use crate::practice::residents::{Residents, Shares, Silent, Town};

/// How long a call that is never answered stays open.
const HANG_MS: u64 = 60_000;
/// How long calls may take after the stop.
const DRAIN_MS: u64 = 5_000;

/// Approved texts as the command line has them, `CODE=TEXT`.
///
/// # Errors
/// Names the one that is none, and what is missing where there is none at all.
pub fn templates(given: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let parsed = given.iter().map(|one| match one.split_once('=') {
        Some((code, text)) if !code.is_empty() && !text.is_empty() => {
            Ok((code.to_owned(), text.to_owned()))
        }
        Some(_) | None => bail!("--template {one:?}: write CODE=TEXT, as the settings have it"),
    });
    let all: Vec<_> = parsed.collect::<anyhow::Result<_>>()?;
    if all.is_empty() {
        bail!("--template: name the approved texts, CODE=TEXT, as the settings have them");
    }
    Ok(all)
}

/// Who has the numbers of the gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum Behind {
    /// Nobody answers.
    Nobody,
    /// Residents and leaders answer by these shares.
    Town { seed: u64, shares: Box<Shares> },
}

/// What a practice gateway is started with.
#[derive(Debug, Clone)]
pub struct Practice {
    /// `ADDRESS:PORT`, on loopback.
    pub listen: String,
    /// In whose shape it speaks.
    pub vendor: Vendor,
    pub account_sid: String,
    /// The environment's name for the account's token.
    pub token_variable: String,
    pub number: String,
    /// Where callbacks go: our `/hooks/{provider}`.
    pub hook_url: String,
    /// Messages a second; none: as fast as asked.
    pub rate_per_second: Option<f64>,
    /// Story milliseconds in one real millisecond.
    pub speed: f64,
    pub behind: Behind,
}

/// Serves until SIGTERM or Ctrl-C; calls that hang are cut off then.
pub async fn run(practice: Practice) -> anyhow::Result<()> {
    let variable = &practice.token_variable;
    let Ok(auth_token) = std::env::var(variable) else {
        bail!("{variable}: set it to the account's token, the same as the gateway's settings name");
    };
    if !(practice.speed.is_finite() && practice.speed > 0.0) {
        bail!("--speed: more than 0");
    }
    let vices = Vices { rate_per_second: practice.rate_per_second, ..Vices::default() };
    if let Err(fault) = vices.check() {
        bail!("--rate: {fault}");
    }
    let residents: Box<dyn Residents> = match practice.behind {
        Behind::Nobody => Box::new(Silent),
        Behind::Town { seed, shares } => Box::new(Town::new(seed, *shares, Default::default())),
    };
    let settings = GatewaySettings {
        account_sid: practice.account_sid,
        auth_token: auth_token.clone(),
        number: practice.number,
        hook_url: practice.hook_url,
        log_limit: 5_000_000,
    };
    let listener = TcpListener::bind(&practice.listen)
        .await
        .with_context(|| format!("--listen {}", practice.listen))?;
    let now_ms = calendar_ms();
    let face = Face {
        gateway: Arc::new(GatewaySim::of(practice.vendor, settings, vices, residents)),
        clock: Arc::new(CarriedClock::new(now_ms, now_ms, practice.speed)),
        speed: practice.speed,
        transport: Arc::new(HttpTransport::new(HttpLimits::default(), vec![auth_token])?),
        hang_ms: HANG_MS,
    };
    tracing::info!(address = %listener.local_addr()?, "practice gateway");
    let (ending, ended) = oneshot::channel::<()>();
    let stop = async move {
        told_to_stop().await;
        let _ = ending.send(());
    };
    let cut = async move {
        let _ = ended.await;
        let wait = Duration::from_millis(DRAIN_MS);
        let _ = tokio::time::timeout(wait, std::future::pending::<()>()).await;
    };
    tokio::select! {
        served = serve(listener, face, stop) => Ok(served?),
        () = cut => {
            tracing::warn!("calls were cut off");
            Ok(())
        }
    }
}

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
use crate::practice::center::{CenterHandle, CenterVices, Ismg, ReceiptForm, Smsc};
use crate::practice::center_serve::{self, Desk};
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

/// What a practice centre is started with.
#[derive(Debug, Clone)]
pub struct Center {
    /// Of the protocol, `ADDRESS:PORT` on loopback.
    pub listen: String,
    /// Of the pages, `ADDRESS:PORT` on loopback.
    pub pages: String,
    /// CMPP 3.0 instead of SMPP.
    pub is_cmpp: bool,
    /// system_id, or the six digits of Source_Addr.
    pub account: String,
    /// The environment's name for the account's secret.
    pub secret_variable: String,
    /// What residents answer.
    pub number: String,
}

/// Serves a centre until SIGTERM or Ctrl-C.
pub async fn run_center(settings: Center) -> anyhow::Result<()> {
    let variable = &settings.secret_variable;
    let Ok(secret) = std::env::var(variable) else {
        bail!(
            "{variable}: set it to the account's secret, the same as the gateway's settings name"
        );
    };
    let digits = settings.account.bytes().all(|byte| byte.is_ascii_digit());
    if settings.is_cmpp && (settings.account.len() != 6 || !digits) {
        bail!("--account: six digits, the source_addr of the gateway's settings");
    }
    let bind = async |what: &str, address: &str| {
        TcpListener::bind(address).await.with_context(|| format!("{what} {address}"))
    };
    let listener = bind("--listen", &settings.listen).await?;
    let pages = bind("--pages", &settings.pages).await?;
    if !listener.local_addr()?.ip().is_loopback() {
        bail!("--listen: a practice gateway listens on loopback only");
    }
    tracing::info!(address = %listener.local_addr()?, "practice centre");
    tracing::info!(address = %pages.local_addr()?, "practice pages");
    let (account, vices) = (settings.account, CenterVices::default());
    let center = match settings.is_cmpp {
        true => {
            let source_addr = account;
            let ismg = Ismg { source_addr, secret, third: true, short_reports: false };
            CenterHandle::cmpp_on(listener, ismg, vices)?
        }
        false => {
            let (system_id, receipts) = (account, ReceiptForm::Text);
            let smsc = Smsc { system_id, password: secret, receipts };
            CenterHandle::smpp_on(listener, smsc, vices)?
        }
    };
    let desk = Desk { center, number: settings.number };
    Ok(center_serve::serve(pages, desk, told_to_stop()).await?)
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

//! Wakes the calendar every minute. It decides nothing: which jobs are due, in whose zone, and
//! which process runs them, the engine's step finds out from the store.

use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::engine::Engine;
use crate::engine::calendar::Calendar;

/// Second 0 of every minute.
const EVERY_MINUTE: &str = "0 * * * * *";

/// Wakes the calendar until the stop.
pub(super) async fn keep(
    engine: Arc<Engine>,
    calendar: Calendar,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut scheduler = JobScheduler::new().await.context("calendar")?;
    let job = Job::new_async(EVERY_MINUTE, move |_, _| {
        let (engine, calendar) = (engine.clone(), calendar.clone());
        Box::pin(async move {
            match engine.calendar_once(&calendar).await {
                Ok(worked) if worked.is_empty() => {}
                Ok(worked) => tracing::info!(?worked, "calendar"),
                Err(fault) => tracing::error!(%fault, "the calendar's step failed: it comes again"),
            }
        })
    })
    .context("calendar")?;
    scheduler.add(job).await.context("calendar")?;
    scheduler.start().await.context("calendar")?;
    let _ = stop.wait_for(|stop| *stop).await;
    scheduler.shutdown().await.context("calendar")
}

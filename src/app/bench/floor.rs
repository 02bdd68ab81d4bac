//! What the machine itself allows, measured in the same run: hints through the same queue, rows
//! through the same store and statement, calls through the same client to the same sink, and all
//! of it one after another for every household. No engine here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::Request;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::base::clock::{CarriedClock, Clock};
use crate::base::limits::CALLS_OPEN;
use crate::channel::Transport;
use crate::domain::lane::{Class, Lane};
use crate::queue::{Hint, Queue, Topic};
use crate::store::batch::{self, OutcomeRow};
use crate::store::{Store, bench};

/// Households that one raw hint stands for, as in ../performance: a building.
const HINT_HOUSEHOLDS: i64 = 30;
/// Hints worked together: about one batch.
const HINTS_TOGETHER: usize = 7;
const ROWS_TOGETHER: i64 = 200;
/// Batches in flight, as the pump has them.
const WORKERS: i64 = 8;
/// Raw calls at most; the rate is what counts.
const CALLS_MOST: i64 = 100_000;
const TOPIC: Topic = Topic::Send(Lane::Sms);

/// Rates in units a second; `http_per_s` in calls, whatever they carry.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Floor {
    pub pipeline_s: f64,
    pub publish_per_s: f64,
    pub insert_per_s: f64,
    pub http_per_s: f64,
}

/// What a floor is measured with.
pub(super) struct Bare {
    pub store: Arc<Store>,
    pub queue: Arc<dyn Queue>,
    pub transport: Arc<dyn Transport>,
    /// One call, and how many messages it carries.
    pub request: Request<Bytes>,
    pub per_call: i64,
    pub clock: Arc<CarriedClock>,
}

impl Bare {
    /// All four floors for `n` households.
    pub async fn measure(self: &Arc<Self>, n: i64) -> anyhow::Result<Floor> {
        let hints = hints(n);
        let began = self.clock.machine_ms();
        self.pass(&hints, None).await?;
        let publish_s = self.since(began);
        self.make_batches(n, -1_000_000_000).await?;
        let began = self.clock.machine_ms();
        self.append_all(n, -1_000_000_000).await?;
        let insert_s = self.since(began);
        let messages = n.min(CALLS_MOST.saturating_mul(self.per_call));
        let began = self.clock.machine_ms();
        self.call_all(messages).await?;
        let http_s = self.since(began);
        self.make_batches(n, -2_000_000_000).await?;
        let began = self.clock.machine_ms();
        self.pass(&hints, Some(-2_000_000_000)).await?;
        Ok(Floor {
            pipeline_s: self.since(began),
            publish_per_s: hints.len() as f64 / publish_s,
            insert_per_s: n as f64 / insert_s,
            http_per_s: (messages as f64 / self.per_call as f64) / http_s,
        })
    }

    fn since(&self, began_ms: i64) -> f64 {
        ((self.clock.machine_ms() - began_ms) as f64 / 1_000.0).max(0.001)
    }

    async fn make_batches(&self, n: i64, alert: i64) -> anyhow::Result<()> {
        // A worker may end on a group that is not full.
        let all: Vec<i64> = (1..=n / HINT_HOUSEHOLDS + WORKERS + n / ROWS_TOGETHER + 1).collect();
        for chunk in all.chunks(10_000) {
            let rows: Vec<_> = chunk.iter().map(|n| serde_json::json!({ "n": n })).collect();
            bench::put_batches(&self.store, &rows, alert).await?;
        }
        Ok(())
    }

    async fn append(&self, batch: i64, rows: i64) -> anyhow::Result<()> {
        let row = |seq: i64| OutcomeRow {
            b: batch,
            seq,
            a: seq,
            k: 1,
            x: Some("SM00000000000000000000000000000000".into()),
            c: None,
        };
        let rows: Vec<OutcomeRow> = (1..=rows).map(row).collect();
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        batch::append(&mut tx, "bench", &rows, now).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn append_all(self: &Arc<Self>, n: i64, alert: i64) -> anyhow::Result<()> {
        let next = Arc::new(AtomicI64::new(0));
        self.together(move |bare| {
            let next = next.clone();
            async move {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let rows = (n - turn * ROWS_TOGETHER).min(ROWS_TOGETHER);
                    if rows <= 0 {
                        return Ok(());
                    }
                    bare.append(alert - turn - 1, rows).await?;
                }
            }
        })
        .await
    }

    async fn call(&self) -> anyhow::Result<()> {
        let answer = self.transport.call(self.request.clone()).await?;
        anyhow::ensure!(answer.status().is_success(), "the sink: {}", answer.status());
        Ok(())
    }

    /// The calls that so many messages take.
    async fn calls(&self, messages: i64, open: usize) -> anyhow::Result<()> {
        let calls = (messages + self.per_call - 1) / self.per_call;
        stream::iter(0..calls)
            .map(|_| self.call())
            .buffer_unordered(open)
            .try_for_each(|()| std::future::ready(Ok(())))
            .await
    }

    /// Each worker its part of the messages.
    async fn call_all(self: &Arc<Self>, n: i64) -> anyhow::Result<()> {
        let open = CALLS_OPEN / usize::try_from(WORKERS)?;
        self.together(move |bare| async move { bare.calls(n / WORKERS, open).await }).await
    }

    async fn together<F, Fut>(self: &Arc<Self>, make: F) -> anyhow::Result<()>
    where
        F: Fn(Arc<Bare>) -> Fut,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for _ in 0..WORKERS {
            tasks.spawn(make(self.clone()));
        }
        while let Some(done) = tasks.join_next().await {
            done.context("a worker broke")??;
        }
        Ok(())
    }

    /// Publishes and consumes all hints; with `work`, calls and appends for each of them.
    async fn pass(self: &Arc<Self>, hints: &[Hint], work: Option<i64>) -> anyhow::Result<()> {
        let (left, next) =
            (Arc::new(AtomicI64::new(i64::try_from(hints.len())?)), AtomicI64::new(0));
        let next = Arc::new(next);
        let consume = self.together(move |bare| {
            let (left, next) = (left.clone(), next.clone());
            async move { bare.consume(&left, &next, work).await }
        });
        let publish = async {
            for window in hints.chunks(1_000) {
                self.queue.publish(window).await?;
            }
            anyhow::Ok(())
        };
        let (consumed, published) = tokio::join!(consume, publish);
        published.and(consumed)
    }

    async fn consume(
        &self,
        left: &AtomicI64,
        next: &AtomicI64,
        work: Option<i64>,
    ) -> anyhow::Result<()> {
        while left.load(Ordering::Relaxed) > 0 {
            let most = if work.is_some() { HINTS_TOGETHER } else { 64 };
            let got = self.queue.receive(TOPIC, Class::Flash, most, 20).await?;
            if got.is_empty() {
                continue;
            }
            let count = i64::try_from(got.len())?;
            if let Some(alert) = work {
                let rows: i64 = got.iter().map(|delivery| delivery.hint.alert).sum();
                let open = CALLS_OPEN / usize::try_from(WORKERS)?;
                self.calls(rows, open).await?;
                let turn = next.fetch_add(1, Ordering::Relaxed);
                self.append(alert - turn - 1, rows).await?;
            }
            self.queue.settle(got).await?;
            left.fetch_sub(count, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// One for every thirty households; the number of them stands where the alert's would.
fn hints(n: i64) -> Vec<Hint> {
    (0..n)
        .step_by(HINT_HOUSEHOLDS as usize)
        .map(|first| Hint {
            topic: TOPIC,
            class: Class::Flash,
            id: first,
            alert: (n - first).min(HINT_HOUSEHOLDS),
        })
        .collect()
}

//! One bound connection: submits within the window, answers to their messages, deliveries to the
//! ear and their acknowledgement after it, probes, and leave at the end. It knows no protocol, and
//! whatever breaks the connection is a value for `lines`, which begins the next one.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};

use super::joined::{Joined, Owed, Whole};
use super::lines::{Core, Line, pause};
use super::pending::{Flight, Job, Pending, Then};
use super::wire::Wire;
use super::{Ear, Heard, Report, Said, What, Words};
use crate::base::clock::calendar_ms;
use crate::channel::{Event, Inbound, ReceiptEvent};
use crate::domain::outcome::Outcome;

/// Deliveries that are being committed at once; beyond it nothing is read.
const EVENTS_OPEN: usize = 64;
/// PDUs nobody understands on one connection.
const BROKEN_MOST: u32 = 10;
/// The first pause after a throttle and the longest.
const PAUSE_MS: i64 = 1_000;
const PAUSE_MOST_MS: i64 = 30_000;
/// How long the peer's answer to the farewell is waited for.
const LEAVE_MS: i64 = 2_000;

type Settled = (bool, Vec<Owed>);
type Settling = Pin<Box<dyn Future<Output = Settled> + Send>>;

enum Turn {
    Read(Result<(), String>),
    Job(Option<Job>),
    Settled(Option<Settled>),
    Woke,
    Stop,
}

pub(super) struct Talk<'a> {
    core: &'a Core,
    line: &'a Line,
    wire: Wire,
    ear: &'a Arc<dyn Ear>,
    pending: Pending,
    joined: Joined,
    events: FuturesUnordered<Settling>,
    heard_ms: i64,
    probed_ms: Option<i64>,
    pause_ms: i64,
    broken: u32,
    /// Set at the stop: when to leave at the latest.
    leave_by_ms: Option<i64>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(core: &'a Core, line: &'a Line, wire: Wire, ear: &'a Arc<dyn Ear>) -> Self {
        Talk {
            core,
            line,
            wire,
            ear,
            pending: Pending::new(),
            joined: Joined::default(),
            events: FuturesUnordered::new(),
            heard_ms: core.now_ms(),
            probed_ms: None,
            pause_ms: PAUSE_MS,
            broken: 0,
            leave_by_ms: None,
        }
    }

    /// Talks until the stop (then `Ok`) or until the connection is of no more use.
    pub(super) async fn run(
        mut self,
        jobs: &mut mpsc::Receiver<Job>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), String> {
        let ended = self.until_end(jobs, stop).await;
        let why = ended.as_ref().err().map_or("stopped", String::as_str);
        self.line.down(why);
        self.pending.lose(why);
        ended
    }

    async fn until_end(
        &mut self,
        jobs: &mut mpsc::Receiver<Job>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), String> {
        // The peer may have said more than its answer to the greeting.
        self.take_pdus().await?;
        loop {
            let stopping = self.leave_by_ms.is_some();
            if stopping && self.may_leave() {
                return self.leave().await;
            }
            self.line.counts(self.pending.len());
            let reads = self.events.len() < EVENTS_OPEN;
            let takes = !stopping && self.pending.len() < self.core.settings.window;
            let settles = !self.events.is_empty();
            let wake_ms = self.wake_ms();
            let turn = tokio::select! {
                read = self.wire.read(), if reads => Turn::Read(read),
                job = jobs.recv(), if takes => Turn::Job(job),
                settled = self.events.next(), if settles => Turn::Settled(settled),
                () = pause(wake_ms) => Turn::Woke,
                _ = stop.wait_for(|stop| *stop), if !stopping => Turn::Stop,
            };
            match turn {
                Turn::Read(read) => {
                    read?;
                    self.take_pdus().await?;
                }
                Turn::Job(Some(job)) => self.begin(job).await?,
                Turn::Job(None) | Turn::Stop => self.stop(jobs),
                Turn::Settled(Some((kept, owed))) => self.acknowledge(kept, owed).await?,
                Turn::Settled(None) | Turn::Woke => {}
            }
            self.keep_times().await?;
        }
    }

    fn stop(&mut self, jobs: &mut mpsc::Receiver<Job>) {
        let now = self.core.now_ms();
        self.leave_by_ms = Some(now + self.core.settings.answer_ms);
        self.line.down("stopped");
        self.line.refuse_all(jobs);
        for whole in self.joined.late(now, 0) {
            self.hear_words(whole);
        }
    }

    fn may_leave(&self) -> bool {
        let quiet = self.pending.len() == 0 && self.events.is_empty();
        quiet || self.leave_by_ms.is_some_and(|by_ms| by_ms <= self.core.now_ms())
    }

    /// When something is due, in ms from now; at most a second.
    fn wake_ms(&self) -> i64 {
        let now = self.core.now_ms();
        let settings = &self.core.settings;
        let dues = [
            self.pending.due_ms(),
            self.joined.due_ms(settings.join_ms),
            self.pending.is_resting().then(|| self.line.paused_until_ms()),
            Some(
                self.probed_ms
                    .map_or(self.heard_ms + settings.idle_ms, |at| at + settings.answer_ms),
            ),
            self.leave_by_ms,
        ];
        let due = dues.into_iter().flatten().min().unwrap_or(now + 1_000);
        (due - now).clamp(1, 1_000)
    }

    async fn keep_times(&mut self) -> Result<(), String> {
        let now = self.core.now_ms();
        let (answer_ms, idle_ms) = (self.core.settings.answer_ms, self.core.settings.idle_ms);
        for flight in self.pending.late(now) {
            flight.end(Outcome::Unknown { why: format!("no answer in {answer_ms} ms") });
        }
        if self.pending.is_resting() && self.line.paused_until_ms() <= now {
            for flight in self.pending.rested() {
                self.write_part(flight).await?;
            }
        }
        for whole in self.joined.late(now, self.core.settings.join_ms) {
            self.hear_words(whole);
        }
        match self.probed_ms {
            Some(at) if now - at >= answer_ms => Err("the peer answers no probe".into()),
            None if now - self.heard_ms >= idle_ms => {
                self.probed_ms = Some(now);
                let sequence = self.pending.next_sequence();
                let probe = self.core.numbered(&self.core.speech.probe(), sequence);
                self.wire.write(&probe).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn begin(&mut self, job: Job) -> Result<(), String> {
        let now = self.core.now_ms();
        let paused_ms = self.line.paused_until_ms() - now;
        if paused_ms > 0 {
            let _ = job.done.send(Outcome::Throttled { after_ms: Some(paused_ms) });
            return Ok(());
        }
        if job.done.is_closed() || job.expires_ms < now {
            let _ = job.done.send(super::lines::not_sent());
            return Ok(());
        }
        let reference = self.core.memory().next_reference();
        match self.core.speech.parts(&job.message, reference) {
            Ok(parts) => self.write_part(Flight::new(parts, job.done)).await,
            Err(why) => {
                tracing::error!(provider = self.core.name, why, "a message fits no PDU");
                let code = "request".into();
                let _ = job.done.send(Outcome::RefusedRetry { after_ms: None, code });
                Ok(())
            }
        }
    }

    async fn write_part(&mut self, flight: Flight) -> Result<(), String> {
        let sequence = self.pending.next_sequence();
        let Some(part) = flight.part() else {
            flight.end(Outcome::Unknown { why: "no part".into() });
            return Ok(());
        };
        let pdu = self.core.numbered(part, sequence);
        // Open before it is written: a write that breaks may have arrived.
        self.pending.open(sequence, flight, self.core.now_ms() + self.core.settings.answer_ms);
        self.wire.write(&pdu).await
    }

    async fn take_pdus(&mut self) -> Result<(), String> {
        while let Some(pdu) = self.wire.next()? {
            self.heard_ms = self.core.now_ms();
            match self.core.speech.read(&pdu) {
                Ok(heard) => self.take(heard, &pdu).await?,
                Err(fault) => {
                    self.broken += 1;
                    tracing::warn!(provider = self.core.name, %fault, "a PDU nobody understands");
                    if self.broken > BROKEN_MOST {
                        return Err("the peer speaks another language".into());
                    }
                }
            }
        }
        Ok(())
    }

    async fn take(&mut self, heard: Heard, pdu: &[u8]) -> Result<(), String> {
        match heard {
            Heard::Answer { sequence, said } => self.answered(sequence, said).await,
            Heard::Delivery { taken, again, what } => {
                self.delivered((taken, again), what, pdu);
                Ok(())
            }
            Heard::Probe { answer } => self.wire.write(&answer).await,
            Heard::ProbeAnswer => {
                self.probed_ms = None;
                Ok(())
            }
            Heard::Farewell { answer } => {
                self.wire.write(&answer).await?;
                Err("the peer took leave".into())
            }
            Heard::Other { answer: Some(answer) } => self.wire.write(&answer).await,
            Heard::FarewellAnswer | Heard::Other { answer: None } => Ok(()),
        }
    }

    async fn answered(&mut self, sequence: u32, said: Said) -> Result<(), String> {
        if let Said::Not(Outcome::Throttled { .. }) = &said {
            self.line.pause_until(self.core.now_ms() + self.pause_ms);
        }
        match self.pending.answered(sequence, said) {
            Then::Next(flight) => return self.write_part(flight).await,
            Then::Taken(flight, ids) => {
                self.pause_ms = PAUSE_MS;
                flight.end(Outcome::taken_as(ids));
            }
            Then::Ended(flight, Outcome::Throttled { .. }) => {
                flight.end(Outcome::Throttled { after_ms: Some(self.pause_ms) });
                self.pause_ms = (self.pause_ms * 2).min(PAUSE_MOST_MS);
            }
            Then::Ended(flight, outcome) => flight.end(outcome),
            Then::Rest(flight) => {
                self.pending.rest(flight);
                self.pause_ms = (self.pause_ms * 2).min(PAUSE_MOST_MS);
            }
            Then::Nobody => {
                tracing::debug!(provider = self.core.name, sequence, "an answer too late");
            }
        }
        Ok(())
    }

    fn delivered(&mut self, owed: Owed, what: What, pdu: &[u8]) {
        match what {
            What::Report(report) => {
                let receipt = receipt(&self.core.name, report);
                self.hear(Event::Receipt(receipt), vec![owed]);
            }
            What::Words(words) => {
                for whole in self.joined.take(words, owed, self.core.now_ms()) {
                    self.hear_words(whole);
                }
            }
            What::Odd => {
                tracing::warn!(provider = self.core.name, "a delivery nobody understands");
                let raw = Bytes::copy_from_slice(pdu);
                self.hear(Event::Reply(Inbound::unreadable(&raw)), vec![owed]);
            }
        }
    }

    fn hear_words(&mut self, (words, owed): Whole) {
        let name = &self.core.name;
        let key = match &words.id {
            Some(id) => id.clone(),
            None => {
                let now = self.core.now_ms();
                self.core.memory().reply_key(&sum(&words), now, calendar_ms())
            }
        };
        let text = self.core.speech.text(words.coding, &words.octets);
        let reply = Inbound {
            source_key: format!("{name}:in:{key}"),
            from: words.from,
            to: words.to,
            text,
            sent_at: None,
            raw: Bytes::from(words.octets),
        };
        self.hear(Event::Reply(reply), owed);
    }

    fn hear(&mut self, event: Event, owed: Vec<Owed>) {
        let (ear, name) = (self.ear.clone(), self.core.name.clone());
        self.events.push(Box::pin(async move { (ear.hear(&name, vec![event]).await, owed) }));
    }

    async fn acknowledge(&mut self, kept: bool, owed: Vec<Owed>) -> Result<(), String> {
        for (taken, again) in owed {
            let answer = if kept { taken } else { again };
            // Some peers are asked to come again by silence.
            if !answer.is_empty() {
                self.wire.write(&answer).await?;
            }
        }
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), String> {
        let sequence = self.pending.next_sequence();
        let farewell = self.core.numbered(&self.core.speech.farewell(), sequence);
        self.wire.write(&farewell).await?;
        let answered = async {
            loop {
                while let Ok(Some(pdu)) = self.wire.next() {
                    if let Ok(Heard::FarewellAnswer) = self.core.speech.read(&pdu) {
                        return;
                    }
                }
                if self.wire.read().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = answered => {}
            () = pause(LEAVE_MS) => {}
        }
        Ok(())
    }
}

/// A report as an event. It may come before the answer to its submit: the store joins the two.
fn receipt(provider: &str, report: Report) -> ReceiptEvent {
    let Report { id, callee, class, code, at } = report;
    // Names begin anew at some centres; the whole number must not stand in a key.
    let sum = Sha256::digest(callee.as_deref().unwrap_or_default());
    let whose: String = sum.iter().take(2).map(|octet| format!("{octet:02x}")).collect();
    ReceiptEvent {
        source_key: format!("{provider}:st:{id}:{code}:{whose}"),
        external_id: (!id.is_empty()).then_some(id),
        reference: None,
        callee,
        class,
        code,
        at,
    }
}

fn sum(words: &Words) -> String {
    let mut sum = Sha256::new();
    for field in [words.from.as_bytes(), words.to.as_bytes(), &words.octets] {
        sum.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        sum.update(field);
    }
    sum.update([words.coding, words.part.map_or(0, |part| part.number)]);
    let sum = sum.finalize();
    sum[..16].iter().map(|octet| format!("{octet:02x}")).collect()
}

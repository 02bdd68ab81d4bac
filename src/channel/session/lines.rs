//! The connections of one gateway: begun, bound, begun again after a wait that grows, and left at
//! the stop; and the door by which messages come to one that is bound. What a bound connection
//! does is `talk`'s, and no protocol is known here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};

use super::address::check_address;
use super::memory::Memory;
use super::pending::Job;
use super::talk::Talk;
use super::wire::Wire;
use super::{Ear, Greeting, LinkSettings, LinkState, Speech, Way};
use crate::base::clock::{CarriedClock, Clock, calendar_ms};
use crate::base::entropy::Entropy;
use crate::channel::Message;
use crate::channel::opening::Opening;
use crate::channel::registry::SettingsFault;
use crate::domain::outcome::Outcome;

/// Messages that may wait for a place in the window of one connection.
const JOBS_WAITING: usize = 1_000;
/// The longest wait before a new connection.
const RECONNECT_MOST_MS: i64 = 60_000;
/// A connection that stood so long was no failure: the next wait is the first again.
const STOOD_MS: i64 = 5_000;

/// What all connections of a gateway share.
pub(super) struct Core {
    pub name: String,
    pub speech: Arc<dyn Speech>,
    pub settings: LinkSettings,
    address: String,
    memory: Mutex<Memory>,
    /// Never set right by anything: time-outs go by what has passed.
    clock: CarriedClock,
    entropy: Entropy,
}

impl Core {
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.machine_ms()
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The PDU with its sequence number.
    pub(super) fn numbered(&self, pdu: &[u8], sequence: u32) -> Vec<u8> {
        let mut pdu = pdu.to_vec();
        let at = self.speech.frame().sequence_at;
        if let Some(field) = pdu.get_mut(at..at + 4) {
            field.copy_from_slice(&sequence.to_be_bytes());
        }
        pdu
    }
}

#[derive(Default)]
struct Standing {
    link: LinkState,
    paused_until_ms: i64,
}

/// One connection, up or down.
pub(super) struct Line {
    way: Way,
    jobs: mpsc::Sender<Job>,
    queue: Mutex<Option<mpsc::Receiver<Job>>>,
    standing: Mutex<Standing>,
}

impl Line {
    fn new(way: Way) -> Line {
        let (jobs, queue) = mpsc::channel(JOBS_WAITING);
        let standing = Mutex::default();
        Line { way, jobs, queue: Mutex::new(Some(queue)), standing }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn paused_until_ms(&self) -> i64 {
        self.standing().paused_until_ms
    }

    pub(super) fn pause_until(&self, until_ms: i64) {
        let mut standing = self.standing();
        standing.paused_until_ms = standing.paused_until_ms.max(until_ms);
    }

    pub(super) fn counts(&self, unanswered: usize) {
        self.standing().link.unanswered = unanswered;
    }

    fn up(&self) {
        let mut standing = self.standing();
        standing.link.bound = true;
        standing.link.trouble = None;
        standing.link.binds += 1;
    }

    pub(super) fn down(&self, why: &str) {
        let mut standing = self.standing();
        standing.link.bound = false;
        standing.link.unanswered = 0;
        standing.link.trouble = Some(why.to_owned());
    }

    /// Tells everybody who waits that his message was not written.
    pub(super) fn refuse_all(&self, jobs: &mut mpsc::Receiver<Job>) {
        while let Ok(job) = jobs.try_recv() {
            let _ = job.done.send(not_sent());
        }
    }
}

/// How long to wait where a line has its fill, story ms.
const FULL_MS: i64 = 1_000;

/// Nothing of the message was written.
pub(super) fn not_sent() -> Outcome {
    Outcome::NotSent { why: "not_sent".into() }
}

/// Waits. Time-outs of connections are real time, in stories too.
pub(super) async fn pause(ms: i64) {
    let wait = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    let never = std::future::pending::<()>();
    let _ = tokio::time::timeout(wait, never).await;
}

/// The connections of one gateway.
pub struct Lines {
    core: Core,
    lines: Vec<Line>,
    turn: AtomicUsize,
}

impl Lines {
    /// Checks what every protocol's settings have, and that PDUs can be made from them at all, so
    /// that none fails in the night. Connects nothing yet. `address` is HOST:PORT.
    pub(in crate::channel) fn open(
        opening: &Opening,
        address: &str,
        link: &LinkSettings,
        speech: impl Speech + 'static,
    ) -> Result<Lines, SettingsFault> {
        check_address(address, opening.realm)
            .map_err(|what| opening.fault(format!("address: {what}")))?;
        link.check().map_err(|what| opening.fault(what))?;
        let unfit = |why: String| opening.fault(format!("{why}: the protocol allows no more"));
        for way in speech.ways(link.connections) {
            speech.greet(way, 0).map_err(|broken| unfit(broken.to_string()))?;
        }
        let to = "+8613800138000".to_owned();
        let trial = Message { to, text: "【试】试".into(), reference: String::new() };
        speech.parts(&trial, 0).map_err(unfit)?;
        let speech = Arc::new(speech);
        Ok(Lines::new(opening.name, address, speech, link.clone(), Entropy::system()))
    }

    fn new(
        name: &str,
        address: &str,
        speech: Arc<dyn Speech>,
        settings: LinkSettings,
        entropy: Entropy,
    ) -> Lines {
        let lines = speech.ways(settings.connections).into_iter().map(Line::new).collect();
        let mut memory = Memory::default();
        memory.begin(u16::try_from(entropy.below(1 << 16)).unwrap_or(0));
        let core = Core {
            name: name.to_owned(),
            speech,
            settings,
            address: address.to_owned(),
            memory: Mutex::new(memory),
            clock: CarriedClock::new(0, 0, 1.0),
            entropy,
        };
        Lines { core, lines, turn: AtomicUsize::new(0) }
    }

    /// A connection for sending that is bound: each in its turn.
    fn pick(&self) -> Option<&Line> {
        let from = self.turn.fetch_add(1, Ordering::Relaxed);
        let order = (0..self.lines.len()).map(|n| &self.lines[(from + n) % self.lines.len()]);
        let mut fit = order.filter(|line| line.way != Way::Hearing);
        fit.find(|line| line.standing().link.bound)
    }

    async fn hand_over(&self, message: &Message) -> Outcome {
        let Some(line) = self.pick() else {
            return not_sent();
        };
        let now = self.core.now_ms();
        let paused_ms = line.paused_until_ms() - now;
        if paused_ms > 0 {
            return Outcome::Throttled { after_ms: Some(paused_ms) };
        }
        let (done, said) = oneshot::channel();
        let expires_ms = now + self.core.settings.answer_ms;
        let job = Job { message: message.clone(), expires_ms, done };
        match line.jobs.try_send(job) {
            Ok(()) => {}
            // More than the line takes at a time: it is there, and busy.
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Outcome::Throttled { after_ms: Some(FULL_MS) };
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return not_sent(),
        }
        said.await.unwrap_or(Outcome::Unknown { why: "the session ended".into() })
    }

    async fn keep(&self, line: &Line, ear: &Arc<dyn Ear>, mut stop: watch::Receiver<bool>) {
        let queue = line.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        let Some(mut jobs) = queue else {
            tracing::error!(provider = self.core.name, "the session is kept already");
            return;
        };
        let first_ms = self.core.settings.reconnect_ms;
        let mut wait_ms = first_ms;
        while !*stop.borrow() {
            let since_ms = self.core.now_ms();
            let begun = tokio::select! {
                begun = self.begin(line) => begun,
                _ = stop.wait_for(|stop| *stop) => return line.refuse_all(&mut jobs),
            };
            let ended = match begun {
                Ok(wire) => {
                    line.up();
                    tracing::info!(provider = self.core.name, way = ?line.way, "bound");
                    Talk::new(&self.core, line, wire, ear).run(&mut jobs, &mut stop).await
                }
                Err(why) => Err(why),
            };
            line.refuse_all(&mut jobs);
            let Err(why) = ended else { return };
            tracing::warn!(provider = self.core.name, way = ?line.way, why, "not bound");
            line.down(&why);
            if self.core.now_ms() - since_ms >= STOOD_MS {
                wait_ms = first_ms;
            }
            if !self.wait(line, &mut jobs, &mut stop, self.core.entropy.jitter(wait_ms)).await {
                return;
            }
            wait_ms = (wait_ms * 2).min(RECONNECT_MOST_MS);
        }
    }

    /// Waits for the next connection; nobody's message waits with it. False at the stop.
    async fn wait(
        &self,
        line: &Line,
        jobs: &mut mpsc::Receiver<Job>,
        stop: &mut watch::Receiver<bool>,
        wait_ms: i64,
    ) -> bool {
        let until_ms = self.core.now_ms() + wait_ms;
        loop {
            line.refuse_all(jobs);
            let left_ms = until_ms - self.core.now_ms();
            if left_ms <= 0 {
                return true;
            }
            tokio::select! {
                job = jobs.recv() => {
                    let Some(job) = job else { return false };
                    let _ = job.done.send(not_sent());
                }
                () = pause(left_ms) => {}
                _ = stop.wait_for(|stop| *stop) => return false,
            }
        }
    }

    /// Connects and greets.
    async fn begin(&self, line: &Line) -> Result<Wire, String> {
        let core = &self.core;
        let limit = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        let connecting = TcpStream::connect(core.address.as_str());
        let stream = tokio::time::timeout(limit(core.settings.connect_ms), connecting)
            .await
            .map_err(|_| "no connection in time".to_owned())?
            .map_err(|fault| format!("no connection: {fault}"))?;
        // Small PDUs must not wait for each other.
        stream.set_nodelay(true).map_err(|fault| format!("no connection: {fault}"))?;
        let mut wire = Wire::new(stream, core.speech.frame(), limit(core.settings.answer_ms));
        let greeting = core.speech.greet(line.way, calendar_ms());
        let greeting = core.numbered(&greeting.map_err(|fault| fault.to_string())?, 1);
        wire.write(&greeting).await?;
        let answered = async {
            loop {
                while let Some(pdu) = wire.next()? {
                    match core.speech.greeted(&greeting, &pdu) {
                        Greeting::Welcome => return Ok::<_, String>(()),
                        Greeting::Refused(why) => return Err(format!("the peer refuses: {why}")),
                        Greeting::NotYet => {}
                    }
                }
                wire.read().await?;
            }
        };
        tokio::time::timeout(limit(core.settings.answer_ms), answered)
            .await
            .map_err(|_| "the greeting was not answered".to_owned())??;
        Ok(wire)
    }

    /// Hands over the chunk and gives one outcome for each message, in order. What was never
    /// written is [`Outcome::RefusedRetry`]; what was written and not answered is
    /// [`Outcome::Unknown`].
    pub async fn submit(&self, chunk: &[Message]) -> Vec<Outcome> {
        join_all(chunk.iter().map(|message| self.hand_over(message))).await
    }

    /// Keeps the connections until the stop, then takes leave of the peer. It runs once.
    pub async fn run(&self, ear: Arc<dyn Ear>, stop: watch::Receiver<bool>) {
        join_all(self.lines.iter().map(|line| self.keep(line, &ear, stop.clone()))).await;
    }

    /// How the connections stand.
    pub fn links(&self) -> Vec<LinkState> {
        self.lines.iter().map(|line| line.standing().link.clone()).collect()
    }
}

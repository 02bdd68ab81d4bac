//! A practice gateway on a story clock: takes messages as the real one would, with the vices it
//! is given, delivers them to residents, and owes receipts and replies that fall due. Its log is
//! the truth by which duplicates are counted. It speaks in the shape of one vendor. No I/O: whoever
//! drives it carries the callbacks.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde::{Deserialize, Serialize};

mod aliyun;
mod core;
mod kannel;
mod shape;
mod tencent;
mod twilio;

use self::core::{Core, What};
use self::shape::{Asked, Shape, Templates, Trouble, Verdict, Wrote};
use super::residents::{Dice, Residents};
use crate::base::clock::Clock;
use crate::channel::{CallFault, Transport};

pub use super::gateway_vices::{DeadNumbers, Vices};

/// Whose gateway it is, and where its customer listens.
#[derive(Clone)]
pub struct GatewaySettings {
    /// The account, the key's id, or the user, as the vendor calls it.
    pub account_sid: String,
    /// Its token, secret or password.
    pub auth_token: String,
    /// The number shown where the customer names none.
    pub number: String,
    /// Where replies go, with its key where the vendor signs nothing; receipts that are asked for
    /// at a URL must lead to the same host and port.
    pub hook_url: String,
    /// Entries of the log; a full log takes no more messages.
    pub log_limit: usize,
}

/// One message as the gateway saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at_ms: i64,
    /// Empty where it was not taken.
    pub sid: String,
    pub to: String,
    pub text: String,
    /// The customer's own reference; empty where there was none.
    pub reference: String,
    pub taken: bool,
}

/// What came of one request.
#[derive(Debug)]
pub enum Answer {
    Response(Response<Bytes>),
    /// The message is on its way, but no answer ever comes.
    TimeoutAfterTaking,
    /// Nothing was taken and no answer ever comes.
    TimeoutBeforeTaking,
}

/// An answer and the time it takes, in story ms.
#[derive(Debug)]
pub struct Handled {
    pub answer: Answer,
    pub latency_ms: i64,
}

/// Counts since the last reset. `distinct` counts pairs of number and text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    pub taken: u64,
    pub distinct: u64,
    /// Messages taken beyond the first of the same text to the same number.
    pub duplicates: u64,
    /// Not taken, for any reason but the rate.
    pub refused: u64,
    pub throttled: u64,
    /// Sent back by residents.
    pub replies: u64,
}

/// The vendor in whose shape a practice gateway speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vendor {
    Twilio,
    /// With the approved texts by their codes, variables as `${name}`.
    Aliyun(Vec<(String, String)>),
    /// Variables as `{1}`, `{2}` …
    Tencent(Vec<(String, String)>),
    Kannel,
}

impl Vendor {
    fn shape(self, settings: GatewaySettings) -> Box<dyn Shape> {
        let approved = |texts: Vec<(String, String)>, open| Templates {
            texts: texts.into_iter().collect(),
            open,
        };
        match self {
            Vendor::Twilio => Box::new(twilio::Twilio::new(settings)),
            Vendor::Aliyun(texts) => {
                Box::new(aliyun::Aliyun { settings, templates: approved(texts, "${") })
            }
            Vendor::Tencent(texts) => {
                Box::new(tencent::Tencent { settings, templates: approved(texts, "{") })
            }
            Vendor::Kannel => Box::new(kannel::Kannel(settings)),
        }
    }
}

/// The practice gateway. All methods may be called from any thread.
pub struct GatewaySim {
    shape: Box<dyn Shape>,
    log_limit: usize,
    core: Mutex<Core>,
}

impl GatewaySim {
    /// One in Twilio's shape.
    pub fn new(
        settings: GatewaySettings,
        vices: Vices,
        residents: Box<dyn Residents>,
    ) -> GatewaySim {
        GatewaySim::of(Vendor::Twilio, settings, vices, residents)
    }

    /// One in the shape of that vendor.
    pub fn of(
        vendor: Vendor,
        settings: GatewaySettings,
        vices: Vices,
        residents: Box<dyn Residents>,
    ) -> GatewaySim {
        GatewaySim {
            log_limit: settings.log_limit,
            shape: vendor.shape(settings),
            core: Mutex::new(Core::new(vices, residents)),
        }
    }

    // A panic elsewhere leaves plain counts and lists behind, which stay true.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one request of the customer.
    pub fn handle(&self, now_ms: i64, request: &Request<Bytes>) -> Handled {
        let at_once = |answer| Handled { answer: Answer::Response(answer), latency_ms: 0 };
        if let Err(refusal) = self.shape.admits(request) {
            return at_once(refusal);
        }
        let mut core = self.core();
        let asked = match self.shape.read(request) {
            Ok(asked) => asked,
            Err(refusal) => {
                core.stats.refused += 1;
                return at_once(refusal);
            }
        };
        if let Some(wait_s) = core.too_fast_s(now_ms, asked.len()) {
            core.stats.throttled += 1;
            return at_once(self.shape.refuse(Trouble::TooFast(wait_s)));
        }
        self.decide(&mut core, now_ms, &asked)
    }

    fn decide(&self, core: &mut Core, now_ms: i64, asked: &[Asked]) -> Handled {
        // The fate of a call is that of its first message.
        let first = asked.first().map_or("", |one| one.to.as_str());
        let turn = core.tries.entry(first.to_owned()).or_default();
        *turn += 1;
        let mut dice = Dice::new(core.vices.seed, first, u64::from(*turn));
        let latency_ms = dice.between_ms(core.vices.latency_ms);
        let answer = if dice.falls(core.vices.timeout_not_taken) {
            Err(Answer::TimeoutBeforeTaking)
        } else if dice.falls(core.vices.fail_5xx) {
            Err(Answer::Response(self.shape.refuse(Trouble::Broken)))
        } else if core.log.len() + asked.len() > self.log_limit {
            Err(Answer::Response(self.shape.refuse(Trouble::Full)))
        } else {
            Ok(self.take(core, now_ms, now_ms + latency_ms, asked))
        };
        let answer = match answer {
            Ok((_, true)) if dice.falls(core.vices.timeout_taken) => Answer::TimeoutAfterTaking,
            Ok((_, true)) if dice.falls(core.vices.garbage) => {
                Answer::Response(shape::said(200, "<html>\u{fffd}"))
            }
            Ok((answer, _)) => Answer::Response(answer),
            Err(refusal) => {
                asked.iter().for_each(|one| self.refuse(core, now_ms, one));
                refusal
            }
        };
        Handled { answer, latency_ms }
    }

    /// Takes what can be taken of a call; gives its answer, and whether anything was taken.
    fn take(
        &self,
        core: &mut Core,
        now_ms: i64,
        answered_at: i64,
        asked: &[Asked],
    ) -> (Response<Bytes>, bool) {
        let refused: Vec<bool> = asked
            .iter()
            .map(|one| {
                let dead = &core.vices.dead_numbers;
                let at_call = Dice::new(core.vices.seed, &one.to, 0).falls(dead.at_call);
                at_call && dead.holds(&one.to)
            })
            .collect();
        let none = self.shape.refuses_whole() && refused.contains(&true);
        core.serial += u64::from(refused.contains(&false));
        let names = self.shape.names(asked, core.vices.seed, core.serial);
        let mut verdicts = Vec::with_capacity(asked.len());
        for ((one, name), refused) in asked.iter().zip(names).zip(refused) {
            if refused || none {
                self.refuse(core, now_ms, one);
                verdicts.push(Verdict::NoSuchNumber);
            } else {
                let shown = one.from.clone().unwrap_or_else(|| self.shape.number().to_owned());
                // A name may be the whole call's.
                let fate = if asked.len() > 1 { format!("{name}{}", one.to) } else { name.clone() };
                core.take(now_ms, answered_at, one, &name, &fate, shown);
                verdicts.push(Verdict::Taken(name));
            }
        }
        let taken = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Taken(_)));
        (self.shape.answer(asked, &verdicts), taken)
    }

    fn refuse(&self, core: &mut Core, now_ms: i64, asked: &Asked) {
        core.stats.refused += 1;
        if core.log.len() < self.log_limit {
            core.write(now_ms, String::new(), asked);
        }
    }

    /// The callbacks due by `now_ms`, signed, in the order of their times. Texts that reach a
    /// handset by then are heard on the way, so what residents say at once is among them.
    pub fn due(&self, now_ms: i64) -> Vec<Request<Bytes>> {
        let mut core = self.core();
        let mut calls = Vec::new();
        while core.due.peek().is_some_and(|Reverse(due)| due.at_ms <= now_ms) {
            let Some(Reverse(due)) = core.due.pop() else {
                break;
            };
            match due.what {
                What::Handset { to, shown, text } => core.hear(due.at_ms, &to, shown, &text),
                What::Receipt(told) => calls.extend(self.shape.receipt(&told)),
                What::Reply { from, to, text } => {
                    core.stats.replies += 1;
                    let (from, to, text) = (from.as_str(), to.as_str(), text.as_str());
                    let (serial, at_ms) = (due.serial, due.at_ms);
                    calls.extend(self.shape.reply(&Wrote { from, to, text, at_ms, serial }));
                }
                What::Again(request) => calls.push(request),
            }
        }
        calls
    }

    /// When the next callback or delivery falls due, for a clock that is moved from one to the
    /// next.
    pub fn next_due_at(&self) -> Option<i64> {
        self.core().due.peek().map(|Reverse(due)| due.at_ms)
    }

    /// Puts a callback back, to be given by [`GatewaySim::due`] at `at_ms`: the customer was not
    /// there, or did not say that he took it.
    pub fn again(&self, at_ms: i64, request: Request<Bytes>) {
        self.core().plan(at_ms, What::Again(request));
    }

    /// A resident writes out of his own accord, at `at_ms`.
    pub fn write_in(&self, at_ms: i64, from: &str, text: &str) {
        let to = self.shape.number().to_owned();
        let (from, text) = (from.to_owned(), text.to_owned());
        self.core().plan(at_ms, What::Reply { from, to, text });
    }

    /// The whole log, oldest first.
    pub fn log(&self) -> Vec<Entry> {
        self.core().log.clone()
    }

    /// At most `limit` entries of the log from position `from` on.
    pub fn log_page(&self, from: usize, limit: usize) -> Vec<Entry> {
        self.core().log.iter().skip(from).take(limit).cloned().collect()
    }

    pub fn stats(&self) -> Stats {
        let core = self.core();
        let distinct = core.seen.len() as u64;
        Stats { distinct, duplicates: core.stats.taken - distinct, ..core.stats }
    }

    pub fn vices(&self) -> Vices {
        self.core().vices.clone()
    }

    /// Changes the vices from now on; what is already planned stays planned.
    pub fn set_vices(&self, vices: Vices) {
        let mut core = self.core();
        core.vices = vices;
        core.free_at = f64::MIN;
    }

    /// Forgets log, counts and everything owed. Residents keep their memory.
    pub fn reset(&self) {
        let mut core = self.core();
        core.log.clear();
        core.seen.clear();
        core.tries.clear();
        core.due.clear();
        core.free_at = f64::MIN;
        core.stats = Stats::default();
    }
}

/// The wire between a customer and a gateway in the same process, on the story's clock: no time
/// passes in a call, and what never answers is unknown at once.
pub struct Line {
    pub gateway: Arc<GatewaySim>,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for Line {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        match self.gateway.handle(self.clock.story_ms(), &request).answer {
            Answer::Response(answer) => Ok(answer),
            Answer::TimeoutAfterTaking | Answer::TimeoutBeforeTaking => {
                Err(CallFault::Unknown("timed out".into()))
            }
        }
    }
}

#[cfg(test)]
mod tests;

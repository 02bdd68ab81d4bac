//! A practice gateway on a story clock: takes messages as the real one would, with the vices it
//! is given, delivers them to residents, and owes receipts and replies that fall due. Its log is
//! the truth by which duplicates are counted. No I/O: whoever drives it carries the callbacks.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde::{Deserialize, Serialize};

mod core;

use self::core::{Core, What};
use super::gateway_wire::{self as wire, Asked, Refusal};
use super::residents::{Dice, Residents, hash};
use crate::base::clock::Clock;
use crate::channel::{CallFault, Transport};

pub use super::gateway_vices::{DeadNumbers, Vices};

/// Whose gateway it is, and where its customer listens.
#[derive(Clone)]
pub struct GatewaySettings {
    pub account_sid: String,
    pub auth_token: String,
    /// The number shown where the customer names a messaging service.
    pub number: String,
    /// Where replies go; status callbacks must lead to the same host and port.
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

/// The practice gateway. All methods may be called from any thread.
pub struct GatewaySim {
    settings: GatewaySettings,
    authorization: String,
    path: String,
    core: Mutex<Core>,
}

impl GatewaySim {
    pub fn new(
        settings: GatewaySettings,
        vices: Vices,
        residents: Box<dyn Residents>,
    ) -> GatewaySim {
        GatewaySim {
            authorization: wire::basic(&settings.account_sid, &settings.auth_token),
            path: format!("/2010-04-01/Accounts/{}/Messages.json", settings.account_sid),
            settings,
            core: Mutex::new(Core::new(vices, residents)),
        }
    }

    // A panic elsewhere leaves plain counts and lists behind, which stay true.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one request of the customer.
    pub fn handle(&self, now_ms: i64, request: &Request<Bytes>) -> Handled {
        let refused = |refusal: Refusal, wait| Handled {
            answer: Answer::Response(wire::refused(&refusal, wait)),
            latency_ms: 0,
        };
        if request.uri().path() != self.path || request.method() != http::Method::POST {
            let message = "The requested resource was not found";
            return refused(Refusal { status: 404, code: 20404, message }, None);
        }
        let given = request.headers().get(http::header::AUTHORIZATION);
        if given.is_none_or(|given| given.as_bytes() != self.authorization.as_bytes()) {
            return refused(Refusal { status: 401, code: 20003, message: "Authenticate" }, None);
        }
        let mut core = self.core();
        if let Some(wait_s) = core.too_fast_s(now_ms) {
            core.stats.throttled += 1;
            let message = "Too Many Requests";
            return refused(Refusal { status: 429, code: 20429, message }, Some(wait_s));
        }
        match self.read(request.body()) {
            Ok(asked) => self.decide(&mut core, now_ms, asked),
            Err(refusal) => {
                core.stats.refused += 1;
                refused(refusal, None)
            }
        }
    }

    fn read(&self, body: &[u8]) -> Result<Asked, Refusal> {
        let asked = wire::read(body)?;
        // A practice gateway calls nobody but its customer.
        let home = wire::origin(&self.settings.hook_url);
        match &asked.callback {
            Some(url) if wire::origin(url) != home => {
                let message = "The StatusCallback URL is not a valid URL";
                Err(Refusal { status: 400, code: 21609, message })
            }
            _ => Ok(asked),
        }
    }

    fn decide(&self, core: &mut Core, now_ms: i64, asked: Asked) -> Handled {
        let turn = core.tries.entry(asked.to.clone()).or_default();
        *turn += 1;
        let mut dice = Dice::new(core.vices.seed, &asked.to, u64::from(*turn));
        let latency_ms = dice.between_ms(core.vices.latency_ms);
        let dead = core.vices.dead_numbers.holds(&asked.to);
        let at_call = Dice::new(core.vices.seed, &asked.to, 0).falls(0.34);
        let refusal = if dice.falls(core.vices.timeout_not_taken) {
            None
        } else if dice.falls(core.vices.fail_5xx) {
            Some(Refusal { status: 500, code: 20500, message: "Internal Server Error" })
        } else if core.log.len() >= self.settings.log_limit {
            Some(Refusal { status: 503, code: 20503, message: "The log of practice is full" })
        } else if dead && at_call {
            let message = "The 'To' number is not a valid phone number";
            Some(Refusal { status: 400, code: 21211, message })
        } else {
            let sid = core.take(now_ms, now_ms + latency_ms, &asked, self.number(&asked), dead);
            let lost = dice.falls(core.vices.timeout_taken);
            let answer = if lost {
                Answer::TimeoutAfterTaking
            } else {
                Answer::Response(wire::created(&self.settings.account_sid, &sid, &asked))
            };
            return Handled { answer, latency_ms };
        };
        core.stats.refused += 1;
        if core.log.len() < self.settings.log_limit {
            core.write(now_ms, String::new(), &asked);
        }
        let answer = match refusal {
            None => Answer::TimeoutBeforeTaking,
            Some(refusal) => Answer::Response(wire::refused(&refusal, None)),
        };
        Handled { answer, latency_ms }
    }

    fn number(&self, asked: &Asked) -> String {
        asked.from.clone().unwrap_or_else(|| self.settings.number.clone())
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
                What::Receipt { sid, to, shown, url, code } => {
                    calls.extend(self.receipt(&sid, to, shown, &url, code));
                }
                What::Reply { from, to, text } => {
                    core.stats.replies += 1;
                    calls.extend(self.reply(due.serial, from, to, text));
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
        let (from, to, text) = (from.to_owned(), self.settings.number.clone(), text.to_owned());
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

    fn receipt(
        &self,
        sid: &str,
        to: String,
        shown: String,
        url: &str,
        code: Option<u32>,
    ) -> Option<Request<Bytes>> {
        let state = if code.is_some() { "undelivered" } else { "delivered" };
        let mut fields = vec![
            ("MessageSid", sid.to_owned()),
            ("SmsSid", sid.to_owned()),
            ("MessageStatus", state.to_owned()),
            ("SmsStatus", state.to_owned()),
            ("To", to),
            ("From", shown),
            ("AccountSid", self.settings.account_sid.clone()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ];
        fields.extend(code.map(|code| ("ErrorCode", code.to_string())));
        wire::callback(&self.settings.auth_token, url, &fields)
    }

    fn reply(&self, serial: u64, from: String, to: String, text: String) -> Option<Request<Bytes>> {
        let sid = wire::sid(hash(from.as_bytes(), 0x4e91), serial);
        let fields = [
            ("MessageSid", sid.clone()),
            ("SmsSid", sid.clone()),
            ("SmsMessageSid", sid),
            ("AccountSid", self.settings.account_sid.clone()),
            ("From", from),
            ("To", to),
            ("Body", text),
            ("NumMedia", "0".to_owned()),
            ("NumSegments", "1".to_owned()),
            ("SmsStatus", "received".to_owned()),
        ];
        wire::callback(&self.settings.auth_token, &self.settings.hook_url, &fields)
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

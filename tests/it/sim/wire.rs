//! The wire of one process to the practice gateway, with what wires do: a call can be stopped
//! before and after the gateway took it, can wait until somebody lets it go, and its answer can
//! come as the page of something in between. The gateway's own vices are its own.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Notify;

use tongluo::base::clock::{Clock, HandClock};
use tongluo::channel::{CallFault, Transport};
use tongluo::practice::gateway::{GatewaySim, Line};

/// Where calls wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slow {
    No,
    BeforeTaken,
    AfterTaken,
}

pub struct Wire {
    line: Line,
    state: Mutex<State>,
    opened: Notify,
}

struct State {
    random: StdRng,
    slow: Slow,
    garbled_percent: u32,
    /// Calls begun and not answered, and those of them that wait.
    inside: usize,
    waiting: usize,
    /// References of the calls begun since the step began.
    asked: Vec<String>,
}

impl Wire {
    pub fn new(gateway: &Arc<GatewaySim>, clock: &Arc<HandClock>, seed: u64) -> Wire {
        let clock: Arc<dyn Clock> = clock.clone();
        Wire {
            line: Line { gateway: gateway.clone(), clock },
            state: Mutex::new(State {
                random: StdRng::seed_from_u64(seed),
                slow: Slow::No,
                garbled_percent: 0,
                inside: 0,
                waiting: 0,
                asked: Vec::new(),
            }),
            opened: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A step begins: how its calls will fare.
    pub fn begin(&self, slow: Slow, garbled_percent: u32) {
        let mut state = self.state();
        state.slow = slow;
        state.garbled_percent = garbled_percent;
        state.asked.clear();
    }

    /// Waiting calls go on, and no further one waits.
    pub fn open(&self) {
        self.state().slow = Slow::No;
        self.opened.notify_waiters();
    }

    /// Whether every open call waits.
    pub fn waits(&self) -> bool {
        let state = self.state();
        state.inside > 0 && state.inside == state.waiting
    }

    /// The signed references of the step's calls, answered or not.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    async fn wait_while(&self, slow: Slow) {
        loop {
            let opened = self.opened.notified();
            {
                let mut state = self.state();
                if state.slow != slow {
                    return;
                }
                state.waiting += 1;
            }
            opened.await;
            self.state().waiting -= 1;
        }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        {
            let mut state = self.state();
            state.inside += 1;
            state.asked.push(reference(request.body()));
        }
        tokio::task::yield_now().await;
        self.wait_while(Slow::BeforeTaken).await;
        let answer = self.line.call(request).await;
        tokio::task::yield_now().await;
        self.wait_while(Slow::AfterTaken).await;
        let mut state = self.state();
        state.inside -= 1;
        let percent = state.garbled_percent;
        if state.random.random_range(0..100) >= percent {
            return answer;
        }
        let mut page = Response::new(Bytes::from_static("<html>请登录</html>".as_bytes()));
        if state.random.random_bool(0.5) {
            *page.status_mut() = http::StatusCode::BAD_GATEWAY;
        }
        Ok(page)
    }
}

/// Our signed reference, out of the callback's URL in the form.
fn reference(form: &[u8]) -> String {
    let url = form_urlencoded::parse(form).find(|(name, _)| name == "StatusCallback");
    let url = url.map(|(_, url)| url.into_owned()).unwrap_or_default();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "ref");
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

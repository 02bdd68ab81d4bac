//! Callbacks up to the commit: signature over the raw bytes, then grouped by one task a gateway,
//! and the gateway's own words only after the commit. It speaks no HTTP server's language and
//! reads no meaning: `intake` and `receipt` do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Engine, EngineFault, pump};
use crate::base::limits::GROUP_ROWS;
use crate::channel::session::Ear;
use crate::channel::{Event, Follower, HookFault, Inbound, Moment, Provider, ReceiptEvent};

/// How long the first of a group waits for others.
const GROUP_WAIT_MS: u64 = 5;
/// Callbacks that may wait for their group; beyond it the gateway is asked to come again.
const WAITING: usize = 10_000;
const TRIES: u32 = 5;
const BACKOFF_MS: u64 = 20;

struct Item {
    events: Vec<Event>,
    done: oneshot::Sender<bool>,
}

struct Door {
    provider: Arc<Provider>,
    items: mpsc::Sender<Item>,
}

/// Where callbacks come in: a door for each gateway.
pub struct Inbox {
    engine: Arc<Engine>,
    doors: HashMap<String, Door>,
}

impl Inbox {
    /// Opens a door, with its grouping task, for each gateway of the engine, until the stop.
    pub fn open(engine: &Arc<Engine>, stop: &watch::Receiver<bool>) -> Inbox {
        let mut doors = HashMap::new();
        for gateway in &engine.gateways {
            let (items, waiting) = mpsc::channel(WAITING);
            let name = gateway.provider.name().to_owned();
            let door = Door { provider: gateway.provider.clone(), items };
            doors.insert(name.clone(), door);
            tokio::spawn(group(engine.clone(), name, waiting, stop.clone()));
        }
        Inbox { engine: engine.clone(), doors }
    }

    /// Takes one callback of the gateway `name`. Answers 200 in the gateway's words once all of it
    /// is committed; 404 an unknown gateway, 403 forged, 413 too large, 503 come again.
    pub async fn take(&self, name: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let door = self.doors.get(name);
        let Some((door, codec)) = door.and_then(|door| Some((door, door.provider.http()?))) else {
            return status(StatusCode::NOT_FOUND);
        };
        match codec.greeting(request) {
            Some(Ok(answer)) => return answer,
            Some(Err(fault)) => {
                tracing::warn!(provider = name, %fault, "a gateway's question is refused");
                return status(fault.status());
            }
            None => {}
        }
        let events = match codec.callback(request) {
            Ok(events) => events,
            Err(HookFault::Malformed(why)) => {
                tracing::warn!(provider = name, why, "a callback nobody understands");
                vec![Event::Reply(Inbound::unreadable(request.body()))]
            }
            Err(fault @ (HookFault::Forged | HookFault::TooLarge)) => {
                tracing::warn!(provider = name, %fault, "a callback is refused");
                return status(fault.status());
            }
        };
        if events.is_empty() {
            return codec.acknowledge();
        }
        let nonce = u128::from_be_bytes(self.engine.entropy.bytes());
        let at = Moment { now_ms: self.engine.clock.machine_ms(), nonce };
        let answer = codec.answer(&events, at);
        match door.keep(events).await {
            true => answer,
            false => status(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

impl Door {
    /// Whether the events are committed. Where too many wait already, they are not taken.
    async fn keep(&self, events: Vec<Event>) -> bool {
        let (done, committed) = oneshot::channel();
        self.items.try_send(Item { events, done }).is_ok() && committed.await.unwrap_or(false)
    }
}

/// What sessions hear goes the way of callbacks.
#[async_trait]
impl Ear for Inbox {
    async fn hear(&self, provider: &str, events: Vec<Event>) -> bool {
        match self.doors.get(provider) {
            Some(door) => door.keep(events).await,
            None => false,
        }
    }
}

fn status(code: StatusCode) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = code;
    answer
}

async fn group(
    engine: Arc<Engine>,
    name: String,
    mut waiting: mpsc::Receiver<Item>,
    stop: watch::Receiver<bool>,
) {
    loop {
        let first = tokio::select! {
            item = waiting.recv() => item,
            () = pump::stopped(stop.clone()) => waiting.try_recv().ok(),
        };
        let Some(first) = first else { return };
        let mut items = vec![first];
        let gather = async {
            while items.len() < GROUP_ROWS {
                let Some(item) = waiting.recv().await else {
                    return;
                };
                items.push(item);
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(GROUP_WAIT_MS), gather).await;
        // A panic in a group must not close the door: its callers are told to come again.
        let (engine, name) = (engine.clone(), name.clone());
        if let Err(fault) = tokio::spawn(commit(engine, name, items)).await {
            tracing::error!(%fault, "a group of callbacks broke");
        }
    }
}

async fn commit(engine: Arc<Engine>, name: String, items: Vec<Item>) {
    let mut replies: Vec<Inbound> = Vec::new();
    let mut receipts: Vec<ReceiptEvent> = Vec::new();
    let mut followers: Vec<Follower> = Vec::new();
    let mut told = Vec::with_capacity(items.len());
    for item in items {
        for event in item.events {
            match event {
                Event::Reply(reply) => replies.push(reply),
                Event::Receipt(receipt) => receipts.push(plain(receipt)),
                Event::Follower(follower) => followers.push(follower),
            }
        }
        told.push(item.done);
    }
    let taken = keep(&engine, &name, &replies, &receipts, &followers).await;
    if let Err(fault) = &taken {
        tracing::error!(provider = name, %fault, "callbacks not kept: the gateway comes again");
    }
    for done in told {
        // A caller that has gone away comes again, and is recognised.
        let _ = done.send(taken.is_ok());
    }
}

async fn keep(
    engine: &Engine,
    name: &str,
    replies: &[Inbound],
    receipts: &[ReceiptEvent],
    followers: &[Follower],
) -> Result<(), EngineFault> {
    let mut turn = 0;
    loop {
        let kept = async {
            // Who is bound by one text of a group answers by the next.
            let replies = engine.take_bindings(name, replies.to_vec()).await?;
            if !replies.is_empty() {
                engine.take_replies(name, &replies).await?;
            }
            if !followers.is_empty() {
                engine.take_followers(followers).await?;
            }
            if !receipts.is_empty() {
                keep_receipts(engine, name, receipts).await?;
            }
            Ok::<(), EngineFault>(())
        };
        match kept.await {
            Err(fault) if fault.is_again() && turn < TRIES => {
                turn += 1;
                let wait_ms = BACKOFF_MS << turn;
                let never = std::future::pending::<()>();
                let _ = tokio::time::timeout(Duration::from_millis(wait_ms), never).await;
            }
            other => return other,
        }
    }
}

/// A group of receipts, or one by one where a bad one spoils it: the others must not wait.
async fn keep_receipts(
    engine: &Engine,
    name: &str,
    receipts: &[ReceiptEvent],
) -> Result<(), EngineFault> {
    match engine.take_receipts(name, receipts).await {
        Err(fault) if !fault.is_again() => {}
        other => return other.map(drop),
    }
    for receipt in receipts {
        match engine.take_receipts(name, std::slice::from_ref(receipt)).await {
            Err(fault) if fault.is_again() => return Err(fault),
            Err(fault) => {
                tracing::error!(provider = name, key = receipt.source_key, %fault, "receipt lost");
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Without U+0000, which one of the two databases refuses.
fn plain(mut receipt: ReceiptEvent) -> ReceiptEvent {
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    receipt.source_key = clean(&receipt.source_key);
    receipt.code = clean(&receipt.code);
    receipt.external_id = receipt.external_id.as_deref().map(clean);
    receipt
}

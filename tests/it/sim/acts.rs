//! The steps of processes and the acts of officials, as values that can be run again. Which one
//! is chosen, and when, is the caller's.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;

use tongluo::channel::{Event, Provider};
use tongluo::domain::roster::{RosterFile, Row};
use tongluo::domain::statement::Claim;
use tongluo::engine::hands::Tick;
use tongluo::engine::issue::{Actor, OrderForm};
use tongluo::engine::{Engine, EngineFault, chain};
use tongluo::store::roster::{self, Finish, Missing};

use super::stop::Step;
use crate::town::Town;

/// One thing that a process is asked to do.
#[derive(Debug, Clone)]
pub enum Act {
    Feed,
    Work,
    Expand(Vec<i64>),
    Send(Vec<i64>),
    Fire,
    Audit,
    Chain,
    Callbacks(Vec<Callback>),
    /// Drafted, submitted, approved.
    Release(Box<OrderForm>),
    Approve(String),
    Update(String, Box<OrderForm>),
    Withdraw(String),
    End(String),
    TakeList(String),
    GiveList(String, String),
    Tick(String, String, Claim),
    TakeTask(String),
    CloseTask(String),
    /// Rows of a roster, with the others kept.
    Import(Vec<Row>),
}

/// A callback as it came.
#[derive(Debug, Clone)]
pub struct Callback {
    pub uri: http::Uri,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Callback {
    pub fn of(request: &Request<Bytes>) -> Callback {
        Callback {
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            body: request.body().clone(),
        }
    }

    pub fn request(&self) -> Request<Bytes> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Whether a resident speaks, not the carrier.
    pub fn is_reply(&self) -> bool {
        form_urlencoded::parse(&self.body).any(|(name, _)| name == "Body")
    }
}

/// Who acts in the town.
#[derive(Clone)]
pub struct Hands {
    pub author: Actor,
    pub approver: Actor,
    provider: Arc<Provider>,
}

impl Hands {
    pub fn of(town: &Town) -> Hands {
        Hands {
            author: town.author.clone(),
            approver: town.approver.clone(),
            provider: town.provider.clone(),
        }
    }

    /// The act as a step of `engine`.
    pub fn step(&self, engine: &Arc<Engine>, act: Act) -> Step {
        let (hands, engine) = (self.clone(), engine.clone());
        Box::pin(async move { hands.act(&engine, act).await })
    }

    async fn act(&self, engine: &Engine, act: Act) -> Result<(), EngineFault> {
        let (author, approver) = (&self.author, &self.approver);
        match act {
            Act::Feed => {
                for hint in engine.feed_once().await?.direct {
                    engine.work(&hint).await?;
                }
            }
            Act::Work => drop(engine.work_waiting().await?),
            Act::Expand(rows) => drop(engine.expand_once(&rows).await?),
            Act::Send(rows) => drop(engine.send_once(&rows).await?),
            Act::Fire => drop(engine.fire_due().await?),
            Act::Audit => assert_eq!(engine.audit_once().await?, 0, "orphans"),
            Act::Chain => {
                let machine = engine.clock.machine_ms();
                chain::chain_once(&engine.store, &engine.settings.owner, machine).await?;
            }
            Act::Callbacks(calls) => self.take(engine, &calls).await?,
            Act::Release(form) => {
                let uid = engine.draft(author, &form).await?;
                engine.submit(author, &uid).await?;
                engine.approve(approver, &uid, false).await?;
            }
            Act::Approve(uid) => engine.approve(approver, &uid, false).await?,
            Act::Update(uid, form) => {
                engine.update(author, &uid, &form).await?;
                engine.submit(author, &uid).await?;
                engine.approve(approver, &uid, false).await?;
            }
            Act::Withdraw(uid) => engine.withdraw(author, &uid, &wrong()).await?,
            Act::End(uid) => drop(engine.end(approver, &uid).await?),
            Act::TakeList(uid) => drop(engine.take_list(approver, &uid).await?),
            Act::GiveList(uid, human) => drop(engine.give_list(approver, &uid, &human).await?),
            Act::Tick(uid, household, claim) => {
                let tick = Tick { household, claim, persons: None };
                engine.tick_list(approver, &uid, &tick).await?;
            }
            Act::TakeTask(uid) => drop(engine.take_task(approver, &uid, None).await?),
            Act::CloseTask(uid) => engine.close_task(approver, &uid, "已救出").await?,
            Act::Import(rows) => import(engine, rows).await?,
        }
        Ok(())
    }

    /// Through the real codec and its signature check, in groups as the hooks do.
    async fn take(&self, engine: &Engine, calls: &[Callback]) -> Result<(), EngineFault> {
        let (mut receipts, mut replies) = (Vec::new(), Vec::new());
        for call in calls {
            for event in self.provider.http().unwrap().callback(&call.request()).unwrap() {
                match event {
                    Event::Receipt(receipt) => receipts.push(receipt),
                    Event::Reply(reply) => replies.push(reply),
                    Event::Follower(follower) => panic!("not on this gateway: {follower:?}"),
                }
            }
        }
        if !receipts.is_empty() {
            engine.take_receipts("practice", &receipts).await?;
        }
        if !replies.is_empty() {
            engine.take_replies("practice", &replies).await?;
        }
        Ok(())
    }
}

/// All of an import; nothing where another one is under way.
async fn import(engine: &Engine, rows: Vec<Row>) -> Result<(), EngineFault> {
    let machine = engine.clock.machine_ms();
    let begun = roster::begin(&engine.store, &engine.settings.owner, machine).await?;
    let Some(mut import) = begun else { return Ok(()) };
    let numbered: Vec<(u64, Row)> = (2..).zip(rows).collect();
    import.has(RosterFile::Humans);
    import.stage(&engine.sealer, &numbered).await?;
    assert_eq!(import.check(Missing::Keep).await?, []);
    import.compare(Missing::Keep).await?;
    import.merge(engine.clock.story_ms(), Finish::Commit).await?;
    import.end().await?;
    Ok(())
}

/// What was wrong with the order, and what is right.
pub fn wrong() -> BTreeMap<String, String> {
    [("wrong", "到四明小学"), ("right", "不用转移，在家等通知")]
        .map(|(name, words)| (name.to_string(), words.to_string()))
        .into()
}

//! One life of the connections to RabbitMQ: durable quorum queues, confirmed and mandatory
//! publishing, bounded prefetch, grouped acknowledgements.
//!
//! The only file that names lapin. Nothing is mended here: a link that is no longer sound is
//! thrown away whole, and `supervised` makes the next. Lapin's own recovery stays off: it keeps
//! the channel object and begins its numbers anew, so that a late multiple-ack would settle
//! strangers, and after a fixed number of attempts it gives up for good.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use futures_util::{StreamExt, stream};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, BasicRejectOptions,
    ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::AMQPUri;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, ErrorKind,
};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use crate::domain::lane::Class;
use crate::queue::hint::{CLASSES, Hint, Topic, every_queue};
use crate::queue::settings::{CONFIRM_WINDOW, DEAD_MAX, DELIVERIES_MAX, QueueSettings};
use crate::queue::unsettled::Unsettled;
use crate::queue::{Liveness, QueueFault};

/// Heartbeat asked for where the URL names none; lapin gives up after two of them.
const HEARTBEAT_S: u16 = 10;
/// For the polite end of a connection.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);
/// AMQP 0-9-1: the reply code for a declaration that differs from what exists.
const PRECONDITION_FAILED: u16 = 406;
/// AMQP 0-9-1: what a client says first.
const PROTOCOL_HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// Where the broker is.
pub(super) struct Address(AMQPUri);

/// Connections, channels and consumers that end together.
pub(super) struct Link {
    pub(super) generation: u64,
    /// Publishing has a connection of its own: a broker short of memory or disk stops reading it.
    outbound: Connection,
    inbound: Option<Connection>,
    /// Taken out while in use: a publish dropped half-way takes its channel with it, so that the
    /// next one can't be given its confirms (lapin pairs returned messages by order only).
    publisher: Mutex<Option<Channel>>,
    inboxes: HashMap<(Topic, Class), Inbox>,
    given_up: AtomicBool,
}

/// One consumer on a channel of its own.
pub(super) struct Inbox {
    channel: Channel,
    arrived: Mutex<mpsc::Receiver<Arrived>>,
    unsettled: Arc<Mutex<Unsettled>>,
    pump: JoinHandle<()>,
}

/// A hint and its number on the inbox's channel.
pub(super) struct Arrived {
    pub(super) hint: Hint,
    pub(super) redelivered: bool,
    pub(super) number: u64,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Address, QueueFault> {
        // The parser's own words repeat the URL, and with it the password.
        let unreadable = |_| QueueFault::Settings("queue.url: not a readable amqp URL".into());
        let mut uri: AMQPUri = url.parse().map_err(unreadable)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        Ok(Address(uri))
    }

    /// Whether somebody there speaks AMQP. Asked before dialling again after a dial that hung:
    /// lapin leaves a thread behind for each of those.
    pub(super) async fn answers(&self, wait: Duration) -> bool {
        let authority = &self.0.authority;
        let ask = async {
            let stream = TcpStream::connect((authority.host.as_str(), authority.port)).await?;
            stream.writable().await?;
            stream.try_write(PROTOCOL_HEADER)?;
            stream.readable().await?;
            stream.try_read(&mut [0; 8])
        };
        matches!(timeout(wait, ask).await, Ok(Ok(bytes)) if bytes > 0)
    }

    async fn dial(&self, name: String) -> Result<Connection, QueueFault> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        Connection::connect_uri(self.0.clone(), properties).await.map_err(fault_of)
    }
}

impl Link {
    /// Dials, declares, hears one confirm, consumes. `attention` is called when a consumer ends.
    pub(super) async fn open(
        address: &Address,
        settings: &QueueSettings,
        generation: u64,
        attention: &Arc<Notify>,
    ) -> Result<Link, QueueFault> {
        let outbound = address.dial(format!("{} publish", settings.prefix)).await?;
        declare(&outbound, settings).await?;
        let mut link = Link {
            generation,
            outbound,
            inbound: None,
            publisher: Mutex::new(None),
            inboxes: HashMap::new(),
            given_up: AtomicBool::new(false),
        };
        link.probe(settings).await?;
        if !settings.consume.is_empty() {
            let inbound = address.dial(format!("{} consume", settings.prefix)).await?;
            for topic in &settings.consume {
                for class in CLASSES {
                    let key = (*topic, class);
                    let inbox = Inbox::open(&inbound, settings, key, attention).await?;
                    link.inboxes.insert(key, inbox);
                }
            }
            link.inbound = Some(inbound);
        }
        Ok(link)
    }

    /// A publish that matters to nobody: the broker takes, writes and confirms.
    pub(super) async fn probe(&self, settings: &QueueSettings) -> Result<(), QueueFault> {
        let channel = open_publisher(&self.outbound).await?;
        publish_one(&channel, &settings.probe_name(), "probe").await
    }

    /// Publishes all, a window of them on the way at a time, and hears every confirm.
    pub(super) async fn publish(
        &self,
        settings: &QueueSettings,
        hints: &[Hint],
    ) -> Result<(), QueueFault> {
        // One publisher at a time: lapin takes a number and queues the frame in two steps.
        let mut place = self.publisher.lock().await;
        // While blocked lapin writes nothing and would store it all up in memory.
        if self.outbound.status().blocked() {
            return Err(QueueFault::NotConfirmed { waited_ms: 0 });
        }
        let channel = match place.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => open_publisher(&self.outbound).await?,
        };
        let publishes = stream::iter(hints.iter().copied()).map(|hint: Hint| {
            let (name, body) = (settings.queue_name(hint.topic, hint.class), hint.encode());
            let channel = &channel;
            async move { publish_one(channel, &name, &body).await }
        });
        let mut answers = publishes.buffered(CONFIRM_WINDOW);
        let mut published = Ok(());
        while let Some(answer) = answers.next().await {
            if answer == Err(QueueFault::Disconnected) {
                return answer;
            }
            published = published.and(answer);
        }
        drop(answers);
        *place = Some(channel);
        published
    }

    pub(super) fn inbox(&self, topic: Topic, class: Class) -> Option<&Inbox> {
        self.inboxes.get(&(topic, class))
    }

    /// Messages ready in a queue.
    pub(super) async fn depth(&self, name: &str) -> Result<u64, QueueFault> {
        let channel = self.outbound.create_channel().await.map_err(fault_of)?;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asked = channel.queue_declare(name.into(), options, FieldTable::default()).await;
        asked.map(|queue| u64::from(queue.message_count())).map_err(fault_of)
    }

    /// Deletes a queue with all that is in it.
    pub(super) async fn delete(&self, name: &str) -> Result<(), QueueFault> {
        let channel = self.outbound.create_channel().await.map_err(fault_of)?;
        let deleted = channel.queue_delete(name.into(), QueueDeleteOptions::default()).await;
        deleted.map(drop).map_err(fault_of)
    }

    /// From now on it counts as unsound.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }

    pub(super) fn is_sound(&self) -> bool {
        let connected = |connection: &Connection| connection.status().connected();
        !self.given_up.load(Ordering::Acquire)
            && connected(&self.outbound)
            && self.inbound.as_ref().is_none_or(connected)
            && self.inboxes.values().all(|inbox| inbox.liveness() == Liveness::Alive)
    }

    /// Says goodbye, so that the broker takes the unsettled hints back at once.
    pub(super) async fn end(&self) {
        self.give_up();
        let connections = [Some(&self.outbound), self.inbound.as_ref()].into_iter().flatten();
        let closes = connections.map(|connection| connection.close(200, "OK".into()));
        if timeout(GOODBYE_WAIT, join_all(closes)).await.is_err() {
            debug!(generation = self.generation, "the broker did not answer the goodbye");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for inbox in self.inboxes.values() {
            inbox.pump.abort();
        }
    }
}

impl Inbox {
    async fn open(
        connection: &Connection,
        settings: &QueueSettings,
        key: (Topic, Class),
        attention: &Arc<Notify>,
    ) -> Result<Inbox, QueueFault> {
        let channel = connection.create_channel().await.map_err(fault_of)?;
        let prefetch = settings.prefetch;
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(fault_of)?;
        let name = settings.queue_name(key.0, key.1);
        let options = BasicConsumeOptions::default();
        let consumer = channel
            .basic_consume(name.into(), ShortString::default(), options, FieldTable::default())
            .await
            .map_err(fault_of)?;
        let (sender, receiver) = mpsc::channel(usize::from(prefetch));
        let unsettled = Arc::new(Mutex::new(Unsettled::default()));
        let pump = Pump { channel: channel.clone(), unsettled: unsettled.clone(), sender, key };
        let attention = attention.clone();
        let pump = tokio::spawn(async move {
            pump.run(consumer).await;
            attention.notify_one();
        });
        Ok(Inbox { channel, arrived: Mutex::new(receiver), unsettled, pump })
    }

    pub(super) fn liveness(&self) -> Liveness {
        if self.pump.is_finished() || !self.channel.status().connected() {
            Liveness::Dead
        } else {
            Liveness::Alive
        }
    }

    /// What is here, or comes first before `until`; None when the consumer has ended.
    pub(super) async fn receive(&self, max: usize, until: Instant) -> Option<Vec<Arrived>> {
        let Ok(mut arrived) = timeout_at(until, self.arrived.lock()).await else {
            return Some(Vec::new());
        };
        let mut batch = Vec::new();
        match timeout_at(until, arrived.recv_many(&mut batch, max)).await {
            Ok(0) => None,
            Ok(_) | Err(_) => Some(batch),
        }
    }

    pub(super) async fn settle(&self, numbers: Vec<u64>) -> Result<(), QueueFault> {
        // Held until they are on their way: multiple-acks must not overtake each other, for the
        // broker closes the channel over a number it no longer knows.
        let mut unsettled = self.unsettled.lock().await;
        let acks = unsettled.settle(numbers);
        let grouped = acks.up_to.map(|number| (number, true));
        let single = acks.single.into_iter().map(|number| (number, false));
        let sends = grouped
            .into_iter()
            .chain(single)
            .map(|(number, multiple)| self.channel.basic_ack(number, BasicAckOptions { multiple }));
        try_join_all(sends).await.map(drop).map_err(fault_of)
    }
}

/// Moves a consumer's messages into this process at once, so that its end is seen at once too.
struct Pump {
    channel: Channel,
    unsettled: Arc<Mutex<Unsettled>>,
    sender: mpsc::Sender<Arrived>,
    key: (Topic, Class),
}

impl Pump {
    async fn run(self, mut consumer: Consumer) {
        while let Some(Ok(message)) = consumer.next().await {
            let number = message.delivery_tag;
            // Held over the reject, which a multiple-ack must not overtake.
            let mut unsettled = self.unsettled.lock().await;
            let hint = match Hint::decode(&message.data) {
                Ok(hint) if (hint.topic, hint.class) == self.key => hint,
                Ok(_) | Err(_) => {
                    let (queue, bytes) = (message.routing_key.as_str(), message.data.len());
                    warn!(queue, bytes, "not a hint of this queue: put aside");
                    let reject = BasicRejectOptions { requeue: false };
                    if self.channel.basic_reject(number, reject).await.is_err() {
                        break;
                    }
                    continue;
                }
            };
            unsettled.arrived(number);
            drop(unsettled);
            let arrived = Arrived { hint, redelivered: message.redelivered, number };
            if self.sender.send(arrived).await.is_err() {
                break;
            }
        }
    }
}

async fn declare(connection: &Connection, settings: &QueueSettings) -> Result<(), QueueFault> {
    let channel = connection.create_channel().await.map_err(fault_of)?;
    let dead = settings.dead_name();
    for (name, kept) in [(dead.clone(), DEAD_MAX), (settings.probe_name(), 1)] {
        let arguments = [
            ("x-queue-type", text("quorum")),
            ("x-max-length", AMQPValue::LongLongInt(kept.into())),
        ];
        declare_one(&channel, &name, &arguments).await?;
    }
    for (topic, class) in every_queue() {
        let arguments = [
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERIES_MAX.into())),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(&dead)),
            ("x-max-length", AMQPValue::LongLongInt(settings.depth_max.into())),
            ("x-overflow", text("reject-publish")),
        ];
        declare_one(&channel, &settings.queue_name(topic, class), &arguments).await?;
    }
    Ok(())
}

async fn declare_one(
    channel: &Channel,
    name: &str,
    arguments: &[(&str, AMQPValue)],
) -> Result<(), QueueFault> {
    let mut table = FieldTable::default();
    for (key, value) in arguments {
        table.insert((*key).into(), value.clone());
    }
    let declared = channel.queue_declare(name.into(), QueueDeclareOptions::durable(), table).await;
    declared.map(drop).map_err(|error| match error.kind() {
        ErrorKind::ProtocolError(refused) if refused.get_id() == PRECONDITION_FAILED => {
            QueueFault::Mismatch { detail: refused.get_message().to_string() }
        }
        _ => fault_of(error),
    })
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

async fn open_publisher(connection: &Connection) -> Result<Channel, QueueFault> {
    let channel = connection.create_channel().await.map_err(fault_of)?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(fault_of)?;
    Ok(channel)
}

async fn publish_one(channel: &Channel, name: &str, body: &str) -> Result<(), QueueFault> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let sent = channel
        .basic_publish(ShortString::default(), name.into(), options, body.as_bytes(), persistent)
        .await
        .map_err(fault_of)?;
    match sent.await.map_err(fault_of)? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(back)) | Confirmation::Nack(Some(back)) => {
            Err(QueueFault::Unroutable { queue: back.delivery.routing_key.to_string() })
        }
        Confirmation::Nack(None) => Err(QueueFault::Full { queue: name.to_owned() }),
        Confirmation::NotRequested => Err(QueueFault::Disconnected),
    }
}

/// Whatever ends a channel or a connection has one answer: the next link.
fn fault_of(error: lapin::Error) -> QueueFault {
    debug!(%error, "the link to the broker is broken");
    QueueFault::Disconnected
}

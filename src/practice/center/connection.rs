//! One connection of a practice centre: reads what a client asks, answers with the centre's vices,
//! gives what is owed and gives it again until it is kept. The protocol's words are the tongue's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Asked, Center, Part, Verdict, pause};

/// How often what is owed is looked at.
const GIVE_EVERY_MS: u64 = 20;
/// Deliveries that are given without an answer.
const GIVEN: usize = 8;
const PDU_MOST: usize = 64 * 1024;

enum Out {
    Pdu(Vec<u8>),
    /// Half of it, and the connection is gone.
    Half(Vec<u8>),
}

#[derive(Clone)]
struct Client {
    center: Arc<Center>,
    number: u64,
    out: mpsc::Sender<Out>,
    sequence: Arc<AtomicU32>,
}

pub(super) async fn serve(center: Arc<Center>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (out, waiting) = mpsc::channel(1_000);
    let number = {
        let mut books = center.books();
        books.connections += 1;
        books.connections
    };
    let client = Client { center, number, out, sequence: Arc::default() };
    let mut tasks = JoinSet::new();
    let _ended = Ended { center: client.center.clone(), number };
    tokio::select! {
        () = write(writer, waiting) => {}
        () = read(client, reader, &mut tasks) => {}
    }
}

/// However a connection ends, what was given on it and not answered is given again on the next.
struct Ended {
    center: Arc<Center>,
    number: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let mut books = self.center.books();
        let given = |owed: &&mut super::Owed| owed.given.is_some_and(|(n, _)| n == self.number);
        for owed in books.owed.iter_mut().filter(given) {
            owed.given = None;
        }
        books.open = 0;
    }
}

async fn write(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Out>) {
    while let Some(out) = waiting.recv().await {
        let written = match &out {
            Out::Pdu(pdu) => writer.write_all(pdu).await,
            Out::Half(pdu) => {
                let _ = writer.write_all(&pdu[..pdu.len() / 2]).await;
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

async fn read(client: Client, mut reader: OwnedReadHalf, tasks: &mut JoinSet<()>) {
    loop {
        let mut length = [0; 4];
        if reader.read_exact(&mut length).await.is_err() {
            return;
        }
        let size = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(12..=PDU_MOST).contains(&size) {
            return;
        }
        let mut pdu = length.to_vec();
        pdu.resize(size, 0);
        if reader.read_exact(&mut pdu[4..]).await.is_err() {
            return;
        }
        let Some(asked) = client.center.tongue.ask(&pdu) else { return };
        if !client.hear(asked, tasks).await {
            return;
        }
        while tasks.try_join_next().is_some() {}
    }
}

impl Client {
    async fn say(&self, pdu: Vec<u8>) {
        let _ = self.out.send(Out::Pdu(pdu)).await;
    }

    fn next_sequence(&self) -> u32 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// False where the connection ends here.
    async fn hear(&self, asked: Asked, tasks: &mut JoinSet<()>) -> bool {
        match asked {
            Asked::Bind { welcome, refused, good, hears } => {
                if !good || self.center.vices().refuse_bind {
                    self.say(refused).await;
                    return true;
                }
                self.center.books().binds += 1;
                self.say(welcome).await;
                if hears {
                    let client = self.clone();
                    tasks.spawn(async move { client.give().await });
                }
            }
            Asked::Submit { sequence, part } => {
                let order = {
                    let mut books = self.center.books();
                    books.submits += 1;
                    books.open += 1;
                    books.open_most = books.open_most.max(books.open);
                    books.submits
                };
                let client = self.clone();
                tasks.spawn(async move { client.answer(order, sequence, part).await });
            }
            Asked::Delivered { sequence, kept } => self.settle(sequence, kept),
            Asked::Probe { answer } => self.say(answer).await,
            Asked::Leave { answer } => {
                self.say(answer).await;
                pause(GIVE_EVERY_MS).await;
                return false;
            }
            Asked::Other => {}
        }
        true
    }

    async fn answer(&self, order: u32, sequence: u32, part: Part) {
        let vices = self.center.vices();
        pause(vices.answer_ms).await;
        let tongue = &self.center.tongue;
        if order <= vices.throttle {
            self.answered();
            return self.say(tongue.answer(sequence, Verdict::Throttled)).await;
        }
        if vices.dead.contains(&part.to) {
            self.answered();
            return self.say(tongue.answer(sequence, Verdict::DeadNumber)).await;
        }
        self.center.books().note(&part);
        if vices.silent_after.is_some_and(|after| order > after) {
            return;
        }
        let report = || tongue.report(0, order, &part);
        if vices.receipt_early && !vices.drop_silently {
            self.owe(report(), vices.receipt_doubled);
            pause(GIVE_EVERY_MS * 3).await;
        }
        let answer = tongue.answer(sequence, Verdict::Taken(order));
        self.answered();
        if vices.cut_at == Some(order) {
            let _ = self.out.send(Out::Half(answer)).await;
            return;
        }
        if vices.garbage_at == Some(order) {
            return self.say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
        }
        self.say(answer).await;
        if !vices.receipt_early && !vices.drop_silently {
            pause(vices.receipt_ms).await;
            self.owe(report(), vices.receipt_doubled);
        }
    }

    fn answered(&self) {
        let mut books = self.center.books();
        books.open = books.open.saturating_sub(1);
    }

    fn owe(&self, pdu: Vec<u8>, doubled: bool) {
        let mut books = self.center.books();
        for _ in 0..=u8::from(doubled) {
            books.owed.push_back(super::Owed { pdu: pdu.clone(), given: None });
        }
    }

    /// Gives what is owed, a few at a time.
    async fn give(&self) {
        loop {
            let mut out = Vec::new();
            {
                let mut books = self.center.books();
                let open = books.owed.iter().filter(|owed| owed.given.is_some()).count();
                let free = books.owed.iter_mut().filter(|owed| owed.given.is_none());
                for owed in free.take(GIVEN.saturating_sub(open)) {
                    let sequence = self.next_sequence();
                    owed.given = Some((self.number, sequence));
                    let mut pdu = owed.pdu.clone();
                    let at = self.center.tongue.sequence_at();
                    pdu[at..at + 4].copy_from_slice(&sequence.to_be_bytes());
                    out.push(pdu);
                }
            }
            for pdu in out {
                self.say(pdu).await;
            }
            pause(GIVE_EVERY_MS).await;
        }
    }

    fn settle(&self, sequence: u32, kept: bool) {
        let mut books = self.center.books();
        let given = Some((self.number, sequence));
        let Some(at) = books.owed.iter().position(|owed| owed.given == given) else {
            return;
        };
        if kept {
            books.owed.remove(at);
            books.kept += 1;
        } else {
            books.owed[at].given = None;
            books.refused += 1;
        }
    }
}

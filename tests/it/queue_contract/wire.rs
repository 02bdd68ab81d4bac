//! A loopback wire to the broker that a test can cut and freeze.
//!
//! It carries bytes and knows nothing of AMQP but where a URL keeps its host.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tongluo::queue::QueueSettings;

/// What a [`Wire`] does with its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    Open,
    /// Bytes stay where they are.
    Frozen,
    /// Connections are closed, old ones and new ones.
    Cut,
}

/// A loopback wire to the broker that can be cut and frozen.
pub struct Wire {
    address: SocketAddr,
    state: Arc<AtomicU8>,
}

impl Wire {
    pub fn to(url: &str) -> Wire {
        let target = authority(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(AtomicU8::new(State::Open as u8));
        let (seen, stopped) = (state.clone(), Arc::downgrade(&state));
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if stopped.strong_count() <= 1 {
                    return;
                }
                if seen.load(Ordering::SeqCst) == State::Cut as u8 {
                    continue;
                }
                let far = TcpStream::connect(&target).unwrap();
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let ends = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let state = seen.clone();
                    std::thread::spawn(move || carry(ends.0, ends.1, &state));
                }
            }
        });
        Wire { address, state }
    }

    pub fn set(&self, state: State) {
        self.state.store(state as u8, Ordering::SeqCst);
    }

    pub fn through(&self, settings: &QueueSettings) -> QueueSettings {
        let url = settings.url.replace(authority(&settings.url), &self.address.to_string());
        QueueSettings { url, ..settings.clone() }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.set(State::Cut);
    }
}

/// `host:port` of an AMQP URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(authority, _)| authority)
}

fn carry(mut from: TcpStream, mut to: TcpStream, state: &AtomicU8) {
    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = [0; 16_384];
    loop {
        let got = from.read(&mut buffer);
        while state.load(Ordering::SeqCst) == State::Frozen as u8 {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let cut = state.load(Ordering::SeqCst) == State::Cut as u8;
        let carried = match got {
            Ok(0) => false,
            Ok(count) => !cut && to.write_all(&buffer[..count]).is_ok(),
            Err(waited) => {
                use std::io::ErrorKind::{TimedOut, WouldBlock};
                !cut && matches!(waited.kind(), TimedOut | WouldBlock)
            }
        };
        if !carried {
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            return;
        }
    }
}

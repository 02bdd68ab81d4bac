//! A connection as PDUs: read whole, written within a time. A length that cannot be is noticed
//! before anything is allocated for it.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::Frame;

/// Octets that are read at once.
const READ_OCTETS: usize = 16 * 1024;

pub(super) struct Wire {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    held: BytesMut,
    frame: Frame,
    patience: Duration,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, frame: Frame, patience: Duration) -> Wire {
        let (reader, writer) = stream.into_split();
        Wire { reader, writer, held: BytesMut::new(), frame, patience }
    }

    /// Waits for more octets. Nothing is lost where it is given up.
    pub(super) async fn read(&mut self) -> Result<(), String> {
        self.held.reserve(READ_OCTETS);
        match self.reader.read_buf(&mut self.held).await {
            Ok(0) if self.held.is_empty() => Err("the peer closed the connection".into()),
            Ok(0) => Err("the peer closed the connection amid a PDU".into()),
            Ok(_) => Ok(()),
            Err(fault) => Err(format!("cannot read: {fault}")),
        }
    }

    /// The next PDU that is held whole.
    pub(super) fn next(&mut self) -> Result<Option<BytesMut>, String> {
        let Some(mut head) = self.held.get(..4) else {
            return Ok(None);
        };
        let length = usize::try_from(head.get_u32()).unwrap_or(usize::MAX);
        if length < self.frame.header_octets || length > self.frame.most_octets {
            return Err(format!("the peer speaks of a PDU of {length} octets"));
        }
        Ok((self.held.len() >= length).then(|| self.held.split_to(length)))
    }

    pub(super) async fn write(&mut self, pdu: &[u8]) -> Result<(), String> {
        match tokio::time::timeout(self.patience, self.writer.write_all(pdu)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => Err(format!("cannot write: {fault}")),
            Err(_) => Err("the peer reads nothing".into()),
        }
    }
}

//! A file read line by line into chunks of rows and faults, with limits on line, rows and bytes.
//!
//! Nothing of a file but the chunk in hand is kept.

use std::io::{self, BufRead, Read};

use super::line::split;
use super::parse::Cells;
use crate::domain::roster::{
    CHUNK_ROWS_MAX, FAULTS_MAX, FILE_BYTES_MAX, FILE_ROWS_MAX, Fault, RosterFile, Row,
};

/// Bytes of one line; a longer one is no row.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// What a look at the file brought.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Rows with their lines in the file.
    pub rows: Vec<(u64, Row)>,
    pub faults: Vec<Fault>,
}

/// Refuses a file by its size, before a byte of it is read.
pub fn check_size(file: RosterFile, size_bytes: u64) -> Result<(), Fault> {
    if size_bytes <= FILE_BYTES_MAX {
        return Ok(());
    }
    let reason =
        format!("{size_bytes} bytes: a file may have {FILE_BYTES_MAX}; split it by streets");
    Err(whole(file, &reason))
}

fn whole(file: RosterFile, reason: &str) -> Fault {
    at_line(file, 0, "", reason)
}

fn at_line(file: RosterFile, line: u64, value: &str, reason: &str) -> Fault {
    Fault {
        file: file.name().into(),
        line,
        column: String::new(),
        value: value.chars().take(80).collect(),
        reason: reason.into(),
    }
}

/// Reads one file. After a fault of the file as a whole (header, encoding, size) it stops.
pub struct Reader<R> {
    file: RosterFile,
    input: R,
    line: u64,
    bytes: u64,
    rows: u64,
    faults: usize,
    at: Vec<usize>,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Header,
    Rows,
    Done,
}

impl<R: BufRead> Reader<R> {
    pub fn new(file: RosterFile, input: R) -> Reader<R> {
        let (line, bytes, rows, faults) = (0, 0, 0, 0);
        Reader { file, input, line, bytes, rows, faults, at: Vec::new(), state: State::Header }
    }

    /// The next rows, at most [`CHUNK_ROWS_MAX`]; `None` when the file has been read.
    ///
    /// # Errors
    /// Only of the input itself; everything wrong with the content is a [`Fault`].
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let mut chunk = Chunk::default();
        while self.state != State::Done && chunk.rows.len() < CHUNK_ROWS_MAX {
            let Some(line) = self.next_line(&mut chunk)? else {
                break;
            };
            match self.state {
                State::Header => self.take_header(&line, &mut chunk),
                State::Rows => self.take_row(&line, &mut chunk),
                State::Done => {}
            }
            if self.faults + chunk.faults.len() >= FAULTS_MAX {
                self.state = State::Done;
            }
        }
        self.faults += chunk.faults.len();
        let empty = chunk.rows.is_empty() && chunk.faults.is_empty();
        Ok((!empty).then_some(chunk))
    }

    fn stop(&mut self, chunk: &mut Chunk, fault: Fault) {
        chunk.faults.push(fault);
        self.state = State::Done;
    }

    /// The next line without its break, or `None` at the end and after a fault that ends the file.
    fn next_line(&mut self, chunk: &mut Chunk) -> io::Result<Option<String>> {
        let mut raw = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut raw)?;
        if read == 0 {
            if self.state == State::Header {
                self.stop(chunk, whole(self.file, "empty file: it needs at least its header"));
            }
            self.state = State::Done;
            return Ok(None);
        }
        self.line += 1;
        let start = self.bytes;
        self.bytes += read as u64;
        if self.bytes > FILE_BYTES_MAX {
            self.stop(chunk, whole(self.file, "too large: split it by streets"));
            return Ok(None);
        }
        if raw.last() != Some(&b'\n') && raw.len() > LINE_BYTES_MAX {
            let reason = "line too long: is a line break missing, or is this not a CSV file?";
            let head = String::from_utf8_lossy(&raw[..80]).into_owned();
            self.stop(chunk, at_line(self.file, self.line, &head, reason));
            return Ok(None);
        }
        while matches!(raw.last(), Some(b'\n' | b'\r')) {
            raw.pop();
        }
        if self.line == 1 && raw.starts_with(b"\xef\xbb\xbf") {
            raw.drain(..3);
        }
        match String::from_utf8(raw) {
            Ok(line) => Ok(Some(line)),
            Err(error) => {
                let fault = self.wrong_encoding(&error, start);
                self.stop(chunk, fault);
                Ok(None)
            }
        }
    }

    fn wrong_encoding(&self, error: &std::string::FromUtf8Error, start: u64) -> Fault {
        let valid = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let kind = if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            "UTF-16"
        } else {
            "probably GB18030"
        };
        let byte = bytes.get(valid).copied().unwrap_or_default();
        let reason = format!(
            "not UTF-8 ({kind}): byte 0x{byte:02x} at position {} of the file; save it as \
             \"CSV UTF-8\"",
            start + valid as u64
        );
        let head = String::from_utf8_lossy(&bytes[..valid]).into_owned();
        at_line(self.file, self.line, &head, &reason)
    }

    fn take_header(&mut self, line: &str, chunk: &mut Chunk) {
        let wanted = self.file.columns();
        let cells = match split(line) {
            Ok(cells) => cells,
            Err(fault) => {
                let fault = at_line(self.file, 1, line, &fault.to_string());
                return self.stop(chunk, fault);
            }
        };
        let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
        let mut faults = Vec::new();
        for (at, cell) in cells.iter().enumerate() {
            let reason = if !wanted.contains(cell) {
                format!("unknown column; the header is {}", wanted.join(","))
            } else if cells[..at].contains(cell) {
                "column named twice: delete one".to_owned()
            } else {
                continue;
            };
            faults.push(Fault { column: (*cell).into(), ..at_line(self.file, 1, cell, &reason) });
        }
        for column in wanted.iter().filter(|column| !cells.contains(column)) {
            let reason = format!("missing column; the header is {}", wanted.join(","));
            faults.push(Fault { column: (*column).into(), ..at_line(self.file, 1, "", &reason) });
        }
        if faults.is_empty() {
            let find = |column: &&str| cells.iter().position(|cell| cell == column);
            self.at = wanted.iter().filter_map(find).collect();
            self.state = State::Rows;
        } else {
            chunk.faults.append(&mut faults);
            self.state = State::Done;
        }
    }

    fn take_row(&mut self, line: &str, chunk: &mut Chunk) {
        if line.trim().is_empty() {
            return;
        }
        self.rows += 1;
        if self.rows > FILE_ROWS_MAX {
            let reason = format!("more than {FILE_ROWS_MAX} rows: split it by streets");
            return self.stop(chunk, at_line(self.file, self.line, "", &reason));
        }
        let cells = match split(line) {
            Ok(cells) => cells,
            Err(fault) => {
                let fault = at_line(self.file, self.line, line, &fault.to_string());
                return chunk.faults.push(fault);
            }
        };
        if cells.len() != self.at.len() {
            let reason = format!(
                "{} cells where the header has {}: quote a cell that holds a comma",
                cells.len(),
                self.at.len()
            );
            return chunk.faults.push(at_line(self.file, self.line, line, &reason));
        }
        let cells = Cells {
            file: self.file,
            line: self.line,
            at: &self.at,
            cells: &cells,
            faults: &mut chunk.faults,
        };
        if let Some(row) = cells.row() {
            chunk.rows.push((self.line, row));
        }
    }
}

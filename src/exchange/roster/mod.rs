//! The roster as a directory of CSV files: UTF-8, a header line, commas, one row a line.
//!
//! Reads in chunks and in bounded memory; whatever is wrong with a file is a value that names
//! file, line, column, value and remedy. Opens no file and knows no store.

mod line;
mod parse;
mod read;
mod write;

pub use read::{Chunk, Reader, check_size};
pub use write::{write_header, write_row};

#[cfg(test)]
mod tests;

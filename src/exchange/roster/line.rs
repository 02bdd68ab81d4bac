//! One line of CSV (RFC 4180 without line breaks inside a cell) cut into cells.
//!
//! A cell never spans lines, so that one forgotten quote costs one line and not the file.

/// Why a line can't be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    #[error("a quote is opened and not closed on this line: close it, or double it (\"\")")]
    Unclosed,
    #[error("text behind a closing quote: double a quote that belongs to the text (\"\")")]
    Behind,
    #[error("a quote inside an unquoted cell: quote the whole cell and double the quote")]
    Inside,
    #[error("too many cells: quote a cell that holds a comma")]
    TooMany,
}

/// Cells of a line at most; more is not a roster.
const CELLS_MAX: usize = 64;

/// The cells of one line without its line break.
pub fn split(line: &str) -> Result<Vec<String>, LineFault> {
    let mut cells = Vec::with_capacity(12);
    let mut rest = line;
    loop {
        if cells.len() == CELLS_MAX {
            return Err(LineFault::TooMany);
        }
        let (cell, tail) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted)?,
            None => plain_cell(rest)?,
        };
        cells.push(cell);
        match tail {
            Some(tail) => rest = tail,
            None => return Ok(cells),
        }
    }
}

type Cut<'a> = (String, Option<&'a str>);

fn plain_cell(text: &str) -> Result<Cut<'_>, LineFault> {
    let (cell, tail) = match text.split_once(',') {
        Some((cell, tail)) => (cell, Some(tail)),
        None => (text, None),
    };
    if cell.contains('"') {
        return Err(LineFault::Inside);
    }
    Ok((cell.to_owned(), tail))
}

fn quoted_cell(mut text: &str) -> Result<Cut<'_>, LineFault> {
    let mut cell = String::new();
    loop {
        let (part, tail) = text.split_once('"').ok_or(LineFault::Unclosed)?;
        cell.push_str(part);
        if let Some(more) = tail.strip_prefix('"') {
            cell.push('"');
            text = more;
        } else if let Some(next) = tail.strip_prefix(',') {
            return Ok((cell, Some(next)));
        } else if tail.is_empty() {
            return Ok((cell, None));
        } else {
            return Err(LineFault::Behind);
        }
    }
}

/// Appends a cell, quoted where it must be.
pub fn push_cell(out: &mut Vec<u8>, cell: &str) {
    if cell.contains([',', '"']) || cell.starts_with(' ') || cell.ends_with(' ') {
        out.push(b'"');
        out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(cell.as_bytes());
    }
}

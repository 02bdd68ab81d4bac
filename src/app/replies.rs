//! `replies classify`: the classifier over lines, without store or settings. One text a line, TSV
//! escapes decoded; `label<TAB>confidence<TAB>text` out.

use std::io::{BufRead, Write};

use crate::domain::reply::{self, Menu};

/// Longest line, in bytes.
const LINE_BYTES: usize = 64 << 10;

/// Classifies every line of `input` under a menu of digits (empty: none is known).
pub fn classify(
    mut input: impl BufRead,
    mut output: impl Write,
    menu: &str,
) -> anyhow::Result<usize> {
    let menu = Menu::parse(menu);
    let mut lines = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(lines);
        }
        lines += 1;
        if line.len() > LINE_BYTES {
            anyhow::bail!("line {lines}: longer than {LINE_BYTES} bytes");
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        let reading = reply::read(&unescaped(text), menu);
        let (label, confidence) = (reading.label.word(), reading.confidence);
        writeln!(output, "{label}\t{confidence}\t{text}")?;
    }
}

/// `\n`, `\r`, `\t`, `\\` decoded; any other backslash stays as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('\\') => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_is_a_line_out() {
        let mut out = Vec::new();
        let lines = "救命，水进屋了\n1\n已转移到\\n安置点\r\n\n";
        assert_eq!(classify(lines.as_bytes(), &mut out, "123").unwrap(), 4);
        let out = String::from_utf8(out).unwrap();
        let labels: Vec<&str> = out.lines().filter_map(|l| l.split('\t').next()).collect();
        assert_eq!(labels, ["need_help", "ack", "evacuated", "unclear"]);
        assert!(out.lines().nth(2).unwrap().ends_with("已转移到\\n安置点"));
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(unescaped(r"a\tb\\n\x"), "a\tb\\n\\x");
        assert_eq!(unescaped("\\"), "\\");
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let long = vec![b'a'; LINE_BYTES + 1];
        assert!(classify(long.as_slice(), Vec::new(), "").is_err());
    }
}

//! Reading the project's own source for `tests/layers.rs` and `tests/tidy.rs`: which files there
//! are, and a text without what comments and literals say. It knows just enough Rust for that; it
//! is no parser, and it judges nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project: its path from the root, with `/`, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` (a path from the root, "" for all) whose name ends in one of `ends`,
/// in order of path. What git or cargo keep is left out, and so are hidden folders.
pub fn files(folder: &str, ends: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root().join(folder), ends, &mut found);
    found.sort();
    let own = |path: &PathBuf| {
        let inside = path.strip_prefix(root()).expect("walked from the root");
        let path_text = inside.to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{path_text}: {e}"));
        File { path: path_text, text }
    };
    found.iter().map(own).collect()
}

fn walk(folder: &Path, ends: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                walk(&path, ends, found);
            }
        } else if ends.iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
}

/// The text with every character of a comment and of the inside of a literal turned into a blank.
/// Line breaks stay, so line numbers and columns are those of the original.
pub fn masked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_silent(&chars, at);
        match end {
            Some(end) => {
                out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
                at = end;
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; none if nothing of the kind begins here.
fn end_of_silent(chars: &[char], at: usize) -> Option<usize> {
    let next = chars.get(at + 1).copied();
    match (chars[at], next) {
        ('/', Some('/')) => {
            let length = chars[at..].iter().take_while(|c| **c != '\n').count();
            Some(at + length)
        }
        ('/', Some('*')) => Some(end_of_block(chars, at)),
        ('"', _) => Some(end_of_quoted(chars, at + 1, '"')),
        ('r', Some('"' | '#')) => end_of_raw(chars, at),
        ('\'', Some('\\')) => Some(end_of_quoted(chars, at + 1, '\'')),
        // Else it is a lifetime.
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => Some(at + 3),
        _ => None,
    }
}

fn end_of_block(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut at = at;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_quoted(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn end_of_raw(chars: &[char], at: usize) -> Option<usize> {
    // `for"` is no raw string and `r#type` is a name; `br"` and `cr"` are raw strings.
    let mut before = at;
    while before > 0 && is_word(chars[before - 1]) {
        before -= 1;
    }
    let prefix: String = chars[before..at].iter().collect();
    if !matches!(prefix.as_str(), "" | "b" | "c") {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |end: usize| {
        chars[end] == '"' && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    let end = (open + 1..chars.len()).find(|end| closes(*end));
    Some(end.map_or(chars.len(), |end| end + 1 + hashes))
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words of a masked text with the byte where each begins.
pub fn words(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word(c), from) {
            (true, None) => from = Some(at),
            (false, Some(start)) => {
                found.push((start, &text[start..at]));
                from = None;
            }
            _ => {}
        }
    }
    found
}

/// The line (from 1) in which a byte stands.
pub fn line_of(text: &str, byte: usize) -> usize {
    text[..byte].matches('\n').count() + 1
}

/// What a check found, one line a fault; the test fails with all of them at once.
pub fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{} fault(s):\n{}\n", faults.len(), faults.join("\n"));
}

#[test]
fn masking_silences_comments_and_literals_and_nothing_else() {
    let silent = [
        "// use crate::web",
        "/* a /* crate::web */ */",
        r#""crate::web \" crate::web""#,
        "r#\"crate::web \" crate::web\"#",
        "br\"crate::web\\\"",
        "'\\''",
        "'\"'",
    ];
    for text in silent {
        let all = format!("fn a<'x>() {{ {text}\n }} crate::app");
        let masked = masked(&all);
        assert!(!masked.contains("web"), "{masked}");
        assert!(masked.ends_with("crate::app") && masked.contains("'x"), "{masked}");
        assert_eq!(masked.chars().count(), all.chars().count());
    }
}

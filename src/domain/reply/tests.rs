//! The reader held to the labelled replies (written ones only), to fresh ones it was not tuned
//! on at first, and to the rules of triage, menus and refusals.

use super::*;

const OWN: &str = include_str!("../../../tests/fixtures/replies_own.tsv");
const FRESH: &str = include_str!("../../../tests/fixtures/replies_fresh.tsv");

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

struct Score {
    right: usize,
    all: usize,
    help_found: usize,
    help_there: usize,
    help_said: usize,
}

impl Score {
    fn accuracy(&self) -> f64 {
        self.right as f64 / self.all as f64
    }
    fn recall(&self) -> f64 {
        self.help_found as f64 / self.help_there as f64
    }
    fn precision(&self) -> f64 {
        self.help_found as f64 / self.help_said as f64
    }
}

/// Reads all rows and prints each miss; `menu_column` is where the menu stands, if it does.
fn score(name: &str, file: &str, menu_column: Option<usize>) -> Score {
    let mut s = Score {
        right: 0,
        all: 0,
        help_found: 0,
        help_there: 0,
        help_said: 0,
    };
    for row in file.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (text, label) = (unescape(columns[0]), Label::from_word(columns[1]).unwrap());
        let menu = Menu::parse(menu_column.map_or("", |at| columns[at]));
        let found = read(&text, menu);
        s.all += 1;
        s.right += usize::from(found.label == label);
        s.help_there += usize::from(label == Label::NeedHelp);
        s.help_said += usize::from(found.label == Label::NeedHelp);
        s.help_found += usize::from(label == Label::NeedHelp && found.label == label);
        if found.label != label {
            println!("{name}: {text:?} is {}, read as {found:?}", label.word());
        }
    }
    println!(
        "{name}: {} of {} right ({:.3}), help recall {:.3}, precision {:.3}",
        s.right,
        s.all,
        s.accuracy(),
        s.recall(),
        s.precision()
    );
    s
}

#[test]
fn labelled_replies_are_read() {
    let s = score("own", OWN, None);
    assert!(s.all >= 470, "the fixture has lost rows: {}", s.all);
    assert!(s.recall() >= 0.97 && s.precision() >= 0.9 && s.accuracy() >= 0.93);
}

#[test]
fn fresh_replies_are_read() {
    let s = score("fresh", FRESH, Some(2));
    assert!(s.all >= 60);
    assert!(s.recall() >= 0.95 && s.precision() >= 0.9 && s.accuracy() >= 0.9);
}

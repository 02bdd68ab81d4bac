//! A tiny pattern language for phrases: Chinese has no word boundaries, and the tables of `words`
//! must stay readable. Patterns are expanded to flat sequences, found by first character.
//!
//! Syntax: `(a|b)` one of · `x?` or `(…)?` may be absent · `[abc]` one character of · `~` a gap of
//! up to six characters that never crosses a negation · `^` `$` ends of the clause · `_` a blank.
//! It is not a regular expression: nothing repeats, so matching stays linear.

use std::collections::HashMap;
use std::ops::Range;

/// Characters a gap may span.
const GAP_CHARS_MAX: usize = 6;
/// A gap that crossed one of these would turn the meaning around.
const NEGATIONS: &str = "不没未无勿别莫";

#[derive(Debug, Clone, PartialEq)]
enum Atom {
    Char(char),
    Gap,
    Start,
    End,
}

/// A compiled table: many patterns, each standing for a meaning `M`.
#[derive(Debug)]
pub(super) struct Table<M> {
    sequences: Vec<(Vec<Atom>, M)>,
    by_first: HashMap<char, Vec<usize>>,
}

/// A place in a clause where a pattern stands, in characters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit<M> {
    pub(super) span: Range<usize>,
    pub(super) meaning: M,
}

impl<M: Copy> Table<M> {
    /// Compiles rows of blank-separated patterns with the groups they name.
    pub(super) fn compile(groups: &[(&str, &str)], rows: &[(M, &str)]) -> Self {
        let mut table = Self { sequences: Vec::new(), by_first: HashMap::new() };
        for (meaning, patterns) in rows {
            for pattern in patterns.split_whitespace() {
                for sequence in expand(groups, pattern) {
                    table.add(sequence, *meaning);
                }
            }
        }
        table
    }

    fn add(&mut self, sequence: Vec<Atom>, meaning: M) {
        let first = sequence.iter().find_map(|atom| match atom {
            Atom::Char(c) => Some(*c),
            Atom::Gap | Atom::Start | Atom::End => None,
        });
        if let Some(first) = first {
            self.by_first.entry(first).or_default().push(self.sequences.len());
            self.sequences.push((sequence, meaning));
        }
    }

    /// All places where a pattern of the table stands, by start, the longer first.
    pub(super) fn find(&self, clause: &[char]) -> Vec<Hit<M>> {
        let mut hits = Vec::new();
        for (at, c) in clause.iter().enumerate() {
            for index in self.by_first.get(c).into_iter().flatten() {
                let (sequence, meaning) = &self.sequences[*index];
                if let Some(end) = stands(sequence, clause, at) {
                    hits.push(Hit { span: at..end, meaning: *meaning });
                }
            }
        }
        hits.sort_by_key(|hit| (hit.span.start, usize::MAX - hit.span.end));
        hits
    }
}

fn stands(sequence: &[Atom], clause: &[char], at: usize) -> Option<usize> {
    let latin = |place: Option<&char>| place.is_some_and(char::is_ascii_alphabetic);
    let end = follow(sequence, clause, at)?;
    let cut_left = latin(clause.get(at)) && at > 0 && latin(clause.get(at - 1));
    let cut_right = end > 0 && latin(clause.get(end - 1)) && latin(clause.get(end));
    (!cut_left && !cut_right).then_some(end)
}

fn follow(sequence: &[Atom], clause: &[char], at: usize) -> Option<usize> {
    let Some((atom, rest)) = sequence.split_first() else {
        return Some(at);
    };
    match atom {
        Atom::Char(c) if clause.get(at) == Some(c) => follow(rest, clause, at + 1),
        Atom::Char(_) => None,
        Atom::Start if at == 0 => follow(rest, clause, at),
        Atom::End if at == clause.len() => follow(rest, clause, at),
        Atom::Start | Atom::End => None,
        Atom::Gap => {
            let open = clause.get(at..).unwrap_or_default().iter();
            let room = open.take(GAP_CHARS_MAX).take_while(|c| !NEGATIONS.contains(**c)).count();
            (0..=room).find_map(|skipped| follow(rest, clause, at + skipped))
        }
    }
}

fn expand(groups: &[(&str, &str)], pattern: &str) -> Vec<Vec<Atom>> {
    let mut pattern = pattern.to_owned();
    for (name, words) in groups {
        let mark = format!("{{{name}}}");
        if pattern.contains(&mark) {
            pattern = pattern.replace(&mark, &format!("({words})"));
        }
    }
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    alternatives(&chars, &mut at)
}

/// Reads `a|b|c` up to a closing bracket or the end.
fn alternatives(chars: &[char], at: &mut usize) -> Vec<Vec<Atom>> {
    let mut all = Vec::new();
    let mut current = vec![Vec::new()];
    while let Some(c) = chars.get(*at) {
        *at += 1;
        let mut next = match c {
            ')' => break,
            '|' => {
                all.append(&mut current);
                current.push(Vec::new());
                continue;
            }
            '(' => alternatives(chars, at),
            '[' => class(chars, at),
            '~' => vec![vec![Atom::Gap]],
            '^' => vec![vec![Atom::Start]],
            '$' => vec![vec![Atom::End]],
            '_' => vec![vec![Atom::Char(' ')]],
            other => vec![vec![Atom::Char(*other)]],
        };
        if chars.get(*at) == Some(&'?') {
            *at += 1;
            next.push(Vec::new());
        }
        current = current
            .iter()
            .flat_map(|head| next.iter().map(|tail| [head.as_slice(), tail].concat()))
            .collect();
    }
    all.append(&mut current);
    all
}

fn class(chars: &[char], at: &mut usize) -> Vec<Vec<Atom>> {
    let mut all = Vec::new();
    while let Some(c) = chars.get(*at) {
        *at += 1;
        if *c == ']' {
            break;
        }
        all.push(vec![Atom::Char(*c)]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(pattern: &str, clause: &str) -> Vec<(usize, usize)> {
        let table = Table::compile(&[("kin", "爸|妈")], &[((), pattern)]);
        let clause: Vec<char> = clause.chars().collect();
        table.find(&clause).into_iter().map(|hit| (hit.span.start, hit.span.end)).collect()
    }

    #[test]
    fn each_element_means_what_it_says() {
        assert_eq!(spans("被困", "人被困了"), [(1, 3)]);
        assert_eq!(spans("没有?人?(被困|受伤)", "没有人受伤"), [(0, 5)]);
        assert_eq!(spans("走[不勿](动|了)", "老太婆走勿动"), [(3, 6)]);
        assert_eq!(spans("水~进来", "水已经进来了"), [(0, 5)]);
        assert_eq!(spans("{kin}~不肯", "我妈她不肯走"), [(1, 5)]);
        assert_eq!(spans("^停$", "停"), [(0, 1)]);
        assert!(spans("^停$", "停电").is_empty());
        assert_eq!(spans("wrong_number", "wrong number"), [(0, 12)]);
    }

    #[test]
    fn gap_is_short_and_stops_at_a_negation() {
        assert!(spans("都~走", "都还没走").is_empty());
        assert!(spans("水~来", "水一二三四五六七来").is_empty());
        assert_eq!(spans("水~来", "水一二三四五六来").len(), 1);
    }

    #[test]
    fn latin_words_are_not_cut_out_of_longer_ones() {
        assert!(spans("stop", "nonstop").is_empty() && spans("t", "td").is_empty());
        assert_eq!(spans("stop", "请stop了"), [(1, 5)]);
    }

    #[test]
    fn longer_hits_come_first() {
        assert_eq!(spans("没事 没事的时候", "没事的时候打我"), [(0, 5), (0, 2)]);
    }
}

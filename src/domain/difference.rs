//! In what two short texts differ, character by character: what both have, what only the old one,
//! what only the new one. A single common character between two changes is part of the change, for
//! nobody reads a text in splinters. It knows nothing of orders.

/// Longest text compared, in characters; of a longer one everything counts as changed.
const CHARS_MOST: usize = 600;
/// Fewer common characters than this between two changes join them.
const SPLINTER: usize = 2;

/// A piece of the comparison: what both texts have, then how they go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Piece {
    pub both: String,
    pub was: String,
    pub is: String,
}

/// The comparison from beginning to end. The `both` and `was` joined are the old text, the `both`
/// and `is` the new one.
pub fn compare(was: &str, is: &str) -> Vec<Piece> {
    let (old, new): (Vec<char>, Vec<char>) = (was.chars().collect(), is.chars().collect());
    if old.len() > CHARS_MOST || new.len() > CHARS_MOST {
        return vec![Piece { both: String::new(), was: was.into(), is: is.into() }];
    }
    let mut pieces: Vec<Piece> = vec![Piece::default()];
    let (mut i, mut j) = (0, 0);
    let common = common(&old, &new);
    let width = new.len() + 1;
    while i < old.len() || j < new.len() {
        let same = i < old.len() && j < new.len() && old[i] == new[j];
        let at = |i: usize, j: usize| common.get(i * width + j).copied().unwrap_or(0);
        let Some(last) = pieces.last_mut() else { break };
        if same && at(i, j) == at(i + 1, j + 1) + 1 {
            match last.was.is_empty() && last.is.is_empty() {
                true => last.both.push(old[i]),
                false => pieces.push(Piece { both: old[i].into(), ..Piece::default() }),
            }
            (i, j) = (i + 1, j + 1);
        } else if j >= new.len() || (i < old.len() && at(i + 1, j) >= at(i, j + 1)) {
            last.was.push(old[i]);
            i += 1;
        } else {
            last.is.push(new[j]);
            j += 1;
        }
    }
    joined(pieces)
}

/// The length of the longest common subsequence of what is left from each pair of positions.
fn common(old: &[char], new: &[char]) -> Vec<u16> {
    let width = new.len() + 1;
    let mut table = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            table[i * width + j] = match old[i] == new[j] {
                true => table[(i + 1) * width + j + 1] + 1,
                false => table[(i + 1) * width + j].max(table[i * width + j + 1]),
            };
        }
    }
    table
}

/// Without splinters.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut whole: Vec<Piece> = Vec::with_capacity(pieces.len());
    for (n, piece) in pieces.into_iter().enumerate() {
        let changes = !(piece.was.is_empty() && piece.is.is_empty());
        let splinter = n > 0 && changes && piece.both.chars().count() < SPLINTER;
        match whole.last_mut() {
            Some(last) if splinter && !(last.was.is_empty() && last.is.is_empty()) => {
                last.was.push_str(&piece.both);
                last.is.push_str(&piece.both);
                last.was.push_str(&piece.was);
                last.is.push_str(&piece.is);
            }
            Some(_) | None => whole.push(piece),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(was: &str, is: &str) -> Vec<(String, String, String)> {
        compare(was, is).into_iter().map(|p| (p.both, p.was, p.is)).collect()
    }

    fn row(both: &str, was: &str, is: &str) -> (String, String, String) {
        (both.into(), was.into(), is.into())
    }

    #[test]
    fn what_changed_is_told_from_what_stayed() {
        let was = "【余姚市防指】转移指令：3点前请离家到四明小学。收到回1";
        let is = "【余姚市防指】22:02更新：转移指令：3点前请离家到东风小学。收到回1";
        assert_eq!(
            pieces(was, is),
            [
                row("【余姚市防指】", "", "22:02更新："),
                row("转移指令：3点前请离家到", "四明", "东风"),
                row("小学。收到回1", "", ""),
            ]
        );
        assert_eq!(pieces("一样", "一样"), [row("一样", "", "")]);
        assert_eq!(pieces("", "新"), [row("", "", "新")]);
    }

    #[test]
    fn one_common_character_does_not_splinter_a_change() {
        assert_eq!(pieces("甲乙丙", "丁乙戊"), [row("", "甲乙丙", "丁乙戊")]);
        let long = "水".repeat(CHARS_MOST + 1);
        assert_eq!(pieces(&long, "水"), [row("", &long, "水")]);
    }

    proptest! {
        #[test]
        fn both_texts_come_out_whole(was in "[甲乙丙丁]{0,30}", is in "[甲乙丙丁]{0,30}") {
            let pieces = compare(&was, &is);
            let old: String = pieces.iter().map(|p| format!("{}{}", p.both, p.was)).collect();
            let new: String = pieces.iter().map(|p| format!("{}{}", p.both, p.is)).collect();
            prop_assert_eq!((old, new), (was, is));
        }
    }
}

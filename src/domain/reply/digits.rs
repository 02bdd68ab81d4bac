//! Digits in all the forms in which people answer a menu, a leader's letter and digit, and the
//! number of persons a reply speaks of. Works on folded text.
//!
//! What a digit means is not known here: that depends on the menu that was sent.

/// Units behind a digit that make it a floor, a house, a time … and no answer.
const UNITS: &str = "楼幢栋号单室个人口位点米天小组村层岁只条家户队社区路弄届排名年月日分秒%度cm";
/// What may stand before an answered digit.
const LEADS: [&str; 17] = [
    "回复数字",
    "回复",
    "回",
    "我们选",
    "我选",
    "选择",
    "选",
    "我按",
    "按",
    "发",
    "答",
    "填",
    "数字",
    "答案",
    "收到",
    "回执",
    "reply",
];
/// Persons beyond this are not a household's or a building's head-count.
const PERSONS_MAX: u32 = 9_999;

/// The menu digit a reply answers with, bare or with words around it.
pub(super) fn menu_digit(folded: &str) -> Option<u8> {
    let body = folded.trim_matches(is_frame);
    let body = without_lead(body);
    let chars: Vec<char> = body.chars().collect();
    let first = chars.first().copied().and_then(value);
    // 3 错了是2: the slip is taken back, the last digit counts.
    if (body.contains('错') || body.contains("不是"))
        && let [.., '是' | '改' | '回' | '为', last] = chars.as_slice()
        && let Some(meant) = value(*last)
    {
        return Some(meant);
    }
    if let Some(first) = first {
        let same = chars.iter().take_while(|c| value(**c) == Some(first)).count();
        match chars.get(same) {
            None if same <= 3 => return Some(first),
            Some(next) if same == 1 && opens_words(chars[0], *next, &chars[same..]) => {
                return Some(first);
            }
            Some(_) | None => {}
        }
    }
    trailing(&chars)
}

/// All digits of an answer that is nothing but digits parted by blanks or commas (`1 2`).
pub(super) fn listed(folded: &str) -> Vec<u8> {
    let parts: Vec<&str> =
        folded.split(|c: char| is_frame(c) || c == '和').filter(|p| !p.is_empty()).collect();
    let mut digits = Vec::new();
    for part in parts {
        let mut chars = part.chars();
        match (chars.next().and_then(value), chars.next()) {
            (Some(digit), None) => digits.push(digit),
            _ => return Vec::new(),
        }
    }
    digits
}

/// A leader's letter and digit (`A1`, `b 2`, `A：1`), when the reply is nothing else.
pub(super) fn lettered(folded: &str) -> Option<(char, u8)> {
    let mut chars = folded.chars().filter(|c| !is_frame(*c));
    let letter = chars.next().filter(char::is_ascii_lowercase)?;
    let digit = chars.next().and_then(value)?;
    chars.next().is_none().then(|| (letter.to_ascii_uppercase(), digit))
}

/// The codes that platforms take for a refusal when a reply is nothing else: T, TD, N, R, 0000.
pub(super) fn is_refusal_code(folded: &str) -> bool {
    let body = folded.trim_matches(is_frame);
    let body = body.trim_start_matches(['回', '复']).trim_matches(is_frame);
    let zeros = body.len() >= 4 && body.chars().all(|c| c == '0');
    zeros || matches!(body, "t" | "td" | "n" | "r" | "qx")
}

fn trailing(chars: &[char]) -> Option<u8> {
    let (last, before) = chars.split_last()?;
    let digit = value(*last).filter(|_| last.is_ascii_digit())?;
    let head: String = before.iter().collect();
    let told = LEADS.iter().any(|lead| head.ends_with(lead));
    let parted = before.last().is_some_and(|c| is_frame(*c)) && before.len() <= 8;
    let only = !before.iter().any(char::is_ascii_digit);
    ((told || parted) && only).then_some(digit)
}

/// Whether what follows the digit are words about it, not the rest of a number or a unit.
fn opens_words(digit: char, next: char, rest: &[char]) -> bool {
    let mut words = rest.iter().skip_while(|c| is_frame(**c)).copied();
    let another = words.next().and_then(value).is_some();
    let another =
        another && !words.find(|c| value(*c).is_none()).is_some_and(|c| UNITS.contains(c));
    if is_frame(next) {
        return !(another || next == '/');
    }
    digit.is_ascii_digit() && !another && !UNITS.contains(next) && !next.is_ascii_alphanumeric()
}

fn without_lead(body: &str) -> &str {
    let mut rest = body;
    for _ in 0..2 {
        for lead in LEADS {
            if let Some(tail) = rest.strip_prefix(lead) {
                let tail = tail.trim_start_matches(is_frame);
                if tail.chars().next().and_then(value).is_some() {
                    rest = tail;
                }
            }
        }
    }
    rest
}

fn is_frame(c: char) -> bool {
    c.is_whitespace() || (c.is_ascii_punctuation()) || "。、,《》“”‘’「」『』…·—🙏👌👍".contains(c)
}

fn value(c: char) -> Option<u8> {
    let digit = match c {
        '0'..='9' => u8::try_from(c.to_digit(10)?).ok()?,
        '零' | '〇' => 0,
        '一' | '壹' | '幺' => 1,
        '二' | '贰' => 2,
        '三' | '叁' | '参' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    };
    Some(digit)
}

/// The number of persons a reply speaks of: 四口人, 3人, 一家四口, else 2个大人1个小孩 added up.
pub(super) fn persons(folded: &str) -> Option<u32> {
    let chars: Vec<char> = folded.chars().collect();
    let mut parts = 0u32;
    let mut at = 0;
    while at < chars.len() {
        let Some((count, end)) = number(&chars, at) else {
            at += 1;
            continue;
        };
        let tail: String = chars[end..].iter().take(4).collect();
        let whole = ["个人", "口", "人", "名", "位"].iter().any(|unit| tail.starts_with(unit));
        let kin = ["老人", "大人", "小孩", "孩", "娃", "老的", "小的"];
        let part = tail.strip_prefix(['个', '位']).unwrap_or(&tail);
        let part = kin.iter().any(|unit| part.starts_with(unit));
        if part {
            parts += count;
        } else if whole {
            return Some(count).filter(|n| (1..=PERSONS_MAX).contains(n));
        }
        at = end;
    }
    Some(parts).filter(|n| (1..=PERSONS_MAX).contains(n))
}

/// A number from 0 to 9999 in digits, or to 99 in Chinese, and where it ends.
fn number(chars: &[char], at: usize) -> Option<(u32, usize)> {
    let run = chars[at..].iter().take_while(|c| c.is_ascii_digit()).count();
    if run > 0 {
        let digits: String = chars[at..at + run].iter().collect();
        return Some((digits.parse().unwrap_or(u32::MAX).min(PERSONS_MAX + 1), at + run));
    }
    let small = |c: char| match c {
        '两' => Some(2),
        '十' => None,
        other => value(other).map(u32::from),
    };
    let ten = |place: usize| chars.get(place) == Some(&'十');
    if ten(at) {
        let ones = chars.get(at + 1).copied().and_then(small);
        return Some((10 + ones.unwrap_or(0), at + 1 + usize::from(ones.is_some())));
    }
    let first = small(*chars.get(at)?)?;
    if !ten(at + 1) {
        return Some((first, at + 1));
    }
    let ones = chars.get(at + 2).copied().and_then(small);
    Some((first * 10 + ones.unwrap_or(0), at + 2 + usize::from(ones.is_some())))
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::*;

    fn digit(text: &str) -> Option<u8> {
        menu_digit(&fold(text))
    }

    #[test]
    fn all_forms_of_one_are_one() {
        for text in [
            "1",
            "１",
            "壹",
            "一",
            "①",
            "1️⃣",
            "1。",
            "回1",
            "回复1",
            "按1",
            "我选1",
            "1 收到",
            "幺",
            "【1】",
            "\"1\"",
            "11",
            "111",
            "1！",
            " 1 ",
            "1\n",
            "收到1",
            "收到 1",
            "1收到",
            "❶",
            "⒈",
            "回复：1",
            "1，已转移",
            "1？",
            "好的，1",
        ] {
            assert_eq!(digit(text), Some(1), "{text:?}");
        }
    }

    #[test]
    fn numbers_that_are_no_answer_are_none() {
        for text in [
            "12",
            "302",
            "12345",
            "1/2",
            "3楼安全",
            "13幢",
            "3幢402收到",
            "2个人",
            "一切正常",
            "一楼淹了",
            "302已转移",
            "6点走",
            "打我电话13800000000",
            "",
            "1 2",
            "四口人已转移",
        ] {
            assert_eq!(digit(text), None, "{text:?}");
        }
        assert_eq!(
            (digit("３"), digit("叁"), digit("③"), digit("0")),
            (Some(3), Some(3), Some(3), Some(0))
        );
    }

    #[test]
    fn letters_and_lists() {
        assert_eq!(lettered(&fold("A1")), Some(('A', 1)));
        assert_eq!(lettered(&fold("ｂ：２")), Some(('B', 2)));
        assert_eq!(lettered(&fold("A12")), None);
        assert_eq!(listed(&fold("1、2")), [1, 2]);
        assert!(listed(&fold("1 收到")).is_empty());
    }

    #[test]
    fn persons_are_counted() {
        for (text, count) in [
            ("四口人已转移，在梁弄", Some(4)),
            ("全家3口已安全转移", Some(3)),
            ("3楼 6个人", Some(6)),
            ("2个大人1个小孩", Some(3)),
            ("十二人都出来了", Some(12)),
            ("两位老人", Some(2)),
            ("二十三人", Some(23)),
            ("收到", None),
            ("3楼安全", None),
        ] {
            assert_eq!(persons(&fold(text)), count, "{text:?}");
        }
    }
}

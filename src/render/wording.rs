//! Which words may be put into a message: a list of what is allowed, never a cleaning. A value
//! that breaks a rule is refused by name, so that what was approved is what is sent.

use unicode_normalization::UnicodeNormalization;

use super::fault::{RenderFault, WordingFault};

/// Checks that `value` may stand in a message as `field`, at most `most` UTF-16 units long.
///
/// # Errors
/// [`RenderFault::Wording`] names the field and the rule that is broken.
pub fn check_wording(field: &str, value: &str, most: usize) -> Result<(), RenderFault> {
    broken_rule(value, most).map_or(Ok(()), |rule| Err(fault(field, rule)))
}

pub(super) fn fault(field: &str, rule: WordingFault) -> RenderFault {
    RenderFault::Wording { field: field.into(), rule }
}

fn broken_rule(value: &str, most: usize) -> Option<WordingFault> {
    let Some((first, last)) = value.chars().next().zip(value.chars().next_back()) else {
        return Some(WordingFault::Empty);
    };
    let units = value.encode_utf16().count();
    if units > most {
        return Some(WordingFault::TooLong { units, most });
    }
    if let Some(other) = value.chars().find(|c| !may_stand(*c)) {
        return Some(WordingFault::Character(other as u32));
    }
    if is_edge(first) || is_edge(last) {
        return Some(WordingFault::Edge);
    }
    if let Some(link) = find_link(value) {
        return Some(WordingFault::Link(link));
    }
    find_digit_answer(value).map(WordingFault::Digit)
}

/// Han, ASCII, their full-width forms and the marks that stand in Chinese prose; so no line break,
/// no 【】 (a second signature), no emoji, nothing invisible.
fn may_stand(c: char) -> bool {
    matches!(c,
        ' '..='~'
        | '·' | '×' | '÷' | '°' | '±'
        | '—' | '–' | '‘' | '’' | '“' | '”' | '…' | '℃'
        | 'Ⅰ'..='Ⅻ' | '①'..='⑳'
        | '、'..='。' | '々' | '〇' | '〈'..='』' | '〔' | '〕'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '！'..='～' | '￥'
        | '\u{20000}'..='\u{323AF}')
}

fn is_edge(c: char) -> bool {
    matches!(c, ' ' | '，' | '。' | '、' | '；' | '：' | '！' | '？' | ',' | '.' | ';' | ':' | '!')
}

fn find_link(value: &str) -> Option<String> {
    let plain: String = value.nfkc().collect::<String>().to_ascii_lowercase().replace('。', ".");
    if let Some(mark) = ["http", "://", "www."].into_iter().find(|mark| plain.contains(mark)) {
        return Some(mark.into());
    }
    plain
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'))
        .find(|word| is_domain(word))
        .map(str::to_owned)
}

/// `a.cn`, `10.0.0.1`, but neither `3.5` nor `12-401`.
fn is_domain(word: &str) -> bool {
    let labels: Vec<&str> = word.trim_matches('.').split('.').collect();
    let Some(top) = labels.last() else {
        return false;
    };
    let named = top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic());
    let numbered = labels.len() == 4 && labels.iter().all(|label| label.parse::<u8>().is_ok());
    labels.len() >= 2 && labels.iter().all(|label| !label.is_empty()) && (named || numbered)
}

/// `回1` at the end or before a mark would be a second menu; `返回1号楼` is a place.
fn find_digit_answer(value: &str) -> Option<String> {
    let chars: Vec<char> = value.nfkc().filter(|c| *c != ' ').collect();
    (0..chars.len()).find_map(|at| {
        let asks = matches!(chars[at], '回' | '复') && (at == 0 || chars[at - 1] != '返');
        let digit = chars.get(at + 1).filter(|c| c.is_ascii_digit())?;
        let goes_on = chars.get(at + 2).is_some_and(|c| c.is_alphanumeric());
        (asks && !goes_on).then(|| format!("{}{digit}", chars[at]))
    })
}

const COLOURS: [(&str, &str); 4] = [("蓝色", "蓝"), ("黄色", "黄"), ("橙色", "橙"), ("红色", "红")];

/// Own orders carry no colour: 橙色预警 is refused in them, 红色小学 is a place.
pub(super) fn check_colourless(field: &str, value: &str) -> Result<(), RenderFault> {
    let said = COLOURS.iter().flat_map(|(long, short)| [long, short]).find_map(|colour| {
        ["预警", "警报", "信号"]
            .iter()
            .map(|word| format!("{colour}{word}"))
            .find(|word| value.contains(word.as_str()))
    });
    said.map_or(Ok(()), |said| Err(fault(field, WordingFault::Colour(said))))
}

/// Whether the colour has to be printed beside the title, because the title does not have it.
///
/// # Errors
/// [`RenderFault::Wording`] when it is no colour, or the title names only others.
pub(super) fn colour_stands_apart(colour: &str, title: &str) -> Result<bool, RenderFault> {
    if !COLOURS.iter().any(|(long, short)| colour == *long || colour == *short) {
        return Err(fault("colour", WordingFault::NoColour));
    }
    if title.contains(colour) {
        return Ok(false);
    }
    if COLOURS.iter().any(|(long, _)| title.contains(long)) {
        return Err(fault("colour", WordingFault::ColourDiffers));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(value: &str) -> Option<WordingFault> {
        broken_rule(value, 20)
    }

    #[test]
    fn words_of_the_town_pass() {
        for value in [
            "四明小学",
            "南雷社区第17网格",
            "12-401",
            "梨洲街道（二楼）",
            "水位3.5米",
            "返回1号楼",
            "3~5小时",
            "姚江边·丈亭",
            "𠮷祥里",
            "红色小学",
            "A栋",
            "明天凌晨3点",
            "回家路上",
        ] {
            assert_eq!(rule(value), None, "{value}");
        }
    }

    #[test]
    fn what_may_not_stand_is_named() {
        use WordingFault::{Character, Digit, Edge, Empty, Link, TooLong};
        let cases = [
            ("", Empty),
            ("【建设银行】", Character('【' as u32)),
            ("四明小学\n快走", Character(10)),
            ("四明\u{200B}小学", Character(0x200B)),
            ("快走🏃", Character(0x1F3C3)),
            ("四明\u{0}小学", Character(0)),
            ("四明小学\u{3000}", Character(0x3000)),
            ("四明小学。", Edge),
            (" 四明小学", Edge),
            ("看http:x", Link("http".into())),
            ("登录 a.cn 查", Link("a.cn".into())),
            ("登录ａ．ＣＮ查", Link("a.cn".into())),
            ("登录baidu。com", Link("baidu.com".into())),
            ("到10.0.0.1看", Link("10.0.0.1".into())),
            ("走了回3", Digit("回3".into())),
            ("请回复１，谢谢", Digit("复1".into())),
        ];
        for (value, expected) in cases {
            assert_eq!(rule(value), Some(expected), "{value}");
        }
        let long = "水".repeat(21);
        assert_eq!(rule(&long), Some(TooLong { units: 21, most: 20 }));
        assert_eq!(rule(&"𠮷".repeat(11)), Some(TooLong { units: 22, most: 20 }));
    }

    #[test]
    fn colour_belongs_to_forwarded_warnings_and_agrees_with_the_title() {
        assert!(check_colourless("shelter", "红色小学").is_ok());
        assert!(check_colourless("shelter", "橙色预警").is_err());
        assert!(check_colourless("shelter", "红预警").is_err());
        assert_eq!(colour_stands_apart("橙色", "台风橙色预警信号"), Ok(false));
        assert_eq!(
            colour_stands_apart("橙", "将台风黄色预警信号升级为台风橙色预警信号"),
            Ok(false)
        );
        assert_eq!(colour_stands_apart("橙色", "洪水预警"), Ok(true));
        assert!(colour_stands_apart("红色", "台风橙色预警信号").is_err());
        assert!(colour_stands_apart("紫色", "台风预警").is_err());
    }
}

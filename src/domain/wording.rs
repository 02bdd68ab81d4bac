//! Which words may stand in a message: a list of what is allowed. An author's words and the names
//! of a roster are refused by the rule they break; a name that is in the store all the same is
//! mended, since nobody may go without a message for a name's sake. Templates are `render`'s.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// A name of the roster at most, in UTF-16 units: two of them make the name of a place.
pub const NAME_UNITS: usize = 24;
/// What stands on a door at most.
pub const DOOR_UNITS: usize = 16;
/// A name as a message has it: a place with the one above it, or a building with a door.
pub const FULL_NAME_UNITS: usize = 2 * NAME_UNITS + 8;

/// What is wrong with a value.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum WordingFault {
    #[error("is empty")]
    Empty,
    #[error("is {units} units long, at most {most} are possible")]
    TooLong { units: usize, most: usize },
    #[error("has a character that may not stand in a message: U+{0:04X}")]
    Character(u32),
    #[error("begins or ends with a space or a punctuation mark; the template puts its own")]
    Edge,
    #[error("has a link or an address of the net: {0}")]
    Link(String),
    #[error("tells which digit to answer ({0}); the menu is fixed")]
    Digit(String),
    #[error("gives a warning colour ({0}); only a forwarded warning has one")]
    Colour(String),
    #[error("is no warning colour: 蓝色, 黄色, 橙色 or 红色")]
    NoColour,
    #[error("names another colour than the title")]
    ColourDiffers,
}

impl WordingFault {
    /// What is wrong and what to do, for a page.
    pub fn chinese(&self) -> String {
        match self {
            WordingFault::Empty => "不能空着。".into(),
            WordingFault::TooLong { units, most } => {
                format!("有{units}个字，最多{most}个字：请缩短。")
            }
            WordingFault::Character(code) => {
                let shown = char::from_u32(*code).unwrap_or('?');
                format!("短信里不能有“{shown}”这个字符：请换成汉字或普通标点。")
            }
            WordingFault::Edge => "开头和结尾不要标点和空格，模板会自己加。".into(),
            WordingFault::Link(link) => format!("不能有网址（{link}）：请去掉。"),
            WordingFault::Digit(said) => {
                format!("不能写“{said}”：怎么回复由系统统一说明，请去掉。")
            }
            WordingFault::Colour(said) => {
                format!("不能写“{said}”：只有转发的预警才有颜色，请去掉。")
            }
            WordingFault::NoColour => "请写蓝色、黄色、橙色或红色。".into(),
            WordingFault::ColourDiffers => "和标题里的颜色不一致：请照原文改。".into(),
        }
    }
}

/// The first rule that `value` breaks as a word of at most `most` UTF-16 units in a message.
pub fn broken_rule(value: &str, most: usize) -> Option<WordingFault> {
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

/// What of `value` may stand in a message, cut to `most` UTF-16 units; none: nothing that is a
/// name.
pub fn mended(value: &str, most: usize) -> Option<String> {
    let plain: String = value
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| may_stand(*c))
        .collect();
    let plain = match find_link(&plain) {
        Some(_) => plain.replace(['.', '。', ':', '/'], " "),
        None => plain,
    };
    let plain = plain.trim_matches(is_edge);
    let said = match plain.encode_utf16().count() > most {
        true => elided(plain, most),
        false => plain.to_owned(),
    };
    broken_rule(&said, most).is_none().then_some(said)
}

/// Without its middle: a place's name ends with what tells it from its neighbours.
fn elided(name: &str, most: usize) -> String {
    let tail_units = most.saturating_sub(1) / 2;
    let head = first_units(name.chars(), most.saturating_sub(1 + tail_units));
    let tail = first_units(name.chars().rev(), tail_units);
    let tail: String = tail.chars().rev().collect();
    format!("{head}…{tail}")
}

fn first_units(chars: impl Iterator<Item = char>, most: usize) -> String {
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= most
    };
    chars.take_while(fits).collect()
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
    fn a_name_is_mended_to_what_may_stand_or_to_nothing() {
        let cases = [
            ("王家12", Some("王家12")),
            ("王家\u{200B}\u{0}12🏠", Some("王家12")),
            ("【空置】王家。", Some("空置王家")),
            ("第1\n网格", Some("第1 网格")),
            ("物业ym.gov.cn", Some("物业ym gov cn")),
            ("10.0.0.1", Some("10 0 0 1")),
            ("", None),
            ("🏠🏠", None),
            ("。，、", None),
            ("看http://a.cn", None),
            ("走了回3", None),
        ];
        for (value, expected) in cases {
            assert_eq!(mended(value, 20).as_deref(), expected, "{value}");
        }
        let long = format!("{}第17网格", "水".repeat(30));
        assert_eq!(mended(&long, 20).unwrap(), format!("{}…水水水水第17网格", "水".repeat(10)));
        assert_eq!(mended(&"𠮷".repeat(30), 20).unwrap(), "𠮷𠮷𠮷𠮷𠮷…𠮷𠮷𠮷𠮷");
    }
}

//! What an account may be called. Its name stands in the journal beside those under which the
//! program itself acts, on pages and in messages: it can be no other's, and nothing invisible.

/// Longest name, in characters.
pub const NAME_MAX: usize = 64;

/// Under these the program itself writes into the journal.
pub const RESERVED: [&str; 10] = [
    "auditor",
    "calendar",
    "clock",
    "dispatch",
    "installation",
    "intake",
    "setup",
    "system",
    "tongluo",
    "系统",
];

/// Why a name can't be an account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    #[error("要 1 到 {NAME_MAX} 个字 (1 to {NAME_MAX} characters)")]
    Length,
    #[error("不能有换行、制表符等看不见的字符 (no line breaks, no control or hidden characters)")]
    Invisible,
    #[error("不能有英文冒号：日志里 human:12 是责任人 (no colon: human:12 stands for a person)")]
    Colon,
    #[error("是程序自己在日志里用的名字 (the program itself acts under this name)")]
    Reserved,
}

/// Whether an account may bear this name, spaces around it left off.
pub fn check_name(name: &str) -> Result<(), NameFault> {
    let name = name.trim();
    if !(1..=NAME_MAX).contains(&name.chars().count()) {
        return Err(NameFault::Length);
    }
    if name.chars().any(is_invisible) {
        return Err(NameFault::Invisible);
    }
    if name.contains(':') {
        return Err(NameFault::Colon);
    }
    let small = name.to_lowercase();
    match RESERVED.contains(&small.as_str()) {
        true => Err(NameFault::Reserved),
        false => Ok(()),
    }
}

/// Control characters, breaks, and those that hide or turn what stands around them.
fn is_invisible(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_and_offices_are_good() {
        for name in
            ["陈制作", "凤山街道 值班", " 李签发 ", "wang.jianguo", "clockwork", "阿·买买提"]
        {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_name_is_nobody_elses_and_can_be_seen() {
        for (name, fault) in [
            ("  ", NameFault::Length),
            ("陈\n签发", NameFault::Invisible),
            ("陈\u{0}作", NameFault::Invisible),
            ("陈\u{202e}作制", NameFault::Invisible),
            ("\u{200b}陈", NameFault::Invisible),
            ("human:12", NameFault::Colon),
            ("clock", NameFault::Reserved),
            ("System", NameFault::Reserved),
        ] {
            assert_eq!(check_name(name), Err(fault), "{name:?}");
        }
        assert_eq!(check_name(&"王".repeat(NAME_MAX + 1)), Err(NameFault::Length));
        assert_eq!(check_name(&"王".repeat(NAME_MAX)), Ok(()));
    }
}

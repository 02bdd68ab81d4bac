//! Telephone numbers of mainland China as they are written in rosters and come from gateways,
//! brought to one form (E.164). A `Phone` is always valid; it prints itself masked only.
//!
//! It does not know who a number belongs to or which carrier serves it, and it asks nobody.
//! Assignment is checked by shape (ITU numbering plan of China), not by a list of codes in use.
//!
//! Practice numbers are numbers nobody can own. Mobile-like ones are `12` + 9 digits: mobiles
//! begin with 13–19. [`Phone::practice_mobile`] stays inside `127…`, since 120, 122, 123… and 125…
//! open with numbers that a telephone could reach. Landlines of practice are `020` followed by a
//! local number with a leading 0, the trunk prefix, with which no local number can begin.

use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// Characters of a field that are looked at; anything longer is not a number.
const FIELD_CHARS_MAX: usize = 40;

/// A valid number in E.164 (`+86…`). `Debug` and `Display` show the masked form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(String);

/// What can be done with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PhoneKind {
    /// Takes SMS and calls.
    Mobile,
    /// Takes calls only.
    Landline,
    /// A mobile nobody owns, for practice.
    Practice,
    /// A landline nobody owns, for practice.
    PracticeLandline,
}

/// Why a field is not a number we can use. The text tells the clerk what to do with the field
/// and never repeats the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneFault {
    #[error("the field is empty: write a number, or leave the household without one on purpose")]
    Empty,
    #[error("the field holds {0:?}: write digits only, one number a field")]
    NotDigits(char),
    #[error("several numbers in one field: write one number a field")]
    Several,
    #[error("an extension cannot be dialled by itself: write a direct number")]
    Extension,
    #[error("too few digits: a mobile has 11 digits, a landline 10 to 12 with its area code")]
    TooShort,
    #[error("too many digits: a mobile has 11 digits, a landline 10 to 12 with its area code")]
    TooLong,
    #[error("a landline without its area code: write it as 0574-62xxxxxx")]
    NoAreaCode,
    #[error("a landline needs its leading 0 (spreadsheets drop it): write it as 0574-62xxxxxx")]
    NoLeadingZero,
    #[error("no such area code or local number: check the digits")]
    NotAssignable,
    #[error("11 digits beginning with 1, but not 13 to 19: check the first three digits")]
    NotMobile,
    #[error("a 13-digit machine card (10648…, 144…): nobody reads it, write a person's number")]
    MachineCard,
    #[error("a service number (110, 95xxx, 400…): write a person's own number")]
    Service,
    #[error("a number outside mainland China is not supported: write a +86 number")]
    Foreign,
}

impl Phone {
    /// Reads a number as people and gateways write it: full-width digits, blanks, hyphens,
    /// brackets, and one of `+86`, `0086`, `86` in front.
    ///
    /// # Errors
    /// A [`PhoneFault`] naming what to correct in the field.
    pub fn parse(field: &str) -> Result<Self, PhoneFault> {
        let digits = national(field)?;
        check(&digits)?;
        let bare = digits.strip_prefix('0').unwrap_or(&digits);
        Ok(Self(format!("+86{bare}")))
    }

    /// The `n`-th practice mobile, `127` + 8 digits (`n` modulo 100 million).
    pub fn practice_mobile(n: u32) -> Self {
        Self(format!("+86127{:08}", n % 100_000_000))
    }

    /// The `n`-th practice landline, `020` + `0` + 7 digits (`n` modulo 10 million).
    pub fn practice_landline(n: u32) -> Self {
        Self(format!("+86200{:07}", n % 10_000_000))
    }

    /// What the number can take.
    pub fn kind(&self) -> PhoneKind {
        let after = self.after_country();
        if after.starts_with("12") {
            PhoneKind::Practice
        } else if after.starts_with("200") {
            PhoneKind::PracticeLandline
        } else if after.starts_with('1') && after.len() == 11 {
            PhoneKind::Mobile
        } else {
            PhoneKind::Landline
        }
    }

    /// Whether nobody can own this number, so that nobody is disturbed by practice.
    pub fn is_practice(&self) -> bool {
        match self.kind() {
            PhoneKind::Practice | PhoneKind::PracticeLandline => true,
            PhoneKind::Mobile | PhoneKind::Landline => false,
        }
    }

    /// Whether a text can reach it.
    pub fn takes_sms(&self) -> bool {
        match self.kind() {
            PhoneKind::Mobile | PhoneKind::Practice => true,
            PhoneKind::Landline | PhoneKind::PracticeLandline => false,
        }
    }

    /// `+8613800001234`.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// As dialled inside the country: a mobile's 11 digits, a landline with its leading 0.
    pub fn bare(&self) -> String {
        if self.is_wired() {
            format!("0{}", self.after_country())
        } else {
            self.after_country().to_owned()
        }
    }

    /// The last four digits, for lists and for the desk.
    pub fn last4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// `138****1234`; of a landline the area code stays: `0574****1234`.
    pub fn masked(&self) -> String {
        let bare = self.bare();
        let shown = if self.is_wired() && !bare.starts_with("01") && !bare.starts_with("02") {
            4
        } else {
            3
        };
        format!("{}****{}", &bare[..shown], self.last4())
    }

    fn after_country(&self) -> &str {
        &self.0[3..]
    }

    fn is_wired(&self) -> bool {
        match self.kind() {
            PhoneKind::Landline | PhoneKind::PracticeLandline => true,
            PhoneKind::Mobile | PhoneKind::Practice => false,
        }
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl std::str::FromStr for Phone {
    type Err = PhoneFault;

    fn from_str(field: &str) -> Result<Self, PhoneFault> {
        Self::parse(field)
    }
}

/// The digits of a field as dialled inside the country: 11 digits, or 0 + area code + number.
fn national(field: &str) -> Result<String, PhoneFault> {
    if field.chars().count() > FIELD_CHARS_MAX {
        return Err(PhoneFault::TooLong);
    }
    let (mut digits, mut plus) = (String::new(), false);
    for c in field.trim().nfkc() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() && !plus => plus = true,
            '-' | '(' | ')' | '\u{2010}'..='\u{2015}' | '−' | '_' | '\u{200b}' | '\u{feff}' => {}
            c if c.is_whitespace() || c.is_control() && c != '\0' => {}
            ',' | ';' | '/' | '、' | '|' if digits.len() >= 7 => return Err(PhoneFault::Several),
            '转' | '轉' | 'x' | '#' if digits.len() >= 7 => return Err(PhoneFault::Extension),
            other => return Err(PhoneFault::NotDigits(other)),
        }
    }
    if digits.is_empty() {
        return Err(PhoneFault::Empty);
    }
    let abroad = if plus { Some(digits.as_str()) } else { digits.strip_prefix("00") };
    if let Some(abroad) = abroad {
        return match abroad.strip_prefix("86") {
            Some(rest) => Ok(with_trunk(rest)),
            None => Err(PhoneFault::Foreign),
        };
    }
    // A bare 86 is the country only where enough digits follow: 8612 3456 is a local number.
    match digits.strip_prefix("86") {
        Some(rest) if rest.len() >= 10 => Ok(with_trunk(rest)),
        Some(_) | None => Ok(digits),
    }
}

/// After the country code a landline comes without its 0.
fn with_trunk(rest: &str) -> String {
    let wired = !rest.starts_with('0') && (!rest.starts_with('1') || rest.starts_with("10"));
    if wired && rest.len() != 13 { format!("0{rest}") } else { rest.to_owned() }
}

fn check(digits: &str) -> Result<(), PhoneFault> {
    let machine_card = digits.starts_with("10") || digits.starts_with("14");
    match (digits.as_bytes(), digits.len()) {
        ([b'0', ..], _) => check_landline(&digits[1..]),
        (_, 13) if machine_card => Err(PhoneFault::MachineCard),
        ([b'1', b'2'..=b'9', ..], 11) => Ok(()),
        ([b'1', ..], 11) => Err(PhoneFault::NotMobile),
        (_, 10) if digits.starts_with("400") || digits.starts_with("800") => {
            Err(PhoneFault::Service)
        }
        ([b'1' | b'9', ..], ..=6) => Err(PhoneFault::Service),
        ([b'2'..=b'9', ..], 7 | 8) => Err(PhoneFault::NoAreaCode),
        ([b'2'..=b'9', ..], 10 | 11) => Err(PhoneFault::NoLeadingZero),
        (_, ..=10) => Err(PhoneFault::TooShort),
        _ => Err(PhoneFault::TooLong),
    }
}

/// `rest` is the number behind the leading 0: area code and local number.
fn check_landline(rest: &str) -> Result<(), PhoneFault> {
    let (area, locals) = match rest.as_bytes() {
        [b'1', b'0', ..] | [b'2', ..] => (2, 8..=8),
        // 01 before a mobile number is an old way of dialling out of town.
        [b'1', ..] => {
            return if rest.len() == 11 { Err(PhoneFault::NotMobile) } else { shape(rest) };
        }
        [b'3'..=b'9', ..] => (3, 7..=8),
        _ => return Err(PhoneFault::NotAssignable),
    };
    let local = rest.get(area..).unwrap_or_default();
    match local.len() {
        n if n < *locals.start() => Err(PhoneFault::TooShort),
        n if n > *locals.end() => Err(PhoneFault::TooLong),
        _ if rest.starts_with("200") => Ok(()),
        _ if rest.starts_with("26") || local.starts_with(['0', '1']) => {
            Err(PhoneFault::NotAssignable)
        }
        _ => Ok(()),
    }
}

fn shape(rest: &str) -> Result<(), PhoneFault> {
    Err(if rest.len() < 10 { PhoneFault::TooShort } else { PhoneFault::NotAssignable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mobiles_in_all_their_writings_are_one_number() {
        for field in [
            "13800001234",
            " 138 0000 1234 ",
            "138-0000-1234",
            "+8613800001234",
            "+86 138 0000 1234",
            "008613800001234",
            "8613800001234",
            "１３８００００１２３４",
            "（86）13800001234",
            "\u{feff}13800001234\t",
        ] {
            let phone = Phone::parse(field).unwrap();
            assert_eq!(phone.e164(), "+8613800001234", "{field:?}");
            assert_eq!(phone.kind(), PhoneKind::Mobile);
            assert_eq!(phone.bare(), "13800001234");
            assert!(phone.takes_sms() && !phone.is_practice());
        }
    }

    #[test]
    fn landlines_keep_area_code_and_number() {
        for (field, e164, masked) in [
            ("0574-62123456", "+8657462123456", "0574****3456"),
            ("(0574)62123456", "+8657462123456", "0574****3456"),
            ("+86 574 6212 3456", "+8657462123456", "0574****3456"),
            ("+86 0574 62123456", "+8657462123456", "0574****3456"),
            ("8657462123456", "+8657462123456", "0574****3456"),
            ("0999-8123456", "+869998123456", "0999****3456"),
            ("010-65123456", "+861065123456", "010****3456"),
            ("+861065123456", "+861065123456", "010****3456"),
            ("021 61234567", "+862161234567", "021****4567"),
        ] {
            let phone = Phone::parse(field).unwrap();
            assert_eq!(phone.e164(), e164, "{field:?}");
            assert_eq!(phone.kind(), PhoneKind::Landline, "{field:?}");
            assert_eq!(phone.masked(), masked);
            assert!(!phone.takes_sms());
        }
    }

    #[test]
    fn each_fault_is_named() {
        use PhoneFault::*;
        for (field, fault) in [
            ("", Empty),
            (" - ", Empty),
            ("无", NotDigits('无')),
            ("1380000123O", NotDigits('O')),
            ("1.38E+10", NotDigits('.')),
            ("13800001234/13900001234", Several),
            ("13800001234、13900001234", Several),
            ("0574-62123456转801", Extension),
            ("1380000123", TooShort),
            ("138000012345", TooLong),
            ("0574-621234", TooShort),
            ("0574-621234567", TooLong),
            ("62123456", NoAreaCode),
            ("8612345", NoAreaCode),
            ("57462123456", NoLeadingZero),
            ("0574-12345678", NotAssignable),
            ("0574-02345678", NotAssignable),
            ("026-62345678", NotAssignable),
            ("11800001234", NotMobile),
            ("10000001234", NotMobile),
            ("013800001234", NotMobile),
            ("1064812345678", MachineCard),
            ("1440012345678", MachineCard),
            ("+861440012345678", MachineCard),
            ("110", Service),
            ("12379", Service),
            ("4008123123", Service),
            ("95588", Service),
            ("+85261234567", Foreign),
            ("0085261234567", Foreign),
            ("+1 202 555 0100", Foreign),
            (&"1".repeat(50), TooLong),
        ] {
            assert_eq!(Phone::parse(field), Err(fault), "{field:?}");
        }
    }

    #[test]
    fn fault_texts_say_what_to_do() {
        let text = Phone::parse("62123456").unwrap_err().to_string();
        assert!(text.contains("area code") && !text.contains("62123456"));
    }

    #[test]
    fn practice_numbers_are_recognised_and_parse_back() {
        for n in [0, 7, 99_999_999, u32::MAX] {
            let mobile = Phone::practice_mobile(n);
            assert_eq!(mobile.kind(), PhoneKind::Practice);
            assert!(mobile.is_practice() && mobile.takes_sms());
            assert_eq!(mobile.bare().len(), 11);
            assert_eq!(Phone::parse(mobile.e164()), Ok(mobile.clone()));
            assert_eq!(Phone::parse(&mobile.bare()), Ok(mobile));
            let wired = Phone::practice_landline(n);
            assert_eq!(wired.kind(), PhoneKind::PracticeLandline);
            assert!(wired.is_practice() && !wired.takes_sms());
            assert_eq!(Phone::parse(wired.e164()), Ok(wired.clone()));
            assert_eq!(Phone::parse(&wired.bare()), Ok(wired));
        }
        assert_eq!(Phone::practice_mobile(1).e164(), "+8612700000001");
        assert_eq!(Phone::parse("12912345678").unwrap().kind(), PhoneKind::Practice);
        assert_eq!(Phone::practice_landline(1).bare(), "02000000001");
    }

    #[test]
    fn numbers_print_masked_only() {
        let phone = Phone::parse("13812341234").unwrap();
        assert_eq!(format!("{phone} {phone:?}"), "138****1234 138****1234");
        assert_eq!((phone.last4(), phone.masked().as_str()), ("1234", "138****1234"));
    }

    proptest::proptest! {
        #[test]
        fn any_field_is_read_or_refused(field in "\\PC{0,45}") {
            let _ = Phone::parse(&field);
        }

        #[test]
        fn what_was_read_is_read_again_the_same(field in "(\\+86|0086|86)?[0-9]{7,13}") {
            if let Ok(phone) = Phone::parse(&field) {
                proptest::prop_assert_eq!(Phone::parse(phone.e164()), Ok(phone.clone()));
                proptest::prop_assert_eq!(Phone::parse(&phone.bare()), Ok(phone.clone()));
                proptest::prop_assert!(phone.masked().contains("****"));
            }
        }
    }
}

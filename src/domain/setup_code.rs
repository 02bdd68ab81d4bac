//! The one-time code by which the first administrator shows that he has the machine in hand. It is
//! printed where only he can read; where, and how often it may be guessed, is the caller's.

use std::fmt;

use subtle::ConstantTimeEq;

/// Crockford's digits: none of them can be read as another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Twelve digits, 60 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct SetupCode(String);

impl SetupCode {
    /// From random bytes.
    pub fn new(random: [u8; 12]) -> SetupCode {
        let digit = |byte: u8| char::from(DIGITS[usize::from(byte % 32)]);
        SetupCode(random.into_iter().map(digit).collect())
    }

    /// As it is printed: `7K3M-9QRS-T2VW`.
    pub fn shown(&self) -> String {
        format!("{}-{}-{}", &self.0[..4], &self.0[4..8], &self.0[8..])
    }

    /// Whether this was typed, however spaced and in whatever case.
    pub fn is(&self, typed: &str) -> bool {
        let plain: String = typed
            .chars()
            .filter(|c| !matches!(c, '-' | ' ' | '　'))
            .take(64)
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect();
        bool::from(plain.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

/// Never in a log by accident.
impl fmt::Debug for SetupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetupCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_as_people_type_it() {
        let code = SetupCode::new([1, 0, 10, 31, 5, 6, 7, 8, 9, 42, 200, 255]);
        assert_eq!(code.shown(), "10AZ-5678-9A8Z");
        for typed in ["10AZ-5678-9A8Z", "10az56789a8z", " lOaz 5678 9a8z", "IOAZ56789A8Z"] {
            assert!(code.is(typed), "{typed}");
        }
        for typed in ["", "10AZ-5678-9A8", "10AZ-5678-9A8ZZ", "10AZ-5678-9A8Y"] {
            assert!(!code.is(typed), "{typed}");
        }
        assert!(!format!("{code:?}").contains("10AZ"));
    }
}

//! Short secrets for links: 65 bits as thirteen letters and digits (Crockford's base 32) that
//! survive being read out, typed with wet fingers and sent as one variable of a template. It makes
//! no secret itself; `seal` does.

/// Letters and digits of a token.
pub const TOKEN_CHARS: usize = 13;
/// Without I, L, O and U, which are misread or make words.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// More than a token with hyphens and spaces between.
const TYPED_BYTES: usize = 40;

/// Spells the first 65 bits; fewer bytes count as zeros.
pub fn spell(bytes: &[u8]) -> String {
    let bit = |n: usize| bytes.get(n / 8).is_some_and(|byte| byte & (0x80 >> (n % 8)) != 0);
    let digit = |at: usize| (0..5).fold(0, |sum, n| sum * 2 + usize::from(bit(at * 5 + n)));
    (0..TOKEN_CHARS).map(|at| char::from(ALPHABET[digit(at)])).collect()
}

/// A token as somebody typed it: small letters, hyphens, O for 0, I or L for 1.
pub fn read(typed: &str) -> Option<String> {
    if typed.len() > TYPED_BYTES {
        return None;
    }
    let mut token = String::with_capacity(TOKEN_CHARS);
    for c in typed.chars().filter(|c| !matches!(c, '-' | ' ')) {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let known = u8::try_from(c).is_ok_and(|byte| ALPHABET.contains(&byte));
        known.then(|| token.push(c))?;
    }
    (token.len() == TOKEN_CHARS).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sixty_five_bits_are_spelled() {
        assert_eq!(spell(&[0; 16]), "0000000000000");
        assert_eq!(spell(&[0xff; 16]), "ZZZZZZZZZZZZZ");
        // 00001 00010 00011 00100 …: each five bits a letter of their own.
        assert_eq!(&spell(&[0b0000_1000, 0b1000_0110, 0b0100_0000])[..4], "1234");
        let (mut one, mut other) = ([0; 16], [0; 16]);
        one[8] = 0x80;
        other[8] = 0x7f;
        assert_ne!(spell(&one), spell(&[0; 16]), "bit 64 counts");
        assert_eq!(spell(&other), spell(&[0; 16]), "bit 65 does not");
    }

    #[test]
    fn what_is_typed_is_read_kindly_and_no_further() {
        let token = "7KQ2M9XW4D3PA";
        for typed in [token, "7kq2m9xw4d3pa", "7KQ2-M9XW-4D3PA", " 7KQ2 M9XW 4D3PA"] {
            assert_eq!(read(typed).as_deref(), Some(token), "{typed}");
        }
        assert_eq!(read("OIL0000000000").as_deref(), Some("0110000000000"));
        for typed in ["", "7KQ2M9XW4D3P", "7KQ2M9XW4D3PAA", "7KQ2M9XW4D3PU", "７KQ2M9XW4D3PA"] {
            assert_eq!(read(typed), None, "{typed}");
        }
        assert_eq!(read(&"-".repeat(100)), None);
    }
}

//! Octets of a PDU, read and written: big-endian numbers, NUL-ended and NUL-padded fields. Nothing
//! is allocated but what the given octets hold; it knows no protocol.

/// Why octets are no PDU, or values no octets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("the PDU ends in {0}")]
    Short(&'static str),
    #[error("{0} is longer than its field")]
    TooLong(&'static str),
    #[error("the PDU's length {given} does not fit its {held} octets")]
    Length { given: u32, held: usize },
    #[error("{0} octets are more than a PDU may have")]
    TooLarge(usize),
}

/// What is left of a PDU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, size: usize, what: &'static str) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(size).ok_or(Broken::Short(what))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Broken> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Broken::Short(what))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, Broken> {
        self.number::<1>(what).map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, Broken> {
        self.number(what).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Broken> {
        self.number(what).map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, Broken> {
        self.number(what).map(u64::from_be_bytes)
    }

    /// A field that ends with NUL and holds at most `most` octets, the NUL among them. Some peers
    /// leave out the NUL of the last field: the end of the PDU ends it too.
    pub(crate) fn ended(&mut self, most: usize, what: &'static str) -> Result<Vec<u8>, Broken> {
        let nul = self.0.iter().take(most).position(|octet| *octet == 0);
        let size = match nul {
            Some(size) => size,
            None if self.0.is_empty() => return Err(Broken::Short(what)),
            None if self.0.len() < most => self.0.len(),
            None => return Err(Broken::TooLong(what)),
        };
        let field = self.take(size, what)?.to_vec();
        self.0 = self.0.get(1..).unwrap_or_default();
        Ok(field)
    }

    /// A field of fixed size, up to its first NUL.
    pub(crate) fn padded(&mut self, size: usize, what: &'static str) -> Result<Vec<u8>, Broken> {
        let field = self.take(size, what)?;
        let end = field.iter().position(|octet| *octet == 0).unwrap_or(size);
        Ok(field[..end].to_vec())
    }
}

/// Appends a field that ends with NUL; `most` counts the NUL.
pub(crate) fn put_ended(
    out: &mut Vec<u8>,
    field: &[u8],
    most: usize,
    what: &'static str,
) -> Result<(), Broken> {
    if field.len() >= most || field.contains(&0) {
        return Err(Broken::TooLong(what));
    }
    out.extend_from_slice(field);
    out.push(0);
    Ok(())
}

/// Appends a field of fixed size, padded with NUL.
pub(crate) fn put_padded(
    out: &mut Vec<u8>,
    field: &[u8],
    size: usize,
    what: &'static str,
) -> Result<(), Broken> {
    if field.len() > size || field.contains(&0) {
        return Err(Broken::TooLong(what));
    }
    out.extend_from_slice(field);
    out.resize(out.len() + size - field.len(), 0);
    Ok(())
}

/// Puts the whole length into the first four octets.
pub(crate) fn seal_length(mut pdu: Vec<u8>, most: usize) -> Result<Vec<u8>, Broken> {
    let size = pdu.len();
    let length = u32::try_from(size).ok().filter(|_| size <= most);
    let length = length.ok_or(Broken::TooLarge(size))?;
    match pdu.first_chunk_mut::<4>() {
        Some(head) => *head = length.to_be_bytes(),
        None => return Err(Broken::Short("header")),
    }
    Ok(pdu)
}

/// The reader behind the length, where the length is that of the octets and within `most`.
pub(crate) fn open_length(pdu: &[u8], most: usize) -> Result<Reader<'_>, Broken> {
    if pdu.len() > most {
        return Err(Broken::TooLarge(pdu.len()));
    }
    let mut reader = Reader(pdu);
    let given = reader.u32("command_length")?;
    if usize::try_from(given).ok() != Some(pdu.len()) {
        return Err(Broken::Length { given, held: pdu.len() });
    }
    Ok(reader)
}

/// Octets that should be ASCII, as text for people and rows: trimmed, without controls.
pub(crate) fn word(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    text.trim().chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_end_where_they_must() {
        assert_eq!(Reader(b"ab\0c").ended(5, "x"), Ok(b"ab".to_vec()));
        assert_eq!(Reader(b"ab").ended(5, "x"), Ok(b"ab".to_vec()), "the last NUL is left out");
        assert_eq!(Reader(b"abcdef").ended(5, "x"), Err(Broken::TooLong("x")));
        assert_eq!(Reader(b"").ended(5, "x"), Err(Broken::Short("x")));
        assert_eq!(Reader(b"ab\0\0c").padded(4, "x"), Ok(b"ab".to_vec()));
        assert_eq!(Reader(b"ab").padded(4, "x"), Err(Broken::Short("x")));
        let mut out = Vec::new();
        assert!(put_ended(&mut out, b"abcd", 4, "x").is_err());
        assert!(put_padded(&mut out, b"a\0", 4, "x").is_err());
        put_ended(&mut out, b"abc", 4, "x").unwrap();
        put_padded(&mut out, b"abc", 4, "x").unwrap();
        assert_eq!(out, b"abc\0abc\0");
    }

    #[test]
    fn a_length_that_lies_is_refused() {
        assert!(open_length(&[0, 0, 0, 9, 1], 100).is_err());
        assert!(open_length(&[0, 0], 100).is_err());
        assert!(open_length(&[0, 0, 0, 5, 1], 4).is_err());
        assert!(open_length(&[0, 0, 0, 5, 1], 5).is_ok());
        assert!(seal_length(vec![0; 9], 8).is_err());
    }
}

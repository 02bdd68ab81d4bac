//! Log lines to stderr, as text or JSON, with what looks like a phone number masked whoever wrote
//! it. It chooses no levels for others: `RUST_LOG` does.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Digits in a row that are taken for a number; instants in ms (13 digits from 1) are not.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 11..=15;
const SHOWN_END: usize = 4;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    Text,
    Json,
}

/// What is written where `RUST_LOG` asks for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// An operator reads it.
    Working,
    /// A story is told in the same terminal: only what is wrong with it.
    Telling,
}

impl Detail {
    fn filter(self) -> &'static str {
        match self {
            Detail::Working => "info,sqlx=warn,lapin=warn",
            // Slow statements are an operator's concern.
            Detail::Telling => "warn,sqlx=error",
        }
    }
}

/// Starts the log. A second start in one process changes nothing.
pub fn start(form: LogForm, detail: Detail) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(detail.filter()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(MaskedErr);
    let started = match form {
        LogForm::Text => builder.with_ansi(false).try_init(),
        LogForm::Json => builder.json().try_init(),
    };
    // Only tests start it twice, and the first one serves.
    drop(started);
}

struct MaskedErr;

impl<'a> MakeWriter<'a> for MaskedErr {
    type Writer = MaskedErr;

    fn make_writer(&'a self) -> MaskedErr {
        MaskedErr
    }
}

impl Write for MaskedErr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(&masked(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The line with every long run of digits struck out but for its end, where it is a number's:
/// with `+`, or a mobile's 11 digits from 1. Ids and instants stay.
fn masked(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let run = line[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if run == 0 {
            out.push(line[at]);
            at += 1;
            continue;
        }
        let digits = &line[at..at + run];
        let international = out.last() == Some(&b'+') || digits.starts_with(b"86");
        let is_number =
            NUMBER_DIGITS.contains(&run) && (international || (run == 11 && digits[0] == b'1'));
        for (n, digit) in digits.iter().enumerate() {
            let hidden = is_number && n + SHOWN_END < run;
            out.push(if hidden { b'*' } else { *digit });
        }
        at += run;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn numbers_are_masked_and_ids_are_not() {
        let show = |text: &str| String::from_utf8(masked(text.as_bytes())).unwrap();
        assert_eq!(show("来自 +8612700001234 的回复"), "来自 +*********1234 的回复");
        assert_eq!(show("to=12700001234"), "to=*******1234");
        assert_eq!(show("batch=812 at=1381154400000"), "batch=812 at=1381154400000");
        assert_eq!(show(""), "");
    }
}

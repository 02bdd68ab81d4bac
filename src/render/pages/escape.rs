//! How a value becomes text in HTML. Minijinja also writes `/` as six characters, which would make
//! every address on a page unreadable; the five that matter are escaped here.

use minijinja::value::Value;
use minijinja::{AutoEscape, Error, Output, State, escape_formatter};

pub(super) fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let escapes = matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe();
    match value.as_str().filter(|_| escapes) {
        Some(text) => escaped(out, text).map_err(Error::from),
        None => escape_formatter(out, state, value),
    }
}

fn escaped(out: &mut Output, text: &str) -> std::fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.write_str(&rest[..at])?;
        out.write_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &rest[at + 1..];
    }
    out.write_str(rest)
}

//! One SQL text, two dialects: the few words that differ are written `{so}` and expanded here.
//!
//! - `{rows $1: a bigint, b text}`: the JSON array of objects bound at `$1`, as rows;
//! - `{in $1}`: membership in the JSON array of integers bound at `$1`;
//! - `{bytes $1}`: a bound blob, where the database can't guess its type;
//! - `{unhex c}`: the bytes that a text spells in hex; `{blob}`: their type;
//! - `{json c}`: a text column that holds JSON, for `->>`;
//! - `{lock}` / `{skip}`, `{share}` / `{share_skip}`: row locks, where the database has them;
//! - `{least}` / `{greatest}`: the two-argument scalar functions;
//! - `{optimize}`: the database's own tidying, where it wants to be asked;
//! - `{now_ms}`: the store's own clock, ms UTC.
//!
//! Not a query builder: everything else in a statement is common to both.

use std::sync::OnceLock;

/// Which database a statement is written out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    Sqlite,
}

/// A named statement, expanded once per dialect.
pub struct Stmt {
    pub name: &'static str,
    pub text: &'static str,
    postgres: OnceLock<&'static str>,
    sqlite: OnceLock<&'static str>,
}

impl Stmt {
    /// Declares a statement; use the [`crate::statements!`] macro.
    pub const fn new(name: &'static str, text: &'static str) -> Stmt {
        Stmt { name, text, postgres: OnceLock::new(), sqlite: OnceLock::new() }
    }

    /// How many values it takes: its highest `$n`.
    pub fn takes(&self) -> usize {
        let digits = |part: &str| part.bytes().take_while(u8::is_ascii_digit).count();
        self.text
            .split('$')
            .skip(1)
            .filter_map(|part| part[..digits(part)].parse::<usize>().ok())
            .max()
            .unwrap_or(0)
    }

    /// The text for one dialect. Expanded once and kept for the life of the process.
    pub fn sql(&self, dialect: Dialect) -> &'static str {
        let cell = match dialect {
            Dialect::Postgres => &self.postgres,
            Dialect::Sqlite => &self.sqlite,
        };
        cell.get_or_init(|| Box::leak(expand(self.text, dialect).into_boxed_str()))
    }
}

/// Declares statements and the list `ALL` by which a test finds and prepares every one of them.
#[macro_export]
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* pub(crate) static $name: $crate::store::Stmt =
            $crate::store::Stmt::new(stringify!($name), $text);)+
        /// Every statement of this file.
        pub(crate) static ALL: &[&$crate::store::Stmt] = &[$(&$name),+];
    };
}

fn expand(text: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let Some(close) = rest[open..].find('}') else {
            out.push_str(&rest[open..]);
            return out;
        };
        out.push_str(&word(&rest[open + 1..open + close], dialect));
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    out
}

fn word(word: &str, dialect: Dialect) -> String {
    let postgres = dialect == Dialect::Postgres;
    if let Some(spec) = word.strip_prefix("rows ") {
        return rows(spec, postgres);
    }
    if let Some(parameter) = word.strip_prefix("in ") {
        return if postgres {
            // As an array it can be looked up in an index; as a sub-select it is joined, and
            // PostgreSQL then reads whole tables for sixteen grids.
            format!(
                "= ANY (ARRAY(SELECT CAST(j.value AS bigint) FROM \
                 json_array_elements_text(CAST({parameter} AS json)) j))"
            )
        } else {
            format!("IN (SELECT value FROM json_each({parameter}))")
        };
    }
    if let Some(parameter) = word.strip_prefix("bytes ") {
        let cast = if postgres { "bytea" } else { "BLOB" };
        return format!("CAST({parameter} AS {cast})");
    }
    if let Some(column) = word.strip_prefix("unhex ") {
        return if postgres {
            format!("decode({column}, 'hex')")
        } else {
            format!("unhex({column})")
        };
    }
    if let Some(column) = word.strip_prefix("json ") {
        return if postgres { format!("CAST({column} AS json)") } else { column.into() };
    }
    match (word, postgres) {
        ("lock", true) => "FOR UPDATE".into(),
        ("skip", true) => "FOR UPDATE SKIP LOCKED".into(),
        ("share", true) => "FOR SHARE".into(),
        ("share_skip", true) => "FOR SHARE SKIP LOCKED".into(),
        ("lock" | "skip" | "share" | "share_skip", false) => String::new(),
        ("least", true) => "least".into(),
        ("least", false) => "min".into(),
        ("greatest", true) => "greatest".into(),
        ("greatest", false) => "max".into(),
        ("blob", true) => "bytea".into(),
        ("blob", false) => "BLOB".into(),
        ("optimize", true) => "SELECT 1".into(),
        ("optimize", false) => "PRAGMA optimize".into(),
        ("now_ms", true) => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)".into(),
        ("now_ms", false) => "CAST(unixepoch('subsec') * 1000 AS bigint)".into(),
        (other, _) => format!("{{{other}}}"),
    }
}

fn rows(spec: &str, postgres: bool) -> String {
    let Some((parameter, columns)) = spec.split_once(':') else {
        return format!("{{rows {spec}}}");
    };
    if postgres {
        return format!("json_to_recordset(CAST({parameter} AS json)) AS r({columns})");
    }
    let fields: Vec<String> = columns
        .split(',')
        .filter_map(|column| column.split_whitespace().next())
        .map(|name| format!("value ->> '$.{name}' AS {name}"))
        .collect();
    format!("(SELECT {} FROM json_each({parameter})) AS r", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_expanded_for_each_dialect() {
        let text = "SELECT a FROM {rows $1: a bigint, b text} WHERE a {in $2} {skip}";
        assert_eq!(
            expand(text, Dialect::Sqlite),
            "SELECT a FROM (SELECT value ->> '$.a' AS a, value ->> '$.b' AS b \
             FROM json_each($1)) AS r WHERE a IN (SELECT value FROM json_each($2)) "
        );
        let postgres = expand(text, Dialect::Postgres);
        assert!(postgres.contains("json_to_recordset(CAST($1 AS json)) AS r( a bigint, b text)"));
        assert!(postgres.ends_with("FOR UPDATE SKIP LOCKED"));
    }
}

//! Why a text was not made. Named by who can mend it: the author, the roster, or us.

use thiserror::Error;

use crate::domain::wording::WordingFault;

/// A text that could not be made; nothing was sent and nothing was changed in its wording.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RenderFault {
    /// The author named a template that does not exist.
    #[error("no template {name:?}; there are: {}", known.join(", "))]
    UnknownTemplate { name: String, known: Vec<&'static str> },
    /// The author gave variables the template does not have.
    #[error("template {template} has no variable {}; it has: {}", quoted(names), known.join(", "))]
    UnknownVariables { template: &'static str, names: Vec<String>, known: Vec<&'static str> },
    /// The author left out variables the template needs.
    #[error("template {template} needs variable {}; it has: {}", quoted(names), known.join(", "))]
    MissingVariables { template: &'static str, names: Vec<String>, known: Vec<&'static str> },
    /// A value (of the author or the roster) may not stand in a message.
    #[error("{field}: {rule}")]
    Wording { field: String, rule: WordingFault },
    /// Several things are wrong with what the author gave.
    #[error("{}", all(.0))]
    Several(Vec<RenderFault>),
    /// The official asked for more than this kind of text can ask.
    #[error("template {template} cannot ask for {demand}")]
    DemandUnfit { template: &'static str, demand: &'static str },
    /// Too many parts were merged, or a list is empty; the caller cuts or leaves it out.
    #[error("{field}: {given} entries, between {least} and {most} are possible")]
    Count { field: &'static str, given: usize, least: usize, most: usize },
    /// The whole text is longer than any message we send, in UTF-16 units.
    #[error("the text has {units} units, at most {most} are possible")]
    TooLong { units: usize, most: usize },
    /// A defect of an embedded template: ours to mend.
    #[error("template {template} is broken: {reason}")]
    Broken { template: String, reason: String },
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

fn all(faults: &[RenderFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

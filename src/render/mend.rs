//! Names that may not stand in a message, mended on their way into it: whoever is responsible must
//! hear of a list, whatever the roster calls its place. An author's words are never touched here;
//! that such names come in at all is for the roster's import to refuse.

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde_json::Value as Json;

use super::fault::RenderFault;
use super::messages::Messages;
use super::notice::{MAX_TITLE_UNITS, NoticeHead, NoticeText};
use crate::domain::wording::{self, FULL_NAME_UNITS, WordingFault};

/// Names are cut to this where a text with whole ones is too long for any message.
const SHORT_NAME_UNITS: usize = 10;
/// How a relative is told of a home whose name can't be said.
const KIN: &str = "您亲属";

/// A name that could not be said as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// What the name stands for in the text: `place`, `who`, `name`, `alert_title`, `relative`.
    pub field: String,
    pub value: String,
    pub rule: WordingFault,
    /// What is said instead.
    pub said: String,
}

/// A whole text, and the names in it that had to be mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    pub mended: Vec<Mended>,
}

impl Messages {
    /// The whole SMS of a notice, as [`Messages::notice`]; a name that may not stand in a message
    /// is cleaned or shortened, and where nothing is left of it, a general word stands there.
    ///
    /// # Errors
    /// See [`RenderFault`]; never for the sake of a name.
    pub fn notice_mended(
        &self,
        head: &NoticeHead<'_>,
        notice: &NoticeText<'_>,
    ) -> Result<Said, RenderFault> {
        match self.notice(head, notice) {
            Ok(text) => return Ok(Said { text, mended: Vec::new() }),
            Err(RenderFault::Wording { .. } | RenderFault::TooLong { .. }) => {}
            Err(fault) => return Err(fault),
        }
        match self.notice_within(head, notice, FULL_NAME_UNITS) {
            Err(RenderFault::TooLong { .. }) => self.notice_within(head, notice, SHORT_NAME_UNITS),
            said => said,
        }
    }

    fn notice_within(
        &self,
        head: &NoticeHead<'_>,
        notice: &NoticeText<'_>,
        most: usize,
    ) -> Result<Said, RenderFault> {
        let broken = |error: serde_json::Error| RenderFault::Broken {
            template: notice.template().into(),
            reason: error.to_string(),
        };
        let mut words = serde_json::to_value(notice.context(head.now_ms)).map_err(broken)?;
        let mut mended = Vec::new();
        mend(&mut words, "", most, &mut mended);
        let words = context! { list_url => head.list_url, ..Value::from(Serde(words)) };
        let body = self.fill(notice.template(), words)?;
        let text = self.frame(head.signature, head.kind, "", &body, "")?;
        Ok(Said { text, mended })
    }
}

/// How a home is called to a relative who does not live there, and what was wrong with its name.
pub fn relative_name(name: &str) -> (String, Option<Mended>) {
    match mend_word("relative", name, FULL_NAME_UNITS, KIN) {
        Some(mended) => (mended.said.clone(), Some(mended)),
        None => (name.to_owned(), None),
    }
}

fn mend(words: &mut Json, within: &str, most: usize, mended: &mut Vec<Mended>) {
    match words {
        Json::Object(fields) => {
            for (field, word) in fields {
                let general = general_word(field, within);
                match (word.as_str(), general) {
                    (Some(value), Some(general)) => {
                        let title = matches!(field.as_str(), "alert_title" | "other");
                        let most = if title { MAX_TITLE_UNITS } else { most };
                        if let Some(one) = mend_word(field, value, most, general) {
                            *word = Json::String(one.said.clone());
                            mended.push(one);
                        }
                    }
                    (Some(_), None) | (None, _) => mend(word, field, most, mended),
                }
            }
        }
        Json::Array(rows) => rows.iter_mut().for_each(|row| mend(row, within, most, mended)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn mend_word(field: &str, value: &str, most: usize, general: &str) -> Option<Mended> {
    let rule = wording::broken_rule(value, most)?;
    let said = wording::mended(value, most).unwrap_or_else(|| general.to_owned());
    Some(Mended { field: field.to_owned(), value: value.to_owned(), rule, said })
}

/// What stands for a name of which nothing can be said; none: the field is no name.
fn general_word(field: &str, within: &str) -> Option<&'static str> {
    match (field, within) {
        ("alert_title" | "other", _) => Some("防汛指令"),
        ("place", _) => Some("本辖区"),
        ("who", _) => Some("工作人员"),
        ("name", "homes") => Some("一户"),
        ("name", _) => Some("一位负责人"),
        _ => None,
    }
}

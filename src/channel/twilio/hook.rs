//! What Twilio-shaped callbacks say, once their signature is checked: status callbacks and
//! inbound messages (sheet `voice` §4). It checks no signature and matches nothing to anything.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::codes;
use super::signature::Field;
use crate::channel::{Event, HOOK_FIELD_LIMIT, HookFault, Inbound, ReceiptEvent};
use crate::domain::outcome::ReceiptClass;

/// The longest number, identifier or state taken, in bytes.
const WORD_LIMIT: usize = 128;

/// The form's fields, decoded, in the order they came.
pub(super) fn form(body: &[u8]) -> Result<Vec<Field<'_>>, HookFault> {
    let fields: Vec<_> = form_urlencoded::parse(body).take(HOOK_FIELD_LIMIT + 1).collect();
    if fields.len() > HOOK_FIELD_LIMIT {
        return Err(HookFault::TooLarge);
    }
    Ok(fields)
}

/// The fields of a flat JSON object; values that are no text are left out.
pub(super) fn json(body: &[u8]) -> Result<Vec<Field<'static>>, HookFault> {
    let values: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(body).map_err(|error| HookFault::Malformed(error.to_string()))?;
    if values.len() > HOOK_FIELD_LIMIT {
        return Err(HookFault::TooLarge);
    }
    let text = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(text) => Some((Cow::Owned(name), Cow::Owned(text))),
        serde_json::Value::Number(number) => {
            Some((Cow::Owned(name), Cow::Owned(number.to_string())))
        }
        _ => None,
    };
    Ok(values.into_iter().filter_map(text).collect())
}

/// One callback and what is needed to name its event.
pub(super) struct Hook<'a> {
    pub(super) provider: &'a str,
    pub(super) fields: &'a [Field<'a>],
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a Bytes,
    pub(super) overrules: &'a BTreeMap<String, ReceiptClass>,
}

impl Hook<'_> {
    /// The event of the callback. An inbound message says `received` or has a text and no state.
    pub(super) fn event(&self) -> Result<Event, HookFault> {
        let state = self.word("MessageStatus")?.or(self.word("SmsStatus")?);
        match state {
            Some("received" | "receiving") => self.reply().map(Event::Reply),
            Some(state) => self.receipt(state).map(Event::Receipt),
            None if self.field("Body").is_some() => self.reply().map(Event::Reply),
            None => Err(HookFault::Malformed("neither a state nor a text".into())),
        }
    }

    fn reply(&self) -> Result<Inbound, HookFault> {
        let missing = |name: &str| HookFault::Malformed(format!("an answer without {name}"));
        let sid = match self.sid()? {
            Some(sid) => sid.to_owned(),
            // A reply is never dropped for want of a name: the same bytes are the same reply.
            None => hex(&Sha256::digest(self.body)[..16]),
        };
        Ok(Inbound {
            source_key: format!("{}:in:{sid}", self.provider),
            from: self.word("From")?.ok_or_else(|| missing("From"))?.to_owned(),
            to: self.word("To")?.unwrap_or_default().to_owned(),
            text: self.field("Body").unwrap_or_default().to_owned(),
            sent_at: None,
            raw: self.body.clone(),
        })
    }

    fn receipt(&self, state: &str) -> Result<ReceiptEvent, HookFault> {
        let sid = self.sid()?;
        let reference = self.reference();
        if sid.is_none() && reference.is_none() {
            return Err(HookFault::Malformed("a receipt for nothing".into()));
        }
        let error = self.word("ErrorCode")?.filter(|code| !matches!(*code, "" | "0"));
        let class = match error {
            Some(error) if codes::is_failure(state) => match self.overrules.get(error) {
                Some(class) => *class,
                None => codes::of_code(error),
            },
            _ => codes::of_state(state),
        };
        let code = error.map_or(state.to_owned(), |error| format!("{state} {error}"));
        let name = sid.or(reference.as_deref()).unwrap_or_default();
        Ok(ReceiptEvent {
            source_key: format!("{}:st:{name}:{state}:{}", self.provider, error.unwrap_or("")),
            external_id: sid.map(str::to_owned),
            callee: self.word("To")?.map(str::to_owned),
            reference,
            class,
            code,
            // RawDlrDoneDate names no zone: the arrival is the better time.
            at: None,
        })
    }

    fn sid(&self) -> Result<Option<&str>, HookFault> {
        for name in ["MessageSid", "SmsMessageSid", "SmsSid"] {
            if let Some(sid) = self.word(name)?.filter(|sid| !sid.is_empty()) {
                return Ok(Some(sid));
            }
        }
        Ok(None)
    }

    fn reference(&self) -> Option<String> {
        let query = self.query.unwrap_or_default().as_bytes();
        let found = form_urlencoded::parse(query).find(|(name, _)| name == super::REFERENCE);
        found.map(|(_, value)| value.into_owned()).filter(|r| !r.is_empty() && r.len() <= 512)
    }

    fn word(&self, name: &str) -> Result<Option<&str>, HookFault> {
        match self.field(name) {
            Some(value) if value.len() > WORD_LIMIT => {
                Err(HookFault::Malformed(format!("{name} is too long")))
            }
            other => Ok(other),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

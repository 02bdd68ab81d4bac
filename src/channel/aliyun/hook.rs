//! What Aliyun pushes: SmsReport and SmsUp, each a JSON array (sheet `aliyun-sms` §4 and §5), told
//! apart by their members. The key of the hook was checked before.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::CALL;
use crate::channel::answer::short;
use crate::channel::door::{self, HookKey, beijing_ms, digest, text};
use crate::channel::{Event, HookFault, Inbound, ReceiptEvent, carrier};
use crate::domain::outcome::ReceiptClass;

pub(super) fn events(
    provider: &str,
    overrules: &BTreeMap<String, ReceiptClass>,
    key: &HookKey,
    body: &Bytes,
) -> Result<Vec<Event>, HookFault> {
    door::events(body, |fields, raw| match fields.contains_key("content") {
        true => reply(provider, fields, raw).map(Event::Reply),
        false => receipt(provider, overrules, key, fields).map(Event::Receipt),
    })
}

fn receipt(
    provider: &str,
    overrules: &BTreeMap<String, ReceiptClass>,
    key: &HookKey,
    fields: &Map<String, Value>,
) -> Option<ReceiptEvent> {
    let phone = text(fields, "phone_number")?;
    let biz = text(fields, "biz_id");
    // The OutId of a batch names the call; it is nobody's reference.
    let reference = text(fields, "out_id").filter(|out| !out.starts_with(CALL));
    if biz.is_none() && reference.is_none() {
        return None;
    }
    let success = fields.get("success").and_then(Value::as_bool)?;
    let code = text(fields, "err_code").unwrap_or_default();
    let class = match (success, overrules.get(&code)) {
        (true, _) => ReceiptClass::Delivered,
        (false, Some(class)) => *class,
        (false, None) => carrier::failure(&code),
    };
    let at = text(fields, "report_time").unwrap_or_default();
    let name = key.name(biz.as_deref().or(reference.as_deref()).unwrap_or_default(), &phone);
    Some(ReceiptEvent {
        source_key: format!("{provider}:st:{name}:{at}"),
        external_id: biz.is_some().then_some(name),
        reference,
        callee: Some(phone),
        class,
        code: short(&code),
        at: beijing_ms(&at),
    })
}

fn reply(provider: &str, fields: &Map<String, Value>, raw: &Bytes) -> Option<Inbound> {
    let from = text(fields, "phone_number")?;
    let content = fields.get("content")?.as_str()?.to_owned();
    let sent = text(fields, "send_time").unwrap_or_default();
    let name = match text(fields, "sequence_id") {
        Some(sequence) => sequence,
        None => digest(&[&from, &sent, &content]),
    };
    Some(Inbound {
        source_key: format!("{provider}:in:{name}"),
        from,
        to: text(fields, "dest_code").unwrap_or_default(),
        text: content,
        sent_at: beijing_ms(&sent),
        raw: raw.clone(),
    })
}

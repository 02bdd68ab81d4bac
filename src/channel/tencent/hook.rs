//! What Tencent pushes: reports as a JSON array, a reply as one object (sheet `tencent-sms` §4 and
//! §5). The key of the hook was checked before.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::channel::answer::short;
use crate::channel::door::{self, beijing_ms, digest, malformed, text};
use crate::channel::{Event, HookFault, Inbound, ReceiptEvent, carrier};
use crate::domain::outcome::ReceiptClass;

pub(super) fn events(
    provider: &str,
    overrules: &BTreeMap<String, ReceiptClass>,
    body: &Bytes,
) -> Result<Vec<Event>, HookFault> {
    if body.trim_ascii_start().starts_with(b"[") {
        return door::events(body, |fields, _| {
            receipt(provider, overrules, fields).map(Event::Receipt)
        });
    }
    let fields: Map<String, Value> = serde_json::from_slice(body).map_err(malformed)?;
    let reply = reply(provider, &fields, body);
    let reply = reply.ok_or_else(|| HookFault::Malformed("neither reports nor a reply".into()))?;
    Ok(vec![Event::Reply(reply)])
}

fn receipt(
    provider: &str,
    overrules: &BTreeMap<String, ReceiptClass>,
    fields: &Map<String, Value>,
) -> Option<ReceiptEvent> {
    let serial = text(fields, "sid")?;
    let code = text(fields, "errmsg").unwrap_or_default();
    let status = text(fields, "report_status")?;
    let class = match (status.as_str(), overrules.get(&code)) {
        ("SUCCESS", _) => ReceiptClass::Delivered,
        ("FAIL", Some(class)) => *class,
        ("FAIL", None) => carrier::failure(&code),
        _ => ReceiptClass::Unknown,
    };
    let at = text(fields, "user_receive_time").unwrap_or_default();
    Some(ReceiptEvent {
        source_key: format!("{provider}:st:{serial}:{status}:{code}"),
        external_id: Some(serial),
        reference: None,
        callee: number(fields),
        class,
        code: short(&code),
        at: beijing_ms(&at),
    })
}

fn reply(provider: &str, fields: &Map<String, Value>, raw: &Bytes) -> Option<Inbound> {
    let from = number(fields)?;
    let said = fields.get("text")?.as_str()?.to_owned();
    let time = fields.get("time").and_then(Value::as_i64);
    let name = digest(&[&from, &time.unwrap_or_default().to_string(), &said]);
    Some(Inbound {
        source_key: format!("{provider}:in:{name}"),
        from,
        to: text(fields, "extend").unwrap_or_default(),
        text: said,
        sent_at: time.and_then(|seconds| seconds.checked_mul(1_000)),
        raw: raw.clone(),
    })
}

/// The number in E.164, where the country is named.
fn number(fields: &Map<String, Value>) -> Option<String> {
    let mobile = text(fields, "mobile")?;
    Some(match text(fields, "nationcode") {
        Some(nation) if !mobile.starts_with('+') => format!("+{nation}{mobile}"),
        _ => mobile,
    })
}

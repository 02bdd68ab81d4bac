//! Aliyun's wire from the gateway's side (sheet `aliyun-sms`): a call of one or of many, its
//! signature, its answer and the reports that are pushed of it. It decides nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The header that names the action.
pub(super) const ACTION: &str = "x-acs-action";

/// What a call says.
#[derive(Default)]
pub(super) struct Call {
    /// Each number, with what fills the template for it, in JSON.
    pub(super) messages: Vec<(String, String)>,
    pub(super) template: String,
    pub(super) sign: String,
    pub(super) out_id: Option<String>,
}

/// Whether the call names the key of this account.
pub(super) fn is_of(headers: &HeaderMap, key_id: &str) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|given| given.to_str().ok());
    given.is_some_and(|given| given.contains(&format!("Credential={key_id},")))
}

/// Reads SendSms, whose parameters stand in the query, or SendBatchSms; none where a number or what
/// belongs to it is missing.
pub(super) fn read(action: &[u8], query: &[u8], form: &[u8]) -> Option<Call> {
    let (mut phones, mut params) = (Vec::new(), Vec::new());
    let mut call = Call::default();
    let batch = match action {
        b"SendSms" => false,
        b"SendBatchSms" => true,
        _ => return None,
    };
    let asked = form_urlencoded::parse(query).chain(form_urlencoded::parse(form));
    for (name, value) in asked {
        match name.as_ref() {
            "OutId" => call.out_id = Some(value.into_owned()),
            "TemplateCode" => call.template = value.into_owned(),
            "SignName" if !batch => call.sign = value.into_owned(),
            "SignNameJson" if batch => {
                let all: Vec<String> = serde_json::from_str(&value).ok()?;
                call.sign = all.into_iter().next()?;
            }
            "PhoneNumbers" if !batch => phones.extend(value.split(',').map(str::to_owned)),
            "TemplateParam" if !batch => params.push(value.into_owned()),
            "PhoneNumberJson" if batch => phones = serde_json::from_str(&value).ok()?,
            "TemplateParamJson" if batch => {
                let all: Vec<Value> = serde_json::from_str(&value).ok()?;
                params = all.iter().map(Value::to_string).collect();
            }
            _ => {}
        }
    }
    // A text without variables has none; several numbers of SendSms have the same ones.
    if params.is_empty() || !batch {
        let same = params.pop().unwrap_or_else(|| "{}".to_owned());
        params = vec![same; phones.len()];
    }
    let most = if batch { 100 } else { 1_000 };
    let whole = (1..=most).contains(&phones.len()) && phones.len() == params.len();
    call.messages = phones.into_iter().zip(params).collect();
    whole.then_some(call)
}

/// The signature that a call should have, over the headers that it names.
pub(super) fn signature(request: &Request<Bytes>, secret: &str) -> Option<String> {
    let headers = request.headers();
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let given = value(AUTHORIZATION.as_str())?;
    let signed = given.split_once("SignedHeaders=")?.1.split(',').next()?;
    let query = request.uri().query().unwrap_or_default();
    let pairs: BTreeMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    let mut canonical = format!("POST\n{}\n{}\n", request.uri().path(), pairs.join("&"));
    for name in signed.split(';') {
        let host = || request.uri().authority().map(|host| host.as_str());
        let value = value(name).or_else(|| if name == "host" { host() } else { None })?;
        // Writing to a String does not fail.
        let _ = writeln!(canonical, "{name}:{}", value.trim());
    }
    let _ = write!(canonical, "\n{signed}\n{}", hex(&Sha256::digest(request.body())));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical))).as_bytes());
    Some(hex(&mac.finalize().into_bytes()))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// The name of the call, as the vendor writes them.
pub(super) fn biz_id(serial: u64) -> String {
    format!("{}^0", 900_000_000_000_000_000_u64.saturating_add(serial))
}

pub(super) fn taken(biz_id: &str) -> Bytes {
    let said = json!({"RequestId": "sink", "BizId": biz_id, "Code": "OK", "Message": "OK"});
    Bytes::from(said.to_string())
}

/// A report of one message: the carrier's code, none where it was delivered.
pub(super) fn report(
    phone: &str,
    biz_id: &str,
    out_id: Option<&str>,
    at: &str,
    failed: Option<&str>,
) -> Value {
    json!({"phone_number": phone, "send_time": at, "report_time": at, "success": failed.is_none(),
        "err_code": failed.unwrap_or("DELIVERED"), "err_msg": "状态", "sms_size": "1",
        "biz_id": biz_id, "out_id": out_id})
}

/// Tells that every message of the call was delivered.
pub(super) fn reports(hook_url: &str, call: &Call, biz_id: &str) -> Option<Request<Bytes>> {
    let report = |(phone, _): &(String, String)| {
        report(phone, biz_id, call.out_id.as_deref(), "2026-07-01 10:00:02", None)
    };
    let reports: Vec<Value> = call.messages.iter().map(report).collect();
    let request = Request::post(hook_url).header(CONTENT_TYPE, "application/json");
    request.body(Bytes::from(Value::from(reports).to_string())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_side_holds_to_the_published_vectors_too() {
        let file = include_str!("../../tests/fixtures/aliyun/vectors.json");
        let file: Value = serde_json::from_str(file).unwrap();
        let vectors = file["kinds"]["aliyun_acs3_hmac_sha256"]["vectors"].as_array().unwrap();
        for vector in vectors {
            let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
            let query = expected["canonical_query"].as_str().unwrap();
            let host = inputs["headers"]["host"].as_str().unwrap();
            let authorization = expected["authorization"].as_str().unwrap();
            let mut request = Request::post(format!("https://{host}/?{query}"));
            for (name, value) in inputs["headers"].as_object().unwrap() {
                request = request.header(name, value.as_str().unwrap());
            }
            let body = inputs["body"].as_str().unwrap_or_default().to_owned();
            let request = request.header(AUTHORIZATION, authorization).body(body.into()).unwrap();
            let sum = signature(&request, inputs["access_key_secret"].as_str().unwrap()).unwrap();
            assert!(authorization.ends_with(&format!("Signature={sum}")), "{}", vector["id"]);
        }
        assert_eq!(vectors.len(), 5);
    }

    #[test]
    fn a_call_of_many_has_its_values_by_place_and_a_short_one_is_none() {
        let form = "PhoneNumberJson=%5B%2212700000001%22%2C%2212700000002%22%5D\
                    &TemplateParamJson=%5B%7B%22a%22%3A%22x%22%7D%2C%7B%22a%22%3A%22y%22%7D%5D";
        let call = read(b"SendBatchSms", b"TemplateCode=S&OutId=%2B1", form.as_bytes()).unwrap();
        let second = &call.messages[1];
        assert_eq!((second.0.as_str(), second.1.as_str()), ("12700000002", "{\"a\":\"y\"}"));
        assert_eq!(call.out_id.as_deref(), Some("+1"));
        let pushed = reports("http://127.0.0.1:1/hooks/b?key=k", &call, &biz_id(7)).unwrap();
        let told: Value = serde_json::from_slice(pushed.body()).unwrap();
        assert_eq!((told.as_array().unwrap().len(), &told[1]["success"]), (2, &json!(true)));
        let one = b"PhoneNumbers=12700000001&TemplateParam=%7B%7D";
        assert_eq!(read(b"SendSms", one, b"").unwrap().messages.len(), 1);
        let two = b"PhoneNumberJson=%5B%221%22%2C%222%22%5D&TemplateParamJson=%5B%7B%7D%5D";
        assert!(read(b"SendBatchSms", b"", two).is_none());
        assert!(read(b"QuerySendDetails", one, b"").is_none());
    }
}

//! Tencent Cloud's shape, from the sheet (`tencent-sms`): SendSms to many numbers of one text, a
//! status for each; reports as an array, a reply as an object.

use std::fmt::Write as _;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{HeaderMap, Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::GatewaySettings;
use super::shape::{
    Asked, Shape, Templates, Told, Trouble, Verdict, Wrote, bare, beijing, e164, json as answer,
    push, said,
};

const NUMBERS_MOST: usize = 200;

pub(super) struct Tencent {
    pub(super) settings: GatewaySettings,
    pub(super) templates: Templates,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Submit {
    phone_number_set: Vec<String>,
    template_id: String,
    sign_name: String,
    #[serde(default)]
    template_param_set: Vec<String>,
    extend_code: Option<String>,
    session_context: Option<String>,
}

/// A refusal of the whole call, which is answered with 200 as well.
fn error(code: &str) -> Response<Bytes> {
    answer(200, &json!({"Response": {"Error": {"Code": code, "Message": code}, "RequestId": "p"}}))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a String does not fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length is taken.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        },
    )
}

/// The signature that the call should have, over the headers that it names.
fn signature(request: &Request<Bytes>, key: &str) -> Option<String> {
    let headers = request.headers();
    let given = header(headers, "authorization");
    let scope = given.split_once("Credential=")?.1.split(',').next()?;
    let (_, scope) = scope.split_once('/')?;
    let mut steps = scope.split('/');
    let (date, service) = (steps.next()?, steps.next()?);
    let signed = given.split_once("SignedHeaders=")?.1.split(',').next()?.trim();
    let mut canonical = String::from("POST\n/\n\n");
    for name in signed.split(';') {
        let value = match (name, header(headers, name)) {
            ("host", "") => request.uri().authority().map_or("", |host| host.as_str()),
            (_, value) => value,
        };
        let _ = writeln!(canonical, "{name}:{}", value.trim().to_lowercase());
    }
    let _ = write!(canonical, "\n{signed}\n{}", hex(&Sha256::digest(request.body())));
    let told = format!(
        "TC3-HMAC-SHA256\n{}\n{scope}\n{}",
        header(headers, "x-tc-timestamp"),
        hex(&Sha256::digest(canonical))
    );
    let key = keyed(format!("TC3{key}").as_bytes(), date);
    let key = keyed(&keyed(&key, service), "tc3_request");
    Some(hex(&keyed(&key, &told)))
}

impl Shape for Tencent {
    fn number(&self) -> &str {
        &self.settings.number
    }

    fn admits(&self, request: &Request<Bytes>) -> Result<(), Response<Bytes>> {
        let given = header(request.headers(), "authorization");
        let id = format!("Credential={}/", self.settings.account_sid);
        if !given.contains(&id) {
            return Err(error("AuthFailure.SecretIdNotFound"));
        }
        let wanted = signature(request, &self.settings.auth_token);
        match given.rsplit_once("Signature=").map(|(_, sum)| sum) {
            Some(sum) if wanted.as_deref() == Some(sum) => Ok(()),
            Some(_) | None => Err(error("AuthFailure.SignatureFailure")),
        }
    }

    fn read(&self, request: &Request<Bytes>) -> Result<Vec<Asked>, Response<Bytes>> {
        if header(request.headers(), "x-tc-action") != "SendSms" {
            return Err(error("InvalidAction"));
        }
        let Ok(submit) = serde_json::from_slice::<Submit>(request.body()) else {
            return Err(error("InvalidParameter"));
        };
        if !(1..=NUMBERS_MOST).contains(&submit.phone_number_set.len()) {
            return Err(error("LimitExceeded.PhoneNumberCountLimit"));
        }
        let value = |name: &str| {
            let place = name.parse::<usize>().ok()?.checked_sub(1)?;
            submit.template_param_set.get(place).cloned()
        };
        let text = self.templates.fill(&submit.template_id, &submit.sign_name, value);
        let Some(text) = text else {
            return Err(error("FailedOperation.TemplateParamSetNotMatchApprovedTemplate"));
        };
        let mut all = Vec::with_capacity(submit.phone_number_set.len());
        for number in &submit.phone_number_set {
            let Some(to) = e164(number) else {
                return Err(error("InvalidParameterValue.IncorrectPhoneNumber"));
            };
            all.push(Asked {
                to,
                from: submit.extend_code.clone(),
                text: text.clone(),
                told_at: Some(self.settings.hook_url.clone()),
                reference: submit.session_context.clone().unwrap_or_default(),
            });
        }
        Ok(all)
    }

    fn names(&self, asked: &[Asked], _seed: u64, serial: u64) -> Vec<String> {
        (0..asked.len()).map(|place| format!("2026:-{serial}{place:03}")).collect()
    }

    fn answer(&self, asked: &[Asked], verdicts: &[Verdict]) -> Response<Bytes> {
        let status = |(one, verdict): (&Asked, &Verdict)| {
            let (serial, code, fee) = match verdict {
                Verdict::Taken(serial) => (serial.as_str(), "Ok", 1),
                Verdict::NoSuchNumber => ("", "InvalidParameterValue.IncorrectPhoneNumber", 0),
            };
            json!({"SerialNo": serial, "PhoneNumber": one.to, "Fee": fee, "Code": code,
                "SessionContext": one.reference, "Message": code, "IsoCode": "CN"})
        };
        let all: Vec<Value> = asked.iter().zip(verdicts).map(status).collect();
        answer(200, &json!({"Response": {"SendStatusSet": all, "RequestId": "p"}}))
    }

    fn refuse(&self, trouble: Trouble) -> Response<Bytes> {
        match trouble {
            Trouble::TooFast(_) => error("RequestLimitExceeded"),
            Trouble::Full => error("LimitExceeded.AppDailyLimit"),
            Trouble::Broken => said(502, "<html>Bad Gateway</html>"),
        }
    }

    fn receipt(&self, told: &Told) -> Option<Request<Bytes>> {
        let (status, code) = if told.dead { ("FAIL", "MK:0001") } else { ("SUCCESS", "DELIVRD") };
        let report = json!([{"user_receive_time": beijing(told.at_ms), "nationcode": "86",
            "mobile": bare(&told.to), "report_status": status, "errmsg": code,
            "description": code, "sid": told.name}]);
        push(&told.url, &report)
    }

    fn reply(&self, wrote: &Wrote<'_>) -> Option<Request<Bytes>> {
        let words = json!({"extend": "", "mobile": bare(wrote.from), "nationcode": "86",
            "sign": "practice", "text": wrote.text, "time": wrote.at_ms / 1_000});
        push(&self.settings.hook_url, &words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_side_holds_to_the_published_vectors_too() {
        let file = include_str!("../../../tests/fixtures/tencent/vectors.json");
        let file: Value = serde_json::from_str(file).unwrap();
        let vectors = file["kinds"]["tencent_tc3_hmac_sha256"]["vectors"].as_array().unwrap();
        assert!(!vectors.is_empty());
        for vector in vectors {
            let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
            println!("{}", vector["id"]);
            let text = |name: &str| inputs[name].as_str().unwrap_or_default().to_owned();
            let authorization = expected["authorization"].as_str().unwrap();
            let request = Request::post(format!("https://{}/", text("host")))
                .header("content-type", text("content_type"))
                .header("x-tc-action", text("action"))
                .header("x-tc-timestamp", inputs["timestamp"].to_string())
                .header("authorization", authorization)
                .body(Bytes::from(text("payload")))
                .unwrap();
            let sum = signature(&request, &text("secret_key")).unwrap();
            assert!(authorization.ends_with(&format!("Signature={sum}")), "{}", vector["id"]);
        }
    }
}

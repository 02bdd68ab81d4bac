//! Aliyun's shape: SendSms and SendBatchSms of approved templates, one name for a whole call,
//! reports and words of residents as arrays. A wrong number refuses the whole call. The wire itself
//! is `practice::aliyun`.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use serde_json::{Value, json};

use super::GatewaySettings;
use super::shape::{
    Asked, Shape, Templates, Told, Trouble, Verdict, Wrote, bare, beijing, e164, json as answer,
    push,
};
use crate::practice::aliyun as wire;

pub(super) struct Aliyun {
    pub(super) settings: GatewaySettings,
    pub(super) templates: Templates,
}

fn refused(status: u16, code: &str) -> Response<Bytes> {
    answer(status, &json!({"RequestId": "p", "Code": code, "Message": code}))
}

impl Shape for Aliyun {
    fn number(&self) -> &str {
        &self.settings.number
    }

    fn admits(&self, request: &Request<Bytes>) -> Result<(), Response<Bytes>> {
        if !wire::is_of(request.headers(), &self.settings.account_sid) {
            return Err(refused(404, "InvalidAccessKeyId.NotFound"));
        }
        let given = request.headers().get(AUTHORIZATION).and_then(|given| given.to_str().ok());
        let given = given.and_then(|given| given.rsplit_once("Signature="));
        match (given, wire::signature(request, &self.settings.auth_token)) {
            (Some((_, given)), Some(wanted)) if given == wanted => Ok(()),
            _ => Err(refused(400, "SignatureDoesNotMatch")),
        }
    }

    fn read(&self, request: &Request<Bytes>) -> Result<Vec<Asked>, Response<Bytes>> {
        let action = request.headers().get(wire::ACTION).map_or(&b""[..], |name| name.as_bytes());
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let Some(call) = wire::read(action, query, request.body()) else {
            return Err(refused(200, "isv.INVALID_PARAMETERS"));
        };
        let mut all = Vec::with_capacity(call.messages.len());
        for (phone, values) in &call.messages {
            let Some(to) = e164(phone) else {
                return Err(refused(200, "isv.MOBILE_NUMBER_ILLEGAL"));
            };
            let values: Value = serde_json::from_str(values).unwrap_or_default();
            let value = |name: &str| Some(values.get(name)?.as_str()?.to_owned());
            let Some(text) = self.templates.fill(&call.template, &call.sign, value) else {
                return Err(refused(200, "isv.TEMPLATE_MISSING_PARAMETERS"));
            };
            all.push(Asked {
                to,
                from: None,
                text,
                told_at: Some(self.settings.hook_url.clone()),
                reference: call.out_id.clone().unwrap_or_default(),
            });
        }
        Ok(all)
    }

    fn names(&self, asked: &[Asked], _seed: u64, serial: u64) -> Vec<String> {
        vec![wire::biz_id(serial); asked.len()]
    }

    fn refuses_whole(&self) -> bool {
        true
    }

    fn answer(&self, _asked: &[Asked], verdicts: &[Verdict]) -> Response<Bytes> {
        match verdicts.first() {
            Some(Verdict::Taken(biz_id)) => answer(
                200,
                &json!({"RequestId": "p", "BizId": biz_id, "Code": "OK", "Message": "OK"}),
            ),
            Some(Verdict::NoSuchNumber) | None => refused(200, "isv.MOBILE_NUMBER_ILLEGAL"),
        }
    }

    fn refuse(&self, trouble: Trouble) -> Response<Bytes> {
        match trouble {
            Trouble::TooFast(_) => refused(400, "Throttling.User"),
            Trouble::Broken => refused(500, "isp.SYSTEM_ERROR"),
            Trouble::Full => refused(200, "isv.DAY_LIMIT_CONTROL"),
        }
    }

    fn receipt(&self, told: &Told) -> Option<Request<Bytes>> {
        let failed = told.dead.then_some("MK:0001");
        let (phone, at) = (bare(&told.to), beijing(told.at_ms));
        let report = wire::report(phone, &told.name, Some(&told.reference), &at, failed);
        push(&told.url, &json!([report]))
    }

    fn reply(&self, wrote: &Wrote<'_>) -> Option<Request<Bytes>> {
        let words = json!([{"phone_number": bare(wrote.from), "content": wrote.text,
            "send_time": beijing(wrote.at_ms), "sign_name": "practice", "dest_code": wrote.to,
            "sequence_id": wrote.serial.to_string()}]);
        push(&self.settings.hook_url, &words)
    }
}

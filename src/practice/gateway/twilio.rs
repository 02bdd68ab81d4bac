//! Twilio's shape: one message a call, receipts and replies as signed forms. The wire itself is
//! `gateway_wire`.

use bytes::Bytes;
use http::{Request, Response};

use super::GatewaySettings;
use super::shape::{Asked, Shape, Told, Trouble, Verdict, Wrote, leads_home};
use crate::practice::gateway_wire::{self as wire, Refusal};
use crate::practice::residents::hash;

pub(super) struct Twilio {
    settings: GatewaySettings,
    authorization: String,
    path: String,
}

impl Twilio {
    pub(super) fn new(settings: GatewaySettings) -> Twilio {
        Twilio {
            authorization: wire::basic(&settings.account_sid, &settings.auth_token),
            path: format!("/2010-04-01/Accounts/{}/Messages.json", settings.account_sid),
            settings,
        }
    }
}

fn refused(status: u16, code: u32, message: &'static str) -> Response<Bytes> {
    wire::refused(&Refusal { status, code, message }, None)
}

impl Shape for Twilio {
    fn number(&self) -> &str {
        &self.settings.number
    }

    fn admits(&self, request: &Request<Bytes>) -> Result<(), Response<Bytes>> {
        if request.uri().path() != self.path || request.method() != http::Method::POST {
            return Err(refused(404, 20404, "The requested resource was not found"));
        }
        let given = request.headers().get(http::header::AUTHORIZATION);
        match given.is_some_and(|given| given.as_bytes() == self.authorization.as_bytes()) {
            true => Ok(()),
            false => Err(refused(401, 20003, "Authenticate")),
        }
    }

    fn read(&self, request: &Request<Bytes>) -> Result<Vec<Asked>, Response<Bytes>> {
        let asked = wire::read(request.body()).map_err(|refusal| wire::refused(&refusal, None))?;
        let callback = asked.callback;
        if callback.as_deref().is_some_and(|url| !leads_home(url, &self.settings.hook_url)) {
            return Err(refused(400, 21609, "The StatusCallback URL is not a valid URL"));
        }
        Ok(vec![Asked {
            to: asked.to,
            from: asked.from,
            text: asked.text,
            reference: wire::reference(callback.as_deref()),
            told_at: callback,
        }])
    }

    fn names(&self, asked: &[Asked], seed: u64, serial: u64) -> Vec<String> {
        asked.iter().map(|one| wire::sid(hash(one.to.as_bytes(), seed), serial)).collect()
    }

    fn answer(&self, asked: &[Asked], verdicts: &[Verdict]) -> Response<Bytes> {
        match (asked, verdicts) {
            ([one], [Verdict::Taken(sid)]) => {
                wire::created(&self.settings.account_sid, sid, &one.to, &one.text)
            }
            _ => refused(400, 21211, "The 'To' number is not a valid phone number"),
        }
    }

    fn refuse(&self, trouble: Trouble) -> Response<Bytes> {
        match trouble {
            Trouble::TooFast(wait_s) => {
                let message = "Too Many Requests";
                wire::refused(&Refusal { status: 429, code: 20429, message }, Some(wait_s))
            }
            Trouble::Broken => refused(500, 20500, "Internal Server Error"),
            Trouble::Full => refused(503, 20503, "The log of practice is full"),
        }
    }

    fn receipt(&self, told: &Told) -> Option<Request<Bytes>> {
        let state = if told.dead { "undelivered" } else { "delivered" };
        let mut fields = vec![
            ("MessageSid", told.name.clone()),
            ("SmsSid", told.name.clone()),
            ("MessageStatus", state.to_owned()),
            ("SmsStatus", state.to_owned()),
            ("To", told.to.clone()),
            ("From", told.shown.clone()),
            ("AccountSid", self.settings.account_sid.clone()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ];
        fields.extend(told.dead.then(|| ("ErrorCode", "30005".to_owned())));
        wire::callback(&self.settings.auth_token, &told.url, &fields)
    }

    fn reply(&self, wrote: &Wrote<'_>) -> Option<Request<Bytes>> {
        let sid = wire::sid(hash(wrote.from.as_bytes(), 0x4e91), wrote.serial);
        let fields = [
            ("MessageSid", sid.clone()),
            ("SmsSid", sid.clone()),
            ("SmsMessageSid", sid),
            ("AccountSid", self.settings.account_sid.clone()),
            ("From", wrote.from.to_owned()),
            ("To", wrote.to.to_owned()),
            ("Body", wrote.text.to_owned()),
            ("NumMedia", "0".to_owned()),
            ("NumSegments", "1".to_owned()),
            ("SmsStatus", "received".to_owned()),
        ];
        wire::callback(&self.settings.auth_token, &self.settings.hook_url, &fields)
    }
}

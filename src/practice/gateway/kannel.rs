//! Kannel's shape, from its user guide: sendsms with `X-Kannel-` headers, receipts by `dlr-url`,
//! words of residents by an sms-service's `get-url`. One message a call.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use super::GatewaySettings;
use super::shape::{Asked, Shape, Told, Trouble, Verdict, Wrote, leads_home, said};

pub(super) struct Kannel(pub(super) GatewaySettings);

const PATH: &str = "/cgi-bin/sendsms";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The URL with what Kannel knows in the place of its escapes, which it encodes.
fn filled(url: &str, told: &Told) -> String {
    let state = if told.dead { "2" } else { "1" };
    let answer = match told.dead {
        true => "id:1 sub:001 dlvrd:000 stat:MK:0001 err:001 text:",
        false => "id:1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:",
    };
    let mut out = String::with_capacity(url.len() + 80);
    let mut letters = url.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '%') {
            (_, true) => match letters.next() {
                Some('d') => out.push_str(state),
                Some('A') => out.extend(form_urlencoded::byte_serialize(answer.as_bytes())),
                Some('T') => out.push_str(&(told.at_ms / 1_000).to_string()),
                Some('%') => out.push('%'),
                // Nothing that this practice knows of.
                Some(_) | None => {}
            },
            (letter, false) => out.push(letter),
        }
    }
    out
}

impl Shape for Kannel {
    fn number(&self) -> &str {
        &self.0.number
    }

    fn admits(&self, request: &Request<Bytes>) -> Result<(), Response<Bytes>> {
        let headers = request.headers();
        if request.uri().path() != PATH {
            return Err(said(404, "Not found"));
        }
        let (user, password) =
            (header(headers, "x-kannel-username"), header(headers, "x-kannel-password"));
        match user == Some(self.0.account_sid.as_str())
            && password == Some(self.0.auth_token.as_str())
        {
            true => Ok(()),
            false => Err(said(403, "Authorization failed for sendsms")),
        }
    }

    fn read(&self, request: &Request<Bytes>) -> Result<Vec<Asked>, Response<Bytes>> {
        let headers = request.headers();
        let Some(to) = header(headers, "x-kannel-to").filter(|to| !to.is_empty()) else {
            return Err(said(400, "Missing receiver number, rejected"));
        };
        let Ok(text) = std::str::from_utf8(request.body()) else {
            return Err(said(400, "The text is no UTF-8"));
        };
        // Only what it was told to ask for is told.
        let asks = header(headers, "x-kannel-dlr-mask").is_some_and(|mask| mask != "0");
        let url = header(headers, "x-kannel-dlr-url").filter(|_| asks);
        if url.is_some_and(|url| !leads_home(url, &self.0.hook_url)) {
            return Err(said(400, "Sender missing and no global set, rejected"));
        }
        let reference = crate::practice::gateway_wire::reference(
            url.map(|url| url.replace("%%", "%")).as_deref(),
        );
        Ok(vec![Asked {
            to: to.to_owned(),
            from: header(headers, "x-kannel-from").map(str::to_owned),
            text: text.to_owned(),
            told_at: url.map(str::to_owned),
            reference,
        }])
    }

    fn names(&self, asked: &[Asked], _seed: u64, serial: u64) -> Vec<String> {
        asked.iter().map(|_| serial.to_string()).collect()
    }

    fn answer(&self, _asked: &[Asked], verdicts: &[Verdict]) -> Response<Bytes> {
        match verdicts {
            [Verdict::Taken(_)] => said(202, "0: Accepted for delivery"),
            _ => said(400, "Number(s) has/have been denied by white- and/or black-lists."),
        }
    }

    /// It knows no rate: what it can't queue is a temporal failure.
    fn refuse(&self, trouble: Trouble) -> Response<Bytes> {
        match trouble {
            Trouble::TooFast(_) | Trouble::Full => said(503, "Temporal failure, try again later."),
            Trouble::Broken => said(500, "Internal error"),
        }
    }

    fn receipt(&self, told: &Told) -> Option<Request<Bytes>> {
        Request::get(filled(&told.url, told)).body(Bytes::new()).ok()
    }

    fn reply(&self, wrote: &Wrote<'_>) -> Option<Request<Bytes>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("id", &format!("practice-{}", wrote.serial));
        query.append_pair("from", wrote.from).append_pair("to", wrote.to);
        query.append_pair("at", &(wrote.at_ms / 1_000).to_string());
        query.append_pair("text", wrote.text);
        query.append_pair("charset", "UTF-8").append_pair("coding", "2");
        let url = format!("{}&{}", self.0.hook_url, query.finish());
        Request::get(url).body(Bytes::new()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_filled_and_doubled_percents_are_one() {
        let told = Told {
            name: "1".into(),
            to: "+8612700000001".into(),
            shown: "106".into(),
            url: String::new(),
            reference: String::new(),
            at_ms: 5_000,
            dead: true,
        };
        let url = "http://127.0.0.1:1/h?ref=b1%%2B2&status=%d&at=%T&answer=%A";
        let filled = filled(url, &told);
        assert!(filled.starts_with("http://127.0.0.1:1/h?ref=b1%2B2&status=2&at=5&answer=id%3A1"));
        assert!(filled.contains("stat%3AMK%3A0001"));
    }
}

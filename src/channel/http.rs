//! The one HTTP client of the house, and the only file that names reqwest: time-outs, a limit on
//! answers, no redirects, no proxy, secrets struck out of every error. It decides only whether a
//! failed call can have reached the gateway; it knows no provider and never retries.

use std::error::Error;
use std::time::Duration;

use ::http::{Request, Response};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{CallFault, Transport};

/// The limits of a client. All have defaults fit for gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// The whole call, from the first byte out to the last byte in.
    pub total_ms: u64,
    /// Name look-up, connection and TLS.
    pub connect_ms: u64,
    /// The largest answer, in bytes.
    pub answer_bytes: usize,
    /// Idle connections kept for each host.
    pub idle_per_host: usize,
}

impl Default for HttpLimits {
    fn default() -> HttpLimits {
        HttpLimits {
            total_ms: 10_000,
            connect_ms: 3_000,
            answer_bytes: 256 * 1024,
            idle_per_host: 256,
        }
    }
}

/// The client is not usable: a fault of this machine (TLS roots), not of a gateway.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client: {0}")]
pub struct NoClient(String);

/// Carries requests over the network.
pub struct HttpTransport {
    client: reqwest::Client,
    limits: HttpLimits,
    secrets: Vec<String>,
}

impl HttpTransport {
    /// A client with its own pool of connections. `secrets` are struck out of every error; those
    /// shorter than four characters are ignored, for they would strike out ordinary words.
    pub fn new(limits: HttpLimits, mut secrets: Vec<String>) -> Result<HttpTransport, NoClient> {
        secrets.retain(|secret| secret.len() >= 4);
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(limits.total_ms))
            .connect_timeout(Duration::from_millis(limits.connect_ms))
            .pool_max_idle_per_host(limits.idle_per_host)
            .pool_idle_timeout(Duration::from_secs(60))
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("tongluo/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| NoClient(describe(&error)))?;
        Ok(HttpTransport { client, limits, secrets })
    }

    /// A connection that never stood carried nothing; whatever broke later may have.
    fn classify(&self, error: reqwest::Error) -> CallFault {
        let certain = error.is_connect() || error.is_builder();
        let why = redact(&describe(&error.without_url()), &self.secrets);
        if certain { CallFault::NotSent(why) } else { CallFault::Unknown(why) }
    }

    async fn read(&self, mut answer: reqwest::Response) -> Result<Bytes, CallFault> {
        let too_large = || CallFault::Unknown("the answer is too large".into());
        let limit = self.limits.answer_bytes;
        if answer.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut next = async || answer.chunk().await.map_err(|error| self.classify(error));
        // Nearly every answer is one piece: it is passed on as it is.
        let Some(first) = next().await? else {
            return Ok(Bytes::new());
        };
        let mut size = first.len();
        let mut whole = BytesMut::new();
        while size <= limit {
            let Some(piece) = next().await? else {
                return Ok(if whole.is_empty() { first } else { whole.freeze() });
            };
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&piece);
            size += piece.len();
        }
        Err(too_large())
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| CallFault::NotSent(describe(&error.without_url())))?;
        let mut answer =
            self.client.execute(request).await.map_err(|error| self.classify(error))?;
        let status = answer.status();
        let headers = std::mem::take(answer.headers_mut());
        let body = self.read(answer).await?;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// The error with its causes, on one line.
fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// The text without any of the secrets.
pub fn redact(text: &str, secrets: &[String]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets {
        if clean.contains(secret.as_str()) {
            clean = clean.replace(secret.as_str(), "[secret]");
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    /// A server that takes one connection, reads a little, says `answer` and hangs up, or waits.
    fn server(answer: Option<Vec<u8>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = [0_u8; 4096];
            let _ = stream.read(&mut seen);
            match answer {
                Some(answer) => {
                    let _ = stream.write_all(&answer);
                }
                // Silent until the client hangs up.
                None => while stream.read(&mut seen).is_ok_and(|size| size > 0) {},
            }
        });
        address
    }

    fn transport() -> HttpTransport {
        let limits = HttpLimits { total_ms: 400, answer_bytes: 1_000, ..HttpLimits::default() };
        HttpTransport::new(limits, vec!["geheim-token".into(), "".into()]).unwrap()
    }

    async fn call(address: SocketAddr) -> Result<Response<Bytes>, CallFault> {
        let url = format!("http://{address}/geheim-token?x=geheim-token");
        let request = Request::post(url).body(Bytes::from_static("水".as_bytes())).unwrap();
        transport().call(request).await
    }

    #[tokio::test]
    async fn an_answer_comes_whole_and_a_redirect_is_not_followed() {
        let found = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\
            retry-after: 7\r\ncontent-length: 2\r\n\r\nok";
        let answer = call(server(Some(found.to_vec()))).await.unwrap();
        assert_eq!(answer.status(), 302);
        assert_eq!(answer.headers()["retry-after"], "7");
        assert_eq!(answer.body().as_ref(), b"ok");
        let pieces = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
            3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let answer = call(server(Some(pieces.to_vec()))).await.unwrap();
        assert_eq!(answer.body().as_ref(), b"abcde");
    }

    #[tokio::test]
    async fn a_closed_port_or_unknown_name_is_certain() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let fault = call(address).await.unwrap_err();
        assert!(matches!(fault, CallFault::NotSent(_)), "{fault}");
        let request = Request::post("http://nowhere.invalid/").body(Bytes::new()).unwrap();
        let fault = transport().call(request).await.unwrap_err();
        assert!(matches!(fault, CallFault::NotSent(_)), "{fault}");
        let request = Request::post("/no/host").body(Bytes::new()).unwrap();
        let fault = transport().call(request).await.unwrap_err();
        assert!(matches!(fault, CallFault::NotSent(_)), "{fault}");
    }

    #[tokio::test]
    async fn plain_text_where_tls_is_spoken_is_certain() {
        let address = server(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
        let url = format!("https://{address}/");
        let request = Request::post(url).body(Bytes::new()).unwrap();
        let fault = transport().call(request).await.unwrap_err();
        assert!(matches!(fault, CallFault::NotSent(_)), "{fault}");
    }

    #[tokio::test]
    async fn silence_a_broken_answer_and_a_huge_one_are_unknown() {
        let broken = b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{".to_vec();
        let mut huge = b"HTTP/1.1 201 Created\r\ncontent-length: 2000\r\n\r\n".to_vec();
        huge.extend([b'x'; 2_000]);
        let mut endless = b"HTTP/1.1 201 Created\r\n\r\n".to_vec();
        endless.extend([b'x'; 2_000]);
        for answer in [None, Some(Vec::new()), Some(broken), Some(huge), Some(endless)] {
            let fault = call(server(answer)).await.unwrap_err();
            assert!(matches!(fault, CallFault::Unknown(_)), "{fault}");
            assert!(!fault.to_string().contains("geheim"), "{fault}");
        }
    }

    #[test]
    fn secrets_are_struck_out() {
        let secrets = ["abcd1234".to_owned()];
        assert_eq!(redact("Basic abcd1234, abcd1234", &secrets), "Basic [secret], [secret]");
        assert_eq!(redact("普通", &secrets), "普通");
    }
}

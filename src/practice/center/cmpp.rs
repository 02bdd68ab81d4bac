//! A carrier's gateway in CMPP 2.0 or 3.0, written from the sheet: connections with their proof,
//! submits, reports, residents' words. It shares nothing with the client's codec; both are held to
//! the vectors.

use md5::{Digest, Md5};

use super::{Asked, Part, Tongue, Verdict, unheaded, wide_parts, wide_text};

/// An account and the version it is spoken to in.
#[derive(Debug, Clone)]
pub struct Ismg {
    /// Six digits.
    pub source_addr: String,
    pub secret: String,
    /// 3.0 instead of 2.0.
    pub third: bool,
    /// Reports in the shorter form of 2.0 on a connection of 3.0.
    pub short_reports: bool,
}

fn pdu(command: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(12 + body.len()).unwrap_or(u32::MAX);
    let mut pdu = Vec::with_capacity(12 + body.len());
    for field in [size, command, sequence] {
        pdu.extend(field.to_be_bytes());
    }
    pdu.extend(body);
    pdu
}

fn padded(text: &str, size: usize) -> Vec<u8> {
    let mut field = text.as_bytes().to_vec();
    field.resize(size, 0);
    field
}

fn text_at(octets: &[u8], at: usize, size: usize) -> Option<String> {
    let field = octets.get(at..at + size)?;
    Some(String::from_utf8_lossy(field).trim_end_matches('\0').to_owned())
}

/// month 4 · day 5 · hour 5 · minute 6 · second 6 · gateway 22 · sequence 16.
fn msg_id(date: [u64; 5], gateway: u64, sequence: u64) -> u64 {
    let [month, day, hour, minute, second] = date;
    month << 60 | day << 55 | hour << 50 | minute << 44 | second << 38 | gateway << 16 | sequence
}

/// The name of the n-th message: the sheet's date, in August or later, where it exceeds a signed
/// number.
fn name(number: u32) -> u64 {
    msg_id([8, 31, 2, 3, 4], 901_234 + u64::from(number >> 16), u64::from(number & 0xffff))
}

impl Ismg {
    fn number_size(&self) -> usize {
        if self.third { 32 } else { 21 }
    }

    fn result(&self, result: u32) -> Vec<u8> {
        let octets = result.to_be_bytes();
        if self.third { octets.to_vec() } else { vec![octets[3]] }
    }

    /// The body of a SUBMIT.
    fn submit(&self, body: &[u8]) -> Option<Part> {
        let wide = usize::from(self.third);
        let size = self.number_size();
        let udhi = *body.get(23 + size + wide + 1)?;
        let format = *body.get(23 + size + wide + 2)?;
        let source = 23 + size + wide + 3 + 6 + 2 + 6 + 17 + 17;
        let count = usize::from(*body.get(source + 21)?);
        if count != 1 {
            return None;
        }
        let to = text_at(body, source + 22, size)?;
        let length_at = source + 22 + size + wide;
        let length = usize::from(*body.get(length_at)?);
        let content = body.get(length_at + 1..length_at + 1 + length)?;
        let (of, content) = if udhi == 0 { ((0, 0, 0), content) } else { unheaded(content)? };
        let text = match format {
            8 => wide_text(content),
            _ => String::from_utf8_lossy(content).into_owned(),
        };
        Some(Part { from: text_at(body, source, 21)?, to, text, of })
    }

    fn connect(&self, sequence: u32, body: &[u8]) -> Option<Asked> {
        let source = text_at(body, 0, 6)?;
        let proof = body.get(6..22)?;
        let stamp = u32::from_be_bytes(body.get(23..27)?.try_into().ok()?);
        let mut sum = Md5::new();
        sum.update(format!("{source}\0\0\0\0\0\0\0\0\0{}{stamp:010}", self.secret));
        let good = source == self.source_addr && sum.finalize().as_slice() == proof;
        let answer = |status: u32| {
            let mut sum = Md5::new();
            sum.update(self.result(status));
            sum.update(proof);
            sum.update(&self.secret);
            let mut body = self.result(status);
            body.extend(sum.finalize().as_slice());
            body.push(if self.third { 0x30 } else { 0x20 });
            pdu(0x8000_0001, sequence, &body)
        };
        Some(Asked::Bind { welcome: answer(0), refused: answer(3), good, hears: true })
    }

    fn deliver(&self, id: u64, from: &str, to: &str, head: [u8; 3], content: &[u8]) -> Vec<u8> {
        let [udhi, format, registered] = head;
        let mut body = id.to_be_bytes().to_vec();
        body.extend(padded(to, 21));
        body.extend(padded("EMERG", 10));
        body.extend([0, udhi, format]);
        body.extend(padded(from, self.number_size()));
        body.extend(self.third.then_some(0));
        body.push(registered);
        body.push(u8::try_from(content.len()).unwrap_or(u8::MAX));
        body.extend(content);
        body.extend(padded("", if self.third { 20 } else { 8 }));
        pdu(0x05, 0, &body)
    }

    fn report_content(&self, id: u64, to: &str) -> Vec<u8> {
        let mut content = id.to_be_bytes().to_vec();
        content.extend(b"DELIVRD26070102032607010204");
        let short = !self.third || self.short_reports;
        content.extend(padded(to, if short { 21 } else { 32 }));
        content.extend(0x0102_0304_u32.to_be_bytes());
        content
    }
}

impl Tongue for Ismg {
    fn ask(&self, octets: &[u8]) -> Option<Asked> {
        let head: [u8; 12] = octets.get(..12)?.try_into().ok()?;
        let [_, _, _, _, a, b, c, d, e, f, g, h] = head;
        let (command, sequence) =
            (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        let body = &octets[12..];
        Some(match command {
            0x01 => self.connect(sequence, body)?,
            0x04 => Asked::Submit { sequence, part: self.submit(body)? },
            0x8000_0005 => {
                let kept = body.get(8..)?.iter().all(|octet| *octet == 0);
                Asked::Delivered { sequence, kept }
            }
            0x08 => Asked::Probe { answer: pdu(0x8000_0008, sequence, &[0]) },
            0x02 => Asked::Leave { answer: pdu(0x8000_0002, sequence, &[]) },
            _ => Asked::Other,
        })
    }

    fn answer(&self, sequence: u32, verdict: Verdict) -> Vec<u8> {
        let (id, result) = match verdict {
            Verdict::Taken(number) => (name(number), 0),
            Verdict::Throttled => (0, 8),
            Verdict::DeadNumber => (0, 13),
        };
        let mut body = id.to_be_bytes().to_vec();
        body.extend(self.result(result));
        pdu(0x8000_0004, sequence, &body)
    }

    fn report(&self, _sequence: u32, number: u32, part: &Part) -> Vec<u8> {
        let content = self.report_content(name(number), &part.to);
        self.deliver(name(number) ^ 0x8000, &part.to, &part.from, [0, 0, 1], &content)
    }

    fn words(&self, number: u32, from: &str, to: &str, text: &str) -> Vec<Vec<u8>> {
        let parts = wide_parts(text, number.to_be_bytes()[3]);
        let udhi = u8::from(parts.len() > 1);
        let id = |n: usize| msg_id([7, 1, 2, 3, 4], 901_234, u64::from(number) << 4) + n as u64;
        let each = parts.iter().enumerate();
        each.map(|(n, data)| self.deliver(id(n), from, to, [udhi, 8, 0], data)).collect()
    }

    fn sequence_at(&self) -> usize {
        8
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors::{expected, octets, vectors};
    use super::*;

    fn ismg(third: bool) -> Ismg {
        Ismg {
            source_addr: "901234".into(),
            secret: "Secret!9".into(),
            third,
            short_reports: false,
        }
    }

    fn numbered(mut pdu: Vec<u8>, sequence: u8) -> Vec<u8> {
        pdu[11] = sequence;
        pdu
    }

    #[test]
    fn what_clients_say_in_the_vectors_is_understood() {
        for (third, connect, answer) in
            [(false, "connect-20", "connect-resp-2"), (true, "connect-30", "connect-resp-3")]
        {
            let asked = ismg(third).ask(&expected("cmpp_connect", connect));
            let Some(Asked::Bind { welcome, good: true, .. }) = asked else { panic!("{connect}") };
            assert_eq!(welcome, expected("cmpp_connect_resp", answer));
        }
        let wrong = Ismg { secret: "x".into(), ..ismg(true) };
        let asked = wrong.ask(&expected("cmpp_connect", "connect-30"));
        assert!(matches!(asked, Some(Asked::Bind { good: false, .. })));
        let mut read = 0;
        for vector in vectors("cmpp_submit") {
            let third = vector["inputs"]["cmpp_version"] == 3;
            let asked = ismg(third).ask(&octets(&vector["expected"]["pdu"]));
            let numbers = vector["inputs"]["dest_terminal_ids"].as_array().unwrap().len();
            let Some(Asked::Submit { part, .. }) = asked else {
                assert_eq!(numbers, 2, "{}", vector["id"]);
                continue;
            };
            assert!(part.from.starts_with("1069012379"));
            assert_eq!(part.to, "13800138000");
            assert!(vector["inputs"]["text"].as_str().unwrap().contains(&part.text));
            assert_eq!(part.of.1 > 0, vector["inputs"]["tp_udhi"] == 1);
            read += 1;
        }
        assert_eq!(read, 6);
    }

    #[test]
    fn what_a_gateway_says_in_the_vectors_is_said() {
        for vector in vectors("cmpp_msg_id") {
            let of = |name: &str| vector["inputs"][name].as_u64().unwrap();
            let date = ["month", "day", "hour", "minute", "second"].map(of);
            let id = msg_id(date, of("gateway_code"), of("sequence"));
            assert_eq!(format!("{id:016x}"), vector["expected"]["hex"].as_str().unwrap());
        }
        let (second, third) = (ismg(false), ismg(true));
        let throttled = numbered(second.answer(0, Verdict::Throttled), 3);
        assert_eq!(throttled, expected("cmpp_submit_resp", "submit-resp-2-throttle"));
        let tel = "13800138000";
        let reply = second.deliver(
            0x7088_310d_c072_0002,
            tel,
            "1069012379",
            [0, 8, 0],
            &wide_parts("1已转移", 0)[0],
        );
        assert_eq!(numbered(reply, 100), expected("cmpp_deliver", "deliver-20-reply"));
        let content = second.report_content(0x7088_310d_c072_0001, tel);
        let report = second.deliver(0x7088_310d_c072_0003, tel, "1069012379", [0, 0, 1], &content);
        assert_eq!(numbered(report, 101), expected("cmpp_deliver", "deliver-20-report"));
        let content = third.report_content(0x7088_310d_c072_0001, tel);
        let report = third.deliver(0x7088_310d_c072_0003, tel, "1069012379", [0, 0, 1], &content);
        assert_eq!(report.len(), expected("cmpp_deliver", "deliver-30-report").len());
        for (asked, answered) in
            [("active_test-7", "active_test_resp-7"), ("terminate-7", "terminate_resp-7")]
        {
            let Some(Asked::Probe { answer } | Asked::Leave { answer }) =
                second.ask(&expected("cmpp_link", asked))
            else {
                panic!("{asked}");
            };
            assert_eq!(answer, expected("cmpp_link", answered));
        }
        let kept = third.ask(&expected("cmpp_deliver_resp", "deliver-resp-3"));
        assert!(matches!(kept, Some(Asked::Delivered { sequence: 101, kept: true })));
    }
}

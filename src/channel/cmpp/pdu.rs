//! CMPP 2.0 and 3.0 on the wire (sheet `cmpp`): PDUs from and to octets, and the two proofs of a
//! connection. Pure. Any octets give a value or a fault; nothing larger than a version's packet is
//! looked at. It knows neither sessions nor what a result means.

use md5::{Digest, Md5};

use crate::channel::session::octets::{Broken, Reader, open_length, put_padded, seal_length};

/// Octets of the header.
pub const HEADER_OCTETS: usize = 12;
const ANSWER: u32 = 0x8000_0000;
/// Numbers in one submit.
const NUMBERS: usize = 99;

/// Which of the two layouts is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V20,
    V30,
}

impl Version {
    /// Octets of the largest packet.
    pub fn packet_octets(self) -> usize {
        match self {
            Version::V20 => 2_477,
            Version::V30 => 3_335,
        }
    }

    /// As it stands in CONNECT.
    pub fn octet(self) -> u8 {
        match self {
            Version::V20 => 0x20,
            Version::V30 => 0x30,
        }
    }

    fn number_octets(self) -> usize {
        match self {
            Version::V20 => 21,
            Version::V30 => 32,
        }
    }

    fn reserve_octets(self) -> usize {
        match self {
            Version::V20 => 8,
            Version::V30 => 20,
        }
    }

    fn put_result(self, out: &mut Vec<u8>, result: u32) -> Result<(), Broken> {
        match self {
            Version::V20 => out.push(u8::try_from(result).map_err(|_| Broken::TooLong("Result"))?),
            Version::V30 => out.extend_from_slice(&result.to_be_bytes()),
        }
        Ok(())
    }

    fn read_result(self, reader: &mut Reader<'_>) -> Result<u32, Broken> {
        match self {
            Version::V20 => reader.u8("Result").map(u32::from),
            Version::V30 => reader.u32("Result"),
        }
    }
}

/// The body of SUBMIT.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Submit {
    pub msg_id: u64,
    pub pk_total: u8,
    pub pk_number: u8,
    pub registered_delivery: u8,
    pub msg_level: u8,
    pub service_id: Vec<u8>,
    pub fee_user_type: u8,
    pub fee_terminal_id: Vec<u8>,
    /// 3.0 only.
    pub fee_terminal_type: u8,
    pub tp_pid: u8,
    pub tp_udhi: u8,
    pub msg_fmt: u8,
    pub msg_src: Vec<u8>,
    pub fee_type: Vec<u8>,
    pub fee_code: Vec<u8>,
    pub valid_time: Vec<u8>,
    pub at_time: Vec<u8>,
    pub src_id: Vec<u8>,
    pub dest_terminal_ids: Vec<Vec<u8>>,
    /// 3.0 only.
    pub dest_terminal_type: u8,
    pub content: Vec<u8>,
    pub reserve: Vec<u8>,
}

/// The body of DELIVER.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deliver {
    pub msg_id: u64,
    pub dest_id: Vec<u8>,
    pub service_id: Vec<u8>,
    pub tp_pid: u8,
    pub tp_udhi: u8,
    pub msg_fmt: u8,
    pub src_terminal_id: Vec<u8>,
    /// 3.0 only.
    pub src_terminal_type: u8,
    pub registered_delivery: u8,
    pub content: Vec<u8>,
    pub reserve: Vec<u8>,
}

/// A status report: the content of a DELIVER that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    pub msg_id: u64,
    pub stat: Vec<u8>,
    pub submit_time: Vec<u8>,
    pub done_time: Vec<u8>,
    pub dest_terminal_id: Vec<u8>,
    pub smsc_sequence: u32,
}

impl StatusReport {
    /// By its length and not by the version: some gateways of 3.0 send the shorter form.
    pub fn read(content: &[u8]) -> Result<StatusReport, Broken> {
        let version = if content.len() >= 71 { Version::V30 } else { Version::V20 };
        let mut reader = Reader(content);
        Ok(StatusReport {
            msg_id: reader.u64("Msg_Id")?,
            stat: reader.padded(7, "Stat")?,
            submit_time: reader.padded(10, "Submit_time")?,
            done_time: reader.padded(10, "Done_time")?,
            dest_terminal_id: reader.padded(version.number_octets(), "Dest_terminal_Id")?,
            smsc_sequence: reader.u32("SMSC_sequence")?,
        })
    }
}

/// What a PDU carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Connect {
        source_addr: Vec<u8>,
        authenticator: [u8; 16],
        version: u8,
        timestamp: u32,
    },
    ConnectAnswer {
        status: u32,
        authenticator: [u8; 16],
        version: u8,
    },
    Terminate,
    TerminateAnswer,
    Submit(Submit),
    SubmitAnswer {
        msg_id: u64,
        result: u32,
    },
    Deliver(Deliver),
    DeliverAnswer {
        msg_id: u64,
        result: u32,
    },
    ActiveTest,
    ActiveTestAnswer(u8),
    /// A command that is not spoken here.
    Other {
        command: u32,
        octets: Vec<u8>,
    },
}

/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    pub sequence: u32,
    pub body: Body,
}

impl Pdu {
    /// The octets in a version, or which field does not fit.
    pub fn encode(&self, version: Version) -> Result<Vec<u8>, Broken> {
        let mut out = vec![0; 4];
        out.extend_from_slice(&self.body.command().to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        match &self.body {
            Body::Connect { source_addr, authenticator, version, timestamp } => {
                put_padded(&mut out, source_addr, 6, "Source_Addr")?;
                out.extend_from_slice(authenticator);
                out.push(*version);
                out.extend_from_slice(&timestamp.to_be_bytes());
            }
            Body::ConnectAnswer { status, authenticator, version: spoken } => {
                version.put_result(&mut out, *status)?;
                out.extend_from_slice(authenticator);
                out.push(*spoken);
            }
            Body::Submit(submit) => put_submit(&mut out, submit, version)?,
            Body::Deliver(deliver) => put_deliver(&mut out, deliver, version)?,
            Body::SubmitAnswer { msg_id, result } | Body::DeliverAnswer { msg_id, result } => {
                out.extend_from_slice(&msg_id.to_be_bytes());
                version.put_result(&mut out, *result)?;
            }
            Body::ActiveTestAnswer(reserved) => out.push(*reserved),
            Body::Other { octets, .. } => out.extend_from_slice(octets),
            Body::Terminate | Body::TerminateAnswer | Body::ActiveTest => {}
        }
        seal_length(out, version.packet_octets())
    }

    /// The PDU of the octets, which must be exactly one.
    pub fn decode(octets: &[u8], version: Version) -> Result<Pdu, Broken> {
        let mut reader = open_length(octets, version.packet_octets())?;
        let command = reader.u32("Command_Id")?;
        let sequence = reader.u32("Sequence_Id")?;
        let body = match command {
            0x01 => Body::Connect {
                source_addr: reader.padded(6, "Source_Addr")?,
                authenticator: proof(&mut reader)?,
                version: reader.u8("Version")?,
                timestamp: reader.u32("Timestamp")?,
            },
            0x8000_0001 => {
                // An older gateway answers in its own layout.
                let spoken = if reader.0.len() >= 21 { Version::V30 } else { Version::V20 };
                Body::ConnectAnswer {
                    status: spoken.read_result(&mut reader)?,
                    authenticator: proof(&mut reader)?,
                    version: reader.u8("Version")?,
                }
            }
            0x02 => Body::Terminate,
            0x8000_0002 => Body::TerminateAnswer,
            0x04 => Body::Submit(read_submit(&mut reader, version)?),
            0x8000_0004 => Body::SubmitAnswer {
                msg_id: reader.u64("Msg_Id")?,
                result: version.read_result(&mut reader)?,
            },
            0x05 => Body::Deliver(read_deliver(&mut reader, version)?),
            0x8000_0005 => Body::DeliverAnswer {
                msg_id: reader.u64("Msg_Id")?,
                result: version.read_result(&mut reader)?,
            },
            0x08 => Body::ActiveTest,
            // Some leave the reserved octet out.
            0x8000_0008 => Body::ActiveTestAnswer(reader.u8("Reserved").unwrap_or(0)),
            command => Body::Other { command, octets: reader.0.to_vec() },
        };
        Ok(Pdu { sequence, body })
    }
}

impl Body {
    fn command(&self) -> u32 {
        match self {
            Body::Connect { .. } => 0x01,
            Body::ConnectAnswer { .. } => 0x01 | ANSWER,
            Body::Terminate => 0x02,
            Body::TerminateAnswer => 0x02 | ANSWER,
            Body::Submit(_) => 0x04,
            Body::SubmitAnswer { .. } => 0x04 | ANSWER,
            Body::Deliver(_) => 0x05,
            Body::DeliverAnswer { .. } => 0x05 | ANSWER,
            Body::ActiveTest => 0x08,
            Body::ActiveTestAnswer(_) => 0x08 | ANSWER,
            Body::Other { command, .. } => *command,
        }
    }
}

/// AuthenticatorSource: who knows the secret, at a moment MMDDHHMMSS.
pub fn source_proof(source_addr: &[u8], secret: &[u8], timestamp: u32) -> [u8; 16] {
    let mut sum = Md5::new();
    sum.update(source_addr);
    sum.update([0; 9]);
    sum.update(secret);
    sum.update(format!("{timestamp:010}"));
    sum.finalize().into()
}

/// AuthenticatorISMG: the gateway's own proof, over the status as wide as it is written.
pub fn gateway_proof(version: Version, status: u32, source: &[u8], secret: &[u8]) -> [u8; 16] {
    let mut sum = Md5::new();
    match version {
        Version::V20 => sum.update([status.to_be_bytes()[3]]),
        Version::V30 => sum.update(status.to_be_bytes()),
    }
    sum.update(source);
    sum.update(secret);
    sum.finalize().into()
}

fn proof(reader: &mut Reader<'_>) -> Result<[u8; 16], Broken> {
    let octets = reader.take(16, "Authenticator")?;
    octets.try_into().map_err(|_| Broken::Short("Authenticator"))
}

fn put_submit(out: &mut Vec<u8>, submit: &Submit, version: Version) -> Result<(), Broken> {
    let wide = version == Version::V30;
    let number = version.number_octets();
    out.extend_from_slice(&submit.msg_id.to_be_bytes());
    out.extend([submit.pk_total, submit.pk_number]);
    out.extend([submit.registered_delivery, submit.msg_level]);
    put_padded(out, &submit.service_id, 10, "Service_Id")?;
    out.push(submit.fee_user_type);
    put_padded(out, &submit.fee_terminal_id, number, "Fee_terminal_Id")?;
    out.extend(wide.then_some(submit.fee_terminal_type));
    out.extend([submit.tp_pid, submit.tp_udhi, submit.msg_fmt]);
    put_padded(out, &submit.msg_src, 6, "Msg_src")?;
    put_padded(out, &submit.fee_type, 2, "FeeType")?;
    put_padded(out, &submit.fee_code, 6, "FeeCode")?;
    put_padded(out, &submit.valid_time, 17, "ValId_Time")?;
    put_padded(out, &submit.at_time, 17, "At_Time")?;
    put_padded(out, &submit.src_id, 21, "Src_Id")?;
    let count = submit.dest_terminal_ids.len();
    let count = u8::try_from(count).ok().filter(|count| usize::from(*count) <= NUMBERS);
    out.push(count.ok_or(Broken::TooLong("DestUsr_tl"))?);
    for id in &submit.dest_terminal_ids {
        put_padded(out, id, number, "Dest_terminal_Id")?;
    }
    out.extend(wide.then_some(submit.dest_terminal_type));
    put_content(out, &submit.content)?;
    put_padded(out, &submit.reserve, version.reserve_octets(), "Reserve")
}

fn read_submit(reader: &mut Reader<'_>, version: Version) -> Result<Submit, Broken> {
    let wide = version == Version::V30;
    let number = version.number_octets();
    let mut submit = Submit {
        msg_id: reader.u64("Msg_Id")?,
        pk_total: reader.u8("Pk_total")?,
        pk_number: reader.u8("Pk_number")?,
        registered_delivery: reader.u8("Registered_Delivery")?,
        msg_level: reader.u8("Msg_level")?,
        service_id: reader.padded(10, "Service_Id")?,
        fee_user_type: reader.u8("Fee_UserType")?,
        fee_terminal_id: reader.padded(number, "Fee_terminal_Id")?,
        ..Submit::default()
    };
    if wide {
        submit.fee_terminal_type = reader.u8("Fee_terminal_type")?;
    }
    submit.tp_pid = reader.u8("TP_pId")?;
    submit.tp_udhi = reader.u8("TP_udhi")?;
    submit.msg_fmt = reader.u8("Msg_Fmt")?;
    submit.msg_src = reader.padded(6, "Msg_src")?;
    submit.fee_type = reader.padded(2, "FeeType")?;
    submit.fee_code = reader.padded(6, "FeeCode")?;
    submit.valid_time = reader.padded(17, "ValId_Time")?;
    submit.at_time = reader.padded(17, "At_Time")?;
    submit.src_id = reader.padded(21, "Src_Id")?;
    for _ in 0..reader.u8("DestUsr_tl")? {
        submit.dest_terminal_ids.push(reader.padded(number, "Dest_terminal_Id")?);
    }
    if wide {
        submit.dest_terminal_type = reader.u8("Dest_terminal_type")?;
    }
    submit.content = read_content(reader)?;
    submit.reserve = read_reserve(reader, version)?;
    Ok(submit)
}

fn put_deliver(out: &mut Vec<u8>, deliver: &Deliver, version: Version) -> Result<(), Broken> {
    out.extend_from_slice(&deliver.msg_id.to_be_bytes());
    put_padded(out, &deliver.dest_id, 21, "Dest_Id")?;
    put_padded(out, &deliver.service_id, 10, "Service_Id")?;
    out.extend([deliver.tp_pid, deliver.tp_udhi, deliver.msg_fmt]);
    put_padded(out, &deliver.src_terminal_id, version.number_octets(), "Src_terminal_Id")?;
    out.extend((version == Version::V30).then_some(deliver.src_terminal_type));
    out.push(deliver.registered_delivery);
    put_content(out, &deliver.content)?;
    put_padded(out, &deliver.reserve, version.reserve_octets(), "Reserved")
}

fn read_deliver(reader: &mut Reader<'_>, version: Version) -> Result<Deliver, Broken> {
    let mut deliver = Deliver {
        msg_id: reader.u64("Msg_Id")?,
        dest_id: reader.padded(21, "Dest_Id")?,
        service_id: reader.padded(10, "Service_Id")?,
        tp_pid: reader.u8("TP_pid")?,
        tp_udhi: reader.u8("TP_udhi")?,
        msg_fmt: reader.u8("Msg_Fmt")?,
        src_terminal_id: reader.padded(version.number_octets(), "Src_terminal_Id")?,
        ..Deliver::default()
    };
    if version == Version::V30 {
        deliver.src_terminal_type = reader.u8("Src_terminal_type")?;
    }
    deliver.registered_delivery = reader.u8("Registered_Delivery")?;
    deliver.content = read_content(reader)?;
    deliver.reserve = read_reserve(reader, version)?;
    Ok(deliver)
}

fn put_content(out: &mut Vec<u8>, content: &[u8]) -> Result<(), Broken> {
    out.push(u8::try_from(content.len()).map_err(|_| Broken::TooLong("Msg_Content"))?);
    out.extend_from_slice(content);
    Ok(())
}

fn read_content(reader: &mut Reader<'_>) -> Result<Vec<u8>, Broken> {
    let size = usize::from(reader.u8("Msg_Length")?);
    Ok(reader.take(size, "Msg_Content")?.to_vec())
}

/// Nobody needs it: a packet that ends before it is as good.
fn read_reserve(reader: &mut Reader<'_>, version: Version) -> Result<Vec<u8>, Broken> {
    let size = version.reserve_octets().min(reader.0.len());
    reader.padded(size, "Reserve")
}

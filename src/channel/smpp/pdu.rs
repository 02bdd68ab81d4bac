//! SMPP 3.4 on the wire (sheet `smpp`; 3GPP-style fields, big endian): PDUs from and to octets.
//! Pure. Any octets give a value or a fault; nothing larger than [`PDU_OCTETS`] is looked at. It
//! knows neither sessions nor what a message means.

use crate::channel::session::octets::{Broken, Reader, open_length, put_ended, seal_length};

/// The largest PDU either way.
pub const PDU_OCTETS: usize = 64 * 1024;
/// Octets of the header.
pub const HEADER_OCTETS: usize = 16;
const ANSWER: u32 = 0x8000_0000;

/// The most octets of user data in `short_message`.
pub const SHORT_MESSAGE_OCTETS: usize = 254;

/// Tags of optional fields that are read or written here; others are kept as they came.
pub mod tag {
    pub const RECEIPTED_MESSAGE_ID: u16 = 0x001e;
    pub const SAR_MSG_REF_NUM: u16 = 0x020c;
    pub const SAR_TOTAL_SEGMENTS: u16 = 0x020e;
    pub const SAR_SEGMENT_SEQNUM: u16 = 0x020f;
    pub const SC_INTERFACE_VERSION: u16 = 0x0210;
    pub const NETWORK_ERROR_CODE: u16 = 0x0423;
    pub const MESSAGE_PAYLOAD: u16 = 0x0424;
    pub const MESSAGE_STATE: u16 = 0x0427;
}

/// What a bind asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Receiver,
    Transmitter,
    Transceiver,
}

/// An optional field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tlv {
    pub tag: u16,
    pub value: Vec<u8>,
}

/// The body of a bind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bind {
    pub system_id: Vec<u8>,
    pub password: Vec<u8>,
    pub system_type: Vec<u8>,
    pub interface_version: u8,
    pub addr_ton: u8,
    pub addr_npi: u8,
    pub address_range: Vec<u8>,
}

/// A telephone number or name with its kind and plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    pub ton: u8,
    pub npi: u8,
    pub digits: Vec<u8>,
}

/// The body of submit_sm and deliver_sm, which are alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Short {
    pub service_type: Vec<u8>,
    pub source: Address,
    pub destination: Address,
    pub esm_class: u8,
    pub protocol_id: u8,
    pub priority_flag: u8,
    pub schedule_delivery_time: Vec<u8>,
    pub validity_period: Vec<u8>,
    pub registered_delivery: u8,
    pub replace_if_present_flag: u8,
    pub data_coding: u8,
    pub sm_default_msg_id: u8,
    pub short_message: Vec<u8>,
    pub tlvs: Vec<Tlv>,
}

impl Short {
    /// The optional field of that tag.
    pub fn tlv(&self, tag: u16) -> Option<&[u8]> {
        self.tlvs.iter().find(|tlv| tlv.tag == tag).map(|tlv| tlv.value.as_slice())
    }

    /// The user data, wherever it stands.
    pub fn user_data(&self) -> &[u8] {
        match self.tlv(tag::MESSAGE_PAYLOAD) {
            Some(payload) if self.short_message.is_empty() => payload,
            _ => &self.short_message,
        }
    }
}

/// What a PDU carries. An answer with a status other than 0 may come without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Bind(Role, Bind),
    BindAnswer(Role, Option<(Vec<u8>, Vec<Tlv>)>),
    Submit(Short),
    SubmitAnswer(Option<Vec<u8>>),
    Deliver(Short),
    DeliverAnswer(Option<Vec<u8>>),
    EnquireLink,
    EnquireLinkAnswer,
    Unbind,
    UnbindAnswer,
    Nack,
    /// A command that is not spoken here.
    Other {
        command: u32,
        octets: Vec<u8>,
    },
}

/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    pub status: u32,
    pub sequence: u32,
    pub body: Body,
}

impl Pdu {
    /// A PDU with status 0.
    pub fn new(sequence: u32, body: Body) -> Pdu {
        Pdu { status: 0, sequence, body }
    }

    /// The octets, or which field does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, Broken> {
        let mut out = vec![0; 4];
        out.extend_from_slice(&self.body.command().to_be_bytes());
        out.extend_from_slice(&self.status.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        match &self.body {
            Body::Bind(_, bind) => put_bind(&mut out, bind)?,
            Body::BindAnswer(_, Some((system_id, tlvs))) => {
                put_ended(&mut out, system_id, 16, "system_id")?;
                put_tlvs(&mut out, tlvs)?;
            }
            Body::Submit(short) | Body::Deliver(short) => put_short(&mut out, short)?,
            Body::SubmitAnswer(Some(id)) | Body::DeliverAnswer(Some(id)) => {
                put_ended(&mut out, id, 65, "message_id")?;
            }
            Body::Other { octets, .. } => out.extend_from_slice(octets),
            Body::BindAnswer(_, None)
            | Body::SubmitAnswer(None)
            | Body::DeliverAnswer(None)
            | Body::EnquireLink
            | Body::EnquireLinkAnswer
            | Body::Unbind
            | Body::UnbindAnswer
            | Body::Nack => {}
        }
        seal_length(out, PDU_OCTETS)
    }

    /// The PDU of the octets, which must be exactly one.
    pub fn decode(octets: &[u8]) -> Result<Pdu, Broken> {
        let mut reader = open_length(octets, PDU_OCTETS)?;
        let command = reader.u32("command_id")?;
        let status = reader.u32("command_status")?;
        let sequence = reader.u32("sequence_number")?;
        let body = Body::decode(command, &mut reader)?;
        Ok(Pdu { status, sequence, body })
    }
}

impl Body {
    fn command(&self) -> u32 {
        match self {
            Body::Bind(role, _) => role.command(),
            Body::BindAnswer(role, _) => role.command() | ANSWER,
            Body::Submit(_) => 0x04,
            Body::SubmitAnswer(_) => 0x04 | ANSWER,
            Body::Deliver(_) => 0x05,
            Body::DeliverAnswer(_) => 0x05 | ANSWER,
            Body::EnquireLink => 0x15,
            Body::EnquireLinkAnswer => 0x15 | ANSWER,
            Body::Unbind => 0x06,
            Body::UnbindAnswer => 0x06 | ANSWER,
            Body::Nack => ANSWER,
            Body::Other { command, .. } => *command,
        }
    }

    fn decode(command: u32, reader: &mut Reader<'_>) -> Result<Body, Broken> {
        let role = Role::of(command & !ANSWER);
        Ok(match (command, role) {
            (_, Some(role)) if command & ANSWER == 0 => Body::Bind(role, read_bind(reader)?),
            (_, Some(role)) => Body::BindAnswer(role, read_bind_answer(reader)?),
            (0x04, _) => Body::Submit(read_short(reader)?),
            (0x05, _) => Body::Deliver(read_short(reader)?),
            (0x8000_0004, _) => Body::SubmitAnswer(read_message_id(reader)?),
            (0x8000_0005, _) => Body::DeliverAnswer(read_message_id(reader)?),
            (0x15, _) => Body::EnquireLink,
            (0x8000_0015, _) => Body::EnquireLinkAnswer,
            (0x06, _) => Body::Unbind,
            (0x8000_0006, _) => Body::UnbindAnswer,
            (ANSWER, _) => Body::Nack,
            (command, None) => Body::Other { command, octets: reader.0.to_vec() },
        })
    }
}

impl Role {
    fn command(self) -> u32 {
        match self {
            Role::Receiver => 0x01,
            Role::Transmitter => 0x02,
            Role::Transceiver => 0x09,
        }
    }

    fn of(command: u32) -> Option<Role> {
        let all = [Role::Receiver, Role::Transmitter, Role::Transceiver];
        all.into_iter().find(|role| role.command() == command)
    }
}

fn put_bind(out: &mut Vec<u8>, bind: &Bind) -> Result<(), Broken> {
    put_ended(out, &bind.system_id, 16, "system_id")?;
    put_ended(out, &bind.password, 9, "password")?;
    put_ended(out, &bind.system_type, 13, "system_type")?;
    out.extend([bind.interface_version, bind.addr_ton, bind.addr_npi]);
    put_ended(out, &bind.address_range, 41, "address_range")
}

fn read_bind(reader: &mut Reader<'_>) -> Result<Bind, Broken> {
    Ok(Bind {
        system_id: reader.ended(16, "system_id")?,
        password: reader.ended(9, "password")?,
        system_type: reader.ended(13, "system_type")?,
        interface_version: reader.u8("interface_version")?,
        addr_ton: reader.u8("addr_ton")?,
        addr_npi: reader.u8("addr_npi")?,
        address_range: reader.ended(41, "address_range")?,
    })
}

type BindAnswer = (Vec<u8>, Vec<Tlv>);

fn read_bind_answer(reader: &mut Reader<'_>) -> Result<Option<BindAnswer>, Broken> {
    if reader.0.is_empty() {
        return Ok(None);
    }
    Ok(Some((reader.ended(16, "system_id")?, read_tlvs(reader))))
}

fn read_message_id(reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Broken> {
    if reader.0.is_empty() {
        return Ok(None);
    }
    reader.ended(65, "message_id").map(Some)
}

fn put_address(out: &mut Vec<u8>, address: &Address, what: &'static str) -> Result<(), Broken> {
    out.extend([address.ton, address.npi]);
    put_ended(out, &address.digits, 21, what)
}

fn read_address(reader: &mut Reader<'_>, what: &'static str) -> Result<Address, Broken> {
    Ok(Address { ton: reader.u8(what)?, npi: reader.u8(what)?, digits: reader.ended(21, what)? })
}

fn put_short(out: &mut Vec<u8>, short: &Short) -> Result<(), Broken> {
    put_ended(out, &short.service_type, 6, "service_type")?;
    put_address(out, &short.source, "source_addr")?;
    put_address(out, &short.destination, "destination_addr")?;
    out.extend([short.esm_class, short.protocol_id, short.priority_flag]);
    put_ended(out, &short.schedule_delivery_time, 17, "schedule_delivery_time")?;
    put_ended(out, &short.validity_period, 17, "validity_period")?;
    out.extend([short.registered_delivery, short.replace_if_present_flag]);
    out.extend([short.data_coding, short.sm_default_msg_id]);
    let size = u8::try_from(short.short_message.len()).ok();
    let size = size.filter(|size| usize::from(*size) <= SHORT_MESSAGE_OCTETS);
    out.push(size.ok_or(Broken::TooLong("short_message"))?);
    out.extend_from_slice(&short.short_message);
    put_tlvs(out, &short.tlvs)
}

fn read_short(reader: &mut Reader<'_>) -> Result<Short, Broken> {
    let mut short = Short {
        service_type: reader.ended(6, "service_type")?,
        source: read_address(reader, "source_addr")?,
        destination: read_address(reader, "destination_addr")?,
        esm_class: reader.u8("esm_class")?,
        protocol_id: reader.u8("protocol_id")?,
        priority_flag: reader.u8("priority_flag")?,
        schedule_delivery_time: reader.ended(17, "schedule_delivery_time")?,
        validity_period: reader.ended(17, "validity_period")?,
        registered_delivery: reader.u8("registered_delivery")?,
        replace_if_present_flag: reader.u8("replace_if_present_flag")?,
        data_coding: reader.u8("data_coding")?,
        sm_default_msg_id: reader.u8("sm_default_msg_id")?,
        short_message: Vec::new(),
        tlvs: Vec::new(),
    };
    let size = usize::from(reader.u8("sm_length")?);
    short.short_message = reader.take(size, "short_message")?.to_vec();
    short.tlvs = read_tlvs(reader);
    Ok(short)
}

fn put_tlvs(out: &mut Vec<u8>, tlvs: &[Tlv]) -> Result<(), Broken> {
    for tlv in tlvs {
        let size = u16::try_from(tlv.value.len()).map_err(|_| Broken::TooLong("a TLV"))?;
        out.extend_from_slice(&tlv.tag.to_be_bytes());
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(&tlv.value);
    }
    Ok(())
}

/// A tail that is no whole TLV is left out: the message before it is worth more than its padding.
fn read_tlvs(reader: &mut Reader<'_>) -> Vec<Tlv> {
    let mut tlvs = Vec::new();
    let mut next = || {
        let tag = reader.u16("a TLV").ok()?;
        let size = reader.u16("a TLV").ok()?;
        let value = reader.take(usize::from(size), "a TLV").ok()?.to_vec();
        Some(Tlv { tag, value })
    };
    while let Some(tlv) = next() {
        tlvs.push(tlv);
    }
    tlvs
}

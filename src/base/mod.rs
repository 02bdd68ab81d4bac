//! Words without a domain: time, clock, entropy, numbers, text measuring, sealing, limits.
//!
//! No I/O but the reading of clocks, and no knowledge of alerts, households or gateways.

pub mod clock;
pub mod entropy;
pub mod instant;
pub mod limits;
pub mod phone;
pub mod seal;
pub mod sms;
pub mod token;

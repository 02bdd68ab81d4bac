//! The other side of the protocols: a gateway that speaks them, and a town that answers. Decoded
//! from the sheets and not by channel's codecs, so that one error cannot hide in both.

mod aliyun;
pub mod cast;
pub mod center;
pub mod center_serve;
pub mod gateway;
pub mod gateway_serve;
pub mod gateway_sink;
mod gateway_vices;
mod gateway_wire;
pub mod residents;
pub mod roster;
pub mod wechat;

//! All rules, pure: no async, no clock, no I/O. What `rules` decide stands here and nowhere else.

pub mod duty;
pub mod gate;
pub mod lane;
pub mod need;
pub mod outcome;
pub mod reply;
pub mod roster;

//! All rules, pure: no async, no clock, no I/O. What `rules` decide stands here and nowhere else.

pub mod climb;
pub mod gate;
pub mod lane;
pub mod list;
pub mod matching;
pub mod outcome;
pub mod plan;
pub mod reply;
pub mod standing;
pub mod statement;
pub mod triage;

//! All rules, pure: no async, no clock, no I/O. What `rules` decide stands here and nowhere else.

pub mod access;
pub mod alert;
pub mod batch;
pub mod calendar;
pub mod climb;
pub mod demand;
pub mod duty;
pub mod gate;
pub mod journal;
pub mod lane;
pub mod list;
pub mod matching;
pub mod need;
pub mod notice;
pub mod outcome;
pub mod pace;
pub mod password;
pub mod plan;
pub mod quiet;
pub mod reply;
pub mod roster;
pub mod shift;
pub mod standing;
pub mod statement;
pub mod triage;
pub mod wording;

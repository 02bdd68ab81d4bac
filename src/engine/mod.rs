//! Room `engine`.

pub mod chain;

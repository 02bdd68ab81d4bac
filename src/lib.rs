//! Tongluo (铜锣): one warning, every household, until a person answers.
//!
//! Rooms are floors (see ARCHITECTURE.md): a room imports only rooms below it.
//! `tests/layers.rs` holds the code to that.
#![forbid(unsafe_code)]

pub mod app;
pub mod base;
pub mod channel;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod exchange;
pub mod practice;
pub mod queue;
pub mod render;
pub mod store;
pub mod web;

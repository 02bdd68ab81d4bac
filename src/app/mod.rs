//! The only place that builds everything: settings, telemetry, roles, life-cycle, and what the
//! command line asks for. It holds no rule of the domain; every act goes through the engine.

pub mod accounts;
pub mod alerts;
pub mod bench;
pub mod build;
mod calendar;
pub mod demo;
pub mod doctor;
pub mod exercises;
pub mod hands;
pub mod practice;
pub mod proofs;
pub mod replies;
pub mod roster;
pub mod serve;
mod sessions;
pub mod settings;
pub mod telemetry;

use serde_json::Value;

/// What a command has to say: one JSON document, and the same for reading.
#[derive(Debug, Clone)]
pub struct Said {
    pub json: Value,
    pub text: String,
}

impl Said {
    /// A document with its reading.
    pub fn new(json: Value, text: impl Into<String>) -> Said {
        Said { json, text: text.into() }
    }
}

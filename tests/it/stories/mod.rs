//! Stories of one night each, on both engines.

mod answers;
mod change;
mod first;
mod input;
mod leaders;
mod outage;
mod poison;
mod proof;
mod sending;
mod update;

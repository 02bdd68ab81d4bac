//! Stories of one night each, on both engines.

mod answers;
mod change;
mod first;
mod found;
mod input;
mod joined;
mod leaders;
mod lists;
mod orders;
mod outage;
mod poison;
mod proof;
mod relatives;
mod rungs;
mod search;
mod sending;
mod update;

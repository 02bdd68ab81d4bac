//! Stories of one night each, on both engines.

mod answers;
mod change;
mod early_end;
mod farewell;
mod first;
mod found;
mod full;
mod input;
mod joined;
mod leaders;
mod links;
mod lists;
mod lowered;
mod marks;
mod names;
mod notices;
mod orders;
mod outage;
mod poison;
mod proof;
mod relatives;
mod rungs;
mod search;
mod sending;
mod update;
mod warning;

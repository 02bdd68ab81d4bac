//! Stories of one night each, on both engines.

mod first;

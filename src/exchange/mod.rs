//! Foreign formats, no I/O: bytes in, rows or faults out, and back.

pub mod roster;

//! What the demo reads of its own night. No step of the engine relies on it, and it changes
//! nothing.

pub mod look;
pub mod record;

//! Arguments in, `cli` called. Nothing else.

fn main() {}

//! The simulation: seeded nights in which hints get lost, calls hang, gateways lie and processes
//! die at any of their awaits, on both engines. What it finds becomes a story with a name.

pub mod acts;
mod awaits;
pub mod books;
mod nights;
mod stop;
pub mod wire;
pub mod world;

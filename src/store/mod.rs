//! Durable truth: named set-based operations on SQLite or PostgreSQL.
//!
//! One Rust body and, almost always, one SQL text serve both (see [`db`]). No rule of the domain
//! is decided here, and no operation works household by household.

pub mod batch;
pub mod db;
mod dialect;
pub mod expand;
pub mod account;
#[cfg(test)]
pub(crate) mod fresh;
pub mod journal;
pub mod lease;
pub mod migrate;
pub mod permit;

pub use db::{Args, Store, StoreFault, Tx, Val};
pub use dialect::{Dialect, Stmt};

/// Every statement of the room, for the test that prepares them all on both databases.
pub fn statements() -> Vec<&'static Stmt> {
    let groups: &[&[&'static Stmt]] = &[batch::ALL, expand::ALL, permit::ALL];
    let groups: &[&[&'static Stmt]] = &[account::ALL, journal::ALL, lease::ALL];
    groups
        .iter()
        .flat_map(|group| group.iter().copied())
        .collect()
}

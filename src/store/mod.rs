//! Durable truth: named set-based operations on SQLite or PostgreSQL.
//!
//! One Rust body and, almost always, one SQL text serve both (see [`db`]). No rule of the domain
//! is decided here, and no operation works household by household.

pub mod access;
pub mod account;
pub mod answer;
pub mod batch;
pub mod bench;
pub mod binding;
pub mod board;
pub mod calendar;
pub mod climb;
pub mod correct;
pub mod cry;
pub mod custody;
pub mod db;
pub mod demo;
pub mod desk;
pub mod desk_page;
mod dialect;
pub mod expand;
pub mod file;
pub mod home;
pub mod journal;
pub mod keyed;
pub mod lease;
pub mod link;
pub mod list;
pub mod migrate;
pub mod notice;
pub mod number;
pub mod order;
pub mod overview;
pub mod paper;
pub mod permit;
pub mod places;
pub mod probe;
pub mod proof;
pub mod receipt;
pub mod recount;
pub mod roll;
pub mod roster;
pub mod round;
pub mod search;
pub mod session;
pub mod situation;
pub mod spoken;
pub mod stranger;
#[cfg(test)]
pub(crate) mod testbed;
pub mod timer;
pub mod token;
pub mod told;
pub mod unclear;
pub mod undelivered;
pub mod upkeep;
pub mod view;
pub mod waiting;
pub mod wave;

pub use db::{Args, Store, StoreFault, Tx, Val};
pub use dialect::{Dialect, Stmt};

/// Every statement of the room, for the test that prepares them all on both databases.
pub fn statements() -> Vec<&'static Stmt> {
    let roster = roster::statements();
    let groups: &[&[&'static Stmt]] = &[
        access::ALL,
        account::ALL,
        answer::ALL,
        batch::ALL,
        batch::due::ALL,
        batch::owed::ALL,
        bench::ALL,
        binding::ALL,
        board::ALL,
        calendar::ALL,
        climb::ALL,
        correct::ALL,
        custody::ALL,
        cry::ALL,
        demo::look::ALL,
        demo::record::ALL,
        desk::ALL,
        desk_page::ALL,
        unclear::ALL,
        expand::ALL,
        expand::heads::ALL,
        expand::paired::ALL,
        expand::sketch::ALL,
        expand::update::ALL,
        home::ALL,
        journal::ALL,
        keyed::ALL,
        lease::ALL,
        link::ALL,
        list::ALL,
        notice::ALL,
        number::ALL,
        order::ALL,
        overview::ALL,
        paper::ALL,
        permit::ALL,
        places::ALL,
        probe::ALL,
        spoken::ALL,
        stranger::ALL,
        proof::ALL,
        receipt::ALL,
        &roster,
        recount::ALL,
        roll::ALL,
        round::ALL,
        search::ALL,
        session::ALL,
        situation::ALL,
        timer::ALL,
        token::ALL,
        undelivered::ALL,
        upkeep::ALL,
        told::ALL,
        view::ALL,
        waiting::ALL,
        wave::ALL,
    ];
    groups.iter().flat_map(|group| group.iter().copied()).collect()
}

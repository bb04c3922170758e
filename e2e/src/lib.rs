//! The black box: the real binary, started as a user starts it, with the simulator on the other side.
//!
//! A [`Stack`] is one `waxwing demo` (server and simulator in one process, one movable clock). A [`Pair`] is
//! `waxwing serve` and `waxwing simulate` in processes of their own, so that the server can be killed and started
//! again while the simulator remembers what it accepted. Both run on a database of their own, SQLite or PostgreSQL.

mod address;
mod binary;
mod calls;
mod database;
mod pair;
mod stack;
pub mod torture;
mod until;

pub use address::free_address;
pub use binary::{Process, run};
pub use calls::{Answer, Api, Simulator};
pub use database::Database;
pub use pair::{Node, Pair};
pub use stack::Stack;
pub use until::{eventually, eventually_within};

/// Runs a case on both engines, each from a fresh start.
pub fn on_each_engine(case: impl Fn(Database)) {
    case(Database::sqlite());
    case(Database::postgres());
}

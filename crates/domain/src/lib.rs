//! The rules of Waxwing: what may be sent to whom, when, and what a status means.
//!
//! Floor 1: no I/O, no clock, no randomness of its own. Every rule here is a pure function of its arguments, so
//! that a 24-hour window or a retry of four hours is tested in microseconds. Each file is one column of the house
//! and has namesakes on the floors above.

pub mod access;
pub mod addresses;
pub mod alerts;
pub mod analytics;
pub mod audit;
pub mod broadcasts;
pub mod clock;
pub mod connections;
pub mod consent;
pub mod contacts;
pub mod conversations;
pub mod entropy;
pub mod erasure;
pub mod health;
pub mod ids;
pub mod imports;
pub mod messages;
pub mod pacing;
pub mod phone;
pub mod retention;
pub mod segments;
pub mod templates;

pub use clock::{Clock, MovableClock};
pub use entropy::{Entropy, SystemEntropy};
pub use ids::*;
pub use jiff::{SignedDuration, Timestamp};

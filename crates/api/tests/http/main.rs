//! The API over HTTP: the real router, engine and store (a SQLite file), and the simulator where Meta is needed.

#![allow(clippy::unwrap_used, reason = "a test may end by it")]

mod account;
mod alerts;
mod audit;
mod auth;
mod broadcasts;
mod connections;
mod contacts;
mod conversations;
mod door;
mod faults;
mod frame;
mod idempotency;
mod imports;
mod media;
mod members;
mod messages;
mod retention;
mod segments;
mod stack;
mod standing;
mod templates;
mod tenants;
mod webhooks;

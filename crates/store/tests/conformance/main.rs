//! What every store must do. Each case runs on a real SQLite file and on a real PostgreSQL.
//!
//! A case is `async fn name(bench: Bench)`; `on_each_engine!` makes a test of it per engine.

#[macro_use]
mod support;

mod access;
mod alerts;
mod connections;
mod consent;
mod contacts;
mod idempotency;
mod media;
mod samples;
mod schema;
mod templates;
mod tenants;

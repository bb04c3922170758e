//! What every store must do. Each case runs on a real SQLite file and on a real PostgreSQL.
//!
//! A case is `async fn name(bench: Bench)`; `on_each_engine!` makes a test of it per engine.

#![allow(clippy::unwrap_used, reason = "cases are tests, though they are no test functions themselves")]

#[macro_use]
mod support;

mod access;
mod alert_channels;
mod alerts;
mod analytics;
mod audit;
mod backup;
mod broadcasts;
mod connections;
mod consent;
mod contacts;
mod conversations;
mod crash;
mod duties;
mod erasure;
mod health;
mod idempotency;
mod imports;
mod isolation;
mod lanes;
mod lists;
mod media;
mod messages;
mod operator;
mod plans;
mod retention;
mod samples;
mod scene;
mod schema;
mod segments;
mod templates;
mod tenants;
mod webhooks;

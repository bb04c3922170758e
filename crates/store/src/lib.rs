//! The store: one contract (`ports`), one implementation, two engines.
//!
//! How it is laid out: `db` opens the database and runs statements; `dialect` holds everything in which SQLite and
//! PostgreSQL differ, so that no verb asks which of them it runs on; `migrations` holds the schema; every other file
//! is a column of the house with its namesake in `ports`.
//!
//! How a verb is written: SQL once, parameters `$1 …`, the tenant first in every key and join. Sets go in as one JSON
//! array parameter that `dialect::Dialect::rows` turns into a relation, so that a verb costs the same number of
//! statements for one row as for a thousand. Instants are microseconds since 1970 in UTC. Ids are taken before the
//! insert (`ids::take`). A verb opens its transaction with `SqlStore::begin`; one that can meet a
//! conflict with another node (a unique key, a deadlock) runs inside `db::again`.

mod access;
mod alerts;
mod analytics;
pub(crate) mod audit;
mod broadcasts;
mod connections;
mod consent;
mod contacts;
mod conversations;
pub(crate) mod db;
pub(crate) mod dialect;
mod duties;
mod erasure;
mod health;
mod idempotency;
pub(crate) mod ids;
mod imports;
mod lanes;
pub(crate) mod lists;
mod media;
mod messages;
mod migrations;
mod operator;
mod people;
mod retention;
mod secrets;
pub(crate) mod segments;
pub(crate) mod sets;
mod templates;
mod tenants;
mod totals;
mod wakes;
mod webhooks;
mod writer;

pub use db::{PoolUse, SqlStore, StoreConfig, Watch};
pub use operator::backup;

//! A store with nothing in it, opened as Waxwing opens its own: every commit is on disk before it is answered.

use std::time::Duration;

use anyhow::Result;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

/// A URL of PostgreSQL, or the path of a SQLite file.
pub(crate) async fn connect(database: &str, connections: u32) -> Result<DatabaseConnection> {
    Ok(Database::connect(options(database, connections)).await?)
}

fn options(database: &str, connections: u32) -> ConnectOptions {
    let path = database.to_owned();
    let url = if database.starts_with("postgres") { database } else { "sqlite::memory:" };
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .in_memory(false)
                .shared_cache(false)
                .filename(&path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .pragma("wal_autocheckpoint", "4000")
        });
    options
}

//! Filling an empty store from an archive: in one transaction, so that it is there whole or not at all.

use std::collections::BTreeMap;

use domain::Timestamp;
use ports::{StoreError, StoreResult};

use super::settle::{self, Waiting};
use super::{Table, tables};
use crate::db::{self, Fault, Row, SqlStore, Tx};
use crate::migrations;
use crate::operator::secrets::open_all;

/// Rows that a fresh schema holds already; an archive holds its own.
const SEEDED: &str = "versions";

/// Ids that are not given out again: the server that went on after the backup may have told them to its clients and to
/// Meta, and one of them must not mean another contact, or another message, from now on.
const SKIPPED_IDS: i64 = 10_000_000;

/// Why an archive does not go into a store.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Something is there already, in this table.
    #[error("the store is not empty: there are rows in {0}")]
    NotEmpty(String),
    /// Written by a later version than this one.
    #[error("the backup was made by a newer version (its schema has {0})")]
    Newer(String),
    /// The store's tables are ahead of the archive's.
    #[error("the store's tables are newer than the backup's")]
    Ahead,
    /// The archive does not fit its own schema.
    #[error("the backup does not fit its schema: {0}")]
    Differs(String),
    /// Not everything arrived.
    #[error("{table}: {expected} rows in the backup, {found} in the store")]
    Miscounted { table: String, expected: u64, found: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Fault> for RestoreError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.into())
    }
}

/// An archive on its way in; dropped, nothing of it stays.
pub struct Restoring {
    tx: Tx,
    store: SqlStore,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Messages whose outcome nobody knows: they may have been sent after the backup was made.
    pub in_doubt: u64,
    /// Broadcasts that were running, paused now.
    pub paused: u64,
}

impl SqlStore {
    /// Begins to fill this store, which must be empty, and brings its tables to the archive's schema.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub async fn restore(&self, schema: &[String], archived: &[Table]) -> Result<Restoring, RestoreError> {
        let tx = self.begin().await?;
        migrations::run_to(self.dialect(), &tx, schema).await?;
        let own = tables(&*tx, self.dialect()).await?;
        for table in &own {
            let known = archived.iter().any(|other| same(table, other));
            if !known || own.len() != archived.len() {
                return Err(RestoreError::Differs(format!("the table {} is another one", table.name)));
            }
            if table.name == SEEDED {
                db::run(&*tx, &format!("DELETE FROM {SEEDED}"), []).await?;
            } else if db::one(&*tx, &format!("SELECT 1 AS one FROM \"{}\" LIMIT 1", table.name), [])
                .await?
                .is_some()
            {
                return Err(RestoreError::NotEmpty(table.name.clone()));
            }
        }
        Ok(Restoring { tx, store: self.clone() })
    }
}

/// Columns may stand in another order.
fn same(left: &Table, right: &Table) -> bool {
    left.name == right.name
        && left.columns.len() == right.columns.len()
        && left.columns.iter().all(|column| right.columns.contains(column))
}

impl std::fmt::Debug for Restoring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restoring").finish_non_exhaustive()
    }
}

impl Restoring {
    /// Writes rows of a table of the archive.
    ///
    /// # Errors
    /// The store's; after one nothing more can be done but to drop this.
    pub async fn load(&self, table: &Table, lines: &[String]) -> StoreResult<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let columns: Vec<String> =
            table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let rows = self.tx.dialect.rows_of_lines(table.columns.iter().map(|column| column.kind));
        let sql = format!("INSERT INTO \"{}\" ({}) {rows}", table.name, columns.join(", "));
        db::run(&*self.tx, &sql, [format!("[{}]", lines.join(",")).into()]).await?;
        Ok(())
    }

    /// Checks what arrived, goes on with the ids, rules on what waited to be sent, brings the tables up to date and
    /// makes it all durable.
    ///
    /// # Errors
    /// See [`RestoreError`]; then the store is as empty as before.
    pub async fn finish(
        self,
        counts: &BTreeMap<String, u64>,
        counters: &BTreeMap<String, i64>,
        waiting: Waiting,
        now: Timestamp,
    ) -> Result<Restored, RestoreError> {
        for (table, expected) in counts {
            self.count(table, *expected).await?;
        }
        let skipped = if waiting == Waiting::InDoubt { SKIPPED_IDS } else { 0 };
        for (name, next) in counters {
            self.tx.dialect.set_counter(&*self.tx, name, next.saturating_add(skipped)).await?;
        }
        migrations::run(self.tx.dialect, &self.tx).await?;
        // All of them, so that a missing key is told now and not at the first message or login.
        open_all(&*self.tx, self.store.keyring()).await?;
        let restored = settle::settle(&self.tx, waiting, now).await?;
        let Self { tx, store } = self;
        tx.commit().await?;
        store.dialect().tell_planner_of_rows(store.reader()).await?;
        Ok(restored)
    }

    async fn count(&self, table: &str, expected: u64) -> Result<(), RestoreError> {
        let row = db::one(&*self.tx, &format!("SELECT COUNT(*) AS n FROM \"{table}\""), []).await?;
        let found = row.map_or(Ok(0), |row| row.get::<i64>("n"))?;
        let found = u64::try_from(found).unwrap_or_default();
        if found == expected {
            return Ok(());
        }
        Err(RestoreError::Miscounted { table: table.to_owned(), expected, found })
    }
}

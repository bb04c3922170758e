//! The store below the server, and looks into it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, Statement};
use test_postgres::TestDatabase;

use super::process;
use crate::options::Store;

/// How long the server may take to catch up.
const LONGEST: Duration = Duration::from_secs(120);

/// A database that is gone with this value (a file with its folder).
pub(crate) struct Database {
    data: PathBuf,
    file: PathBuf,
    postgres: Option<TestDatabase>,
    /// A PostgreSQL that was there before.
    given: Option<String>,
}

impl Database {
    /// One that stays: the PostgreSQL at `url`, or the file in `data`; `data` holds the keys either way.
    pub(crate) fn lasting(data: PathBuf, url: Option<String>) -> Self {
        Self { file: data.join("waxwing.db"), data, postgres: None, given: url }
    }

    pub(crate) fn new(store: Store, folder: &Path) -> Self {
        let data = folder.join("data");
        let file = data.join("waxwing.db");
        let postgres = (store == Store::Postgres).then(test_postgres::durable_database);
        Self { data, file, postgres, given: None }
    }

    /// An empty one for a floor.
    pub(crate) fn of_floor(store: Store, folder: &Path) -> Self {
        Self { file: folder.join("floor.db"), ..Self::new(store, folder) }
    }

    pub(crate) fn store(&self) -> Store {
        if self.url().is_some() { Store::Postgres } else { Store::Sqlite }
    }

    fn url(&self) -> Option<&str> {
        self.given.as_deref().or(self.postgres.as_ref().map(|database| &*database.url))
    }

    /// `postgres://…`, or the path of the file.
    pub(crate) fn place(&self) -> String {
        self.url().map_or_else(|| self.file.display().to_string(), str::to_owned)
    }

    pub(crate) fn data(&self) -> String {
        self.data.display().to_string()
    }

    pub(super) fn environment(&self) -> Vec<(&str, &str)> {
        self.url().map(|url| ("WAXWING_DATABASE_URL", url)).into_iter().collect()
    }

    /// Runs a command of the binary on this database; what it prints.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<String> {
        let mut command = process::command()?;
        command.args(arguments).args(["--data", &self.data()]).envs(self.environment());
        let output = command.output().context("the binary does not start")?;
        if !output.status.success() {
            bail!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A connection beside the server's.
    pub(crate) async fn look(&self) -> Result<Look> {
        let url = self.url().map_or_else(|| format!("sqlite:{}", self.file.display()), str::to_owned);
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(1)
            .test_before_acquire(false)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(|sqlite| sqlite.busy_timeout(Duration::from_secs(10)));
        let connection = sea_orm::Database::connect(options).await?;
        Ok(Look { connection, is_postgres: self.url().is_some() })
    }
}

/// Looks into a database, and bulk rows for what would take too long to make one by one.
pub(crate) struct Look {
    connection: DatabaseConnection,
    pub(crate) is_postgres: bool,
}

impl Look {
    pub(crate) async fn number(&self, sql: &str) -> Result<i64> {
        let row = self.connection.query_one_raw(self.statement(sql)).await?;
        let row = row.with_context(|| format!("no row: {sql}"))?;
        Ok(row.try_get_by_index::<Option<i64>>(0)?.unwrap_or_default())
    }

    pub(crate) async fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let rows = self.connection.query_all_raw(self.statement(sql)).await?;
        rows.into_iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    pub(crate) async fn run(&self, sql: &str) -> Result<()> {
        self.connection.execute_unprepared(sql).await?;
        Ok(())
    }

    /// Waits until every webhook that was kept is projected.
    pub(crate) async fn drained(&self) -> Result<()> {
        self.none("inbox_queue").await
    }

    /// Waits until there is no row of `what`: a table, and a condition.
    pub(crate) async fn none(&self, what: &str) -> Result<()> {
        let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {what} LIMIT 1) AS found");
        let none = async || Ok((self.number(&sql).await? == 0).then_some(()));
        super::until(LONGEST, &format!("there is no row in {what}"), none).await
    }

    fn statement(&self, sql: &str) -> Statement {
        Statement::from_string(self.connection.get_database_backend(), sql)
    }
}

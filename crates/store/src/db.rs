//! The database: opening it, transactions, statements, and what an error of the driver means.

use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;

use domain::Timestamp;
use ports::StoreError;
use sea_orm::sqlx;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult, RuntimeErr, Statement,
    TryGetable, Value,
};
use serde::de::DeserializeOwned;

use crate::analytics::Figures;
use crate::audit::Notes;
use crate::broadcasts::Tally;
use crate::dialect::Dialect;
use crate::secrets::Keyring;
use crate::totals::Totals;
use crate::wakes::Wakes;
use crate::webhooks::HeardOf;
use crate::writer::{Writer, Writing};

/// Where the store is, and what it needs to open it.
#[derive(Clone)]
pub struct StoreConfig {
    /// `postgres://…`, or the path of a SQLite file (with or without `sqlite:` before it), made when it is missing.
    pub url: String,
    /// Keys that secrets are sealed with: the first one seals, all of them open.
    pub keys: Vec<[u8; 32]>,
    /// Connections to PostgreSQL, or readers of SQLite (which has one writer besides).
    pub connections: u32,
    /// Told of every statement, for whoever asks the engine for plans or looks for slow ones.
    pub watch: Option<Watch>,
}

/// How a pool of connections is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    pub name: &'static str,
    /// Connections that are open.
    pub open: usize,
    /// Of those, they that nobody uses.
    pub idle: usize,
}

/// Hears a statement, its values in place, and how long it took.
pub type Watch = Arc<dyn Fn(&str, std::time::Duration) + Send + Sync>;

impl StoreConfig {
    /// A store at `url` with one sealing key.
    pub fn new(url: impl Into<String>, key: [u8; 32]) -> Self {
        Self { url: url.into(), keys: vec![key], connections: 8, watch: None }
    }
}

impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("StoreConfig").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// The store on SQLite or PostgreSQL. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct SqlStore {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    writer: Writer,
    reader: DatabaseConnection,
    keyring: Keyring,
    wakes: Wakes,
    heard: HeardOf,
    totals: Totals,
}

impl SqlStore {
    /// Opens the store; does not migrate it.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached, `Internal` when the keys are missing.
    pub async fn connect(config: StoreConfig) -> Result<Self, StoreError> {
        let keyring = Keyring::new(&config.keys)?;
        let mut opened = Dialect::open(&config).await?;
        if let Some(watch) = config.watch {
            let hear =
                move |info: &sea_orm::metric::Info<'_>| watch(&info.statement.to_string(), info.elapsed);
            opened.writer.set_metric_callback(hear.clone());
            opened.reader.set_metric_callback(hear);
        }
        let wakes = Wakes::start(opened.dialect, &opened.writer);
        let inner = Inner {
            dialect: opened.dialect,
            writer: Writer::new(opened.dialect, opened.writer),
            reader: opened.reader,
            keyring,
            wakes,
            heard: HeardOf::default(),
            totals: Totals::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Brings the schema up to date. Safe to call from several nodes at once: one migrates, the others wait for it.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        crate::migrations::run(self.dialect(), &tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Closes all connections, after the statements at work.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.wakes.stop();
        self.inner.reader.close_by_ref().await.map_err(Fault::from)?;
        self.inner.writer.connection().close_by_ref().await.map_err(Fault::from)?;
        Ok(())
    }

    /// How the pools of connections are used now.
    pub fn pools(&self) -> Vec<PoolUse> {
        let of = |name, pool: &DatabaseConnection| {
            let (open, idle) = self.inner.dialect.pool(pool);
            // A pool may tell for a moment that fewer than none are idle.
            PoolUse { name, open, idle: idle.min(open) }
        };
        match self.inner.dialect {
            Dialect::Sqlite => {
                vec![of("reader", &self.inner.reader), of("writer", self.inner.writer.connection())]
            }
            Dialect::Postgres => vec![of("shared", &self.inner.reader)],
        }
    }

    /// Which engine this is.
    pub(crate) fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// For statements that only read and need no transaction. Sees everything that was committed before.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.inner.reader
    }

    /// What seals and opens secrets.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.inner.keyring
    }

    /// Who is told of changes.
    pub(crate) fn wakes_hub(&self) -> &Wakes {
        &self.inner.wakes
    }

    /// When this node last noted that it heard of a connection.
    pub(crate) fn heard(&self) -> &HeardOf {
        &self.inner.heard
    }

    /// How long large lists are.
    pub(crate) fn totals(&self) -> &Totals {
        &self.inner.totals
    }

    /// Begins a transaction that writes; dropping it rolls it back.
    pub(crate) async fn begin(&self) -> Result<Tx, Fault> {
        Ok(self.tx(self.inner.writer.begin().await?))
    }

    /// Begins a short transaction of a hot verb: it may share its commit with those who come with it. It may read what
    /// they have not committed yet, so whoever answers from what was read commits first, even when nothing was written.
    pub(crate) async fn begin_shared(&self) -> Result<Tx, Fault> {
        Ok(self.tx(self.inner.writer.begin_shared().await?))
    }

    fn tx(&self, tx: Writing) -> Tx {
        Tx {
            tx,
            dialect: self.inner.dialect,
            tally: Tally::default(),
            notes: Notes::default(),
            figures: Figures::default(),
            store: self.clone(),
        }
    }
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlStore").field("dialect", &self.inner.dialect).finish_non_exhaustive()
    }
}

/// A transaction that writes.
pub(crate) struct Tx {
    tx: Writing,
    pub(crate) dialect: Dialect,
    /// What it does to the counts of broadcasts: written last, so that nobody waits for the row of a count longer than
    /// a commit takes.
    pub(crate) tally: Tally,
    /// What it does, as far as it is worth an entry of the audit trail.
    pub(crate) notes: Notes,
    /// What it does to the figures by the hour: written last of all, for the same reason.
    pub(crate) figures: Figures,
    store: SqlStore,
}

impl Tx {
    /// What seals and opens secrets.
    pub(crate) fn keyring(&self) -> &Keyring {
        self.store.keyring()
    }

    /// Makes it durable.
    pub(crate) async fn commit(self) -> Result<(), Fault> {
        crate::audit::write(&self).await?;
        crate::broadcasts::write_counts(&self).await?;
        crate::analytics::write(&self).await?;
        self.tx.commit().await
    }
}

impl std::ops::Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.tx
    }
}

/// Runs a statement and gives its rows.
pub(crate) async fn all<C: ConnectionTrait>(
    on: &C,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>, Fault> {
    Ok(on.query_all_raw(statement(on, sql, values)).await?)
}

/// Runs a statement and gives its first row.
pub(crate) async fn one<C: ConnectionTrait>(
    on: &C,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<QueryResult>, Fault> {
    Ok(all(on, sql, values).await?.into_iter().next())
}

/// Runs a statement and gives the number of rows it touched.
pub(crate) async fn run<C: ConnectionTrait>(
    on: &C,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, Fault> {
    Ok(on.execute_raw(statement(on, sql, values)).await?.rows_affected())
}

fn statement<C: ConnectionTrait>(on: &C, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(on.get_database_backend(), sql, values)
}

/// Runs `attempt` again when it lost against another writer, a few times; `attempt` must be a whole transaction.
pub(crate) async fn again<T, F, Fut>(mut attempt: F) -> Result<T, Fault>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Fault>>,
{
    for _ in 0..5 {
        match attempt().await {
            Err(Fault::Conflict(why)) => tracing::debug!(why, "a transaction lost against another: again"),
            other => return other,
        }
    }
    attempt().await
}

/// How a verb fails inside the store.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Fault {
    /// Lost against another writer (deadlock, unique key): good when tried again.
    #[error("lost against another writer: {0}")]
    Conflict(String),
    /// Try again later.
    #[error("not available: {0}")]
    Unavailable(String),
    /// A defect.
    #[error("defect: {0}")]
    Internal(String),
}

impl Fault {
    /// A defect, in words.
    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unavailable(why) => Self::Unavailable(why),
            // Others are in the way again and again only when a statement cannot be right.
            Fault::Conflict(why) => Self::Internal(format!("too many conflicts: {why}")),
            Fault::Internal(why) => Self::Internal(why),
        }
    }
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(error.to_string()),
            DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
                of_sqlx(inner)
            }
            _ => Self::Internal(error.to_string()),
        }
    }
}

fn of_sqlx(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Fault::Unavailable(error.to_string()),
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            crate::dialect::fault_of_code(&code, database.message())
        }
        _ => Fault::Internal(error.to_string()),
    }
}

/// Reading a row, by column name.
pub(crate) trait Row {
    /// The column as the driver knows it; `Option<T>` for one that may be NULL.
    fn get<T: TryGetable>(&self, column: &str) -> Result<T, Fault>;

    /// An instant.
    fn time(&self, column: &str) -> Result<Timestamp, Fault> {
        Ok(time(self.get(column)?))
    }

    /// An instant, or NULL.
    fn time_opt(&self, column: &str) -> Result<Option<Timestamp>, Fault> {
        Ok(self.get::<Option<i64>>(column)?.map(time))
    }

    /// A word of a closed set.
    fn word<T: FromStr>(&self, column: &str) -> Result<T, Fault>
    where
        T::Err: std::fmt::Display,
    {
        self.get::<String>(column)?.parse().map_err(|why| Fault::Internal(format!("{column}: {why}")))
    }

    /// A JSON document.
    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Fault> {
        from_json(&self.get::<String>(column)?, column)
    }

    /// A JSON document, or NULL.
    fn json_opt<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, Fault> {
        self.get::<Option<String>>(column)?.map(|text| from_json(&text, column)).transpose()
    }
}

impl Row for QueryResult {
    fn get<T: TryGetable>(&self, column: &str) -> Result<T, Fault> {
        self.try_get_by(column).map_err(|why| Fault::Internal(format!("column {column}: {why}")))
    }
}

fn from_json<T: DeserializeOwned>(text: &str, column: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|why| Fault::Internal(format!("JSON in {column}: {why}")))
}

/// JSON text of a value.
pub(crate) fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

/// An instant as it is kept.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// An instant that was kept.
pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// Text without NUL, which PostgreSQL cannot keep.
pub(crate) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "").into() } else { text.into() }
}

/// Bytes as hexadecimal text, for [`Dialect::unhex`].
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

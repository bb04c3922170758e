//! SQLite: one file in WAL mode, every commit synced, one writing connection and a few that read.

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseTransaction};

use super::{As, Dialect, Elements, Opened};
use crate::db::{self, Fault, Row, StoreConfig, Tx};
use crate::ids::Kind;

/// How long a statement waits for another process that writes the same file.
const BUSY: Duration = Duration::from_secs(10);
/// Pages between checkpoints (16 MB): fewer syncs of the main file under load than the default of 4 MB.
const CHECKPOINT_PAGES: &str = "4000";

pub(super) async fn open(config: &StoreConfig) -> Result<Opened, Fault> {
    let path = config.url.strip_prefix("sqlite:").unwrap_or(&config.url).trim_start_matches("//").to_owned();
    make(&path).map_err(|error| Fault::Unavailable(format!("{path}: {error}")))?;
    let writer = connect(&path, 1, false).await?;
    let reader = connect(&path, config.connections.clamp(1, most_readers()), true).await?;
    Ok(Opened { dialect: Dialect::Sqlite, writer, reader })
}

/// A new database is for its owner alone; its log, and what is shared, get the permissions of the database from SQLite.
fn make(path: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// One per core and one more: readers work on the processor more than they wait, and each keeps its statements, its schema
/// and its pages.
fn most_readers() -> u32 {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    u32::try_from(cores + 1).unwrap_or(u32::MAX).clamp(3, 16)
}

async fn connect(path: &str, connections: u32, reads: bool) -> Result<sea_orm::DatabaseConnection, Fault> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    let path = path.to_owned();
    options
        .max_connections(connections)
        .min_connections(1)
        // A caller who waits is told before it gives up by itself.
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            tune(sqlite.in_memory(false).shared_cache(false).filename(&path), reads)
        });
    Ok(Database::connect(options).await?)
}

fn tune(options: SqliteConnectOptions, reads: bool) -> SqliteConnectOptions {
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(false)
        .statement_cache_capacity(256)
        .row_buffer_size(512)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("temp_store", "memory")
        // What is deleted is overwritten: a purge leaves nothing in the file, nor in a copy of it.
        .pragma("secure_delete", "on")
        // Kibibytes, negative by SQLite's convention.
        .pragma("cache_size", if reads { "-2048" } else { "-16384" });
    if reads { options.pragma("query_only", "on") } else { options }
}

/// Each row as JSONB: as text it would be parsed again for each of its columns.
pub(super) fn rows(number: u8, columns: &[(&str, As)], alias: &str) -> String {
    let members: Vec<String> =
        columns.iter().map(|(name, _)| format!("value ->> '{name}' AS {name}")).collect();
    format!("(SELECT {} FROM jsonb_each(${number})) AS {alias}", members.join(", "))
}

/// Without regular expressions: digits, points and minuses alone; no minus but at the start; one point at most; a
/// digit at the start, at the end, and before the point.
pub(super) fn is_numeric_text(text: &str) -> String {
    format!(
        "length({text}) <= 30 AND {text} NOT GLOB '*[^-0-9.]*' AND {text} NOT GLOB '?*-*' \
         AND {text} NOT GLOB '*.*.*' AND {text} GLOB '*[0-9]' AND ({text} GLOB '[0-9]*' OR {text} GLOB '-[0-9]*')"
    )
}

/// Counters in a table, inside the caller's transaction: ids are dense, and given back when it is rolled back.
pub(super) async fn take_ids(tx: &Tx, wants: &[(Kind, usize)]) -> Result<Vec<Vec<i64>>, Fault> {
    let rows: Vec<_> = wants
        .iter()
        .map(|(kind, count)| serde_json::json!({ "name": kind.as_str(), "count": count }))
        .collect();
    let set = rows_of_ids();
    let sql = format!(
        "UPDATE id_counters SET next = next + r.count FROM {set} WHERE id_counters.name = r.name RETURNING name, next"
    );
    let mut next = std::collections::HashMap::new();
    for row in db::all(&**tx, &sql, [db::to_json(&rows)?.into()]).await? {
        next.insert(row.get::<String>("name")?, row.get::<i64>("next")?);
    }
    wants
        .iter()
        .map(|(kind, count)| {
            let next = *next
                .get(kind.as_str())
                .ok_or_else(|| Fault::internal(format!("no counter for {kind:?}")))?;
            Ok((next - i64::try_from(*count).unwrap_or(i64::MAX)..next).collect())
        })
        .collect()
}

fn rows_of_ids() -> String {
    rows(1, &[("name", As::Text), ("count", As::Int)], "r")
}

/// See [`Dialect::elements_ddl`].
pub(super) fn elements_ddl(kept: Elements) -> Vec<String> {
    let Elements { of, column, table, element, id, beside } = kept;
    let columns: Vec<&str> = ["tenant_id", element, id].into_iter().chain(beside).collect();
    let columns = columns.join(", ");
    let also = |of: &str| beside.map(|beside| format!(", {of}.{beside}")).unwrap_or_default();
    let keep = format!(
        "INSERT OR IGNORE INTO {table} ({columns}) \
         SELECT NEW.tenant_id, t.value, NEW.id{} FROM json_each(NEW.{column}) AS t;",
        also("NEW")
    );
    let forget = format!(
        "DELETE FROM {table} WHERE tenant_id = OLD.tenant_id AND {id} = OLD.id \
         AND {element} IN (SELECT t.value FROM json_each(OLD.{column}) AS t);"
    );
    vec![
        format!("CREATE TRIGGER {table}_new AFTER INSERT ON {of} WHEN NEW.{column} <> '[]' BEGIN {keep} END"),
        format!(
            "CREATE TRIGGER {table}_changed AFTER UPDATE OF {column} ON {of} WHEN NEW.{column} <> OLD.{column} \
             BEGIN {forget} {keep} END"
        ),
        format!(
            "CREATE TRIGGER {table}_gone AFTER DELETE ON {of} WHEN OLD.{column} <> '[]' BEGIN {forget} END"
        ),
        format!(
            "INSERT OR IGNORE INTO {table} ({columns}) \
             SELECT c.tenant_id, t.value, c.id{} FROM {of} AS c, json_each(c.{column}) AS t",
            also("c")
        ),
    ]
}

/// See [`Dialect::elements_beside_ddl`].
pub(super) fn elements_beside_ddl(kept: Elements, beside: &'static str) -> Vec<String> {
    let Elements { of, column, table, element, id, .. } = kept;
    let mut statements: Vec<String> =
        ["new", "changed", "gone"].iter().map(|name| format!("DROP TRIGGER {table}_{name}")).collect();
    statements.push(format!("DELETE FROM {table}"));
    statements.push(format!("ALTER TABLE {table} ADD COLUMN {beside} BOOLEAN NOT NULL DEFAULT FALSE"));
    statements.extend(elements_ddl(Elements { beside: Some(beside), ..kept }));
    statements.push(format!(
        "CREATE TRIGGER {table}_beside AFTER UPDATE OF {beside} ON {of} \
         WHEN NEW.{beside} <> OLD.{beside} AND NEW.{column} <> '[]' BEGIN \
         UPDATE {table} SET {beside} = NEW.{beside} WHERE tenant_id = NEW.tenant_id AND {id} = NEW.id \
         AND {element} IN (SELECT t.value FROM json_each(NEW.{column}) AS t); END"
    ));
    statements
}

pub(super) fn id_ddl(kinds: &[Kind]) -> Vec<String> {
    let counters =
        kinds.iter().map(|kind| format!("('{}', 1)", kind.as_str())).collect::<Vec<_>>().join(", ");
    vec![
        "CREATE TABLE IF NOT EXISTS id_counters (name TEXT NOT NULL PRIMARY KEY, next BIGINT NOT NULL) WITHOUT ROWID"
            .to_owned(),
        format!("INSERT INTO id_counters (name, next) VALUES {counters}"),
    ]
}

/// Columns with few values: knowing one of them leaves many rows.
const COARSE: [&str; 12] = [
    "tenant_id",
    "opted_in",
    "merged_into",
    "broadcast_id",
    "connection_id",
    "priority",
    "reason",
    "kind",
    "status",
    "language",
    "waba_id",
    "scheduled",
];

/// What the planner is told of an index of a rare kind of rows.
const FEW: u32 = 10_000;
/// Indexes of a rare kind of rows only: without being told the planner takes each of them for as large as its table,
/// and walks the table.
const RARE: [&str; 7] = [
    "contacts_merged",
    "contacts_named_with_plus",
    "contacts_review",
    "messages_cancelled",
    "messages_failed",
    "messages_failed_of",
    "messages_in_doubt_of",
];

/// Tells the planner that every table is large and that one tenant has much of it. Without statistics it takes ten
/// rows per tenant for granted, and walks the tenant's whole table beside each set. Real statistics (`ANALYZE`)
/// replace these.
pub(super) async fn tell_planner(tx: &DatabaseTransaction) -> Result<(), Fault> {
    tx.execute_unprepared("ANALYZE").await?;
    tx.execute_unprepared("DELETE FROM sqlite_stat1").await?;
    let sql = "SELECT t.name AS tbl, i.name AS idx, i.origin AS origin, i.\"unique\" AS is_unique, COALESCE(c.name, '') AS col \
               FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c \
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, i.name, c.seqno";
    let clustered = "SELECT name FROM pragma_table_list WHERE wr = 1";
    let clustered: Vec<String> =
        db::all(tx, clustered, []).await?.iter().map(|row| row.get("name")).collect::<Result<_, _>>()?;
    let mut indexes: Vec<(String, String, bool, Vec<String>)> = Vec::new();
    for row in db::all(tx, sql, []).await? {
        let (table, index): (String, String) = (row.get("tbl")?, row.get("idx")?);
        // The primary key of a clustered table goes by the table's name.
        let own = row.get::<String>("origin")? == "pk" && clustered.contains(&table);
        let name = if own { table.clone() } else { index };
        match indexes.last_mut().filter(|last| (&last.0, &last.1) == (&table, &name)) {
            Some(last) => last.3.push(row.get("col")?),
            None => indexes.push((table, name, row.get::<i64>("is_unique")? == 1, vec![row.get("col")?])),
        }
    }
    for (table, index, unique, columns) in indexes {
        let sql = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1, $2, $3)";
        let rows = if RARE.contains(&index.as_str()) { FEW } else { 1_000_000 };
        db::run(tx, sql, [table.into(), index.into(), statistics(rows, unique, &columns).into()]).await?;
    }
    // Reads them in.
    tx.execute_unprepared("ANALYZE sqlite_schema").await?;
    Ok(())
}

/// Rows of the index, then rows left after knowing the first column, the first two, …
fn statistics(rows: u32, unique: bool, columns: &[String]) -> String {
    let mut left = rows;
    let mut words = vec![left.to_string()];
    for (index, column) in columns.iter().enumerate() {
        let last = index + 1 == columns.len();
        left = match column.as_str() {
            _ if last && unique => 1,
            coarse if COARSE.contains(&coarse) => (left / 2).max(2),
            // A contact has many messages, of which few are of the rare kind.
            _ if rows == FEW => 1,
            _ => 2,
        };
        words.push(left.to_string());
    }
    words.join(" ")
}

/// UNIQUE and PRIMARY KEY, by their extended codes.
pub(super) fn is_conflict(code: &str) -> bool {
    matches!(code, "2067" | "1555")
}

/// BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN with their extended codes (the lower byte).
pub(super) fn is_unavailable(code: &str) -> bool {
    code.len() <= 4 && code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_leaves_many_rows_and_a_key_leaves_one() {
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(statistics(1_000_000, true, &columns(&["tenant_id", "id"])), "1000000 500000 1");
        assert_eq!(
            statistics(1_000_000, false, &columns(&["tenant_id", "contact_id", "id"])),
            "1000000 500000 2 2"
        );
        assert_eq!(statistics(FEW, false, &columns(&["tenant_id", "contact_id", "id"])), "10000 5000 1 1");
    }
}

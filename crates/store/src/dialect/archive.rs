//! What a backup needs of each engine: which tables there are, their rows as JSON and back, and the counters of ids.

use std::collections::BTreeMap;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, IsolationLevel, TransactionTrait,
};

use super::Dialect;
use crate::db::{self, Fault, Row};
use crate::operator::backup::Kind;

const SQLITE_COLUMNS: &str = "SELECT t.name AS tbl, c.name AS col, c.type AS kind, c.pk AS pk \
     FROM pragma_table_list t, pragma_table_info(t.name) c \
     WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid";

const POSTGRES_COLUMNS: &str = "SELECT c.relname::text AS tbl, a.attname::text AS col, \
     format_type(a.atttypid, NULL) AS kind, \
     COALESCE(array_position(i.indkey::int2[], a.attnum), -1)::bigint + 1 AS pk \
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace \
     ORDER BY c.relname::text COLLATE \"C\", a.attnum";

impl Dialect {
    /// One row per column of every table: `tbl`, `col`, `kind` in the engine's words, `pk`: its place in the primary
    /// key from 1, or 0.
    pub(crate) fn columns_of_tables(self) -> &'static str {
        match self {
            Self::Sqlite => SQLITE_COLUMNS,
            Self::Postgres => POSTGRES_COLUMNS,
        }
    }

    /// Begins a transaction that sees one moment, however long it reads and whatever is written meanwhile.
    pub(crate) async fn begin_snapshot(self, on: &DatabaseConnection) -> Result<DatabaseTransaction, Fault> {
        let tx = match self {
            // Of the write-ahead log it sees what stands there at its first read.
            Self::Sqlite => on.begin().await?,
            Self::Postgres => {
                let (level, mode) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
                let tx = on.begin_with_config(Some(level), Some(mode)).await?;
                tx.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
                tx
            }
        };
        db::all(&tx, "SELECT COUNT(*) AS n FROM tenants", []).await?;
        Ok(tx)
    }

    /// Begins a transaction that reads what nobody waits for: one core is enough for it, the others are left to those who
    /// look at a page.
    pub(crate) async fn begin_aside(self, on: &DatabaseConnection) -> Result<DatabaseTransaction, Fault> {
        let tx = on.begin().await?;
        if self == Self::Postgres {
            tx.execute_unprepared("SET LOCAL max_parallel_workers_per_gather = 0").await?;
        }
        Ok(tx)
    }

    /// An expression that makes one JSON array, as text, of these columns.
    pub(crate) fn to_line<'a>(self, columns: impl Iterator<Item = (&'a str, Kind)>) -> String {
        let column = |(name, kind): (&str, Kind)| match (self, kind) {
            (Self::Sqlite, Kind::Bool) => {
                format!("json(CASE WHEN \"{name}\" THEN 'true' WHEN NOT \"{name}\" THEN 'false' END)")
            }
            (Self::Sqlite, Kind::Blob) => {
                format!("CASE WHEN \"{name}\" IS NOT NULL THEN lower(hex(\"{name}\")) END")
            }
            (Self::Postgres, Kind::Blob) => format!("encode(\"{name}\", 'hex')"),
            _ => format!("\"{name}\""),
        };
        let columns: Vec<String> = columns.map(column).collect();
        match self {
            Self::Sqlite => format!("json_array({})", columns.join(", ")),
            Self::Postgres => format!("json_build_array({})::text", columns.join(", ")),
        }
    }

    /// A SELECT of rows as [`Dialect::to_line`] wrote them, out of parameter `$1`, a JSON array of them.
    pub(crate) fn rows_of_lines(self, kinds: impl Iterator<Item = Kind>) -> String {
        let column = |(index, kind): (usize, Kind)| {
            let text = format!("(value ->> {index})");
            match (self, kind) {
                (_, Kind::Blob) => self.unhex(&text),
                (Self::Sqlite, _) | (_, Kind::Text) => text,
                (Self::Postgres, Kind::Int) => format!("{text}::bigint"),
                (Self::Postgres, Kind::Bool) => format!("{text}::boolean"),
            }
        };
        let columns: Vec<String> = kinds.enumerate().map(column).collect();
        let rows = match self {
            Self::Sqlite => "json_each($1)",
            Self::Postgres => "jsonb_array_elements($1::jsonb)",
        };
        format!("SELECT {} FROM {rows}", columns.join(", "))
    }

    /// The next id of each kind.
    pub(crate) async fn counters<C: ConnectionTrait>(self, on: &C) -> Result<BTreeMap<String, i64>, Fault> {
        let sql = match self {
            Self::Sqlite => "SELECT name, next FROM id_counters",
            Self::Postgres => {
                "SELECT left(sequencename::text, -4) AS name, COALESCE(last_value + 1, 1) AS next FROM pg_sequences \
                 WHERE schemaname = current_schema() AND right(sequencename::text, 4) = '_ids'"
            }
        };
        let rows = db::all(on, sql, []).await?;
        rows.iter().map(|row| Ok((row.get("name")?, row.get("next")?))).collect()
    }

    /// Goes on counting at `next`.
    pub(crate) async fn set_counter<C: ConnectionTrait>(
        self,
        on: &C,
        name: &str,
        next: i64,
    ) -> Result<(), Fault> {
        let found = match self {
            Self::Sqlite => {
                let sql = "UPDATE id_counters SET next = $2 WHERE name = $1";
                db::run(on, sql, [name.into(), next.into()]).await? == 1
            }
            Self::Postgres => {
                // Of a sequence that was never called nobody tells where it stands.
                let sql = "SELECT setval(oid::regclass, GREATEST($2 - 1, 1), $2 > 1)::text AS set FROM pg_class \
                           WHERE relkind = 'S' AND relname = $1 || '_ids' AND relnamespace = current_schema()::regnamespace";
                db::one(on, sql, [name.into(), next.into()]).await?.is_some()
            }
        };
        found.then_some(()).ok_or_else(|| Fault::internal(format!("there is no counter \"{name}\"")))
    }

    /// Lets the planner know of rows that have just come in large numbers.
    pub(crate) async fn tell_planner_of_rows(self, on: &DatabaseConnection) -> Result<(), Fault> {
        match self {
            // It is told what to assume instead, see `tell_planner`.
            Self::Sqlite => Ok(()),
            Self::Postgres => Ok(on.execute_unprepared("ANALYZE").await.map(drop)?),
        }
    }

    /// What the engine finds broken in its own files; nothing where it cannot be asked.
    pub(crate) async fn broken<C: ConnectionTrait>(self, on: &C) -> Result<Vec<String>, Fault> {
        match self {
            Self::Sqlite => {
                let rows = db::all(on, "PRAGMA quick_check(5)", []).await?;
                let told: Vec<String> =
                    rows.iter().map(|row| row.get("quick_check")).collect::<Result<_, _>>()?;
                Ok(told.into_iter().filter(|line| line != "ok").collect())
            }
            Self::Postgres => Ok(Vec::new()),
        }
    }
}

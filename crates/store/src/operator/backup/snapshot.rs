//! Reading everything as of one moment.

use std::collections::BTreeMap;

use ports::StoreResult;
use sea_orm::{DatabaseTransaction, Value};

use super::{Kind, Table, tables};
use crate::db::{self, Fault, Row, SqlStore};
use crate::dialect::Dialect;
use crate::migrations;

/// Lines read at a time.
const PAGE: u32 = 500;

/// The store as it was when this was taken, for as long as it is kept.
pub struct Snapshot {
    tx: DatabaseTransaction,
    dialect: Dialect,
    schema: Vec<String>,
    tables: Vec<Table>,
}

impl SqlStore {
    /// Takes a snapshot. Writers go on; on SQLite the write-ahead log grows until it is dropped.
    ///
    /// # Errors
    /// The store's; also when its tables are not up to date.
    pub async fn snapshot(&self) -> StoreResult<Snapshot> {
        let dialect = self.dialect();
        let tx = dialect.begin_snapshot(self.reader()).await?;
        let schema = migrations::applied(&tx).await?;
        let tables = tables(&tx, dialect).await?;
        Ok(Snapshot { tx, dialect, schema, tables })
    }

    /// Steps of the schema that are still to be made; `waxwing migrate` makes them.
    ///
    /// # Errors
    /// The store's.
    pub async fn pending_migrations(&self) -> StoreResult<Vec<String>> {
        let applied = migrations::applied(self.reader()).await?;
        Ok(migrations::names().into_iter().filter(|name| !applied.contains(name)).collect())
    }

    /// What the engine finds broken in its own files (SQLite; PostgreSQL is not asked).
    ///
    /// # Errors
    /// The store's.
    pub async fn broken_files(&self) -> StoreResult<Vec<String>> {
        Ok(self.dialect().broken(self.reader()).await?)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// The steps of the schema, in their order.
    pub fn schema(&self) -> &[String] {
        &self.schema
    }

    /// Every table that holds data.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// "SQLite" or "PostgreSQL".
    pub fn engine(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        }
    }

    /// The next lines of a table, behind the line `after`; none: that was the last one.
    ///
    /// # Errors
    /// The store's.
    pub async fn lines(&self, table: &Table, after: Option<&str>) -> StoreResult<Vec<String>> {
        Ok(self.page(table, after).await?)
    }

    /// The id that each kind goes on with. Ids of rows written since may be counted in.
    ///
    /// # Errors
    /// The store's.
    pub async fn counters(&self) -> StoreResult<BTreeMap<String, i64>> {
        Ok(self.dialect.counters(&self.tx).await?)
    }

    async fn page(&self, table: &Table, after: Option<&str>) -> Result<Vec<String>, Fault> {
        let key: Vec<String> = table.key.iter().map(|name| format!("\"{name}\"")).collect();
        let (beyond, values) = match after {
            None => (String::new(), Vec::new()),
            Some(line) => {
                let values = key_of(table, line)?;
                let places: Vec<String> = (1..=values.len()).map(|place| format!("${place}")).collect();
                (format!(" WHERE ({}) > ({})", key.join(", "), places.join(", ")), values)
            }
        };
        let sql = format!(
            "SELECT {} AS line FROM \"{}\"{beyond} ORDER BY {} LIMIT {PAGE}",
            self.dialect.to_line(table.columns.iter().map(|column| (column.name.as_str(), column.kind))),
            table.name,
            key.join(", ")
        );
        db::all(&self.tx, &sql, values).await?.iter().map(|row| row.get("line")).collect()
    }
}

fn key_of(table: &Table, line: &str) -> Result<Vec<Value>, Fault> {
    let row: Vec<serde_json::Value> = serde_json::from_str(line).map_err(Fault::internal)?;
    let value = |name: &String| {
        let index = table.columns.iter().position(|column| column.name == *name)?;
        match table.columns[index].kind {
            Kind::Int => Some(row.get(index)?.as_i64()?.into()),
            Kind::Text => Some(row.get(index)?.as_str()?.to_owned().into()),
            Kind::Bool | Kind::Blob => None,
        }
    };
    let bad = || Fault::internal(format!("the key of {} cannot be read on from", table.name));
    table.key.iter().map(value).collect::<Option<Vec<Value>>>().filter(|key| !key.is_empty()).ok_or_else(bad)
}

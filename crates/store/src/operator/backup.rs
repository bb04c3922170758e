//! Backups: everything as of one moment, read while the server goes on, and put into an empty store of either engine.
//!
//! A row is a line: a JSON array of its columns, integers and booleans as such, bytes in hexadecimal. Both engines
//! write the same lines and read each other's. What can be made again is left out: what
//! triggers keep, and the index of the contacts' texts.

mod restore;
mod settle;
mod snapshot;

use serde::{Deserialize, Serialize};

use crate::db::{self, Fault, Row};
use crate::dialect::Dialect;

pub use restore::{RestoreError, Restored, Restoring};
pub use settle::Waiting;
pub use snapshot::Snapshot;

/// Tables that are no data: the history of the schema, SQLite's counters, what triggers keep or fill, and which node does what.
const LEFT_OUT: [&str; 8] = [
    "seaql_migrations",
    "id_counters",
    "contact_tags",
    "conversation_labels",
    "contact_search",
    "contact_search_waiting",
    "contact_search_ranges",
    "duties",
];

/// A table, as an archive names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub name: String,
    /// In the order of a line.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in its order.
    pub key: Vec<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Int,
    Text,
    Blob,
    Bool,
}

impl Kind {
    fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "bigint" | "integer" => Some(Self::Int),
            "text" => Some(Self::Text),
            "blob" | "bytea" => Some(Self::Blob),
            "boolean" => Some(Self::Bool),
            _ => None,
        }
    }
}

/// Every table that holds data, by name.
async fn tables<C: sea_orm::ConnectionTrait>(on: &C, dialect: Dialect) -> Result<Vec<Table>, Fault> {
    let mut tables: Vec<Table> = Vec::new();
    let mut keys: Vec<Vec<(i64, String)>> = Vec::new();
    for row in db::all(on, dialect.columns_of_tables(), []).await? {
        let (table, name, word): (String, String, String) =
            (row.get("tbl")?, row.get("col")?, row.get("kind")?);
        if LEFT_OUT.contains(&table.as_str()) {
            continue;
        }
        let kind = Kind::of(&word)
            .ok_or_else(|| Fault::internal(format!("{table}.{name} holds {word}, which no backup knows")))?;
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table { name: table, columns: Vec::new(), key: Vec::new() });
            keys.push(Vec::new());
        }
        let (Some(table), Some(key)) = (tables.last_mut(), keys.last_mut()) else { continue };
        let place: i64 = row.get("pk")?;
        if place > 0 {
            key.push((place, name.clone()));
        }
        table.columns.push(Column { name, kind });
    }
    for (table, mut key) in tables.iter_mut().zip(keys) {
        key.sort();
        table.key = key.into_iter().map(|(_, name)| name).collect();
    }
    Ok(tables)
}

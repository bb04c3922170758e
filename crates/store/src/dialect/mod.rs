//! All that SQLite and PostgreSQL do differently. Everything above this folder is written once.

mod append_only;
mod archive;
mod postgres;
mod search;
mod sqlite;

use sea_orm::{DatabaseConnection, DatabaseTransaction, Value};
use tokio::sync::mpsc;

use crate::db::{Fault, StoreConfig, Tx};
use crate::ids::Kind;
use crate::wakes::WakeSender;

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Embedded: one file, one writer, some readers.
    Sqlite,
    /// Shared by several nodes.
    Postgres,
}

/// A database that was opened.
pub(crate) struct Opened {
    pub(crate) dialect: Dialect,
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
}

/// How a column of a set is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// BIGINT.
    Int,
    /// TEXT.
    Text,
    /// BOOLEAN.
    Bool,
}

/// A table with a row for each element of a JSON array of texts in another table, kept by triggers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elements {
    /// The other table, …
    of: &'static str,
    /// … and its column.
    column: &'static str,
    /// The table that is kept: the tenant, …
    table: &'static str,
    /// … the element …
    element: &'static str,
    /// … and the id of the row that it stands in.
    id: &'static str,
    /// A column of the other table that is kept beside it.
    beside: Option<&'static str>,
}

/// Who bears a tag.
pub(crate) const TAGS: Elements = Elements {
    of: "contacts",
    column: "tags",
    table: "contact_tags",
    element: "tag",
    id: "contact_id",
    beside: None,
};

/// Which conversations bear a label.
pub(crate) const LABELS: Elements = Elements {
    of: "conversations",
    column: "labels",
    table: "conversation_labels",
    element: "label",
    id: "conversation_id",
    beside: None,
};

impl Dialect {
    /// The one that speaks to this backend.
    pub(crate) fn of(backend: sea_orm::DbBackend) -> Self {
        match backend {
            sea_orm::DbBackend::Postgres => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    /// Opens what `config.url` names.
    pub(crate) async fn open(config: &StoreConfig) -> Result<Opened, Fault> {
        if config.url.starts_with("postgres://") || config.url.starts_with("postgresql://") {
            postgres::open(config).await
        } else {
            sqlite::open(config).await
        }
    }

    /// A relation out of parameter `$number`, a JSON array of objects: `columns` name the members and their types.
    /// Goes behind `FROM` or `JOIN` and is called `alias` there. Join a table to it by `CROSS JOIN … WHERE`, so that
    /// the set is read once and the table by its index.
    pub(crate) fn rows(self, number: u8, columns: &[(&str, As)], alias: &str) -> String {
        match self {
            Self::Sqlite => sqlite::rows(number, columns, alias),
            Self::Postgres => postgres::rows(number, columns, alias),
        }
    }

    /// The same out of a parameter per column, `$first …`, each an array as text; `None` where one of all rows is as good.
    pub(crate) fn columns(self, first: u8, columns: &[(&str, As)], alias: &str) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(postgres::columns(first, columns, alias)),
        }
    }

    /// A relation with more columns: numbers that are parameters, in each of its rows, and the planner does not know that they
    /// are the same in all.
    pub(crate) fn with(self, relation: &str, alias: &str, more: &[(&str, u8)]) -> String {
        // SQLite is told what to assume of a tenant, and follows the order in which it is asked.
        let fence = match self {
            Self::Sqlite => "",
            Self::Postgres => " OFFSET 0",
        };
        let more: String =
            more.iter().map(|(name, number)| format!(", CAST(${number} AS BIGINT) AS {name}")).collect();
        format!("(SELECT {alias}.*{more} FROM {relation}{fence}) AS {alias}")
    }

    /// Connections of a pool, and how many of them nobody uses.
    pub(crate) fn pool(self, of: &DatabaseConnection) -> (usize, usize) {
        match self {
            Self::Sqlite => {
                let pool = of.get_sqlite_connection_pool();
                (pool.size() as usize, pool.num_idle())
            }
            Self::Postgres => {
                let pool = of.get_postgres_connection_pool();
                (pool.size() as usize, pool.num_idle())
            }
        }
    }

    /// Triggers that keep a table of elements, and its first rows.
    pub(crate) fn elements_ddl(self, kept: Elements) -> Vec<String> {
        match self {
            Self::Sqlite => sqlite::elements_ddl(kept),
            Self::Postgres => postgres::elements_ddl(kept),
        }
    }

    /// The same, where most rows that come have no element.
    pub(crate) fn elements_bulk_ddl(self, kept: Elements) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(postgres::elements_bulk_ddl(kept)),
        }
    }

    /// Keeps a column of the other table, a BOOLEAN, beside the elements from now on, and of the rows that are there.
    pub(crate) fn elements_beside_ddl(self, kept: Elements, beside: &'static str) -> Vec<String> {
        match self {
            Self::Sqlite => sqlite::elements_beside_ddl(kept, beside),
            Self::Postgres => postgres::elements_beside_ddl(kept, beside),
        }
    }

    /// Bytes out of their hexadecimal text.
    pub(crate) fn unhex(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("unhex({expression})"),
            Self::Postgres => format!("decode({expression}, 'hex')"),
        }
    }

    /// How many bytes a text or a blob has.
    pub(crate) fn bytes(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("length(CAST({expression} AS BLOB))"),
            Self::Postgres => format!("CAST(octet_length({expression}) AS BIGINT)"),
        }
    }

    /// Whether a blob holds the bytes of a text.
    pub(crate) fn blob_holds(self, blob: &str, text: &str) -> String {
        match self {
            Self::Sqlite => format!("instr({blob}, CAST({text} AS BLOB)) > 0"),
            Self::Postgres => format!("position(convert_to({text}, 'UTF8') IN {blob}) > 0"),
        }
    }

    /// The elements of a JSON array of texts, as a relation `alias(value)`.
    pub(crate) fn elements(self, expression: &str, alias: &str) -> String {
        match self {
            Self::Sqlite => format!("json_each({expression}) AS {alias}"),
            Self::Postgres => format!("jsonb_array_elements_text(({expression})::jsonb) AS {alias}(value)"),
        }
    }

    /// Whether a number is one of these, which are the value `$1`: led to them by its index.
    pub(crate) fn is_one_of(self, number: &str, these: &[i64]) -> (String, Value) {
        let list: Vec<String> = these.iter().map(i64::to_string).collect();
        let list = list.join(",");
        match self {
            Self::Sqlite => (
                format!("{number} IN (SELECT one.value FROM json_each($1) AS one)"),
                format!("[{list}]").into(),
            ),
            Self::Postgres => (format!("{number} = ANY(CAST($1 AS BIGINT[]))"), format!("{{{list}}}").into()),
        }
    }

    /// A member of a JSON object, as text (SQLite: as it is).
    pub(crate) fn json_text(self, expression: &str, member: &str) -> String {
        match self {
            Self::Sqlite => format!("({expression} ->> '{member}')"),
            Self::Postgres => format!("(({expression})::jsonb ->> '{member}')"),
        }
    }

    /// How the query builder wants its value `number` (from 1) named.
    pub(crate) fn placeholder(self, number: usize) -> String {
        match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${number}"),
        }
    }

    /// Whether a member of this name is found by the short way of [`Dialect::member`].
    pub(crate) fn is_plain_member(self, name: &str) -> bool {
        match self {
            Self::Sqlite => !name.is_empty() && !name.starts_with(['$', '[']) && !name.contains(['"', '\\']),
            Self::Postgres => true,
        }
    }

    /// A member of a JSON object of texts, its name a parameter such as `$3`.
    pub(crate) fn member(self, expression: &str, parameter: &str, plain: bool) -> String {
        match self {
            Self::Sqlite if plain => format!("({expression} ->> {parameter})"),
            // SQLite would take the name for a path.
            Self::Sqlite => {
                format!(
                    "(SELECT j.value FROM json_each({expression}) AS j WHERE j.key = {parameter} LIMIT 1)"
                )
            }
            Self::Postgres => format!("(({expression})::jsonb ->> {parameter})"),
        }
    }

    /// A text without the blanks at its ends (those that people type).
    pub(crate) fn trimmed(self, text: &str) -> String {
        match self {
            Self::Sqlite => format!("trim({text}, char(32, 9, 10, 13, 160))"),
            Self::Postgres => format!("btrim({text}, U&'\\0020\\0009\\000a\\000d\\00a0')"),
        }
    }

    /// A text with A to Z as a to z, and nothing else changed.
    pub(crate) fn ascii_lower(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("lower({expression})"),
            Self::Postgres => format!("lower(({expression}) COLLATE \"C\")"),
        }
    }

    /// Where a text stands in another, from 1; 0: nowhere.
    pub(crate) fn position(self, text: &str, part: &str) -> String {
        match self {
            Self::Sqlite => format!("instr({text}, {part})"),
            Self::Postgres => format!("strpos({text}, {part})"),
        }
    }

    /// Whether a JSON array of texts and another, the value `list`, have an element in common.
    pub(crate) fn has_any(self, array: &str, list: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "EXISTS (SELECT 1 FROM json_each({array}) AS t WHERE t.value IN (SELECT y.value FROM json_each({list}) AS y))"
            ),
            Self::Postgres => format!("jsonb_exists_any(({array})::jsonb, {})", postgres::texts(list)),
        }
    }

    /// Whether a JSON array of texts has every element of another, the value `list`.
    pub(crate) fn has_all(self, array: &str, list: &str) -> String {
        match self {
            // The common ones are as many as there are: so each array is walked once.
            Self::Sqlite => format!(
                "(SELECT COUNT(DISTINCT t.value) FROM json_each({array}) AS t WHERE t.value IN \
                 (SELECT y.value FROM json_each({list}) AS y)) = (SELECT COUNT(DISTINCT y.value) FROM json_each({list}) AS y)"
            ),
            Self::Postgres => format!("jsonb_exists_all(({array})::jsonb, {})", postgres::texts(list)),
        }
    }

    /// Whether a number is one of those that a statement of its own finds, which is run once: an index leads to them.
    pub(crate) fn is_one_found(self, number: &str, statement: &str) -> String {
        match self {
            Self::Sqlite => format!("{number} IN ({statement})"),
            Self::Postgres => format!("{number} = ANY (ARRAY({statement}))"),
        }
    }

    /// Characters (neither `]`, `^`, `-` nor `\\`) as the value that [`Dialect::holds_any`] asks for.
    pub(crate) fn any_of(self, characters: &str) -> String {
        match self {
            Self::Sqlite => format!("*[{characters}]*"),
            Self::Postgres => format!("[{characters}]"),
        }
    }

    /// Whether a text holds one of the characters of this parameter.
    pub(crate) fn holds_any(self, text: &str, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("({text} GLOB {parameter})"),
            Self::Postgres => format!("({text} ~ {parameter})"),
        }
    }

    /// See `domain::segments::is_numeric_text`.
    pub(crate) fn is_numeric_text(self, text: &str) -> String {
        match self {
            Self::Sqlite => sqlite::is_numeric_text(text),
            Self::Postgres => format!("length({text}) <= 30 AND {text} ~ '^-?[0-9]+([.][0-9]+)?$'"),
        }
    }

    /// Locks the rows of `table` (its alias) that a SELECT gives, against every writer, until the commit.
    pub(crate) fn for_update(self, table: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => format!(" FOR UPDATE OF {table}"),
        }
    }

    /// The same, but leaves out rows that another transaction holds.
    pub(crate) fn for_update_skip_locked(self, table: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => format!(" FOR UPDATE OF {table} SKIP LOCKED"),
        }
    }

    /// Keeps writers away from the rows of `table` until the commit, but not other readers of this kind.
    pub(crate) fn for_share(self, table: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => format!(" FOR SHARE OF {table}"),
        }
    }

    /// Keeps away from the rows of `table` until the commit whoever locks them [`for_update`](Self::for_update), or
    /// deletes them; who only changes them is let by.
    pub(crate) fn for_keep(self, table: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => format!(" FOR KEY SHARE OF {table}"),
        }
    }

    /// Takes part in the lock of `name` together with others who share it, until the commit.
    pub(crate) async fn share_lock(self, tx: &Tx, name: &str) -> Result<(), Fault> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres => postgres::advisory_lock(tx, name, true).await,
        }
    }

    /// Takes the lock of `name` alone, until the commit.
    pub(crate) async fn own_lock(self, tx: &Tx, name: &str) -> Result<(), Fault> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres => postgres::advisory_lock(tx, name, false).await,
        }
    }

    /// So many ids of each kind, in one statement; ascending.
    pub(crate) async fn take_ids(self, tx: &Tx, wants: &[(Kind, usize)]) -> Result<Vec<Vec<i64>>, Fault> {
        match self {
            Self::Sqlite => sqlite::take_ids(tx, wants).await,
            Self::Postgres => postgres::take_ids(tx, wants).await,
        }
    }

    /// Ends an `INSERT INTO contacts … SELECT … FROM` a set `r(phone, tenant, …)`, so that a number that is taken makes
    /// none. Where `rivals` may take one in the same moment, PostgreSQL has to ask for each as it writes it, which is dearer
    /// than to look for all of them before; else a number taken in between is a conflict.
    pub(crate) fn unless_known(self, rivals: bool) -> &'static str {
        match (self, rivals) {
            (Self::Postgres, false) => {
                "WHERE NOT EXISTS (SELECT 1 FROM contacts AS k WHERE k.tenant_id = r.tenant AND k.phone = r.phone)"
            }
            // Of SQLite, nobody else writes meanwhile, and asking costs nothing.
            (Self::Sqlite, _) | (Self::Postgres, true) => "WHERE TRUE ON CONFLICT DO NOTHING",
        }
    }

    /// See `ports::imports::ImportStore::import_batch_rows`.
    pub(crate) fn import_batch_rows(self) -> usize {
        match self {
            // Others wait for the writer.
            Self::Sqlite => 1_000,
            Self::Postgres => 4_000,
        }
    }

    /// The schema's text in this engine's words.
    pub(crate) fn ddl(self, sql: &str) -> String {
        let [blob, text, clustered] = match self {
            Self::Sqlite => ["BLOB", "TEXT", " WITHOUT ROWID"],
            Self::Postgres => ["BYTEA", "TEXT COLLATE \"C\"", ""],
        };
        sql.replace("{blob}", blob).replace("{text}", text).replace("{clustered}", clustered)
    }

    /// Statements that make what [`Dialect::take_ids`] counts with.
    pub(crate) fn id_ddl(self, kinds: &[Kind]) -> Vec<String> {
        match self {
            Self::Sqlite => sqlite::id_ddl(kinds),
            Self::Postgres => postgres::id_ddl(kinds),
        }
    }

    /// What the planner is to know of tables that have just been made.
    pub(crate) async fn tell_planner(self, tx: &DatabaseTransaction) -> Result<(), Fault> {
        match self {
            Self::Sqlite => sqlite::tell_planner(tx).await,
            // Gathers statistics by itself.
            Self::Postgres => Ok(()),
        }
    }

    /// Finds tables that have doubled since they were last counted, by `name`; `None` where nobody counts. PostgreSQL does so
    /// by itself, once a minute: by then a broadcast or an import has made a hundred thousand rows.
    pub(crate) fn tables_that_doubled(self) -> Option<&'static str> {
        match self {
            // It is told what to assume instead, see `tell_planner`.
            Self::Sqlite => None,
            Self::Postgres => Some(postgres::TABLES_THAT_DOUBLED),
        }
    }

    /// Waits until no other node migrates, and keeps others from it until the commit.
    pub(crate) async fn lock_migrations(self, tx: &DatabaseTransaction) -> Result<(), Fault> {
        match self {
            // The writing transaction is the lock.
            Self::Sqlite => Ok(()),
            Self::Postgres => postgres::lock_migrations(tx).await,
        }
    }

    /// Carries wakes to other nodes and back; `None` when there are no others.
    pub(crate) fn carry_wakes(
        self,
        writer: &DatabaseConnection,
        heard: WakeSender,
    ) -> Option<(mpsc::UnboundedSender<ports::operator::Wake>, Vec<tokio::task::AbortHandle>)> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(postgres::carry_wakes(writer, heard)),
        }
    }
}

/// What a database's error code means. The codes of the engines do not overlap: SQLite's are decimal numbers of up
/// to four digits, PostgreSQL's have five characters.
pub(crate) fn fault_of_code(code: &str, message: &str) -> Fault {
    let text = format!("{message} ({code})");
    if sqlite::is_conflict(code) || postgres::is_conflict(code) {
        Fault::Conflict(text)
    } else if sqlite::is_unavailable(code) || postgres::is_unavailable(code) {
        Fault::Unavailable(text)
    } else {
        Fault::Internal(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_unavailable_and_a_unique_key_is_a_conflict_on_both_engines() {
        for code in ["13", "5", "53100", "57P01", "08006"] {
            assert!(matches!(fault_of_code(code, ""), Fault::Unavailable(_)), "{code}");
        }
        for code in ["2067", "1555", "23505", "40P01", "40001"] {
            assert!(matches!(fault_of_code(code, ""), Fault::Conflict(_)), "{code}");
        }
        for code in ["1", "42P01", "22P02", ""] {
            assert!(matches!(fault_of_code(code, ""), Fault::Internal(_)), "{code}");
        }
    }
}

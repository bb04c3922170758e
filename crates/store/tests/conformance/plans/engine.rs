//! The engine itself: how it would run a statement, and which steps of that read a whole table.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};

use crate::support::Bench;

/// The engine itself, asked past the store.
pub(super) struct Engine {
    pub(super) database: DatabaseConnection,
    pub(super) postgres: bool,
}

/// Tables that grow with use, and the names they go by in our statements. A SCAN of anything else (a set, a
/// subquery, one of few rows) is none.
const BIG: [&str; 30] = [
    "contact_search",
    "import_rows",
    "recipients",
    "r",
    "d",
    "w",
    "messages",
    "m",
    "contacts",
    "c",
    "asked",
    "conversations",
    "v",
    "outbox",
    "o",
    "message_events",
    "e",
    "inbox",
    "i",
    "inbox_queue",
    "q",
    "idempotency",
    "k",
    "orphan_statuses",
    "s",
    "consent_records",
    "media",
    "f",
    "inbox_items",
    "gone",
];

/// Has the server leave the statistics of all tables alone.
const NOT_BY_ITSELF: &str = "DO $$ DECLARE big text; BEGIN \
     FOR big IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = current_schema() \
     LOOP EXECUTE 'ALTER TABLE ' || big || ' SET (autovacuum_enabled = off)'; END LOOP; END $$";

impl Engine {
    pub(super) async fn of(bench: &Bench) -> Self {
        let postgres = bench.is_postgres();
        let url = if postgres {
            // As the store sets its own connections.
            format!("{}&options=-c%20random_page_cost=1.1%20-c%20jit=off", bench.url())
        } else {
            format!("sqlite://{}", bench.url())
        };
        Self { database: Database::connect(url).await.unwrap(), postgres }
    }

    /// PostgreSQL does so by itself, some time; SQLite plans with what the schema tells it. Vacuumed, and by nobody else from
    /// then on: plans must not hang on how far the server came by itself, nor on what it sees of a moment in which a test has
    /// half done its work.
    pub(super) async fn gather_statistics(&self) {
        self.gathers_none_by_itself().await;
        if self.postgres {
            self.database.execute_unprepared("VACUUM (ANALYZE)").await.unwrap();
        }
    }

    pub(super) async fn gathers_none_by_itself(&self) {
        if self.postgres {
            self.database.execute_unprepared(NOT_BY_ITSELF).await.unwrap();
        }
    }

    pub(super) async fn scans(&self, statement: &str) -> BTreeSet<String> {
        let steps = self.plan(statement).await;
        // PostgreSQL tells of the table in one line, and in the next of the condition.
        let above = std::iter::once("").chain(steps.iter().map(String::as_str));
        let walks = |above: &str, step: &str| !is_list(statement) && walks_a_tenant(above, step);
        let found = above.zip(&steps).filter(|(above, step)| walks(above, step) || self.is_scan(step));
        found.map(|(above, step)| format!("{}\n{step}", above.trim())).collect()
    }

    pub(super) fn is_scan(&self, step: &str) -> bool {
        self.is_scan_of(&BIG, step)
    }

    /// Whether the step reads one of these tables whole.
    pub(super) fn is_scan_of(&self, tables: &[&str], step: &str) -> bool {
        if self.postgres { is_seq_scan(tables, step) } else { is_full_scan(tables, step) }
    }

    pub(super) async fn plan(&self, statement: &str) -> Vec<String> {
        // Bytes are shown without their type.
        let statement = statement.replace("substr('\\x", "substr(BYTEA '\\x");
        let verb = if self.postgres { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
        let ask = Statement::from_string(self.database.get_database_backend(), format!("{verb} {statement}"));
        let rows = self.database.query_all_raw(ask).await.unwrap_or_else(|why| panic!("{why}: {statement}"));
        let column = if self.postgres { "QUERY PLAN" } else { "detail" };
        rows.iter().map(|row| row.try_get_by::<String, _>(column).unwrap()).collect()
    }
}

fn is_seq_scan(tables: &[&str], step: &str) -> bool {
    step.split("Seq Scan on ")
        .nth(1)
        .is_some_and(|rest| tables.contains(&rest.split(' ').next().unwrap_or_default()))
}

/// Walking an index in its order up to a LIMIT is how the oldest are found.
fn is_full_scan(tables: &[&str], step: &str) -> bool {
    let Some(rest) = step.trim().strip_prefix("SCAN ") else { return false };
    let table = rest.split(' ').next().unwrap_or_default();
    // What comes behind the colon is what the virtual table was asked for.
    let is_asked = rest.contains("VIRTUAL TABLE INDEX") && !rest.ends_with(':');
    tables.contains(&table) && !is_asked && !rest.contains("INDEX inbox_queue_oldest")
}

/// A page of a list, or its total, walks the tenant's index on purpose.
fn is_list(statement: &str) -> bool {
    statement.contains(" LIMIT ") || statement.contains("COUNT(*)")
}

/// An index of which only the tenant is used leaves the tenant's whole table to be read: one that is big.
fn walks_a_tenant(above: &str, step: &str) -> bool {
    let sqlite = step.strip_prefix("SEARCH ").is_some_and(|rest| {
        let table = rest.split(' ').next().unwrap_or_default();
        BIG.contains(&table) && rest.ends_with("(tenant_id=?)")
    });
    let condition = step.trim().strip_prefix("Index Cond: ");
    // A table, or for a bitmap an index, which is called by its table.
    let on = above.rsplit_once(" on ").map_or("", |(_, rest)| rest.split(' ').next().unwrap_or_default());
    let is_big = BIG.contains(&on) || BIG.iter().any(|table| on.starts_with(&format!("{table}_")));
    sqlite
        || is_big
            && condition
                .is_some_and(|condition| condition.contains("tenant_id = ") && !condition.contains(" AND "))
}

#[test]
fn a_scan_is_told_from_a_search() {
    assert!(is_full_scan(&BIG, "SCAN m"));
    assert!(is_full_scan(&BIG, "SCAN s VIRTUAL TABLE INDEX 0:"));
    assert!(!is_full_scan(&BIG, "SCAN s VIRTUAL TABLE INDEX 0:M1"));
    assert!(!is_full_scan(&BIG, "SCAN json_each VIRTUAL TABLE INDEX 1:"));
    assert!(!is_full_scan(&BIG, "SEARCH m USING PRIMARY KEY (tenant_id=? AND id=?)"));
    assert!(is_seq_scan(&BIG, "  ->  Seq Scan on messages m  (cost=0.00..1.00)"));
    assert!(!is_seq_scan(&BIG, "  ->  Index Scan using messages_pkey on messages m"));
    assert!(!is_seq_scan(&BIG, "  ->  Seq Scan on templates t  (cost=0.00..1.00)"));
    assert!(walks_a_tenant("", "SEARCH conversations USING PRIMARY KEY (tenant_id=?)"));
    assert!(!walks_a_tenant("", "SEARCH conversations USING PRIMARY KEY (tenant_id=? AND id=?)"));
    let (scan, bitmap) = (
        "  ->  Index Scan using a on messages m  (cost=0.00..1.00)",
        "->  Bitmap Index Scan on messages_created  (cost=0",
    );
    for above in [scan, bitmap] {
        assert!(walks_a_tenant(above, "        Index Cond: (tenant_id = 1)"));
        assert!(!walks_a_tenant(above, "        Index Cond: ((tenant_id = 1) AND (id = r.id))"));
    }
    let few = "  ->  Index Scan using tenants_pkey on tenants t  (cost=0.00..1.00)";
    assert!(!walks_a_tenant(few, "        Index Cond: (tenant_id = 1)"));
}

//! What contacts cost that come by the thousand.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::dialect::{Dialect, TAGS};

pub(super) struct Bulk;

impl MigrationName for Bulk {
    fn name(&self) -> &str {
        "m0012_bulk"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Bulk {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        let dialect = Dialect::of(on.get_database_backend());
        for statement in dialect.search_bulk_ddl().into_iter().chain(dialect.elements_bulk_ddl(TAGS)) {
            on.execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::before::{before, go_on, on_both_engines};
    use super::*;
    use crate::SqlStore;
    use crate::db::{self, Row, Tx};

    on_both_engines!(contacts_that_waited_before_still_wait_and_many_wait_as_a_range);

    /// So many make a range.
    const RANGE: i64 = 1_000;

    async fn contacts_that_waited_before_still_wait_and_many_wait_as_a_range(url: &str) {
        let (store, tx) = before(url, "m0012_bulk").await;
        contacts(&tx, 1, RANGE).await;
        go_on(&store, tx).await;
        assert_eq!(waiting(&store).await, (RANGE, 0), "as before");
        let tx = store.begin().await.unwrap();
        contacts(&tx, 2_001, RANGE).await;
        contacts(&tx, 4_001, RANGE - 1).await;
        tx.commit().await.unwrap();
        let expected = match store.dialect() {
            Dialect::Sqlite => (3 * RANGE - 1, 0),
            Dialect::Postgres => (2 * RANGE - 1, 1),
        };
        assert_eq!(waiting(&store).await, expected);
        assert_eq!(tagged(&store).await, 3 * RANGE - 2, "two for each second one");
        let mut indexed = 0;
        loop {
            let done = crate::contacts::search::index(&store, 300).await.unwrap();
            indexed += done.contacts;
            if !done.more {
                break;
            }
        }
        assert_eq!(indexed, 3 * RANGE as u64 - 1);
        assert_eq!(waiting(&store).await, (0, 0));
        store.close().await.unwrap();
    }

    /// Every second one bears two tags.
    async fn contacts(tx: &Tx, first: i64, many: i64) {
        let rows: Vec<String> = (first..first + many)
            .map(|id| {
                let tags = if id % 2 == 0 { r#"["a","b"]"# } else { "[]" };
                format!(
                    "(1, {id}, '+1555{id:07}', '{tags}', '{{}}', 'person {id}', FALSE, FALSE, FALSE, 0, 0)"
                )
            })
            .collect();
        let sql = format!(
            "INSERT INTO contacts (tenant_id, id, phone, tags, fields, search, opted_in, marketing_stopped, \
             wrote_after_opt_out, created_at, updated_at) VALUES {}",
            rows.join(", ")
        );
        tx.execute_unprepared(&sql).await.unwrap();
    }

    async fn number(store: &SqlStore, sql: &str) -> i64 {
        db::one(store.reader(), sql, []).await.unwrap().unwrap().get("n").unwrap()
    }

    async fn tagged(store: &SqlStore) -> i64 {
        number(store, "SELECT COUNT(*) AS n FROM contact_tags").await
    }

    /// Contacts that wait one by one, and ranges.
    async fn waiting(store: &SqlStore) -> (i64, i64) {
        let each = number(store, "SELECT COUNT(*) AS n FROM contact_search_waiting").await;
        let ranges = match store.dialect() {
            Dialect::Sqlite => 0,
            Dialect::Postgres => number(store, "SELECT COUNT(*) AS n FROM contact_search_ranges").await,
        };
        (each, ranges)
    }
}

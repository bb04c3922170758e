//! Who of those who bear a tag agreed.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::dialect::{Dialect, TAGS};

pub(super) struct Tagged;

impl MigrationName for Tagged {
    fn name(&self) -> &str {
        "m0021_tagged"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tagged {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        let dialect = Dialect::of(on.get_database_backend());
        for statement in dialect.elements_beside_ddl(TAGS, "opted_in") {
            on.execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::before::{before, go_on, on_both_engines};
    use super::*;
    use crate::db::{self, Row};

    on_both_engines!(what_those_agreed_to_who_were_there_is_known);

    async fn what_those_agreed_to_who_were_there_is_known(url: &str) {
        let (store, tx) = before(url, "m0021_tagged").await;
        let contacts = "INSERT INTO contacts (tenant_id, id, phone, tags, fields, search, opted_in, marketing_stopped, \
                        wrote_after_opt_out, created_at, updated_at) VALUES \
                        (1, 1, '+15550000001', '[\"a\",\"b\"]', '{}', '', TRUE, FALSE, FALSE, 0, 0), \
                        (1, 2, '+15550000002', '[\"a\"]', '{}', '', FALSE, FALSE, FALSE, 0, 0)";
        tx.execute_unprepared(contacts).await.unwrap();
        go_on(&store, tx).await;
        let sql = "SELECT tag, contact_id, CAST(CASE WHEN opted_in THEN 1 ELSE 0 END AS BIGINT) AS agreed FROM contact_tags \
                   ORDER BY tag, contact_id";
        let rows = db::all(store.reader(), sql, []).await.unwrap();
        let read = |row: &sea_orm::QueryResult| {
            (
                row.get::<String>("tag").unwrap(),
                row.get::<i64>("contact_id").unwrap(),
                row.get::<i64>("agreed").unwrap(),
            )
        };
        let rows: Vec<_> = rows.iter().map(read).collect();
        assert_eq!(rows, [("a".into(), 1, 1), ("a".into(), 2, 0), ("b".into(), 1, 1)]);
        store.close().await.unwrap();
    }
}

//! What finds the few among many: cancelled messages, labels of conversations, parts of a contact's text.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::dialect::{Dialect, LABELS};

pub(super) struct Sought;

impl MigrationName for Sought {
    fn name(&self) -> &str {
        "m0010_lists"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sought {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("sought.sql")], &[]).await?;
        let on = manager.get_connection();
        let dialect = Dialect::of(on.get_database_backend());
        for statement in dialect.elements_ddl(LABELS).into_iter().chain(dialect.search_ddl()) {
            on.execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}

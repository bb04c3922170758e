//! What lists of large tenants are read by.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::dialect::{Dialect, TAGS};

pub(super) struct Lists;

impl MigrationName for Lists {
    fn name(&self) -> &str {
        "m0005_lists"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Lists {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("lists.sql")], &[]).await?;
        let on = manager.get_connection();
        for statement in Dialect::of(on.get_database_backend()).elements_ddl(TAGS) {
            on.execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}

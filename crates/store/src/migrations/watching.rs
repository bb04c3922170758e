//! One watch for all nodes, and who acknowledged.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;

pub(super) struct Watching;

impl MigrationName for Watching {
    fn name(&self) -> &str {
        "m0014_watching"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Watching {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("watching.sql")], &[]).await
    }
}

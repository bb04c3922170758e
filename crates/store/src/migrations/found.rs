//! What is looked for among very many.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;

pub(super) struct Found;

impl MigrationName for Found {
    fn name(&self) -> &str {
        "m0016_found"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Found {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("found.sql")], &[]).await
    }
}

//! What is kept of an erased person is found by its erasure.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;

pub(super) struct Erased;

impl MigrationName for Erased {
    fn name(&self) -> &str {
        "m0015_erased"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Erased {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("erased.sql")], &[]).await
    }
}

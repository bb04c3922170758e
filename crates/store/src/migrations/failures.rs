//! How recipients failed, in the words of today.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;

pub(super) struct Failures;

impl MigrationName for Failures {
    fn name(&self) -> &str {
        "m0019_failures"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Failures {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("failures.sql")], &[]).await
    }
}

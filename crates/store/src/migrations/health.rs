//! What health is counted by.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;

pub(super) struct Health;

impl MigrationName for Health {
    fn name(&self) -> &str {
        "m0011_health"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Health {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("health.sql")], &[]).await
    }
}

//! What lists say of consent, and what is told of their rows.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;

pub(super) struct Heard;

impl MigrationName for Heard {
    fn name(&self) -> &str {
        "m0018_heard"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Heard {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("heard.sql")], &[]).await
    }
}

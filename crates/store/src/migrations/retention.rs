//! Retention and erasures.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::ids::Kind;

pub(super) struct Retention;

impl MigrationName for Retention {
    fn name(&self) -> &str {
        "m0009_retention"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Retention {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("retention.sql")], &[Kind::Erasure]).await
    }
}

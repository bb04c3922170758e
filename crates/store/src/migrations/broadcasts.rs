//! Broadcasts and their recipients.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::ids::Kind;

pub(super) struct Broadcasts;

impl MigrationName for Broadcasts {
    fn name(&self) -> &str {
        "m0004_broadcasts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Broadcasts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("broadcasts.sql")], &[Kind::Broadcast]).await
    }
}

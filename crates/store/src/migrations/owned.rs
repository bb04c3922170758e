//! Who owns the account of a connection.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;

pub(super) struct Owned;

impl MigrationName for Owned {
    fn name(&self) -> &str {
        "m0020_owned"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Owned {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("owned.sql")], &[]).await
    }
}

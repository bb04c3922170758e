//! A permission of its own for handing out what is known of a person.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;

pub(super) struct Disclosure;

impl MigrationName for Disclosure {
    fn name(&self) -> &str {
        "m0013_disclosure"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Disclosure {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("disclosure.sql")], &[]).await
    }
}

//! Accounts, members, roles, sessions, and networks of API keys.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::ids::Kind;

pub(super) struct Access;

impl MigrationName for Access {
    fn name(&self) -> &str {
        "m0006_access"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Access {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kinds = [Kind::Account, Kind::Member, Kind::Role, Kind::Session];
        step(manager, &[include_str!("access.sql")], &kinds).await
    }
}

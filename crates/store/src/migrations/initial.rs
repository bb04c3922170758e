//! The first schema.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::ids::Kind;

pub(super) struct Initial;

const FILES: [&str; 10] = [
    include_str!("initial/tenants.sql"),
    include_str!("initial/access.sql"),
    include_str!("initial/alerts.sql"),
    include_str!("initial/connections.sql"),
    include_str!("initial/contacts.sql"),
    include_str!("initial/conversations.sql"),
    include_str!("initial/templates.sql"),
    include_str!("initial/messages.sql"),
    include_str!("initial/webhooks.sql"),
    include_str!("initial/media.sql"),
];

impl MigrationName for Initial {
    fn name(&self) -> &str {
        "m0001_initial"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Initial {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &FILES, &Kind::FIRST).await
    }
}

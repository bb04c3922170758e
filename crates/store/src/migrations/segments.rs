//! Segments, and what they ask of a contact.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::ids::Kind;

pub(super) struct Segments;

impl MigrationName for Segments {
    fn name(&self) -> &str {
        "m0002_segments"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Segments {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("segments.sql")], &[Kind::Segment]).await
    }
}

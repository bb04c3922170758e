//! The audit trail.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::dialect::Dialect;
use crate::ids::Kind;

pub(super) struct Audit;

impl MigrationName for Audit {
    fn name(&self) -> &str {
        "m0008_audit"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Audit {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("audit.sql")], &[Kind::AuditEntry]).await?;
        let on = manager.get_connection();
        for statement in Dialect::of(on.get_database_backend()).audit_ddl() {
            on.execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}

//! Figures, and alerts that are told.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::{execute, step};
use crate::dialect::Dialect;
use crate::ids::Kind;

pub(super) struct Alerts;

impl MigrationName for Alerts {
    fn name(&self) -> &str {
        "m0007_alerts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Alerts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        let dialect = Dialect::of(on.get_database_backend());
        let code = format!("CAST({} AS BIGINT)", dialect.json_text("m.failure", "meta_error_code"));
        execute(on, dialect, &include_str!("alerts.sql").replace("{failure_code}", &code)).await?;
        step(manager, &[], &[Kind::AlertEvent, Kind::AlertChannel]).await
    }
}

//! See `ports::tenants`.

use async_trait::async_trait;
use domain::TenantId;
use domain::audit::{Action, NewEntry};
use ports::StoreResult;
use ports::tenants::{Tenant, TenantSettings, TenantStore};
use sea_orm::QueryResult;

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx};

/// The columns that [`from_row`] reads.
pub(crate) const COLUMNS: &str = "tenant_id, name, settings, created_at";

/// A tenant out of [`COLUMNS`].
pub(crate) fn from_row(row: &QueryResult) -> Result<Tenant, Fault> {
    Ok(Tenant {
        id: TenantId(row.get("tenant_id")?),
        name: row.get("name")?,
        settings: row.json("settings")?,
        created_at: row.time("created_at")?,
    })
}

/// A tenant's settings, as the caller's own transaction sees them.
pub(crate) async fn settings(tx: &Tx, tenant: TenantId) -> Result<TenantSettings, Fault> {
    let sql = "SELECT t.settings AS settings FROM tenants t WHERE t.tenant_id = $1";
    let row = db::one(&**tx, sql, [tenant.0.into()]).await?;
    row.map_or_else(|| Ok(TenantSettings::default()), |row| row.json("settings"))
}

#[async_trait]
impl TenantStore for SqlStore {
    async fn tenant(&self, tenant: TenantId) -> StoreResult<Option<Tenant>> {
        let sql = format!("SELECT {COLUMNS} FROM tenants WHERE tenant_id = $1");
        let row = db::one(self.reader(), &sql, [tenant.0.into()]).await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    async fn set_tenant_settings(
        &self,
        tenant: TenantId,
        settings: &TenantSettings,
    ) -> StoreResult<Option<Tenant>> {
        let sql = format!("UPDATE tenants SET settings = $2 WHERE tenant_id = $1 RETURNING {COLUMNS}");
        let tx = self.begin().await?;
        let lock = tx.dialect.for_update("t");
        let before = format!("SELECT t.settings AS settings FROM tenants t WHERE t.tenant_id = $1{lock}");
        let before = db::one(&*tx, &before, [tenant.0.into()]).await?;
        let row = db::one(&*tx, &sql, [tenant.0.into(), db::to_json(settings)?.into()]).await?;
        if let (Some(before), Some(after)) = (before, &row) {
            let (was, is) = (before.json("settings")?, after.json("settings")?);
            tx.note(tenant, NewEntry::new(Action::SettingsChanged, "settings").changed(&was, &is));
        }
        tx.commit().await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }
}

//! See `ports::access`.

pub(crate) mod accounts;
mod keys;
mod links;
mod members;
mod people;
mod roles;
mod security_events;
mod sessions;
mod tries;

use async_trait::async_trait;
use domain::access::Scope;
use domain::access::permissions::Permissions;
use domain::addresses::{Network, Networks};
use domain::audit::{Action, NewEntry};
use domain::{ApiKeyId, TenantId, Timestamp};
use ports::access::{
    AccessStore, ApiKey, ApiKeyPatch, ChangedKey, EventFilter, NewApiKey, NewSecurityEvent, SecurityEvent,
};
use ports::{Page, Paging, StoreResult};
use sea_orm::QueryResult;

use crate::SqlStore;
use crate::audit::tell;
use crate::db::{self, Fault, Row, again, clean, micros};
use crate::ids::{self, Kind};

/// The columns that [`key_from_row`] reads.
pub(crate) const KEY_COLUMNS: &str =
    "tenant_id, id, name, prefix, scopes, networks, created_at, expires_at, last_used_at, revoked_at";

/// A key out of [`KEY_COLUMNS`].
pub(crate) fn key_from_row(row: &QueryResult) -> Result<ApiKey, Fault> {
    Ok(ApiKey {
        id: ApiKeyId(row.get("id")?),
        tenant_id: TenantId(row.get("tenant_id")?),
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        scopes: row.json::<Vec<Scope>>("scopes")?,
        networks: networks(&row.json::<Vec<String>>("networks")?)?,
        created_at: row.time("created_at")?,
        expires_at: row.time_opt("expires_at")?,
        last_used_at: row.time_opt("last_used_at")?,
        revoked_at: row.time_opt("revoked_at")?,
    })
}

/// One that cannot be read must not become "from everywhere".
fn networks(texts: &[String]) -> Result<Networks, Fault> {
    texts.iter().map(|text| text.parse::<Network>().map_err(Fault::internal)).collect()
}

#[async_trait]
impl AccessStore for SqlStore {
    async fn create_api_key(&self, tenant: TenantId, key: NewApiKey) -> StoreResult<ApiKey> {
        let sql = format!(
            "INSERT INTO api_keys (tenant_id, id, name, prefix, hash, scopes, networks, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING {KEY_COLUMNS}"
        );
        let tx = self.begin().await?;
        let id = ids::take_one(&tx, Kind::ApiKey).await?;
        let values = [
            tenant.0.into(),
            id.into(),
            clean(&key.name).into_owned().into(),
            clean(&key.prefix).into_owned().into(),
            key.hash.to_vec().into(),
            db::to_json(&key.scopes)?.into(),
            db::to_json(&key.networks.iter().map(ToString::to_string).collect::<Vec<_>>())?.into(),
            micros(key.at).into(),
            key.expires_at.map(micros).into(),
        ];
        let row = db::one(&*tx, &sql, values).await?;
        let row = row.ok_or_else(|| Fault::internal("the hash of a new API key exists already"))?;
        let made = key_from_row(&row)?;
        tx.note(
            tenant,
            NewEntry::about(Action::ApiKeyCreated, "api_key", id).at(key.at).after(tell::api_key(&made)),
        );
        tx.commit().await?;
        Ok(made)
    }

    async fn api_keys(&self, tenant: TenantId) -> StoreResult<Vec<ApiKey>> {
        let sql = format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE tenant_id = $1 ORDER BY id DESC");
        let rows = db::all(self.reader(), &sql, [tenant.0.into()]).await?;
        Ok(rows.iter().map(key_from_row).collect::<Result<_, _>>()?)
    }

    async fn update_api_key(
        &self,
        tenant: TenantId,
        key: ApiKeyId,
        patch: ApiKeyPatch,
        by: Permissions,
        at: Timestamp,
    ) -> StoreResult<ChangedKey> {
        Ok(again(|| keys::update(self, tenant, key, &patch, by, at)).await?)
    }

    async fn revoke_api_key(
        &self,
        tenant: TenantId,
        key: ApiKeyId,
        at: Timestamp,
    ) -> StoreResult<Option<ApiKey>> {
        let sql = format!(
            "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE tenant_id = $1 AND id = $2 \
             RETURNING {KEY_COLUMNS}"
        );
        let tx = self.begin().await?;
        let row = db::one(&*tx, &sql, [tenant.0.into(), key.0.into(), micros(at).into()]).await?;
        let revoked = row.as_ref().map(key_from_row).transpose()?;
        if let Some(one) = revoked.as_ref().filter(|one| one.revoked_at == Some(db::time(micros(at)))) {
            let entry = NewEntry::about(Action::ApiKeyRevoked, "api_key", key).at(at);
            tx.note(tenant, entry.before(tell::api_key(one)));
        }
        tx.commit().await?;
        Ok(revoked)
    }

    async fn record_security_events(&self, events: Vec<NewSecurityEvent>) -> StoreResult<()> {
        Ok(security_events::record(self, events).await?)
    }

    async fn security_events(
        &self,
        tenant: TenantId,
        filter: &EventFilter,
        paging: &Paging,
    ) -> StoreResult<Page<SecurityEvent>> {
        Ok(security_events::list(self, tenant, filter, paging).await?)
    }
}

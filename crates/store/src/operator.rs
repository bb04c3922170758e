//! See `ports::operator`.

use async_trait::async_trait;
use domain::{ApiKeyId, MessageId, Timestamp};
use futures::stream::BoxStream;
use ports::StoreResult;
use ports::access::ApiKey;
use ports::connections::{Connection, ConnectionSecrets};
use ports::media::PendingMedia;
use ports::operator::{OperatorStore, Wake};
use ports::tenants::{Tenant, TenantSettings};

use crate::db::{self, Fault, Row, SqlStore, micros};
use crate::ids::{self, Kind};

#[async_trait]
impl OperatorStore for SqlStore {
    async fn ping(&self) -> StoreResult<()> {
        db::all(self.reader(), "SELECT 1 AS one", []).await?;
        Ok(())
    }

    async fn create_tenant(
        &self,
        name: &str,
        settings: &TenantSettings,
        at: Timestamp,
    ) -> StoreResult<Tenant> {
        let tx = self.begin().await?;
        let id = ids::take_one(&tx, Kind::Tenant).await?;
        let sql = "INSERT INTO tenants (tenant_id, name, settings, created_at) VALUES ($1, $2, $3, $4)";
        db::run(&*tx, sql, [id.into(), name.into(), db::to_json(settings)?.into(), micros(at).into()])
            .await?;
        tx.commit().await?;
        Ok(Tenant {
            id: domain::TenantId(id),
            name: name.to_owned(),
            settings: settings.clone(),
            created_at: at,
        })
    }

    async fn tenants(&self) -> StoreResult<Vec<Tenant>> {
        todo!()
    }

    async fn api_key_by_hash(&self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>> {
        todo!()
    }

    async fn touch_api_keys(&self, used: Vec<(ApiKeyId, Timestamp)>) -> StoreResult<()> {
        todo!()
    }

    async fn all_connections(&self) -> StoreResult<Vec<(Connection, ConnectionSecrets)>> {
        todo!()
    }

    async fn connections_version(&self) -> StoreResult<i64> {
        todo!()
    }

    async fn rule_on_doubts(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<MessageId>> {
        todo!()
    }

    async fn take_pending_media(
        &self,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<Vec<PendingMedia>> {
        todo!()
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> StoreResult<u64> {
        todo!()
    }

    async fn rotate_secrets(&self) -> StoreResult<u64> {
        todo!()
    }

    fn wakes(&self) -> BoxStream<'static, Wake> {
        self.wakes_hub().subscribe()
    }
}

//! See `ports::webhooks`.

mod account;
mod aside;
mod files;
mod inbound;
mod inbox;
mod preferences;
mod project;
mod statuses;
mod templates;
mod threads;

use async_trait::async_trait;
use domain::{ConnectionId, InboxId, InboxItemId, TenantId, Timestamp};
use ports::webhooks::{
    AsideItem, AsideReason, InboxStats, PendingWebhook, Projected, Projection, RawWebhook, WebhookStore,
};
use ports::{Page, Paging, StoreResult};

use crate::db::{SqlStore, again};

pub(crate) use account::HeardOf;

#[async_trait]
impl WebhookStore for SqlStore {
    async fn ingest(&self, bodies: Vec<RawWebhook>) -> StoreResult<Vec<InboxId>> {
        Ok(again(|| inbox::ingest(self, &bodies)).await?)
    }

    async fn take_webhooks(
        &self,
        holder: &str,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<Vec<PendingWebhook>> {
        Ok(again(|| inbox::take(self, holder, limit, now, until)).await?)
    }

    async fn project(&self, projection: Projection) -> StoreResult<Projected> {
        Ok(again(|| project::project(self, &projection)).await?)
    }

    async fn aside_items(
        &self,
        tenant: TenantId,
        reason: Option<AsideReason>,
        paging: &Paging,
    ) -> StoreResult<Page<AsideItem>> {
        Ok(aside::list(self, tenant, reason, paging).await?)
    }

    async fn unresolved_aside(
        &self,
        tenant: TenantId,
        reason: AsideReason,
        limit: u32,
    ) -> StoreResult<Vec<(AsideItem, Option<ConnectionId>)>> {
        Ok(aside::unresolved(self, tenant, reason, limit).await?)
    }

    async fn settle_aside(
        &self,
        tenant: TenantId,
        item: InboxItemId,
        applied: bool,
        why: &str,
        at: Timestamp,
    ) -> StoreResult<()> {
        Ok(again(|| aside::settle(self, tenant, item, applied, why, at)).await?)
    }

    async fn inbox_stats(&self, tenant: TenantId) -> StoreResult<InboxStats> {
        Ok(inbox::stats(self, tenant).await?)
    }

    async fn note_handshake(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        at: Timestamp,
    ) -> StoreResult<()> {
        Ok(again(|| account::note_handshake(self, tenant, connection, at)).await?)
    }
}

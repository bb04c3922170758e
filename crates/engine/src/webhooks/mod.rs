//! Webhooks from Meta: let in by their signature, kept before they are acknowledged, then projected.

mod changes;
mod content;
mod project;
mod receive;
mod refused;
mod retry;
mod routing;
mod rush;

use std::sync::Arc;
use std::time::Duration;

use domain::messages::Status;
use domain::{ConnectionId, InboxId, MessageId, TenantId};
use moka::future::Cache;
use ports::tenants::TenantSettings;
use ports::webhooks::{AsideItem, AsideReason, BroadcastFailure, InboxStats, RawWebhook};
use ports::{Page, Paging, StoreResult};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::Deps;
use crate::directory::Directory;
use crate::gather::Gather;
use crate::media::MediaFiles;
pub use receive::{Handshake, NOBODY, ReceiveError};
use refused::RefusedWebhook;
pub use retry::Redriven;
use rush::Arrivals;

/// Most bodies in one commit.
const LARGEST_BATCH: usize = 256;
/// Most refusals in one commit.
const LARGEST_REFUSAL: usize = 256;

/// Whom a projection tells what it did.
#[derive(Clone)]
pub struct Hooks {
    /// Something was queued to be sent from this connection.
    pub wake_lane: Arc<dyn Fn(ConnectionId) + Send + Sync>,
    /// Templates of this tenant changed.
    pub templates_changed: Arc<dyn Fn(TenantId) + Send + Sync>,
    /// A message of a broadcast failed after Meta had taken it.
    pub broadcast_failed: Arc<dyn Fn(TenantId, BroadcastFailure) + Send + Sync>,
    /// Messages of this tenant moved.
    pub moved: MovedHook,
}

/// Hears which messages of a tenant moved, and where each stands now.
pub type MovedHook = Arc<dyn Fn(TenantId, &[(MessageId, Status)]) + Send + Sync>;

/// The use cases of webhooks; clones share everything.
#[derive(Clone)]
pub struct Webhooks {
    deps: Deps,
    directory: Directory,
    inbox: Gather<RawWebhook, InboxId>,
    refusals: Gather<RefusedWebhook, ()>,
    projector_wake: Arc<Notify>,
    arrivals: Arrivals,
    hooks: Hooks,
    media: MediaFiles,
    settings: Cache<TenantId, Arc<TenantSettings>>,
}

impl Webhooks {
    /// Needs a running tokio runtime: its batches are gathered by tasks.
    pub fn new(deps: Deps, directory: Directory, media: MediaFiles, hooks: Hooks) -> Self {
        let store = Arc::clone(&deps.store);
        let inbox = Gather::start(2, LARGEST_BATCH, move |bodies| {
            let store = Arc::clone(&store);
            async move { store.ingest(bodies).await }
        });
        let store = Arc::clone(&deps.store);
        let refusals = Gather::start(1, LARGEST_REFUSAL, move |refused| {
            let store = Arc::clone(&store);
            async move { refused::record(store.as_ref(), refused).await }
        });
        let settings = Cache::builder().max_capacity(1_000).time_to_live(Duration::from_secs(1)).build();
        Self {
            deps,
            directory,
            inbox,
            refusals,
            projector_wake: Arc::default(),
            arrivals: Arrivals::default(),
            hooks,
            media,
            settings,
        }
    }

    /// Projects, and drives again what failed, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.clone().project_all(stop.clone()), self.drive_again(stop));
    }

    /// Items that were set aside.
    pub async fn aside(
        &self,
        tenant: TenantId,
        reason: Option<AsideReason>,
        paging: &Paging,
    ) -> StoreResult<Page<AsideItem>> {
        self.deps.store.aside_items(tenant, reason, paging).await
    }

    /// How the inbox stands.
    pub async fn stats(&self, tenant: TenantId) -> StoreResult<InboxStats> {
        self.deps.store.inbox_stats(tenant).await
    }

    async fn settings_of(&self, tenant: TenantId) -> StoreResult<Arc<TenantSettings>> {
        if let Some(known) = self.settings.get(&tenant).await {
            return Ok(known);
        }
        let tenant_row = self.deps.store.tenant(tenant).await?;
        let settings = Arc::new(tenant_row.map(|tenant| tenant.settings).unwrap_or_default());
        self.settings.insert(tenant, Arc::clone(&settings)).await;
        Ok(settings)
    }
}

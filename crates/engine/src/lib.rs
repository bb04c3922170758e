//! The use cases: what happens, in which order, when somebody sends, answers, submits or connects.
//!
//! Floor 3: sees the ports alone, neither a store nor a gateway. One file (or folder) per column, as on every floor.

pub mod access;
pub mod alerts;
pub mod analytics;
pub mod audit;
pub mod broadcasts;
pub mod connections;
pub mod consent;
pub mod contacts;
pub mod conversations;
pub mod directory;
pub mod erasure;
pub mod events;
pub mod faults;
mod gather;
pub mod health;
pub mod imports;
pub mod media;
pub mod messages;
pub mod retention;
pub mod segments;
mod statistics;
mod sweep;
pub mod telemetry;
pub mod templates;
pub mod tenants;
mod vault;
mod walk;
pub mod webhooks;

use std::path::PathBuf;
use std::sync::Arc;

use domain::{Clock, Entropy};
use ports::Store;
use ports::gateway::MetaGateway;
use ports::mail::Mailer;
use ports::notifier::Poster;
use tokio_util::sync::CancellationToken;

/// What every use case may reach.
#[derive(Clone)]
pub struct Deps {
    pub store: Arc<dyn Store>,
    pub gateway: Arc<dyn MetaGateway>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// What carries letters; [`ports::mail::NoMail`] where none is configured.
    pub mailer: Arc<dyn Mailer>,
    /// What posts to addresses that tenants gave.
    pub poster: Arc<dyn Poster>,
    pub settings: Arc<Settings>,
}

/// Settings of this node.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of this node in leases; unique among nodes.
    pub node: String,
    /// Folder for media files.
    pub media_dir: PathBuf,
    /// Folder for lists of contacts on their way in.
    pub imports_dir: PathBuf,
    /// Largest list, in bytes and in rows.
    pub import_max_bytes: u64,
    pub import_max_rows: u64,
    /// Where Meta reaches us, e.g. `https://wa.example.com`; `None`: not told, so no webhook can be subscribed.
    pub public_url: Option<String>,
    /// Calls to Meta in flight per number, at most.
    pub sends_in_flight: usize,
    /// File in which the ends of the audit trails are noted; `None`: they are not.
    pub audit_heads: Option<PathBuf>,
    /// What Meta charges, for the estimates of broadcasts.
    pub rate_card: Option<Arc<broadcasts::rates::RateCard>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "node".into(),
            media_dir: "media".into(),
            imports_dir: "imports".into(),
            import_max_bytes: 512 * 1024 * 1024,
            import_max_rows: 5_000_000,
            public_url: None,
            sends_in_flight: 256,
            audit_heads: None,
            rate_card: None,
        }
    }
}

/// All use cases of one node, wired together.
#[derive(Clone)]
pub struct Engine {
    pub access: access::Access,
    pub alerts: alerts::Alerts,
    pub analytics: analytics::Analytics,
    pub audit: audit::Audit,
    pub broadcasts: broadcasts::Broadcasts,
    pub connections: connections::Connections,
    pub consent: consent::Consent,
    pub contacts: contacts::Contacts,
    pub conversations: conversations::Conversations,
    pub directory: directory::Directory,
    pub events: events::Events,
    pub erasures: erasure::Erasures,
    pub health: health::Health,
    pub imports: imports::Imports,
    pub media: media::MediaFiles,
    pub messages: messages::Messages,
    pub retention: retention::Retention,
    pub segments: segments::Segments,
    pub templates: templates::Templates,
    pub tenants: tenants::Tenants,
    pub webhooks: webhooks::Webhooks,
    deps: Deps,
}

impl Engine {
    /// Needs a running tokio runtime. Nothing is sent or projected before [`run`](Self::run); the directory is read
    /// here, so that the first call finds its connection.
    ///
    /// # Errors
    /// The store's.
    pub async fn new(deps: Deps) -> ports::StoreResult<Self> {
        let directory = directory::Directory::new(Arc::clone(&deps.store));
        directory.refresh().await?;
        let media = media::MediaFiles::new(deps.clone());
        let messages = messages::Messages::new(deps.clone(), directory.clone(), media.clone());
        let lanes = messages.clone();
        let wake: Arc<dyn Fn(domain::ConnectionId) + Send + Sync> =
            Arc::new(move |connection| lanes.wake(connection));
        let broadcasts = broadcasts::Broadcasts::new(deps.clone(), directory.clone(), messages.clone());
        let (lookups, runner) = (messages.clone(), broadcasts.clone());
        let forget: Arc<dyn Fn(domain::TenantId) + Send + Sync> = Arc::new(move |tenant| {
            lookups.forget_templates(tenant);
            runner.wake();
        });
        let failing = messages.clone();
        let failed_late: Arc<dyn Fn(domain::TenantId, ports::webhooks::BroadcastFailure) + Send + Sync> =
            Arc::new(move |tenant, failure| failing.tap().failed_late(tenant, failure));
        let erasures = erasure::Erasures::new(deps.clone(), media.clone());
        let bulletin = messages.bulletin().clone();
        let moved: webhooks::MovedHook =
            Arc::new(move |tenant, moved| bulletin.tell(tenant, moved.iter().copied()));
        Ok(Self {
            access: access::Access::new(deps.clone()),
            alerts: alerts::Alerts::new(deps.clone()),
            analytics: analytics::Analytics::new(deps.clone()),
            audit: audit::Audit::new(deps.clone()),
            events: events::Events::new(deps.clone(), messages.bulletin().clone()),
            broadcasts,
            connections: connections::Connections::new(deps.clone(), directory.clone(), Arc::clone(&wake)),
            consent: consent::Consent::new(deps.clone()),
            contacts: contacts::Contacts::new(deps.clone()),
            conversations: conversations::Conversations::new(deps.clone()),
            health: health::Health::new(deps.clone(), messages.clone()),
            imports: imports::Imports::new(deps.clone()),
            retention: retention::Retention::new(deps.clone(), media.clone(), erasures.clone()),
            segments: segments::Segments::new(deps.clone()),
            templates: templates::Templates::new(deps.clone(), media.clone(), Arc::clone(&forget)),
            tenants: tenants::Tenants::new(deps.clone()),
            webhooks: webhooks::Webhooks::new(
                deps.clone(),
                directory.clone(),
                media.clone(),
                webhooks::Hooks {
                    wake_lane: wake,
                    templates_changed: forget,
                    broadcast_failed: failed_late,
                    moved,
                },
            ),
            directory,
            erasures,
            media,
            messages,
            deps,
        })
    }

    /// What the use cases stand on.
    pub fn deps(&self) -> &Deps {
        &self.deps
    }

    /// Runs lanes, projector, fetchers and watches until `stop`; then drains what is in flight and gives the lanes
    /// back.
    pub async fn run(&self, stop: CancellationToken) {
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.spawn(self.access.clone().run(stop.clone()));
        tasks.spawn(self.alerts.clone().run(stop.clone()));
        tasks.spawn(self.broadcasts.clone().run(stop.clone()));
        tasks.spawn(self.connections.clone().run(stop.clone()));
        tasks.spawn(self.imports.clone().run(stop.clone()));
        tasks.spawn(self.media.clone().run(stop.clone()));
        tasks.spawn(self.messages.clone().run(stop.clone()));
        tasks.spawn(self.audit.clone().run(stop.clone()));
        tasks.spawn(self.retention.clone().run(stop.clone()));
        tasks.spawn(self.templates.clone().run(stop.clone()));
        tasks.spawn(self.webhooks.clone().run(stop.clone()));
        tasks.spawn(contacts::index::run(self.deps.clone(), self.imports.clone(), stop.clone()));
        tasks.spawn(statistics::run(self.deps.clone(), stop.clone()));
        tasks.spawn(sweep::run(self.deps.clone(), stop));
        tasks.close();
        tasks.wait().await;
    }
}

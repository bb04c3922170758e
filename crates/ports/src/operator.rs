//! What crosses tenants: for the operator's commands and for the server's own tasks, never for a tenant's call.

use async_trait::async_trait;
use domain::messages::retry::ThrottleScope;
use domain::{ConnectionId, MessageId, Timestamp};

use crate::StoreResult;
use crate::access::ApiKey;
use crate::connections::{Connection, ConnectionSecrets};
use crate::health::Depths;
use crate::media::PendingMedia;
use crate::tenants::{Tenant, TenantSettings};

/// Something that another node did and this one should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Something is due, or was changed, on this connection.
    Lane(ConnectionId),
    /// A status told that Meta wants this connection's account to pause.
    Restrained(ConnectionId),
    /// Meta told this connection that its account, or its app, has to pause until then, and so have all others of these.
    Throttled { connection: ConnectionId, scope: ThrottleScope, until: Timestamp },
    /// Bodies wait in the inbox.
    Inbox,
}

/// What came of filling the index of contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indexed {
    pub contacts: u64,
    /// Others may wait that nobody else has in hand.
    pub more: bool,
}

/// Verbs over all tenants.
#[async_trait]
pub trait OperatorStore: Send + Sync {
    /// The store answers.
    async fn ping(&self) -> StoreResult<()>;
    /// Steps of the schema that this program knows and the database does not have yet, in their order.
    async fn missing_steps(&self) -> StoreResult<Vec<String>>;
    /// What waits on the whole server at `now`; each number by an index, and bounded.
    async fn depths(&self, now: Timestamp) -> StoreResult<Depths>;
    /// Makes a tenant.
    async fn create_tenant(
        &self,
        name: &str,
        settings: &TenantSettings,
        at: Timestamp,
    ) -> StoreResult<Tenant>;
    /// All, by id.
    async fn tenants(&self) -> StoreResult<Vec<Tenant>>;
    /// The key with this hash, revoked and expired ones too (the caller tells them apart).
    async fn api_key_by_hash(&self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>>;
    /// Notes when keys were last used; one commit, lossy.
    async fn touch_api_keys(&self, used: Vec<(domain::ApiKeyId, Timestamp)>) -> StoreResult<()>;
    /// Every connection with its secrets, for verifying webhooks and running lanes.
    async fn all_connections(&self) -> StoreResult<Vec<(Connection, ConnectionSecrets)>>;
    /// A number that moves up whenever any connection (or its secrets) is made, changed or removed; cheap.
    async fn connections_version(&self) -> StoreResult<i64>;
    /// `in_doubt` messages whose tenant's time for a ruling has come: those of `Fail` are now `failed` with code
    /// `SEND_OUTCOME_UNKNOWN`; one commit. At most `limit`.
    async fn rule_on_doubts(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<MessageId>>;
    /// Inbound files to fetch, taken until `until`.
    async fn take_pending_media(
        &self,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<Vec<PendingMedia>>;
    /// Forgets what has served its time (idempotency keys after 24 h, projected raw bodies after 7 days, orphan statuses after 30 days,
    /// recipients of removed broadcasts and rows of lists that
    /// are no broadcast's any more at once, rows of an upload that does not go on after an hour), at most `limit` rows of each; answers how many.
    async fn sweep(&self, now: Timestamp, limit: u32) -> StoreResult<u64>;
    /// Lets searches find contacts whose text changed by the index (before, they look at each of them), at most `limit`,
    /// and at most as many as others who write hardly notice; one commit.
    async fn index_contacts(&self, limit: u32) -> StoreResult<Indexed>;
    /// Counts anew what has doubled since it was counted, where the engine below plans by such counts and would do so too late
    /// by itself; answers how many tables that were. To be called every few seconds; costs one read when nothing grew.
    async fn gather_statistics(&self) -> StoreResult<u64>;
    /// Seals every secret anew with the current key; answers how many were sealed with an older one.
    async fn rotate_secrets(&self) -> StoreResult<u64>;
    /// Tells this node and the others; a hint, which may be lost.
    fn tell(&self, wake: Wake);
    /// What happens from now on, on this node and on others; a slow reader loses the oldest.
    fn wakes(&self) -> futures::stream::BoxStream<'static, Wake>;
}

//! API keys and security events; members, roles and accounts in files of their own.

pub mod accounts;
pub mod members;

use async_trait::async_trait;
use domain::access::Scope;
use domain::access::permissions::{Permission, Permissions};
use domain::addresses::Networks;
use domain::{ApiKeyId, ConnectionId, SecurityEventId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Page, Paging, StoreResult};

/// A key as it is kept: never the key itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub tenant_id: TenantId,
    pub name: String,
    /// The first characters, so that a person can tell keys apart.
    pub prefix: String,
    pub scopes: Vec<Scope>,
    /// From where it may be used; none: from everywhere.
    pub networks: Networks,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A key to be kept.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub name: String,
    pub prefix: String,
    /// SHA-256 of the whole key (256 random bits need no slow hash).
    pub hash: [u8; 32],
    pub scopes: Vec<Scope>,
    /// None: from everywhere.
    pub networks: Networks,
    pub expires_at: Option<Timestamp>,
    pub at: Timestamp,
}

/// What to change of a key; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApiKeyPatch {
    pub name: Option<String>,
    pub scopes: Option<Vec<Scope>>,
    pub networks: Option<Networks>,
    /// `Some(None)`: until it is revoked.
    pub expires_at: Option<Option<Timestamp>>,
}

/// What came of changing a key.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangedKey {
    /// As it is now.
    Changed(ApiKey),
    NotFound,
    /// It may do, or would be able to do, this, which is more than who changes it.
    Beyond(Permission),
    /// Nobody wakes a key that was revoked.
    Revoked,
}

/// Something that should not have happened at the door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityEvent {
    pub id: SecurityEventId,
    pub tenant_id: TenantId,
    /// `webhook_signature_invalid`, `api_key_refused`, …
    pub kind: String,
    pub connection_id: Option<ConnectionId>,
    /// The client's address as seen.
    pub address: Option<String>,
    pub reason: String,
    /// First seen.
    pub at: Timestamp,
    /// Last seen; equal ones within a minute are counted, not repeated.
    pub last_at: Timestamp,
    pub count: i64,
}

/// A security event to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSecurityEvent {
    pub tenant_id: TenantId,
    pub kind: String,
    pub connection_id: Option<ConnectionId>,
    pub address: Option<String>,
    pub reason: String,
    pub at: Timestamp,
    /// How often it happened, at least once.
    pub count: i64,
}

/// In the place of a tenant, for what happened at no tenant's door, such as a login with an address that nobody has.
pub const NOBODYS: TenantId = TenantId(0);

/// Which security events are wanted; `None`: any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    pub kind: Option<String>,
    pub address: Option<String>,
    /// Last seen at this time or later.
    pub since: Option<Timestamp>,
    /// First seen before this time.
    pub until: Option<Timestamp>,
}

/// Verbs on keys and security events.
#[async_trait]
pub trait AccessStore: Send + Sync {
    /// Keeps a key. A hash that exists already is a defect (256 random bits).
    async fn create_api_key(&self, tenant: TenantId, key: NewApiKey) -> StoreResult<ApiKey>;
    /// All keys of the tenant, newest first, revoked ones too.
    async fn api_keys(&self, tenant: TenantId) -> StoreResult<Vec<ApiKey>>;
    /// Changes a key, in one commit with the audit entry (none when nothing differs). `by` is what the one who changes may
    /// do: nobody gives more, nor changes a key that may do more. A repeat changes nothing.
    async fn update_api_key(
        &self,
        tenant: TenantId,
        key: ApiKeyId,
        patch: ApiKeyPatch,
        by: Permissions,
        at: Timestamp,
    ) -> StoreResult<ChangedKey>;
    /// Revokes at once; a repeat keeps the first time. `None` when there is no such key.
    async fn revoke_api_key(
        &self,
        tenant: TenantId,
        key: ApiKeyId,
        at: Timestamp,
    ) -> StoreResult<Option<ApiKey>>;
    /// Keeps events, all in one commit; one that equals an earlier one (tenant, kind, connection, address, reason) of the last 60 s
    /// raises its count instead.
    async fn record_security_events(&self, events: Vec<NewSecurityEvent>) -> StoreResult<()>;
    /// Newest first.
    async fn security_events(
        &self,
        tenant: TenantId,
        filter: &EventFilter,
        paging: &Paging,
    ) -> StoreResult<Page<SecurityEvent>>;
}

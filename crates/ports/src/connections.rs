//! Connections and their secrets.

use async_trait::async_trait;
use domain::connections::ConnectionState;
use domain::pacing::Rate;
use domain::{ConnectionId, TenantId, Timestamp};
use secrecy::SecretString;
use serde::Serialize;

use crate::StoreResult;
use crate::alerts::NewAlert;

/// A connection without its secrets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Connection {
    pub id: ConnectionId,
    pub tenant_id: TenantId,
    pub name: String,
    pub phone_number_id: String,
    pub waba_id: String,
    /// The business portfolio that owns the account, once known.
    pub business_id: Option<String>,
    pub app_id: Option<String>,
    /// E.164 as Meta shows it, once known.
    pub display_phone_number: Option<String>,
    pub verified_name: Option<String>,
    /// `GREEN`, `YELLOW`, `RED`, …
    pub quality_rating: Option<String>,
    /// `TIER_250` … `TIER_UNLIMITED`.
    pub messaging_limit: Option<String>,
    pub state: ConnectionState,
    /// Why it is not active.
    pub state_reason: Option<String>,
    /// Used when a send names no connection; exactly one per tenant that has any.
    pub is_default: bool,
    /// What Meta allows this number (default 80 per second).
    pub rate: Rate,
    /// Where the Graph API is, e.g. `https://graph.facebook.com`.
    pub graph_url: String,
    /// `None`: never, or not known yet.
    pub token_expires_at: Option<Timestamp>,
    /// Last time Meta's handshake on the webhook URL succeeded.
    pub handshake_at: Option<Timestamp>,
    /// Last time a webhook with a good signature came in.
    pub last_webhook_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The secrets of a connection, opened.
#[derive(Debug, Clone)]
pub struct ConnectionSecrets {
    pub access_token: SecretString,
    pub app_secret: SecretString,
    pub verify_token: SecretString,
}

/// A connection to be made.
#[derive(Debug, Clone)]
pub struct NewConnection {
    pub name: String,
    pub phone_number_id: String,
    pub waba_id: String,
    pub app_id: Option<String>,
    pub display_phone_number: Option<String>,
    pub secrets: ConnectionSecrets,
    pub rate: Rate,
    pub graph_url: String,
    pub token_expires_at: Option<Timestamp>,
    /// The first connection of a tenant becomes the default whatever this says.
    pub is_default: bool,
    pub at: Timestamp,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct ConnectionPatch {
    pub name: Option<String>,
    pub business_id: Option<String>,
    pub app_id: Option<String>,
    pub display_phone_number: Option<String>,
    pub verified_name: Option<String>,
    pub quality_rating: Option<String>,
    pub messaging_limit: Option<String>,
    pub access_token: Option<SecretString>,
    pub app_secret: Option<SecretString>,
    pub verify_token: Option<SecretString>,
    pub rate: Option<Rate>,
    pub graph_url: Option<String>,
    /// `Some(None)`: never expires.
    pub token_expires_at: Option<Option<Timestamp>>,
    pub handshake_at: Option<Timestamp>,
    /// `Some(true)` takes the default from the other; `Some(false)` is refused by the engine.
    pub is_default: Option<bool>,
    /// New state and its reason.
    pub state: Option<(ConnectionState, Option<String>)>,
}

/// How a connection broke.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Broken {
    pub reason: String,
    /// When its token ended, if that is why and another time was known.
    pub token_expired_at: Option<Timestamp>,
    /// Raised when this call moved the connection.
    pub alert: Option<NewAlert>,
}

impl Broken {
    /// For this reason, with no alert.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }
}

/// What came of making one.
#[derive(Debug, Clone)]
pub enum CreatedConnection {
    Created(Connection),
    /// This number is linked already, in this tenant (with its id) or in another (without).
    Exists(Option<ConnectionId>),
}

/// Verbs on connections.
#[async_trait]
pub trait ConnectionStore: Send + Sync {
    /// Makes one; a phone number id is unique in the whole store. Atomic with moving the default.
    async fn create_connection(
        &self,
        tenant: TenantId,
        connection: NewConnection,
    ) -> StoreResult<CreatedConnection>;
    /// One.
    async fn connection(&self, tenant: TenantId, connection: ConnectionId)
    -> StoreResult<Option<Connection>>;
    /// All of the tenant, the default first, then by id.
    async fn connections(&self, tenant: TenantId) -> StoreResult<Vec<Connection>>;
    /// Its secrets, opened.
    async fn connection_secrets(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> StoreResult<Option<ConnectionSecrets>>;
    /// Changes it in one commit; `None` when there is none.
    async fn update_connection(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        patch: ConnectionPatch,
        at: Timestamp,
    ) -> StoreResult<Option<Connection>>;
    /// Moves `active → error` with all that belongs to it in one commit, and says whether this call moved it.
    async fn break_connection(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        broken: &Broken,
        at: Timestamp,
    ) -> StoreResult<bool>;
    /// Removes it; its messages and conversations stay. False when there is none. When it was the default, the
    /// oldest other one becomes the default. In the same commit what waits in its queue is `cancelled`, and what is
    /// being sent is `in_doubt` (both with an event): the answers to those calls still count when they say `Sent`,
    /// and a status webhook settles them, should their number be linked again.
    async fn delete_connection(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        at: Timestamp,
    ) -> StoreResult<bool>;
}

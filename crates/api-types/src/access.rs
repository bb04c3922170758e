//! API keys and security events.

pub mod members;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::read::Change;

words! {
    /// What a key may do. Each scope stands alone: `manage` does not include `send`.
    Scope = domain::access::Scope {
        /// Look at everything but secrets.
        Read = "read",
        /// Send messages, mark read, answer conversations.
        Send = "send",
        /// Change contacts, templates, connections, keys, settings.
        Manage = "manage",
    }
}

/// A key as it can be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    pub id: i64,
    pub name: String,
    /// Its first characters, so that keys can be told apart.
    #[schema(example = "wxk_3f9a")]
    pub prefix: String,
    pub scopes: Vec<Scope>,
    /// From where it may be used; empty: from everywhere.
    #[schema(example = json!(["203.0.113.0/24"]))]
    pub networks: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// To within a minute.
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A key that was just made: the only time that it is shown.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedApiKey {
    #[serde(flatten)]
    pub key: ApiKey,
    /// The key itself: keep it now, it is not shown again.
    #[schema(example = "wxk_3f9a…")]
    pub secret: String,
}

impl std::fmt::Debug for CreatedApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedApiKey").field("key", &self.key).finish_non_exhaustive()
    }
}

request! {
    /// A key to be made.
    CreateApiKey {
        name: String [1, 100],
        /// At least one.
        scopes: Vec<Scope>,
        /// Absent: until it is revoked.
        expires_at: Option<jiff::Timestamp>,
        /// From where it may be used, such as `203.0.113.0/24` or a single address; absent or empty: from everywhere.
        networks: Option<Vec<String>> [1, 64],
    }
}

request! {
    /// What to change; an absent member stays as it is. The key itself stays the same, and is not shown.
    UpdateApiKey {
        name: Option<String> [1, 100],
        /// At least one.
        scopes: Option<Vec<Scope>>,
        /// Null: until it is revoked.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<jiff::Timestamp>, required = false)]
        expires_at: Change<jiff::Timestamp>,
        /// Empty: from everywhere.
        networks: Option<Vec<String>> [1, 64],
    }
}

/// Something that should not have happened at the door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SecurityEvent {
    pub id: i64,
    /// `webhook_signature_invalid`, `api_key_refused`, `api_key_elsewhere`, `login_failed`, `login_throttled`
    #[schema(example = "webhook_signature_invalid")]
    pub kind: String,
    pub connection_id: Option<i64>,
    /// The client's address as seen.
    pub address: Option<String>,
    pub reason: String,
    /// First seen.
    pub at: Timestamp,
    /// Last seen; equal ones within a minute are counted, not repeated.
    pub last_at: Timestamp,
    pub count: i64,
}

query! {
    /// Which security events are wanted.
    SecurityEventQuery {
        /// E.g. `login_failed`.
        kind: Option<String>,
        /// The client's address.
        address: Option<String>,
        /// Last seen at this time or later.
        since: Option<Timestamp>,
        /// First seen before this time.
        until: Option<Timestamp>,
    }
}

//! Connections: links to WhatsApp Business phone numbers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::read::Secret;

words! {
    /// Whether a connection can send.
    ConnectionState = domain::connections::ConnectionState {
        Active = "active",
        /// Meta refused it; the queue stands still with nothing failed until it is reconnected.
        Error = "error",
        /// Switched off by the tenant.
        Disabled = "disabled",
    }
}

/// A connection; its secrets are never shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    pub id: i64,
    pub name: String,
    /// Meta's id of the number.
    pub phone_number_id: String,
    /// Meta's id of the WhatsApp Business Account.
    pub waba_id: String,
    /// Meta's id of the business portfolio that owns the account, once Meta told it: its numbers share one messaging limit.
    pub business_id: Option<String>,
    pub app_id: Option<String>,
    pub display_phone_number: Option<String>,
    pub verified_name: Option<String>,
    #[schema(example = "GREEN")]
    pub quality_rating: Option<String>,
    #[schema(example = "TIER_1K")]
    pub messaging_limit: Option<String>,
    pub state: ConnectionState,
    /// Why it is not active.
    pub state_reason: Option<String>,
    /// Used when a send names no connection.
    pub is_default: bool,
    pub rate_limit: RateLimit,
    pub graph_url: String,
    /// Where Meta posts its webhooks.
    pub webhook_path: String,
    /// `null`: never, or not known yet.
    pub token_expires_at: Option<Timestamp>,
    /// Last time Meta's handshake on the webhook URL succeeded.
    pub handshake_at: Option<Timestamp>,
    pub last_webhook_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

request! {
    /// Messages per period that Meta allows a number.
    RateLimit {
        #[schema(minimum = 1, example = 80)]
        limit: u32,
        /// From 1 to 86400.
        #[schema(minimum = 1, maximum = 86400, example = 1)]
        period_seconds: u32,
    }
}

request! {
    /// A number to be linked.
    CreateConnection {
        name: String [1, 256],
        /// Meta's id of the number.
        phone_number_id: String [1, 64],
        /// Meta's id of the WhatsApp Business Account.
        waba_id: String [1, 64],
        /// Meta's id of the app; found by the token when absent.
        app_id: Option<String> [1, 64],
        #[schema(value_type = String, format = Password)]
        access_token: Secret,
        #[schema(value_type = String, format = Password)]
        app_secret: Secret,
        /// What Meta must say in its handshake; made up when absent, and then shown once.
        #[schema(value_type = Option<String>, format = Password)]
        verify_token: Option<Secret>,
        /// Absent: what Meta says the number may send, else 80 per second.
        rate_limit: Option<RateLimit>,
        /// Absent: `https://graph.facebook.com`.
        graph_url: Option<String> [1, 2048],
        is_default: Option<bool>,
    }
}

request! {
    /// What to change; an absent member stays as it is.
    UpdateConnection {
        name: Option<String> [1, 256],
        #[schema(value_type = Option<String>, format = Password)]
        app_secret: Option<Secret>,
        #[schema(value_type = Option<String>, format = Password)]
        verify_token: Option<Secret>,
        app_id: Option<String> [1, 64],
        rate_limit: Option<RateLimit>,
        graph_url: Option<String> [1, 2048],
        /// `true` takes the default from the other; `false` is refused.
        is_default: Option<bool>,
        /// `true` switches it off, `false` on again.
        disabled: Option<bool>,
    }
}

request! {
    /// A new access token; absent: the one that is kept is tried again.
    Reconnect {
        #[schema(value_type = Option<String>, format = Password)]
        access_token: Option<Secret>,
        /// A new app secret, when that was changed too.
        #[schema(value_type = Option<String>, format = Password)]
        app_secret: Option<Secret>,
    }
}

/// A connection that is active again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reconnected {
    #[serde(flatten)]
    pub connection: Connection,
    /// What should be looked at.
    pub warnings: Vec<String>,
}

words! {
    /// How a check came out.
    CheckResult {
        Passed = "passed",
        /// Works now; somebody should act before it does not.
        Warning = "warning",
        Failed = "failed",
    }
}

/// One check of a connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    #[schema(example = "token_valid")]
    pub name: String,
    pub result: CheckResult,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// All checks of a connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// No check failed.
    pub healthy: bool,
    pub checks: Vec<Check>,
    /// With what Meta just told about it.
    pub connection: Connection,
    pub at: Timestamp,
}

/// A connection that was just made.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedConnection {
    #[serde(flatten)]
    pub connection: Connection,
    /// The verify token, when it was made up here: keep it now, it is not shown again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verify_token: Option<String>,
    /// What could not be checked, or should be looked at.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for CreatedConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedConnection").field("connection", &self.connection).finish_non_exhaustive()
    }
}

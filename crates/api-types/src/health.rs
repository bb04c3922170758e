//! Health: does it work, and if not, why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::connections::ConnectionState;

words! {
    /// The word for the whole.
    HealthStatus {
        Healthy = "healthy",
        Degraded = "degraded",
        Unhealthy = "unhealthy",
    }
}

words! {
    /// What was looked at.
    HealthCheck {
        Connection = "connection",
        RateLimit = "rate_limit",
        PendingMessages = "pending_messages",
        FailedMessages = "failed_messages_24h",
        Templates = "templates",
    }
}

words! {
    /// How much a reason weighs: `warning` degrades, `critical` makes unhealthy.
    ReasonSeverity {
        Info = "info",
        Warning = "warning",
        Critical = "critical",
    }
}

/// How the account stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    pub status: HealthStatus,
    pub checks: HealthChecks,
    /// Why it is not (only) healthy, the worst first.
    pub reasons: Vec<HealthReason>,
    pub at: Timestamp,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthChecks {
    pub connection: ConnectionHealth,
    pub rate_limit: RateLimitHealth,
    /// Messages on their way: waiting, scheduled or being sent; counted up to 100,000.
    pub pending_messages: i64,
    /// There are more than were counted.
    pub pending_messages_more: bool,
    /// Messages that failed within 24 hours and were not tried again; counted up to 100,000.
    pub failed_messages_24h: i64,
    /// There are more than were counted.
    pub failed_messages_24h_more: bool,
    pub templates: TemplateHealth,
}

/// The numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionHealth {
    pub status: HealthStatus,
    /// The default one first.
    pub numbers: Vec<NumberHealth>,
}

/// A number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NumberHealth {
    pub connection_id: i64,
    pub name: String,
    pub is_default: bool,
    pub status: HealthStatus,
    pub state: ConnectionState,
    pub state_reason: Option<String>,
    /// Nothing: never, or not known.
    pub token_expires_at: Option<Timestamp>,
    /// When Meta last called the webhook address for the handshake.
    pub handshake_at: Option<Timestamp>,
    pub last_webhook_at: Option<Timestamp>,
    /// A server sends from this number.
    pub lane_held: bool,
}

/// The pace of the numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RateLimitHealth {
    pub status: HealthStatus,
    pub numbers: Vec<NumberPace>,
}

/// The pace of a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NumberPace {
    pub connection_id: i64,
    /// Messages per period.
    #[schema(example = 80)]
    pub limit: u32,
    #[schema(example = "1 second")]
    pub period: String,
    /// Meta slowed it down, or told it to pause.
    pub throttled: bool,
    /// Nothing is sent before then.
    pub throttled_until: Option<Timestamp>,
    /// The share of the limit that was used in the last minute, from 0 to 1.
    #[schema(example = 0.25)]
    pub in_use: f64,
}

/// Templates, counted by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateHealth {
    pub approved: i64,
    pub pending: i64,
    pub rejected: i64,
    pub paused: i64,
    pub disabled: i64,
}

/// Why it is not (only) healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthReason {
    pub check: HealthCheck,
    pub severity: ReasonSeverity,
    /// The number that it is about.
    pub connection_id: Option<i64>,
    #[schema(example = "Main: its access token ends within a day")]
    pub what: String,
    #[schema(example = "Give it a new access token: POST …/connections/{id}/reconnect.")]
    pub what_to_do: String,
}

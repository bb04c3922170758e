//! Alerts: conditions that somebody should look at.

pub mod channels;
pub mod rules;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// How bad.
    Severity {
        Info = "info",
        Warning = "warning",
        Critical = "critical",
    }
}

/// Who did something to an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertActor {
    /// `api_key` or `member`; `null`: it was done before this was kept.
    #[schema(example = "member")]
    pub kind: Option<String>,
    /// Of the key or the member.
    pub id: Option<i64>,
    /// What the key or the member was called then.
    pub name: Option<String>,
}

/// An alert, open until `resolved_at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    pub id: i64,
    /// `token_expired`, `token_expiring`, `webhook_signature_invalid`, …
    #[schema(example = "token_expired")]
    pub kind: String,
    /// What it is about.
    #[schema(example = "connection:3")]
    pub subject: String,
    pub severity: Severity,
    pub message: String,
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
    pub opened_at: Timestamp,
    /// Last occurrence.
    pub last_at: Timestamp,
    /// Occurrences.
    pub count: i64,
    pub acknowledged_at: Option<Timestamp>,
    /// Who acknowledged it first.
    pub acknowledged_by: Option<AlertActor>,
    pub resolved_at: Option<Timestamp>,
}

words! {
    /// A step in an alert's life.
    Happened {
        Opened = "opened",
        /// It got worse: another alert took its place.
        Escalated = "escalated",
        Acknowledged = "acknowledged",
        Resolved = "resolved",
    }
}

/// What happened to an alert, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertEvent {
    pub id: i64,
    pub happened: Happened,
    pub at: Timestamp,
    /// Who did it; `null`: the server by itself.
    pub by: Option<AlertActor>,
}

/// An alert with all that happened to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertWithHistory {
    #[serde(flatten)]
    pub alert: Alert,
    /// Oldest first.
    pub history: Vec<AlertEvent>,
}

query! {
    /// Which alerts are wanted.
    AlertQuery {
        /// Only those open, or only those resolved.
        open: Option<bool>,
    }
}

//! Alerts: conditions that somebody should look at.

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
    pub resolved_at: Option<Timestamp>,
}

query! {
    /// Which alerts are wanted.
    AlertQuery {
        /// Only those open, or only those resolved.
        open: Option<bool>,
    }
}

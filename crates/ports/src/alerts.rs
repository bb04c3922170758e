//! Alerts: conditions that somebody should look at. One row per condition, not per occurrence.

use async_trait::async_trait;
use domain::{AlertId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Page, Paging, StoreResult};

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// From the store's word; anything unknown is critical rather than overlooked.
    pub fn from_word(word: &str) -> Self {
        match word {
            "info" => Self::Info,
            "warning" => Self::Warning,
            _ => Self::Critical,
        }
    }
}

/// An alert, open until `resolved_at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub id: AlertId,
    /// `token_expired`, `token_expiring`, `webhook_signature_invalid`, …
    pub kind: String,
    /// What it is about, e.g. `connection:3`; one alert is open per kind and subject.
    pub subject: String,
    pub severity: Severity,
    pub message: String,
    pub details: serde_json::Value,
    pub opened_at: Timestamp,
    pub last_at: Timestamp,
    pub count: i64,
    pub acknowledged_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
}

/// An occurrence of a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAlert {
    pub tenant_id: TenantId,
    pub kind: String,
    pub subject: String,
    pub severity: Severity,
    pub message: String,
    pub details: serde_json::Value,
    pub at: Timestamp,
    /// How many occurrences this stands for.
    pub count: i64,
}

/// Verbs on alerts.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Opens an alert per (tenant, kind, subject) or, when one is open, raises its count and last time; atomic also
    /// when several nodes raise the same at once. Answers for each whether it was opened by this call.
    async fn raise_alerts(&self, alerts: Vec<NewAlert>) -> StoreResult<Vec<bool>>;
    /// Resolves the open alert of this kind and subject, if there is one.
    async fn resolve_alert(
        &self,
        tenant: TenantId,
        kind: &str,
        subject: &str,
        at: Timestamp,
    ) -> StoreResult<bool>;
    /// Keeps the first acknowledgement; `None` when there is no such alert.
    async fn acknowledge_alert(
        &self,
        tenant: TenantId,
        alert: AlertId,
        at: Timestamp,
    ) -> StoreResult<Option<Alert>>;
    /// Newest first; `open` keeps only those open or only those resolved.
    async fn alerts(&self, tenant: TenantId, open: Option<bool>, paging: &Paging)
    -> StoreResult<Page<Alert>>;
}

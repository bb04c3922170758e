//! Alerts: conditions that somebody should look at. One row per condition, not per occurrence.

pub mod channels;
pub mod rules;

use async_trait::async_trait;
pub use domain::alerts::Severity;
use domain::audit::{Actor, ActorKind};
use domain::{AlertId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Page, Paging, StoreResult};

/// The kind of alert of a broadcast that stopped by itself, or reached nobody.
pub const BROADCAST_STOPPED: &str = "broadcast_stopped";

/// Who did something to an alert: what they were called then, and by what they are known for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// `None`: it was done before this was kept.
    pub kind: Option<ActorKind>,
    /// Of the key or the member.
    pub id: Option<i64>,
    pub name: Option<String>,
}

impl From<&Actor> for By {
    fn from(actor: &Actor) -> Self {
        Self { kind: Some(actor.kind), id: actor.id, name: actor.name.clone() }
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
    /// Who acknowledged it first.
    pub acknowledged_by: Option<By>,
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

/// A step in an alert's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    Opened,
    /// It got worse: another alert took its place.
    Escalated,
    Acknowledged,
    Resolved,
}

impl Happened {
    /// The store's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Escalated => "escalated",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

impl std::str::FromStr for Happened {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Opened, Self::Escalated, Self::Acknowledged, Self::Resolved]
            .into_iter()
            .find(|happened| happened.as_str() == word)
            .ok_or_else(|| format!("nothing happens to an alert that is called \"{word}\""))
    }
}

/// What happened to an alert, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// Ascending over all alerts of all tenants.
    pub id: i64,
    pub alert_id: AlertId,
    pub happened: Happened,
    pub at: Timestamp,
    /// Who did it; `None`: the server by itself.
    pub by: Option<By>,
}

/// Verbs on alerts. Each writes the alert's history, and what is to be told of it on the tenant's channels, in the
/// same commit.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Opens an alert per (tenant, kind, subject) or, when one is open, raises its count and last time; atomic also
    /// when several nodes raise the same at once. Answers for each whether it was opened by this call.
    async fn raise_alerts(&self, alerts: Vec<NewAlert>) -> StoreResult<Vec<bool>>;
    /// Like raising, but nothing is counted when one is open; one of lower severity that is open is resolved and gives
    /// way to this one, in the same commit. True when this call opened it.
    async fn escalate_alert(&self, alert: NewAlert) -> StoreResult<bool>;
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
        by: &Actor,
        at: Timestamp,
    ) -> StoreResult<Option<Alert>>;
    /// One, with its history, oldest first.
    async fn alert(&self, tenant: TenantId, alert: AlertId) -> StoreResult<Option<(Alert, Vec<AlertEvent>)>>;
    /// Newest first; `open` keeps only those open or only those resolved.
    async fn alerts(&self, tenant: TenantId, open: Option<bool>, paging: &Paging)
    -> StoreResult<Page<Alert>>;
    /// Those open, of these kinds.
    async fn open_alerts(&self, tenant: TenantId, kinds: &[&str]) -> StoreResult<Vec<Alert>>;
    /// What happened after the event `after`, oldest first, at most `limit`. An event may come after one with a higher
    /// id when several nodes write at once.
    async fn alert_events(
        &self,
        tenant: TenantId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<(AlertEvent, Alert)>>;
    /// The id of the last event; 0: none yet.
    async fn last_alert_event(&self, tenant: TenantId) -> StoreResult<i64>;
}

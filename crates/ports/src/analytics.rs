//! Figures by the hour, and what else rules look at.

use async_trait::async_trait;
use domain::analytics::Metric;
use domain::{ConnectionId, TemplateId, TenantId, Timestamp};

use crate::StoreResult;

/// A sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    pub metric: Metric,
    /// What the figure is parted by, see [`Metric`]; 0: nothing.
    pub key: i64,
    pub count: i64,
}

/// A sum of one day (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayFigure {
    /// Days since 1970.
    pub day: i64,
    pub metric: Metric,
    pub count: i64,
}

/// What waits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Of each active connection that has something due: since when the oldest of it is.
    pub oldest_due: Vec<(ConnectionId, Timestamp)>,
    /// Messages in doubt since before the moment asked for.
    pub in_doubt: i64,
}

/// A template, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateMark {
    pub id: TemplateId,
    pub name: String,
    pub language: String,
    /// Meta's word in lower case.
    pub category: String,
    pub status: String,
    pub updated_at: Timestamp,
}

/// Verbs on figures. They are counted in the commit that writes the rows, so that a sum always equals them.
#[async_trait]
pub trait AnalyticsStore: Send + Sync {
    /// Sums over the hours `[from, until)` (since 1970, UTC), by metric and key; what is 0 is left out.
    async fn figures(&self, tenant: TenantId, from: i64, until: i64) -> StoreResult<Vec<Figure>>;
    /// Sums over the same hours by day and metric, oldest first.
    async fn figures_by_day(&self, tenant: TenantId, from: i64, until: i64) -> StoreResult<Vec<DayFigure>>;
    /// What waits to be sent, and what is in doubt since before `doubts_before`.
    async fn backlog(&self, tenant: TenantId, doubts_before: Timestamp) -> StoreResult<Backlog>;
    /// Every template that is not deleted, by id.
    async fn template_marks(&self, tenant: TenantId) -> StoreResult<Vec<TemplateMark>>;
}

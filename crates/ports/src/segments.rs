//! Segments: saved questions about contacts.

use async_trait::async_trait;
use domain::segments::Rule;
use domain::{BroadcastId, SegmentId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Page, Paging, StoreResult};

/// A saved question; its name is unique per tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    pub id: SegmentId,
    pub name: String,
    pub rule: Rule,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SegmentPatch {
    pub name: Option<String>,
    pub rule: Option<Rule>,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum UpdatedSegment {
    Updated(Segment),
    NotFound,
    /// The new name belongs to this other segment.
    Taken(SegmentId),
}

/// What came of removing one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovedSegment {
    Removed,
    NotFound,
    /// These broadcasts, which have not begun, go to it; some of them, when they are very many. Nothing changed.
    Used(Vec<BroadcastId>),
}

/// How many contacts answer to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub contacts: u64,
    /// Those of them who are opted in.
    pub opted_in: u64,
}

/// Verbs on segments.
#[async_trait]
pub trait SegmentStore: Send + Sync {
    /// Makes one; `Err(id)` when the name is taken.
    async fn create_segment(
        &self,
        tenant: TenantId,
        name: &str,
        rule: &Rule,
        at: Timestamp,
    ) -> StoreResult<Result<Segment, SegmentId>>;
    /// One.
    async fn segment(&self, tenant: TenantId, segment: SegmentId) -> StoreResult<Option<Segment>>;
    /// By name; knows cursors.
    async fn segments(&self, tenant: TenantId, paging: &Paging) -> StoreResult<Page<Segment>>;
    /// Changes it in one commit.
    async fn update_segment(
        &self,
        tenant: TenantId,
        segment: SegmentId,
        patch: SegmentPatch,
        at: Timestamp,
    ) -> StoreResult<UpdatedSegment>;
    /// Removes it; broadcasts that were started keep their rule, and one that was not yet keeps it from being removed.
    async fn delete_segment(&self, tenant: TenantId, segment: SegmentId) -> StoreResult<RemovedSegment>;
    /// Counts, now, the contacts that a rule means; those merged into others are left out. `now` is what its days
    /// and windows are reckoned from.
    async fn count_contacts(&self, tenant: TenantId, rule: &Rule, now: Timestamp) -> StoreResult<Counted>;
}

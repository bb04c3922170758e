//! Health: what is counted for the answer to "does it work?", cheap however much there is.

use async_trait::async_trait;
use domain::health::{Sample, TemplateCounts};
use domain::{ConnectionId, MessageId, TenantId, Timestamp};

use crate::StoreResult;
use crate::lanes::PaceState;

/// Counts stop here: whoever has more waiting needs no exact number, and counting on would take longer than the
/// answer is worth.
pub const COUNTED_TO: i64 = 100_000;

/// A count that stops at [`COUNTED_TO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    pub count: i64,
    /// There are more.
    pub more: bool,
}

impl Counted {
    /// Of rows that were read up to one more than [`COUNTED_TO`].
    pub fn of(rows: i64) -> Self {
        Self { count: rows.min(COUNTED_TO), more: rows > COUNTED_TO }
    }
}

/// A number's queue and lane.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberRow {
    pub connection_id: ConnectionId,
    /// What the lane's holder last kept of its pace.
    pub pace: Option<PaceState>,
    /// Until when the lane is held; `None`: nobody holds it.
    pub held_until: Option<Timestamp>,
    /// When the message became due that waits longest, those being sent and those of paused broadcasts not counted.
    pub oldest_due_at: Option<Timestamp>,
}

/// What is counted of a tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HealthCounts {
    /// By id.
    pub numbers: Vec<NumberRow>,
    /// Messages on their way: waiting, scheduled or being sent.
    pub pending: Counted,
    /// Messages that failed since the asked time and were not tried again.
    pub failed: Counted,
    pub templates: TemplateCounts,
    /// Of the latest messages since the asked time, those that Meta took or that failed.
    pub sample: Sample,
    /// The oldest message in doubt, and since when it is.
    pub in_doubt: Option<(MessageId, Timestamp)>,
}

/// Messages of one priority that are due and wait, of all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Of each number at most [`COUNTED_TO`].
    pub due: i64,
    pub oldest_due_at: Option<Timestamp>,
}

/// What waits on the whole server, of all tenants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Depths {
    /// By priority: replies, transactional, bulk.
    pub queues: [QueueDepth; 3],
    /// Being sent.
    pub sending: i64,
    /// In doubt; at most [`COUNTED_TO`].
    pub in_doubt: i64,
    /// Raw webhooks that wait to be projected; at most [`COUNTED_TO`].
    pub inbox: i64,
    pub inbox_oldest_at: Option<Timestamp>,
    pub broadcasts_sending: i64,
    pub broadcasts_scheduled: i64,
}

/// Verbs of health. They only read, each number by an index.
#[async_trait]
pub trait HealthStore: Send + Sync {
    /// What is counted of a tenant; failures and the sample since `since`.
    async fn health_counts(&self, tenant: TenantId, since: Timestamp) -> StoreResult<HealthCounts>;
}

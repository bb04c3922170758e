//! How a broadcast went, in numbers.

use domain::Timestamp;
use domain::broadcasts::LeftOut;
use domain::broadcasts::reasons::FailedBy;
use serde::{Deserialize, Serialize};

/// How many recipients stand where. `sent` counts those that Meta took, delivered and read ones among them, and so on
/// down the funnel; `pending`, `queued`, `failed`, `in_doubt`, `cancelled`, `left_out` are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Frozen, no message yet.
    pub pending: i64,
    /// With a message that waits or is being sent.
    pub queued: i64,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub replied: i64,
    /// Said STOP to it.
    pub opted_out: i64,
    pub failed: i64,
    pub in_doubt: i64,
    /// Called off: with a message that was taken back, or before there was one.
    pub cancelled: i64,
    /// Never meant to get one: see [`LeftOut`] (those called off not counted).
    pub left_out: i64,
}

impl Counts {
    /// Everybody who was meant to get one.
    pub fn total(&self) -> i64 {
        self.pending + self.queued + self.sent + self.failed + self.in_doubt + self.cancelled
    }

    /// Nobody waits for anything any more. (Those in doubt are settled by and by, also after the end.)
    pub fn is_through(&self) -> bool {
        self.pending == 0 && self.queued == 0
    }
}

/// The results of a broadcast.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Results {
    pub counts: Counts,
    pub left_out: Vec<(LeftOut, i64)>,
    /// Failed ones by way of failing, our code and Meta's.
    pub failed: Vec<FailedGroup>,
    /// By the hour in which it happened, oldest first.
    pub hours: Vec<(Timestamp, Counts)>,
}

/// Recipients that failed alike.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedGroup {
    pub failed_by: FailedBy,
    pub code: String,
    pub meta_error_code: Option<i64>,
    pub count: i64,
}

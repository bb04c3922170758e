//! How a broadcast went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{BroadcastCounts, BroadcastProgress, BroadcastStatus, BroadcastThrottle, Exclusion, StopReason};

/// How a broadcast goes, or went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastResults {
    pub broadcast_id: i64,
    pub name: String,
    pub status: BroadcastStatus,
    /// Why it is paused, failed or cancelled.
    pub reason: Option<StopReason>,
    pub results: ResultNumbers,
    /// Failed ones by what Meta or we said, the most frequent first; together they are `results.failed`.
    pub failures: Vec<CaughtFailure>,
    pub funnel: Funnel,
    /// Who said STOP to it.
    pub opt_outs: i64,
    /// Of those that were sent, 0 to 1; `null`: nothing was sent.
    pub opt_out_rate: Option<f64>,
    /// To whom nothing was sent, and why.
    pub left_out: Vec<Exclusion>,
    /// What happened in which hour, oldest first.
    pub by_hour: Vec<HourResults>,
    pub counts: BroadcastCounts,
    pub progress: BroadcastProgress,
    /// Set while WhatsApp throttles it.
    pub rate_limit: Option<BroadcastThrottle>,
    pub waiting_for: Option<String>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// The sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultNumbers {
    /// Everybody who was meant to get it: recipients, and rows of the list whose number cannot be one.
    pub total: i64,
    /// Taken by Meta.
    pub sent: i64,
    pub failed: i64,
    /// `failed` by reason. `not_on_whatsapp`, `invalid_number` (rows of the list among them) and `rate_limited` are
    /// always there, the others when they are not 0.
    #[schema(value_type = Object, example = json!({"not_on_whatsapp": 32, "invalid_number": 15, "rate_limited": 8}))]
    pub failure_breakdown: Map<String, Value>,
}

/// Recipients that failed alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CaughtFailure {
    /// As in `failure_breakdown`.
    #[schema(example = "not_on_whatsapp")]
    pub reason: String,
    /// From the table of error codes.
    #[schema(example = "RECIPIENT_NOT_ON_WHATSAPP")]
    pub code: String,
    #[schema(example = 131_026)]
    pub meta_error_code: Option<i64>,
    /// What the code means.
    pub title: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    pub count: i64,
}

/// From sent to answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Funnel {
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub replied: i64,
    /// Of those sent, 0 to 1; `null`: nothing was sent.
    pub delivery_rate: Option<f64>,
    /// Of those delivered. (Who switched read receipts off is never read.)
    pub read_rate: Option<f64>,
    /// Of those delivered.
    pub reply_rate: Option<f64>,
}

/// What happened in one hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HourResults {
    /// Its beginning.
    pub hour: Timestamp,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub replied: i64,
    pub failed: i64,
    pub opted_out: i64,
}

/// What came of retrying.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetriedRecipients {
    /// Recipients that get another attempt.
    pub retried: u32,
    /// Of these: Meta lets nobody write to them before a time (131049, 130472); they wait for it, and are shown with it as
    /// `due_at`.
    pub waiting: u32,
    /// When the first of those that wait is due.
    pub first_due_at: Option<Timestamp>,
    /// When the last of them is.
    pub last_due_at: Option<Timestamp>,
    /// Who was asked for and stays failed, and why.
    pub skipped: Vec<SkippedRecipients>,
    pub broadcast: super::Broadcast,
}

/// Recipients that get no other attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkippedRecipients {
    /// `outcome_unknown`: they may have got it; name the reason and give `accept_duplicate`. `content_purged`: they are
    /// older than what is kept.
    #[schema(example = "outcome_unknown")]
    pub reason: String,
    pub count: i64,
}

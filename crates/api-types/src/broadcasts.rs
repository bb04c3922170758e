//! Broadcasts.

mod audience;
mod plan;
mod preview;
mod recipients;
mod results;
mod schedule;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use audience::{AudienceInput, DaysAgo, DaysBetween};
pub use plan::{
    BreakerInput, CreateBroadcast, FailureReason, Given, PreviewBroadcast, RetryFailed, SendBroadcast,
    UpdateBroadcast, Wanted,
};
pub use preview::{
    BroadcastPreview, CountryCost, CurrencyTotal, Deferred, EstimatedCost, Exclusion, LanguageCount,
    LocalForecast, MessagingLimit, PreviewSample,
};
pub use recipients::{ListFault, ListReport, PutList, Recipient, RecipientInput, RecipientQuery, UploadList};
pub use results::{
    BroadcastResults, CaughtFailure, Funnel, HourResults, ResultNumbers, RetriedRecipients, SkippedRecipients,
};
pub use schedule::{LocalLate, LocalTime, RecurrenceInput, RecurrenceStep, ScheduleInput};

words! {
    /// Where a broadcast stands.
    BroadcastStatus = domain::broadcasts::State {
        /// Being written; nothing is sent.
        Draft = "draft",
        /// Starts by itself at its time.
        Scheduled = "scheduled",
        Sending = "sending",
        /// Held, by a person or by the breaker; what is left waits.
        Paused = "paused",
        /// Every recipient has its end.
        Completed = "completed",
        /// Nobody was reached, or it was stopped for good.
        Failed = "failed",
        /// Called off; what had gone out stays out.
        Cancelled = "cancelled",
    }
}

words! {
    /// Where a recipient stands.
    RecipientStatus {
        /// No message yet.
        Pending = "pending",
        Queued = "queued",
        Sending = "sending",
        Sent = "sent",
        Delivered = "delivered",
        Read = "read",
        Failed = "failed",
        /// WhatsApp may or may not have accepted it; a later status settles it.
        InDoubt = "in_doubt",
        Cancelled = "cancelled",
        /// Nothing is sent to it.
        LeftOut = "left_out",
    }
}

/// Why a broadcast stands still, failed or was cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StopReason {
    /// `by_user`, `token_expired`, `account_restricted`, `payment`, `template_unusable`, `template_category_changed`,
    /// `consecutive_failures`, `failure_share`, `outcome_unknown`, `all_failed`, `connection_gone`, `segment_gone`,
    /// `list_empty`, `plan_unusable`, `restored`.
    #[schema(example = "by_user")]
    pub code: String,
    /// In words, with what to do.
    pub message: String,
    pub meta_error_code: Option<i64>,
    pub at: Timestamp,
}

/// How many recipients stand where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastCounts {
    /// Everybody who is meant to get one, those left out not counted. Before all recipients are known: so far.
    pub total: i64,
    /// No message yet.
    pub pending: i64,
    /// With a message that waits or is being sent.
    pub queued: i64,
    /// Taken by Meta, delivered and read ones among them.
    pub sent: i64,
    /// Delivered, read ones among them.
    pub delivered: i64,
    pub read: i64,
    /// Wrote after it.
    pub replied: i64,
    /// Said STOP to it.
    pub opted_out: i64,
    pub failed: i64,
    /// WhatsApp may or may not have accepted them.
    pub in_doubt: i64,
    pub cancelled: i64,
    /// Nothing is sent to them; `GET …/results` says why.
    pub left_out: i64,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastProgress {
    /// Have their end, or were taken by Meta.
    pub done: i64,
    pub total: i64,
    /// Messages per second lately; 0 while nothing moves.
    pub per_second: f64,
    /// At this rate, or at the rate of its numbers; `null`: not known.
    pub seconds_left: Option<i64>,
}

/// The throttle that a broadcast waits for; it goes on by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastThrottle {
    pub limit: u32,
    /// E.g. `1 second`, `1 minute`.
    #[schema(example = "1 second")]
    pub period: String,
    pub retry_after_seconds: i64,
    /// Waiting on the number.
    pub messages_queued: i64,
}

/// A broadcast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Broadcast {
    pub id: i64,
    pub name: String,
    pub status: BroadcastStatus,
    /// Why it is paused, failed or cancelled.
    pub reason: Option<StopReason>,
    pub template_name: String,
    /// `null`: the contact's own language, where the template has it.
    pub template_language: Option<String>,
    pub fallback_languages: Vec<String>,
    /// As it was asked for, places and all.
    #[schema(value_type = Value)]
    pub template_params: Value,
    /// As it was asked for.
    #[schema(value_type = Object)]
    pub audience: Value,
    /// The numbers to send from; empty: the tenant's default.
    pub connection_ids: Vec<i64>,
    /// `null`: when it is sent.
    pub schedule: Option<ScheduleInput>,
    pub breaker: BreakerInput,
    /// The template's category when it was started.
    pub category: Option<String>,
    /// The recurring broadcast of which this is one turn.
    pub recurs_from: Option<i64>,
    /// All recipients are known.
    pub audience_frozen: bool,
    pub counts: BroadcastCounts,
    pub progress: BroadcastProgress,
    /// Set while WhatsApp throttles it.
    pub rate_limit: Option<BroadcastThrottle>,
    /// What it waits for, while it is sending and nothing moves: `due_time`, `messaging_limit`, `rate_limit`, `template`.
    pub waiting_for: Option<String>,
    /// When it starts, or (recurring) its next turn is made.
    pub starts_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// The API key that made it.
    pub created_by: Option<i64>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

query! {
    /// Which broadcasts are wanted; all conditions must hold.
    BroadcastQuery {
        #[param(inline)]
        status: Option<BroadcastStatus>,
        /// Part of the name.
        search: Option<String>,
        /// Turns of this recurring broadcast.
        #[param(value_type = Option<i64>)]
        recurs_from: Option<domain::BroadcastId>,
    }
}

#[cfg(test)]
mod tests;

//! Retention: what is kept for how long.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The one word that `consent_records` takes.
pub const INDEFINITE: &str = "indefinite";

words! {
    /// What is purged, each counted for itself.
    RetentionClass = domain::retention::Class {
        /// What messages say, and the previews of their conversations.
        MessageContent = "message_content",
        /// Notes on conversations.
        Notes = "notes",
        /// Files of messages.
        Media = "media",
        /// Bodies of webhooks.
        Webhooks = "webhooks",
        /// Items of webhooks that were set aside.
        WebhookItems = "webhook_items",
        /// Rows of lists that were uploaded for broadcasts.
        ListRows = "list_rows",
        /// Rows of imports that became no contacts.
        ImportRows = "import_rows",
        /// Messages, their steps, and the recipients that they were.
        Deliveries = "deliveries",
        /// Recipients of broadcasts that got no message.
        Recipients = "recipients",
        /// Imports that ended.
        Imports = "imports",
    }
}

request! {
    #[derive(Default)]
    /// What to change; what is not named stays.
    UpdateRetention {
        /// 1 to 3650; what messages say, with files, notes and uploaded lists.
        #[schema(example = 90)]
        message_content_days: Option<u32>,
        /// 1 to 3650, not less than `message_content_days`; that messages went: ids, statuses, times, failure codes.
        #[schema(example = 365)]
        delivery_log_days: Option<u32>,
        /// 1 to 7; bodies of webhooks as they came.
        #[schema(example = 7)]
        webhook_days: Option<u32>,
        /// `indefinite` and nothing else: they prove who agreed to what.
        #[schema(value_type = Option<String>, example = "indefinite")]
        consent_records: Option<Value>,
    }
}

/// What is older goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetentionCutoffs {
    pub message_content: Timestamp,
    pub delivery_log: Timestamp,
    pub webhooks: Timestamp,
}

/// How much went, or would go, of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Purged {
    pub class: RetentionClass,
    pub rows: i64,
    /// About.
    pub bytes: i64,
}

/// A purge, under way or over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PurgeRun {
    pub started_at: Timestamp,
    /// Absent while it is under way.
    pub finished_at: Option<Timestamp>,
    pub older_than: RetentionCutoffs,
    /// Classes of which something went.
    pub removed: Vec<Purged>,
}

/// What the tenant keeps for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Retention {
    #[schema(example = 90)]
    pub message_content_days: u32,
    #[schema(example = 365)]
    pub delivery_log_days: u32,
    #[schema(example = 7)]
    pub webhook_days: u32,
    /// Always `indefinite`.
    #[schema(example = "indefinite")]
    pub consent_records: String,
    /// When the next purge begins; in the past when it is due or under way.
    pub next_run_at: Timestamp,
    /// The purge under way.
    pub running: Option<PurgeRun>,
    /// The last one that ended.
    pub last_run: Option<PurgeRun>,
}

/// What would go of a class in one month of its age.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PurgeMonth {
    /// UTC.
    #[schema(example = "2026-01")]
    pub month: String,
    pub rows: i64,
    pub bytes: i64,
}

/// What would go of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PurgeForecast {
    pub class: RetentionClass,
    pub rows: i64,
    /// About.
    pub bytes: i64,
    /// Oldest first.
    pub months: Vec<PurgeMonth>,
}

/// What a purge would remove now; nothing was removed. Classes overlap: a message that is old enough for its log to go
/// is counted with its content, too, unless that went before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetentionReport {
    pub older_than: RetentionCutoffs,
    pub classes: Vec<PurgeForecast>,
}

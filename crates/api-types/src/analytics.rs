//! Figures of a tenant.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

query! {
    /// Which days (UTC), both of which count; without them the last 30.
    OverviewQuery {
        /// Such as `2026-11-01`.
        from: Option<String>,
        to: Option<String>,
    }
}

/// Messages that Meta took (or that failed) in some time, and how far they have come since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Funnel {
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub failed: i64,
}

/// What happened in some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sums {
    #[serde(flatten)]
    pub funnel: Funnel,
    /// Messages of customers.
    pub received: i64,
    /// Of those, the ones that follow a message of ours.
    pub replied: i64,
    pub opt_ins: i64,
    pub opt_outs: i64,
    /// Calls to Meta that send …
    pub api_calls: i64,
    /// … and those that it refused or did not answer.
    pub api_errors: i64,
}

/// Shares from 0 to 1; `null` when there was nothing to share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rates {
    /// Of the messages sent.
    pub delivery_rate: Option<f64>,
    /// Of the messages delivered.
    pub read_rate: Option<f64>,
    /// Of the calls to Meta.
    pub api_error_rate: Option<f64>,
}

/// One day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Day {
    #[schema(example = "2026-11-22")]
    pub date: String,
    #[serde(flatten)]
    pub sums: Sums,
}

/// One template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateFunnel {
    pub template_id: i64,
    /// `null` when it was removed.
    pub name: Option<String>,
    #[serde(flatten)]
    pub funnel: Funnel,
}

/// One of Meta's error codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorCount {
    /// `null`: not refused by Meta.
    pub meta_error_code: Option<i64>,
    pub count: i64,
}

/// Figures of some days. A message counts on the day on which Meta took it (or it failed), whenever it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    #[schema(example = "2026-11-01")]
    pub from: String,
    #[schema(example = "2026-11-22")]
    pub to: String,
    pub totals: Sums,
    pub rates: Rates,
    /// Every day, oldest first.
    pub days: Vec<Day>,
    /// The most sent first.
    pub templates: Vec<TemplateFunnel>,
    /// Of the failed messages, the most frequent first.
    pub errors: Vec<ErrorCount>,
}

//! Rules by which figures are judged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Severity;

words! {
    /// On which side of the threshold it is bad.
    BadWhen {
        Below = "below",
        Above = "above",
    }
}

words! {
    /// What a threshold counts.
    Unit {
        /// 0 to 1.
        Share = "share",
        Minutes = "minutes",
        Messages = "messages",
    }
}

/// A rule: which figure is watched, and when it is bad.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertRule {
    /// The same for every tenant.
    pub id: i64,
    /// The kind of its alerts.
    #[schema(example = "delivery_rate_low")]
    pub kind: String,
    pub enabled: bool,
    pub severity: Severity,
    pub bad_when: BadWhen,
    pub unit: Unit,
    #[schema(example = 0.9)]
    pub threshold: f64,
    /// An alert resolves at once when the figure is better than the threshold by this much …
    pub margin: f64,
    /// … or was on the good side for so many looks in a row (one a minute).
    pub good_evaluations: u32,
    /// How far back it looks.
    pub window_hours: u32,
    /// Messages younger than this are not judged yet.
    pub settle_hours: u32,
    /// With fewer cases nothing is said.
    pub minimum: i64,
    /// When it was changed; `null`: it is as it came.
    pub updated_at: Option<Timestamp>,
}

request! {
    /// What to change in a rule.
    UpdateAlertRule {
        enabled: Option<bool>,
        severity: Option<Severity>,
        threshold: Option<f64>,
        margin: Option<f64>,
        good_evaluations: Option<u32>,
        window_hours: Option<u32>,
        settle_hours: Option<u32>,
        minimum: Option<i64>,
    }
}

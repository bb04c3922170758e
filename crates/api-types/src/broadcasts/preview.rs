//! What a plan would do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LocalLate;
use crate::templates::TemplatePreview;

/// What a plan would do, were it sent now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastPreview {
    /// Everybody meant, those that are left out among them.
    pub meant: i64,
    /// Who would get it.
    pub recipients: i64,
    pub exclusions: Vec<Exclusion>,
    /// The template's category, by which consent, caps and prices go.
    #[schema(example = "marketing")]
    pub category: String,
    /// Recipients by the language that they would get.
    pub languages: Vec<LanguageCount>,
    pub samples: Vec<PreviewSample>,
    /// The numbers that would send.
    pub connection_ids: Vec<i64>,
    /// What they may send together; `null`: none of them sends now.
    pub per_second: Option<f64>,
    /// At that rate, `messaging_limit` left out of account; `null`: none of them sends now.
    pub seconds_to_finish: Option<i64>,
    /// Meta's limit of new contacts in 24 hours; `null`: not known, or there is none.
    pub messaging_limit: Option<MessagingLimit>,
    /// `null`: the operator loaded no rate card.
    pub estimated_cost: Option<EstimatedCost>,
    pub deferred: Deferred,
    /// What the recipients' own clocks do to it; `null`: the plan does not go by them.
    pub local_time: Option<LocalForecast>,
    /// What would keep it from being sent now, or from doing what is expected of it, in words.
    pub warnings: Vec<String>,
}

/// Recipients of one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LanguageCount {
    #[schema(example = "en_US")]
    pub language: String,
    pub count: i64,
}

/// Contacts who would be left out for one reason: the first that applies to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exclusion {
    /// `invalid_number`, `unknown_contact`, `duplicate`, `opted_out`, `no_consent`, `marketing_stop`,
    /// `not_on_whatsapp`, `missing_parameter`, `invalid_parameter`, `frequency_cap`, `time_passed`,
    /// `quiet_hours`, `cancelled`.
    #[schema(example = "no_consent")]
    pub reason: String,
    pub count: i64,
}

/// Somebody who would get it, and what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewSample {
    pub contact_id: i64,
    pub name: Option<String>,
    pub phone: Option<String>,
    /// The contact's.
    pub language: Option<String>,
    /// `null`: nothing, see `reason`.
    pub rendered: Option<TemplatePreview>,
    /// Why it would get nothing.
    pub reason: Option<String>,
    pub detail: Option<String>,
}

/// Meta's limit of new contacts in 24 hours, and what it does to the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessagingLimit {
    pub limit: i64,
    /// Reached within the last 24 hours.
    pub used: i64,
    /// Recipients of other broadcasts that run on the same accounts who wait for their turn: at most so many come first.
    pub pending: i64,
    /// What both leave.
    pub headroom: i64,
    /// Recipients whom it counts.
    pub new_contacts: i64,
    /// Of these: who would have to wait for the next day, or a later one.
    pub overflow: i64,
    /// Days until the last of them gets it; 0: today.
    pub days: i64,
}

/// What Meta would charge, by the operator's rate card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EstimatedCost {
    /// The currency of the card; `null` when it has several (see `totals`) or nobody has a price.
    #[schema(example = "USD")]
    pub currency: Option<String>,
    /// In that currency.
    pub total: Option<f64>,
    /// One for each currency.
    pub totals: Vec<CurrencyTotal>,
    pub by_country: Vec<CountryCost>,
    /// Recipients without a price.
    pub unpriced: i64,
}

/// A sum in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CurrencyTotal {
    pub currency: String,
    pub total: f64,
}

/// The price of one country's recipients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CountryCost {
    /// Two letters.
    #[schema(example = "DE")]
    pub country: String,
    pub recipients: i64,
    pub currency: String,
    /// Of one message.
    pub price: f64,
    pub total: f64,
}

/// What the recipients' own clocks do to a plan with `schedule.local`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LocalForecast {
    /// Recipients where the time has passed by more than an hour when it begins, those left out for it among them.
    pub passed: i64,
    /// What becomes of them: see `schedule.late`.
    pub late: LocalLate,
    /// Recipients who wait for their time, be it on the next day.
    pub waiting: i64,
    /// Until when the last of them waits.
    pub until: Option<Timestamp>,
}

/// Recipients who would get it later than the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deferred {
    /// For the end of quiet hours.
    pub quiet_hours: i64,
    /// For the next day, see `messaging_limit`.
    pub messaging_limit: i64,
    /// When the last of those in quiet hours would get it.
    pub until: Option<Timestamp>,
}

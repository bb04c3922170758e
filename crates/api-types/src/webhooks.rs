//! Webhooks from Meta: items that were set aside.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Why an item was not applied.
    AsideReason {
        /// A field, type or event that is not known.
        Unrecognised = "unrecognised",
        /// Known, but nothing here acts on it.
        Informational = "informational",
        /// Applying it failed.
        Poison = "poison",
    }
}

/// An item of a webhook that was set aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AsideItem {
    pub id: i64,
    /// The body it came in.
    pub inbox_id: i64,
    /// Where in that body, as a JSON pointer.
    pub pointer: String,
    #[schema(example = "messages")]
    pub field: String,
    pub reason: String,
    pub why: String,
    pub raw: serde_json::Value,
    pub at: Timestamp,
    pub attempts: i32,
    /// Set once it was applied after all.
    pub resolved_at: Option<Timestamp>,
}

/// How the inbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InboxStats {
    /// Bodies that wait to be applied.
    pub pending: i64,
    pub unrecognised: i64,
    pub poison: i64,
    /// Statuses whose message is not known (yet).
    pub orphan_statuses: i64,
}

/// What came of applying items again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Redriven {
    pub applied: u64,
    /// Failed once more, or still not known.
    pub left: u64,
}

query! {
    /// Which items are wanted.
    AsideQuery {
        #[param(inline)]
        reason: Option<AsideReason>,
    }
}

request! {
    /// Which items to drive again.
    RetryItems {
        /// Absent: those that failed (`poison`).
        #[schema(inline)]
        reason: Option<AsideReason>,
    }
}

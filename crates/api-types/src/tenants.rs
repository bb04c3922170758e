//! Tenants and their settings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::read::Change;

words! {
    /// What becomes of a message of which nobody ever heard again.
    InDoubtRuling {
        /// It counts as failed, and is not sent again.
        Fail = "fail",
        /// It waits for an operator.
        Wait = "wait",
    }
}

request! {
    /// A tenant to be made.
    CreateTenant {
        name: String [1, 200],
        settings: Option<UpdateTenantSettings>,
    }
}

/// One business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tenant {
    pub id: i64,
    pub name: String,
    pub settings: TenantSettings,
    pub created_at: Timestamp,
}

/// What a tenant may choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantSettings {
    /// Words that opt out; empty: the built-in ones.
    pub opt_out_words: Vec<String>,
    /// Words that opt in again; empty: the built-in ones.
    pub opt_in_words: Vec<String>,
    /// The one message that passes after an opt-out; `null` sends none.
    pub opt_out_confirmation: Option<String>,
    /// Sent after an opt-in by keyword; `null` sends none.
    pub opt_in_confirmation: Option<String>,
    /// Two letters (ISO 3166); helps to read numbers written without `+`.
    #[schema(example = "DE")]
    pub default_country: Option<String>,
    /// Seconds after which an `in_doubt` message that no webhook settled is ruled on.
    pub in_doubt_after_seconds: u32,
    pub in_doubt_ruling: InDoubtRuling,
}

request! {
    /// What to change; an absent member stays as it is.
    UpdateTenantSettings {
        /// Words that opt out; empty: the built-in ones.
        opt_out_words: Option<Vec<String>>,
        /// Words that opt in again; empty: the built-in ones.
        opt_in_words: Option<Vec<String>>,
        /// The one message that passes after an opt-out; `null` sends none.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        opt_out_confirmation: Change<String> [1, 1024],
        /// Sent after an opt-in by keyword; `null` sends none.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        opt_in_confirmation: Change<String> [1, 1024],
        /// Two letters (ISO 3166).
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false, example = "DE")]
        default_country: Change<String> [2, 2],
        /// From 10 to 2592000.
        in_doubt_after_seconds: Option<u32>,
        in_doubt_ruling: Option<InDoubtRuling>,
    }
}

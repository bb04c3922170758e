//! Contacts.

use domain::SegmentId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::read::Change;

/// A person, known by phone number, by Meta's business-scoped user id, or by both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    pub id: i64,
    /// E.164; `null` for a customer who hides the number.
    #[schema(example = "+15551234567")]
    pub phone: Option<String>,
    /// Meta's business-scoped user id.
    pub bsuid: Option<String>,
    pub username: Option<String>,
    pub name: Option<String>,
    #[schema(example = "pt_BR")]
    pub language: Option<String>,
    /// ISO 3166 alpha-2, out of the phone number (or the user id).
    #[schema(example = "BR")]
    pub country: Option<String>,
    /// IANA name; `null`: the main one of the country.
    #[schema(example = "America/Sao_Paulo")]
    pub time_zone: Option<String>,
    pub tags: Vec<String>,
    /// Custom fields, each a text.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    pub opted_in: bool,
    pub opted_in_at: Option<Timestamp>,
    pub opted_out_at: Option<Timestamp>,
    /// Marketing was stopped inside WhatsApp.
    pub marketing_stopped: bool,
    /// Somebody should look at it; such a contact gets no business-initiated message.
    pub needs_review: bool,
    pub review: Option<Review>,
    pub last_inbound_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why a contact waits for somebody to look at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    pub reason: String,
    pub meta_error_code: i64,
    pub at: Timestamp,
}

request! {
    /// A contact to be made; at least one of `phone` and `bsuid`.
    CreateContact {
        /// E.164, or a number of the tenant's default country.
        #[schema(example = "+15551234567")]
        phone: Option<String>,
        /// Meta's business-scoped user id.
        bsuid: Option<String> [1, 256],
        name: Option<String> [1, 256],
        /// Language code such as `pt_BR`.
        language: Option<String> [2, 20],
        /// IANA name such as `America/Sao_Paulo`; absent: the main one of the phone number's country.
        time_zone: Option<String> [1, 64],
        tags: Option<Vec<String>>,
        /// Custom fields, each a text.
        #[schema(value_type = Option<Object>)]
        fields: Option<Map<String, Value>>,
        /// The contact agreed to messages: the ledger gets its entry in the same commit.
        opted_in: Option<bool>,
        /// What proves the consent.
        #[schema(value_type = Option<Object>)]
        opt_in_evidence: Option<Map<String, Value>>,
    }
}

request! {
    /// What to change; an absent member stays as it is, `null` takes away.
    UpdateContact {
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        phone: Change<String>,
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        bsuid: Change<String> [1, 256],
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        name: Change<String> [1, 256],
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        language: Change<String> [2, 20],
        /// IANA name such as `America/Sao_Paulo`.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        time_zone: Change<String> [1, 64],
        /// Replaces all tags.
        tags: Option<Vec<String>>,
        /// Members to set; `null` removes one.
        #[schema(value_type = Option<Object>)]
        fields: Option<Map<String, Value>>,
    }
}

query! {
    /// Which contacts are wanted; all conditions must hold.
    ContactQuery {
        opted_in: Option<bool>,
        needs_review: Option<bool>,
        /// Has every one of these; repeated, or with commas.
        #[param(required = false)]
        tags: Vec<String>,
        /// Part of name, phone number or username.
        search: Option<String>,
        /// Is in this segment, now.
        #[param(value_type = Option<i64>)]
        segment: Option<SegmentId>,
    }
}

//! Who is in a broadcast, and how they got there: lists.

use domain::ContactId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::RecipientStatus;
use crate::messages::MessageFailure;

request! {
    /// A row of a list; exactly one of `phone` and `contact_id`.
    RecipientInput {
        /// E.164, or a number of the default country.
        #[schema(example = "+15551234567")]
        phone: Option<String> [0, 100],
        #[schema(value_type = Option<i64>)]
        contact_id: Option<ContactId>,
        /// Texts for the places `{{row.…}}`.
        #[schema(value_type = Option<Object>, example = json!({"coupon": "SPRING-1"}))]
        columns: Option<Map<String, Value>>,
    }
}

request! {
    /// Rows of a list; long ones are uploaded as a file.
    PutList {
        recipients: Vec<RecipientInput>,
        /// Two letters (ISO 3166), for numbers without `+`; absent: the tenant's.
        #[schema(example = "DE")]
        default_country: Option<String> [2, 2],
    }
}

/// A list as a multipart form; the fields before `file` are read first.
#[derive(Debug, ToSchema)]
pub struct UploadList {
    /// Two letters (ISO 3166), for numbers without `+`; absent: the tenant's.
    pub default_country: Option<String>,
    /// The column that holds the number; absent: guessed.
    pub phone_column: Option<String>,
    /// CSV (any usual delimiter and encoding) or XLSX, with a row of column names.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    pub file: Vec<u8>,
}

/// What was read of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListReport {
    pub broadcast_id: i64,
    /// Rows of this request.
    pub rows: i64,
    /// Of these: with a number that can be one.
    pub valid: i64,
    pub invalid: i64,
    /// Rows of the whole list now.
    pub list_rows: i64,
    /// Names for `{{row.…}}`, as they were found.
    pub columns: Vec<String>,
    /// The first 1,000 rows that are invalid. They stay in the list: the results count them as `invalid_number`.
    pub error_details: Vec<ListFault>,
}

/// What is wrong with a row of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListFault {
    /// As a person sees it in the file; of JSON rows, the place in the request from 1.
    pub row: i64,
    /// As given.
    pub phone: String,
    #[schema(example = "Invalid phone format")]
    pub error: String,
}

/// Somebody who was meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Recipient {
    pub id: i64,
    /// `null`: a row of a list that fits no contact.
    pub contact_id: Option<i64>,
    pub phone: Option<String>,
    pub name: Option<String>,
    pub state: RecipientStatus,
    /// Why it was left out, or how it failed.
    #[schema(example = "not_on_whatsapp")]
    pub reason: Option<String>,
    pub detail: Option<String>,
    /// Of a failed one.
    pub error: Option<MessageFailure>,
    /// The row of the list.
    pub row: Option<i64>,
    pub message_id: Option<i64>,
    /// Meta's id.
    pub wamid: Option<String>,
    /// 1 for the first message.
    pub attempt: i64,
    /// The message that this one, or the one that is waited for, takes the place of.
    pub retry_of: Option<i64>,
    pub due_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    pub replied_at: Option<Timestamp>,
    pub opted_out_at: Option<Timestamp>,
}

query! {
    /// Which recipients are wanted; all conditions must hold.
    RecipientQuery {
        #[param(inline)]
        state: Option<RecipientStatus>,
        /// A reason for failing or for being left out. Those that occur as both (`not_on_whatsapp`,
        /// `invalid_number`, `no_consent`) need `state` beside them: `failed` or `left_out`.
        reason: Option<String>,
        /// Wrote after it, or did not.
        replied: Option<bool>,
    }
}

//! The details of each error. The first eight are the product owner's document, field for field.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faults::Fault;

macro_rules! details {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $type:ty),* $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type),* }
    )+};
}

details! {
    /// CONTACT_NOT_OPTED_IN
    NotOptedIn {
        contact_id: Option<i64>,
        opted_in: bool,
        /// `null`: never said anything.
        opted_out_at: Option<Timestamp>,
        /// Marketing was stopped inside WhatsApp: other messages may pass.
        #[serde(default)]
        marketing_stopped: bool,
    }
    /// CONVERSATION_EXPIRED
    WindowExpired {
        /// `null`: there is no thread with this contact yet.
        conversation_id: Option<i64>,
        /// `null`: the contact never wrote.
        expired_at: Option<Timestamp>,
        solution: String,
    }
    /// TEMPLATE_NOT_APPROVED
    NotApproved {
        template_id: i64,
        template_name: String,
        status: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        rejection_reason: Option<String>,
    }
    /// INVALID_PHONE_FORMAT
    InvalidPhone {
        provided: String,
        expected_format: String,
        example: String,
    }
    /// RATE_LIMIT_EXCEEDED
    Throttled {
        limit: u32,
        /// E.g. `1 second`, `1 minute`.
        period: String,
        retry_after_seconds: u64,
        messages_queued: u64,
        /// The message that stays queued; absent when none was taken on.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message_id: Option<i64>,
    }
    /// RECIPIENT_NOT_ON_WHATSAPP
    NotOnWhatsapp {
        /// `null` for a contact known by user id alone.
        phone: Option<String>,
        meta_error_code: i64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        contact_id: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message_id: Option<i64>,
    }
    /// TEMPLATE_PARAMS_MISMATCH
    ParamsMismatch {
        template_name: String,
        expected_params: u32,
        provided_params: u32,
        param_names: Vec<String>,
        /// What is wrong, parameter by parameter.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        problems: Vec<String>,
    }
    /// TOKEN_EXPIRED
    TokenOver {
        action_required: String,
        expired_at: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        connection_id: Option<i64>,
        /// The message that stays queued until the connection is reconnected.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message_id: Option<i64>,
    }
    /// Errors that say all by their code.
    Nothing {}
    /// What was asked for.
    Missing { id: i64 }
    /// TEMPLATE_NOT_FOUND
    MissingTemplate {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        id: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        template_name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        template_language: Option<String>,
        /// The languages in which there is one of this name.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        available_languages: Vec<String>,
    }
    /// DUPLICATE_CONTACT: the one that exists.
    DuplicateContact { contact_id: i64 }
    /// DUPLICATE_TEMPLATE: the one that exists.
    DuplicateTemplate { template_id: i64 }
    /// DUPLICATE_CONNECTION: the one that exists; absent when it is not one of this tenant.
    DuplicateConnection {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        connection_id: Option<i64>,
    }
    /// DUPLICATE_CANNED_REPLY: the one that exists.
    DuplicateCannedReply { canned_reply_id: i64 }
    /// DUPLICATE_MEMBER: the one that exists.
    DuplicateMember { member_id: i64 }
    /// DUPLICATE_ROLE: the one that exists.
    DuplicateRole { role_id: i64 }
    /// DUPLICATE_SEGMENT: the one that exists.
    DuplicateSegment { segment_id: i64 }
    /// INVALID_STATE
    WrongState {
        current: String,
        /// States in which it would be allowed.
        allowed: Vec<String>,
        /// It will be allowed from this time on.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        not_before: Option<Timestamp>,
    }
    /// IDEMPOTENCY_KEY_REUSED
    KeyReused { idempotency_key: String }
    /// IDEMPOTENCY_KEY_IN_USE
    KeyInUse { idempotency_key: String, retry_after_seconds: u64 }
    /// CONNECTION_DISABLED
    Disabled { connection_id: i64 }
    /// SEND_OUTCOME_UNKNOWN
    OutcomeUnknown {
        message_id: i64,
        /// Always `in_doubt`.
        status: String,
    }
    /// META_REJECTED
    Rejected {
        meta_error_code: i64,
        meta_message: String,
        fbtrace_id: Option<String>,
        /// What to do.
        advice: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message_id: Option<i64>,
    }
    /// META_UNAVAILABLE
    Unreachable {
        /// The message that stays queued.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message_id: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        retry_after_seconds: Option<u64>,
    }
    /// VALIDATION_FAILED
    Invalid { faults: Vec<Fault> }
    /// FORBIDDEN
    #[derive(Default)]
    Denied {
        /// Of a key: `read`, `send` or `manage`.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        missing_scope: Option<String>,
        /// Of a member, or of whoever would grant it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        missing_permission: Option<String>,
        /// Where neither is missing.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    }
    /// API_RATE_LIMITED
    TooManyCalls { retry_after_seconds: u64 }
    /// PAYLOAD_TOO_LARGE
    TooLarge { limit_bytes: u64 }
    /// UNSUPPORTED_MEDIA_TYPE
    WrongMediaType {
        provided: Option<String>,
        supported: Vec<String>,
    }
    /// SERVICE_UNAVAILABLE
    Later { retry_after_seconds: u64 }
}

impl From<domain::phone::InvalidPhone> for InvalidPhone {
    fn from(invalid: domain::phone::InvalidPhone) -> Self {
        Self {
            provided: invalid.provided,
            expected_format: invalid.expected_format,
            example: invalid.example,
        }
    }
}

impl WindowExpired {
    /// The window of this conversation ended then.
    pub fn of(conversation_id: Option<i64>, expired_at: Option<Timestamp>) -> Self {
        Self { conversation_id, expired_at, solution: "Use an approved template message".into() }
    }
}

impl TokenOver {
    /// What is to be done.
    pub const ACTION: &'static str = "Reconnect WhatsApp in Settings";
}

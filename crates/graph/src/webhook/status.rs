//! What became of an outbound message.

use serde::Serialize;

use crate::errors::WebhookError;
use crate::fields::Fields;

/// One element of `value.statuses`. They come in any order and any number of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusUpdate {
    /// The message's id (or the call's).
    pub wamid: String,
    pub status: DeliveryStatus,
    /// UNIX seconds.
    pub timestamp: Option<i64>,
    /// The recipient's number in digits, or the group's id. Absent for users known by user id only.
    pub recipient_id: Option<String>,
    pub recipient_user_id: Option<String>,
    pub recipient_parent_user_id: Option<String>,
    /// `group` when `recipient_id` is a group's.
    pub recipient_type: Option<String>,
    /// Who of the group.
    pub recipient_participant_id: Option<String>,
    /// What was given at sending, unchanged.
    pub biz_opaque_callback_data: Option<String>,
    /// Up to v23; later only within a free entry point.
    pub conversation: Option<Conversation>,
    pub pricing: Option<Pricing>,
    /// Of a failure only.
    pub errors: Vec<WebhookError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Sent,
    Delivered,
    Read,
    /// A voice note was listened to.
    Played,
    Failed,
    /// No longer sent by Meta.
    Deleted,
    /// No longer sent by Meta.
    Warning,
    /// Not known, or of a call (`RINGING`).
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conversation {
    pub id: Option<String>,
    /// UNIX seconds; with `sent` only.
    pub expires_at: Option<i64>,
    /// `marketing`, `utility`, `service`, `referral_conversion` ...
    pub origin: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pricing {
    pub billable: Option<bool>,
    /// `PMP`, before July 2025 `CBP`.
    pub model: Option<String>,
    /// `regular`, `free_customer_service`, `free_entry_point`.
    pub kind: Option<String>,
    pub category: Option<String>,
}

impl StatusUpdate {
    /// `None` without an id or a status.
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let first = |names: &[&str]| names.iter().find_map(|name| fields.text(name));
        Some(Self {
            wamid: fields.text("id").filter(|id| !id.is_empty())?,
            status: DeliveryStatus::of(fields.text("status")?),
            timestamp: fields.integer("timestamp"),
            recipient_id: fields.text("recipient_id"),
            recipient_user_id: fields.text("recipient_user_id"),
            recipient_parent_user_id: first(&[
                "parent_recipient_user_id",
                "recipient_parent_user_id",
                "parent_user_id",
            ]),
            recipient_type: fields.text("recipient_type"),
            recipient_participant_id: fields.text("recipient_participant_id"),
            biz_opaque_callback_data: fields.text("biz_opaque_callback_data"),
            conversation: fields.object("conversation").map(|it| Conversation::read(&it)),
            pricing: fields.object("pricing").map(|it| Pricing::read(&it)),
            errors: WebhookError::all(fields),
        })
    }

    /// Calls share the list; they are told by their type, or by their id where it is missing.
    pub(super) fn is_of_call(&self, kind: Option<&str>) -> bool {
        kind == Some("call") || (kind.is_none() && self.wamid.starts_with("wacid."))
    }
}

impl DeliveryStatus {
    fn of(text: String) -> Self {
        match text.as_str() {
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            "played" => Self::Played,
            "failed" => Self::Failed,
            "deleted" => Self::Deleted,
            "warning" => Self::Warning,
            _ => Self::Other(text),
        }
    }
}

impl Conversation {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            id: fields.text("id"),
            expires_at: fields.integer("expiration_timestamp"),
            origin: fields.object("origin").and_then(|origin| origin.text("type")),
        }
    }
}

impl Pricing {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            billable: fields.flag("billable"),
            model: fields.text("pricing_model"),
            kind: fields.text("type"),
            category: fields.text("category"),
        }
    }
}

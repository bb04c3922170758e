//! What happened to a user or to a contact of the business.

use serde::Serialize;

use crate::fields::Fields;

/// `user_preferences`: the user's choice about marketing, made in WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserPreference {
    pub wa_id: Option<String>,
    pub user_id: Option<String>,
    pub parent_user_id: Option<String>,
    /// `marketing_messages`.
    pub category: Option<String>,
    /// `stop`, `resume`, `signup`.
    pub value: String,
    pub detail: Option<String>,
    /// UNIX seconds.
    pub timestamp: Option<i64>,
    pub signup_id: Option<String>,
}

/// `user_id_update`: not in Meta's list of fields, sent all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserIdUpdate {
    pub wa_id: Option<String>,
    pub previous_user_id: Option<String>,
    pub user_id: Option<String>,
    pub previous_parent_user_id: Option<String>,
    pub parent_user_id: Option<String>,
    /// UNIX seconds.
    pub timestamp: Option<i64>,
}

/// `smb_app_state_sync`: the address book of the Business app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SmbContact {
    /// `add` (also for an edit) or `remove`.
    pub action: String,
    pub full_name: Option<String>,
    pub first_name: Option<String>,
    pub phone_number: Option<String>,
    pub user_id: Option<String>,
    pub username: Option<String>,
    /// UNIX seconds.
    pub timestamp: Option<i64>,
}

impl UserPreference {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            wa_id: fields.text("wa_id"),
            user_id: fields.text("user_id"),
            parent_user_id: fields.text("parent_user_id"),
            category: fields.text("category"),
            value: fields.text("value")?,
            detail: fields.text("detail"),
            timestamp: fields.integer("timestamp"),
            signup_id: fields.text("signup_id"),
        })
    }
}

impl UserIdUpdate {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let (user, parent) = (Change::read(fields, "user_id"), Change::read(fields, "parent_user_id"));
        Self {
            wa_id: fields.text("wa_id"),
            previous_user_id: user.previous.or_else(|| fields.text("previous_user_id")),
            user_id: user.current,
            previous_parent_user_id: parent.previous.or_else(|| fields.text("previous_parent_user_id")),
            parent_user_id: parent.current,
            timestamp: fields.integer("timestamp"),
        }
    }
}

/// `{"previous": .., "current": ..}`, or the current id alone.
struct Change {
    previous: Option<String>,
    current: Option<String>,
}

impl Change {
    fn read(fields: &Fields<'_>, name: &str) -> Self {
        match fields.object(name) {
            Some(change) => Self { previous: change.text("previous"), current: change.text("current") },
            None => Self { previous: None, current: fields.text(name) },
        }
    }
}

impl SmbContact {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let contact = fields.object("contact")?;
        Some(Self {
            action: fields.text("action")?,
            full_name: contact.text("full_name"),
            first_name: contact.text("first_name"),
            phone_number: contact.text("phone_number"),
            user_id: contact.text("user_id"),
            username: contact.text("username"),
            timestamp: fields.object("metadata").and_then(|metadata| metadata.integer("timestamp")),
        })
    }
}

//! What happened to a group.

use serde::Serialize;
use serde_json::Value;

use crate::errors::WebhookError;
use crate::fields::Fields;

/// One element of `value.groups`, of all four fields about groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    pub group_id: Option<String>,
    /// `group_create`, `group_delete`, `group_participants_add`, `group_settings_update`, `group_suspend` ...
    pub kind: Option<String>,
    pub request_id: Option<String>,
    pub reason: Option<String>,
    pub subject: Option<String>,
    pub added_participants: Value,
    pub removed_participants: Value,
    /// UNIX seconds.
    pub timestamp: Option<i64>,
    pub errors: Vec<WebhookError>,
}

impl Group {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        Self {
            group_id: fields.text("group_id"),
            kind: fields.text("type"),
            request_id: fields.text("request_id"),
            reason: fields.text("reason"),
            subject: fields.text("subject"),
            added_participants: fields.value("added_participants").unwrap_or_default(),
            removed_participants: fields.value("removed_participants").unwrap_or_default(),
            timestamp: fields.integer("timestamp"),
            errors: WebhookError::all(fields),
        }
    }
}

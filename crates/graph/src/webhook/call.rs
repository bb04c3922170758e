//! A call begins or ends.

use serde::Serialize;

use crate::fields::Fields;

/// One element of `value.calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    pub id: Option<String>,
    pub from: Option<String>,
    pub from_user_id: Option<String>,
    pub to: Option<String>,
    pub to_user_id: Option<String>,
    /// `connect`, `terminate`.
    pub event: Option<String>,
    /// USER_INITIATED, BUSINESS_INITIATED.
    pub direction: Option<String>,
    pub status: Option<String>,
    /// UNIX seconds.
    pub timestamp: Option<i64>,
    /// Seconds.
    pub duration: Option<i64>,
    pub biz_opaque_callback_data: Option<String>,
}

impl Call {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        Self {
            id: fields.text("id").or_else(|| fields.text("wacid")),
            from: fields.text("from"),
            from_user_id: fields.text("from_user_id"),
            to: fields.text("to"),
            to_user_id: fields.text("to_user_id"),
            event: fields.text("event"),
            direction: fields.text("direction"),
            status: fields.text("status"),
            timestamp: fields.integer("timestamp"),
            duration: fields.integer("duration"),
            biz_opaque_callback_data: fields.text("biz_opaque_callback_data"),
        }
    }

    /// Whether the call opens the 24-hour window with the caller.
    #[must_use]
    pub fn opens_window(&self) -> bool {
        self.direction.as_deref() == Some("USER_INITIATED")
    }
}

//! The rarer fields about the business and what it runs.

use serde::Serialize;

use crate::fields::Fields;

/// `partner_solutions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartnerSolution {
    pub event: String,
    pub solution_id: Option<String>,
    pub solution_status: Option<String>,
}

/// `payment_configuration_update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentConfiguration {
    pub configuration_name: String,
    pub provider_name: Option<String>,
    pub status: Option<String>,
}

/// `business_username_update`: approved, reserved, deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BusinessUsername {
    pub display_phone_number: Option<String>,
    pub username: Option<String>,
    pub status: String,
}

/// `automatic_events`: Meta saw a purchase or a lead in the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AutomaticEvent {
    /// The message that shows it.
    pub wamid: Option<String>,
    pub event_name: String,
    /// UNIX seconds.
    pub timestamp: Option<i64>,
    pub ctwa_clid: Option<String>,
}

impl PartnerSolution {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            event: fields.text("event")?,
            solution_id: fields.text("solution_id"),
            solution_status: fields.text("solution_status"),
        })
    }
}

impl PaymentConfiguration {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            configuration_name: fields.text("configuration_name")?,
            provider_name: fields.text("provider_name"),
            status: fields.text("status"),
        })
    }
}

impl BusinessUsername {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            display_phone_number: fields.text("display_phone_number"),
            username: fields.text("username"),
            status: fields.text("status")?,
        })
    }
}

impl AutomaticEvent {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            wamid: fields.text("id"),
            event_name: fields.text("event_name")?,
            timestamp: fields.integer("timestamp"),
            ctwa_clid: fields.text("ctwa_clid"),
        })
    }
}

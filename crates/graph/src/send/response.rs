//! The answer: accepted, which is not delivered.

use serde::{Deserialize, Serialize};

use crate::loose;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SendResponse {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub messaging_product: Option<String>,
    #[serde(default, deserialize_with = "loose::list")]
    pub contacts: Vec<AcceptedContact>,
    #[serde(default, deserialize_with = "loose::list")]
    pub messages: Vec<AcceptedMessage>,
}

/// Whom Meta understood to be the recipient; no proof that they are on WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AcceptedContact {
    /// As it was sent.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Digits; may differ from the input (Brazil, Mexico). Statuses follow it.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AcceptedMessage {
    #[serde(deserialize_with = "loose::required")]
    pub id: String,
    /// For templates: `accepted`, `held_for_quality_assessment`, `paused`.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub message_status: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
}

impl SendResponse {
    /// The id of the message; `None` means that the answer cannot be understood.
    #[must_use]
    pub fn wamid(&self) -> Option<&str> {
        Some(self.messages.first()?.id.as_str()).filter(|id| !id.is_empty())
    }

    /// Whether Meta holds the message back to watch the template's quality first.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let status = self.messages.first().and_then(|message| message.message_status.as_deref());
        status == Some("held_for_quality_assessment")
    }
}

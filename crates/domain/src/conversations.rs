//! Conversations and the customer-service window.
//!
//! Source of the rule: Meta, "Customer service windows": 24 h from the customer's last message or call, per
//! business number and customer.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Length of the customer-service window.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// When the window ends that a message received at `last_inbound` opened.
pub fn window_end(last_inbound: Timestamp) -> Timestamp {
    last_inbound.saturating_add(WINDOW).unwrap_or(Timestamp::MAX)
}

/// Where a conversation stands in the team's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// Somebody should look at it.
    Open,
    /// Waits for the customer.
    Pending,
    /// Done; a new inbound message opens it again.
    Closed,
}

impl ConversationStatus {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Closed => "closed",
        }
    }
}

impl std::str::FromStr for ConversationStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self::Open),
            "pending" => Ok(Self::Pending),
            "closed" => Ok(Self::Closed),
            other => Err(format!("\"{other}\" is not a conversation status; use open, pending or closed")),
        }
    }
}

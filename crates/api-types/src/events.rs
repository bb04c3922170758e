//! Live events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::alerts::{Alert, AlertEvent};
use crate::broadcasts::BroadcastStatus;

/// `alert`: something happened to an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertNews {
    pub event: AlertEvent,
    pub alert: Alert,
}

/// `broadcast`: a broadcast that is being sent moved, or it stopped being sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastNews {
    pub broadcast_id: i64,
    pub status: BroadcastStatus,
    pub total: i64,
    pub pending: i64,
    pub queued: i64,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub replied: i64,
    pub failed: i64,
}

/// A message that moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MovedMessage {
    pub message_id: i64,
    #[schema(example = "delivered")]
    pub status: String,
}

/// `messages`: messages that moved since the last one, each with where it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageNews {
    pub messages: Vec<MovedMessage>,
    /// There were more than are told: read again what you show.
    pub more: bool,
}

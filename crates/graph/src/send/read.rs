//! Marking as read, and the typing indicator.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Marks a message and all earlier ones of its thread as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReceipt {
    pub message_id: String,
    /// Also shows "typing" for up to 25 seconds or until the answer.
    pub typing: bool,
}

#[derive(Deserialize)]
struct Wire {
    status: String,
    message_id: String,
    #[serde(default)]
    typing_indicator: Option<Value>,
}

impl Serialize for ReadReceipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("messaging_product", "whatsapp")?;
        map.serialize_entry("status", "read")?;
        map.serialize_entry("message_id", &self.message_id)?;
        if self.typing {
            map.serialize_entry("typing_indicator", &serde_json::json!({"type": "text"}))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ReadReceipt {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        if wire.status != "read" {
            return Err(serde::de::Error::custom("status: only read can be set"));
        }
        Ok(Self {
            message_id: wire.message_id,
            typing: wire.typing_indicator.is_some_and(|it| it.is_object()),
        })
    }
}

//! The parts of a message to be sent.

use domain::{MediaId, MessageId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::MediaKind;
use crate::faults::Faults;
use crate::place::Place;
use crate::read::{FromJson, kind_of};

request! {
    /// A text with its settings.
    TextWithSettings {
        body: String,
        /// Show a preview of the first link.
        preview_url: Option<bool>,
    }
}

/// A text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TextInput {
    /// Just the text.
    #[schema(example = "Thank you, we are on it.")]
    Plain(String),
    /// With settings.
    WithSettings(TextWithSettings),
}

impl TextInput {
    /// The text, and whether to preview its first link.
    pub fn into_parts(self) -> (String, bool) {
        match self {
            Self::Plain(body) => (body, false),
            Self::WithSettings(text) => (text.body, text.preview_url.unwrap_or_default()),
        }
    }
}

impl FromJson for TextInput {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::String(_) => String::from_json(value, place, faults).map(Self::Plain),
            Value::Object(_) => TextWithSettings::from_json(value, place, faults).map(Self::WithSettings),
            other => {
                let problem = format!("must be a string or an object with body, not {}", kind_of(&other));
                faults.add(place, problem);
                None
            }
        }
    }
}

request! {
    /// A file; exactly one of `media_id`, `id` and `link`.
    MediaInput {
        /// Needed when `message_type` does not tell.
        r#type: Option<MediaKind>,
        /// A file uploaded by `POST /media`.
        #[schema(value_type = Option<i64>)]
        media_id: Option<MediaId>,
        /// Meta's id of a file uploaded to Meta by other means.
        id: Option<String> [1, 64],
        /// Where Meta can fetch it.
        link: Option<String> [1, 2048],
        caption: Option<String>,
        /// Documents only.
        filename: Option<String>,
        /// Recorded speech; audio only.
        voice: Option<bool>,
    }
}

request! {
    /// A place.
    LocationInput {
        latitude: f64,
        longitude: f64,
        name: Option<String> [1, 1000],
        address: Option<String> [1, 1000],
    }
}

request! {
    /// An emoji on a message; exactly one of `message_id` and `wamid`.
    ReactionInput {
        /// Absent or empty: takes a reaction back.
        emoji: Option<String>,
        #[schema(value_type = Option<i64>)]
        message_id: Option<MessageId>,
        wamid: Option<String> [1, 512],
    }
}

/// Which message is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ReplyTo {
    /// By its id here.
    #[schema(value_type = i64)]
    Message(MessageId),
    /// By Meta's id.
    Wamid(String),
}

impl FromJson for ReplyTo {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Number(_) => MessageId::from_json(value, place, faults).map(Self::Message),
            Value::String(wamid) if (1..=512).contains(&wamid.len()) && !wamid.contains('\0') => {
                Some(Self::Wamid(wamid))
            }
            Value::String(_) => {
                faults.add(place, "must have 1 to 512 characters");
                None
            }
            other => {
                faults.add(place, format!("must be a message id or a wamid, not {}", kind_of(&other)));
                None
            }
        }
    }
}

//! What a message says, in both directions.
//!
//! One JSON shape for the API, the store and the screens, tagged by `type`. How it looks on Meta's wire is the
//! gateway's business.

mod interactive;
mod limits;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::templates::Params;
use crate::{MediaId, MessageId};

pub use limits::{Fault, limit};

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        body: String,
        /// Show a preview of the first link.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        preview_url: bool,
    },
    /// An approved template with its parameters.
    Template { name: String, language: String, params: Params },
    /// A file.
    Media {
        kind: MediaKind,
        source: MediaSource,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filename: Option<String>,
        /// Recorded speech (audio only).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        voice: bool,
    },
    /// Buttons, lists and their like: Meta's `interactive` object.
    Interactive { interactive: Value },
    /// A place.
    Location {
        latitude: f64,
        longitude: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// Contact cards: Meta's `contacts` array.
    Contacts { contacts: Vec<Value> },
    /// An emoji on a message; without one, a reaction is taken back.
    Reaction {
        target: ReactionTarget,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        emoji: Option<String>,
    },
    /// Inbound: a tap on a template's quick reply.
    Button { text: Option<String>, payload: Option<String> },
    /// Inbound: a tap on a reply button or list row, a filled-in flow, …
    InteractiveReply {
        /// `button_reply`, `list_reply`, `nfm_reply`, …
        kind: String,
        id: Option<String>,
        title: Option<String>,
        description: Option<String>,
        /// What there is besides, e.g. a flow's answers.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        data: Value,
    },
    /// Inbound: an order out of the catalogue.
    Order { text: Option<String>, catalog_id: Option<String>, items: Value },
    /// Inbound: WhatsApp tells of a new number or user id.
    System { kind: String, body: Option<String> },
    /// Inbound: the customer changed a message (coexistence numbers).
    Edit { original: String, text: Option<String> },
    /// Inbound: the customer deleted a message (coexistence numbers).
    Revoke { original: String },
    /// Inbound: something that Meta does not hand on, or that is not known here; the raw body is kept.
    Unsupported { kind: Option<String>, reason: Option<String> },
}

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Image,
    Video,
    Document,
    Audio,
    Sticker,
}

impl MediaKind {
    /// The word used on the wire; also Meta's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
            Self::Audio => "audio",
            Self::Sticker => "sticker",
        }
    }
}

impl std::str::FromStr for MediaKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Image, Self::Video, Self::Document, Self::Audio, Self::Sticker]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| {
                format!("\"{text}\" is not a kind of media; use image, video, document, audio or sticker")
            })
    }
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// Kept here.
    MediaId(MediaId),
    /// Kept by Meta only.
    MetaId(String),
    /// Fetched by Meta from this address.
    Link(String),
}

/// Which message a reaction is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReactionTarget {
    MessageId(MessageId),
    Wamid(String),
}

impl Content {
    /// Whether it needs an open window.
    pub fn is_free_form(&self) -> bool {
        !matches!(self, Self::Template { .. })
    }

    /// The word for the kind, as `message_type` on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Template { .. } => "template",
            Self::Media { kind, .. } => kind.as_str(),
            Self::Interactive { .. } => "interactive",
            Self::Location { .. } => "location",
            Self::Contacts { .. } => "contacts",
            Self::Reaction { .. } => "reaction",
            Self::Button { .. } => "button",
            Self::InteractiveReply { .. } => "interactive_reply",
            Self::Order { .. } => "order",
            Self::System { .. } => "system",
            Self::Edit { .. } => "edit",
            Self::Revoke { .. } => "revoke",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// The file it carries, when that is kept here.
    pub fn media_id(&self) -> Option<MediaId> {
        match self {
            Self::Media { source: MediaSource::MediaId(id), .. } => Some(*id),
            _ => None,
        }
    }

    /// One line for a list, at most 120 characters.
    pub fn preview(&self) -> String {
        let text = match self {
            Self::Text { body, .. } => body.clone(),
            Self::Template { name, .. } => format!("[template] {name}"),
            Self::Media { kind, caption, filename, .. } => {
                let what = caption.as_deref().or(filename.as_deref()).unwrap_or_default();
                format!("[{}] {what}", kind.as_str())
            }
            Self::Interactive { interactive } => {
                interactive.pointer("/body/text").and_then(Value::as_str).unwrap_or("[interactive]").into()
            }
            Self::Location { name, address, .. } => {
                format!("[location] {}", name.as_deref().or(address.as_deref()).unwrap_or_default())
            }
            Self::Contacts { contacts } => format!("[{} contact card(s)]", contacts.len()),
            Self::Reaction { emoji, .. } => format!("[reaction] {}", emoji.as_deref().unwrap_or("removed")),
            Self::Button { text, payload } => {
                text.clone().or_else(|| payload.clone()).unwrap_or_else(|| "[button]".into())
            }
            Self::InteractiveReply { kind, title, id, .. } => {
                title.clone().or_else(|| id.clone()).unwrap_or_else(|| format!("[{kind}]"))
            }
            Self::Order { text, .. } => format!("[order] {}", text.as_deref().unwrap_or_default()),
            Self::System { body, kind } => body.clone().unwrap_or_else(|| format!("[{kind}]")),
            Self::Edit { text, .. } => format!("[edited] {}", text.as_deref().unwrap_or_default()),
            Self::Revoke { .. } => "[deleted]".into(),
            Self::Unsupported { kind, .. } => {
                format!("[unsupported{}]", kind.as_deref().map(|kind| format!(": {kind}")).unwrap_or_default())
            }
        };
        one_line(&text)
    }
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_one_short_line() {
        let text = Content::Text { body: format!("a\nb  {}", "é".repeat(200)), preview_url: false };
        assert!(text.preview().starts_with("a b é"));
        assert_eq!(text.preview().chars().count(), 121);
    }

    #[test]
    fn content_keeps_its_shape_in_json() {
        let image = Content::Media {
            kind: MediaKind::Image,
            source: MediaSource::MediaId(MediaId(4)),
            caption: Some("hi".into()),
            filename: None,
            voice: false,
        };
        let json = serde_json::to_value(&image).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"type": "media", "kind": "image", "source": {"media_id": 4}, "caption": "hi"})
        );
        assert_eq!(serde_json::from_value::<Content>(json).unwrap(), image);
    }
}

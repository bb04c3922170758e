//! What a message holds, outbound and inbound.
//!
//! Limits are Meta's, counted in characters. Source: Meta, "Messages" and "Interactive messages".

mod interactive;
mod preview;
mod validation;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::MessageId;
use crate::templates::Params;
pub use crate::templates::params::MediaSource;

pub use validation::Fault;

/// A message's content. As JSON tagged by `type`; the shape is written into stores, so it only ever grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Words.
    Text {
        body: String,
        /// Show a preview of the first link.
        #[serde(default)]
        preview_url: bool,
    },
    /// An approved template; the only kind allowed outside the 24-hour window.
    Template {
        name: String,
        language: String,
        #[serde(default)]
        params: Params,
    },
    /// A file.
    Media(Media),
    /// Buttons, a list, a link, a Flow …: Meta's `interactive` object.
    Interactive { interactive: Value },
    /// A place.
    Location(Location),
    /// Address cards: Meta's `contacts` list.
    Contacts { contacts: Vec<Value> },
    /// An emoji on another message; without one the reaction is taken back.
    Reaction {
        target: ReactionTarget,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        emoji: Option<String>,
    },
    /// Inbound: a tap on a template's quick reply.
    Button { payload: Option<String>, text: Option<String> },
    /// Inbound: a tap on a button of an interactive message.
    ButtonReply { id: String, title: String },
    /// Inbound: a choice from a list.
    ListReply {
        id: String,
        title: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
    /// Inbound: a Flow that was filled in; `response` as Meta sent it.
    FlowReply { name: Option<String>, body: Option<String>, response: Value },
    /// Inbound: products that the customer orders; Meta's `order` object.
    Order { order: Value },
    /// Inbound: WhatsApp tells of a changed number or identity; Meta's `system` object.
    System { text: Option<String>, system: Value },
    /// Inbound: something that WhatsApp does not pass on, or that is not known here; kept as it came.
    Unsupported {
        /// Meta's word for it, such as `poll`.
        kind: Option<String>,
        raw: Value,
    },
}

/// A file in a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// What it is shown as.
    pub kind: MediaKind,
    /// Where it comes from.
    pub source: MediaSource,
    /// Text below it: image, video and document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Name shown with a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Audio: shown as a voice note (ogg/opus).
    #[serde(default)]
    pub voice: bool,
    /// Inbound: as Meta told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Image,
    Video,
    Document,
    Audio,
    Sticker,
}

impl MediaKind {
    /// Meta's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
            Self::Audio => "audio",
            Self::Sticker => "sticker",
        }
    }

    /// By MIME type, as WhatsApp shows it: what is neither picture, film nor sound is a document.
    pub fn of_mime(mime_type: &str) -> Self {
        match mime_type.split(['/', ';']).next().unwrap_or_default() {
            "image" if mime_type.starts_with("image/webp") => Self::Sticker,
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" => Self::Audio,
            _ => Self::Document,
        }
    }

    /// What keeps a file of this type from being shown as `shown_as`: one of these kinds, or `gif`, a film without sound.
    /// Any file can be a document.
    pub fn misfit(mime_type: &str, shown_as: &str) -> Option<String> {
        let wanted = if shown_as == "gif" { "video" } else { shown_as };
        let fits = wanted == "document" || Self::of_mime(mime_type).as_str() == wanted;
        (!fits).then(|| format!("is {mime_type}, which cannot be shown as {shown_as}"))
    }
}

impl std::str::FromStr for MediaKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "image" => Ok(Self::Image),
            "video" => Ok(Self::Video),
            "document" => Ok(Self::Document),
            "audio" => Ok(Self::Audio),
            "sticker" => Ok(Self::Sticker),
            other => {
                Err(format!("\"{other}\" is no kind of file; use image, video, document, audio or sticker"))
            }
        }
    }
}

/// A place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees, north positive.
    pub latitude: f64,
    /// Degrees, east positive.
    pub longitude: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The message that a reaction is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReactionTarget {
    /// One of ours, by our id.
    #[serde(rename = "message_id")]
    Message(MessageId),
    /// By Meta's id.
    #[serde(rename = "wamid")]
    Wamid(String),
}

impl Content {
    /// Plain words.
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text { body: body.into(), preview_url: false }
    }

    /// Whether it needs an open 24-hour window: everything but a template.
    pub fn is_free_form(&self) -> bool {
        !matches!(self, Self::Template { .. })
    }

    /// Whether it is of a kind that a business can send.
    pub fn is_sendable(&self) -> bool {
        matches!(
            self,
            Self::Text { .. }
                | Self::Template { .. }
                | Self::Media(_)
                | Self::Interactive { .. }
                | Self::Location(_)
                | Self::Contacts { .. }
                | Self::Reaction { .. }
        )
    }

    /// The type as Meta and our API name it: `text`, `image`, `interactive`, `button_reply` …
    pub fn message_type(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Template { .. } => "template",
            Self::Media(media) => media.kind.as_str(),
            Self::Interactive { .. } => "interactive",
            Self::Location(_) => "location",
            Self::Contacts { .. } => "contacts",
            Self::Reaction { .. } => "reaction",
            Self::Button { .. } => "button",
            Self::ButtonReply { .. } => "button_reply",
            Self::ListReply { .. } => "list_reply",
            Self::FlowReply { .. } => "flow_reply",
            Self::Order { .. } => "order",
            Self::System { .. } => "system",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// What the customer said, for the consent words: a button's payload, and the words.
    pub fn spoken(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Text { body, .. } => (None, Some(body)),
            Self::Button { payload, text } => (payload.as_deref(), text.as_deref()),
            Self::ButtonReply { id, title } | Self::ListReply { id, title, .. } => (Some(id), Some(title)),
            _ => (None, None),
        }
    }

    /// Files kept by us that have to be at Meta before this can be sent.
    pub fn own_media(&self) -> Vec<crate::MediaId> {
        self.own_files().into_iter().map(|(id, _)| id).collect()
    }

    /// The same, each with what it is to be shown as (see [`MediaKind::misfit`]).
    pub fn own_files(&self) -> Vec<(crate::MediaId, &str)> {
        match self {
            Self::Media(Media { source: MediaSource::Ours(id), kind, .. }) => vec![(*id, kind.as_str())],
            Self::Template { params, .. } => params.own_files(),
            _ => Vec::new(),
        }
    }

    /// Everything that Meta would refuse, at once; empty when it can be sent. A template's parameters are checked
    /// against the template instead.
    pub fn validate(&self) -> Vec<Fault> {
        validation::faults(self)
    }

    /// One line for lists, at most 160 characters.
    pub fn preview(&self) -> String {
        preview::line(self)
    }
}

#[cfg(test)]
mod tests;

//! The request: to whom, what, and what goes with it.

use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ContactCard, Interactive, Template};
use crate::loose;

/// One message to one recipient.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SendRequest {
    /// The number, best with `+`: without it Meta prepends the country code of the sender.
    pub to: Option<String>,
    /// The business-scoped user id, instead of or beside the number (which wins).
    pub recipient: Option<String>,
    /// `individual` (also when absent) or `group`.
    pub recipient_type: Option<String>,
    pub content: Content,
    /// The message that is answered.
    pub reply_to: Option<String>,
    /// Up to 512 characters that come back in every status of the message.
    pub biz_opaque_callback_data: Option<String>,
    /// Refuses the message (137000) if the recipient's identity changed.
    pub recipient_identity_key_hash: Option<String>,
    /// Members without a place above, for example `product_policy` of the marketing endpoint.
    pub extra: Map<String, Value>,
}

/// What is sent, by type.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Text(Text),
    Image(Media),
    Video(Media),
    Document(Media),
    Audio(Media),
    Sticker(Media),
    Location(Location),
    Contacts(Vec<ContactCard>),
    Reaction(Reaction),
    Template(Template),
    Interactive(Box<Interactive>),
    /// A type without a form here, or none; the value is what stands under the type's name.
    Other {
        kind: Option<String>,
        value: Option<Value>,
    },
}

impl Default for Content {
    fn default() -> Self {
        Self::Other { kind: None, value: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Text {
    /// Up to 4,096 characters.
    pub body: String,
    #[serde(default, deserialize_with = "loose::flag", skip_serializing_if = "Option::is_none")]
    pub preview_url: Option<bool>,
}

/// A file by Meta's id or by a public link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Media {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Image, video and document: up to 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Document only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Audio only: shown as a voice note.
    #[serde(default, deserialize_with = "loose::flag", skip_serializing_if = "Option::is_none")]
    pub voice: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Location {
    #[serde(deserialize_with = "loose::decimal")]
    pub latitude: f64,
    #[serde(deserialize_with = "loose::decimal")]
    pub longitude: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// An empty emoji takes the reaction back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    pub message_id: String,
    #[serde(default)]
    pub emoji: String,
}

impl Content {
    /// The value of `type`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        Some(match self {
            Self::Text(_) => "text",
            Self::Image(_) => "image",
            Self::Video(_) => "video",
            Self::Document(_) => "document",
            Self::Audio(_) => "audio",
            Self::Sticker(_) => "sticker",
            Self::Location(_) => "location",
            Self::Contacts(_) => "contacts",
            Self::Reaction(_) => "reaction",
            Self::Template(_) => "template",
            Self::Interactive(_) => "interactive",
            Self::Other { kind, .. } => return kind.as_deref(),
        })
    }

    fn of(kind: Option<String>, members: &mut Map<String, Value>) -> Result<Self, serde_json::Error> {
        // Meta takes a text without a type.
        let kind = kind.or_else(|| members.contains_key("text").then(|| "text".to_owned()));
        let value = kind.as_deref().and_then(|kind| members.remove(kind));
        let (Some(name), Some(value)) = (kind.as_deref(), value.clone()) else {
            return Ok(Self::Other { kind, value });
        };
        Ok(match name {
            "text" => Self::Text(part(name, value)?),
            "image" => Self::Image(part(name, value)?),
            "video" => Self::Video(part(name, value)?),
            "document" => Self::Document(part(name, value)?),
            "audio" => Self::Audio(part(name, value)?),
            "sticker" => Self::Sticker(part(name, value)?),
            "location" => Self::Location(part(name, value)?),
            "contacts" => Self::Contacts(part(name, value)?),
            "reaction" => Self::Reaction(part(name, value)?),
            "template" => Self::Template(part(name, value)?),
            "interactive" => Self::Interactive(part(name, value)?),
            _ => Self::Other { kind, value: Some(value) },
        })
    }

    fn serialize_in<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let Some(kind) = self.kind() else { return Ok(()) };
        map.serialize_entry("type", kind)?;
        match self {
            Self::Text(text) => map.serialize_entry(kind, text),
            Self::Image(media)
            | Self::Video(media)
            | Self::Document(media)
            | Self::Audio(media)
            | Self::Sticker(media) => map.serialize_entry(kind, media),
            Self::Location(location) => map.serialize_entry(kind, location),
            Self::Contacts(contacts) => map.serialize_entry(kind, contacts),
            Self::Reaction(reaction) => map.serialize_entry(kind, reaction),
            Self::Template(template) => map.serialize_entry(kind, template),
            Self::Interactive(interactive) => map.serialize_entry(kind, interactive),
            Self::Other { value: Some(value), .. } => map.serialize_entry(kind, value),
            Self::Other { value: None, .. } => Ok(()),
        }
    }
}

fn part<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(value).map_err(|fault| Error::custom(format!("{name}: {fault}")))
}

impl Serialize for SendRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("messaging_product", "whatsapp")?;
        let members = [
            ("recipient_type", &self.recipient_type),
            ("to", &self.to),
            ("recipient", &self.recipient),
            ("biz_opaque_callback_data", &self.biz_opaque_callback_data),
            ("recipient_identity_key_hash", &self.recipient_identity_key_hash),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        if let Some(message_id) = &self.reply_to {
            map.serialize_entry("context", &serde_json::json!({ "message_id": message_id }))?;
        }
        self.content.serialize_in(&mut map)?;
        for (name, value) in &self.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SendRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::<String, Value>::deserialize(deserializer)?;
        members.remove("messaging_product");
        let kind = text(&mut members, "type");
        let content = Content::of(kind, &mut members).map_err(D::Error::custom)?;
        let context = members.remove("context");
        Ok(Self {
            to: text(&mut members, "to"),
            recipient: text(&mut members, "recipient"),
            recipient_type: text(&mut members, "recipient_type"),
            content,
            reply_to: context.and_then(|mut context| text(context.as_object_mut()?, "message_id")),
            biz_opaque_callback_data: text(&mut members, "biz_opaque_callback_data"),
            recipient_identity_key_hash: text(&mut members, "recipient_identity_key_hash"),
            extra: members,
        })
    }
}

fn text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    members.remove(name).and_then(|value| loose::text(value).ok()?)
}

//! What a customer said, from Meta's words into ours.

use domain::messages::Content;
use domain::messages::content::{Location, Media, MediaKind, MediaSource, ReactionTarget};
use graph::webhook::{Content as Wire, InboundMessage, InteractiveReply, Media as WireMedia};
use serde_json::Value;

/// Ours for Meta's. Nothing is an error: what has no place here is `Unsupported` and keeps what Meta sent.
pub(super) fn content(message: &InboundMessage, raw: impl Fn() -> Value) -> Content {
    match &message.content {
        Wire::Text { body } => Content::text(body.clone()),
        Wire::Image(file) => media(MediaKind::Image, file),
        Wire::Video(file) => media(MediaKind::Video, file),
        Wire::Audio(file) => media(MediaKind::Audio, file),
        Wire::Document(file) => media(MediaKind::Document, file),
        Wire::Sticker(file) => media(MediaKind::Sticker, file),
        Wire::Location(place) => Content::Location(Location {
            latitude: place.latitude,
            longitude: place.longitude,
            name: place.name.clone(),
            address: place.address.clone(),
        }),
        Wire::Contacts { cards, .. } => Content::Contacts { contacts: list(cards) },
        Wire::Button { text, payload } => Content::Button { text: text.clone(), payload: payload.clone() },
        Wire::Interactive(reply) => interactive(reply, raw),
        Wire::Reaction { message_id, emoji } => {
            Content::Reaction { target: ReactionTarget::Wamid(message_id.clone()), emoji: emoji.clone() }
        }
        Wire::Order(_) => Content::Order { order: member(raw(), "order") },
        Wire::System(system) => {
            Content::System { text: system.body.clone(), system: member(raw(), "system") }
        }
        Wire::RequestWelcome => unsupported(Some("request_welcome"), raw()),
        Wire::Edit { .. } => unsupported(Some("edit"), raw()),
        Wire::Revoke { .. } => unsupported(Some("revoke"), raw()),
        Wire::MediaPlaceholder => unsupported(Some("media_placeholder"), raw()),
        Wire::Unsupported { kind } | Wire::Unknown { kind } => unsupported(kind.as_deref(), raw()),
    }
}

fn unsupported(kind: Option<&str>, raw: Value) -> Content {
    Content::Unsupported { kind: kind.map(str::to_owned), raw }
}

fn member(mut raw: Value, name: &str) -> Value {
    raw.get_mut(name).map(Value::take).unwrap_or_default()
}

fn list(cards: &Value) -> Vec<Value> {
    match cards {
        Value::Array(cards) => cards.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

fn media(kind: MediaKind, file: &WireMedia) -> Content {
    Content::Media(Media {
        kind,
        source: MediaSource::MetaId(file.id.clone().unwrap_or_default()),
        caption: file.caption.clone(),
        filename: file.filename.clone(),
        voice: file.voice,
        mime_type: file.mime_type.clone(),
    })
}

fn interactive(reply: &InteractiveReply, raw: impl Fn() -> Value) -> Content {
    match reply {
        InteractiveReply::Button { id, title } => Content::ButtonReply {
            id: id.clone().unwrap_or_default(),
            title: title.clone().unwrap_or_default(),
        },
        InteractiveReply::List { id, title, description } => Content::ListReply {
            id: id.clone().unwrap_or_default(),
            title: title.clone().unwrap_or_default(),
            description: description.clone(),
        },
        InteractiveReply::Flow { name, body, response_json } => Content::FlowReply {
            name: name.clone(),
            body: body.clone(),
            response: response_json.as_deref().map(flow_answers).unwrap_or_default(),
        },
        InteractiveReply::CallPermission { .. } => unsupported(Some("call_permission_reply"), raw()),
        InteractiveReply::Other { kind, .. } => unsupported(Some(kind), raw()),
    }
}

/// JSON within a string; kept as the string when it is none.
fn flow_answers(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_owned()))
}

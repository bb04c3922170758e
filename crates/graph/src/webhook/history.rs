//! Messages that the business did not get or send through this API: the past of a number that came from the Business
//! app, and echoes of what is sent there.

use serde::Serialize;
use serde_json::value::RawValue;

use super::ItemKind;
use super::message::InboundMessage;
use super::profile::Profiles;
use super::walk::{Items, Place, add, or_unknown};
use crate::errors::WebhookError;
use crate::fields::Fields;

/// A message of the past, in either direction (`message.from` tells which).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryMessage {
    /// The customer's number; absent for a file that comes after its message.
    pub thread_id: Option<String>,
    /// READ, DELIVERED, PLAYED ...
    pub status: Option<String>,
    pub message: InboundMessage,
}

/// A part of the history without messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryChunk {
    /// 0: the last day, 1: up to 90 days, 2: up to 180 days.
    pub phase: Option<i64>,
    pub chunk_order: Option<i64>,
    /// Per cent of the whole.
    pub progress: Option<i64>,
    /// Why there is no history, for example 2593109.
    pub errors: Vec<WebhookError>,
}

/// A message that the business sent by another way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Echo {
    pub to: Option<String>,
    pub to_user_id: Option<String>,
    /// `from` is the business.
    pub message: InboundMessage,
}

impl HistoryMessage {
    /// A file that follows its placeholder in the history.
    pub(super) fn media(fields: &Fields<'_>, profiles: &Profiles) -> Option<Self> {
        Self::read(fields, profiles, None)
    }

    fn read(fields: &Fields<'_>, profiles: &Profiles, thread_id: Option<String>) -> Option<Self> {
        let status = fields.object("history_context").and_then(|context| context.text("status"));
        Some(Self { thread_id, status, message: InboundMessage::read(fields, profiles)? })
    }
}

impl HistoryChunk {
    fn read(fields: &Fields<'_>) -> Self {
        let metadata = fields.object("metadata").unwrap_or_default();
        Self {
            phase: metadata.integer("phase"),
            chunk_order: metadata.integer("chunk_order"),
            progress: metadata.integer("progress"),
            errors: WebhookError::all(fields),
        }
    }
}

impl Echo {
    pub(super) fn read(fields: &Fields<'_>, profiles: &Profiles) -> Option<Self> {
        let (to, to_user_id) = (fields.text("to"), fields.text("to_user_id"));
        // The profiles are those of the customers; the sender is the business and has none.
        let mut message = InboundMessage::read(fields, &Profiles::default())?;
        if let Some(profile) = profiles.of(to.as_deref(), to_user_id.as_deref()) {
            message.profile_name.clone_from(&profile.name);
            message.username.clone_from(&profile.username);
        }
        Some(Self { to, to_user_id, message })
    }
}

/// One element of `value.history`: an item for each of its messages, and one for the part itself if it has none.
pub(super) fn walk(
    items: &mut Items,
    place: &Place,
    raw: &RawValue,
    chunk: &Fields<'_>,
    profiles: &Profiles,
) {
    let before = items.len();
    for (index, thread) in chunk.elements("threads") {
        let place = place.below("threads", index);
        let thread = Fields::of(thread.get()).unwrap_or_default();
        for (index, raw) in thread.elements("messages") {
            let message = Fields::of(raw.get())
                .and_then(|fields| HistoryMessage::read(&fields, profiles, thread.text("id")))
                .map(|message| ItemKind::HistoryMessage(Box::new(message)));
            add(items, place.below("messages", index), raw, or_unknown(message, "a message of the history"));
        }
    }
    let part = HistoryChunk::read(chunk);
    if items.len() == before || !part.errors.is_empty() {
        add(items, place.clone(), raw, ItemKind::HistoryChunk(part));
    }
}

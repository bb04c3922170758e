//! The content of free-form messages, one file a type.

mod contacts;
mod location;
pub(crate) mod media;
mod reaction;
mod text;

use serde_json::Value;

use super::fields::{Checked, Object};
use crate::references::References;

/// Checks the content of a message that is neither a template nor interactive.
pub(crate) fn check(kind: &'static str, body: &Value, references: &References<'_>) -> Checked {
    match kind {
        "text" => text::check(&Object::of(body, "text")?),
        "image" | "video" | "audio" | "document" | "sticker" => {
            media::check(&Object::of(body, kind)?, kind, references)
        }
        "location" => location::check(&Object::of(body, "location")?),
        "contacts" => contacts::check(body.get("contacts")),
        "reaction" => reaction::check(&Object::of(body, "reaction")?, references),
        "pin" => Err(super::fields::invalid("Messages can be pinned in groups only.")),
        _ => Ok(()),
    }
}

//! One line of a message, for lists of conversations.

use serde_json::Value;

use super::{Content, Media, MediaKind};

/// Characters of a line.
const LONGEST: usize = 160;

pub(super) fn line(content: &Content) -> String {
    let line = match content {
        Content::Text { body, .. } => body.clone(),
        Content::Template { name, .. } => format!("Template {name}"),
        Content::Media(media) => self::media(media),
        Content::Interactive { interactive } => {
            word(interactive, "/body/text").unwrap_or("Interactive message").to_owned()
        }
        Content::Location(location) => {
            titled("Location", location.name.as_deref().or(location.address.as_deref()))
        }
        Content::Contacts { contacts } => {
            let names = contacts.iter().filter_map(|contact| word(contact, "/name/formatted_name"));
            titled("Contact", Some(names.collect::<Vec<_>>().join(", ").as_str()))
        }
        Content::Reaction { emoji, .. } => match emoji.as_deref().filter(|emoji| !emoji.is_empty()) {
            Some(emoji) => format!("Reacted {emoji}"),
            None => "Took a reaction back".to_owned(),
        },
        Content::Button { payload, text } => text.clone().or_else(|| payload.clone()).unwrap_or_default(),
        Content::ButtonReply { title, .. } | Content::ListReply { title, .. } => title.clone(),
        Content::FlowReply { name, .. } => titled("Form filled in", name.as_deref()),
        Content::Order { order } => {
            let items = order.pointer("/product_items").and_then(Value::as_array).map_or(0, Vec::len);
            format!("Order of {items} {}", if items == 1 { "item" } else { "items" })
        }
        Content::System { text, .. } => text.clone().unwrap_or_else(|| "WhatsApp notice".to_owned()),
        Content::Unsupported { kind, .. } => titled("Unsupported message", kind.as_deref()),
    };
    shortened(&line)
}

fn media(media: &Media) -> String {
    let kind = match media.kind {
        MediaKind::Image => "Image",
        MediaKind::Video => "Video",
        MediaKind::Document => "Document",
        MediaKind::Audio if media.voice => "Voice message",
        MediaKind::Audio => "Audio",
        MediaKind::Sticker => "Sticker",
    };
    titled(kind, media.caption.as_deref().or(media.filename.as_deref()))
}

fn titled(what: &str, title: Option<&str>) -> String {
    match title.filter(|title| !title.trim().is_empty()) {
        Some(title) => format!("{what}: {title}"),
        None => what.to_owned(),
    }
}

fn word<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// One line without breaks, cut at a character and marked with an ellipsis.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

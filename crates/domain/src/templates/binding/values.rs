//! Whether a value is one that Meta takes. Source: Meta, "Message templates" and error codes 132005, 132018.

use super::{Filling, MediaSource};
use crate::templates::definition::{ButtonKind, HeaderKind};
use crate::templates::placeholders::fill;
use crate::templates::slots::{Place, SlotKind};
use crate::templates::{Definition, Slot};

/// Limits in characters.
const BODY: usize = 1_024;
const CARD_BODY: usize = 160;
const HEADER: usize = 60;
const URL: usize = 2_000;
const PAYLOAD: usize = 256;
const COUPON: usize = 20;
const CODE: usize = 15;

/// Every fault, one sentence each, beginning with the name of the parameter.
pub(super) fn faults(definition: &Definition, filled: &[(Slot, Filling)]) -> Vec<String> {
    let mut faults: Vec<String> = filled
        .iter()
        .filter_map(|(slot, filling)| fault(slot, filling).map(|problem| format!("{} {problem}", slot.name)))
        .collect();
    faults.extend(hydrated(definition, filled));
    faults
}

fn fault(slot: &Slot, filling: &Filling) -> Option<String> {
    match (slot.kind, filling) {
        (kind, Filling::Text(text)) if kind.is_text() => text_fault(kind, text),
        (kind, Filling::Media { source, .. }) if kind.is_media() => media_fault(source),
        (SlotKind::Location, Filling::Location { latitude, longitude, .. }) => {
            let inside = (-90.0..=90.0).contains(latitude) && (-180.0..=180.0).contains(longitude);
            (!inside).then(|| "must lie within 90 degrees north or south and 180 east or west".to_owned())
        }
        (SlotKind::ExpirationTime, Filling::Time(end)) => {
            (*end <= 0).then(|| "must be a time as UNIX milliseconds".to_owned())
        }
        (SlotKind::Product, Filling::Product(_))
        | (SlotKind::Flow, Filling::Flow { .. })
        | (SlotKind::Action, Filling::Action(_)) => None,
        (kind, _) => Some(format!("must be {}", expected(kind))),
    }
}

fn expected(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Text | SlotKind::Code | SlotKind::UrlSuffix | SlotKind::Payload | SlotKind::CouponCode => {
            "a text"
        }
        SlotKind::Image => "an image",
        SlotKind::Video => "a video",
        SlotKind::Document => "a document",
        SlotKind::Gif => "a gif",
        SlotKind::Location => "a location",
        SlotKind::Product => "a product",
        SlotKind::Flow => "a flow token",
        SlotKind::Action => "an action object",
        SlotKind::ExpirationTime => "a time as UNIX milliseconds",
    }
}

fn text_fault(kind: SlotKind, text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return Some("must not be empty".to_owned());
    }
    let longest = match kind {
        SlotKind::Code => CODE,
        SlotKind::CouponCode => COUPON,
        SlotKind::Payload => PAYLOAD,
        SlotKind::UrlSuffix => URL,
        _ => BODY,
    };
    let length = text.chars().count();
    if length > longest {
        return Some(format!("has {length} characters, at most {longest} are allowed"));
    }
    match kind {
        SlotKind::UrlSuffix if text.chars().any(char::is_whitespace) => {
            Some("must not contain spaces; percent-encode them".to_owned())
        }
        SlotKind::Text | SlotKind::Code if text.contains(['\n', '\r', '\t']) => {
            Some("must not contain line breaks or tabs".to_owned())
        }
        SlotKind::Text | SlotKind::Code if text.contains("    ") => {
            Some("must not contain four or more spaces in a row".to_owned())
        }
        _ => None,
    }
}

fn media_fault(source: &MediaSource) -> Option<String> {
    match source {
        MediaSource::Link(link) if !link.starts_with("https://") && !link.starts_with("http://") => {
            Some("must be an address that begins with http:// or https://".to_owned())
        }
        MediaSource::Link(link) if link.chars().any(char::is_whitespace) => {
            Some("must be an address without spaces".to_owned())
        }
        MediaSource::MetaId(id) if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) || id.is_empty() => {
            Some("must be an address or the id of an uploaded file".to_owned())
        }
        _ => None,
    }
}

/// Texts that fit alone may be too long together.
fn hydrated(definition: &Definition, filled: &[(Slot, Filling)]) -> Vec<String> {
    let text_at = |place: &Place| {
        filled.iter().find(|(slot, _)| slot.place == *place).and_then(|(_, filling)| filling.as_text())
    };
    let mut faults = Vec::new();
    let mut long = |what: String, text: String, longest: usize| {
        let length = text.chars().count();
        if length > longest {
            faults.push(format!(
                "{what} has {length} characters once filled in, at most {longest} are allowed"
            ));
        }
    };
    if let Some(HeaderKind::Text(header)) = definition.header.as_ref().map(|header| &header.kind) {
        long("the header".to_owned(), fill(header, |_| text_at(&Place::Header)), HEADER);
    }
    if let Some(body) = definition.body_text() {
        long("the body".to_owned(), fill(body, |name| text_at(&Place::Body(name.to_owned()))), BODY);
    }
    for (index, button) in definition.buttons.iter().enumerate() {
        if let ButtonKind::Url(url) = &button.kind {
            long(
                format!("the address of button {index}"),
                fill(url, |_| text_at(&Place::Button(index))),
                URL,
            );
        }
    }
    for (index, card) in definition.cards.iter().enumerate() {
        if let Some(body) = card.body.as_ref().and_then(|body| body.text.as_deref()) {
            let filled = fill(body, |name| text_at(&Place::CardBody(index, name.to_owned())));
            long(format!("the body of card {index}"), filled, CARD_BODY);
        }
    }
    faults
}

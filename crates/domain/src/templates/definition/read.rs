//! Reads each part out of Meta's JSON.

use serde_json::{Map, Value};

use super::{Body, Button, ButtonKind, Card, Footer, Header, HeaderKind, LimitedTimeOffer};

impl Header {
    pub(super) fn read(component: &Map<String, Value>) -> Self {
        let kind = match word(component, "format").as_str() {
            "text" => HeaderKind::Text(text(component, "text").unwrap_or_default()),
            // Meta's older samples leave the format of a text header out.
            "" => HeaderKind::Text(text(component, "text").unwrap_or_default()),
            "image" => HeaderKind::Image,
            "video" => HeaderKind::Video,
            "document" => HeaderKind::Document,
            "gif" => HeaderKind::Gif,
            "location" => HeaderKind::Location,
            "product" => HeaderKind::Product,
            other => HeaderKind::Other(other.to_owned()),
        };
        Self { kind, example: example(component) }
    }
}

impl Body {
    pub(super) fn read(component: &Map<String, Value>) -> Self {
        Self {
            text: text(component, "text"),
            example: example(component),
            security_recommendation: component.contains_key("add_security_recommendation")
                && component.get("add_security_recommendation") != Some(&Value::Bool(false)),
        }
    }
}

impl Footer {
    pub(super) fn read(component: &Map<String, Value>) -> Self {
        Self {
            text: text(component, "text"),
            code_expiration_minutes: component.get("code_expiration_minutes").and_then(integer),
        }
    }
}

impl Button {
    pub(super) fn read_all(component: &Map<String, Value>) -> impl Iterator<Item = Self> {
        component.get("buttons").into_iter().flat_map(members).map(Self::read)
    }

    pub(super) fn read(button: &Map<String, Value>) -> Self {
        let kind = match word(button, "type").as_str() {
            "quick_reply" => ButtonKind::QuickReply,
            "url" => ButtonKind::Url(text(button, "url").unwrap_or_default()),
            "phone_number" => ButtonKind::PhoneNumber(text(button, "phone_number").unwrap_or_default()),
            "copy_code" => ButtonKind::CopyCode,
            "otp" => ButtonKind::Otp(word(button, "otp_type")),
            "flow" => ButtonKind::Flow,
            "catalog" => ButtonKind::Catalog,
            "mpm" => ButtonKind::Mpm,
            "spm" => ButtonKind::Spm,
            "voice_call" => ButtonKind::VoiceCall,
            "video_call" => ButtonKind::VideoCall,
            "request_contact_info" => ButtonKind::RequestContactInfo,
            "order_details" => ButtonKind::OrderDetails,
            other => ButtonKind::Other(other.to_owned()),
        };
        Self { kind, text: text(button, "text"), example: example(button) }
    }
}

impl Card {
    pub(super) fn read(card: &Map<String, Value>) -> Self {
        let mut read = Self { header: None, body: None, buttons: Vec::new() };
        for component in card.get("components").into_iter().flat_map(members) {
            match word(component, "type").as_str() {
                "header" => read.header = Some(Header::read(component)),
                "body" => read.body = Some(Body::read(component)),
                "buttons" => read.buttons.extend(Button::read_all(component)),
                _ => {}
            }
        }
        read
    }
}

impl LimitedTimeOffer {
    pub(super) fn read(component: &Map<String, Value>) -> Self {
        let offer = component.get("limited_time_offer").and_then(Value::as_object).unwrap_or(component);
        Self {
            text: text(offer, "text").unwrap_or_default(),
            has_expiration: offer.get("has_expiration").and_then(Value::as_bool).unwrap_or(false),
        }
    }
}

/// The objects of an array; anything else in it is passed over.
pub(in crate::templates) fn members(value: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    value.as_array().into_iter().flatten().filter_map(Value::as_object)
}

/// A member as a lower-case word; Meta writes types in either case. Empty when absent.
pub(in crate::templates) fn word(object: &Map<String, Value>, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_ascii_lowercase()
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn example(object: &Map<String, Value>) -> Value {
    object.get("example").cloned().unwrap_or(Value::Null)
}

/// A number that Meta writes as a number or as a string.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

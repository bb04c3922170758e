//! What a template expects of a send: its slots, in order.

use super::definition::{Body, Button, ButtonKind, Header, HeaderKind};
use super::placeholders::distinct;
use super::{Definition, ParameterFormat};

/// One value that a send gives, or may give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name in `param_names` and in named parameters.
    pub name: String,
    /// Where it goes.
    pub place: Place,
    /// What fits in.
    pub kind: SlotKind,
    /// Whether Meta refuses a send without it.
    pub required: bool,
}

/// Where a value goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// The header.
    Header,
    /// The body's placeholder of that name or number.
    Body(String),
    /// The end of an offer.
    LimitedTimeOffer,
    /// The button with that index.
    Button(usize),
    /// The header of a card.
    CardHeader(usize),
    /// A placeholder in the body of a card.
    CardBody(usize, String),
    /// A button of a card.
    CardButton(usize, usize),
}

/// What fits into a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// A text.
    Text,
    /// A one-time code, sent in the body and the button.
    Code,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A file.
    Document,
    /// A short silent film.
    Gif,
    /// A place.
    Location,
    /// A product.
    Product,
    /// The end of a button's address.
    UrlSuffix,
    /// What a quick reply sends back.
    Payload,
    /// A coupon code.
    CouponCode,
    /// A Flow's token and data.
    Flow,
    /// Meta's `action` object: catalogue, products, order.
    Action,
    /// A time as UNIX milliseconds.
    ExpirationTime,
}

impl SlotKind {
    /// Whether a plain string can fill it.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Code | Self::UrlSuffix | Self::Payload | Self::CouponCode)
    }

    /// Whether it is a file.
    pub fn is_media(self) -> bool {
        matches!(self, Self::Image | Self::Video | Self::Document | Self::Gif)
    }
}

impl Definition {
    /// Every slot in order: header, body, offer, buttons, cards. `aliases` are the tenant's names for the
    /// positional parameters of the body, in order; they may be fewer.
    pub fn slots(&self, aliases: &[String]) -> Vec<Slot> {
        let mut slots = Vec::new();
        slots.extend(self.header.as_ref().and_then(|header| self.header_slot(header, Place::Header, "")));
        if let Some(text) = self.body_text() {
            slots.extend(self.body_slots(text, aliases));
        }
        if self.limited_time_offer.as_ref().is_some_and(|offer| offer.has_expiration) {
            slots.push(slot("expiration_time_ms", Place::LimitedTimeOffer, SlotKind::ExpirationTime, true));
        }
        for (index, button) in
            self.buttons.iter().enumerate().filter(|(_, button)| !button.kind.carries_code())
        {
            slots.extend(button_slot(button, Place::Button(index), &format!("button_{index}")));
        }
        for (index, card) in self.cards.iter().enumerate() {
            let prefix = format!("card_{index}_");
            let header = card.header.as_ref();
            slots.extend(
                header.and_then(|header| self.header_slot(header, Place::CardHeader(index), &prefix)),
            );
            slots.extend(card.body.as_ref().into_iter().flat_map(|body| card_body_slots(body, index)));
            slots.extend(card.buttons.iter().enumerate().filter_map(|(button_index, button)| {
                let name = format!("{prefix}button_{button_index}");
                button_slot(button, Place::CardButton(index, button_index), &name)
            }));
        }
        slots
    }

    /// Names of the slots that a send must fill, in order: `param_names` of the contract.
    pub fn param_names(&self, aliases: &[String]) -> Vec<String> {
        self.slots(aliases).into_iter().filter(|slot| slot.required).map(|slot| slot.name).collect()
    }

    fn header_slot(&self, header: &Header, place: Place, prefix: &str) -> Option<Slot> {
        let kind = match &header.kind {
            HeaderKind::Text(text) => {
                let placeholder = *distinct(text).first()?;
                let name = match self.format {
                    ParameterFormat::Named => format!("{prefix}{placeholder}"),
                    ParameterFormat::Positional => format!("{prefix}header_{placeholder}"),
                };
                return Some(slot(&name, place, SlotKind::Text, true));
            }
            HeaderKind::Image => SlotKind::Image,
            HeaderKind::Video => SlotKind::Video,
            HeaderKind::Document => SlotKind::Document,
            HeaderKind::Gif => SlotKind::Gif,
            HeaderKind::Location => SlotKind::Location,
            HeaderKind::Product => SlotKind::Product,
            HeaderKind::Other(_) => return None,
        };
        Some(slot(&format!("{prefix}header_{}", header.kind.as_str()), place, kind, true))
    }

    fn body_slots(&self, text: &str, aliases: &[String]) -> Vec<Slot> {
        let kind = if self.is_authentication() { SlotKind::Code } else { SlotKind::Text };
        let placeholders = distinct(text).into_iter().enumerate();
        placeholders
            .map(|(index, placeholder)| {
                let alias = aliases.get(index).filter(|alias| !alias.is_empty());
                let name = match self.format {
                    ParameterFormat::Positional => alias.map_or(placeholder, String::as_str),
                    ParameterFormat::Named => placeholder,
                };
                slot(name, Place::Body(placeholder.to_owned()), kind, true)
            })
            .collect()
    }
}

fn card_body_slots(body: &Body, card: usize) -> Vec<Slot> {
    let text = body.text.as_deref().unwrap_or_default();
    let slot_of = |placeholder: &str| {
        let name = format!("card_{card}_body_{placeholder}");
        slot(&name, Place::CardBody(card, placeholder.to_owned()), SlotKind::Text, true)
    };
    distinct(text).into_iter().map(slot_of).collect()
}

fn button_slot(button: &Button, place: Place, name: &str) -> Option<Slot> {
    let (suffix, kind, required) = match &button.kind {
        ButtonKind::Url(url) if !distinct(url).is_empty() => ("url", SlotKind::UrlSuffix, true),
        ButtonKind::QuickReply => ("payload", SlotKind::Payload, false),
        ButtonKind::VoiceCall | ButtonKind::VideoCall => ("payload", SlotKind::Payload, false),
        ButtonKind::CopyCode => ("coupon_code", SlotKind::CouponCode, true),
        ButtonKind::Flow => ("flow", SlotKind::Flow, false),
        ButtonKind::Catalog => ("action", SlotKind::Action, false),
        ButtonKind::Mpm | ButtonKind::OrderDetails => ("action", SlotKind::Action, true),
        _ => return None,
    };
    Some(slot(&format!("{name}_{suffix}"), place, kind, required))
}

fn slot(name: &str, place: Place, kind: SlotKind, required: bool) -> Slot {
    Slot { name: name.to_owned(), place, kind, required }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn names(components: Value, format: ParameterFormat, aliases: &[&str]) -> Vec<String> {
        let aliases: Vec<String> = aliases.iter().map(ToString::to_string).collect();
        Definition::parse(components, format).param_names(&aliases)
    }

    #[test]
    fn header_body_and_buttons_are_named_in_order() {
        let components = json!([
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hi {{1}}, order {{2}} at {{3}}."},
            {"type": "BUTTONS", "buttons": [
                {"type": "URL", "text": "Track", "url": "https://x.y/{{1}}"},
                {"type": "QUICK_REPLY", "text": "Stop"},
                {"type": "URL", "text": "Home", "url": "https://x.y/"},
                {"type": "COPY_CODE", "example": "A"}]}
        ]);
        assert_eq!(
            names(components.clone(), ParameterFormat::Positional, &["customer_name", "", "tracking_url"]),
            ["header_image", "customer_name", "2", "tracking_url", "button_0_url", "button_3_coupon_code"]
        );
        let all = Definition::parse(components, ParameterFormat::Positional).slots(&[]);
        assert!(all.iter().any(|slot| slot.name == "button_1_payload" && !slot.required));
    }

    #[test]
    fn named_parameters_keep_their_names() {
        let components = json!([
            {"type": "header", "format": "text", "text": "For {{order_id}}"},
            {"type": "body", "text": "{{name}} and {{total}}, {{name}}."}
        ]);
        assert_eq!(names(components, ParameterFormat::Named, &["ignored"]), ["order_id", "name", "total"]);
    }

    #[test]
    fn a_one_time_code_is_expected_once() {
        let components = json!([
            {"type": "body", "add_security_recommendation": true},
            {"type": "buttons", "buttons": [{"type": "otp", "otp_type": "one_tap"}]}
        ]);
        assert_eq!(names(components, ParameterFormat::Positional, &[]), ["1"]);
    }

    #[test]
    fn offers_and_cards_have_slots_too() {
        let card = json!({"components": [
            {"type": "header", "format": "image"},
            {"type": "body", "text": "Only {{1}} now"},
            {"type": "buttons", "buttons": [{"type": "quick_reply", "text": "More"},
                {"type": "url", "text": "Shop", "url": "https://x.y/{{1}}"}]}]});
        let components = json!([
            {"type": "body", "text": "x"},
            {"type": "limited_time_offer", "limited_time_offer": {"text": "Ends", "has_expiration": true}},
            {"type": "carousel", "cards": [card, card]}
        ]);
        assert_eq!(
            names(components, ParameterFormat::Positional, &[]),
            [
                "expiration_time_ms",
                "card_0_header_image",
                "card_0_body_1",
                "card_0_button_1_url",
                "card_1_header_image",
                "card_1_body_1",
                "card_1_button_1_url"
            ]
        );
    }
}

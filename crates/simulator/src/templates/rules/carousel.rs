//! Carousel templates: 2 to 10 cards, alike in their parts.

use serde_json::Value;

use super::{Checked, Rules, body, buttons, header, refusals};
use crate::templates::shape::upper;

const CARD_BODY_MAX: usize = 160;

pub(crate) fn check(component: &Value, rules: &Rules<'_>) -> Checked {
    let cards = component.get("cards").and_then(Value::as_array);
    let cards = cards.ok_or_else(|| refusals::missing_field("CAROUSEL", "cards"))?;
    if !(2..=10).contains(&cards.len()) {
        return Err(refusals::component("a carousel has 2 to 10 cards"));
    }
    let first = cards.first().map(pattern);
    for card in cards {
        if Some(pattern(card)) != first {
            return Err(refusals::component("all cards of a carousel must have the same components"));
        }
        check_card(card, rules)?;
    }
    Ok(())
}

fn parts(card: &Value) -> &[Value] {
    card.get("components").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Kinds of components and buttons, which all cards share.
fn pattern(card: &Value) -> Vec<String> {
    let mut pattern = Vec::new();
    for part in parts(card) {
        pattern.push(format!("{}/{}", upper(part, "type"), upper(part, "format")));
        let buttons = part.get("buttons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        pattern.extend(buttons.iter().map(|button| upper(button, "type")));
    }
    pattern
}

fn check_card(card: &Value, rules: &Rules<'_>) -> Checked {
    let mut has_header = false;
    for part in parts(card) {
        match upper(part, "type").as_str() {
            "HEADER" => {
                has_header = true;
                if !matches!(upper(part, "format").as_str(), "IMAGE" | "VIDEO" | "PRODUCT") {
                    return Err(refusals::header_format(
                        "A card's header must be an image, a video or a product.",
                    ));
                }
                header::check(part, rules)?;
            }
            "BODY" => body::check(part, rules.named, CARD_BODY_MAX)?,
            "BUTTONS" => {
                if part.get("buttons").and_then(Value::as_array).is_some_and(|buttons| buttons.len() > 2) {
                    return Err(refusals::component("a card can have up to 2 buttons"));
                }
                buttons::check(part)?;
            }
            other => {
                return Err(refusals::component(&format!("a card cannot have a component of type {other}")));
            }
        }
    }
    if has_header { Ok(()) } else { Err(refusals::missing_field("CAROUSEL", "header")) }
}

//! Carousels: 2 to 10 cards of one kind (WhatsApp, "Interactive media carousel").

use serde_json::Value;

use super::buttons::reply;
use super::frame::{Frame, action_name};
use super::sized;
use crate::messages::fields::{Checked, invalid, is_web_url, missing};

const BODY_MAX: usize = 1_024;
const CARD_BODY_MAX: usize = 160;
const LABEL_MAX: usize = 20;
const CARD_BUTTONS_MAX: usize = 3;

pub(crate) fn check(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, true, true)?;
    if frame.interactive.get("header").is_some() || frame.interactive.get("footer").is_some() {
        return Err(invalid("A carousel has neither header nor footer."));
    }
    let cards = frame.action()?.get("cards").and_then(Value::as_array);
    let cards = cards.ok_or_else(|| missing("Interactive action cards are required."))?;
    if !(2..=10).contains(&cards.len()) {
        return Err(invalid("Invalid cards count. Min: 2, Max: 10"));
    }
    let kind = card_kind(cards.first());
    for (at, card) in cards.iter().enumerate() {
        if card.get("card_index").and_then(Value::as_u64) != Some(at as u64) {
            return Err(invalid(format!("card_index must be {at}.")));
        }
        if card_kind(Some(card)) != kind {
            return Err(invalid("All cards of a carousel must have the same type and buttons."));
        }
        check_card(frame, card)?;
    }
    Ok(())
}

fn card_kind(card: Option<&Value>) -> (Option<&str>, usize) {
    let kind = card.and_then(|card| card.get("type")).and_then(Value::as_str);
    let buttons = card.and_then(|card| card.pointer("/action/buttons")).and_then(Value::as_array);
    (kind, buttons.map_or(0, Vec::len))
}

fn check_card(frame: &Frame<'_>, card: &Value) -> Checked {
    let action = card.get("action").and_then(Value::as_object);
    let action = action.ok_or_else(|| missing("Card action is required."))?;
    if card.get("type").and_then(Value::as_str) == Some("product") {
        sized(action.get("catalog_id"), "catalog_id", 256)?;
        return sized(action.get("product_retailer_id"), "product_retailer_id", 256).map(|_| ());
    }
    let header = card.get("header").ok_or_else(|| missing("Card header is required."))?;
    if !matches!(header.get("type").and_then(Value::as_str), Some("image" | "video")) {
        return Err(invalid("A card's header must be an image or a video."));
    }
    frame.header(header, false)?;
    if let Some(body) = card.get("body") {
        sized(body.get("text"), "Card body text", CARD_BODY_MAX)?;
    }
    match action.get("buttons").and_then(Value::as_array) {
        Some(buttons) => check_replies(buttons),
        None => check_link(action),
    }
}

fn check_replies(buttons: &[Value]) -> Checked {
    if buttons.is_empty() || buttons.len() > CARD_BUTTONS_MAX {
        return Err(invalid(format!("Invalid buttons count. Min: 1, Max: {CARD_BUTTONS_MAX}")));
    }
    buttons.iter().try_for_each(|button| reply(button.get("quick_reply")).map(|_| ()))
}

fn check_link(action: &serde_json::Map<String, Value>) -> Checked {
    action_name(action, "cta_url")?;
    let parameters = action.get("parameters").ok_or_else(|| missing("Card parameters are required."))?;
    sized(parameters.get("display_text"), "Button label", LABEL_MAX)?;
    if is_web_url(sized(parameters.get("url"), "Button URL", 2_000)?) {
        return Ok(());
    }
    Err(invalid("Button URL is not a valid URL."))
}

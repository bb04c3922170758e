//! Interactive messages, one file a family (WhatsApp, "Interactive messages").

mod buttons;
mod carousel;
mod frame;
mod links;
mod list;
mod products;

use serde_json::Value;

use super::fields::{Checked, Object, invalid, missing};
use crate::references::References;
use frame::Frame;

/// Checks `interactive`: the frame (header, body, footer) and the action of its type.
pub(crate) fn check(body: &Value, references: &References<'_>) -> Checked {
    let interactive = Object::of(body, "interactive")?;
    let kind = interactive.text("type")?.to_ascii_lowercase();
    let frame = Frame { interactive: &interactive, references };
    match kind.as_str() {
        "button" => buttons::check(&frame),
        "list" => list::check(&frame),
        "cta_url" => links::cta_url(&frame),
        "flow" => links::flow(&frame),
        "location_request_message" => links::named_action(&frame, "send_location"),
        "address_message" => links::named_action(&frame, "address_message"),
        "call_permission_request" => links::named_action(&frame, "call_permission_request"),
        "request_contact_info" => links::named_action(&frame, "request_contact_info"),
        "voice_call" => links::voice_call(&frame),
        "product" => products::single(&frame),
        "product_list" => products::list(&frame),
        "catalog_message" => products::catalog(&frame),
        "carousel" => carousel::check(&frame),
        "order_details" | "order_status" => frame.parts(1_024, false, true),
        other => Err(invalid(format!("Interactive type \"{other}\" is not supported."))),
    }
}

/// A length as the interactive check words it: too short or too long is 131009, absent is 131008.
fn sized<'a>(value: Option<&'a Value>, what: &str, max: usize) -> Checked<&'a str> {
    let text = match value {
        None | Some(Value::Null) => return Err(missing(format!("{what} is required."))),
        Some(Value::String(text)) => text,
        Some(_) => return Err(invalid(format!("{what} must be a string."))),
    };
    let length = text.chars().count();
    if text.trim().is_empty() || length > max {
        return Err(invalid(format!("{what} length invalid. Min length: 1, Max length: {max}")));
    }
    Ok(text)
}

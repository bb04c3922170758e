//! What every message shares: product, recipient, type, context, callback data.

use serde_json::Value;

use super::fields::{Checked, Object, wrong_type};
use crate::errors::GraphError;
use crate::messages::gate::refusal;

const TYPES: [&str; 12] = [
    "audio",
    "contacts",
    "document",
    "image",
    "interactive",
    "location",
    "pin",
    "reaction",
    "sticker",
    "template",
    "text",
    "video",
];
const CALLBACK_MAX: usize = 512;

/// The parts of a request body that do not depend on its type.
pub(crate) struct Envelope<'a> {
    pub(crate) to: Option<&'a str>,
    pub(crate) recipient: Option<&'a str>,
    pub(crate) kind: &'static str,
    pub(crate) reply_to: Option<&'a str>,
    pub(crate) callback: Option<&'a str>,
    pub(crate) identity_hash: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn read(body: &'a Value) -> Checked<Self> {
        product(body)?;
        let root = Root(body);
        let to = root.filled_text("to")?;
        let recipient = root.text("recipient")?;
        if to.is_none() && recipient.is_none() {
            return Err(GraphError::required("to"));
        }
        match root.text("recipient_type")?.unwrap_or("individual") {
            "individual" => {}
            // There are no groups here, so every group is an unknown one.
            "group" => return Err(refusal(131020)),
            other => {
                let text =
                    format!("Param recipient_type must be one of {{INDIVIDUAL, GROUP}} - got \"{other}\".");
                return Err(GraphError::param(text));
            }
        }
        let callback = root.text("biz_opaque_callback_data")?;
        if callback.is_some_and(|data| data.chars().count() > CALLBACK_MAX) {
            let text =
                format!("Param biz_opaque_callback_data must be at most {CALLBACK_MAX} characters long.");
            return Err(GraphError::param(text));
        }
        Ok(Self {
            to,
            recipient,
            kind: kind(&root)?,
            reply_to: reply_to(body)?,
            callback,
            identity_hash: root.text("recipient_identity_key_hash")?,
        })
    }
}

/// `messaging_product` must be `whatsapp`.
pub(crate) fn product(body: &Value) -> Checked {
    match body.get("messaging_product") {
        None | Some(Value::Null) => Err(GraphError::required("messaging_product")),
        Some(Value::String(product)) if product.eq_ignore_ascii_case("whatsapp") => Ok(()),
        Some(other) => {
            let got = other.as_str().map_or_else(|| other.to_string(), Into::into);
            let text = format!("Param messaging_product must be one of {{WHATSAPP}} - got \"{got}\".");
            Err(GraphError::param(text))
        }
    }
}

fn kind(root: &Root<'_>) -> Checked<&'static str> {
    // Without a type a message is a text (WhatsApp, "Messages").
    let given = root.text("type")?.unwrap_or("text");
    let lower = given.to_ascii_lowercase();
    match TYPES.iter().find(|known| **known == lower) {
        None => {
            let text = format!(
                "Param type must be one of {{AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, PIN, REACTION, \
                 STICKER, TEMPLATE, TEXT, VIDEO}} - got \"{given}\"."
            );
            Err(GraphError::param(text))
        }
        Some(known) => Ok(known),
    }
}

fn reply_to(body: &Value) -> Checked<Option<&str>> {
    if body.get("context").is_none_or(Value::is_null) {
        return Ok(None);
    }
    let context = Object::of(body, "context")?;
    Ok(Some(context.text("message_id")?))
}

struct Root<'a>(&'a Value);

impl<'a> Root<'a> {
    fn text(&self, key: &str) -> Checked<Option<&'a str>> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(key, "a string", other)),
        }
    }

    fn filled_text(&self, key: &str) -> Checked<Option<&'a str>> {
        match self.text(key)? {
            Some("") => Err(GraphError::required(key)),
            text => Ok(text),
        }
    }
}

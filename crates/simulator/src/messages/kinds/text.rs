//! Text: a body of 1 to 4,096 characters (WhatsApp, "Text messages").

use serde_json::Value;

use crate::messages::fields::{Checked, Object, wrong_type};

const BODY_MAX: usize = 4_096;

pub(crate) fn check(text: &Object<'_>) -> Checked {
    text.text_within("body", BODY_MAX)?;
    match text.get("preview_url") {
        None | Some(Value::Bool(_)) => Ok(()),
        Some(Value::String(flag)) if flag == "true" || flag == "false" => Ok(()),
        Some(other) => Err(wrong_type("text['preview_url']", "a boolean", other)),
    }
}

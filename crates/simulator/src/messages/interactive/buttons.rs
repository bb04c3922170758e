//! Reply buttons: 1 to 3, ids and titles unique (WhatsApp, "Interactive reply buttons").

use serde_json::Value;

use super::frame::Frame;
use super::sized;
use crate::messages::fields::{Checked, invalid, missing};

const BODY_MAX: usize = 1_024;
const MOST: usize = 3;
const ID_MAX: usize = 256;
const TITLE_MAX: usize = 20;

pub(crate) fn check(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, false, true)?;
    let buttons = frame.action()?.get("buttons").and_then(Value::as_array);
    let buttons = buttons.ok_or_else(|| missing("Interactive action buttons are required."))?;
    if buttons.is_empty() || buttons.len() > MOST {
        return Err(invalid(format!(
            "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: {MOST}"
        )));
    }
    let mut ids = Vec::new();
    let mut titles = Vec::new();
    for button in buttons {
        if !button.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("reply"))
        {
            return Err(invalid("Button type must be \"reply\"."));
        }
        let (id, title) = reply(button.get("reply"))?;
        unique(&mut ids, id, "Button id")?;
        unique(&mut titles, title, "Button title")?;
    }
    Ok(())
}

/// A `{id, title}` pair with its lengths.
pub(crate) fn reply(reply: Option<&Value>) -> Checked<(&str, &str)> {
    let reply = reply.ok_or_else(|| missing("Button reply is required."))?;
    let id = sized(reply.get("id"), "Button id", ID_MAX)?;
    if id != id.trim() {
        return Err(invalid("Button id must not start or end with a space."));
    }
    Ok((id, sized(reply.get("title"), "Button title", TITLE_MAX)?))
}

pub(crate) fn unique<'a>(seen: &mut Vec<&'a str>, text: &'a str, what: &str) -> Checked {
    if seen.contains(&text) {
        return Err(invalid(format!("Duplicated {what}: {text}")));
    }
    seen.push(text);
    Ok(())
}

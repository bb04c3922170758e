//! Interactive messages with one thing to open: a URL, a flow, a location, an address, a call.

use super::frame::{Frame, action_name};
use super::sized;
use crate::messages::fields::{Checked, invalid, is_web_url};

const BODY_MAX: usize = 1_024;
const LABEL_MAX: usize = 20;
const URL_MAX: usize = 2_000;

pub(crate) fn cta_url(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, false, true)?;
    let parameters = frame.parameters("cta_url")?;
    sized(parameters.get("display_text"), "Button label", LABEL_MAX)?;
    if !is_web_url(sized(parameters.get("url"), "Button URL", URL_MAX)?) {
        return Err(invalid("Button URL is not a valid URL."));
    }
    Ok(())
}

/// A message whose action carries nothing but its name (location, address, permission).
pub(crate) fn named_action(frame: &Frame<'_>, name: &str) -> Checked {
    frame.parts(BODY_MAX, false, name != "call_permission_request")?;
    action_name(frame.action()?, name)
}

pub(crate) fn voice_call(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, false, true)?;
    let action = frame.action()?;
    action_name(action, "voice_call")?;
    match action.get("parameters").and_then(|parameters| parameters.get("display_text")) {
        None => Ok(()),
        text => sized(text, "Button label", LABEL_MAX).map(|_| ()),
    }
}

pub(crate) fn flow(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, false, true)?;
    let parameters = frame.parameters("flow")?;
    sized(parameters.get("flow_message_version"), "flow_message_version", 10)?;
    sized(parameters.get("flow_cta"), "flow_cta", LABEL_MAX)?;
    match (parameters.get("flow_id"), parameters.get("flow_name")) {
        (Some(_), Some(_)) => return Err(invalid("One of flow_id and flow_name must be given, not both.")),
        (id, name) => sized(id.or(name), "flow_id", 200)?,
    };
    match parameters.get("flow_action").and_then(serde_json::Value::as_str).unwrap_or("navigate") {
        "navigate" | "data_exchange" => Ok(()),
        other => Err(invalid(format!("flow_action \"{other}\" is not supported."))),
    }
}

//! What Meta refuses when a template is created or edited (WhatsApp, "Template components").

mod authentication;
mod body;
mod buttons;
mod carousel;
mod header;
pub(crate) mod naming;
mod normal;
pub(crate) mod refusals;

use serde_json::Value;

use crate::errors::GraphError;
use crate::templates::shape::{text, upper};

type Checked = Result<(), GraphError>;

/// What the components are checked against.
pub(crate) struct Rules<'a> {
    /// MARKETING, UTILITY or AUTHENTICATION.
    pub(crate) category: &'a str,
    pub(crate) named: bool,
    /// Says whether an upload handle is known; None takes every handle.
    pub(crate) handles: Option<&'a dyn Fn(&str) -> bool>,
}

const KINDS: [&str; 7] =
    ["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST"];
const BODY_MAX: usize = 1_024;
const OFFER_BODY_MAX: usize = 600;

impl Rules<'_> {
    /// Checks all components and returns them as Meta gives them back.
    pub(crate) fn check(&self, components: &[Value]) -> Result<Vec<Value>, GraphError> {
        let normal: Vec<Value> = components.iter().map(normal::upper_case).collect();
        for (at, component) in normal.iter().enumerate() {
            let kind = upper(component, "type");
            if !KINDS.contains(&kind.as_str()) {
                let text = format!(
                    "Param components[{at}]['type'] must be one of {{{}}} - got \"{kind}\".",
                    KINDS.join(", ")
                );
                return Err(GraphError::param(text));
            }
            if normal.iter().take(at).any(|before| upper(before, "type") == kind) {
                return Err(GraphError::param(format!(
                    "There must be at most one component of type {kind}."
                )));
            }
        }
        if self.category == "AUTHENTICATION" {
            authentication::check(&normal)?;
            return Ok(normal.iter().map(normal::authentication_read_back).collect());
        }
        self.parts(&normal, BODY_MAX)?;
        Ok(normal)
    }

    fn parts(&self, components: &[Value], body_max: usize) -> Checked {
        let find = |kind: &str| components.iter().find(|component| upper(component, "type") == kind);
        let offer = find("LIMITED_TIME_OFFER");
        let body_max = if offer.is_some() { OFFER_BODY_MAX } else { body_max };
        match find("BODY") {
            None => return Err(refusals::missing_field("BODY", "text")),
            Some(component) => body::check(component, self.named, body_max)?,
        }
        if let Some(component) = find("HEADER") {
            header::check(component, self)?;
        }
        if let Some(component) = find("FOOTER") {
            footer(component)?;
        }
        if let Some(component) = find("BUTTONS") {
            buttons::check(component)?;
        }
        if let Some(component) = find("CAROUSEL") {
            carousel::check(component, self)?;
        }
        match offer {
            Some(component) => limited_time_offer(component, find("HEADER"), find("FOOTER")),
            None => Ok(()),
        }
    }
}

const FOOTER_MAX: usize = 60;

fn footer(component: &Value) -> Checked {
    let footer = text(component);
    if footer.trim().is_empty() {
        return Err(refusals::missing_field("FOOTER", "text"));
    }
    if footer.contains("{{") {
        return Err(refusals::footer_format("Variables are not allowed in the footer."));
    }
    refusals::within("footer", footer, FOOTER_MAX)
}

fn limited_time_offer(offer: &Value, header: Option<&Value>, footer: Option<&Value>) -> Checked {
    if footer.is_some() {
        return Err(refusals::footer_format("Limited-time offers have no footer."));
    }
    if header.is_some_and(|header| !matches!(upper(header, "format").as_str(), "IMAGE" | "VIDEO")) {
        return Err(refusals::header_format(
            "The header of a limited-time offer must be an image or a video.",
        ));
    }
    let label = offer.get("limited_time_offer").and_then(|offer| offer.get("text")).and_then(Value::as_str);
    match label {
        None | Some("") => Err(refusals::missing_field("LIMITED_TIME_OFFER", "text")),
        Some(label) => refusals::within("limited-time offer text", label, 16),
    }
}

#[cfg(test)]
mod tests;

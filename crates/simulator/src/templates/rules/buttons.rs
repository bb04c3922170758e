//! Buttons: how many of which kind, in which order, with what inside.

use serde_json::Value;

use super::body::filled;
use super::{Checked, refusals};
use crate::errors::GraphError;
use crate::messages::fields::is_web_url;
use crate::templates::shape::{text, upper};
use crate::templates::variables::variables;

const MOST: usize = 10;
const LABEL_MAX: usize = 25;
const URL_MAX: usize = 2_000;
const PHONE_MAX: usize = 20;
const COUPON_MAX: usize = 20;
const KINDS: [&str; 14] = [
    "QUICK_REPLY",
    "URL",
    "PHONE_NUMBER",
    "COPY_CODE",
    "OTP",
    "FLOW",
    "CATALOG",
    "MPM",
    "SPM",
    "VOICE_CALL",
    "VIDEO_CALL",
    "REQUEST_CONTACT_INFO",
    "ORDER_DETAILS",
    "APP",
];

pub(crate) fn check(component: &Value) -> Checked {
    let buttons = component.get("buttons").and_then(Value::as_array).filter(|buttons| !buttons.is_empty());
    let buttons = buttons.ok_or_else(|| refusals::missing_field("BUTTONS", "buttons"))?;
    if buttons.len() > MOST {
        return Err(refusals::component(&format!("a template can have up to {MOST} buttons")));
    }
    for (kind, most) in [("URL", 2), ("PHONE_NUMBER", 1), ("COPY_CODE", 1), ("FLOW", 1)] {
        if buttons.iter().filter(|button| upper(button, "type") == kind).count() > most {
            return Err(refusals::component(&format!("a template can have up to {most} {kind} button(s)")));
        }
    }
    contiguous(buttons)?;
    buttons.iter().try_for_each(check_button)
}

/// Quick replies stand together.
fn contiguous(buttons: &[Value]) -> Checked {
    let quick: Vec<bool> = buttons.iter().map(|button| upper(button, "type") == "QUICK_REPLY").collect();
    let starts =
        quick.iter().enumerate().filter(|(at, is)| **is && (*at == 0 || quick.get(at - 1) == Some(&false)));
    if starts.count() > 1 {
        return Err(refusals::component("quick reply buttons must stand together"));
    }
    Ok(())
}

fn check_button(button: &Value) -> Checked {
    let kind = upper(button, "type");
    if !KINDS.contains(&kind.as_str()) {
        return Err(refusals::component(&format!("the button type \"{kind}\" is not supported")));
    }
    if !matches!(kind.as_str(), "COPY_CODE" | "REQUEST_CONTACT_INFO" | "VOICE_CALL" | "OTP") {
        if text(button).trim().is_empty() {
            return Err(refusals::missing_field("BUTTONS", "text"));
        }
        if text(button).contains("{{") {
            return Err(refusals::component("variables are not allowed in button labels"));
        }
    }
    refusals::within("button label", text(button), LABEL_MAX)?;
    match kind.as_str() {
        "URL" => check_url(button),
        "PHONE_NUMBER" => check_phone(button),
        "COPY_CODE" => check_coupon(button),
        _ => Ok(()),
    }
}

fn check_url(button: &Value) -> Checked {
    let url =
        button.get("url").and_then(Value::as_str).ok_or_else(|| refusals::missing_field("BUTTONS", "url"))?;
    refusals::within("button URL", url, URL_MAX)?;
    let names = variables(url);
    let bare = url.split("{{").next().unwrap_or_default();
    if !is_web_url(bare) {
        return Err(refusals::component("the button URL is not a valid URL"));
    }
    match names.len() {
        0 => Ok(()),
        1 if !url.ends_with("}}") => {
            Err(refusals::component("the variable of a button URL must be at its end"))
        }
        1 => {
            let example = button.get("example");
            let given = filled(example) || filled(example.and_then(|example| example.get(0)));
            if given { Ok(()) } else { Err(refusals::missing_field("BUTTONS", "example")) }
        }
        _ => Err(refusals::component("a button URL can have one variable only")),
    }
}

fn check_phone(button: &Value) -> Checked {
    let number = button.get("phone_number").and_then(Value::as_str).unwrap_or_default();
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let clean = number.chars().all(|c| c.is_ascii_digit() || "+-() ".contains(c));
    if number.len() > PHONE_MAX || !clean || !(7..=15).contains(&digits) {
        return Err(GraphError::plain(400, 192, "(#192) Invalid phone number"));
    }
    Ok(())
}

fn check_coupon(button: &Value) -> Checked {
    let example = button.get("example");
    let sample = example.and_then(Value::as_str).or_else(|| example?.get(0)?.as_str());
    match sample {
        None | Some("") => Err(refusals::missing_field("BUTTONS", "example")),
        Some(sample) => refusals::within("coupon code", sample, COUPON_MAX),
    }
}

//! Buttons of a template send: each named by its index, URL buttons with a variable must get their suffix.

use serde_json::Value;

use super::parameters::clean;
use super::{Component, parameter_kind, parameters_of};
use crate::errors::GraphError;
use crate::messages::fields::{Checked, invalid, missing};
use crate::templates::{ButtonShape, Shape};

const URL_MAX: usize = 2_000;
const CODE_MAX: usize = 15;
const COUPON_MAX: usize = 20;

pub(crate) fn check(shape: &Shape, given: &[&Component]) -> Checked {
    let mut filled = Vec::new();
    for component in given {
        let at = index(component)?;
        let button = shape.buttons.get(at).ok_or_else(|| {
            let text = format!(
                "buttons: number of params ({}) does not match the expected number of params ({})",
                given.len(),
                shape.buttons.len()
            );
            GraphError::message(132000, text)
        })?;
        check_button(at, button, component, shape.authentication)?;
        if filled.contains(&at) {
            return Err(invalid(format!("buttons: Button at index {at} is given twice")));
        }
        filled.push(at);
    }
    for (at, button) in shape.buttons.iter().enumerate() {
        if needs_parameter(button) && !filled.contains(&at) {
            return Err(missing(format!(
                "buttons: Button at index {at} of type {} requires a parameter",
                button.kind
            )));
        }
    }
    Ok(())
}

fn needs_parameter(button: &ButtonShape) -> bool {
    button.dynamic || matches!(button.kind.as_str(), "COPY_CODE" | "MPM" | "ORDER_DETAILS")
}

/// `index` as a number or as text; voice call buttons may leave it out.
fn index(component: &Component) -> Checked<usize> {
    match component.get("index") {
        None | Some(Value::Null) => Some(0),
        Some(Value::Number(number)) => number.as_u64().map(|at| at as usize),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    }
    .ok_or_else(|| GraphError::param("Param template['components']['index'] must be a non-negative integer."))
}

fn check_button(at: usize, button: &ButtonShape, component: &Component, authentication: bool) -> Checked {
    let sub_type = component.get("sub_type").and_then(Value::as_str);
    let sub_type = sub_type.ok_or_else(|| GraphError::required("template['components']['sub_type']"))?;
    let sub_type = sub_type.to_ascii_uppercase();
    // An authentication template's OTP button is a URL button to the sender.
    let expected = if button.kind == "OTP" { "URL" } else { button.kind.as_str() };
    if sub_type != expected {
        let text = format!("buttons: Button at index {at} is of type {expected}, received {sub_type}");
        return Err(GraphError::message(132012, text));
    }
    let parameters = parameters_of(Some(component));
    match expected {
        "URL" => check_url(at, button, parameters, authentication),
        "COPY_CODE" => check_coupon(at, parameters),
        "QUICK_REPLY" => check_payload(at, parameters),
        _ => Ok(()),
    }
}

fn check_url(at: usize, button: &ButtonShape, parameters: &[Value], authentication: bool) -> Checked {
    let expected = usize::from(button.dynamic);
    if parameters.len() != expected {
        let text = format!(
            "buttons: Button at index {at}: number of params ({}) does not match the expected number of params ({expected})",
            parameters.len()
        );
        return Err(GraphError::message(132000, text));
    }
    let Some(parameter) = parameters.first() else { return Ok(()) };
    let text = typed(at, parameter, "text", "text")?;
    clean(text)?;
    let max = if authentication { CODE_MAX } else { URL_MAX };
    too_long(at, text, max)
}

fn check_coupon(at: usize, parameters: &[Value]) -> Checked {
    match parameters {
        [one] => too_long(at, typed(at, one, "coupon_code", "coupon_code")?, COUPON_MAX),
        other => {
            let text = format!(
                "buttons: Button at index {at}: number of params ({}) does not match the expected number of params (1)",
                other.len()
            );
            Err(GraphError::message(132000, text))
        }
    }
}

fn check_payload(at: usize, parameters: &[Value]) -> Checked {
    match parameters.first() {
        None => Ok(()),
        Some(parameter) => too_long(at, typed(at, parameter, "payload", "payload")?, 256),
    }
}

fn typed<'a>(at: usize, parameter: &'a Value, kind: &str, member: &str) -> Checked<&'a str> {
    if parameter_kind(parameter) != kind {
        let got = parameter_kind(parameter).to_ascii_uppercase();
        let text =
            format!("buttons: Button at index {at}: expected {}, received {got}", kind.to_ascii_uppercase());
        return Err(GraphError::message(132012, text));
    }
    let text = parameter.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        missing(format!("buttons: Button at index {at}: Parameter of type {kind} is missing its value"))
    })
}

fn too_long(at: usize, text: &str, max: usize) -> Checked {
    if text.chars().count() > max {
        let details =
            format!("buttons: Button at index {at}: the parameter must be at most {max} characters long");
        return Err(GraphError::message(132005, details));
    }
    Ok(())
}

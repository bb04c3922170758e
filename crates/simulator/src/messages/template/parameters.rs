//! Text parameters: how many, by which names, what they may hold.

use serde_json::Value;

use super::{Component, count_mismatch, parameter_kind, parameters_of};
use crate::errors::GraphError;
use crate::messages::fields::{Checked, missing};
use crate::templates::variables::fill;
use crate::templates::{Parameters, Shape};

const BODY_MAX: usize = 1_024;
const CODE_MAX: usize = 15;

pub(crate) fn check_body(shape: &Shape, component: Option<&Component>) -> Checked {
    let given = parameters_of(component);
    let values = check_texts("body", &shape.body, given, &["text", "currency", "date_time"])?;
    if shape.authentication && values.iter().any(|(_, code)| code.chars().count() > CODE_MAX) {
        return Err(GraphError::message(
            132005,
            format!("body: the code must be at most {CODE_MAX} characters long"),
        ));
    }
    length("body", &shape.body_text, &values, BODY_MAX)
}

/// Refuses a text that grew too long once its variables are filled in.
pub(crate) fn length(place: &str, text: &str, values: &[(String, &str)], max: usize) -> Checked {
    let filled = fill(text, |name| values.iter().find(|(known, _)| known == name).map(|(_, value)| *value));
    let length = filled.chars().count();
    if length > max {
        return Err(GraphError::message(
            132005,
            format!("{place}: text is {length} characters long, at most {max}"),
        ));
    }
    Ok(())
}

/// Checks the number, names and contents of parameters; returns them by variable name.
pub(crate) fn check_texts<'a>(
    place: &str,
    expected: &Parameters,
    given: &'a [Value],
    kinds: &[&str],
) -> Checked<Vec<(String, &'a str)>> {
    if given.len() != expected.count() {
        return Err(count_mismatch(place, given.len(), expected.count()));
    }
    let mut values = Vec::with_capacity(given.len());
    for (at, parameter) in given.iter().enumerate() {
        let name = match expected {
            Parameters::Named(names) => named(place, names, parameter)?,
            _ => (at + 1).to_string(),
        };
        if values.iter().any(|(known, _)| *known == name) {
            return Err(count_mismatch(place, given.len() - 1, expected.count()));
        }
        values.push((name, value(place, at, parameter, kinds)?));
    }
    Ok(values)
}

fn named(place: &str, names: &[String], parameter: &Value) -> Checked<String> {
    let Some(name) = parameter.get("parameter_name").and_then(Value::as_str).filter(|name| !name.is_empty())
    else {
        return Err(GraphError::message(100, format!("{place}: Parameter name is missing or empty")));
    };
    if names.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let text =
        format!("{place}: parameter \"{name}\" is not a parameter of the template ({})", names.join(", "));
    Err(GraphError::message(132000, text))
}

fn value<'a>(place: &str, at: usize, parameter: &'a Value, kinds: &[&str]) -> Checked<&'a str> {
    let kind = parameter_kind(parameter);
    if !kinds.contains(&kind.as_str()) {
        let expected = kinds.join(", ").to_ascii_uppercase();
        let got = if kind.is_empty() { "UNKNOWN".into() } else { kind.to_ascii_uppercase() };
        let text = format!("{place}: Format mismatch at parameter {at}, expected {expected}, received {got}");
        return Err(GraphError::message(132012, text));
    }
    let text = match kind.as_str() {
        "text" => parameter.get("text"),
        other => parameter.get(other).and_then(|inner| inner.get("fallback_value")),
    };
    let text = text.and_then(Value::as_str).filter(|text| !text.is_empty());
    let text =
        text.ok_or_else(|| missing(format!("{place}: Parameter of type {kind} is missing its text value")))?;
    clean(text)?;
    Ok(text)
}

/// No line breaks, no tabs, not four spaces in a row.
pub(crate) fn clean(text: &str) -> Checked {
    if text.contains(['\n', '\r', '\t']) || text.contains("    ") {
        let details = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces";
        return Err(GraphError::message(132018, details));
    }
    Ok(())
}

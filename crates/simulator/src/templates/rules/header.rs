//! The header: a short text with at most one variable, or a medium with its sample.

use serde_json::Value;

use super::body::{filled, names};
use super::{Checked, Rules, refusals};
use crate::templates::shape::{text, upper};

const TEXT_MAX: usize = 60;

pub(crate) fn check(component: &Value, rules: &Rules<'_>) -> Checked {
    match upper(component, "format").as_str() {
        "TEXT" => check_text(component, rules.named),
        format @ ("IMAGE" | "VIDEO" | "DOCUMENT" | "GIF") => sample(component, format, rules),
        "LOCATION" | "PRODUCT" => Ok(()),
        other => Err(refusals::header_format(&format!("The header format \"{other}\" is not supported."))),
    }
}

fn check_text(component: &Value, named: bool) -> Checked {
    let header = text(component);
    if header.trim().is_empty() {
        return Err(refusals::missing_field("HEADER", "text"));
    }
    refusals::within("header", header, TEXT_MAX)?;
    if header.contains(['\n', '\r', '*', '~', '`']) {
        return Err(refusals::header_format(
            "Line breaks and formatting characters are not allowed in the header.",
        ));
    }
    let variables = names(header, named, refusals::header_format)?;
    match variables.as_slice() {
        [] => Ok(()),
        [name] => check_sample(component, name, named),
        _ => Err(refusals::header_format("The header can have one variable only.")),
    }
}

fn check_sample(component: &Value, name: &str, named: bool) -> Checked {
    let example = component.get("example");
    let given = if named {
        let list =
            example.and_then(|example| example.get("header_text_named_params")).and_then(Value::as_array);
        let of = |item: &&Value| item.get("param_name").and_then(Value::as_str) == Some(name);
        list.and_then(|list| list.iter().find(of)).is_some_and(|item| filled(item.get("example")))
    } else {
        match example.and_then(|example| example.get("header_text")) {
            Some(Value::Array(items)) => items.len() == 1 && filled(items.first()),
            one => filled(one),
        }
    };
    if given { Ok(()) } else { Err(refusals::missing_field("HEADER", "example")) }
}

fn sample(component: &Value, format: &str, rules: &Rules<'_>) -> Checked {
    let handle = component.pointer("/example/header_handle/0").and_then(Value::as_str);
    let good = handle.is_some_and(|handle| {
        !handle.trim().is_empty()
            && rules.handles.is_none_or(|known| handle.starts_with("4::") || known(handle))
    });
    if good { Ok(()) } else { Err(refusals::sample_missing(format)) }
}

//! The body: length, variables and their samples.

use serde_json::Value;

use super::{Checked, refusals};
use crate::errors::GraphError;
use crate::templates::shape::text;
use crate::templates::variables::{distinct, variables};

pub(crate) fn check(component: &Value, named: bool, max: usize) -> Checked {
    let body = text(component);
    if body.trim().is_empty() {
        return Err(refusals::missing_field("BODY", "text"));
    }
    refusals::within("body", body, max)?;
    if body.contains("\n\n\n") || body.contains("     ") {
        return Err(refusals::body_format(
            "More than two line breaks or four spaces in a row are not allowed.",
        ));
    }
    let names = names(body, named, refusals::body_format)?;
    if names.is_empty() {
        return Ok(());
    }
    if body.trim().starts_with("{{") || body.trim().ends_with("}}") {
        return Err(refusals::dangling_variable());
    }
    if adjacent(body) || words(body) < 2 * variables(body).len() + 1 {
        return Err(refusals::too_many_variables());
    }
    samples(component, &names, named)
}

/// The variables of a text, in good order: `{{1}}` to `{{n}}`, or names of lower-case letters and underscores.
pub(crate) fn names(
    text: &str,
    named: bool,
    wrong: fn(&str) -> GraphError,
) -> Result<Vec<String>, GraphError> {
    if text.matches("{{").count() != text.matches("}}").count() {
        return Err(wrong("The braces of a variable are not closed."));
    }
    let names = distinct(text);
    if named {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let good =
            |name: &String| name.bytes().all(allowed) && name.starts_with(|c: char| c.is_ascii_lowercase());
        if !names.iter().all(good) {
            return Err(wrong("Variable names must be lower-case letters, digits and underscores."));
        }
        return Ok(names);
    }
    let mut numbers: Vec<usize> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    if numbers.len() != names.len() || numbers.iter().enumerate().any(|(at, number)| *number != at + 1) {
        return Err(wrong("Variables must be numbered {{1}}, {{2}} and so on, without a gap."));
    }
    Ok(names)
}

fn adjacent(text: &str) -> bool {
    text.split("}}").skip(1).any(|rest| rest.trim_start().starts_with("{{"))
}

/// Words outside variables.
fn words(text: &str) -> usize {
    let bare = crate::templates::variables::fill(text, |_| Some(" "));
    bare.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

/// One sample a variable: `body_text: [["a","b"]]` (a flat list or a text for one will do), or
/// `body_text_named_params: [{param_name, example}]`.
fn samples(component: &Value, names: &[String], named: bool) -> Checked {
    let example = component.get("example");
    let given = if named {
        let list =
            example.and_then(|example| example.get("body_text_named_params")).and_then(Value::as_array);
        let known = |name: &String| {
            let of = |item: &&Value| item.get("param_name").and_then(Value::as_str) == Some(name);
            list.is_some_and(|list| list.iter().find(of).is_some_and(|item| filled(item.get("example"))))
        };
        names.iter().filter(|name| known(name)).count()
    } else {
        match example.and_then(|example| example.get("body_text")) {
            Some(Value::Array(rows)) => match rows.first() {
                Some(Value::Array(row)) => row.iter().filter(|item| filled(Some(item))).count(),
                _ => rows.iter().filter(|item| filled(Some(item))).count(),
            },
            one => usize::from(filled(one)),
        }
    };
    if given == names.len() { Ok(()) } else { Err(refusals::missing_field("BODY", "example")) }
}

pub(crate) fn filled(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty())
}

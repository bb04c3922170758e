//! Sending a template: it must exist in that language, be approved, and get exactly its parameters
//! (WhatsApp, "Sending templates").

mod buttons;
mod carousel;
mod header;
pub(crate) mod parameters;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::fields::{Checked, Object, missing};
use crate::errors::GraphError;
use crate::references::References;
use crate::templates::{Shape, Template, Templates};

/// Checks `template` and returns the stored template; None when references are taken leniently and it is unknown.
pub(crate) fn check(
    body: &Value,
    waba_id: &str,
    book: &Templates,
    references: &References<'_>,
) -> Checked<(String, Option<Arc<Template>>)> {
    let given = Object::of(body, "template")?;
    let name = given.text("name")?;
    let language = given.get("language").ok_or_else(|| GraphError::required("template['language']"))?;
    let language = language.get("code").and_then(Value::as_str);
    let language = language.ok_or_else(|| GraphError::required("template['language']['code']"))?;
    let components = components(&given)?;
    let Some(template) = usable(book, waba_id, name, language, references.lenient)? else {
        return Ok((name.to_owned(), None));
    };
    fill(&template.shape, components, references)?;
    Ok((name.to_owned(), Some(template)))
}

fn usable(
    book: &Templates,
    waba: &str,
    name: &str,
    language: &str,
    lenient: bool,
) -> Checked<Option<Arc<Template>>> {
    let Some(template) = book.in_language(waba, name, language) else {
        if lenient {
            return Ok(None);
        }
        return Err(GraphError::message(
            132001,
            format!("template name ({name}) does not exist in {language}"),
        ));
    };
    match template.status.as_str() {
        "APPROVED" => Ok(Some(template.clone())),
        "PAUSED" => Err(GraphError::message(132015, format!("template ({name}) is paused"))),
        "DISABLED" => Err(GraphError::message(132016, format!("template ({name}) is disabled"))),
        status => Err(GraphError::message(
            132001,
            format!("template ({name}) is not approved in {language}: {status}"),
        )),
    }
}

type Component = Map<String, Value>;

fn components<'a>(given: &Object<'a>) -> Checked<Vec<&'a Component>> {
    let list = match given.get("components") {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(super::fields::wrong_type("template['components']", "an array", other)),
    };
    list.iter()
        .enumerate()
        .map(|(at, component)| {
            let path = format!("template['components'][{at}]");
            component.as_object().ok_or_else(|| super::fields::wrong_type(&path, "a JSON object", component))
        })
        .collect()
}

const KINDS: [&str; 8] = [
    "header",
    "body",
    "button",
    "carousel",
    "limited_time_offer",
    "order_status",
    "tap_target_configuration",
    "footer",
];

/// Checks the given components against what the template (or a card of it) needs.
fn fill(shape: &Shape, given: Vec<&Component>, references: &References<'_>) -> Checked {
    for component in &given {
        let kind = kind(component);
        if !KINDS.contains(&kind.as_str()) {
            let list = KINDS.map(str::to_ascii_uppercase).join(", ");
            return Err(GraphError::param(format!(
                "Param template['components']['type'] must be one of {{{list}}} - got \"{kind}\"."
            )));
        }
    }
    let of = |wanted: &str| {
        given.iter().copied().filter(|component| kind(component) == wanted).collect::<Vec<_>>()
    };
    header::check(&shape.header, of("header").first().copied(), references)?;
    parameters::check_body(shape, of("body").first().copied())?;
    if shape.limited_time_offer && of("limited_time_offer").is_empty() {
        return Err(missing("limited_time_offer: expiration_time_ms is required"));
    }
    buttons::check(shape, &of("button"))?;
    carousel::check(&shape.cards, of("carousel").first().copied(), references)
}

fn kind(component: &Component) -> String {
    component.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
}

/// The parameters of a component.
fn parameters_of(component: Option<&Component>) -> &[Value] {
    let list = component.and_then(|component| component.get("parameters")).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

fn parameter_kind(parameter: &Value) -> String {
    parameter.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
}

/// 132000 as Meta words it.
fn count_mismatch(place: &str, given: usize, expected: usize) -> GraphError {
    GraphError::message(
        132000,
        format!(
            "{place}: number of localizable_params ({given}) does not match the expected number of params ({expected})"
        ),
    )
}

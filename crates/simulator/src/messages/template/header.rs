//! The header of a template send: a text with its variable, or the medium that the template promised.

use serde_json::Value;

use super::parameters::{check_texts, length};
use super::{Component, count_mismatch, parameter_kind, parameters_of};
use crate::errors::GraphError;
use crate::messages::fields::{Checked, Object, missing};
use crate::messages::kinds::media;
use crate::references::References;
use crate::templates::shape::HeaderShape;

const HEADER_MAX: usize = 60;

pub(crate) fn check(
    shape: &HeaderShape,
    component: Option<&Component>,
    references: &References<'_>,
) -> Checked {
    let given = parameters_of(component);
    match shape {
        HeaderShape::None if given.is_empty() => Ok(()),
        HeaderShape::None => Err(count_mismatch("header", given.len(), 0)),
        HeaderShape::Text(expected, text) => {
            if given.first().is_some_and(|parameter| parameter_kind(parameter) != "text")
                && expected.count() > 0
            {
                return Err(format_mismatch("TEXT", given.first()));
            }
            let values = check_texts("header", expected, given, &["text"])?;
            length("header", text, &values, HEADER_MAX)
        }
        HeaderShape::Format(format) => match given {
            [one] => medium(format, one, references),
            [] => Err(format_mismatch(format, None)),
            more => Err(count_mismatch("header", more.len(), 1)),
        },
    }
}

fn format_mismatch(expected: &str, got: Option<&Value>) -> GraphError {
    let got =
        got.map(|parameter| parameter_kind(parameter).to_ascii_uppercase()).filter(|kind| !kind.is_empty());
    let got = got.as_deref().unwrap_or("UNKNOWN");
    GraphError::message(132012, format!("header: Format mismatch, expected {expected}, received {got}"))
}

fn medium(format: &str, parameter: &Value, references: &References<'_>) -> Checked {
    let kind = parameter_kind(parameter);
    if kind.to_ascii_uppercase() != format {
        return Err(format_mismatch(format, Some(parameter)));
    }
    let map = parameter.get(&kind).and_then(Value::as_object);
    let map = map.ok_or_else(|| missing(format!("header: Parameter of type {kind} is missing its value")))?;
    let object = Object { path: "header", map };
    match kind.as_str() {
        "image" | "video" | "document" | "gif" => media::source(&object, &kind, references),
        "location" => {
            let found = ["latitude", "longitude"].iter().all(|key| map.contains_key(*key));
            if found { Ok(()) } else { Err(missing("header: location needs latitude and longitude")) }
        }
        _ => Ok(()),
    }
}

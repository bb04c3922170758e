//! Header, body, footer, and how they stand together.

use serde_json::{Map, Value};

use super::text::{self, Variables};
use super::{Draft, Findings, buttons, kinds};
use crate::templates::Category;
use crate::templates::definition::word;
use crate::templates::placeholders::distinct;
use crate::templates::samples::{header_samples, named, positional};
use crate::templates::{Definition, ParameterFormat};

const HEADER: usize = 60;
const BODY: usize = 1_024;
const FOOTER: usize = 60;

/// Types that Meta knows but that hold nothing to check.
const PLAIN_TYPES: [&str; 4] =
    ["call_permission_request", "order_status", "tap_target_configuration", "product_carousel"];

pub(super) fn check(findings: &mut Findings, draft: &Draft<'_>) {
    let Some(components) = draft.components.as_array() else {
        let problem = "The components are not a list";
        return findings.error(
            "/components",
            "components",
            problem,
            "Give a list that holds at least a body",
        );
    };
    let definition = Definition::parse(draft.components.clone(), draft.parameter_format);
    let authentication = *draft.category == Category::Authentication;
    let mut seen: Vec<String> = Vec::new();
    for (index, component) in components.iter().enumerate() {
        let at = format!("/components/{index}");
        let Some(component) = component.as_object() else {
            findings.error(at, "components", "This component is not an object", "Remove it");
            continue;
        };
        let kind = word(component, "type");
        if seen.contains(&kind) {
            let problem = format!("There is more than one component of type {kind}");
            findings.error(&at, "component_twice", problem, "Keep one of them");
        }
        match kind.as_str() {
            "header" => header(findings, component, &at, draft.parameter_format, draft.category),
            "body" if authentication => kinds::authentication_body(findings, component, &at),
            "body" => body(findings, component, &at, draft.parameter_format, body_limit(&definition)),
            "footer" if authentication => kinds::authentication_footer(findings, component, &at),
            "footer" => footer(findings, component, &at),
            "buttons" => buttons::check(findings, component, &at, draft),
            "carousel" => kinds::carousel(findings, component, &at, draft),
            "limited_time_offer" => kinds::offer(findings, component, &at),
            "" => findings.error(
                &at,
                "components",
                "This component has no type",
                "Give it a type, such as BODY",
            ),
            other if PLAIN_TYPES.contains(&other) => {}
            other => {
                let problem = format!("Components of type {other} are not known here");
                findings.warn(&at, "component_unknown", problem, "Check the type's spelling");
            }
        }
        seen.push(kind);
    }
    if definition.body.is_none() {
        findings.error(
            "/components",
            "body_missing",
            "The template has no body",
            "Add a component of type BODY",
        );
    }
    kinds::whole(findings, &definition, draft.category);
}

/// A limited-time offer leaves less room.
fn body_limit(definition: &Definition) -> usize {
    if definition.limited_time_offer.is_some() { 600 } else { BODY }
}

/// Also checks the header of a card.
pub(super) fn header(
    findings: &mut Findings,
    component: &Map<String, Value>,
    at: &str,
    format: ParameterFormat,
    category: &Category,
) {
    let example = component.get("example").unwrap_or(&Value::Null);
    match word(component, "format").as_str() {
        "text" => text_header(findings, component, at, format),
        kind @ ("image" | "video" | "document" | "gif") => {
            if positional(&example["header_handle"]).iter().all(String::is_empty) {
                let problem = format!("The {kind} header has no sample");
                let fix = "Upload a sample and give its handle in example.header_handle";
                findings.error(format!("{at}/example"), "header_sample", problem, fix);
            }
            if kind == "gif" && !category.is_marketing() {
                let problem = "Only marketing templates can have a gif header";
                findings.error(at, "header_format", problem, "Use a video instead");
            }
        }
        "location" if *category == Category::Authentication => {
            findings.error(
                at,
                "header_format",
                "An authentication template has no header",
                "Remove the header",
            );
        }
        "location" | "product" => {}
        "" => {
            let fix = "Use TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION";
            findings.error(format!("{at}/format"), "header_format", "The header has no format", fix);
        }
        other => {
            let problem = format!("Headers of format {other} are not known here");
            findings.warn(format!("{at}/format"), "header_format", problem, "Check the format's spelling");
        }
    }
}

fn text_header(findings: &mut Findings, component: &Map<String, Value>, at: &str, format: ParameterFormat) {
    let pointer = format!("{at}/text");
    let text = component.get("text").and_then(Value::as_str).unwrap_or_default();
    if text.trim().is_empty() {
        return findings.error(
            pointer,
            "header_text",
            "The header has no text",
            "Write one or remove the header",
        );
    }
    findings.length(&pointer, "header_length", "header", text, HEADER);
    if text.contains(['\n', '\r']) {
        findings.error(&pointer, "header_text", "A header has one line", "Remove the line break");
    }
    if text.contains(['*', '_', '~', '`']) && distinct(text).is_empty() || text::has_emoji(text) {
        let problem = "A header shows no formatting and no emoji";
        findings.warn(&pointer, "header_formatting", problem, "Remove formatting signs and emoji");
    }
    text::check(findings, &pointer, text, format, Variables { at_edges: true, dense: true });
    let variables = distinct(text).len();
    if variables > 1 {
        let problem = format!("The header has {variables} variables, one is allowed");
        findings.error(&pointer, "header_variables", problem, "Move the others into the body");
    }
    let samples = header_samples(component.get("example").unwrap_or(&Value::Null));
    samples_fit(findings, &format!("{at}/example"), "header", variables, &samples);
}

/// Also checks the body of a card, with its own limit.
pub(super) fn body(
    findings: &mut Findings,
    component: &Map<String, Value>,
    at: &str,
    format: ParameterFormat,
    longest: usize,
) {
    let pointer = format!("{at}/text");
    let text = component.get("text").and_then(Value::as_str).unwrap_or_default();
    if text.trim().is_empty() {
        return findings.error(pointer, "body_text", "The body has no text", "Write one");
    }
    findings.length(&pointer, "body_length", "body", text, longest);
    if text.contains("\n\n\n") {
        let problem = "More than two line breaks stand in a row";
        findings.warn(&pointer, "body_spacing", problem, "Leave at most one empty line");
    }
    if text.contains('\t') || text.contains("    ") {
        let problem = "The body holds a tab or four spaces in a row";
        findings.warn(&pointer, "body_spacing", problem, "Use single spaces");
    }
    text::check(findings, &pointer, text, format, Variables { at_edges: false, dense: false });
    body_samples(findings, component, at, text, format);
}

fn body_samples(
    findings: &mut Findings,
    component: &Map<String, Value>,
    at: &str,
    text: &str,
    format: ParameterFormat,
) {
    let example = component.get("example").unwrap_or(&Value::Null);
    let names = distinct(text);
    if format == ParameterFormat::Positional {
        let samples = positional(&example["body_text"]);
        return samples_fit(findings, &format!("{at}/example/body_text"), "body", names.len(), &samples);
    }
    let pointer = format!("{at}/example/body_text_named_params");
    let samples = named(&example["body_text_named_params"]);
    let missing: Vec<&str> =
        names.iter().filter(|name| !samples.iter().any(|(of, _)| of == *name)).copied().collect();
    if !missing.is_empty() {
        let problem = format!("There is no sample for {}", missing.join(", "));
        findings.error(&pointer, "sample_missing", problem, "Give a sample for each variable");
    }
    for (name, _) in samples.iter().filter(|(name, _)| !names.contains(&name.as_str())) {
        let problem = format!("There is a sample for {name}, which is no variable of the body");
        findings.error(&pointer, "sample_count", problem, "Remove it or correct its name");
    }
    empty_samples(findings, &pointer, samples.iter().map(|(_, text)| text.as_str()));
}

fn samples_fit(findings: &mut Findings, pointer: &str, what: &str, variables: usize, samples: &[String]) {
    if variables > 0 && samples.is_empty() {
        let problem = format!("The {what} has variables but no samples");
        findings.error(pointer, "sample_missing", problem, "Give a sample for each variable");
    } else if variables != samples.len() {
        let problem = format!("The {what} has {variables} variables and {} samples", samples.len());
        findings.error(pointer, "sample_count", problem, "Give exactly one sample for each variable");
    }
    empty_samples(findings, pointer, samples.iter().map(String::as_str));
}

fn empty_samples<'a>(findings: &mut Findings, pointer: &str, mut samples: impl Iterator<Item = &'a str>) {
    if samples.any(|sample| sample.trim().is_empty()) {
        findings.error(
            pointer,
            "sample_missing",
            "A sample is empty",
            "Write what a real message would hold",
        );
    }
}

fn footer(findings: &mut Findings, component: &Map<String, Value>, at: &str) {
    let pointer = format!("{at}/text");
    let text = component.get("text").and_then(Value::as_str).unwrap_or_default();
    if text.trim().is_empty() {
        return findings.error(
            pointer,
            "footer_text",
            "The footer has no text",
            "Write one or remove the footer",
        );
    }
    findings.length(&pointer, "footer_length", "footer", text, FOOTER);
    if text.contains("{{") {
        findings.error(pointer, "footer_variables", "A footer has no variables", "Move it into the body");
    }
}

//! Buttons.

use serde_json::{Map, Value};

use super::{Draft, Findings};
use crate::templates::Category;
use crate::templates::definition::{members, word};
use crate::templates::placeholders::scan;
use crate::templates::samples::positional;

const BUTTONS: usize = 10;
const URLS: usize = 2;
const LABEL: usize = 25;
const URL: usize = 2_000;
const PHONE: usize = 20;
const CODE: usize = 15;

/// Buttons that have no label of their own.
const UNLABELLED: [&str; 3] = ["copy_code", "otp", "request_contact_info"];
const KNOWN: [&str; 16] = [
    "quick_reply",
    "url",
    "phone_number",
    "copy_code",
    "otp",
    "flow",
    "catalog",
    "mpm",
    "spm",
    "voice_call",
    "video_call",
    "request_contact_info",
    "order_details",
    "app",
    "extension",
    "postback",
];

/// A template's buttons.
pub(super) fn check(findings: &mut Findings, component: &Map<String, Value>, at: &str, draft: &Draft<'_>) {
    let at = format!("{at}/buttons");
    let kinds = each(findings, component, &at);
    let count = |kind: &str| kinds.iter().filter(|of| of.as_str() == kind).count();
    if kinds.is_empty() || kinds.len() > BUTTONS {
        let problem = format!("There are {} buttons, 1 to {BUTTONS} are allowed", kinds.len());
        findings.error(&at, "button_count", problem, "Remove some, or the whole component");
    }
    for (kind, most) in [("url", URLS), ("phone_number", 1), ("copy_code", 1), ("otp", 1), ("flow", 1)] {
        if count(kind) > most {
            let problem = format!("There are {} buttons of type {kind}, at most {most} allowed", count(kind));
            findings.error(&at, "button_count", problem, "Remove some");
        }
    }
    grouping(findings, &kinds, &at);
    let otp = count("otp") > 0;
    if otp && *draft.category != Category::Authentication {
        let problem = "Only an authentication template has a button for a one-time code";
        findings.error(&at, "otp_button", problem, "Choose the category authentication, or another button");
    }
}

/// Each button by itself; answers their types. Also used for the buttons of a card.
pub(super) fn each(findings: &mut Findings, component: &Map<String, Value>, at: &str) -> Vec<String> {
    let mut kinds = Vec::new();
    let mut labels: Vec<&str> = Vec::new();
    for (index, button) in component.get("buttons").into_iter().flat_map(members).enumerate() {
        let at = format!("{at}/{index}");
        let kind = word(button, "type");
        if !KNOWN.contains(&kind.as_str()) {
            let problem = format!("Buttons of type \"{kind}\" are not known here");
            findings.warn(format!("{at}/type"), "button_type", problem, "Check the type's spelling");
        }
        label(findings, button, &kind, &at);
        if let Some(text) = button.get("text").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            if labels.contains(&text) {
                let problem = format!("Another button is called \"{text}\", too");
                findings.error(format!("{at}/text"), "button_label", problem, "Give each its own label");
            }
            labels.push(text);
        }
        match kind.as_str() {
            "url" => url(findings, button, &at),
            "phone_number" => phone(findings, button, &at),
            "copy_code" => code(findings, button, &at),
            _ => {}
        }
        kinds.push(kind);
    }
    kinds
}

/// Quick replies stand together: before all others or behind them.
fn grouping(findings: &mut Findings, kinds: &[String], at: &str) {
    let quick = |kind: &String| kind == "quick_reply";
    let changes = kinds.windows(2).filter(|pair| quick(&pair[0]) != quick(&pair[1])).count();
    if changes > 1 {
        let problem = "Quick replies and other buttons are mixed";
        findings.error(at, "button_grouping", problem, "Put all quick replies first, or all last");
    }
}

fn label(findings: &mut Findings, button: &Map<String, Value>, kind: &str, at: &str) {
    let pointer = format!("{at}/text");
    let text = button.get("text").and_then(Value::as_str).unwrap_or_default();
    if text.trim().is_empty() {
        if !UNLABELLED.contains(&kind) {
            findings.error(pointer, "button_label", "The button has no label", "Write one");
        }
        return;
    }
    findings.length(&pointer, "button_label", "label", text, LABEL);
    if text.contains("{{") || text.contains(['\n', '\r']) {
        let problem = "A label holds neither variables nor line breaks";
        findings.error(pointer, "button_label", problem, "Write plain words");
    }
}

fn url(findings: &mut Findings, button: &Map<String, Value>, at: &str) {
    let pointer = format!("{at}/url");
    let url = button.get("url").and_then(Value::as_str).unwrap_or_default();
    if !(url.starts_with("https://") || url.starts_with("http://")) || url.chars().any(char::is_whitespace) {
        let problem = "The button has no address that begins with http:// or https://";
        findings.error(&pointer, "button_url", problem, "Give the whole address, without spaces");
    }
    findings.length(&pointer, "button_url", "address", url, URL);
    let variables = scan(url);
    match &variables[..] {
        [] => return,
        [only] if only.end == url.len() && only.name == "1" => {}
        [only] if only.end == url.len() => {
            let problem = "The variable of an address is called {{1}}";
            findings.error(&pointer, "button_url_variable", problem, "Write {{1}}");
        }
        _ => {
            let problem = "An address has one variable at most, at its very end";
            findings.error(
                &pointer,
                "button_url_variable",
                problem,
                "Move it to the end, such as https://example.com/{{1}}",
            );
        }
    }
    let samples = positional(button.get("example").unwrap_or(&Value::Null));
    if samples.iter().all(|sample| sample.trim().is_empty()) {
        let problem = "The address has a variable but no sample";
        findings.error(format!("{at}/example"), "sample_missing", problem, "Give one in example");
    }
}

fn phone(findings: &mut Findings, button: &Map<String, Value>, at: &str) {
    let pointer = format!("{at}/phone_number");
    let number = button.get("phone_number").and_then(Value::as_str).unwrap_or_default();
    findings.length(&pointer, "button_phone", "number", number, PHONE);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let strange =
        number.chars().any(|character| !(character.is_ascii_digit() || "+ ()-".contains(character)));
    if !(5..=15).contains(&digits) || strange {
        let problem = "The button has no telephone number";
        findings.error(
            pointer,
            "button_phone",
            problem,
            "Give one with its country code, such as +15551234567",
        );
    }
}

fn code(findings: &mut Findings, button: &Map<String, Value>, at: &str) {
    let pointer = format!("{at}/example");
    match positional(button.get("example").unwrap_or(&Value::Null)).first() {
        Some(code) if !code.trim().is_empty() => findings.length(&pointer, "coupon_code", "code", code, CODE),
        _ => {
            let problem = "The button that copies a code has no sample";
            findings.error(pointer, "sample_missing", problem, "Give a code in example, such as 25OFF");
        }
    }
}

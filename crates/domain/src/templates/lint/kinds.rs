//! Rules of single kinds: one-time codes, limited-time offers, carousels.

use serde_json::{Map, Value};

use super::{Draft, Findings, buttons, components};
use crate::templates::definition::{ButtonKind, Card, HeaderKind, members, word};
use crate::templates::{Category, Definition};

const OFFER: usize = 16;
const CARDS: std::ops::RangeInclusive<usize> = 2..=10;
const CARD_BODY: usize = 160;
const CARD_BUTTONS: usize = 2;

/// What can only be said of the template as a whole.
pub(super) fn whole(findings: &mut Findings, definition: &Definition, category: &Category) {
    if *category == Category::Authentication {
        authentication(findings, definition);
    }
    if definition.limited_time_offer.is_some() {
        offer_parts(findings, definition, category);
    }
    if !definition.cards.is_empty() && !category.is_marketing() {
        let problem = "Only a marketing template has a carousel";
        findings.error("/components", "carousel_category", problem, "Choose the category marketing");
    }
}

fn authentication(findings: &mut Findings, definition: &Definition) {
    if definition.header.is_some() || !definition.cards.is_empty() {
        let problem = "An authentication template has neither header nor media";
        findings.error("/components", "authentication_parts", problem, "Remove the header");
    }
    let codes = definition.buttons.iter().filter(|button| button.kind.carries_code()).count();
    if codes != 1 || definition.buttons.len() != 1 {
        let problem = "An authentication template has one button, for the one-time code";
        findings.error("/components", "otp_button", problem, "Add one button of type OTP and no other");
    }
    for button in &definition.buttons {
        if let ButtonKind::Otp(kind) = &button.kind
            && !["copy_code", "one_tap", "zero_tap"].contains(&kind.as_str())
        {
            let problem = format!("\"{kind}\" is no kind of one-time code button");
            findings.error(
                "/components",
                "otp_button",
                problem,
                "Use COPY_CODE, ONE_TAP or ZERO_TAP as otp_type",
            );
        }
    }
    otp_apps(findings, definition);
}

/// One-tap and zero-tap hand the code to an app, which must be named.
fn otp_apps(findings: &mut Findings, definition: &Definition) {
    let buttons = members(definition.components()).filter(|component| word(component, "type") == "buttons");
    for button in buttons.flat_map(|component| component.get("buttons").into_iter().flat_map(members)) {
        let taps = matches!(word(button, "otp_type").as_str(), "one_tap" | "zero_tap");
        let listed = button.get("supported_apps").is_some_and(|apps| members(apps).next().is_some());
        let single = ["package_name", "signature_hash"].iter().all(|key| button.contains_key(*key));
        if taps && !listed && !single {
            let problem = "No app is named that takes the code";
            let fix = "Give supported_apps with package_name and signature_hash";
            findings.error("/components", "otp_apps", problem, fix);
        }
    }
}

/// Meta writes this body itself.
pub(super) fn authentication_body(findings: &mut Findings, component: &Map<String, Value>, at: &str) {
    let text = component.get("text").and_then(Value::as_str).unwrap_or_default();
    if !text.is_empty() && !text.contains("{{1}}") {
        let problem = "Meta writes the body of an authentication template itself";
        let fix = "Remove the text; set add_security_recommendation instead";
        findings.error(format!("{at}/text"), "authentication_body", problem, fix);
    } else if !text.is_empty() {
        let problem = "Meta writes the body of an authentication template itself and ignores this text";
        findings.warn(format!("{at}/text"), "authentication_body", problem, "Remove the text");
    }
    if text.contains("http://") || text.contains("https://") || super::text::has_emoji(text) {
        let problem = "An authentication template holds no links and no emoji";
        findings.error(format!("{at}/text"), "authentication_body", problem, "Remove them");
    }
}

pub(super) fn authentication_footer(findings: &mut Findings, component: &Map<String, Value>, at: &str) {
    let minutes = component.get("code_expiration_minutes");
    let fits = minutes.and_then(Value::as_i64).is_some_and(|minutes| (1..=90).contains(&minutes));
    if minutes.is_some() && !fits {
        let problem = "A code is good for 1 to 90 minutes";
        findings.error(format!("{at}/code_expiration_minutes"), "code_expiration", problem, "Use 1 to 90");
    }
    if minutes.is_none() {
        let problem = "The footer of an authentication template holds code_expiration_minutes and no text";
        findings.error(at, "code_expiration", problem, "Give code_expiration_minutes, or remove the footer");
    }
}

pub(super) fn offer(findings: &mut Findings, component: &Map<String, Value>, at: &str) {
    let pointer = format!("{at}/limited_time_offer/text");
    let text = component.get("limited_time_offer").and_then(|offer| offer.get("text"));
    match text.and_then(Value::as_str).filter(|text| !text.trim().is_empty()) {
        Some(text) => findings.length(&pointer, "offer_text", "offer", text, OFFER),
        None => {
            findings.error(pointer, "offer_text", "The offer has no text", "Write one of up to 16 characters")
        }
    }
}

fn offer_parts(findings: &mut Findings, definition: &Definition, category: &Category) {
    if !category.is_marketing() {
        let problem = "Only a marketing template has a limited-time offer";
        findings.error("/components", "offer_category", problem, "Choose the category marketing");
    }
    if definition.footer.is_some() {
        let problem = "A template with a limited-time offer has no footer";
        findings.error("/components", "offer_footer", problem, "Remove the footer");
    }
    let header = definition.header.as_ref().map(|header| &header.kind);
    if header.is_some_and(|kind| !matches!(kind, HeaderKind::Image | HeaderKind::Video)) {
        let problem = "The header of a limited-time offer is an image or a video";
        findings.error("/components", "offer_header", problem, "Use an image or a video");
    }
}

pub(super) fn carousel(findings: &mut Findings, component: &Map<String, Value>, at: &str, draft: &Draft<'_>) {
    let at = format!("{at}/cards");
    let cards: Vec<_> = component.get("cards").into_iter().flat_map(members).collect();
    if !CARDS.contains(&cards.len()) {
        let problem = format!("The carousel has {} cards, 2 to 10 are allowed", cards.len());
        findings.error(&at, "carousel_cards", problem, "Add or remove cards");
    }
    for (index, card) in cards.iter().enumerate() {
        self::card(findings, card, &format!("{at}/{index}"), draft);
    }
    let definition = Definition::parse(draft.components.clone(), draft.parameter_format);
    let mut shapes = definition.cards.iter().map(shape);
    if let Some(first) = shapes.next()
        && shapes.any(|other| other != first)
    {
        let problem = "The cards differ in their parts";
        let fix = "Give every card the same kind of header, a body or none, and the same kinds of buttons";
        findings.error(&at, "carousel_shape", problem, fix);
    }
}

fn card(findings: &mut Findings, card: &Map<String, Value>, at: &str, draft: &Draft<'_>) {
    let mut header = false;
    for (index, component) in card.get("components").into_iter().flat_map(members).enumerate() {
        let at = format!("{at}/components/{index}");
        match word(component, "type").as_str() {
            "header" => {
                header = true;
                if !["image", "video", "product"].contains(&word(component, "format").as_str()) {
                    let problem = "The header of a card is an image, a video or a product";
                    findings.error(
                        format!("{at}/format"),
                        "carousel_header",
                        problem,
                        "Use an image or a video",
                    );
                } else {
                    components::header(findings, component, &at, draft.parameter_format, draft.category);
                }
            }
            "body" => components::body(findings, component, &at, draft.parameter_format, CARD_BODY),
            "buttons" => {
                let at = format!("{at}/buttons");
                let count = buttons::each(findings, component, &at).len();
                if count == 0 || count > CARD_BUTTONS {
                    let problem = format!("The card has {count} buttons, 1 or 2 are allowed");
                    findings.error(at, "carousel_buttons", problem, "Add or remove buttons");
                }
            }
            other => {
                let problem = format!("A card has no component of type \"{other}\"");
                findings.error(at, "carousel_parts", problem, "Use header, body and buttons");
            }
        }
    }
    if !header {
        findings.error(at, "carousel_header", "The card has no header", "Add an image or a video");
    }
}

/// What must be the same in all cards.
fn shape(card: &Card) -> (Option<&str>, bool, Vec<&str>) {
    let header = card.header.as_ref().map(|header| header.kind.as_str());
    (header, card.body.is_some(), card.buttons.iter().map(|button| button.kind.as_str()).collect())
}

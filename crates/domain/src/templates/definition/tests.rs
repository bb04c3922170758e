use serde_json::json;

use super::*;

#[test]
fn every_part_is_read_in_either_case_and_given_back_unchanged() {
    let components = json!([
        {"type": "HEADER", "format": "TEXT", "text": "Our {{1}}", "example": {"header_text": ["Sale"]}},
        {"type": "body", "text": "Hi {{1}}, bye", "surprise": [1, 2]},
        {"type": "FOOTER", "text": "f"},
        {"type": "buttons", "buttons": [
            {"type": "QUICK_REPLY", "text": "Yes"},
            {"type": "url", "text": "Go", "url": "https://x.y/{{1}}", "example": ["z"]},
            {"type": "hologram", "text": "?"}]},
        {"type": "limited_time_offer", "limited_time_offer": {"text": "Ends!", "has_expiration": true}},
        {"type": "telepathy"},
        "nonsense"
    ]);
    let definition = Definition::parse(components.clone(), ParameterFormat::Positional);
    assert_eq!(definition.header.as_ref().unwrap().kind, HeaderKind::Text("Our {{1}}".into()));
    assert_eq!(definition.body_text(), Some("Hi {{1}}, bye"));
    let kinds: Vec<_> = definition.buttons.iter().map(|button| button.kind.as_str()).collect();
    assert_eq!(kinds, ["quick_reply", "url", "hologram"]);
    assert!(definition.limited_time_offer.as_ref().unwrap().has_expiration);
    assert_eq!(definition.others, ["telepathy"]);
    assert_eq!(definition.into_components(), components);
}

#[test]
fn a_one_time_code_is_recognised_before_and_after_meta_rewrote_it() {
    let drafted = json!([
        {"type": "body", "add_security_recommendation": true},
        {"type": "buttons", "buttons": [{"type": "otp", "otp_type": "copy_code"}]}
    ]);
    let read_back = json!([
        {"type": "BODY", "text": "*{{1}}* is your verification code."},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Copy code",
            "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"}]}
    ]);
    for components in [drafted, read_back] {
        let definition = Definition::parse(components, ParameterFormat::Positional);
        assert!(definition.is_authentication());
        assert_eq!(definition.body_text(), Some("*{{1}}* is your verification code."));
    }
}

#[test]
fn what_is_no_array_of_components_is_an_empty_template() {
    for components in [Value::Null, json!({}), json!("x"), json!([])] {
        let definition = Definition::parse(components, ParameterFormat::Named);
        assert!(definition.body.is_none() && definition.buttons.is_empty());
    }
}

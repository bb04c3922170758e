use serde_json::{Value, json};

use super::Rules;

fn marketing(components: &Value) -> Result<Vec<Value>, i64> {
    check("MARKETING", false, components)
}

fn check(category: &str, named: bool, components: &Value) -> Result<Vec<Value>, i64> {
    let rules = Rules { category, named, handles: None };
    rules.check(components.as_array().unwrap()).map_err(|error| {
        let body = error.body("trace");
        body["error"]["error_subcode"].as_i64().unwrap_or(error.code)
    })
}

fn body(text: &str, samples: &[&str]) -> Value {
    json!([{"type": "body", "text": text, "example": {"body_text": [samples]}}])
}

#[test]
fn a_good_body_is_taken_and_given_back_in_upper_case() {
    let kept = marketing(&body("Hello {{1}}, your order {{2}} is on its way.", &["Ann", "7"])).unwrap();
    assert_eq!(kept[0]["type"], "BODY");
}

#[test]
fn variables_may_stand_neither_first_nor_last() {
    assert_eq!(marketing(&body("{{1}} is here for you now.", &["Ann"])), Err(2388299));
    assert_eq!(marketing(&body("Here is the one called {{1}}", &["Ann"])), Err(2388299));
}

#[test]
fn variables_need_words_around_them() {
    assert_eq!(marketing(&body("Hi {{1}} on {{2}} at {{3}} ok", &["a", "b", "c"])), Err(2388293));
    assert_eq!(
        marketing(&body("Dear friend {{1}} {{2}}, we have good news for you.", &["a", "b"])),
        Err(2388293)
    );
}

#[test]
fn every_variable_needs_a_sample() {
    assert_eq!(marketing(&body("Hello {{1}}, your order {{2}} is on its way.", &["Ann"])), Err(2388043));
    assert_eq!(marketing(&json!([{"type": "BODY", "text": "Hello {{1}}, welcome here."}])), Err(2388043));
}

#[test]
fn numbers_have_no_gap_and_names_no_capitals() {
    assert_eq!(marketing(&body("Hello {{1}}, your order {{3}} is on its way.", &["Ann", "7"])), Err(2388072));
    let named = json!([{"type": "BODY", "text": "Hello {{First}}, welcome here."}]);
    assert_eq!(check("UTILITY", true, &named), Err(2388072));
}

#[test]
fn lengths_are_counted_in_characters() {
    assert!(marketing(&json!([{"type": "BODY", "text": "ä".repeat(1_024)}])).is_ok());
    assert_eq!(marketing(&json!([{"type": "BODY", "text": "ä".repeat(1_025)}])), Err(2388040));
    let footer = |text: String| json!([{"type": "BODY", "text": "Hello"}, {"type": "FOOTER", "text": text}]);
    assert_eq!(marketing(&footer("f".repeat(61))), Err(2388040));
    assert_eq!(marketing(&footer("for {{1}}".into())), Err(2388073));
}

#[test]
fn a_media_header_needs_a_sample() {
    let with = |example: Value| json!([{"type": "HEADER", "format": "IMAGE", "example": example}, {"type": "BODY", "text": "Hi"}]);
    assert_eq!(marketing(&with(json!({}))), Err(2388273));
    assert!(marketing(&with(json!({"header_handle": ["4::aW"]}))).is_ok());
}

#[test]
fn a_text_header_has_one_variable_with_a_sample() {
    let with = |text: &str, example: Value| json!([{"type": "HEADER", "format": "TEXT", "text": text, "example": example}, {"type": "BODY", "text": "Hi"}]);
    assert!(marketing(&with("Hi {{1}}", json!({"header_text": ["Ann"]}))).is_ok());
    assert_eq!(marketing(&with("Hi {{1}}", json!({}))), Err(2388043));
    assert_eq!(marketing(&with("Hi {{1}} and {{2}}", json!({"header_text": ["Ann"]}))), Err(2388047));
    assert_eq!(marketing(&with(&"h".repeat(61), json!({}))), Err(2388040));
}

#[test]
fn buttons_have_their_numbers_and_order() {
    let with =
        |buttons: Value| json!([{"type": "BODY", "text": "Hi"}, {"type": "BUTTONS", "buttons": buttons}]);
    let quick = json!({"type": "QUICK_REPLY", "text": "Yes"});
    let url = json!({"type": "URL", "text": "Open", "url": "https://example.com/{{1}}", "example": ["a"]});
    assert!(marketing(&with(json!([quick, quick, url]))).is_ok());
    assert_eq!(marketing(&with(json!([quick, url, quick]))), Err(100));
    assert_eq!(marketing(&with(json!([url, url, url]))), Err(100));
    assert_eq!(marketing(&with(json!(vec![quick.clone(); 11]))), Err(100));
    assert_eq!(marketing(&with(json!([{"type": "QUICK_REPLY", "text": "x".repeat(26)}]))), Err(2388040));
    assert_eq!(
        marketing(&with(json!([{"type": "URL", "text": "O", "url": "https://e.com/{{1}}"}]))),
        Err(2388043)
    );
    assert_eq!(
        marketing(&with(json!([{"type": "PHONE_NUMBER", "text": "Call", "phone_number": "abc"}]))),
        Err(192)
    );
}

#[test]
fn authentication_texts_are_metas_own() {
    let good = json!([{"type": "body", "add_security_recommendation": true},
        {"type": "footer", "code_expiration_minutes": 5},
        {"type": "buttons", "buttons": [{"type": "otp", "otp_type": "copy_code", "text": "Copy"}]}]);
    let kept = check("AUTHENTICATION", false, &good).unwrap();
    assert_eq!(
        kept[0]["text"],
        "*{{1}}* is your verification code. For your security, do not share this code."
    );
    assert_eq!(kept[2]["buttons"][0]["type"], "URL");
    let own = json!([{"type": "BODY", "text": "Your code is {{1}} now."}]);
    assert_eq!(check("AUTHENTICATION", false, &own), Err(2388072));
}

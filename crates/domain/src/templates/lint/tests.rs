use std::path::Path;

use serde_json::json;

use super::*;

fn lint_as(category: Category, format: ParameterFormat, components: &Value) -> Vec<Finding> {
    lint(&Draft {
        name: "order_update",
        language: "en_US",
        category: &category,
        parameter_format: format,
        components,
        ttl_seconds: None,
    })
}

fn errors(category: Category, components: Value) -> Vec<String> {
    let findings = lint_as(category, ParameterFormat::Positional, &components);
    findings
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.rule)
        .collect()
}

fn body_errors(text: &str, samples: &[&str]) -> Vec<String> {
    errors(Category::Utility, json!([{"type": "BODY", "text": text, "example": {"body_text": [samples]}}]))
}

fn with_buttons(buttons: Value) -> Vec<String> {
    errors(
        Category::Utility,
        json!([{"type": "BODY", "text": "Hello"}, {"type": "BUTTONS", "buttons": buttons}]),
    )
}

#[test]
fn a_good_template_has_no_faults() {
    let components = json!([
        {"type": "HEADER", "format": "TEXT", "text": "Our {{1}} is on!", "example": {"header_text": ["Sale"]}},
        {"type": "BODY", "text": "Shop now through {{1}} and use code {{2}} to get {{3}} off of all merchandise.",
            "example": {"body_text": [["August", "25OFF", "25%"]]}},
        {"type": "FOOTER", "text": "Use the buttons below"},
        {"type": "BUTTONS", "buttons": [
            {"type": "QUICK_REPLY", "text": "Unsubscribe"},
            {"type": "URL", "text": "Shop", "url": "https://x.y/{{1}}", "example": ["summer"]},
            {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+1 555 123 4567"},
            {"type": "COPY_CODE", "example": "25OFF"}]}
    ]);
    assert_eq!(lint_as(Category::Marketing, ParameterFormat::Positional, &components), []);
}

#[test]
fn name_language_category_and_lifetime_are_checked_together() {
    let category = Category::Other("promo".into());
    let components = json!([{"type": "BODY", "text": "Hello"}]);
    let draft = Draft {
        name: "Order Update!",
        language: "en-us",
        category: &category,
        parameter_format: ParameterFormat::Positional,
        components: &components,
        ttl_seconds: None,
    };
    let findings = lint(&draft);
    let told: Vec<_> = findings.iter().map(|finding| (&*finding.pointer, &*finding.fix)).collect();
    assert_eq!(
        told,
        [
            ("/name", "Use order_update_"),
            ("/language", "Use en_US"),
            ("/category", "Use marketing, utility or authentication")
        ]
    );
    assert!(has_errors(&findings));
    let rules = |name: &str, language: &str, category: Category, ttl_seconds: Option<i64>| {
        let draft = Draft { name, language, category: &category, ttl_seconds, ..draft };
        lint(&draft)
            .into_iter()
            .map(|finding| finding.rule)
            .filter(|rule| rule != "otp_button")
            .collect::<Vec<_>>()
    };
    assert_eq!(rules("", "en", Category::Utility, Some(-1)), ["name_missing"]);
    assert_eq!(rules(&"a".repeat(513), "fil", Category::Utility, Some(30)), ["name_length"]);
    assert_eq!(rules("a", "english", Category::Utility, Some(29)), ["language", "ttl"]);
    assert_eq!(rules("a", "pt_BR", Category::Marketing, Some(-1)), ["ttl"]);
    assert_eq!(rules("a", "zh_CN", Category::Marketing, Some(43_200)), Vec::<String>::new());
}

#[test]
fn variables_in_the_body_keep_their_distance() {
    let good = "Hi {{1}}, your order {{2}} is on its way.";
    assert_eq!(body_errors(good, &["Ana", "A-1"]), Vec::<String>::new());
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("{{1}}, your order is here.", &["a"], &["variable_at_edge"]),
        ("Your order is here, {{1}}", &["a"], &["variable_at_edge"]),
        ("Your order is {{1}} {{2}} here now friends today", &["a", "b"], &["variables_adjacent"]),
        ("Hi {{1}} ok", &["a"], &["variable_density"]),
        ("Your order {{1}} is {{3}} on its way", &["a", "b"], &["variable_sequence"]),
        ("Your order {{2}} is on its way", &["a"], &["variable_sequence"]),
        ("Your order {{order_id}} is on its way", &["a"], &["variable_format"]),
        ("Your order {{1 is on its way", &[], &["variable_braces"]),
        ("Your order {{1}} is on its way", &[], &["sample_missing"]),
        ("Your order {{1}} is on its way", &["a", "b"], &["sample_count"]),
        ("Your order {{1}} is on its way", &[" "], &["sample_missing"]),
        ("Your order is on its way", &["a"], &["sample_count"]),
        ("", &[], &["body_text"]),
    ];
    for (text, samples, rules) in cases {
        assert_eq!(body_errors(text, samples), *rules, "{text:?}");
    }
    assert_eq!(body_errors(&"é".repeat(1_024), &[]), Vec::<String>::new());
    assert_eq!(body_errors(&"é".repeat(1_025), &[]), ["body_length"]);
}

#[test]
fn a_language_without_spaces_is_not_called_dense() {
    assert_eq!(
        body_errors("您好{{1}}，您的订单{{2}}已经发货，请注意查收。", &["a", "b"]),
        Vec::<String>::new()
    );
}

#[test]
fn named_variables_need_good_names_and_samples_by_name() {
    let named = |text: &str, samples: Value| -> Vec<String> {
        let components =
            json!([{"type": "body", "text": text, "example": {"body_text_named_params": samples}}]);
        let findings = lint_as(Category::Utility, ParameterFormat::Named, &components);
        findings.into_iter().map(|finding| finding.rule).collect()
    };
    let sample = |name: &str| json!({"param_name": name, "example": "x"});
    let text = "Your order {{order_id}} is on its way";
    assert_eq!(named(text, json!([sample("order_id")])), Vec::<String>::new());
    assert_eq!(named(text, json!([])), ["sample_missing"]);
    assert_eq!(named(text, json!([sample("order_id"), sample("total")])), ["sample_count"]);
    assert_eq!(named("Your order {{1}} is on its way", json!([sample("1")])), ["variable_format"]);
    assert_eq!(
        named("Your order {{OrderId}} is on its way", json!([sample("OrderId")])),
        ["variable_format"]
    );
}

#[test]
fn header_and_footer_have_their_own_limits() {
    let body = json!({"type": "BODY", "text": "Hello"});
    let with = |part: Value| errors(Category::Utility, json!([part, body]));
    let header = |text: &str, samples: &[&str]| {
        with(json!({"type": "HEADER", "format": "TEXT", "text": text, "example": {"header_text": samples}}))
    };
    assert_eq!(header(&"x".repeat(60), &[]), Vec::<String>::new());
    assert_eq!(header(&"x".repeat(61), &[]), ["header_length"]);
    assert_eq!(header("{{1}} and {{2}}", &["a", "b"]), ["header_variables"]);
    assert_eq!(header("For {{1}}", &[]), ["sample_missing"]);
    assert_eq!(header("a\nb", &[]), ["header_text"]);
    assert_eq!(with(json!({"type": "HEADER", "format": "IMAGE"})), ["header_sample"]);
    assert_eq!(
        with(json!({"type": "HEADER", "format": "GIF", "example": {"header_handle": ["4::a"]}})),
        ["header_format"]
    );
    assert_eq!(with(json!({"type": "HEADER", "format": "LOCATION"})), Vec::<String>::new());
    assert_eq!(with(json!({"type": "FOOTER", "text": "x".repeat(61)})), ["footer_length"]);
    assert_eq!(with(json!({"type": "FOOTER", "text": "By {{1}}"})), ["footer_variables"]);
    assert_eq!(with(body.clone()), ["component_twice"]);
    assert_eq!(errors(Category::Utility, json!([])), ["body_missing"]);
    assert_eq!(errors(Category::Utility, json!({})), ["components"]);
}

#[test]
fn buttons_are_counted_grouped_and_checked_each() {
    let quick = |label: &str| json!({"type": "QUICK_REPLY", "text": label});
    let url = |label: &str, url: &str| json!({"type": "URL", "text": label, "url": url, "example": ["x"]});
    let phone = |label: &str| json!({"type": "PHONE_NUMBER", "text": label, "phone_number": "+15551234567"});
    let ten: Vec<Value> = (0..10).map(|number| quick(&format!("b{number}"))).collect();
    let eleven: Vec<Value> = (0..11).map(|number| quick(&format!("b{number}"))).collect();
    let none = Vec::<String>::new();
    assert_eq!(with_buttons(json!(ten)), none);
    assert_eq!(with_buttons(json!(eleven)), ["button_count"]);
    assert_eq!(with_buttons(json!([])), ["button_count"]);
    let site = "https://x.y";
    assert_eq!(with_buttons(json!([url("a", site), url("b", site), url("c", site)])), ["button_count"]);
    assert_eq!(with_buttons(json!([phone("a"), phone("b")])), ["button_count"]);
    assert_eq!(with_buttons(json!([quick("a"), url("b", site), quick("c")])), ["button_grouping"]);
    assert_eq!(with_buttons(json!([url("b", site), quick("a"), quick("c")])), none);
    assert_eq!(with_buttons(json!([quick("a"), quick("a")])), ["button_label"]);
    assert_eq!(with_buttons(json!([quick(&"x".repeat(26))])), ["button_label"]);
    assert_eq!(with_buttons(json!([quick("Hi {{1}}")])), ["button_label"]);
    assert_eq!(with_buttons(json!([quick("")])), ["button_label"]);
    assert_eq!(with_buttons(json!([url("a", "x.y")])), ["button_url"]);
    assert_eq!(with_buttons(json!([url("a", "https://x.y/{{1}}/z")])), ["button_url_variable"]);
    assert_eq!(with_buttons(json!([url("a", "https://{{1}}.y/{{2}}")])), ["button_url_variable"]);
    let bare = json!({"type": "URL", "text": "a", "url": "https://x.y/{{1}}"});
    assert_eq!(with_buttons(json!([bare])), ["sample_missing"]);
    assert_eq!(
        with_buttons(json!([{"type": "PHONE_NUMBER", "text": "a", "phone_number": "call"}])),
        ["button_phone"]
    );
    assert_eq!(with_buttons(json!([{"type": "COPY_CODE", "example": "x".repeat(16)}])), ["coupon_code"]);
    assert_eq!(with_buttons(json!([{"type": "COPY_CODE"}])), ["sample_missing"]);
    assert_eq!(with_buttons(json!([{"type": "OTP", "otp_type": "COPY_CODE"}])), ["otp_button"]);
}

#[test]
fn one_time_codes_have_a_fixed_body_and_one_button() {
    let with = |footer: Value, buttons: Value| {
        errors(
            Category::Authentication,
            json!([
                {"type": "body", "add_security_recommendation": true},
                footer,
                {"type": "buttons", "buttons": buttons}
            ]),
        )
    };
    let copy = json!([{"type": "otp", "otp_type": "copy_code"}]);
    let minutes = |minutes: i64| json!({"type": "footer", "code_expiration_minutes": minutes});
    assert_eq!(with(minutes(10), copy.clone()), Vec::<String>::new());
    assert_eq!(with(minutes(91), copy.clone()), ["code_expiration"]);
    assert_eq!(with(minutes(0), copy.clone()), ["code_expiration"]);
    assert_eq!(with(json!({"type": "footer", "text": "x"}), copy.clone()), ["code_expiration"]);
    assert_eq!(with(minutes(10), json!([{"type": "otp", "otp_type": "one_tap"}])), ["otp_apps"]);
    assert_eq!(with(minutes(10), json!([{"type": "quick_reply", "text": "Yes"}])), ["otp_button"]);
    let decorated = json!([
        {"type": "header", "format": "image", "example": {"header_handle": ["4::a"]}},
        {"type": "body", "text": "Your code 🔑: https://x.y"},
        {"type": "buttons", "buttons": copy}
    ]);
    assert_eq!(
        errors(Category::Authentication, decorated),
        ["authentication_body", "authentication_body", "authentication_parts"]
    );
}

#[test]
fn offers_leave_less_room() {
    let offer = |text: &str| json!({"type": "limited_time_offer", "limited_time_offer": {"text": text}});
    let body = json!({"type": "body", "text": "Hello"});
    let none = Vec::<String>::new();
    assert_eq!(errors(Category::Marketing, json!([body, offer("Expiring!")])), none);
    assert_eq!(errors(Category::Marketing, json!([body, offer(&"x".repeat(17))])), ["offer_text"]);
    let long = json!({"type": "body", "text": "x".repeat(601)});
    assert_eq!(errors(Category::Marketing, json!([long, offer("e")])), ["body_length"]);
    let header = json!({"type": "header", "format": "text", "text": "x"});
    let footer = json!({"type": "footer", "text": "x"});
    assert_eq!(
        errors(Category::Utility, json!([header, body, offer("e"), footer])),
        ["offer_category", "offer_footer", "offer_header"]
    );
}

#[test]
fn cards_are_two_to_ten_of_one_shape() {
    let header = json!({"type": "header", "format": "image", "example": {"header_handle": ["4::a"]}});
    let buttons = json!({"type": "buttons", "buttons": [{"type": "quick_reply", "text": "More"}]});
    let card = json!({"components": [header, buttons]});
    let other = json!({"components": [header, {"type": "body", "text": "x"}, buttons]});
    let with = |cards: Value| {
        errors(
            Category::Marketing,
            json!([{"type": "body", "text": "x"}, {"type": "carousel", "cards": cards}]),
        )
    };
    assert_eq!(with(json!([card, card])), Vec::<String>::new());
    assert_eq!(with(json!([card])), ["carousel_cards"]);
    assert_eq!(with(json!([card, other])), ["carousel_shape"]);
    let bare = json!({"components": [buttons]});
    assert_eq!(with(json!([bare, bare])), ["carousel_header", "carousel_header"]);
    let wordy = json!({"components": [header, {"type": "body", "text": "x".repeat(161)}, buttons]});
    assert_eq!(with(json!([wordy, wordy])), ["body_length", "body_length"]);
    let components = json!([{"type": "body", "text": "x"}, {"type": "carousel", "cards": [card, card]}]);
    assert_eq!(errors(Category::Utility, components), ["carousel_category"]);
}

#[test]
fn all_faults_come_at_once_with_their_places() {
    let components = json!([
        {"type": "HEADER", "format": "TEXT", "text": "x".repeat(70)},
        {"type": "BODY", "text": "{{1}} {{3}}"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "", "url": "x"}]}
    ]);
    let findings = lint_as(Category::Utility, ParameterFormat::Positional, &components);
    let places: Vec<_> =
        findings.iter().map(|finding| format!("{} {}", finding.pointer, finding.rule)).collect();
    assert_eq!(
        places,
        [
            "/components/0/text header_length",
            "/components/1/text variable_sequence",
            "/components/1/text variable_at_edge",
            "/components/1/text variable_at_edge",
            "/components/1/text variables_adjacent",
            "/components/1/text variable_density",
            "/components/1/example/body_text sample_missing",
            "/components/2/buttons/0/text button_label",
            "/components/2/buttons/0/url button_url"
        ]
    );
    assert!(findings.iter().all(|finding| !finding.problem.is_empty() && !finding.fix.is_empty()));
}

/// Templates that Meta itself shows. Files with `<PLACEHOLDER>` values show a shape and are left out.
#[test]
fn metas_own_examples_have_no_errors() {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/meta-docs"));
    let Ok(files) = std::fs::read_dir(corpus) else {
        return println!("no corpus beside the repository: nothing checked");
    };
    let mut checked = 0;
    for file in files.map(|file| file.unwrap().path()) {
        if !file.to_string_lossy().contains("template-definition") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let template: Value = serde_json::from_str(&text).unwrap();
        let word = |key: &str| template[key].as_str().unwrap_or_default();
        if text.contains('<') {
            continue;
        }
        let findings = lint(&Draft {
            name: word("name"),
            language: word("language"),
            category: &Category::from_meta(word("category")),
            parameter_format: ParameterFormat::from_meta(word("parameter_format")),
            components: &template["components"],
            ttl_seconds: template["message_send_ttl_seconds"].as_i64(),
        });
        let refused: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(refused.is_empty(), "{}: {refused:#?}", file.display());
        checked += 1;
    }
    assert!(checked >= 5, "{checked} templates");
}

proptest::proptest! {
    #[test]
    fn no_template_panics(text in "[{}1a é*]{0,40}", format in "[A-Z]{0,8}", count in 0..4usize) {
        let part = json!({"type": "BODY", "text": text, "format": format, "example": {"body_text": [text]},
            "buttons": [{"type": "url", "url": text}], "cards": [{"components": [{"type": "BODY", "text": text}]}]});
        let mut components = vec![part.clone(); count];
        for kind in ["HEADER", "BUTTONS", "CAROUSEL", "FOOTER", "LIMITED_TIME_OFFER", "X"] {
            let mut other = part.clone();
            other["type"] = json!(kind);
            components.push(other);
        }
        for category in Category::KNOWN {
            lint_as(category.clone(), ParameterFormat::Positional, &json!(components));
            lint_as(category.clone(), ParameterFormat::Named, &json!(components));
        }
    }
}

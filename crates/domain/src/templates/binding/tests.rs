use serde_json::{Value, json};

use super::*;
use crate::MediaId;
use crate::templates::ParameterFormat::{self, Named, Positional};

fn try_bind(
    components: &Value,
    format: ParameterFormat,
    params: Value,
) -> Result<BoundParams, ParamsMismatch> {
    let definition = Definition::parse(components.clone(), format);
    check(&definition, &[], &Params::read(&params).unwrap())
}

fn bind(components: &Value, format: ParameterFormat, params: Value) -> Value {
    try_bind(components, format, params).unwrap().to_components()
}

fn shipped() -> Value {
    json!([{"type": "BODY", "text": "Hi {{1}}, your order {{2}} is here: {{3}}."}])
}

fn whole() -> Value {
    json!([
        {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
        {"type": "BODY", "text": "Hi {{1}}, it costs {{2}} today."},
        {"type": "BUTTONS", "buttons": [
            {"type": "QUICK_REPLY", "text": "Stop"},
            {"type": "URL", "text": "Track", "url": "https://x.y/{{1}}"},
            {"type": "COPY_CODE", "example": "A"}]}
    ])
}

#[test]
fn the_documents_mismatch_is_answered_word_for_word() {
    let definition = Definition::parse(shipped(), Positional);
    let aliases = ["customer_name", "order_id", "tracking_url"].map(str::to_owned);
    let params = Params::List(vec!["Ana".into(), "A-1".into()]);
    let mismatch = check(&definition, &aliases, &params).unwrap_err();
    assert_eq!(mismatch.message(), "Template expects 3 parameters, but 2 were provided");
    assert_eq!((mismatch.expected_params, mismatch.provided_params), (3, 2));
    assert_eq!(mismatch.param_names, aliases);
    assert_eq!(mismatch.problems, ["missing: tracking_url"]);
}

#[test]
fn too_many_are_refused_and_none_may_be_given_to_a_template_without_parameters() {
    let mismatch = try_bind(&shipped(), Positional, json!(["a", "b", "c", "d"])).unwrap_err();
    assert_eq!(mismatch.message(), "Template expects 3 parameters, but 4 were provided");
    let plain = json!([{"type": "BODY", "text": "Hello"}]);
    let mismatch = try_bind(&plain, Positional, json!(["a"])).unwrap_err();
    assert_eq!(mismatch.message(), "Template expects 0 parameters, but 1 was provided");
    assert_eq!(bind(&plain, Positional, json!([])), json!([]));
    assert_eq!(bind(&plain, Positional, Value::Null), json!([]));
}

#[test]
fn wrong_names_are_listed_when_the_numbers_agree() {
    let components = json!([{"type": "body", "text": "Hi {{name}}, order {{order_id}} is here."}]);
    let mismatch = try_bind(&components, Named, json!({"name": "Ana", "order": "A-1"})).unwrap_err();
    assert_eq!((mismatch.expected_params, mismatch.provided_params), (2, 2));
    assert_eq!(mismatch.message(), "Template parameters do not fit: missing: order_id; unexpected: order");
}

#[test]
fn a_list_fills_header_body_and_buttons_in_order() {
    let components = bind(&whole(), Positional, json!(["#7", "Ana", "5 €", "t/7", "SAVE"]));
    assert_eq!(
        components,
        json!([
            {"type": "header", "parameters": [{"type": "text", "text": "#7"}]},
            {"type": "body", "parameters": [{"type": "text", "text": "Ana"}, {"type": "text", "text": "5 €"}]},
            {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "t/7"}]},
            {"type": "button", "sub_type": "copy_code", "index": "2",
                "parameters": [{"type": "coupon_code", "coupon_code": "SAVE"}]}
        ])
    );
    let short = try_bind(&whole(), Positional, json!(["Ana", "5 €"])).unwrap_err();
    assert_eq!(short.message(), "Template expects 5 parameters, but 2 were provided");
    assert_eq!(short.param_names, ["header_1", "1", "2", "button_1_url", "button_2_coupon_code"]);
}

#[test]
fn the_full_form_and_the_named_form_give_the_same() {
    let full = json!({"header": "#7", "body": ["Ana", "5 €"], "buttons": [
        {"index": 1, "text": "t/7"}, {"index": 2, "coupon_code": "SAVE"}, {"index": 0, "payload": "STOP"}]});
    let by_name = json!({"header_1": "#7", "1": "Ana", "2": "5 €", "button_1_url": "t/7",
        "button_2_coupon_code": "SAVE", "button_0_payload": "STOP"});
    let bound = bind(&whole(), Positional, full);
    assert_eq!(bound, bind(&whole(), Positional, by_name));
    assert_eq!(
        bound[2],
        json!({"type": "button", "sub_type": "quick_reply", "index": "0",
            "parameters": [{"type": "payload", "payload": "STOP"}]})
    );
}

#[test]
fn named_parameters_carry_their_names_in_any_order() {
    let components = json!([
        {"type": "header", "format": "text", "text": "For {{order_id}}"},
        {"type": "body", "text": "Hi {{name}}, {{total}} please."}
    ]);
    assert_eq!(
        bind(&components, Named, json!({"total": 5, "order_id": "A-1", "name": "Ana"})),
        json!([
            {"type": "header", "parameters": [{"type": "text", "parameter_name": "order_id", "text": "A-1"}]},
            {"type": "body", "parameters": [
                {"type": "text", "parameter_name": "name", "text": "Ana"},
                {"type": "text", "parameter_name": "total", "text": "5"}]}
        ])
    );
}

#[test]
fn aliases_and_numbers_both_name_a_positional_parameter() {
    let definition = Definition::parse(shipped(), Positional);
    let aliases = ["customer_name".to_owned(), "order_id".to_owned()];
    let params = json!({"customer_name": "Ana", "2": "A-1", "3": "https://x.y"});
    let bound = check(&definition, &aliases, &Params::read(&params).unwrap()).unwrap();
    assert_eq!(bound.at(&Place::Body("2".into())).and_then(Filling::as_text), Some("A-1"));
    let twice = json!({"customer_name": "Ana", "1": "Bea", "order_id": "A-1", "3": "x"});
    let mismatch = check(&definition, &aliases, &Params::read(&twice).unwrap()).unwrap_err();
    assert!(mismatch.problems.contains(&"customer_name is given twice".to_owned()), "{mismatch:?}");
}

#[test]
fn a_header_takes_another_file_with_each_send() {
    let components = json!([
        {"type": "header", "format": "document", "example": {"header_handle": ["4::x"]}},
        {"type": "body", "text": "Your invoice, {{1}}, is above."}
    ]);
    let full =
        json!({"header": {"document": {"link": "https://x.y/i.pdf", "filename": "i.pdf"}}, "body": ["Ana"]});
    assert_eq!(
        bind(&components, Positional, full)[0],
        json!({"type": "header", "parameters": [
            {"type": "document", "document": {"link": "https://x.y/i.pdf", "filename": "i.pdf"}}]})
    );
    let by_list = bind(&components, Positional, json!(["1558081531584829", "Ana"]));
    assert_eq!(by_list[0]["parameters"][0]["document"], json!({"id": "1558081531584829"}));

    let mut ours =
        try_bind(&components, Positional, json!({"header": {"document": {"media_id": 7}}, "body": ["Ana"]}))
            .unwrap();
    assert_eq!(ours.own_media(), [MediaId(7)]);
    ours.set_media(MediaId(7), "99");
    assert_eq!(ours.to_components()[0]["parameters"][0]["document"], json!({"id": "99"}));
    assert!(ours.own_media().is_empty());

    let mismatch = try_bind(&components, Positional, json!(["Ana"])).unwrap_err();
    assert_eq!((mismatch.expected_params, mismatch.provided_params), (2, 1));
    assert_eq!(mismatch.param_names, ["header_document", "1"]);
    let image = json!({"header": {"image": {"id": "1"}}, "body": ["Ana"]});
    let mismatch = try_bind(&components, Positional, image).unwrap_err();
    assert_eq!(mismatch.problems, ["header_document must not be a image"]);
}

#[test]
fn a_one_time_code_is_given_once_and_sent_twice() {
    let components = json!([
        {"type": "BODY", "text": "*{{1}}* is your verification code."},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Copy",
            "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"}]}
    ]);
    let sent = json!([
        {"type": "body", "parameters": [{"type": "text", "text": "J$FpnYnP"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "J$FpnYnP"}]}
    ]);
    assert_eq!(bind(&components, Positional, json!(["J$FpnYnP"])), sent);
    let both = json!({"body": ["J$FpnYnP"], "buttons": [{"index": 0, "text": "J$FpnYnP"}]});
    assert_eq!(bind(&components, Positional, both), sent);
    assert!(try_bind(&components, Positional, json!(["1234567890123456"])).is_err(), "16 characters");
}

#[test]
fn locations_offers_flows_products_and_cards_have_their_own_forms() {
    let card = json!({"components": [{"type": "header", "format": "image"},
        {"type": "buttons", "buttons": [{"type": "quick_reply", "text": "More"},
            {"type": "url", "text": "Shop", "url": "https://x.y/{{1}}"}]}]});
    let components = json!([
        {"type": "header", "format": "location"},
        {"type": "body", "text": "x"},
        {"type": "limited_time_offer", "limited_time_offer": {"text": "Ends", "has_expiration": true}},
        {"type": "buttons", "buttons": [{"type": "flow", "text": "Open"}, {"type": "mpm", "text": "View"}]},
        {"type": "carousel", "cards": [card, card]}
    ]);
    let params = json!({
        "header": {"location": {"latitude": 37.5, "longitude": -122, "name": "Shop"}},
        "expiration_time_ms": 1_798_761_600_000_i64,
        "buttons": [{"index": 0, "flow_token": "t"}, {"index": 1, "action": {"sections": []}}],
        "cards": [
            {"header": {"image": {"id": "1"}}, "buttons": [{"index": 1, "text": "a"}]},
            {"header": {"image": {"id": "2"}}, "buttons": [{"index": 0, "payload": "p"}, {"index": 1, "text": "b"}]}]
    });
    assert_eq!(
        bind(&components, Positional, params),
        json!([
            {"type": "header", "parameters": [{"type": "location",
                "location": {"latitude": "37.5", "longitude": "-122", "name": "Shop"}}]},
            {"type": "limited_time_offer", "parameters": [{"type": "limited_time_offer",
                "limited_time_offer": {"expiration_time_ms": 1_798_761_600_000_i64}}]},
            {"type": "button", "sub_type": "flow", "index": "0",
                "parameters": [{"type": "action", "action": {"flow_token": "t"}}]},
            {"type": "button", "sub_type": "mpm", "index": "1",
                "parameters": [{"type": "action", "action": {"sections": []}}]},
            {"type": "carousel", "cards": [
                {"card_index": 0, "components": [
                    {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]},
                    {"type": "button", "sub_type": "url", "index": "1",
                        "parameters": [{"type": "text", "text": "a"}]}]},
                {"card_index": 1, "components": [
                    {"type": "header", "parameters": [{"type": "image", "image": {"id": "2"}}]},
                    {"type": "button", "sub_type": "quick_reply", "index": "0",
                        "parameters": [{"type": "payload", "payload": "p"}]},
                    {"type": "button", "sub_type": "url", "index": "1",
                        "parameters": [{"type": "text", "text": "b"}]}]}]}
        ])
    );
}

#[test]
fn what_goes_to_a_button_that_takes_nothing_is_unexpected() {
    let params = json!({"header": "#7", "body": ["Ana", "5 €"], "buttons": [
        {"index": 1, "coupon_code": "t/7"}, {"index": 2, "coupon_code": "SAVE"}, {"index": 7, "text": "?"}]});
    let mismatch = try_bind(&whole(), Positional, params).unwrap_err();
    assert_eq!(mismatch.provided_params, 6);
    assert_eq!(
        mismatch.problems,
        ["missing: button_1_url", "unexpected: button_7_text", "button_1_url cannot be given as coupon_code"]
    );
}

#[test]
fn values_that_meta_refuses_are_told_by_name() {
    let long = "x".repeat(1_020);
    let cases = [
        (json!(["a\nb", "b", "c"]), "1 must not contain line breaks or tabs"),
        (json!(["a\tb", "b", "c"]), "1 must not contain line breaks or tabs"),
        (json!(["a", "b    c", "c"]), "2 must not contain four or more spaces in a row"),
        (json!(["a", "b", "  "]), "3 must not be empty"),
        (json!(["a", "", "c"]), "2 must not be empty"),
        (json!([long, "b", "c"]), "the body has 1049 characters once filled in, at most 1024 are allowed"),
    ];
    for (params, problem) in cases {
        let mismatch = try_bind(&shipped(), Positional, params).unwrap_err();
        assert_eq!(mismatch.problems, [problem]);
        assert_eq!(mismatch.message(), format!("Template parameters do not fit: {problem}"));
    }
    let mismatch =
        try_bind(&whole(), Positional, json!(["x".repeat(55), "a", "b", "t 7", "x".repeat(21)])).unwrap_err();
    assert_eq!(
        mismatch.problems,
        [
            "button_1_url must not contain spaces; percent-encode them",
            "button_2_coupon_code has 21 characters, at most 20 are allowed",
            "the header has 61 characters once filled in, at most 60 are allowed"
        ]
    );
}

proptest::proptest! {
    #[test]
    fn a_list_of_the_right_length_fits_and_any_other_does_not(count in 0..12usize, given in 0..12usize) {
        let text: String = (1..=count).map(|number| format!("word {{{{{number}}}}} ")).collect();
        let components = json!([{"type": "body", "text": format!("{text}end")}]);
        let params: Vec<String> = (0..given).map(|number| format!("v{number}")).collect();
        let result = try_bind(&components, Positional, json!(params));
        match result {
            Ok(bound) => {
                proptest::prop_assert_eq!(count, given);
                proptest::prop_assert_eq!(bound.filled().len(), count);
            }
            Err(mismatch) => {
                proptest::prop_assert_ne!(count, given);
                proptest::prop_assert_eq!((mismatch.expected_params, mismatch.provided_params), (count, given));
                proptest::prop_assert_eq!(mismatch.param_names.len(), count);
            }
        }
    }
}

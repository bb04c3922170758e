//! Sending templates: parameters, formats, states.

use serde_json::{Value, json};

use crate::support::{CUSTOMER, World, code};

fn order() -> Value {
    json!({"name": "order", "language": "en_US", "category": "UTILITY", "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
        {"type": "BODY", "text": "Hello {{1}}, your order {{2}} is ready."},
        {"type": "BUTTONS", "buttons": [
            {"type": "QUICK_REPLY", "text": "Thanks"},
            {"type": "URL", "text": "Track", "url": "https://example.com/{{1}}"},
        ]},
    ]})
}

fn named() -> Value {
    json!({"name": "named", "language": "en_US", "category": "MARKETING", "parameter_format": "NAMED", "components": [
        {"type": "BODY", "text": "Hello {{first_name}}, take {{discount}} off today."},
    ]})
}

fn photo() -> Value {
    json!({"name": "photo", "language": "en_US", "category": "MARKETING", "components": [
        {"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Look at this."},
    ]})
}

fn login() -> Value {
    json!({"name": "login", "language": "en_US", "category": "AUTHENTICATION", "components": [
        {"type": "BODY", "add_security_recommendation": true},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy"}]},
    ]})
}

fn gallery() -> Value {
    let card = json!({"components": [{"type": "HEADER", "format": "IMAGE"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "More"}]}]});
    json!({"name": "gallery", "language": "en_US", "category": "MARKETING", "components": [
        {"type": "BODY", "text": "Our latest."}, {"type": "CAROUSEL", "cards": [card, card]}]})
}

fn send(name: &str, components: Value) -> Value {
    json!({"to": CUSTOMER, "type": "template",
        "template": {"name": name, "language": {"code": "en_US"}, "components": components}})
}

fn texts(kind: &str, values: &[&str]) -> Value {
    let parameters: Vec<Value> = values.iter().map(|value| json!({"type": "text", "text": value})).collect();
    json!({"type": kind, "parameters": parameters})
}

fn track(value: &str) -> Value {
    json!({"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": value}]})
}

fn by_name(values: &[(&str, &str)]) -> Value {
    let parameters: Vec<Value> = values
        .iter()
        .map(|(name, value)| json!({"type": "text", "parameter_name": name, "text": value}))
        .collect();
    json!([{"type": "body", "parameters": parameters}])
}

fn image_header() -> Value {
    json!({"type": "header", "parameters": [{"type": "image", "image": {"link": "https://example.com/a.png"}}]})
}

fn code_in(body: &str, button: &str) -> Value {
    json!([texts("body", &[body]),
        {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": button}]}])
}

fn card(at: usize) -> Value {
    json!({"card_index": at, "components": [image_header()]})
}

async fn world() -> World {
    let world = World::start().await;
    for template in [order(), named(), photo(), login(), gallery()] {
        world.sim.put_template(&template).unwrap();
    }
    world
}

#[tokio::test]
async fn right_parameters_are_accepted() {
    let world = world().await;
    let good = [
        send("order", json!([texts("header", &["7"]), texts("body", &["Ann", "7"]), track("x7")])),
        send("named", by_name(&[("discount", "20%"), ("first_name", "Ann")])),
        send("photo", json!([image_header()])),
        send("login", code_in("123456", "123456")),
        send("gallery", json!([{"type": "carousel", "cards": [card(0), card(1)]}])),
    ];
    for body in good {
        let (status, answer) = world.send(body.clone()).await;
        assert_eq!(status, 200, "{body}: {answer}");
    }
}

fn wrong() -> Vec<(&'static str, Value, i64)> {
    let full = |header: &[&str], body: &[&str], button: Value| {
        send("order", json!([texts("header", header), texts("body", body), button]))
    };
    vec![
        ("an unknown name", send("nothing", json!([])), 132001),
        ("no parameters", send("order", json!([])), 132000),
        ("too few in the body", full(&["7"], &["Ann"], track("7")), 132000),
        ("too many in the body", full(&["7"], &["Ann", "7", "8"], track("7")), 132000),
        ("too many in the header", full(&["7", "8"], &["Ann", "7"], track("7")), 132000),
        (
            "no suffix for the URL button",
            send("order", json!([texts("header", &["7"]), texts("body", &["Ann", "7"])])),
            131008,
        ),
        (
            "two suffixes for the URL button",
            full(
                &["7"],
                &["Ann", "7"],
                json!({"type": "button", "sub_type": "url", "index": 1,
            "parameters": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            ),
            132000,
        ),
        (
            "the wrong kind of button",
            full(
                &["7"],
                &["Ann", "7"],
                json!({"type": "button", "sub_type": "quick_reply", "index": 1,
            "parameters": [{"type": "payload", "payload": "x"}]}),
            ),
            132012,
        ),
        (
            "a button that is not there",
            full(
                &["7"],
                &["Ann", "7"],
                json!({"type": "button", "sub_type": "url", "index": 5,
            "parameters": [{"type": "text", "text": "a"}]}),
            ),
            132000,
        ),
        ("a line break", full(&["7"], &["Ann\nB", "7"], track("7")), 132018),
        ("a tab", full(&["7"], &["Ann\tB", "7"], track("7")), 132018),
        ("four spaces", full(&["7"], &["Ann    B", "7"], track("7")), 132018),
        ("a text that grows too long", full(&["7"], &[&"x".repeat(1_100), "7"], track("7")), 132005),
        ("an empty text", full(&["7"], &["", "7"], track("7")), 131008),
        (
            "a picture in the body",
            send(
                "named",
                json!([{"type": "body", "parameters": [
            {"type": "image", "parameter_name": "first_name", "image": {"link": "https://e.com"}},
            {"type": "text", "parameter_name": "discount", "text": "1"}]}]),
            ),
            132012,
        ),
        ("a wrong name", send("named", by_name(&[("first_name", "Ann"), ("rebate", "20%")])), 132000),
        ("a name twice", send("named", by_name(&[("first_name", "Ann"), ("first_name", "Bob")])), 132000),
        ("no names", send("named", json!([texts("body", &["Ann", "20%"])])), 100),
        ("no picture in the header", send("photo", json!([])), 132012),
        ("a text instead of the picture", send("photo", json!([texts("header", &["7"])])), 132012),
        ("a code in the body only", send("login", json!([texts("body", &["123456"])])), 131008),
        ("a code of 16 characters", send("login", code_in(&"1".repeat(16), &"1".repeat(16))), 132005),
        ("one card too few", send("gallery", json!([{"type": "carousel", "cards": [card(0)]}])), 132000),
        (
            "one card twice",
            send("gallery", json!([{"type": "carousel", "cards": [card(0), card(0)]}])),
            132012,
        ),
        ("an unknown component", send("order", json!([{"type": "wings"}])), 100),
        ("no language", json!({"to": CUSTOMER, "type": "template", "template": {"name": "order"}}), 100),
    ]
}

#[tokio::test]
async fn wrong_parameters_are_refused_with_their_code() {
    let world = world().await;
    for (what, body, expected) in wrong() {
        let (status, answer) = world.send(body).await;
        assert_eq!(answer["error"]["code"], expected, "{what}: {answer}");
        assert_eq!(status, if expected == 132001 { 404 } else { 400 }, "{what}");
    }
    assert!(world.sim.ledger(0).is_empty());
}

#[tokio::test]
async fn the_count_error_tells_both_numbers() {
    let world = world().await;
    let (_, answer) =
        world.send(send("order", json!([texts("header", &["7"]), texts("body", &["Ann"])]))).await;
    assert_eq!(
        answer["error"]["error_data"]["details"],
        "body: number of localizable_params (1) does not match the expected number of params (2)"
    );
}

#[tokio::test]
async fn only_approved_templates_can_be_sent() {
    let world = world().await;
    let states = [
        ("PENDING", 132001, 404),
        ("REJECTED", 132001, 404),
        ("PAUSED", 132015, 400),
        ("DISABLED", 132016, 400),
    ];
    for (state, expected, http) in states {
        let name = format!("t_{}", state.to_lowercase());
        world
            .sim
            .put_template(
                &json!({"name": name, "status": state, "components": [{"type": "BODY", "text": "Hi"}]}),
            )
            .unwrap();
        let (status, answer) = world.send(send(&name, json!([]))).await;
        assert_eq!((status, code(&answer)), (http, expected), "{state}");
    }
}

#[tokio::test]
async fn an_authentication_template_needs_a_number() {
    let world = world().await;
    let mut body = send("login", code_in("123456", "123456"));
    body["to"] = Value::Null;
    body["recipient"] = "US.13491208655302741918".into();
    let (status, answer) = world.send(body).await;
    assert_eq!((status, code(&answer)), (400, 131062));
}

#[tokio::test]
async fn the_marketing_endpoint_takes_marketing_templates_only() {
    let world = world().await;
    let path = format!("{}/marketing_messages", world.phone());
    let with = |mut body: Value| {
        body["messaging_product"] = "whatsapp".into();
        Some(body)
    };
    assert_eq!(world.graph("POST", &path, with(send("photo", json!([image_header()])))).await.0, 200);
    let (_, answer) = world.graph("POST", &path, with(send("login", code_in("1", "1")))).await;
    assert_eq!(code(&answer), 134100);
    let (_, answer) = world.graph("POST", &path, with(json!({"to": CUSTOMER, "text": {"body": "x"}}))).await;
    assert_eq!(code(&answer), 131055);
}

#[tokio::test]
async fn an_account_may_keep_marketing_off_the_cloud_api() {
    let world = world().await;
    let flag = json!({"disable_marketing_messages_on_cloud_api": true});
    assert_eq!(world.graph("POST", &world.account.waba_id, Some(flag)).await.0, 200);
    let (_, answer) = world.send(send("photo", json!([image_header()]))).await;
    assert_eq!(code(&answer), 131063);
}

//! What Meta refuses: body in, code and HTTP status out.

use serde_json::{Value, json};

use crate::support::{CUSTOMER, World, code};

fn text(length: usize) -> String {
    "x".repeat(length)
}

fn interactive(content: Value) -> Value {
    json!({"to": CUSTOMER, "type": "interactive", "interactive": content})
}

fn buttons(buttons: Value) -> Value {
    interactive(json!({"type": "button", "body": {"text": "b"}, "action": {"buttons": buttons}}))
}

fn button(id: &str, title: &str) -> Value {
    json!({"type": "reply", "reply": {"id": id, "title": title}})
}

fn rows(count: usize) -> Value {
    (0..count).map(|at| json!({"id": format!("row-{at}"), "title": "t"})).collect()
}

fn list(sections: Value) -> Value {
    interactive(
        json!({"type": "list", "body": {"text": "b"}, "action": {"button": "open", "sections": sections}}),
    )
}

fn contacts(cards: Value) -> Value {
    json!({"to": CUSTOMER, "type": "contacts", "contacts": cards})
}

fn cards(count: usize) -> Value {
    let card = |at| {
        json!({"card_index": at, "type": "cta_url",
        "header": {"type": "image", "image": {"link": "https://example.com/a.png"}},
        "action": {"name": "cta_url", "parameters": {"display_text": "Buy", "url": "https://example.com"}}})
    };
    interactive(json!({"type": "carousel", "body": {"text": "b"},
        "action": {"cards": (0..count).map(card).collect::<Vec<_>>()}}))
}

fn location(latitude: Value, longitude: Value) -> Value {
    json!({"to": CUSTOMER, "type": "location", "location": {"latitude": latitude, "longitude": longitude}})
}

fn of_text(body: Value) -> Value {
    json!({"to": CUSTOMER, "type": "text", "text": body})
}

fn media(kind: &str, content: Value) -> Value {
    let mut body = json!({"to": CUSTOMER, "type": kind});
    body[kind] = content;
    body
}

/// Body, expected code, expected HTTP status.
fn refused() -> Vec<(&'static str, Value, i64, u16)> {
    vec![
        ("no recipient", json!({"type": "text", "text": {"body": "x"}}), 100, 400),
        ("an unknown type", json!({"to": CUSTOMER, "type": "telegram"}), 100, 400),
        (
            "an unknown recipient type",
            json!({"to": CUSTOMER, "recipient_type": "crowd", "text": {"body": "x"}}),
            100,
            400,
        ),
        (
            "a word as number",
            json!({"to": "PHONE_NUMBER", "type": "text", "text": {"body": "x"}}),
            131009,
            400,
        ),
        ("a short number", json!({"to": "+123", "type": "text", "text": {"body": "x"}}), 131009, 400),
        (
            "a long number",
            json!({"to": "+1234567890123456", "type": "text", "text": {"body": "x"}}),
            131009,
            400,
        ),
        (
            "the sender itself",
            json!({"to": "+15550783881", "type": "text", "text": {"body": "x"}}),
            131021,
            400,
        ),
        (
            "callback data over 512",
            json!({"to": CUSTOMER, "text": {"body": "x"}, "biz_opaque_callback_data": text(513)}),
            100,
            400,
        ),
        ("a context without id", json!({"to": CUSTOMER, "text": {"body": "x"}, "context": {}}), 100, 400),
        (
            "a context that is unknown",
            json!({"to": CUSTOMER, "text": {"body": "x"}, "context": {"message_id": "wamid.1"}}),
            131009,
            400,
        ),
        ("no text object", json!({"to": CUSTOMER, "type": "text"}), 100, 400),
        ("no text body", of_text(json!({})), 100, 400),
        ("an empty text", of_text(json!({"body": ""})), 100, 400),
        ("a text over 4096", of_text(json!({"body": text(4_097)})), 100, 400),
        ("a number as text", of_text(json!({"body": 7})), 100, 400),
        ("an image without source", media("image", json!({"caption": "x"})), 100, 400),
        (
            "an image with two sources",
            media("image", json!({"id": "1", "link": "https://e.com/a.png"})),
            100,
            400,
        ),
        ("an unknown image", media("image", json!({"id": "123"})), 100, 400),
        ("a link that is none", media("image", json!({"link": "ftp://e.com/a.png"})), 100, 400),
        (
            "a caption over 1024",
            media("image", json!({"link": "https://e.com/a.png", "caption": text(1_025)})),
            100,
            400,
        ),
        (
            "a caption on audio",
            media("audio", json!({"link": "https://e.com/a.mp3", "caption": "x"})),
            100,
            400,
        ),
        (
            "a filename on an image",
            media("image", json!({"link": "https://e.com/a.png", "filename": "a.png"})),
            100,
            400,
        ),
        ("a latitude over 90", location(json!(91), json!(0)), 100, 400),
        ("a longitude below -180", location(json!(0), json!("-180.5")), 100, 400),
        ("a location without longitude", location(json!(1), Value::Null), 100, 400),
        ("no contacts", contacts(json!([])), 100, 400),
        (
            "258 contacts",
            contacts(vec![json!({"name": {"formatted_name": "A", "first_name": "A"}}); 258].into()),
            100,
            400,
        ),
        ("a contact without name", contacts(json!([{"phones": []}])), 100, 400),
        ("a contact with one name", contacts(json!([{"name": {"formatted_name": "A"}}])), 131008, 400),
        (
            "a birthday in words",
            contacts(json!([{"name": {"formatted_name": "A", "first_name": "A"}, "birthday": "May"}])),
            100,
            400,
        ),
        (
            "a reaction in words",
            json!({"to": CUSTOMER, "type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "nice"}}),
            131009,
            400,
        ),
        (
            "a reaction to nothing",
            json!({"to": CUSTOMER, "type": "reaction", "reaction": {"emoji": "👍"}}),
            100,
            400,
        ),
        (
            "a reaction to an unknown message",
            json!({"to": CUSTOMER, "type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "👍"}}),
            131009,
            400,
        ),
        (
            "an unknown interactive type",
            interactive(json!({"type": "dance", "body": {"text": "b"}})),
            131009,
            400,
        ),
        ("no buttons", buttons(json!([])), 131009, 400),
        (
            "four buttons",
            buttons(json!([button("1", "a"), button("2", "b"), button("3", "c"), button("4", "d")])),
            131009,
            400,
        ),
        ("two buttons with one id", buttons(json!([button("1", "a"), button("1", "b")])), 131009, 400),
        ("two buttons with one title", buttons(json!([button("1", "a"), button("2", "a")])), 131009, 400),
        ("a title over 20", buttons(json!([button("1", &text(21))])), 131009, 400),
        ("an empty title", buttons(json!([button("1", "")])), 131009, 400),
        ("an id over 256", buttons(json!([button(&text(257), "a")])), 131009, 400),
        (
            "a body over 1024",
            interactive(
                json!({"type": "button", "body": {"text": text(1_025)}, "action": {"buttons": [button("1", "a")]}}),
            ),
            131009,
            400,
        ),
        (
            "no body",
            interactive(json!({"type": "button", "action": {"buttons": [button("1", "a")]}})),
            131008,
            400,
        ),
        (
            "a footer over 60",
            interactive(
                json!({"type": "button", "body": {"text": "b"}, "footer": {"text": text(61)}, "action": {"buttons": [button("1", "a")]}}),
            ),
            131009,
            400,
        ),
        (
            "a header over 60",
            interactive(
                json!({"type": "button", "header": {"type": "text", "text": text(61)}, "body": {"text": "b"}, "action": {"buttons": [button("1", "a")]}}),
            ),
            131009,
            400,
        ),
        ("eleven rows", list(json!([{"title": "a", "rows": rows(11)}])), 131009, 400),
        (
            "two rows with one id",
            list(json!([{"title": "a", "rows": rows(2)}, {"title": "b", "rows": rows(2)}])),
            131009,
            400,
        ),
        (
            "a section without title beside another",
            list(json!([{"rows": rows(1)}, {"title": "b", "rows": [{"id": "x", "title": "t"}]}])),
            131008,
            400,
        ),
        ("a section without rows", list(json!([{"title": "a", "rows": []}])), 131008, 400),
        ("a row title over 24", list(json!([{"rows": [{"id": "1", "title": text(25)}]}])), 131009, 400),
        (
            "a row description over 72",
            list(json!([{"rows": [{"id": "1", "title": "t", "description": text(73)}]}])),
            131009,
            400,
        ),
        ("a row id over 200", list(json!([{"rows": [{"id": text(201), "title": "t"}]}])), 131009, 400),
        (
            "a media header on a list",
            interactive(
                json!({"type": "list", "header": {"type": "image", "image": {"link": "https://e.com/a.png"}}, "body": {"text": "b"}, "action": {"button": "o", "sections": [{"rows": rows(1)}]}}),
            ),
            131009,
            400,
        ),
        (
            "a label over 20",
            interactive(
                json!({"type": "cta_url", "body": {"text": "b"}, "action": {"name": "cta_url", "parameters": {"display_text": text(21), "url": "https://e.com"}}}),
            ),
            131009,
            400,
        ),
        (
            "a button to nowhere",
            interactive(
                json!({"type": "cta_url", "body": {"text": "b"}, "action": {"name": "cta_url", "parameters": {"display_text": "a", "url": "nowhere"}}}),
            ),
            131009,
            400,
        ),
        (
            "a location request with another action",
            interactive(
                json!({"type": "location_request_message", "body": {"text": "b"}, "action": {"name": "send_money"}}),
            ),
            131009,
            400,
        ),
        (
            "a flow without its button",
            interactive(
                json!({"type": "flow", "body": {"text": "b"}, "action": {"name": "flow", "parameters": {"flow_message_version": "3", "flow_id": "1"}}}),
            ),
            131008,
            400,
        ),
        ("one card", cards(1), 131009, 400),
        ("eleven cards", cards(11), 131009, 400),
        ("a pin outside groups", json!({"to": CUSTOMER, "type": "pin", "pin": {}}), 131009, 400),
        (
            "a recipient that is no user id",
            json!({"recipient": "someone", "type": "text", "text": {"body": "x"}}),
            131009,
            400,
        ),
        ("reading an unknown message", json!({"status": "read", "message_id": "wamid.1"}), 131009, 400),
        ("reading nothing", json!({"status": "read"}), 100, 400),
        ("another status than read", json!({"status": "seen", "message_id": "wamid.1"}), 100, 400),
    ]
}

#[tokio::test]
async fn what_meta_refuses_is_refused_with_its_code_and_status() {
    let world = World::start().await;
    world.open_window(CUSTOMER).await;
    for (what, body, expected, status) in refused() {
        let (got, answer) = world.send(body).await;
        assert_eq!((got, answer["error"]["code"].as_i64()), (status, Some(expected)), "{what}: {answer}");
        assert_eq!(answer["error"]["type"], "OAuthException", "{what}");
        assert!(answer["error"]["fbtrace_id"].is_string(), "{what}");
    }
    assert!(world.sim.ledger(0).is_empty(), "nothing that was refused is in the ledger");
}

#[tokio::test]
async fn the_same_just_within_the_limits_is_accepted() {
    let world = World::start().await;
    world.open_window(CUSTOMER).await;
    let accepted = [
        of_text(json!({"body": text(4_096)})),
        json!({"to": CUSTOMER, "text": {"body": "no type is a text"}}),
        json!({"to": CUSTOMER, "text": {"body": "x"}, "biz_opaque_callback_data": text(512)}),
        media("image", json!({"link": "https://e.com/a.png", "caption": text(1_024)})),
        location(json!("90"), json!(-180)),
        buttons(json!([button("1", &text(20)), button("2", "b"), button("3", "c")])),
        list(json!([{"title": text(24), "rows": rows(10)}])),
        cards(2),
        cards(10),
    ];
    for body in accepted {
        let (status, answer) = world.send(body.clone()).await;
        assert_eq!(status, 200, "{body}: {answer}");
    }
}

#[tokio::test]
async fn the_product_is_required_and_must_be_whatsapp() {
    let world = World::start().await;
    let path = format!("{}/messages", world.phone());
    let (status, answer) = world.graph("POST", &path, Some(of_text(json!({"body": "x"})))).await;
    assert_eq!((status, code(&answer)), (400, 100));
    assert_eq!(answer["error"]["message"], "(#100) The parameter messaging_product is required.");
    let (status, answer) = world.send(json!({})).await;
    assert_eq!(
        (status, answer["error"]["message"].as_str()),
        (400, Some("(#100) The parameter to is required."))
    );
    let mut other = of_text(json!({"body": "x"}));
    other["messaging_product"] = "messenger".into();
    let (status, answer) = world.graph("POST", &path, Some(other)).await;
    assert_eq!((status, code(&answer)), (400, 100));
}

#[tokio::test]
async fn unknown_paths_and_objects_get_graphs_own_answer() {
    let world = World::start().await;
    for (method, path) in
        [("GET", "nothing/here"), ("POST", "123/messages"), ("GET", "987654321"), ("DELETE", "a/b/c")]
    {
        let (status, answer) = world.graph(method, path, None).await;
        assert_eq!((status, code(&answer)), (400, 100), "{method} {path}");
        assert_eq!(answer["error"]["error_subcode"], 33, "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn any_version_and_none_are_the_same_api() {
    let world = World::start().await;
    world.put_hello();
    for prefix in ["v19.0/", "v23.0/", "v26.0/", ""] {
        let url = format!("{}/{prefix}{}", world.sim.url(), world.phone());
        let answer = world.http.get(url).bearer_auth(&world.account.token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{prefix}");
    }
}

#[tokio::test]
async fn a_message_may_come_as_a_form_with_the_token_in_the_query() {
    let world = World::start().await;
    world.open_window(CUSTOMER).await;
    let url = world.url(&format!("{}/messages?access_token={}", world.phone(), world.account.token));
    let body = "messaging_product=whatsapp&to=%2B15551234567&type=text&text=%7B%22body%22%3A%22hi%22%7D";
    let request = world.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(world.sim.ledger(0)[0].to, CUSTOMER);
}

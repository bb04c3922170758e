//! Customers: set by a test, by magic number, by odds.

use serde_json::{Value, json};
use simulator::Faults;

use crate::support::{CUSTOMER, World, code, hello, until};

fn magic(last: u32) -> String {
    format!("+155555501{last:02}")
}

#[tokio::test]
async fn a_customer_not_on_whatsapp_fails_later_or_at_once() {
    let world = World::start().await;
    world.put_hello();
    world.control("PUT", "customers/+15551234567", json!({"on_whatsapp": false})).await;
    let wamid = world.send_hello(CUSTOMER).await;
    until("it fails", || world.receiver.statuses_of(&wamid) == ["failed"]).await;
    assert_eq!(world.receiver.statuses()[0]["errors"][0]["code"], 131026);
    assert_eq!(world.sim.ledger(0)[0].failure, Some(131026));
    world.control("PUT", "customers/15551234567", json!({"on_whatsapp": false, "failure_at": "once"})).await;
    let (status, answer) = world.send(hello(CUSTOMER)).await;
    assert_eq!((status, code(&answer)), (400, 131026));
}

#[tokio::test]
async fn a_failure_may_pass_after_some_sends() {
    let world = World::start().await;
    world.put_hello();
    world
        .sim
        .set_customer(CUSTOMER, json!({"failure": 131000, "failure_at": "once", "failures_left": 2}))
        .unwrap();
    assert_eq!(code(&world.send(hello(CUSTOMER)).await.1), 131000);
    assert_eq!(world.send(hello(CUSTOMER)).await.0, 500);
    assert_eq!(world.send(hello(CUSTOMER)).await.0, 200);
}

#[tokio::test]
async fn customers_read_or_do_not() {
    let world = World::unhurried().await;
    world.sim.set_customer(CUSTOMER, json!({"reads": false})).unwrap();
    let unread = world.send_hello(CUSTOMER).await;
    world.settle().await;
    assert_eq!(world.receiver.statuses_of(&unread), ["sent", "delivered"]);
    world.sim.set_customer(CUSTOMER, json!({"delivered": false})).unwrap();
    let lost = world.send_hello(CUSTOMER).await;
    world.settle().await;
    assert_eq!(world.receiver.statuses_of(&lost), ["sent"]);
}

#[tokio::test]
async fn customers_answer_tap_and_stop() {
    let world = World::start().await;
    world.sim.set_customer(CUSTOMER, json!({"replies": "yes please"})).unwrap();
    world.send_hello(CUSTOMER).await;
    until("they answer", || world.receiver.messages().len() == 1).await;
    assert_eq!(world.receiver.messages()[0]["text"]["body"], "yes please");
    world
        .sim
        .put_template(&json!({"name": "ask", "components": [{"type": "BODY", "text": "Well?"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Fine"}]}]}))
        .unwrap();
    let ask = json!({"to": magic(31), "type": "template", "template": {"name": "ask", "language": {"code": "en_US"},
        "components": [{"type": "button", "sub_type": "quick_reply", "index": 0, "parameters": [{"type": "payload", "payload": "FINE_1"}]}]}});
    let (_, answer) = world.send(ask).await;
    until("they tap", || world.receiver.messages().len() == 2).await;
    let tap = &world.receiver.messages()[1];
    assert_eq!(tap["button"], json!({"payload": "FINE_1", "text": "Fine"}));
    assert_eq!(tap["context"]["id"], answer["messages"][0]["id"]);
    world.send_hello(&magic(33)).await;
    until("they write STOP twice", || world.receiver.messages().len() == 4).await;
    assert!(world.receiver.messages()[2..].iter().all(|message| message["text"]["body"] == "STOP"));
}

#[tokio::test]
async fn taps_answer_interactive_messages() {
    let world = World::start().await;
    world.open_window(CUSTOMER).await;
    world.sim.set_customer(CUSTOMER, json!({"taps": true})).unwrap();
    world.send(json!({"to": CUSTOMER, "type": "interactive", "interactive": {"type": "list", "body": {"text": "b"},
        "action": {"button": "o", "sections": [{"rows": [{"id": "r1", "title": "One"}]}]}}})).await;
    until("they choose", || world.receiver.messages().len() == 2).await;
    assert_eq!(
        world.receiver.messages()[1]["interactive"],
        json!({"type": "list_reply", "list_reply": {"id": "r1", "title": "One"}})
    );
}

#[tokio::test]
async fn magic_numbers_do_what_the_table_says() {
    let world = World::unhurried().await;
    world.put_hello();
    for (last, expected) in [
        (1, 131026),
        (3, 131049),
        (7, 131047),
        (9, 131009),
        (18, 131056),
        (19, 130429),
        (20, 131000),
        (21, 131016),
        (23, 131031),
        (28, 131030),
        (29, 2),
    ] {
        let (_, answer) = world.send(hello(&magic(last))).await;
        assert_eq!(code(&answer), expected, "{last}");
    }
    for (last, expected) in [
        (2, 131026),
        (4, 131049),
        (5, 130472),
        (6, 131050),
        (8, 131047),
        (22, 131048),
        (24, 131042),
        (25, 137000),
        (26, 131053),
        (37, 132015),
    ] {
        if last == 37 {
            world.control("PUT", "faults", json!({"held_ms": 10})).await;
        }
        let wamid = world.send_hello(&magic(last)).await;
        until("it fails", || world.receiver.statuses_of(&wamid) == ["failed"]).await;
        let all = world.receiver.statuses();
        let failed = all.iter().find(|status| status["id"] == wamid.as_str()).unwrap();
        assert_eq!(failed["errors"][0]["code"], expected, "{last}");
    }
    for (last, expected) in [
        (11, "sent"),
        (13, "sent delivered"),
        (14, "sent read"),
        (15, "sent delivered failed"),
        (16, "read delivered sent"),
        (17, "sent sent delivered delivered read read"),
    ] {
        let wamid = world.send_hello(&magic(last)).await;
        world.settle().await;
        let mut got = world.receiver.statuses_of(&wamid);
        if last == 17 {
            got.sort_by_key(|status| ["sent", "delivered", "read"].iter().position(|known| known == status));
        }
        assert_eq!(got.join(" "), expected, "{last}");
    }
}

#[tokio::test]
async fn the_magic_cut_loses_the_answer_and_keeps_the_message() {
    let world = World::start().await;
    world.put_hello();
    let url = world.url(&format!("{}/messages", world.phone()));
    let mut body = hello(&magic(12));
    body["messaging_product"] = "whatsapp".into();
    assert!(world.http.post(&url).bearer_auth(&world.account.token).json(&body).send().await.is_err());
    assert_eq!(world.sim.ledger(0).len(), 1);
    body["to"] = magic(41).into();
    assert!(world.http.post(&url).bearer_auth(&world.account.token).json(&body).send().await.is_err());
    assert_eq!(world.sim.ledger(0).len(), 1);
}

#[tokio::test]
async fn a_hidden_number_is_nowhere_in_webhooks() {
    let world = World::start().await;
    let how = json!({"hide_phone": true, "bsuid": "US.424242", "username": "ann"});
    world.control("PUT", "customers/+15551234567", how).await;
    world.open_window("US.424242").await;
    world.settle().await;
    let message = &world.receiver.messages()[0];
    assert!(message.get("from").is_none());
    assert_eq!(message["from_user_id"], "US.424242");
    let contact = &world.receiver.changes()[0]["value"]["contacts"][0];
    assert_eq!((contact.get("wa_id"), contact["user_id"].as_str()), (None, Some("US.424242")));
    assert_eq!(contact["profile"]["username"], "ann");
    let (status, answer) =
        world.send(json!({"recipient": "US.424242", "type": "text", "text": {"body": "hi"}})).await;
    assert_eq!(status, 200);
    assert_eq!(answer["contacts"], json!([{"input": "US.424242", "user_id": "US.424242"}]));
    world.settle().await;
    let text = world
        .receiver
        .arrived()
        .iter()
        .map(|post| String::from_utf8_lossy(&post.body).into_owned())
        .collect::<String>();
    assert!(!text.contains("15551234567"), "{text}");
    assert_eq!(world.receiver.statuses().len(), 3);
}

#[tokio::test]
async fn metas_own_number_format_may_differ_from_the_request() {
    let world = World::start().await;
    world.sim.set_customer("+5511999999999", json!({"wa_id": "551199999999"})).unwrap();
    world.put_hello();
    let (_, answer) = world.send(hello("+5511999999999")).await;
    assert_eq!(answer["contacts"][0], json!({"input": "+5511999999999", "wa_id": "551199999999"}));
    until("it is sent", || !world.receiver.statuses().is_empty()).await;
    assert_eq!(world.receiver.statuses()[0]["recipient_id"], "551199999999");
}

#[tokio::test]
async fn any_inbound_message_object_can_be_written() {
    let world = World::start().await;
    let given = [
        json!({"type": "image", "image": {"id": "1", "mime_type": "image/jpeg", "sha256": "x"}}),
        json!({"type": "location", "location": {"latitude": 1.0, "longitude": 2.0}}),
        json!({"reaction": {"message_id": "wamid.1", "emoji": "👍"}}),
        json!({"id": "wamid.own", "type": "system", "system": {"type": "user_changed_number", "wa_id": "15557654321"}}),
    ];
    for message in &given {
        let (status, answer) =
            world.control("POST", "customers/+15551234567/messages", message.clone()).await;
        assert_eq!(status, 200, "{answer}");
    }
    until("all arrive", || world.receiver.messages().len() == 4).await;
    let arrived = world.receiver.messages();
    assert!(arrived.iter().any(|message| message["type"] == "reaction"));
    let system = arrived.iter().find(|message| message["type"] == "system").unwrap();
    assert_eq!(system["id"], "wamid.own");
    assert_eq!(world.control("POST", "customers/nobody/messages", json!({"text": "x"})).await.0, 400);
    assert_eq!(world.control("POST", "customers/+15551234567/messages", json!({})).await.0, 400);
}

#[tokio::test]
async fn odds_apply_to_everyone() {
    let faults = Faults { failure_rate: 0.5, failure_code: 131049, ..Faults::default().without_limits() };
    let world = World::with(faults).await;
    world.put_hello();
    for at in 0..60 {
        world.send_hello(&format!("+4915112{at:06}")).await;
    }
    world.settle().await;
    let failed = world.sim.ledger(0).iter().filter(|line| line.failure == Some(131049)).count();
    assert!((10..50).contains(&failed), "{failed}");
}

#[tokio::test]
async fn reading_is_noted() {
    let world = World::start().await;
    let id = world.open_window(CUSTOMER).await;
    let (status, answer) =
        world.send(json!({"status": "read", "message_id": id, "typing_indicator": {"type": "text"}})).await;
    assert_eq!((status, answer), (200, json!({"success": true})));
    let (_, reads) = world.control("GET", "reads", Value::Null).await;
    assert_eq!(
        (reads[0]["message_id"].as_str(), reads[0]["typing"].as_bool()),
        (Some(id.as_str()), Some(true))
    );
    assert!(world.sim.ledger(0).is_empty());
}

#[tokio::test]
async fn the_thread_shows_both_sides() {
    let world = World::start().await;
    world.open_window(CUSTOMER).await;
    world.send(json!({"to": CUSTOMER, "type": "interactive", "interactive": {"type": "button", "body": {"text": "Well?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}}})).await;
    world.send_hello(CUSTOMER).await;
    world.settle().await;
    let (_, thread) = world.control("GET", "customers/+15551234567/thread", Value::Null).await;
    let mut texts: Vec<&str> =
        thread["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["Hello there, welcome.", "Well?", "hi"]);
    assert_eq!(thread["window_open"], true);
    let tappable = thread["messages"].as_array().unwrap().iter().find(|m| m["text"] == "Well?").unwrap();
    assert_eq!(tappable["taps"][0]["label"], "Yes");
    assert_eq!(tappable["status"], "read");
}

//! The main job, end to end and on both engines: a message out, its statuses back, the customer's answer in, a reply,
//! and STOP. Then what one expects around it.

use e2e::{Database, Pair, Stack, eventually, on_each_engine};
use serde_json::{Value, json};

#[test]
fn a_template_goes_out_is_read_answered_replied_to_and_stopped() {
    on_each_engine(|database| {
        let stack = Stack::start(database);
        stack.hello();
        let phone = "+15551232001";
        stack.sim.customer(phone, json!({ "reads": true }));
        let contact = stack.api.opted_in_contact(phone);
        let sent = stack
            .api
            .post("/messages", json!({ "contact_id": contact, "template_name": "hello" }))
            .expect(201);
        assert_eq!(sent["status"], "sent");
        assert!(sent["wamid"].as_str().is_some_and(|wamid| wamid.starts_with("wamid.")), "{sent:#}");
        let path = format!("/messages/{}", sent["message_id"]);
        let read = eventually("the message is read", || {
            let row = stack.api.get(&path).expect(200);
            (row["status"] == "read").then_some(row)
        });
        for step in ["sent_at", "delivered_at", "read_at"] {
            assert!(read[step].is_string(), "{step} is missing in {read:#}");
        }
        let steps: Vec<&str> = read["events"]
            .as_array()
            .expect("events")
            .iter()
            .filter_map(|event| event["status"].as_str())
            .collect();
        for step in ["sending", "sent", "delivered", "read"] {
            assert!(steps.contains(&step), "{step} is missing in {steps:?}");
        }

        stack.sim.writes(phone, "Where is my order? \u{1f914} \u{e4}\u{f6}");
        let conversation = eventually("the answer is in the inbox", || {
            let list = stack.api.get("/conversations").expect(200);
            let row = list["items"].as_array()?.first()?.clone();
            (row["unread"] == 1).then_some(row)
        });
        let thread = format!("/conversations/{}/messages", conversation["id"]);
        let messages = stack.api.get(&thread).expect(200);
        let inbound =
            messages["items"].as_array().expect("items").iter().find(|row| row["direction"] == "inbound");
        let inbound = inbound.expect("the customer's message").clone();
        assert_eq!(inbound["content"]["body"], "Where is my order? \u{1f914} \u{e4}\u{f6}");
        let reply = json!({ "content": "It is on its way.", "reply_to": inbound["id"] });
        stack.api.post(&thread, reply).expect(201);
        let ledger = stack.sim.sent_to(phone);
        assert_eq!(ledger.len(), 2);
        assert_eq!(ledger[1]["body"]["context"]["message_id"], inbound["wamid"]);
        let read =
            stack.api.post(&format!("/conversations/{}/read", conversation["id"]), json!({})).expect(200);
        assert_eq!(
            read["unread"].as_i64().or_else(|| read["conversation"]["unread"].as_i64()),
            Some(0),
            "{read:#}"
        );

        stack.sim.writes(phone, "Stop");
        eventually("STOP ended it", || {
            let contact = stack.api.get(&format!("/contacts/{contact}")).expect(200);
            contact["opted_out_at"].is_string().then_some(())
        });
        stack
            .api
            .post("/messages", json!({ "contact_id": contact, "template_name": "hello" }))
            .refused(400, "CONTACT_NOT_OPTED_IN");
        eventually("the confirmation went out", || (stack.sim.sent_to(phone).len() == 3).then_some(()));
    });
}

#[test]
fn a_stop_that_comes_while_a_message_waits_keeps_it_from_going_out() {
    on_each_engine(|database| {
        let stack = Stack::start(database);
        stack.hello();
        let phone = "+15551232002";
        let contact = stack.api.opted_in_contact(phone);
        let later = json!({ "contact_id": contact, "template_name": "hello", "send_at": soon(&stack, 3600) });
        let queued = stack.api.post("/messages", later).expect(202);
        assert_eq!(queued["status"], "queued");
        stack.sim.writes(phone, "STOP");
        eventually("the confirmation went out", || (stack.sim.sent_to(phone).len() == 1).then_some(()));
        stack.sim.advance("2h");
        let failed = eventually("the message was stopped", || {
            let row = stack.api.get(&format!("/messages/{}", queued["message_id"])).expect(200);
            (row["status"] == "failed").then_some(row)
        });
        assert_eq!(failed["error"]["code"], "CONTACT_NOT_OPTED_IN");
        assert_eq!(stack.sim.sent_to(phone).len(), 1);
    });
}

/// A time so many seconds from the demo's now.
fn soon(stack: &Stack, seconds: i64) -> Value {
    let row = stack.api.get("/contacts?page_size=1").expect(200);
    let made: jiff::Timestamp =
        row["items"][0]["created_at"].as_str().expect("a time").parse().expect("RFC 3339");
    json!((made + jiff::SignedDuration::from_secs(seconds)).to_string())
}

#[test]
fn a_scheduled_message_goes_out_at_its_time_unless_it_is_cancelled() {
    let stack = Stack::start(Database::sqlite());
    stack.hello();
    let (kept, cancelled) =
        (stack.api.opted_in_contact("+15551232003"), stack.api.opted_in_contact("+15551232004"));
    let send = |contact: i64| {
        let body = json!({ "contact_id": contact, "template_name": "hello", "send_at": soon(&stack, 7200) });
        stack.api.post("/messages", body).expect(202)["message_id"].clone()
    };
    let (kept, cancelled) = (send(kept), send(cancelled));
    let cancelled = format!("/messages/{cancelled}");
    stack.api.post(&format!("{cancelled}/cancel"), json!({})).expect(200);
    stack.sim.advance("1h");
    assert_eq!(stack.api.get(&format!("/messages/{kept}")).expect(200)["status"], "queued");
    stack.sim.advance("2h");
    eventually("it went out", || (stack.sim.ledger().len() == 1).then_some(()));
    assert_eq!(stack.api.get(&cancelled).expect(200)["status"], "cancelled");
    stack.api.post(&format!("{cancelled}/cancel"), json!({})).refused(409, "INVALID_STATE");
    assert_eq!(stack.sim.sent_to("+15551232003").len(), 1);
}

#[test]
fn the_same_idempotency_key_sends_once_and_answers_the_same() {
    on_each_engine(|database| {
        let stack = Stack::start(database);
        stack.hello();
        let contact = stack.api.opted_in_contact("+15551232005");
        let body = json!({ "contact_id": contact, "template_name": "hello" });
        let send = |body: &Value| {
            stack
                .api
                .try_call("POST", "/messages", Some(body), &[("Idempotency-Key", "order-7")])
                .expect("an answer")
        };
        let answers: Vec<e2e::Answer> = std::thread::scope(|scope| {
            let calls: Vec<_> = (0..10).map(|_| scope.spawn(|| send(&body))).collect();
            calls.into_iter().map(|call| call.join().expect("a call")).collect()
        });
        let ids: std::collections::HashSet<String> =
            answers.iter().map(|answer| answer.body["data"]["message_id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "{answers:#?}");
        let again = send(&body);
        assert_eq!(
            again.headers.get("idempotency-replayed").map(|value| value.as_bytes()),
            Some(&b"true"[..])
        );
        assert_eq!(again.status, 201);
        assert_eq!(stack.sim.ledger().len(), 1);
        send(&json!({ "contact_id": contact, "content": "other" })).refused(409, "IDEMPOTENCY_KEY_REUSED");
    });
}

#[test]
fn every_kind_of_free_form_message_reaches_meta_inside_the_window() {
    let stack = Stack::start(Database::sqlite());
    let phone = "+15551232006";
    stack.sim.writes(phone, "Hi");
    let conversation = eventually("the conversation is there", || {
        stack.api.get("/conversations").expect(200)["items"].as_array()?.first().cloned()
    });
    let path = format!("/conversations/{}/messages", conversation["id"]);
    let inbound = stack.api.get(&path).expect(200)["items"][0].clone();
    let bodies = [
        json!({ "content": "plain" }),
        json!({ "content": { "body": "see https://example.com", "preview_url": true } }),
        json!({ "message_type": "image", "media": { "link": "https://example.com/a.jpg", "caption": "A" } }),
        json!({ "message_type": "document", "media": { "link": "https://example.com/a.pdf", "filename": "a.pdf" } }),
        json!({ "interactive": { "type": "button", "body": { "text": "Which?" }, "action": { "buttons": [
            { "type": "reply", "reply": { "id": "a", "title": "A" } } ] } } }),
        json!({ "interactive": { "type": "list", "body": { "text": "Which?" }, "action": { "button": "Choose", "sections": [
            { "rows": [{ "id": "a", "title": "A" }] } ] } } }),
        json!({ "interactive": { "type": "cta_url", "body": { "text": "Look" }, "action": { "name": "cta_url",
            "parameters": { "display_text": "Open", "url": "https://example.com" } } } }),
        json!({ "interactive": { "type": "location_request_message", "body": { "text": "Where?" },
            "action": { "name": "send_location" } } }),
        json!({ "location": { "latitude": 41.9, "longitude": 12.5, "name": "Rome" } }),
        json!({ "contacts": [{ "name": { "formatted_name": "Ann B", "first_name": "Ann" }, "phones": [{ "phone": "+15551230000" }] }] }),
        json!({ "reaction": { "message_id": inbound["id"], "emoji": "\u{1f44d}" } }),
    ];
    let count = bodies.len();
    for body in bodies {
        let answer = stack.api.post(&path, body.clone());
        assert_eq!(answer.status, 201, "{body:#}\n{:#}", answer.body);
    }
    let kinds: Vec<String> = stack
        .sim
        .sent_to(phone)
        .iter()
        .filter_map(|entry| Some(entry["type"].as_str()?.to_owned()))
        .collect();
    assert_eq!(kinds.len(), count, "{kinds:?}");
    let faulty =
        json!({ "interactive": { "type": "button", "body": { "text": "" }, "action": { "buttons": [] } } });
    let error = stack.api.post(&path, faulty).refused(400, "VALIDATION_FAILED");
    assert!(error["details"]["faults"].as_array().is_some_and(|faults| faults.len() >= 2), "{error:#}");
}

#[test]
fn another_node_takes_the_lane_over_when_its_holder_dies() {
    let mut pair = Pair::start(Database::postgres(), 2);
    pair.sim.template(json!({
        "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{ "type": "BODY", "text": "Hello from us." }],
    }));
    pair.api(0).post("/templates/sync", json!({})).expect(200);
    let contact = pair.api(0).opted_in_contact("+15551232007");
    let send = |api: &e2e::Api| {
        let body = json!({ "contact_id": contact, "template_name": "hello" });
        api.post("/messages", body)
    };
    // Either node takes the call, whichever holds the lane.
    send(&pair.api(0)).expect(201);
    send(&pair.api(1)).expect(201);
    assert_eq!(pair.sim.ledger().len(), 2);
    pair.kill(0);
    let answer = send(&pair.api(1));
    assert!(answer.status == 201 || answer.status == 202, "{:#}", answer.body);
    e2e::eventually_within(std::time::Duration::from_secs(40), "the other node sends it", || {
        (pair.sim.ledger().len() == 3).then_some(())
    });
    assert!(pair.terminate(1), "SIGTERM did not end the server well");
}

#[test]
fn a_data_folder_is_served_by_one_server_at_a_time() {
    let pair = Pair::start(Database::sqlite(), 1);
    let refused = pair.try_command(&["serve", "--listen", "127.0.0.1:0"]);
    let told = refused.expect_err("a second server started on the same folder");
    assert!(told.contains("another server is at work"), "{told}");
}

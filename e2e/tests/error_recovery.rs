//! The Error Recovery table of the product owner's document, message failures, row by row.

use e2e::{Database, Stack, eventually};
use serde_json::json;

fn stack() -> Stack {
    Stack::start(Database::sqlite())
}

#[test]
fn rate_limited_is_retried_with_backoff_and_costs_nothing() {
    let stack = stack();
    stack.hello();
    let contact = stack.api.opted_in_contact("+15551231001");
    stack.sim.faults(json!({ "error_rate": 1.0, "error_code": 130_429 }));
    let error = stack
        .api
        .post("/messages", json!({ "contact_id": contact, "template_name": "hello" }))
        .refused(429, "RATE_LIMIT_EXCEEDED");
    let message = error["details"]["message_id"].as_i64().expect("the message's id");
    stack.sim.call("DELETE", "/faults", None);
    let sent = eventually("it went out by itself", || {
        let row = stack.api.get(&format!("/messages/{message}")).expect(200);
        row["sent_at"].is_string().then_some(row)
    });
    assert_eq!(sent["attempts"], 1, "a throttle cost an attempt");
    assert_eq!(stack.sim.ledger().len(), 1);
}

#[test]
fn the_pair_limit_delays_that_contact_alone() {
    let stack = stack();
    stack.hello();
    let slow = stack.api.opted_in_contact("+15551231002");
    let other = stack.api.opted_in_contact("+15551231003");
    stack.sim.faults(json!({ "pair_limit": { "burst": 3, "period_seconds": 60 } }));
    let send = |contact: i64| {
        let body = json!({ "contact_id": contact, "template_name": "hello" });
        stack.api.try_call("POST", "/messages", Some(&body), &[("Prefer", "wait=3")]).expect("an answer")
    };
    // Meta lets a burst of 45 through to one person, then nobody for a while.
    let throttled = (0..60).map(|_| send(slow)).find(|answer| answer.status == 429);
    throttled.expect("the pair limit was never met").refused(429, "RATE_LIMIT_EXCEEDED");
    send(other).expect(201);
    let connection = stack.api.get(&format!("/connections/{}", stack.connection())).expect(200);
    assert_eq!(connection["state"], "active");
}

#[test]
fn not_on_whatsapp_marks_the_contact_and_excludes_it() {
    let stack = stack();
    stack.hello();
    let phone = "+15551231004";
    stack.sim.customer(phone, json!({ "on_whatsapp": false, "failure_at": "status" }));
    let contact = stack.api.opted_in_contact(phone);
    stack.api.post("/messages", json!({ "contact_id": contact, "template_name": "hello" })).expect(201);
    eventually("the contact is marked", || {
        let contact = stack.api.get(&format!("/contacts/{contact}")).expect(200);
        (contact["needs_review"] == true).then_some(())
    });
    stack
        .api
        .post("/messages", json!({ "contact_id": contact, "template_name": "hello" }))
        .refused(400, "RECIPIENT_NOT_ON_WHATSAPP");
    // Whoever writes in is on WhatsApp, whatever was said before.
    stack.sim.customer(phone, json!({ "on_whatsapp": true }));
    stack.sim.writes(phone, "I am here");
    eventually("the mark is gone", || {
        let contact = stack.api.get(&format!("/contacts/{contact}")).expect(200);
        (contact["needs_review"] == false).then_some(())
    });
}

#[test]
fn a_rejected_template_is_edited_and_resubmitted() {
    let stack = stack();
    let contact = stack.api.opted_in_contact("+15551231005");
    let created = stack
        .api
        .post(
            "/templates",
            json!({
                "name": "summer_news", "language": "en_US", "category": "utility",
                "components": [{ "type": "BODY", "text": "Your summer order is ready." }],
            }),
        )
        .expect(201);
    let id = created["id"].as_i64().or_else(|| created["template"]["id"].as_i64()).expect("an id");
    let path = format!("/templates/{id}");
    stack.sim.call(
        "POST",
        "/templates/summer_news/review",
        Some(json!({ "status": "REJECTED", "reason": "SCAM" })),
    );
    let is = |status: &str| {
        eventually(&format!("the template is {status}"), || {
            let row = stack.api.get(&path).expect(200);
            (row["status"] == status).then_some(row)
        })
    };
    assert_eq!(is("rejected")["rejection_reason"], "SCAM");
    let send =
        || stack.api.post("/messages", json!({ "contact_id": contact, "template_name": "summer_news" }));
    let error = send().refused(400, "TEMPLATE_NOT_APPROVED");
    assert_eq!(error["details"]["rejection_reason"], "SCAM");
    let edit =
        json!({ "components": [{ "type": "BODY", "text": "Your order number 12 is ready for you." }] });
    stack.api.call("PATCH", &path, Some(&edit)).expect(200);
    stack.sim.call("POST", "/templates/summer_news/review", Some(json!({ "status": "APPROVED" })));
    is("approved");
    send().expect(201);
}

#[test]
fn marketing_held_back_by_meta_is_not_tried_again_before_a_day_has_passed() {
    let stack = stack();
    stack.template_of(
        "MARKETING",
        "offer",
        "APPROVED",
        json!([{ "type": "BODY", "text": "An offer for you." }]),
    );
    let phone = "+15551231006";
    stack.sim.customer(phone, json!({ "failure": 131_049, "failure_at": "status" }));
    let contact = stack.api.opted_in_contact(phone);
    let sent =
        stack.api.post("/messages", json!({ "contact_id": contact, "template_name": "offer" })).expect(201);
    let path = format!("/messages/{}", sent["message_id"]);
    eventually("it failed", || (stack.api.get(&path).expect(200)["status"] == "failed").then_some(()));
    stack.api.post(&format!("{path}/retry"), json!({})).refused(409, "INVALID_STATE");
    stack.sim.customer(phone, json!({ "failure": null }));
    stack.sim.advance("25h");
    stack.api.post(&format!("{path}/retry"), json!({})).expect(202);
    eventually("the retry went out", || (stack.sim.sent_to(phone).len() == 2).then_some(()));
}

#[test]
fn a_lost_answer_is_settled_by_the_status_webhook_and_never_sent_again() {
    let stack = stack();
    stack.hello();
    let contact = stack.api.opted_in_contact("+15551231007");
    stack.sim.faults(json!({ "cut_after_accept_rate": 1.0, "webhook_delay_ms": 500 }));
    let answer = stack.api.post("/messages", json!({ "contact_id": contact, "template_name": "hello" }));
    assert_eq!(answer.status, 202, "{:#}", answer.body);
    stack.sim.call("DELETE", "/faults", None);
    let list = eventually("it is settled", || {
        let list = stack.api.get(&format!("/messages?contact_id={contact}")).expect(200);
        let row = list["items"].as_array()?.first()?.clone();
        (row["wamid"].is_string() && row["status"] != "in_doubt").then_some(row)
    });
    assert!(["sent", "delivered", "read"].contains(&list["status"].as_str().unwrap_or_default()), "{list:#}");
    assert_eq!(stack.sim.ledger().len(), 1);
}

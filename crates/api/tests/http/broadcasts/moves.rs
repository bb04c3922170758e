//! Steps from one state to another.

use axum::body::Body;
use domain::Clock as _;
use domain::pacing::Rate;
use http::Method;
use serde_json::{Value, json};

use super::{add_template, draft, hello, patch, stage, until};
use crate::stack::Stack;

/// A number that sends one a minute: what is queued stays queued.
async fn slow() -> Stack {
    let stack = Stack::start().await;
    stack.link(stack.sim.url(), Some(Rate { count: 1, period_ms: 60_000 })).await;
    add_template(&stack, "hello", "APPROVED").await;
    for number in 0..5 {
        stack.contact(&format!("+1202555012{number}")).await;
    }
    stack
}

#[tokio::test]
async fn a_broadcast_is_held_goes_on_and_is_called_off() {
    let stack = slow().await;
    let path = draft(&stack, hello(json!({"all": true}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    let paused = stack.post(&format!("{path}/pause"), json!({})).await;
    let paused = paused.data(200);
    assert_eq!((&paused["status"], &paused["reason"]["code"]), (&json!("paused"), &json!("by_user")));
    let again = stack.post(&format!("{path}/pause"), json!({})).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "INVALID_STATE"));
    assert_eq!(again.details(), &json!({"current": "paused", "allowed": ["sending"]}));
    let resumed = stack.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(
        (&resumed.data(200)["status"], &resumed.data(200)["reason"]),
        (&json!("sending"), &Value::Null)
    );
    let cancelled = stack.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(cancelled.data(200)["status"], "cancelled");
    for step in ["send", "pause", "resume", "cancel", "retry-failed", "unschedule"] {
        let refused = stack.post(&format!("{path}/{step}"), json!({})).await;
        assert_eq!(
            (refused.code(), &refused.details()["current"]),
            ("INVALID_STATE", &json!("cancelled")),
            "{step}"
        );
    }
    assert!(stack.sim.ledger(0).len() <= 1, "the rest was taken back");
    let gone = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!(gone.data(200)["deleted"], true);
    assert_eq!(stack.get(&path).await.code(), "BROADCAST_NOT_FOUND");
}

#[tokio::test]
async fn what_is_sending_can_be_neither_changed_nor_removed() {
    let stack = slow().await;
    let path = draft(&stack, hello(json!({"all": true}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    assert_eq!(patch(&stack, &path, json!({"name": "x"})).await.code(), "INVALID_STATE");
    let gone = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!(gone.code(), "INVALID_STATE");
    let moving = stack.get(&path).await;
    assert_eq!(moving.data(200)["status"], "sending");
}

#[tokio::test]
async fn a_time_makes_it_scheduled_and_it_can_be_taken_back() {
    let stack = stage().await;
    stack.contact("+12025550121").await;
    let mut body = hello(json!({"all": true}));
    body["send_at"] = json!("2096-12-01T09:00:00Z");
    let path = draft(&stack, body).await;
    let sent = stack.post(&format!("{path}/send"), json!({})).await;
    let sent = sent.data(202);
    assert_eq!(
        (&sent["status"], &sent["starts_at"], &sent["schedule"]),
        (&json!("scheduled"), &json!("2096-12-01T09:00:00Z"), &json!({"send_at": "2096-12-01T09:00:00Z"}))
    );
    let back = stack.post(&format!("{path}/unschedule"), json!({})).await;
    assert_eq!(back.data(200)["status"], "draft");
    let past = patch(&stack, &path, json!({"schedule": {"send_at": "2001-01-01T00:00:00Z"}})).await;
    if past.status.is_client_error() {
        assert_eq!(past.code(), "VALIDATION_FAILED");
    }
    // Sent at once after all, whatever its plan says.
    let now = stack.post(&format!("{path}/send"), json!({"schedule": null})).await;
    assert_eq!(now.data(202)["status"], "sending");
    until(&stack, &path, "completed").await;
}

#[tokio::test]
async fn failed_recipients_are_tried_again_for_chosen_reasons_only() {
    let stack = stage().await;
    stack.contact("+12025550121").await;
    stack.contact("+12025550122").await;
    stack
        .sim
        .set_customer("+12025550122", json!({"on_whatsapp": false, "failure_at": "once"}))
        .expect("a customer");
    let path = draft(&stack, hello(json!({"all": true}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    until(&stack, &path, "completed").await;
    let results = stack.get(&format!("{path}/results")).await;
    let results = results.data(200);
    assert_eq!(
        results["results"],
        json!({"total": 2, "sent": 1, "failed": 1,
            "failure_breakdown": {"not_on_whatsapp": 1, "invalid_number": 0, "rate_limited": 0}})
    );
    let failure = &results["failures"][0];
    assert_eq!((&failure["reason"], &failure["count"]), (&json!("not_on_whatsapp"), &json!(1)));
    assert!(failure["advice"].is_string() && failure["meta_error_code"].is_i64(), "{failure}");
    let failed = stack.get(&format!("{path}/recipients?state=failed&reason=not_on_whatsapp")).await;
    assert_eq!(failed.data(200)["items"][0]["error"]["code"], "RECIPIENT_NOT_ON_WHATSAPP");

    let nothing = stack.post(&format!("{path}/retry-failed"), json!({"reasons": []})).await;
    assert_eq!(nothing.faults(), ["/reasons"], "no reason is not every reason");
    let none = stack.post(&format!("{path}/retry-failed"), json!({"reasons": ["rate_limited"]})).await;
    assert_eq!(none.data(202)["retried"], 0);
    let wrong = stack.post(&format!("{path}/retry-failed"), json!({"reasons": ["because"]})).await;
    assert_eq!(wrong.faults(), ["/reasons/0"]);
    stack
        .sim
        .set_customer("+12025550122", json!({"on_whatsapp": true, "failure_at": null}))
        .expect("a customer");
    let contact = &failed.data(200)["items"][0]["contact_id"];
    stack.post(&format!("/contacts/{contact}/reviewed"), json!({})).await.data(200);
    let retried = stack.post(&format!("{path}/retry-failed"), json!({"reasons": ["not_on_whatsapp"]})).await;
    assert_eq!(retried.data(202)["retried"], 1);
    let done = until(&stack, &path, "completed").await;
    assert_eq!((&done["counts"]["sent"], &done["counts"]["failed"]), (&json!(2), &json!(0)));
    let recipient = stack.get(&format!("{path}/recipients?state=failed")).await;
    assert_eq!(recipient.data(200)["total"], 0);
}

#[tokio::test]
async fn changes_that_come_at_once_are_all_kept() {
    let stack = stage().await;
    let path = draft(&stack, hello(json!({"all": true}))).await;
    let fields = [
        ("name", json!("Other")),
        ("template_language", json!("en_US")),
        ("fallback_languages", json!(["de", "fr"])),
        ("template_params", json!(["you"])),
        ("audience", json!({"tags": ["vip"]})),
        ("send_at", json!("2096-12-01T09:00:00Z")),
        ("breaker", json!({"window": 77})),
    ];
    let changes = fields.iter().map(|(name, value)| patch(&stack, &path, json!({*name: value})));
    for changed in futures::future::join_all(changes).await {
        changed.data(200);
    }
    let now = stack.get(&path).await;
    let now = now.data(200);
    for (name, value) in &fields {
        match *name {
            "send_at" => assert_eq!(now["schedule"]["send_at"], *value),
            "breaker" => assert_eq!(now["breaker"]["window"], 77),
            name => assert_eq!(now[name], *value, "{name}"),
        }
    }
}

#[tokio::test]
async fn what_could_not_start_at_its_time_is_changed_and_resumed() {
    let stack = stage().await;
    stack.contact("+12025550121").await;
    add_template(&stack, "other", "APPROVED").await;
    let mut body = hello(json!({"all": true}));
    let soon = stack.clock.now() + jiff::SignedDuration::from_hours(1);
    body["send_at"] = json!(soon);
    let path = draft(&stack, body).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    add_template(&stack, "hello", "DISABLED").await;
    stack.clock.advance(jiff::SignedDuration::from_hours(2));
    let held = until(&stack, &path, "paused").await;
    assert_eq!((&held["reason"]["code"], &held["started_at"]), (&json!("template_unusable"), &Value::Null));
    let refused = stack.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(refused.code(), "TEMPLATE_NOT_APPROVED");
    // Resumed, it goes at once: its time is nothing to warn of.
    let preview = stack.post("/broadcasts/preview", json!({"broadcast_id": held["id"]})).await;
    let warnings = preview.data(200)["warnings"].to_string();
    assert!(warnings.contains("hello") && !warnings.contains("/schedule"), "{warnings}");
    let changed = patch(&stack, &path, json!({"template_name": "other"})).await;
    assert_eq!(
        (&changed.data(200)["status"], &changed.data(200)["template_name"]),
        (&json!("paused"), &json!("other"))
    );
    stack.post(&format!("{path}/resume"), json!({})).await.data(200);
    assert_eq!(until(&stack, &path, "completed").await["counts"]["sent"], 1);
}

#[tokio::test]
async fn whom_meta_lets_nobody_write_to_for_a_day_is_tried_again_after_it() {
    let stack = stage().await;
    stack.contact("+12025550121").await;
    stack.contact("+12025550122").await;
    let refuses = json!({"failure": 131_049, "failure_at": "once"});
    stack.sim.set_customer("+12025550122", refuses).expect("a customer");
    let path = draft(&stack, hello(json!({"all": true}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    until(&stack, &path, "completed").await;
    let failed = stack.get(&format!("{path}/recipients?state=failed")).await;
    let failed = failed.data(200)["items"][0].clone();
    let not_before = &failed["error"]["not_before"];
    let alone = stack.post(&format!("/messages/{}/retry", failed["message_id"]), json!({})).await;
    assert_eq!((alone.code(), &alone.details()["not_before"]), ("INVALID_STATE", not_before));

    let retried = stack.post(&format!("{path}/retry-failed"), json!({"reasons": ["rate_limited"]})).await;
    let retried = retried.data(202);
    assert_eq!((&retried["retried"], &retried["waiting"]), (&json!(1), &json!(1)));
    assert_eq!((&retried["first_due_at"], &retried["last_due_at"]), (not_before, not_before));
    assert_eq!((&retried["skipped"], &retried["broadcast"]["status"]), (&json!([]), &json!("sending")));
    let waits = stack.get(&format!("{path}/recipients?state=pending")).await;
    assert_eq!(&waits.data(200)["items"][0]["due_at"], not_before);
    assert_eq!(stack.sim.ledger(0).len(), 1);
}

#[tokio::test]
async fn a_broadcast_that_is_tried_again_goes_in_the_category_that_its_template_has_now() {
    let stack = stage().await;
    stack.contact("+12025550121").await;
    let refuses = json!({"failure": 131_008, "failure_at": "once"});
    stack.sim.set_customer("+12025550121", refuses).expect("a customer");
    let path = draft(&stack, hello(json!({"all": true}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    until(&stack, &path, "failed").await;
    stack.sim.set_customer("+12025550121", json!({})).expect("a customer");
    let moved = json!({"name": "hello", "language": "en_US", "category": "MARKETING", "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Hello {{1}}, all is well.", "example": {"body_text": [["Ana"]]}}]});
    stack.sim.put_template(&moved).expect("a template");
    stack.engine.templates.sync(stack.tenant, None).await.expect("synced");
    let retried = stack.post(&format!("{path}/retry-failed"), json!({})).await;
    assert_eq!(retried.data(202)["broadcast"]["category"], "marketing");
    until(&stack, &path, "completed").await;
    assert_eq!(stack.sim.ledger(0).len(), 1);
}

#[tokio::test]
async fn why_a_number_is_broken_is_told_when_its_broadcast_is_resumed() {
    for (meta_code, code, advice) in [
        (131_042, "META_REJECTED", "payment method in Meta's Business settings"),
        (368, "META_REJECTED", "appeal there"),
        (131_031, "META_REJECTED", "appeal there"),
        (190, "TOKEN_EXPIRED", "Reconnect WhatsApp in Settings"),
    ] {
        let stack = stage().await;
        stack.contact("+12025550121").await;
        let faults = simulator::Faults { error_rate: 1.0, error_code: meta_code, ..Default::default() };
        stack.sim.set_faults(faults);
        let path = draft(&stack, hello(json!({"all": true}))).await;
        stack.post(&format!("{path}/send"), json!({})).await.data(202);
        let paused = until(&stack, &path, "paused").await;
        let says = paused["reason"]["message"].as_str().expect("a message");
        assert!(says.contains(advice), "{meta_code}: {says}");
        let refused = stack.post(&format!("{path}/resume"), json!({})).await;
        assert_eq!(refused.code(), code, "{meta_code}");
        let details = refused.details();
        if code == "TOKEN_EXPIRED" {
            assert_eq!((refused.status.as_u16(), &details["action_required"]), (401, &json!(advice)));
        } else {
            assert_eq!((refused.status.as_u16(), &details["meta_error_code"]), (502, &json!(meta_code)));
            assert!(details["advice"].as_str().is_some_and(|told| told.contains(advice)), "{details}");
        }
    }
}

#[tokio::test]
async fn what_is_scheduled_stays_such_that_it_could_be_sent() {
    let stack = stage().await;
    add_template(&stack, "waiting", "PENDING").await;
    let mut body = hello(json!({"all": true}));
    body["send_at"] = json!("2096-12-01T09:00:00Z");
    let path = draft(&stack, body).await;
    patch(&stack, &path, json!({"template_name": "waiting"})).await.data(200);
    patch(&stack, &path, json!({"template_name": "hello"})).await.data(200);
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    let refused = patch(&stack, &path, json!({"template_name": "waiting"})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "TEMPLATE_NOT_APPROVED"));
    assert_eq!(patch(&stack, &path, json!({"audience": {"list": true}})).await.faults(), ["/audience/list"]);
    let other = patch(&stack, &path, json!({"template_params": ["you"]})).await;
    assert_eq!(other.data(200)["status"], "scheduled");
    // A template that Meta takes away meanwhile is no reason not to put it off.
    add_template(&stack, "hello", "PAUSED").await;
    let later = patch(&stack, &path, json!({"name": "Later", "send_at": "2096-12-02T09:00:00Z"})).await;
    assert_eq!(later.data(200)["starts_at"], "2096-12-02T09:00:00Z");
    assert_eq!(later.data(200)["template_name"], "hello");
}

async fn remove(stack: &Stack, connection: i64) {
    let path = format!("/connections/{connection}");
    stack.send(stack.request(Method::DELETE, &path, Body::empty())).await.data(200);
}

#[tokio::test]
async fn a_paused_broadcast_goes_on_without_a_number_that_is_gone() {
    let stack = slow().await;
    let second = stack.link_second(Some(Rate { count: 1, period_ms: 60_000 })).await;
    let first = stack.get("/connections").await.data(200)["items"]
        .as_array()
        .and_then(|all| all.iter().filter_map(|one| one["id"].as_i64()).find(|id| *id != second))
        .expect("the first number");
    let mut body = hello(json!({"all": true}));
    body["connection_ids"] = json!([first, second]);
    let path = draft(&stack, body).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    stack
        .until("all are queued", || async {
            let now = stack.get(&path).await;
            let now = now.data(200);
            (now["audience_frozen"] == true && now["counts"]["pending"] == 0).then_some(())
        })
        .await;
    stack.post(&format!("{path}/pause"), json!({})).await.data(200);
    remove(&stack, second).await;
    let left = stack.get(&path).await;
    let counts = &left.data(200)["counts"];
    assert_eq!((&counts["cancelled"], &counts["total"]), (&json!(0), &json!(5)), "{counts}");
    let resumed = stack.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(resumed.data(200)["status"], "sending");
    let retried = stack.post(&format!("{path}/retry-failed"), json!({})).await;
    assert_eq!(retried.data(202)["retried"], 0);
}

#[tokio::test]
async fn of_a_paused_broadcast_the_numbers_can_be_changed_and_nothing_else() {
    let stack = slow().await;
    let first = stack.get("/connections").await.data(200)["items"][0]["id"].as_i64().expect("an id");
    let path = draft(&stack, hello(json!({"all": true}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    remove(&stack, first).await;
    let paused = until(&stack, &path, "paused").await;
    assert_eq!(paused["reason"]["code"], "connection_gone");
    let says = paused["reason"]["message"].as_str().expect("a message");
    assert!(says.contains("connection_ids"), "{says}");
    assert_eq!(paused["counts"]["cancelled"], 0, "what is left is kept");
    let resumed = stack.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(resumed.code(), "CONNECTION_NOT_FOUND");

    let second = stack.link_second(None).await;
    for refused in [
        json!({"name": "x"}),
        json!({"connection_ids": [second], "name": "x"}),
        json!({"connection_ids": [second], "template_params": ["x"]}),
        json!({"connection_ids": [second], "recipients": [{"phone": "+12025550120"}]}),
    ] {
        let answer = patch(&stack, &path, refused.clone()).await;
        assert_eq!(
            (answer.code(), &answer.details()["current"]),
            ("INVALID_STATE", &json!("paused")),
            "{refused}"
        );
    }
    let unknown = patch(&stack, &path, json!({"connection_ids": [999]})).await;
    assert_eq!(unknown.code(), "CONNECTION_NOT_FOUND");
    let changed = patch(&stack, &path, json!({"connection_ids": [second]})).await;
    let changed = changed.data(200);
    assert_eq!((&changed["connection_ids"], &changed["status"]), (&json!([second]), &json!("paused")));
    stack.post(&format!("{path}/resume"), json!({})).await.data(200);
    let done = until(&stack, &path, "completed").await;
    let sum = done["counts"]["sent"].as_i64().zip(done["counts"]["in_doubt"].as_i64());
    assert_eq!(sum.map(|(sent, doubt)| sent + doubt), Some(5), "{done}");
}

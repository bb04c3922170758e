//! The same key and the same request: done once, answered twice.

use domain::access::Scope;
use http::StatusCode;
use serde_json::json;

use crate::stack::Stack;

fn reply(shortcut: &str) -> serde_json::Value {
    json!({"shortcut": shortcut, "text": "Thank you"})
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_answer_and_does_nothing() {
    let stack = Stack::start().await;
    let first = stack.post_with("/canned-replies", reply("thanks"), &[("idempotency-key", "k1")]).await;
    let id = first.data(201)["id"].clone();
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = stack.post_with("/canned-replies", reply("thanks"), &[("idempotency-key", "k1")]).await;
    assert_eq!(again.data(201)["id"], id);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.text, first.text);
    let without = stack.post("/canned-replies", reply("thanks")).await;
    assert_eq!((without.status, without.code()), (StatusCode::CONFLICT, "DUPLICATE_CANNED_REPLY"));
}

#[tokio::test]
async fn a_key_used_for_another_request_is_refused() {
    let stack = Stack::start().await;
    stack.post_with("/canned-replies", reply("thanks"), &[("idempotency-key", "k1")]).await.data(201);
    let other = stack.post_with("/canned-replies", reply("hello"), &[("idempotency-key", "k1")]).await;
    assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(other.details(), &json!({"idempotency_key": "k1"}));
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again_under_its_key() {
    let stack = Stack::start().await;
    let refused =
        stack.post_with("/canned-replies", json!({"shortcut": "x"}), &[("idempotency-key", "k1")]).await;
    assert_eq!(refused.faults(), ["/text"]);
    stack.post_with("/canned-replies", reply("x"), &[("idempotency-key", "k1")]).await.data(201);
}

#[tokio::test]
async fn a_key_is_one_to_255_visible_characters() {
    let stack = Stack::start().await;
    for key in ["", "with space", &"k".repeat(256)] {
        for path in ["/canned-replies", "/messages"] {
            let answer = stack.post_with(path, reply("x"), &[("idempotency-key", key)]).await;
            assert_eq!(answer.faults(), ["/Idempotency-Key"], "{key:?}");
        }
    }
    let longest = "k".repeat(255);
    stack.post_with("/canned-replies", reply("x"), &[("idempotency-key", &longest)]).await.data(201);
}

#[tokio::test]
async fn nobody_is_answered_by_a_repeat_what_he_may_not_do() {
    let mut stack = Stack::start().await;
    stack.post_with("/canned-replies", reply("x"), &[("idempotency-key", "k1")]).await.data(201);
    stack.key = stack.key_with(&[Scope::Read]).await;
    let answer = stack.post_with("/canned-replies", reply("x"), &[("idempotency-key", "k1")]).await;
    assert_eq!(answer.code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_not_by_a_repeat() {
    let stack = Stack::start().await;
    let wanted = json!({"name": "ci", "scopes": ["read"]});
    let first = stack.post_with("/api-keys", wanted.clone(), &[("idempotency-key", "k1")]).await;
    assert!(first.data(201)["secret"].as_str().is_some_and(|secret| secret.starts_with("wxk_")));
    let again = stack.post_with("/api-keys", wanted, &[("idempotency-key", "k1")]).await;
    assert_eq!(again.data(201)["id"], first.data(201)["id"]);
    assert!(!again.text.contains(first.data(201)["secret"].as_str().unwrap()));
}

#[tokio::test]
async fn a_send_under_a_key_is_sent_once() {
    let stack = Stack::start().await;
    stack.link_number().await;
    let contact = stack.contact("+15551234567").await;
    stack
        .sim
        .put_template(
            &json!({"name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Hello there"}]}),
        )
        .expect("a template");
    stack.engine.templates.sync(stack.tenant, None).await.expect("synced");
    let body = json!({"contact_id": contact, "template_name": "hello"});
    let first = stack.post_with("/messages", body.clone(), &[("idempotency-key", "s1")]).await;
    let id = first.data(201)["message_id"].clone();
    let again = stack.post_with("/messages", body.clone(), &[("idempotency-key", "s1")]).await;
    assert_eq!(again.data(201)["message_id"], id);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let mut other = body;
    other["template_language"] = "en_US".into();
    let reused = stack.post_with("/messages", other, &[("idempotency-key", "s1")]).await;
    assert_eq!((reused.status, reused.code()), (StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(stack.sim.ledger(0).len(), 1);
}

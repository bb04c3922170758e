//! Contacts and consent.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

async fn patch(stack: &Stack, below: &str, body: Value) -> Answered {
    stack.send(stack.request(Method::PATCH, below, Body::from(body.to_string()))).await
}

#[tokio::test]
async fn a_contact_lives_from_post_to_delete() {
    let stack = Stack::start().await;
    let wanted = json!({
        "phone": "+1 555 123 4567", "name": "Ada", "language": "en_US", "tags": ["vip"],
        "fields": {"city": "Berlin"}, "opted_in": true, "opt_in_evidence": {"form": "/join"}
    });
    let made = stack.post("/contacts", wanted).await;
    let contact = made.data(201);
    let id = contact["id"].as_i64().unwrap();
    assert_eq!(contact["phone"], "+15551234567");
    assert_eq!((&contact["opted_in"], &contact["needs_review"]), (&json!(true), &json!(false)));
    let again = stack.post("/contacts", json!({"phone": "+15551234567"})).await;
    assert_eq!((again.code(), &again.details()["contact_id"]), ("DUPLICATE_CONTACT", &json!(id)));

    let path = format!("/contacts/{id}");
    let changed = patch(&stack, &path, json!({"name": null, "fields": {"city": null, "zip": "10115"}})).await;
    assert_eq!(
        (&changed.data(200)["name"], &changed.data(200)["fields"]),
        (&Value::Null, &json!({"zip": "10115"}))
    );
    for (query, found) in [
        ("tags=vip", 1),
        ("tags=vip,gone", 0),
        ("opted_in=true", 1),
        ("search=555123", 1),
        ("needs_review=true", 0),
    ] {
        let list = stack.get(&format!("/contacts?{query}")).await;
        assert_eq!(list.data(200)["total"], found, "{query}");
    }
    assert_eq!(stack.post(&format!("{path}/reviewed"), json!({})).await.data(200)["needs_review"], false);
    let gone = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!(gone.data(200), &json!({"id": id, "deleted": true}));
    assert_eq!(stack.get(&path).await.code(), "CONTACT_NOT_FOUND");
}

#[tokio::test]
async fn consent_is_recorded_once_with_the_key_that_told_it() {
    let stack = Stack::start().await;
    let id = stack.contact("+15551234567").await;
    let out = stack.post(&format!("/contacts/{id}/opt-out"), json!({"evidence": {"ticket": 12}})).await;
    assert_eq!(
        (&out.data(200)["changed"], &out.data(200)["contact"]["opted_in"]),
        (&json!(true), &json!(false))
    );
    let again = stack.post(&format!("/contacts/{id}/opt-out"), json!({})).await;
    assert_eq!((&again.data(200)["changed"], &again.data(200)["record_id"]), (&json!(false), &Value::Null));
    let ledger = stack.get(&format!("/contacts/{id}/consent")).await;
    let items = &ledger.data(200)["items"];
    assert_eq!(ledger.data(200)["total"], 2);
    assert_eq!((&items[0]["kind"], &items[0]["source"]), (&json!("opt_out"), &json!("api")));
    assert_eq!(items[0]["evidence"]["ticket"], 12);
    assert!(items[0]["evidence"]["api_key_id"].is_i64());
    let forged = stack.post(&format!("/contacts/{id}/opt-in"), json!({"source": "keyword"})).await;
    assert_eq!(forged.faults(), ["/source"]);
    assert_eq!(stack.post("/contacts/4711/opt-in", json!({})).await.code(), "CONTACT_NOT_FOUND");
}

#[tokio::test]
async fn a_bad_number_has_the_documents_own_body_and_other_faults_join_it() {
    let stack = Stack::start().await;
    let bad = stack.post("/contacts", json!({"phone": "555-1234"})).await;
    assert_eq!(bad.code(), "INVALID_PHONE_FORMAT");
    let bad = stack.post("/contacts", json!({"phone": "555-1234", "language": "english"})).await;
    assert_eq!(bad.faults(), ["/language", "/phone"]);
    let unproved = stack.post("/contacts", json!({"phone": "+15551234567", "opt_in_evidence": {}})).await;
    assert_eq!(unproved.faults(), ["/opt_in_evidence"]);
}

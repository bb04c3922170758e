//! Conversations, notes, canned replies, alerts.

use axum::body::Body;
use domain::contacts::Identity;
use domain::messages::Content;
use domain::{ConnectionId, InboxId};
use engine::alerts::{Condition, kinds};
use http::Method;
use ports::alerts::Severity;
use ports::webhooks::{Change, Inbound, Projection, Source};
use serde_json::{Value, json};

use crate::stack::Stack;

/// A customer wrote, and the webhook was projected.
async fn written(stack: &Stack) -> i64 {
    let connection = ConnectionId(stack.link_number().await);
    let number = simulator::AccountConfig::default().phones[0].id.clone();
    let wamid = stack.sim.customer_says(&number, "+16505551234", "hello").unwrap();
    let deps = stack.engine.deps();
    let at = deps.clock.now();
    let inbound = Inbound {
        source: Source { inbox_id: InboxId(1), pointer: "/entry/0".into() },
        connection_id: connection,
        wamid,
        from: Identity::of_phone("+16505551234".parse().unwrap()),
        username: None,
        profile_name: Some("Sheena".into()),
        at,
        content: Content::Text { body: "hello".into(), preview_url: false },
        reply_to: None,
        opens_window: true,
        word: None,
        confirmation: None,
        media: None,
    };
    let changes = vec![Change::Inbound(inbound)];
    let projection = Projection { tenant_id: stack.tenant, done: Vec::new(), changes, at };
    deps.store.project(projection).await.unwrap().inbound[0].2.0
}

#[tokio::test]
async fn a_team_works_on_a_conversation() {
    let stack = Stack::start().await;
    let id = written(&stack).await;
    let path = format!("/conversations/{id}");
    let found = stack.get(&path).await;
    assert_eq!((&found.data(200)["window_open"], &found.data(200)["unread"]), (&json!(true), &json!(1)));
    assert_eq!(found.data(200)["contact_phone"], "+16505551234");
    let change = json!({"status": "pending", "assignee": "Kim", "labels": ["refund"]});
    let changed = stack.send(stack.request(Method::PATCH, &path, Body::from(change.to_string()))).await;
    assert_eq!(changed.data(200)["labels"], json!(["refund"]));
    for (query, total) in [("assignee=Kim", 1), ("label=gone", 0), ("unread=true", 1), ("status=open", 0)] {
        assert_eq!(stack.get(&format!("/conversations?{query}")).await.data(200)["total"], total, "{query}");
    }
    let read = stack.post(&format!("{path}/read"), json!({})).await;
    assert_eq!(
        (&read.data(200)["told"], &read.data(200)["conversation"]["unread"]),
        (&json!("yes"), &json!(0))
    );
    let typing = stack.post(&format!("{path}/read"), json!({"typing": true})).await;
    assert_eq!(typing.data(200)["told"], "yes");
    let note = stack.post(&format!("{path}/notes"), json!({"text": "called back"})).await;
    assert_eq!(note.data(201)["author"], "test", "the key's name");
    assert_eq!(stack.get(&format!("{path}/notes")).await.data(200)["items"][0]["text"], "called back");
    assert_eq!(stack.get("/conversations/4711").await.code(), "CONVERSATION_NOT_FOUND");
    stack.clock.advance(domain::SignedDuration::from_hours(25));
    assert_eq!(stack.get(&path).await.data(200)["window_open"], false);
}

#[tokio::test]
async fn canned_replies_are_known_by_their_shortcut() {
    let stack = Stack::start().await;
    let made = stack.post("/canned-replies", json!({"shortcut": "hi", "text": "Hello!"})).await;
    let id = made.data(201)["id"].as_i64().unwrap();
    let again = stack.post("/canned-replies", json!({"shortcut": "hi", "text": "Hi"})).await;
    assert_eq!((again.code(), &again.details()["canned_reply_id"]), ("DUPLICATE_CANNED_REPLY", &json!(id)));
    assert_eq!(stack.get("/canned-replies").await.data(200)["items"][0]["shortcut"], "hi");
    let path = format!("/canned-replies/{id}");
    stack.send(stack.request(Method::DELETE, &path, Body::empty())).await.data(200);
    let gone = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!(gone.code(), "CANNED_REPLY_NOT_FOUND");
}

#[tokio::test]
async fn alerts_are_listed_and_acknowledged() {
    let stack = Stack::start().await;
    let condition = Condition {
        kind: kinds::TOKEN_EXPIRING,
        subject: "connection:1".into(),
        severity: Severity::Warning,
        message: "ends".into(),
        details: json!({"connection_id": 1}),
    };
    stack.engine.alerts.raise(stack.tenant, condition).await.unwrap();
    let list = stack.get("/alerts?open=true").await;
    let alert = &list.data(200)["items"][0];
    assert_eq!((&alert["kind"], &alert["severity"]), (&json!("token_expiring"), &json!("warning")));
    assert_eq!(alert["acknowledged_at"], Value::Null);
    let done = stack.post(&format!("/alerts/{}/acknowledge", alert["id"]), json!({})).await;
    assert!(done.data(200)["acknowledged_at"].is_string());
    assert_eq!(stack.get("/alerts?open=false").await.data(200)["total"], 0);
    assert_eq!(stack.post("/alerts/4711/acknowledge", json!({})).await.code(), "ALERT_NOT_FOUND");
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked() {
    let stack = Stack::start().await;
    let made = stack.post("/api-keys", json!({"name": "Shop", "scopes": ["read"]})).await;
    let (id, secret) = (made.data(201)["id"].as_i64().unwrap(), made.data(201)["secret"].as_str().unwrap());
    assert!(secret.starts_with("wxk_"));
    let list = stack.get("/api-keys").await;
    assert!(!list.text.contains(secret));
    let names: Vec<_> = list.data(200)["items"].as_array().unwrap().iter().map(|key| &key["name"]).collect();
    assert!(names.contains(&&json!("Shop")));
    let path = format!("/api-keys/{id}");
    let revoked = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert!(revoked.data(200)["revoked_at"].is_string());
    let nothing = stack.post("/api-keys", json!({"name": "Shop", "scopes": []})).await;
    assert_eq!(nothing.faults(), ["/scopes"]);
}

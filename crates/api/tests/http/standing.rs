//! Streams of events end with what their caller came in by.

use std::time::Duration;

use axum::body::Body;
use domain::SignedDuration;
use domain::access::roles::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::auth::{auth, join, log_in, member};
use crate::stack::Stack;

/// Listens to a path of our tenant with this key or session.
async fn listen(stack: &Stack, by: &str, below: &str) -> Body {
    let mut request = stack.request(Method::GET, below, Body::empty());
    request.headers_mut().insert("authorization", format!("Bearer {by}").parse().unwrap());
    let response = stack.router.clone().oneshot(request).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (StatusCode::OK, &http::HeaderValue::from_static("text/event-stream"))
    );
    response.into_body()
}

/// Whether the stream comes to an orderly end within this time.
async fn ends_within(stream: Body, time: Duration) -> bool {
    let all = tokio::time::timeout(time, axum::body::to_bytes(stream, usize::MAX)).await;
    all.is_ok_and(|read| read.is_ok())
}

async fn ends(stream: Body) -> bool {
    ends_within(stream, Duration::from_secs(10)).await
}

async fn call(stack: &Stack, method: Method, below: &str, body: Value) {
    stack.send(stack.request(method, below, Body::from(body.to_string()))).await.data(200);
}

/// A key of our tenant, and its path.
async fn key(stack: &Stack, wanted: Value) -> (String, String) {
    let made = stack.post("/api-keys", wanted).await;
    let secret = made.data(201)["secret"].as_str().unwrap().to_owned();
    (secret, format!("/api-keys/{}", made.data(201)["id"]))
}

#[tokio::test]
async fn a_stream_ends_once_its_key_is_revoked_and_that_of_another_key_goes_on() {
    let stack = Stack::start().await;
    stack.link_number().await;
    let template = json!({"name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Hello, all is well."}]});
    stack.sim.put_template(&template).expect("a template");
    stack.engine.templates.sync(stack.tenant, None).await.expect("synced");
    let body = json!({"name": "Hello", "template_name": "hello", "audience": {"all": true}});
    let broadcast = format!("/broadcasts/{}/events", stack.post("/broadcasts", body).await.data(201)["id"]);
    let (secret, path) = key(&stack, json!({"name": "wall", "scopes": ["read"]})).await;
    let (events, progress) =
        (listen(&stack, &secret, "/events").await, listen(&stack, &secret, &broadcast).await);
    let other = listen(&stack, &stack.key, "/events").await;
    call(&stack, Method::DELETE, &path, json!({})).await;
    let (events, progress) = tokio::join!(ends(events), ends(progress));
    assert!(events && progress);
    assert!(!ends_within(other, Duration::from_millis(1)).await, "nothing happened to that key");
    let refused = stack.get("/security-events?kind=api_key_refused").await;
    assert_eq!(refused.data(200)["total"], 0, "whoever listened has tried no wrong key");
}

#[tokio::test]
async fn a_stream_ends_when_its_key_does_or_may_do_less_or_not_from_there() {
    let stack = Stack::start().await;
    let end = domain::Clock::now(&*stack.clock) + SignedDuration::from_hours(1);
    let (short, _) = key(&stack, json!({"name": "short", "scopes": ["read"], "expires_at": end})).await;
    let (less, of_less) = key(&stack, json!({"name": "less", "scopes": ["read", "send"]})).await;
    let (moved, of_moved) = key(&stack, json!({"name": "moved", "scopes": ["read"]})).await;
    let streams = [
        listen(&stack, &short, "/events").await,
        listen(&stack, &less, "/events").await,
        listen(&stack, &moved, "/events").await,
    ];
    call(&stack, Method::PATCH, &of_less, json!({"scopes": ["send"]})).await;
    call(&stack, Method::PATCH, &of_moved, json!({"networks": ["203.0.113.0/24"]})).await;
    stack.clock.advance(SignedDuration::from_hours(2));
    let ended = futures::future::join_all(streams.map(ends)).await;
    assert_eq!(ended, [true, true, true]);
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_its_members_place() {
    let stack = Stack::start().await;
    let session = member(&stack, "ada@example.com", Role::Agent).await;
    let revoked = log_in(&stack, "ada@example.com").await;
    let demoted =
        join(&stack, "bea@example.com", ports::access::members::GivenRole::BuiltIn(Role::Admin)).await;
    let by_demoted = log_in(&stack, "bea@example.com").await;
    let disabled =
        join(&stack, "eve@example.com", ports::access::members::GivenRole::BuiltIn(Role::Agent)).await;
    let by_disabled = log_in(&stack, "eve@example.com").await;
    let mut streams = Vec::new();
    for by in [&revoked, &by_demoted, &by_disabled] {
        streams.push(listen(&stack, by, "/events").await);
    }
    let stays = listen(&stack, &session, "/events").await;
    let bearer = format!("Bearer {session}");
    let headers = [("authorization", bearer.as_str())];
    auth(&stack, Method::DELETE, "/sessions", Value::Null, &headers).await.data(200);
    call(&stack, Method::PATCH, &format!("/members/{demoted}"), json!({"role": "agent"})).await;
    call(&stack, Method::PATCH, &format!("/members/{disabled}"), json!({"state": "disabled"})).await;
    let ended = futures::future::join_all(streams.into_iter().map(ends)).await;
    assert_eq!(ended, [true, true, true]);
    assert!(!ends_within(stays, Duration::from_millis(1)).await, "the session that ended the others goes on");
}

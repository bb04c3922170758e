//! Who comes in: keys, tenants, scopes, and how often.

use std::num::NonZeroU32;

use api::limits::CallRate;
use axum::body::Body;
use domain::access::Scope;
use domain::access::permissions::Permissions;
use domain::{ApiKeyId, SignedDuration};
use engine::access::CreateKey;
use http::{Method, Request, StatusCode};
use ports::Paging;
use ports::access::EventFilter;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::stack::{Stack, text_to};

#[tokio::test]
async fn a_good_key_comes_in() {
    let stack = Stack::start().await;
    let answer = stack.get("/messages").await;
    assert_eq!(answer.data(200)["total"], 0);
}

#[tokio::test]
async fn nobody_comes_in_without_a_good_key() {
    let stack = Stack::start().await;
    let unknown = format!("Bearer wxk_{}", "A".repeat(43));
    let basic = format!("Basic {}", stack.key);
    for authorization in [None, Some("Bearer"), Some("Bearer x"), Some(&unknown), Some(&basic)] {
        let mut request = stack.request(Method::GET, "/messages", Body::empty());
        request.headers_mut().remove("authorization");
        if let Some(authorization) = authorization {
            request.headers_mut().insert("authorization", authorization.parse().unwrap());
        }
        let answer = stack.send(request).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn an_expired_key_and_a_revoked_one_are_refused_at_once() {
    let mut stack = Stack::start().await;
    let end = domain::Clock::now(&*stack.clock) + SignedDuration::from_hours(1);
    let wanted = CreateKey {
        name: "short".into(),
        scopes: vec![Scope::Read],
        expires_at: Some(end),
        networks: Vec::new(),
    };
    let made = stack.engine.access.create_key(stack.tenant, wanted, Permissions::all()).await.unwrap();
    stack.key = made.secret.expose_secret().to_owned();
    stack.get("/messages").await.data(200);
    stack.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(stack.get("/messages").await.code(), "UNAUTHENTICATED");

    stack.key = stack.key_with(&[Scope::Read]).await;
    stack.get("/messages").await.data(200);
    let keys = stack.engine.access.keys(stack.tenant).await.unwrap();
    let newest: ApiKeyId = keys.iter().map(|key| key.id).max().unwrap();
    stack.engine.access.revoke_key(stack.tenant, newest).await.unwrap();
    assert_eq!(stack.get("/messages").await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_tenant_of_others_looks_like_one_that_does_not_exist() {
    let stack = Stack::start().await;
    let foreign = |tenant: i64, key: &str| {
        Request::get(format!("/api/v1/tenant/{tenant}/whatsapp/messages"))
            .header("authorization", format!("Bearer {key}"))
            .header("x-request-id", "same")
            .body(Body::empty())
            .unwrap()
    };
    let theirs = stack.send(foreign(stack.other_tenant.0, &stack.key)).await;
    let nobodys = stack.send(foreign(999_999, &stack.key)).await;
    assert_eq!((theirs.status, theirs.code()), (StatusCode::NOT_FOUND, "TENANT_NOT_FOUND"));
    let blank = |text: &str, id: i64| text.replace(&id.to_string(), "…");
    assert_eq!(blank(&theirs.text, stack.other_tenant.0), blank(&nobodys.text, 999_999));
    stack.send(foreign(stack.other_tenant.0, &stack.other_key().await)).await.data(200);
    let answer = stack.send(foreign(0, &stack.key)).await;
    assert_eq!(answer.faults(), ["/tenant_id"]);
}

#[tokio::test]
async fn a_key_without_the_scope_is_told_which_one_is_missing() {
    let mut stack = Stack::start().await;
    stack.key = stack.key_with(&[Scope::Read, Scope::Manage]).await;
    let answer = stack.post("/messages", text_to("+15551234567")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
    assert_eq!(answer.details(), &json!({"missing_scope": "send"}));
    stack.key = stack.key_with(&[Scope::Send]).await;
    assert_eq!(stack.get("/messages").await.details(), &json!({"missing_scope": "read"}));
}

/// The document is written by hand beside each handler: here it is held against what the door really asks for.
#[tokio::test]
async fn every_route_asks_for_the_scope_that_its_document_names() {
    let mut stack = Stack::start().await;
    let document = api::openapi();
    let mut checked = 0;
    for scope in Scope::ALL {
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        stack.key = stack.key_with(&others).await;
        for (path, item) in document["paths"].as_object().unwrap() {
            let Some(below) = path.strip_prefix(api::TENANT_BASE) else { continue };
            for (method, operation) in item.as_object().unwrap() {
                if operation["x-required-scope"] != scope.as_str() {
                    continue;
                }
                let below = below.replace("{id}", "1");
                let method: Method = method.to_uppercase().parse().unwrap();
                let answer = stack.send(stack.request(method, &below, Body::empty())).await;
                assert_eq!(answer.code(), "FORBIDDEN", "{path}");
                assert_eq!(answer.details()["missing_scope"], scope.as_str(), "{path}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 6, "{checked}");
}

#[tokio::test]
async fn refused_keys_are_kept_as_security_events() {
    let stack = Stack::start().await;
    for _ in 0..5 {
        let mut request = stack.request(Method::GET, "/messages", Body::empty());
        let wrong = format!("Bearer wxk_{}", "B".repeat(43));
        request.headers_mut().insert("authorization", wrong.parse().unwrap());
        assert_eq!(stack.send(request).await.code(), "UNAUTHENTICATED");
    }
    let events = stack
        .until("a security event", || async {
            let events = stack
                .engine
                .access
                .security_events(stack.tenant, &EventFilter::default(), &Paging::default())
                .await
                .unwrap();
            (events.total > 0).then_some(events)
        })
        .await;
    assert_eq!(events.items[0].kind, "api_key_refused");
    assert!(!events.items[0].reason.contains("wxk_B"), "the key itself is not kept");
}

#[tokio::test]
async fn a_key_that_calls_too_often_is_told_when_to_come_back() {
    let one = NonZeroU32::MIN;
    let stack = Stack::limited(CallRate { per_second: one, burst: NonZeroU32::new(3).unwrap() }).await;
    let mut refused = None;
    for _ in 0..4 {
        let answer = stack.get("/messages").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
        }
    }
    let refused = refused.expect("the fourth call within a second");
    assert_eq!(refused.code(), "API_RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), refused.details()["retry_after_seconds"].to_string());
    let mut request = stack.request(Method::GET, "/messages", Body::empty());
    let other = format!("Bearer {}", stack.key_with(&[Scope::Read]).await);
    request.headers_mut().insert("authorization", other.parse().unwrap());
    stack.send(request).await.data(200);
}

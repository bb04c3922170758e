//! Tenants, for whoever runs the server.

use api::{OperatorToken, Settings};
use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

const TOKEN: &str = "an operator's token";

async fn opened() -> Stack {
    let operator = Some(OperatorToken::new(TOKEN.to_owned().into()));
    Stack::with(Settings { call_rate: None, operator, ..Settings::default() }).await
}

async fn call(stack: &Stack, method: Method, path: &str, token: Option<&str>, body: Value) -> Answered {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    stack.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn an_operator_makes_a_tenant_and_its_owner_comes_in() {
    let stack = opened().await;
    let wanted = json!({ "name": "Acme", "owner": { "email": "Ada@Example.com", "name": "Ada" } });
    let made = call(&stack, Method::POST, "/api/v1/tenants", Some(TOKEN), wanted).await;
    let data = made.data(201);
    assert_eq!((&data["name"], &data["owner"]["email"]), (&json!("Acme"), &json!("ada@example.com")));
    assert_eq!((&data["owner"]["role"], &data["owner"]["state"]), (&json!("owner"), &json!("invited")));
    let link = data["owner"]["invitation_link"].as_str().unwrap();
    let (_, token) = link.split_once("#token=").unwrap();

    let accept = json!({ "token": token, "password": "correct horse battery staple" });
    call(&stack, Method::POST, "/api/v1/auth/invitations/accept", None, accept).await.data(201);

    let path = format!("/api/v1/tenants/{}", data["id"]);
    assert_eq!(call(&stack, Method::GET, &path, Some(TOKEN), json!({})).await.data(200)["name"], "Acme");
    let all = call(&stack, Method::GET, "/api/v1/tenants", Some(TOKEN), json!({})).await;
    assert_eq!(all.data(200)["total"], 3);

    let trail = format!("/api/v1/tenant/{}/whatsapp/members", data["id"]);
    let refused = call(&stack, Method::GET, &trail, Some(TOKEN), json!({})).await;
    assert_eq!(refused.code(), "UNAUTHENTICATED", "the operator's token is no key of a tenant");
}

#[tokio::test]
async fn an_owner_who_did_not_accept_is_invited_again_and_the_first_link_ends() {
    let stack = opened().await;
    let path = format!("/api/v1/tenants/{}/owners", stack.tenant);
    let invite = || call(&stack, Method::POST, &path, Some(TOKEN), json!({ "email": "ada@example.com" }));
    let first = invite().await.data(201)["invitation_link"].as_str().unwrap().to_owned();
    let second = invite().await.data(201)["invitation_link"].as_str().unwrap().to_owned();
    for (link, good) in [(first, false), (second, true)] {
        let (_, token) = link.split_once("#token=").unwrap();
        let accept = json!({ "token": token, "password": "correct horse battery staple" });
        let answer = call(&stack, Method::POST, "/api/v1/auth/invitations/accept", None, accept).await;
        assert_eq!(answer.status.is_success(), good, "{answer:?}");
    }
    assert_eq!(invite().await.code(), "INVALID_STATE", "an owner who accepted was invited again");
}

#[tokio::test]
async fn nobody_else_sees_tenants_and_without_the_setting_there_are_no_such_routes() {
    let stack = opened().await;
    let key = stack.key.clone();
    for token in [None, Some("another operator's token"), Some(key.as_str()), Some("")] {
        for method in [Method::GET, Method::POST] {
            let answer = call(&stack, method, "/api/v1/tenants", token, json!({ "name": "Mine" })).await;
            assert_eq!(answer.code(), "UNAUTHENTICATED");
        }
    }
    let closed = Stack::start().await;
    let answer = call(&closed, Method::GET, "/api/v1/tenants", Some(TOKEN), json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (404, "ROUTE_NOT_FOUND"));
}

#[tokio::test]
async fn logins_with_addresses_that_nobody_has_are_the_operators_where_there_are_several_tenants() {
    let stack = opened().await;
    for number in 0..4 {
        let body =
            json!({"email": format!("nobody{number}@example.com"), "password": "correct horse battery"});
        let refused = crate::auth::auth(&stack, Method::POST, "/login", body, &[]).await;
        assert_eq!(refused.code(), "LOGIN_REFUSED");
    }
    let stack = &stack;
    let listed = || async move {
        let path = "/api/v1/tenants/security-events?kind=login_failed";
        let found = call(stack, Method::GET, path, Some(TOKEN), json!({})).await;
        let events = found.data(200)["items"].as_array().unwrap().clone();
        assert!(events.len() <= 1, "one with a count: {events:#?}");
        events.into_iter().next().filter(|event| event["count"] == 4)
    };
    let event = stack.until("the four of them", listed).await;
    assert_eq!(
        (&event["address"], &event["reason"]),
        (&json!("198.51.100.7"), &json!("nobody has this address"))
    );
    assert_eq!(stack.get("/security-events").await.data(200)["total"], 0, "no tenant sees another's guests");
    let path = "/api/v1/tenants/security-events";
    let refused = call(stack, Method::GET, path, Some(&stack.key), json!({})).await;
    assert_eq!(refused.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn what_is_wrong_with_a_new_tenant_is_told_before_anything_is_made() {
    let stack = opened().await;
    let wrong = json!({ "name": "", "owner": { "email": "" }, "plan": "gold" });
    let answer = call(&stack, Method::POST, "/api/v1/tenants", Some(TOKEN), wrong).await;
    let mut faults = answer.faults();
    faults.sort_unstable();
    assert_eq!(faults, ["/name", "/owner/email", "/plan"]);
    let wrong = json!({ "name": "Acme", "owner": { "email": "nobody" } });
    let answer = call(&stack, Method::POST, "/api/v1/tenants", Some(TOKEN), wrong).await;
    assert_eq!(answer.faults(), ["/owner/email"]);
    let all = call(&stack, Method::GET, "/api/v1/tenants", Some(TOKEN), json!({})).await;
    assert_eq!(all.data(200)["total"], 2, "a tenant was made all the same");
}

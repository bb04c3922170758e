//! Connections, and the tenant's settings.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

async fn patch(stack: &Stack, below: &str, body: Value) -> Answered {
    stack.send(stack.request(Method::PATCH, below, Body::from(body.to_string()))).await
}

fn wanted(stack: &Stack) -> Value {
    let account = simulator::AccountConfig::default();
    json!({
        "name": "Main", "phone_number_id": account.phones[0].id, "waba_id": account.waba_id,
        "access_token": account.token, "app_secret": account.app_secret, "graph_url": stack.sim.url(),
        "rate_limit": {"limit": 80, "period_seconds": 60}
    })
}

#[tokio::test]
async fn a_connection_never_shows_its_secrets() {
    let stack = Stack::start().await;
    let made = stack.post("/connections", wanted(&stack)).await;
    let connection = made.data(201);
    let verify_token = connection["verify_token"].as_str().unwrap().to_owned();
    assert_eq!(connection["warnings"], json!([]));
    assert_eq!((&connection["state"], &connection["is_default"]), (&json!("active"), &json!(true)));
    assert_eq!(connection["rate_limit"], json!({"limit": 80, "period_seconds": 60}));
    let id = connection["id"].as_i64().unwrap();
    assert_eq!(connection["webhook_path"], format!("/webhooks/whatsapp/{id}"));
    let account = simulator::AccountConfig::default();
    for answer in [stack.get("/connections").await, stack.get(&format!("/connections/{id}")).await] {
        for secret in [&account.token, &account.app_secret, &verify_token] {
            assert!(!answer.text.contains(secret.as_str()));
        }
    }
    let again = stack.post("/connections", wanted(&stack)).await;
    assert_eq!((again.code(), &again.details()["connection_id"]), ("DUPLICATE_CONNECTION", &json!(id)));
}

#[tokio::test]
async fn a_connection_is_changed_switched_off_diagnosed_and_removed() {
    let stack = Stack::start().await;
    let id = stack.link_number().await;
    let path = format!("/connections/{id}");
    assert_eq!(patch(&stack, &path, json!({"disabled": true})).await.data(200)["state"], "disabled");
    assert_eq!(
        patch(&stack, &path, json!({"disabled": false, "name": "Shop"})).await.data(200)["name"],
        "Shop"
    );
    assert_eq!(patch(&stack, &path, json!({"is_default": false})).await.faults(), ["/is_default"]);
    let diagnosis = stack.post(&format!("{path}/diagnose"), json!({})).await;
    let checks = diagnosis.data(200)["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    let expected = [
        "token_valid",
        "token_expiry",
        "scopes",
        "number_state",
        "account_reachable",
        "app_subscribed",
        "webhook_handshake",
    ];
    assert_eq!(names, expected);
    assert_eq!(checks[0]["result"], "passed");
    assert_eq!(diagnosis.data(200)["healthy"], false, "no handshake without a public address");
    let gone = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!(gone.data(200)["deleted"], true);
    assert_eq!(stack.get(&path).await.code(), "CONNECTION_NOT_FOUND");
}

#[tokio::test]
async fn reconnecting_asks_meta_about_the_token() {
    let stack = Stack::start().await;
    let id = stack.link_number().await;
    let path = format!("/connections/{id}/reconnect");
    assert_eq!(stack.post(&path, json!({"access_token": "EAAWRONG"})).await.faults(), ["/access_token"]);
    let done = stack.post(&path, json!({})).await;
    assert_eq!((&done.data(200)["state"], &done.data(200)["warnings"]), (&json!("active"), &json!([])));
}

#[tokio::test]
async fn settings_are_looked_at_and_changed() {
    let stack = Stack::start().await;
    let changed =
        patch(&stack, "/settings", json!({"default_country": "de", "opt_in_confirmation": null})).await;
    let settings = &changed.data(200)["settings"];
    assert_eq!(
        (&settings["default_country"], &settings["opt_in_confirmation"]),
        (&json!("DE"), &Value::Null)
    );
    assert_eq!(&stack.get("/settings").await.data(200)["settings"], settings);
    let bad = patch(&stack, "/settings", json!({"default_country": "XX", "in_doubt_after_seconds": 1})).await;
    assert_eq!(bad.faults(), ["/default_country", "/in_doubt_after_seconds"]);
}

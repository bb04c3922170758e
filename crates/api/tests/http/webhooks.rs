//! Meta's door: handshake and signed bodies.

use axum::body::Body;
use domain::ConnectionId;
use graph::signature::sign;
use http::{Request, StatusCode};
use ports::Paging;
use serde_json::json;

use crate::stack::{Answered, Stack};

const SECRET: &[u8] = b"simulated-app-secret";

async fn post(stack: &Stack, path: &str, body: &[u8], signature: Option<&str>) -> Answered {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(signature) = signature {
        request = request.header("x-hub-signature-256", signature);
    }
    stack.send(request.body(Body::from(body.to_vec())).unwrap()).await
}

fn a_body() -> Vec<u8> {
    let account = simulator::AccountConfig::default();
    json!({"object": "whatsapp_business_account", "entry": [{"id": account.waba_id, "changes": [{
    "field": "messages",
    "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": account.phones[0].id},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": "15551234567"}],
        "messages": [{"from": "15551234567", "id": "wamid.in1", "timestamp": "1800000000",
            "type": "text", "text": {"body": "hello \u{e9}"}}]
    }}]}]})
    .to_string()
    .into_bytes()
}

#[tokio::test]
async fn the_handshake_answers_the_raw_challenge_to_whoever_knows_the_token() {
    let stack = Stack::start().await;
    let connection = stack.link_number().await;
    for path in ["/webhooks/whatsapp".to_owned(), format!("/webhooks/whatsapp/{connection}")] {
        let ask = |token: &str, mode: &str| {
            let uri = format!("{path}?hub.mode={mode}&hub.challenge=115%3Cb%3E&hub.verify_token={token}");
            Request::get(uri).body(Body::empty()).unwrap()
        };
        let answer = stack.send(ask("simulated-verify-token", "subscribe")).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "115<b>"));
        assert!(answer.header("content-type").starts_with("text/plain"));
        for (token, mode) in [("wrong", "subscribe"), ("", "subscribe"), ("simulated-verify-token", "ask")] {
            let answer = stack.send(ask(token, mode)).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
        }
    }
    let known = stack.engine.connections.get(stack.tenant, ConnectionId(connection)).await.unwrap();
    assert!(known.handshake_at.is_some());
}

#[tokio::test]
async fn a_signed_body_is_taken_on_both_paths_and_applied_once() {
    let stack = Stack::start().await;
    let connection = stack.link_number().await;
    let body = a_body();
    let signature = sign(SECRET, &body);
    for path in ["/webhooks/whatsapp".to_owned(), format!("/webhooks/whatsapp/{connection}")] {
        let answer = post(&stack, &path, &body, Some(&signature)).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""));
        assert!(!answer.header("x-request-id").is_empty());
    }
    let answer = stack
        .until("the message", || async {
            let answer = stack.get("/messages?direction=inbound").await;
            let stats = stack.engine.webhooks.stats(stack.tenant).await.unwrap();
            (answer.data(200)["total"] != 0 && stats.pending == 0).then_some(answer)
        })
        .await;
    let data = answer.data(200);
    assert_eq!(data["total"], 1);
    assert_eq!(data["items"][0]["content"]["body"], "hello \u{e9}");
    assert_eq!(data["items"][0]["status"], "received");
}

#[tokio::test]
async fn an_unsigned_body_or_one_signed_wrongly_is_refused_and_remembered() {
    let stack = Stack::start().await;
    let connection = stack.link_number().await;
    let body = a_body();
    let other = sign(b"another secret", &body);
    let right = sign(SECRET, &body);
    let upper = right.to_uppercase();
    let cut = &right[..right.len() - 1];
    for path in ["/webhooks/whatsapp".to_owned(), format!("/webhooks/whatsapp/{connection}")] {
        for signature in
            [None, Some(""), Some("sha256="), Some("sha1=abc"), Some(&*other), Some(&*upper), Some(cut)]
        {
            let answer = post(&stack, &path, &body, signature).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{signature:?}");
            assert_eq!(answer.code(), "WEBHOOK_SIGNATURE_INVALID");
        }
    }
    let mut changed = body.clone();
    changed.push(b' ');
    assert_eq!(post(&stack, "/webhooks/whatsapp", &changed, Some(&right)).await.status, 401);
    let events = stack
        .engine
        .access
        .security_events(stack.tenant, &Default::default(), &Paging::default())
        .await
        .unwrap();
    assert!(events.items.iter().all(|event| event.kind == "webhook_signature_invalid"));
    assert!(events.total >= 2, "{events:?}");
    assert_eq!(stack.engine.webhooks.stats(stack.tenant).await.unwrap().pending, 0);
}

#[tokio::test]
async fn a_connection_that_does_not_exist_and_a_body_too_large_are_refused() {
    let stack = Stack::start().await;
    let body = a_body();
    let signature = sign(SECRET, &body);
    let answer = post(&stack, "/webhooks/whatsapp/999", &body, Some(&signature)).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "CONNECTION_NOT_FOUND"));
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    let answer = post(&stack, "/webhooks/whatsapp", &large, Some(&sign(SECRET, &large))).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"));
    let largest = vec![b' '; 3 * 1024 * 1024];
    stack.link_number().await;
    let answer = post(&stack, "/webhooks/whatsapp", &largest, Some(&sign(SECRET, &largest))).await;
    assert_eq!(answer.status, StatusCode::OK, "what is signed is kept, whatever it is");
}

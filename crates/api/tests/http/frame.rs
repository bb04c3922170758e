//! What surrounds every answer: request ids, unknown paths and methods, probes, the document and its page.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::stack::Stack;

#[tokio::test]
async fn every_answer_carries_a_request_id_of_its_own_or_the_clients() {
    let stack = Stack::start().await;
    let first = stack.get("/messages").await;
    let second = stack.get("/messages").await;
    assert!(!first.header("x-request-id").is_empty());
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    let mut request = stack.request(Method::GET, "/messages/77", Body::empty());
    request.headers_mut().insert("x-request-id", "my-request.1".parse().unwrap());
    let answer = stack.send(request).await;
    assert_eq!(answer.header("x-request-id"), "my-request.1");
    assert_eq!(answer.code(), "MESSAGE_NOT_FOUND");
    let mut request = stack.request(Method::GET, "/messages", Body::empty());
    request.headers_mut().insert("x-request-id", "not \"plain\"".parse().unwrap());
    assert_ne!(stack.send(request).await.header("x-request-id"), "not \"plain\"");
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_the_same_envelope() {
    let stack = Stack::start().await;
    for path in ["/nowhere", "/api/v1/tenant/1/whatsapp/nowhere", "/api/v1/nothing"] {
        let answer = stack.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "ROUTE_NOT_FOUND"), "{path}");
    }
    let answer = stack.send(stack.request(Method::DELETE, "/messages", Body::empty())).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"));
    assert!(answer.header("allow").contains("POST"), "{answer:?}");
}

#[tokio::test]
async fn the_probes_answer() {
    let stack = Stack::start().await;
    let ask = |path: &str| stack.send(Request::get(path).body(Body::empty()).unwrap());
    let alive = ask("/livez").await;
    assert_eq!((alive.status.as_u16(), alive.text.as_str()), (200, "ok\n"));
    let ready = stack
        .until("the first round of the lanes", || async {
            let answer = ask("/readyz").await;
            (answer.status == StatusCode::OK).then_some(answer)
        })
        .await;
    assert_eq!(ready.text, "ready\nstore: ok\nmigrations: ok\nlanes: ok\n");
}

#[tokio::test]
async fn the_document_and_its_page_need_no_network() {
    let stack = Stack::start().await;
    let document = stack.send(Request::get("/api/openapi.json").body(Body::empty()).unwrap()).await;
    assert_eq!(document.body, api::openapi());
    let moved = stack.send(Request::get("/docs").body(Body::empty()).unwrap()).await;
    assert_eq!(moved.header("location"), "/docs/");
    let page = stack.send(Request::get("/docs/").body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, StatusCode::OK);
    let sources: Vec<&str> =
        page.text.split(['"', '\'']).filter(|text| text.ends_with(".js") || text.ends_with(".css")).collect();
    assert!(sources.len() >= 3, "{}", page.text);
    for source in sources {
        assert!(!source.contains("//"), "{source} is fetched from elsewhere");
        let path = format!("/docs/{}", source.trim_start_matches("./"));
        let answer = stack.send(Request::get(&path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!answer.text.is_empty());
    }
}

//! Requests with faults: every one is told, with its place.

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::json;

use crate::stack::Stack;

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once() {
    let stack = Stack::start().await;
    let body = json!({"to": 5, "conection_id": 1, "content": {"body": true, "preview": 1}, "send_at": "soon", "reply_to": []});
    let answer = stack.post("/messages", body).await;
    let mut faults = answer.faults();
    faults.sort_unstable();
    assert_eq!(
        faults,
        ["/conection_id", "/content/body", "/content/preview", "/reply_to", "/send_at", "/to"]
    );
}

#[tokio::test]
async fn bad_json_is_told_with_line_and_column() {
    let stack = Stack::start().await;
    let answer = stack.send(stack.request(Method::POST, "/messages", Body::from("{\n  \"to\": }"))).await;
    assert_eq!(answer.faults(), [""]);
    let problem = answer.details()["faults"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("line 2 column 9"), "{problem}");
}

#[tokio::test]
async fn faults_of_addressee_and_content_are_told_together() {
    let stack = Stack::start().await;
    let answer = stack.post("/messages", json!({"to": "555-1234", "content": " "})).await;
    let mut faults = answer.faults();
    faults.sort_unstable();
    assert_eq!(faults, ["/content", "/to"]);
    let answer =
        stack.post("/messages", json!({"to": "+15551234567", "contact_id": 1, "content": "x"})).await;
    assert_eq!(answer.faults(), ["/to"]);
}

#[tokio::test]
async fn a_wrong_phone_number_alone_has_the_documents_own_body() {
    let stack = Stack::start().await;
    let answer = stack.post("/messages", json!({"to": "555-1234", "content": "hello"})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "INVALID_PHONE_FORMAT"));
    assert_eq!(answer.body["error"]["message"], "Phone number must be in E.164 format");
    assert_eq!(answer.details()["provided"], "555-1234");
    assert_eq!(answer.details()["expected_format"], "+15551234567");
    assert_eq!(answer.details()["example"], "+1 followed by 10 digits");
}

#[tokio::test]
async fn every_fault_of_a_query_is_told_at_once() {
    let stack = Stack::start().await;
    let answer =
        stack.get("/messages?page=0&page_size=101&status=gone&contact_id=x&sort=up&since=today").await;
    let mut faults = answer.faults();
    faults.sort_unstable();
    assert_eq!(faults, ["/contact_id", "/page", "/page_size", "/since", "/sort", "/status"]);
    let since = stack.get("/messages?since=2026-01-01T00:00:00%2B01:00&status=sent&page_size=100").await;
    assert_eq!(since.data(200)["page_size"], 100);
}

#[tokio::test]
async fn an_id_that_is_none_is_a_fault_and_one_that_is_unknown_is_not_found() {
    let stack = Stack::start().await;
    for id in ["x", "0", "-1", "1.5", "99999999999999999999"] {
        assert_eq!(stack.get(&format!("/messages/{id}")).await.faults(), ["/id"], "{id}");
    }
    let answer = stack.get("/messages/77").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "MESSAGE_NOT_FOUND"));
    assert_eq!(answer.details(), &json!({"id": 77}));
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let stack = Stack::start().await;
    for content_type in [Some("text/plain"), Some("application/x-www-form-urlencoded"), None] {
        let mut request = stack.request(Method::POST, "/messages", Body::from("{}"));
        match content_type {
            Some(content_type) => {
                request.headers_mut().insert("content-type", content_type.parse().unwrap());
            }
            None => _ = request.headers_mut().remove("content-type"),
        }
        let answer = stack.send(request).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")
        );
        assert_eq!(answer.details()["supported"], json!(["application/json"]));
    }
    let mut request = stack.request(Method::POST, "/messages", Body::from("{}"));
    request.headers_mut().insert("content-type", "application/json; charset=utf-8".parse().unwrap());
    assert_eq!(stack.send(request).await.code(), "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_or_not_it_says_so() {
    let stack = Stack::start().await;
    let large = format!("{{\"content\": \"{}\"}}", "x".repeat(1024 * 1024));
    let told = stack.send(stack.request(Method::POST, "/messages", Body::from(large.clone()))).await;
    assert_eq!((told.status, told.code()), (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"));
    assert_eq!(told.details(), &json!({"limit_bytes": 1024 * 1024}));
    let parts: Vec<Result<Vec<u8>, std::io::Error>> =
        large.as_bytes().chunks(10_000).map(|part| Ok(part.to_vec())).collect();
    let streamed = Body::from_stream(futures::stream::iter(parts));
    let untold = stack.send(stack.request(Method::POST, "/messages", streamed)).await;
    assert_eq!(untold.code(), "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_body_in_pieces_is_read_whole() {
    let stack = Stack::start().await;
    let text = json!({"to": "+15551234567", "content": "x", "nonsense": true}).to_string();
    let parts: Vec<Result<Vec<u8>, std::io::Error>> =
        text.as_bytes().chunks(7).map(|part| Ok(part.to_vec())).collect();
    let body = Body::from_stream(futures::stream::iter(parts));
    assert_eq!(stack.send(stack.request(Method::POST, "/messages", body)).await.faults(), ["/nonsense"]);
}

#[tokio::test]
async fn a_call_that_has_nothing_to_say_takes_no_body_but_an_empty_one() {
    let stack = Stack::start().await;
    let document = api::openapi();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let below = path.strip_prefix("/api/v1/tenant/{tenant_id}/whatsapp");
        let (Some(below), Some(post)) = (below, item.get("post")) else { continue };
        if post.get("requestBody").is_some() {
            continue;
        }
        let below = below.replace("{id}", "1");
        let junk = stack.post(&below, json!({"junk": 1})).await;
        assert_eq!(junk.faults(), ["/junk"], "{below}");
        let broken = stack.send(stack.request(Method::POST, &below, Body::from("{not json"))).await;
        assert_eq!(broken.faults(), [""], "{below}");
        for empty in ["", "{}", "null"] {
            let read = stack.send(stack.request(Method::POST, &below, Body::from(empty))).await;
            assert_ne!(read.code(), "VALIDATION_FAILED", "{below}");
        }
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

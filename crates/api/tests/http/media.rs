//! Files, as multipart forms up and as bytes down.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use crate::stack::{Answered, Stack};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

/// A form of (name, filename, type, content).
fn form(fields: &[(&str, Option<&str>, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, mime_type, content) in fields {
        let filename = filename.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let head = format!(
            "--limit\r\ncontent-disposition: form-data; name=\"{name}\"{filename}\r\ncontent-type: {mime_type}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--limit--\r\n");
    body
}

async fn upload(stack: &Stack, body: Vec<u8>) -> Answered {
    let request: Request<Body> = Request::builder()
        .method(Method::POST)
        .uri(stack.path("/media"))
        .header("authorization", format!("Bearer {}", stack.key))
        .header("content-type", "multipart/form-data; boundary=limit")
        .body(Body::from(body))
        .unwrap();
    stack.send(request).await
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_as_it_was() {
    let stack = Stack::start().await;
    let connection = stack.link_number().await;
    let number = connection.to_string();
    let fields: &[(&str, Option<&str>, &str, &[u8])] = &[
        ("connection_id", None, "text/plain", number.as_bytes()),
        ("file", Some("../lo\u{f6}go.png"), "image/png", PNG),
    ];
    let made = upload(&stack, form(fields)).await;
    let media = made.data(201);
    assert_eq!((&media["filename"], &media["size"]), (&json!("lo\u{f6}go.png"), &json!(PNG.len())));
    assert_eq!((&media["available"], &media["connection_id"]), (&json!(true), &json!(connection)));
    assert!(media.get("warning").is_none(), "it is at Meta: {media}");
    let id = media["id"].as_i64().unwrap();
    assert_eq!(stack.get(&format!("/media/{id}")).await.data(200), media);
    let down = stack.get(&format!("/media/{id}/content")).await;
    assert_eq!((down.header("content-type"), down.header("content-length")), ("image/png", "29"));
    assert!(down.header("content-disposition").ends_with("filename*=UTF-8''lo%C3%B6go.png"));
    assert_eq!(down.header("x-content-type-options"), "nosniff");
    assert_eq!(down.text, String::from_utf8_lossy(PNG));
    assert_eq!(stack.get("/media/4711/content").await.code(), "MEDIA_NOT_FOUND");
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused_before_meta_is_asked() {
    let stack = Stack::start().await;
    stack.link_number().await;
    stack.contact("+15551234567").await;
    let media = upload(&stack, form(&[("file", Some("a.png"), "image/png", PNG)])).await;
    let id = media.data(201)["id"].clone();
    let send = async |kind: &str| {
        let body = json!({"to": "+15551234567", "message_type": kind, "media": {"media_id": id}});
        stack.post("/messages", body).await
    };
    assert_eq!(send("video").await.faults(), ["/media/media_id"]);
    assert_eq!(send("sticker").await.faults(), ["/media/media_id"]);
    let quoting = json!({"to": "+15551234567", "content": "hello", "reply_to": "wamid.of.nobody"});
    assert_eq!(stack.post("/messages", quoting).await.faults(), ["/reply_to"]);
    assert!(stack.sim.ledger(0).is_empty(), "nothing reached Meta");
}

#[tokio::test]
async fn a_form_that_does_not_fit_is_refused() {
    let stack = Stack::start().await;
    let file =
        |mime_type: &'static str, content: &'static [u8]| form(&[("file", Some("a"), mime_type, content)]);
    let nobody = upload(&stack, file("image/png", PNG)).await;
    assert_eq!(nobody.code(), "CONNECTION_NOT_CONFIGURED");
    stack.link_number().await;
    let html = upload(&stack, file("text/html", b"<html>")).await;
    assert_eq!((html.status.as_u16(), html.code()), (415, "UNSUPPORTED_MEDIA_TYPE"));
    let sticker = upload(&stack, file("image/webp", &[0; 101 * 1024])).await;
    assert_eq!((sticker.status.as_u16(), &sticker.details()["limit_bytes"]), (413, &json!(102_400)));
    assert_eq!(upload(&stack, file("image/jpeg", PNG)).await.faults(), ["/file"]);
    assert_eq!(upload(&stack, form(&[])).await.faults(), ["/file"]);
    assert_eq!(upload(&stack, form(&[("files", None, "text/plain", b"x")])).await.faults(), ["/files"]);
    let word = form(&[("connection_id", None, "text/plain", b"main"), ("file", Some("a"), "image/png", PNG)]);
    assert_eq!(upload(&stack, word).await.faults(), ["/connection_id"]);
    let late = form(&[("file", Some("a"), "image/png", PNG), ("connection_id", None, "text/plain", b"1")]);
    assert_eq!(upload(&stack, late).await.faults(), ["/file"]);
    assert_eq!(stack.post("/media", json!({})).await.code(), "UNSUPPORTED_MEDIA_TYPE");
}

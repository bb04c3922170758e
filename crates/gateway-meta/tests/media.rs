//! Files up and down.

#![allow(clippy::unwrap_used)]

mod stand_in;

use bytes::Bytes;
use futures::{StreamExt, stream};
use ports::gateway::{Access, ByteStream, GatewayError, MediaLocation, MetaGateway};
use serde_json::json;
use stand_in::{StandIn, TOKEN, access, client};

fn parts(parts: &'static [&'static str]) -> ByteStream {
    stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes())))).boxed()
}

fn at(url: String, size: Option<u64>) -> MediaLocation {
    MediaLocation { url, mime_type: "image/png".into(), sha256: None, size }
}

async fn collected(mut bytes: ByteStream) -> Result<Vec<u8>, std::io::Error> {
    let mut whole = Vec::new();
    while let Some(part) = bytes.next().await {
        whole.extend_from_slice(&part?);
    }
    Ok(whole)
}

#[tokio::test]
async fn a_file_is_uploaded_as_a_form_in_a_stream() {
    let meta = StandIn::answering([(200, json!({"id": 991}))]).await;
    let id =
        client().upload_media(&meta.access(), "image/png", "a\"b.png", 8, parts(&["half", "half"])).await;
    assert_eq!(id, Ok("991".into()));
    let asked = meta.asked().remove(0);
    assert_eq!(asked.target, "/v25.0/555001/media");
    let body = String::from_utf8(asked.body).unwrap();
    assert!(body.contains("name=\"messaging_product\"\r\n\r\nwhatsapp\r\n"), "{body}");
    assert!(body.contains("name=\"type\"\r\n\r\nimage/png\r\n"), "{body}");
    assert!(body.contains("Content-Type: image/png\r\n\r\nhalfhalf\r\n"), "{body}");
    assert!(asked.headers.contains_key("content-length"), "Meta wants to know the length");
}

#[tokio::test]
async fn a_file_of_another_length_than_announced_is_no_upload() {
    for size in [7, 9] {
        let meta = StandIn::answering([(200, json!({"id": "1"}))]).await;
        let outcome =
            client().upload_media(&meta.access(), "image/png", "a", size, parts(&["half", "half"])).await;
        assert!(outcome.is_err(), "{size}");
    }
}

#[tokio::test]
async fn a_file_beyond_metas_limit_is_refused_before_the_call() {
    let nowhere = access("http://127.0.0.1:9");
    let outcome = client().upload_media(&nowhere, "video/mp4", "a", 101 * 1024 * 1024, parts(&[])).await;
    assert!(matches!(outcome, Err(GatewayError::Refused(_))));
}

#[tokio::test]
async fn a_sample_goes_through_a_session_whose_id_holds_a_query() {
    let meta =
        StandIn::answering([(200, json!({"id": "upload:MTph?sig=ARZ"})), (200, json!({"h": "4::aW"}))]).await;
    let bytes = Bytes::from_static(b"png");
    let handle = client().upload_sample(&meta.access(), "image/png", "a b.png", bytes.clone()).await;
    assert_eq!(handle, Ok("4::aW".into()));
    let asked = meta.asked();
    assert_eq!(asked[0].target, "/v25.0/77/uploads?file_name=a+b.png&file_length=3&file_type=image%2Fpng");
    assert_eq!(
        (asked[1].target.as_str(), asked[1].body.as_slice()),
        ("/v25.0/upload:MTph?sig=ARZ", &b"png"[..])
    );
    assert_eq!(asked[1].headers["authorization"], format!("OAuth {TOKEN}"));
    assert_eq!(asked[1].headers["file_offset"], "0");
    let appless = Access { app_id: None, ..meta.access() };
    let refused = client().upload_sample(&appless, "image/png", "a", bytes).await;
    assert!(matches!(refused, Err(GatewayError::Refused(_))));
}

#[tokio::test]
async fn a_session_that_points_elsewhere_gets_no_token() {
    for id in ["upload:/../x", "https://elsewhere.example.org", "", "upload:a#b"] {
        let meta = StandIn::answering([(200, json!({ "id": id })), (200, json!({"h": "x"}))]).await;
        let outcome = client().upload_sample(&meta.access(), "image/png", "a", Bytes::new()).await;
        assert!(matches!(outcome, Err(GatewayError::Unknown(_))), "{id}");
        assert_eq!(meta.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_file_is_located_and_fetched_with_the_token() {
    let info = json!({"id": 5, "url": "https://lookaside.example.org/x", "mime_type": "image/png", "sha256": "s", "file_size": "5"});
    let meta =
        StandIn::answering_bytes([(200, info.to_string().into_bytes()), (200, b"bytes".to_vec())]).await;
    let location = client().locate_media(&meta.access(), "5").await.unwrap();
    assert_eq!((location.url.as_str(), location.size), ("https://lookaside.example.org/x", Some(5)));
    let here = at(format!("{}/file?a=1", meta.url), location.size);
    let bytes = client().fetch_media(&meta.access(), &here).await.unwrap();
    assert_eq!(collected(bytes).await.unwrap(), b"bytes");
    let asked = meta.asked();
    assert_eq!(asked[0].target, "/v25.0/5?phone_number_id=555001");
    assert_eq!(asked[1].headers["authorization"], format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn a_stale_address_is_a_refusal_that_says_404() {
    let meta = StandIn::answering_bytes([(404, b"gone".to_vec())]).await;
    let outcome = client().fetch_media(&meta.access(), &at(format!("{}/file", meta.url), None)).await;
    let Err(GatewayError::Refused(refusal)) = outcome else { panic!() };
    assert_eq!(refusal.http, 404);
}

#[tokio::test]
async fn the_token_does_not_leave_tls_for_a_file() {
    let meta = StandIn::answering_bytes([(200, b"bytes".to_vec())]).await;
    let secure = access("https://graph.example.org");
    let outcome = client().fetch_media(&secure, &at(format!("{}/file", meta.url), None)).await;
    assert!(matches!(outcome, Err(GatewayError::Refused(_))));
    assert!(meta.asked().is_empty());
}

#[tokio::test]
async fn a_file_that_is_announced_too_large_is_not_fetched() {
    let meta = StandIn::answering_bytes([(200, b"bytes".to_vec())]).await;
    let huge = at("http://127.0.0.1:9/file".into(), Some(1 << 40));
    let outcome = client().fetch_media(&meta.access(), &huge).await;
    assert!(matches!(outcome, Err(GatewayError::Refused(_))));
}

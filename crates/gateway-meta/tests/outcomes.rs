//! What is known after a call that went wrong: nothing was sent, Meta said no, or nobody can tell.

#![allow(clippy::unwrap_used)]

mod stand_in;

use domain::messages::retry::{FailureKind, ThrottleScope};
use ports::gateway::{AcceptedByMeta, GatewayError, MetaGateway};
use serde_json::{Value, json};
use stand_in::{StandIn, TOKEN, accepted, access, client, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Takes one connection, reads the request whole, writes these bytes and closes; or holds on when told to.
async fn serving(answer: &'static [u8], hold: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream.write_all(answer).await.unwrap();
        stream.flush().await.unwrap();
        if hold {
            std::future::pending::<()>().await;
        }
    });
    url
}

/// The request up to the end of its body.
async fn request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut part = [0; 4096];
    while !seen.ends_with(b"}") {
        let read = stream.read(&mut part).await.unwrap();
        assert_ne!(read, 0, "the request ended early");
        seen.extend_from_slice(&part[..read]);
    }
}

async fn send(url: &str) -> Result<AcceptedByMeta, GatewayError> {
    client().send(&access(url), &text()).await
}

/// No outcome tells the token or the address.
fn told(outcome: Result<AcceptedByMeta, GatewayError>) -> GatewayError {
    let fault = outcome.unwrap_err();
    let text = format!("{fault} {fault:?}");
    assert!(!text.contains(TOKEN) && !text.contains("http://"), "{text}");
    fault
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for url in [closed.as_str(), "http://no-such-host.invalid", "not a url", "https://[::1"] {
        assert!(matches!(told(send(url).await), GatewayError::NotSent(_)), "{url}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    assert!(matches!(told(send(&url).await), GatewayError::NotSent(_)));
}

#[tokio::test]
async fn a_cut_after_the_request_leaves_the_outcome_unknown() {
    let whole_head = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"messages\":[{\"id\":\"wam";
    for answer in [&b""[..], b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n", whole_head] {
        let url = serving(answer, false).await;
        assert!(
            matches!(told(send(&url).await), GatewayError::Unknown(_)),
            "{}",
            String::from_utf8_lossy(answer)
        );
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_leaves_the_outcome_unknown() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"] {
        let url = serving(answer, true).await;
        assert!(matches!(told(send(&url).await), GatewayError::Unknown(_)));
    }
}

#[tokio::test]
async fn a_success_that_names_no_message_leaves_the_outcome_unknown() {
    for body in ["", "{}", "<html>", r#"{"messages":[]}"#, r#"{"messages":[{"id":""}]}"#, "null"] {
        let meta = StandIn::answering_bytes([(200, body.as_bytes().to_vec())]).await;
        assert!(matches!(told(send(&meta.url).await), GatewayError::Unknown(_)), "{body}");
    }
}

#[tokio::test]
async fn a_server_fault_without_an_error_of_metas_leaves_the_outcome_unknown() {
    for status in [500, 502, 503, 504] {
        let meta = StandIn::answering_bytes([(status, b"<html>bad gateway".to_vec())]).await;
        assert!(matches!(told(send(&meta.url).await), GatewayError::Unknown(_)), "{status}");
    }
}

#[tokio::test]
async fn a_request_is_never_repeated() {
    let meta =
        StandIn::answering([(503, json!({"error": {"code": 2, "message": "busy"}})), (200, accepted())])
            .await;
    assert!(matches!(told(send(&meta.url).await), GatewayError::Refused(_)));
    assert_eq!(meta.asked().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let meta = StandIn::answering_bytes([(307, Vec::new())]).await;
    let GatewayError::Refused(refusal) = told(send(&meta.url).await) else { panic!() };
    assert_eq!((refusal.http, refusal.kind), (307, FailureKind::Rejected));
    assert_eq!(meta.asked().len(), 1);
}

#[tokio::test]
async fn an_error_of_metas_is_a_refusal_with_its_meaning() {
    let number = FailureKind::Throttled { scope: ThrottleScope::Number };
    let pair = FailureKind::Throttled { scope: ThrottleScope::Pair };
    let cases: [(u16, i64, Value, FailureKind); 7] = [
        (400, 130_429, json!(null), number),
        (400, 131_056, json!(null), pair),
        (401, 190, json!(463), FailureKind::ConnectionBroken),
        (400, 131_026, json!(null), FailureKind::RecipientUnreachable),
        (400, 131_047, json!(null), FailureKind::WindowClosed),
        (404, 132_001, json!(null), FailureKind::TemplateUnusable),
        (500, 131_000, json!(null), FailureKind::Retryable),
    ];
    for (status, code, subcode, kind) in cases {
        let error = json!({"message": "(#1) m", "type": "OAuthException", "code": code, "error_subcode": subcode,
            "error_data": {"details": "d"}, "fbtrace_id": "A1"});
        let meta = StandIn::answering([(status, json!({ "error": error }))]).await;
        let GatewayError::Refused(refusal) = told(send(&meta.url).await) else { panic!("{code}") };
        assert_eq!((refusal.kind, refusal.http, refusal.code), (kind, status, code));
        assert_eq!(refusal.subcode, subcode.as_i64());
        assert_eq!((refusal.details.as_deref(), refusal.fbtrace_id.as_deref()), (Some("d"), Some("A1")));
        assert!(!refusal.advice.is_empty());
    }
}

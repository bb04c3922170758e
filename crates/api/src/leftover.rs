//! What a handler did not read of a request's body.
//!
//! A request may be refused before its body is read: a wrong id, a wrong key, no such path. A connection on which
//! bytes of such a body are still to come cannot be used again, and HTTP/1.1 has no way to tell that to a client who
//! is already sending the next request on it: that request is lost. So a body is read to its end before its request
//! is answered, within reason.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{StreamExt, iter, poll_fn};
use http::request::Parts;
use http::{HeaderValue, header};

/// Most bytes that are read only to be thrown away.
const MOST: usize = 8 * 1024 * 1024;
/// A body that is announced to be no longer is read before its request is handled: it is there already, and nothing
/// of it can be left over.
const SMALL: u64 = 64 * 1024;
/// How long the client may take for them.
const PATIENCE: Duration = Duration::from_secs(5);

/// A body, shared by the handler who may read it and by the one who reads what is left.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Shared {
    fn body(&self) -> Body {
        let shared = self.clone();
        Body::from_stream(poll_fn(move |context| {
            shared.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
        }))
    }

    fn at_end(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    /// Whether the body came to its end, or broke off.
    async fn drained(self) -> bool {
        let mut rest = self.body().into_data_stream();
        let mut length = 0;
        let reading = async {
            while let Some(Ok(part)) = rest.next().await {
                length += part.len();
                if length > MOST {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or(false)
    }
}

/// Around everything: reads what is left of the body before the answer goes out. When that is too much, the
/// answer says that the connection ends.
pub(crate) async fn drain(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Such a client waits to be asked for the body, and was not.
    let waits = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    if !waits && crate::payload::length(&parts.headers).is_some_and(|length| length <= SMALL) {
        return small(parts, body, next).await;
    }
    let shared = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let mut response = next.run(Request::from_parts(parts, shared.body())).await;
    let ended = shared.at_end() || (!waits && shared.drained().await);
    if !ended {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body that does not come in time, or breaks off, breaks off for the handler too.
async fn small(parts: Parts, body: Body, next: Next) -> Response {
    let read = tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, SMALL as usize)).await;
    match read {
        Ok(Ok(whole)) => next.run(Request::from_parts(parts, Body::from(whole))).await,
        Ok(Err(_)) | Err(_) => {
            let cut = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            let cut = Body::from_stream(iter([Err::<Bytes, _>(cut)]));
            let mut response = next.run(Request::from_parts(parts, cut)).await;
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;

    fn router() -> Router {
        Router::new()
            .route("/refuse", post(|| async { StatusCode::BAD_REQUEST }))
            .route("/read", post(|body: Bytes| async move { body.len().to_string() }))
            .layer(from_fn(drain))
    }

    async fn ask(path: &str, parts: usize) -> (Response, usize) {
        let taken = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&taken);
        let part = Bytes::from_static(&[b'x'; 1024 * 1024]);
        let body = iter(std::iter::repeat_n(part, parts)).map(move |part| {
            *counted.lock().unwrap() += 1;
            Ok::<_, std::io::Error>(part)
        });
        let request = Request::post(path).body(Body::from_stream(body)).unwrap();
        let response = router().oneshot(request).await.unwrap();
        let taken = *taken.lock().unwrap();
        (response, taken)
    }

    #[tokio::test]
    async fn the_body_of_a_refused_request_is_read_to_its_end() {
        let (response, taken) = ask("/refuse", 3).await;
        assert_eq!((response.status(), taken), (StatusCode::BAD_REQUEST, 3));
        assert!(!response.headers().contains_key(header::CONNECTION));
    }

    #[tokio::test]
    async fn a_body_without_end_ends_the_connection() {
        let (response, taken) = ask("/refuse", 1000).await;
        assert!((8..1000).contains(&taken), "{taken}");
        assert_eq!(response.headers()[header::CONNECTION], "close");
    }

    #[tokio::test]
    async fn a_handler_gets_the_whole_body() {
        let (response, _) = ask("/read", 2).await;
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, (2 * 1024 * 1024).to_string());
    }

    #[tokio::test]
    async fn a_small_body_reaches_the_handler_whole_and_one_that_breaks_off_ends_the_connection() {
        let request =
            |body: Body| Request::post("/read").header(header::CONTENT_LENGTH, 5).body(body).unwrap();
        let response = router().oneshot(request(Body::from("hello"))).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "5");
        let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let parts = iter([Ok(Bytes::from_static(b"he")), Err(cut)]);
        let response = router().oneshot(request(Body::from_stream(parts))).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CONNECTION], "close");
    }
}

//! The outermost layer: gives each request its id, turns refusals and panics into the envelope of failures.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api_types::errors::details::Nothing;
use api_types::{ErrorBody, Failure, Problem};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::Entropy;
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tracing::Instrument;

use crate::answer;
use crate::error::ApiError;

/// The header that carries a request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that a client may choose.
const LONGEST: usize = 128;

/// The id of a request, in its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub HeaderValue);

/// Where request ids come from: a random start for this process and a number, so that none costs randomness.
#[derive(Debug)]
pub(crate) struct RequestIds {
    start: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut start = [0u8; 8];
        entropy.fill(&mut start);
        Self { start: hex::encode(start), next: AtomicU64::new(1) }
    }

    /// The client's own id when it is plain, else a new one.
    fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(byte);
        if let Some(id) = headers.get(REQUEST_ID)
            && (1..=LONGEST).contains(&id.len())
            && id.as_bytes().iter().all(plain)
        {
            return id.clone();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{}-{number:x}", self.start))
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }
}

/// For the API: the request's id stands in every log line that the request causes.
pub(crate) async fn finish(State(ids): State<Arc<RequestIds>>, mut request: Request, next: Next) -> Response {
    let id = ids.of(request.headers());
    let text = id.to_str().unwrap_or_default().to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = if request.uri().path().starts_with("/webhooks/") {
        // The hot way: a span per webhook is for those who look closely.
        tracing::debug_span!("webhook", request.id = %text)
    } else {
        tracing::info_span!("request", request.id = %text)
    };
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    async move {
        let mut response = caught(next.run(request)).await;
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            response = refusal(&problem, &text, response.headers_mut());
        }
        tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }
    .instrument(span)
    .await
}

/// A panic is a defect of ours: it ends this request alone, and its cause stays in the log.
async fn caught(run: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(run).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            tracing::error!(panic = message_of(&*panic), "a request panicked");
            ApiError::from(Problem::Internal(Nothing {})).into_response()
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn refusal(problem: &Problem, request_id: &str, extra: &mut HeaderMap) -> Response {
    let failure = Failure {
        success: false,
        error: ErrorBody {
            code: problem.code().as_str().to_owned(),
            message: problem.sentence(),
            details: problem.details(),
            request_id: request_id.to_owned(),
        },
    };
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&failure).unwrap_or_default();
    let mut response = answer::json(status, Bytes::from(body));
    let headers = response.headers_mut();
    if let Some(allow) = extra.remove(header::ALLOW) {
        headers.insert(header::ALLOW, allow);
    }
    if let Some(seconds) = problem.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED && matches!(problem, Problem::Unauthenticated(_)) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Nothing at this path.
pub(crate) async fn no_route() -> ApiError {
    Problem::RouteNotFound(Nothing {}).into()
}

/// The path is known, the method is not.
pub(crate) async fn no_method() -> ApiError {
    Problem::MethodNotAllowed(Nothing {}).into()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn panics() -> &'static str {
        panic!("the password is swordfish")
    }

    #[tokio::test]
    async fn a_panic_answers_500_without_its_cause_and_the_next_request_is_served() {
        let ids = Arc::new(RequestIds::new(&domain::SystemEntropy));
        let router = Router::new()
            .route("/", get(panics))
            .route("/fine", get(|| async { "fine" }))
            .layer(from_fn_with_state(ids, finish));
        let ask = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(ask("/")).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let id = response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["code"], "INTERNAL");
        assert_eq!(body["error"]["request_id"], id);
        assert_eq!(body["error"]["details"], serde_json::json!({}));
        assert!(!body.to_string().contains("swordfish"));
        let response = router.oneshot(ask("/fine")).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

//! axum + HMAC: verifies and answers 200.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use graph::signature::{HEADER, verify};

pub(super) fn router(secret: Vec<u8>) -> Router {
    Router::new().route("/{*path}", post(receive)).with_state(Arc::new(secret))
}

async fn receive(State(secret): State<Arc<Vec<u8>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if is_signed(&secret, &headers, &body) { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
}

pub(super) fn is_signed(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    verify(secret, body, headers.get(HEADER).map(HeaderValue::as_bytes)).is_ok()
}

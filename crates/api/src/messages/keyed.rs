//! A request to send with all that the commit needs of it: body, idempotency key, patience.

use std::time::Duration;

use api_types::read::FromJson;
use axum::extract::{FromRequest, Request};

use super::prefer;
use crate::error::ApiError;
use crate::{body, idempotency, payload};

/// A body with its idempotency key and how long to wait.
#[derive(Debug)]
pub(super) struct Keyed<T> {
    pub(super) body: T,
    /// The key, and SHA-256 of the request.
    pub(super) key: Option<(String, [u8; 32])>,
    pub(super) wait: Duration,
}

impl<T> Keyed<T> {
    pub(super) fn map<U>(self, into: impl FnOnce(T) -> U) -> Keyed<U> {
        Keyed { body: into(self.body), key: self.key, wait: self.wait }
    }
}

impl<T: FromJson, S: Send + Sync> FromRequest<S> for Keyed<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let key = idempotency::key_of(&parts.headers)?;
        let bytes = payload::read(&parts.headers, body, payload::JSON_LIMIT).await?;
        let wait = prefer::wait(&parts.headers);
        let key = key.map(|key| (key, idempotency::digest(&parts, &bytes)));
        Ok(Self { body: body::parse(&parts.headers, &bytes)?, key, wait })
    }
}

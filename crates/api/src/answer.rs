//! How a handler says yes: the envelope, and its status.

use api_types::{List, PagingQuery, Success};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use ports::{Page, Paging};
use serde::Serialize;

use crate::error::ApiError;

/// What every handler gives back.
pub type Result<T> = std::result::Result<T, ApiError>;

/// A success with its status.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    status: StatusCode,
    body: Success<T>,
    kept: Option<Kept>,
}

/// What is kept for a repeat under an idempotency key instead of the answer itself: the answer holds a secret that is
/// shown once.
#[derive(Debug, Clone)]
pub(crate) struct Kept(pub(crate) Bytes);

/// 200 with data.
pub fn ok<T>(data: T) -> Answer<T> {
    Answer { status: StatusCode::OK, body: Success::of(data), kept: None }
}

/// 201 with what was made.
pub fn created<T>(data: T) -> Answer<T> {
    Answer { status: StatusCode::CREATED, body: Success::of(data), kept: None }
}

/// 202: taken on, not done yet.
pub fn accepted<T>(data: T) -> Answer<T> {
    Answer { status: StatusCode::ACCEPTED, body: Success::of(data), kept: None }
}

impl<T: Serialize> Answer<T> {
    /// Adds a sentence for people.
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.body.message = Some(message.into());
        self
    }

    /// A repeat under the same idempotency key gets `data` instead: this answer holds a secret.
    pub fn repeated_as<U: Serialize>(mut self, data: U) -> Self {
        self.kept = serde_json::to_vec(&Success::of(data)).ok().map(|body| Kept(body.into()));
        self
    }
}

impl<T: Serialize> Answer<T> {
    /// Status and body, written.
    pub(crate) fn into_parts(self) -> Result<(StatusCode, Bytes)> {
        let body = serde_json::to_vec(&self.body).map_err(ApiError::internal)?;
        Ok((self.status, body.into()))
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(mut self) -> Response {
        let kept = self.kept.take();
        let mut response = match self.into_parts() {
            Ok((status, body)) => json(status, body),
            Err(error) => return error.into_response(),
        };
        if let Some(kept) = kept {
            response.extensions_mut().insert(kept);
        }
        response
    }
}

/// A response with a JSON body that is written already.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response {
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, content_type, body).into_response()
}

/// What a list handler asks the store for.
pub fn paging(query: &PagingQuery) -> Paging {
    Paging { page: query.page, page_size: query.page_size, cursor: query.cursor.clone() }
}

/// 200 with a part of a list, each item turned into its body.
pub fn list<T, U>(query: &PagingQuery, page: Page<T>, body: impl FnMut(T) -> U) -> Result<Answer<List<U>>> {
    if page.foreign_cursor {
        return Err(ApiError::fault("/cursor", "is not a cursor of this list"));
    }
    Ok(ok(List {
        items: page.items.into_iter().map(body).collect(),
        total: page.total,
        total_is_estimate: page.total_is_estimate,
        page: query.page,
        page_size: query.page_size,
        next_cursor: page.next_cursor,
    }))
}

/// The same of a list that is known to be short, so that the store reads it whole.
pub fn short_list<T, U>(
    query: &PagingQuery,
    items: Vec<T>,
    body: impl FnMut(T) -> U,
) -> Result<Answer<List<U>>> {
    let total = items.len() as u64;
    let offset = usize::try_from(paging(query).offset()).unwrap_or(usize::MAX);
    let items = items.into_iter().skip(offset).take(query.page_size as usize).collect();
    let foreign_cursor = query.cursor.is_some();
    list(query, Page { items, total, total_is_estimate: false, next_cursor: None, foreign_cursor }, body)
}

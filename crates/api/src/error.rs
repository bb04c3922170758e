//! How a handler says no. The body is written by [`crate::finish`], which knows the request id.

use api_types::errors::details::{Invalid, Later, Nothing};
use api_types::{Fault, Faults, Problem};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use ports::StoreError;

/// A refusal on its way out; `?` makes one of every error that a handler meets (`From` stands beside the handler).
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError(Box<Problem>);

impl ApiError {
    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// A request with one fault.
    pub fn fault(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        let fault = Fault { pointer: pointer.into(), problem: problem.into() };
        Problem::ValidationFailed(Invalid { faults: vec![fault] }).into()
    }

    /// A defect of ours: logged with its cause, which the client never sees.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "a request failed");
        Problem::Internal(Nothing {}).into()
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        Problem::ValidationFailed(Invalid { faults: faults.into_vec() }).into()
    }
}

impl From<engine::faults::Faults> for ApiError {
    fn from(faults: engine::faults::Faults) -> Self {
        let fault = |fault: engine::faults::Fault| Fault { pointer: fault.pointer, problem: fault.problem };
        Problem::ValidationFailed(Invalid { faults: faults.0.into_iter().map(fault).collect() }).into()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "a request found the store not available");
                Problem::ServiceUnavailable(Later { retry_after_seconds: 1 }).into()
            }
            StoreError::Internal(_) => Self::internal(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(*self.0);
        response
    }
}

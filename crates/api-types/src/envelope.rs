//! What every answer is wrapped in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An answer to a call that did what it was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Success<T> {
    /// Always `true`.
    #[schema(example = true)]
    pub success: bool,
    pub data: T,
    /// A sentence for people, where one helps.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

impl<T> Success<T> {
    /// The answer that holds `data`.
    pub fn of(data: T) -> Self {
        Self { success: true, data, message: None }
    }

    /// The same with a sentence for people.
    pub fn saying(data: T, message: impl Into<String>) -> Self {
        Self { success: true, data, message: Some(message.into()) }
    }
}

/// An answer to a call that did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// Always `false`.
    #[schema(example = false)]
    pub success: bool,
    pub error: ErrorBody,
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// One of the closed table of codes; see `x-error-codes` of each operation.
    #[schema(example = "VALIDATION_FAILED")]
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// What the code needs to be acted upon; always an object, its members depend on the code.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
    /// The same as the header `X-Request-Id`.
    pub request_id: String,
}

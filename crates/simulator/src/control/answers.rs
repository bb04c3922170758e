//! Bodies and errors of the control routes.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What a control handler returns.
pub(crate) type Controlled = Result<axum::Json<Value>, Problem>;

/// A sentence and its HTTP status.
#[derive(Debug)]
pub(crate) struct Problem(pub(crate) StatusCode, pub(crate) String);

impl Problem {
    pub(crate) fn bad(text: impl std::fmt::Display) -> Self {
        Self(StatusCode::BAD_REQUEST, text.to_string())
    }

    pub(crate) fn missing(text: impl std::fmt::Display) -> Self {
        Self(StatusCode::NOT_FOUND, text.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, axum::Json(json!({"error": self.1}))).into_response()
    }
}

/// A JSON body; an empty one is an empty object, whatever the content type says.
pub(crate) fn body(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(bytes).map_err(|fault| Problem::bad(format!("the body is not JSON: {fault}")))
}

pub(crate) fn done() -> Controlled {
    Ok(axum::Json(json!({"success": true})))
}

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

/// Waits longer than this are surely a mistake, and would overflow the arithmetic of timers.
const LONGEST_MS: u64 = 30 * 24 * 3_600_000;

/// Refuses times in milliseconds beyond 30 days, anywhere in a body.
pub(crate) fn within_reason(value: &Value) -> Result<(), Problem> {
    let Some(members) = value.as_object() else { return Ok(()) };
    for (key, member) in members {
        let long = key.ends_with("_ms") && member.as_u64().is_some_and(|ms| ms > LONGEST_MS);
        let seconds = key.ends_with("_seconds") && !(0.0..=1e9).contains(&member.as_f64().unwrap_or(0.0));
        if long || seconds {
            return Err(Problem::bad(format!("{key}: {member} is out of range")));
        }
        within_reason(member)?;
    }
    Ok(())
}

pub(crate) fn done() -> Controlled {
    Ok(axum::Json(json!({"success": true})))
}

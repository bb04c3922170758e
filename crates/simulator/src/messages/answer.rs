//! The answer to an accepted message.

use std::fmt::Write;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::accept::Accepted;

/// Written by hand: this is the hottest answer of a load test.
pub(crate) fn body(accepted: &Accepted) -> String {
    let mut out = String::with_capacity(256);
    out.push_str(r#"{"messaging_product":"whatsapp","contacts":[{"input":"#);
    push_text(&mut out, &accepted.input);
    for (key, value) in [("wa_id", &accepted.wa_id), ("user_id", &accepted.user_id)] {
        if let Some(value) = value {
            let _ = write!(out, r#","{key}":"{value}""#);
        }
    }
    let _ = write!(out, r#"}}],"messages":[{{"id":"{}""#, accepted.wamid);
    if let Some(status) = accepted.message_status {
        let _ = write!(out, r#","message_status":"{status}""#);
    }
    out.push_str("}]}");
    out
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

pub(crate) fn json(body: impl Into<axum::body::Body>) -> Response {
    let mut response = body.into().into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}

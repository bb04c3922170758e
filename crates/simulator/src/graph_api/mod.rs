//! The Graph API: `/v{N}.0/…`, or without a version. One dispatcher, so that unknown paths get Graph's own
//! "does not exist" answer.

mod account_nodes;
pub(crate) mod auth;
mod block_users;
mod debug_token;
mod dispatch;
mod health;
mod node_fields;
pub(crate) mod paging;
mod params;
mod phone_nodes;
mod profile;
mod registration;
mod subscriptions;

pub(crate) use dispatch::{Call, dispatch};
pub(crate) use node_fields::{fields_of, pick};
pub(crate) use params::Params;

use axum::response::Response;

use crate::errors::GraphError;

/// What a management handler returns.
pub(crate) type Answer = Result<Response, GraphError>;

/// `{"success": true}`.
pub(crate) fn success() -> Response {
    json(serde_json::json!({"success": true}))
}

pub(crate) fn json(value: serde_json::Value) -> Response {
    axum::response::IntoResponse::into_response(axum::Json(value))
}

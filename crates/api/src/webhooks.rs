//! The door for Meta: the handshake, and webhooks as raw bytes.

mod inbox;

use api_types::Problem;
use api_types::errors::details::{Denied, Missing, Nothing};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::ConnectionId;
use engine::webhooks::{Handshake, ReceiveError, Webhooks};
use http::{StatusCode, Uri, header};

use crate::body::{Id, pairs};
use crate::caller::client_address;
use crate::error::ApiError;
use crate::payload;
use crate::routing::{Routes, routes};
use crate::state::Settings;

pub(crate) use inbox::routes as inbox_routes;

/// Meta signs every body with the app secret (Meta, "Webhooks, validating payloads").
const SIGNATURE: &str = "x-hub-signature-256";

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(verify_webhook, receive_webhook))
        .routes(routes!(verify_connection_webhook, receive_connection_webhook))
}

/// Meta's handshake on the address of all connections: the challenge, when the verify token is that of any.
#[utoipa::path(get, path = "/webhooks/whatsapp", tag = "webhooks",
    params(("hub.mode" = String, Query), ("hub.verify_token" = String, Query), ("hub.challenge" = String, Query)),
    responses((status = 200, description = "The challenge", body = String, content_type = "text/plain"),
        (status = 403, description = "`FORBIDDEN`: the verify token is not known")))]
async fn verify_webhook(State(webhooks): State<Webhooks>, uri: Uri) -> Result<Response, ApiError> {
    verify(&webhooks, None, &uri).await
}

/// Meta's handshake on the address of one connection.
#[utoipa::path(get, path = "/webhooks/whatsapp/{id}", tag = "webhooks",
    params(("id" = i64, Path, description = "The connection"), ("hub.mode" = String, Query),
        ("hub.verify_token" = String, Query), ("hub.challenge" = String, Query)),
    responses((status = 200, description = "The challenge", body = String, content_type = "text/plain"),
        (status = 400, description = "`VALIDATION_FAILED`: the path holds no id"),
        (status = 403, description = "`FORBIDDEN`: the verify token is not that of the connection")))]
async fn verify_connection_webhook(
    State(webhooks): State<Webhooks>,
    Id(connection): Id<ConnectionId>,
    uri: Uri,
) -> Result<Response, ApiError> {
    verify(&webhooks, Some(connection), &uri).await
}

/// A webhook for any connection; it is durable when this answers 200.
#[utoipa::path(post, path = "/webhooks/whatsapp", tag = "webhooks", request_body = serde_json::Value,
    params(("X-Hub-Signature-256" = String, Header, description = "`sha256=` and the HMAC of the body")),
    responses((status = 200, description = "Kept"),
        (status = 401, description = "`WEBHOOK_SIGNATURE_INVALID`"),
        (status = 403, description = "`FORBIDDEN`: from outside of the networks that may deliver webhooks"),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`")))]
async fn receive_webhook(
    State(webhooks): State<Webhooks>,
    State(settings): State<Settings>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    receive(&webhooks, &settings, None, request).await
}

/// A webhook for one connection.
#[utoipa::path(post, path = "/webhooks/whatsapp/{id}", tag = "webhooks", request_body = serde_json::Value,
    params(("id" = i64, Path, description = "The connection"),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=` and the HMAC of the body")),
    responses((status = 200, description = "Kept"),
        (status = 400, description = "`VALIDATION_FAILED`: the path holds no id"),
        (status = 401, description = "`WEBHOOK_SIGNATURE_INVALID`"),
        (status = 403, description = "`FORBIDDEN`: from outside of the networks that may deliver webhooks"),
        (status = 404, description = "`CONNECTION_NOT_FOUND`"),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`")))]
async fn receive_connection_webhook(
    State(webhooks): State<Webhooks>,
    State(settings): State<Settings>,
    Id(connection): Id<ConnectionId>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    receive(&webhooks, &settings, Some(connection), request).await
}

async fn verify(
    webhooks: &Webhooks,
    connection: Option<ConnectionId>,
    uri: &Uri,
) -> Result<Response, ApiError> {
    let mut handshake = Handshake::default();
    for (name, value) in pairs(uri.query().unwrap_or_default()) {
        match name.as_str() {
            "hub.mode" => handshake.mode = value,
            "hub.verify_token" => handshake.verify_token = value,
            "hub.challenge" => handshake.challenge = value,
            _ => {}
        }
    }
    match webhooks.handshake(connection, &handshake).await {
        // As plain text: a challenge that was made up must not run in a browser.
        Some(challenge) => Ok((
            [
                (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            challenge,
        )
            .into_response()),
        None => Err(Problem::Forbidden(Denied::default()).into()),
    }
}

async fn receive(
    webhooks: &Webhooks,
    settings: &Settings,
    connection: Option<ConnectionId>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (parts, body) = request.into_parts();
    let address = client_address(&parts.headers, &parts.extensions, settings);
    if !settings.webhook_networks.is_empty()
        && !address.is_some_and(|address| settings.webhook_networks.contain(address))
    {
        webhooks.refuse_stranger(connection, address.map(|address| address.to_string())).await;
        return Err(Problem::Forbidden(Denied::default()).into());
    }
    let bytes = payload::read(&parts.headers, body, payload::WEBHOOK_LIMIT).await?;
    let signature = parts.headers.get(SIGNATURE).map(http::HeaderValue::as_bytes);
    let address = address.map(|address| address.to_string());
    match webhooks.receive(connection, signature, bytes, address).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(ReceiveError::Signature(_)) => Err(Problem::WebhookSignatureInvalid(Nothing {}).into()),
        Err(ReceiveError::NoConnection) => {
            let id = connection.map_or(0, |connection| connection.0);
            Err(Problem::ConnectionNotFound(Missing { id }).into())
        }
        Err(ReceiveError::Store(error)) => Err(error.into()),
    }
}

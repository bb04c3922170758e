//! Connections.

use api_types::connections::{
    Check, CheckResult, Connection, CreateConnection, CreatedConnection, Diagnosis, RateLimit, Reconnect,
    Reconnected, UpdateConnection,
};
use api_types::errors::details::{DuplicateConnection, Missing, WrongState};
use api_types::read::Secret;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::ConnectionId;
use domain::pacing::Rate;
use engine::connections::{ConnectionError, Connections, Finding, PatchConnection};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::answer::{Answer, Result, created, ok, short_list};
use crate::body::{Id, Json, NoBody, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_connections, create_connection))
        .routes(routes!(get_connection, update_connection, delete_connection))
        .routes(routes!(reconnect_connection))
        .routes(routes!(diagnose_connection))
}

/// All connections, the default one first.
#[utoipa::path(get, path = "/connections", tag = "connections", params(PagingQuery),
    responses((status = 200, body = Success<List<Connection>>)),
    extensions(("x-required-permission" = json!("connections_read"))))]
async fn list_connections(
    caller: Caller<needs::ConnectionsRead>,
    State(connections): State<Connections>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Connection>>> {
    short_list(&page, connections.list(caller.tenant).await.map_err(failed(ConnectionId(0)))?, body)
}

/// Links a number. Meta is asked about token and number at once; that it cannot be reached does not stop it.
#[utoipa::path(post, path = "/connections", tag = "connections", request_body = CreateConnection,
    responses((status = 201, body = Success<CreatedConnection>)),
    extensions(("x-required-permission" = json!("connections_manage")), ("x-error-codes" = json!(["DUPLICATE_CONNECTION"]))))]
async fn create_connection(
    caller: Caller<needs::ConnectionsManage>,
    State(connections): State<Connections>,
    Json(wanted): Json<CreateConnection>,
) -> Result<Answer<CreatedConnection>> {
    let new = engine::connections::CreateConnection {
        name: wanted.name,
        phone_number_id: wanted.phone_number_id,
        waba_id: wanted.waba_id,
        app_id: wanted.app_id,
        access_token: secret(wanted.access_token),
        app_secret: secret(wanted.app_secret),
        verify_token: wanted.verify_token.map(secret),
        rate: wanted.rate_limit.map(rate),
        graph_url: wanted.graph_url,
        is_default: wanted.is_default.unwrap_or(false),
    };
    let made = connections.create(caller.tenant, new).await.map_err(failed(ConnectionId(0)))?;
    let connection = body(made.connection);
    let verify_token = made.verify_token.map(|token| token.expose_secret().to_owned());
    let warnings = made.warnings;
    let repeated =
        CreatedConnection { connection: connection.clone(), verify_token: None, warnings: warnings.clone() };
    Ok(created(CreatedConnection { connection, verify_token, warnings }).repeated_as(repeated))
}

/// One connection.
#[utoipa::path(get, path = "/connections/{id}", tag = "connections",
    responses((status = 200, body = Success<Connection>)),
    extensions(("x-required-permission" = json!("connections_read")), ("x-error-codes" = json!(["CONNECTION_NOT_FOUND"]))))]
async fn get_connection(
    caller: Caller<needs::ConnectionsRead>,
    Id(id): Id<ConnectionId>,
    State(connections): State<Connections>,
) -> Result<Answer<Connection>> {
    Ok(ok(body(connections.get(caller.tenant, id).await.map_err(failed(id))?)))
}

/// Changes a connection, switches it off or on. A new token goes through `reconnect`.
#[utoipa::path(patch, path = "/connections/{id}", tag = "connections", request_body = UpdateConnection,
    responses((status = 200, body = Success<Connection>)),
    extensions(
        ("x-required-permission" = json!("connections_manage")),
        ("x-error-codes" = json!(["CONNECTION_NOT_FOUND", "INVALID_STATE"]))))]
async fn update_connection(
    caller: Caller<needs::ConnectionsManage>,
    Id(id): Id<ConnectionId>,
    State(connections): State<Connections>,
    Json(wanted): Json<UpdateConnection>,
) -> Result<Answer<Connection>> {
    let patch = PatchConnection {
        name: wanted.name,
        app_id: wanted.app_id,
        app_secret: wanted.app_secret.map(secret),
        verify_token: wanted.verify_token.map(secret),
        rate: wanted.rate_limit.map(rate),
        graph_url: wanted.graph_url,
        is_default: wanted.is_default,
    };
    let mut changed = connections.patch(caller.tenant, id, patch).await.map_err(failed(id))?;
    if let Some(disabled) = wanted.disabled {
        changed = match disabled {
            true => connections.disable(caller.tenant, id).await,
            false => connections.enable(caller.tenant, id).await,
        }
        .map_err(failed(id))?;
    }
    Ok(ok(body(changed)))
}

/// Removes a connection; its messages and conversations stay.
#[utoipa::path(delete, path = "/connections/{id}", tag = "connections",
    responses((status = 200, body = Success<Value>)),
    extensions(("x-required-permission" = json!("connections_manage")), ("x-error-codes" = json!(["CONNECTION_NOT_FOUND"]))))]
async fn delete_connection(
    caller: Caller<needs::ConnectionsManage>,
    Id(id): Id<ConnectionId>,
    State(connections): State<Connections>,
) -> Result<Answer<Value>> {
    connections.delete(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(json!({ "id": id, "deleted": true })))
}

/// Takes a new access token, when Meta vouches for it; the queue goes on where it stopped.
#[utoipa::path(post, path = "/connections/{id}/reconnect", tag = "connections", request_body = Reconnect,
    responses((status = 200, body = Success<Reconnected>)),
    extensions(
        ("x-required-permission" = json!("connections_manage")),
        ("x-error-codes" = json!(["CONNECTION_NOT_FOUND", "TOKEN_EXPIRED", "META_REJECTED", "META_UNAVAILABLE"]))))]
async fn reconnect_connection(
    caller: Caller<needs::ConnectionsManage>,
    Id(id): Id<ConnectionId>,
    State(connections): State<Connections>,
    Json(wanted): Json<Reconnect>,
) -> Result<Answer<Reconnected>> {
    let given = wanted.access_token.is_some();
    let new = engine::connections::Reconnect {
        access_token: wanted.access_token.map(secret),
        app_secret: wanted.app_secret.map(secret),
    };
    let done = connections.reconnect(caller.tenant, id, new).await.map_err(|error| match error {
        ConnectionError::TokenRefused(why) if given => {
            ApiError::fault("/access_token", format!("Meta does not accept it: {why}"))
        }
        other => failed(id)(other),
    })?;
    Ok(ok(Reconnected { connection: body(done.connection), warnings: done.warnings }))
}

/// Looks at everything that could keep a connection from working, and subscribes the app when it is not.
#[utoipa::path(post, path = "/connections/{id}/diagnose", tag = "connections",
    responses((status = 200, body = Success<Diagnosis>)),
    extensions(("x-required-permission" = json!("connections_manage")), ("x-error-codes" = json!(["CONNECTION_NOT_FOUND"]))))]
async fn diagnose_connection(
    caller: Caller<needs::ConnectionsManage>,
    Id(id): Id<ConnectionId>,
    State(connections): State<Connections>,
    _: NoBody,
) -> Result<Answer<Diagnosis>> {
    let found = connections.diagnose(caller.tenant, id).await.map_err(failed(id))?;
    let healthy = found.healthy();
    Ok(ok(Diagnosis {
        healthy,
        checks: found.checks.into_iter().map(check).collect(),
        connection: body(found.connection),
        at: found.at,
    }))
}

fn check(check: engine::connections::Check) -> Check {
    Check {
        name: check.name.to_owned(),
        result: match check.finding {
            Finding::Passed => CheckResult::Passed,
            Finding::Warning => CheckResult::Warning,
            Finding::Failed => CheckResult::Failed,
        },
        found: check.detail,
        advice: check.what_to_do,
    }
}

fn body(connection: ports::connections::Connection) -> Connection {
    let period_seconds = u32::try_from(connection.rate.period_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
    Connection {
        id: connection.id.0,
        name: connection.name,
        phone_number_id: connection.phone_number_id,
        waba_id: connection.waba_id,
        business_id: connection.business_id,
        app_id: connection.app_id,
        display_phone_number: connection.display_phone_number,
        verified_name: connection.verified_name,
        quality_rating: connection.quality_rating,
        messaging_limit: connection.messaging_limit,
        state: connection.state.into(),
        state_reason: connection.state_reason,
        is_default: connection.is_default,
        rate_limit: RateLimit { limit: connection.rate.count, period_seconds },
        graph_url: connection.graph_url,
        webhook_path: format!("/webhooks/whatsapp/{}", connection.id),
        token_expires_at: connection.token_expires_at,
        handshake_at: connection.handshake_at,
        last_webhook_at: connection.last_webhook_at,
        created_at: connection.created_at,
        updated_at: connection.updated_at,
    }
}

fn secret(secret: Secret) -> SecretString {
    secret.into_inner().into()
}

fn rate(limit: RateLimit) -> Rate {
    Rate { count: limit.limit, period_ms: u64::from(limit.period_seconds) * 1_000 }
}

fn failed(connection: ConnectionId) -> impl FnOnce(ConnectionError) -> ApiError {
    move |error| match error {
        ConnectionError::NotFound => Problem::ConnectionNotFound(Missing { id: connection.0 }).into(),
        ConnectionError::Invalid(faults) => faults.into(),
        ConnectionError::Exists(other) => {
            let connection_id = other.map(|other| other.0);
            Problem::DuplicateConnection(DuplicateConnection { connection_id }).into()
        }
        ConnectionError::InvalidState { current, allowed } => Problem::InvalidState(WrongState {
            current: current.as_str().to_owned(),
            allowed: allowed.iter().map(|state| state.as_str().to_owned()).collect(),
            not_before: None,
        })
        .into(),
        ConnectionError::TokenRefused(_) => crate::meta::token_over(Some(connection.0)),
        ConnectionError::Gateway(error) => error.into(),
        ConnectionError::Store(error) => error.into(),
    }
}

//! API keys and security events.

use api_types::access::{ApiKey, CreateApiKey, CreatedApiKey, SecurityEvent};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::ApiKeyId;
use engine::access::{Access, AccessError, CreateKey};
use secrecy::ExposeSecret;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, Result, created, list, ok, paging, short_list};
use crate::body::{Id, Json, Query};
use crate::caller::{Caller, Manages, Reads};
use crate::error::ApiError;
use crate::state::ApiState;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(revoke_api_key))
        .routes(routes!(list_security_events))
}

/// All keys, newest first; revoked ones too.
#[utoipa::path(get, path = "/api-keys", tag = "access", params(PagingQuery),
    responses((status = 200, body = Success<List<ApiKey>>)),
    extensions(("x-required-scope" = json!("read"))))]
async fn list_api_keys(
    caller: Caller<Reads>,
    State(access): State<Access>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<ApiKey>>> {
    let keys = access.keys(caller.tenant).await.map_err(failed(ApiKeyId(0)))?;
    short_list(&page, keys, key)
}

/// Makes a key; its secret is shown this once.
#[utoipa::path(post, path = "/api-keys", tag = "access", request_body = CreateApiKey,
    responses((status = 201, body = Success<CreatedApiKey>)),
    extensions(("x-required-scope" = json!("manage"))))]
async fn create_api_key(
    caller: Caller<Manages>,
    State(access): State<Access>,
    Json(wanted): Json<CreateApiKey>,
) -> Result<Answer<CreatedApiKey>> {
    let wanted = CreateKey {
        name: wanted.name,
        scopes: wanted.scopes.into_iter().map(Into::into).collect(),
        expires_at: wanted.expires_at,
    };
    let made = access.create_key(caller.tenant, wanted).await.map_err(failed(ApiKeyId(0)))?;
    let shown = key(made.key);
    let secret = made.secret.expose_secret().to_owned();
    Ok(created(CreatedApiKey { key: shown.clone(), secret }).repeated_as(shown))
}

/// Revokes a key, at once. A repeat changes nothing.
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "access",
    responses((status = 200, body = Success<ApiKey>)),
    extensions(("x-required-scope" = json!("manage")), ("x-error-codes" = json!(["API_KEY_NOT_FOUND"]))))]
async fn revoke_api_key(
    caller: Caller<Manages>,
    Id(id): Id<ApiKeyId>,
    State(access): State<Access>,
) -> Result<Answer<ApiKey>> {
    let revoked = access.revoke_key(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(key(revoked)))
}

/// What should not have happened at the door, newest first.
#[utoipa::path(get, path = "/security-events", tag = "access", params(PagingQuery),
    responses((status = 200, body = Success<List<SecurityEvent>>)),
    extensions(("x-required-scope" = json!("read"))))]
async fn list_security_events(
    caller: Caller<Reads>,
    State(access): State<Access>,
    Query(wanted): Query<PagingQuery>,
) -> Result<Answer<List<SecurityEvent>>> {
    let page = access.security_events(caller.tenant, &paging(&wanted)).await.map_err(failed(ApiKeyId(0)))?;
    list(&wanted, page, event)
}

fn key(key: ports::access::ApiKey) -> ApiKey {
    ApiKey {
        id: key.id.0,
        name: key.name,
        prefix: key.prefix,
        scopes: key.scopes.into_iter().map(Into::into).collect(),
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
    }
}

fn event(event: ports::access::SecurityEvent) -> SecurityEvent {
    SecurityEvent {
        id: event.id.0,
        kind: event.kind,
        connection_id: event.connection_id.map(|connection| connection.0),
        address: event.address,
        reason: event.reason,
        at: event.at,
        last_at: event.last_at,
        count: event.count,
    }
}

fn failed(key: ApiKeyId) -> impl FnOnce(AccessError) -> ApiError {
    move |error| match error {
        AccessError::NotFound => Problem::ApiKeyNotFound(Missing { id: key.0 }).into(),
        AccessError::Invalid(faults) => faults.into(),
        AccessError::Store(error) => error.into(),
    }
}

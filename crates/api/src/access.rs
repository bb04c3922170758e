//! API keys, members, roles, security events.

pub(crate) mod events;
pub(crate) mod members;
mod roles;

use api_types::access::{ApiKey, CreateApiKey, CreatedApiKey, UpdateApiKey};
use api_types::errors::details::{Denied, Missing, WrongState};
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::ApiKeyId;
use engine::access::{Access, AccessError, ChangeKey, CreateKey};
use secrecy::ExposeSecret;

use crate::answer::{Answer, Result, created, ok, short_list};
use crate::body::{Id, Json, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(update_api_key, revoke_api_key))
        .merge(events::routes())
        .merge(members::routes())
        .merge(roles::routes())
}

/// All keys, newest first; revoked ones too.
#[utoipa::path(get, path = "/api-keys", tag = "access", params(PagingQuery),
    responses((status = 200, body = Success<List<ApiKey>>)),
    extensions(("x-required-permission" = json!("keys_read"))))]
async fn list_api_keys(
    caller: Caller<needs::KeysRead>,
    State(access): State<Access>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<ApiKey>>> {
    let keys = access.keys(caller.tenant).await.map_err(failed(ApiKeyId(0)))?;
    short_list(&page, keys, key)
}

/// Makes a key; its secret is shown this once. Nobody makes a key that may do more than they may themselves.
#[utoipa::path(post, path = "/api-keys", tag = "access", request_body = CreateApiKey,
    responses((status = 201, body = Success<CreatedApiKey>)),
    extensions(("x-required-permission" = json!("keys_manage"))))]
async fn create_api_key(
    caller: Caller<needs::KeysManage>,
    State(access): State<Access>,
    Json(wanted): Json<CreateApiKey>,
) -> Result<Answer<CreatedApiKey>> {
    let wanted = CreateKey {
        name: wanted.name,
        scopes: wanted.scopes.into_iter().map(Into::into).collect(),
        expires_at: wanted.expires_at,
        networks: wanted.networks.unwrap_or_default(),
    };
    let made = access.create_key(caller.tenant, wanted, caller.known.permissions).await;
    let made = made.map_err(failed(ApiKeyId(0)))?;
    let shown = key(made.key);
    let secret = made.secret.expose_secret().to_owned();
    Ok(created(CreatedApiKey { key: shown.clone(), secret }).repeated_as(shown))
}

/// Changes name, scopes, end or networks of a key, at once; the key itself stays, and is not shown. Nobody gives a key more
/// than they may do themselves, nor changes one that may do more. One that was revoked stays so.
#[utoipa::path(patch, path = "/api-keys/{id}", tag = "access", request_body = UpdateApiKey,
    responses((status = 200, body = Success<ApiKey>)),
    extensions(("x-required-permission" = json!("keys_manage")),
        ("x-error-codes" = json!(["API_KEY_NOT_FOUND", "INVALID_STATE"]))))]
async fn update_api_key(
    caller: Caller<needs::KeysManage>,
    Id(id): Id<ApiKeyId>,
    State(access): State<Access>,
    Json(wanted): Json<UpdateApiKey>,
) -> Result<Answer<ApiKey>> {
    let wanted = ChangeKey {
        name: wanted.name,
        scopes: wanted.scopes.map(|scopes| scopes.into_iter().map(Into::into).collect()),
        expires_at: wanted.expires_at.into_option(),
        networks: wanted.networks,
    };
    let changed = access.change_key(caller.tenant, id, wanted, caller.known.permissions).await;
    Ok(ok(key(changed.map_err(failed(id))?)))
}

/// Revokes a key, at once. A repeat changes nothing.
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "access",
    responses((status = 200, body = Success<ApiKey>)),
    extensions(("x-required-permission" = json!("keys_manage")), ("x-error-codes" = json!(["API_KEY_NOT_FOUND"]))))]
async fn revoke_api_key(
    caller: Caller<needs::KeysManage>,
    Id(id): Id<ApiKeyId>,
    State(access): State<Access>,
) -> Result<Answer<ApiKey>> {
    let revoked = access.revoke_key(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(key(revoked)))
}

fn key(key: ports::access::ApiKey) -> ApiKey {
    ApiKey {
        id: key.id.0,
        name: key.name,
        prefix: key.prefix,
        scopes: key.scopes.into_iter().map(Into::into).collect(),
        networks: key.networks.iter().map(ToString::to_string).collect(),
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
    }
}

pub(crate) fn failed(key: ApiKeyId) -> impl FnOnce(AccessError) -> ApiError {
    move |error| match error {
        AccessError::NotFound => Problem::ApiKeyNotFound(Missing { id: key.0 }).into(),
        AccessError::Beyond(permission) => Problem::Forbidden(Denied {
            missing_permission: Some(permission.as_str().to_owned()),
            ..Denied::default()
        })
        .into(),
        AccessError::Revoked => Problem::InvalidState(WrongState {
            current: "revoked".to_owned(),
            allowed: vec!["active".to_owned()],
            not_before: None,
        })
        .into(),
        AccessError::Invalid(faults) => faults.into(),
        AccessError::Store(error) => error.into(),
    }
}

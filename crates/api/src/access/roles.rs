//! Roles: those that every tenant has, and its own.

use api_types::access::members::{CreateRole, Permission, Role, UpdateRole, each};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::access::permissions::Permissions;
use domain::{MemberId, RoleId};
use engine::access::{Access, MemberError};

use super::members::failed as member_failed;
use crate::answer::{Answer, Result, created, ok, short_list};
use crate::body::{Id, Json, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(list_roles, create_role)).routes(routes!(update_role, delete_role))
}

/// The roles that every tenant has, then the tenant's own, by name.
#[utoipa::path(get, path = "/roles", tag = "access", params(PagingQuery),
    responses((status = 200, body = Success<List<Role>>)),
    extensions(("x-required-permission" = json!("members_read"))))]
async fn list_roles(
    caller: Caller<needs::MembersRead>,
    State(access): State<Access>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Role>>> {
    let own = access.roles(caller.tenant).await.map_err(failed(RoleId(0)))?;
    let everywhere = domain::access::roles::Role::ALL.into_iter().map(|role| Role {
        id: None,
        name: role.as_str().to_owned(),
        permissions: each(role.permissions()),
        created_at: None,
        updated_at: None,
    });
    short_list(&page, everywhere.chain(own.into_iter().map(body)).collect(), |role| role)
}

/// Makes a role out of permissions; none that the caller does not have.
#[utoipa::path(post, path = "/roles", tag = "access", request_body = CreateRole,
    responses((status = 201, body = Success<Role>)),
    extensions(("x-required-permission" = json!("members_manage")), ("x-error-codes" = json!(["DUPLICATE_ROLE"]))))]
async fn create_role(
    caller: Caller<needs::MembersManage>,
    State(access): State<Access>,
    Json(wanted): Json<CreateRole>,
) -> Result<Answer<Role>> {
    let made = access
        .create_role(caller.tenant, &wanted.name, set(&wanted.permissions), caller.known.permissions)
        .await;
    Ok(created(body(made.map_err(failed(RoleId(0)))?)))
}

/// Changes name or permissions; members who have the role have the new ones at once.
#[utoipa::path(patch, path = "/roles/{id}", tag = "access", request_body = UpdateRole,
    responses((status = 200, body = Success<Role>)),
    extensions(("x-required-permission" = json!("members_manage")),
        ("x-error-codes" = json!(["ROLE_NOT_FOUND", "DUPLICATE_ROLE"]))))]
async fn update_role(
    caller: Caller<needs::MembersManage>,
    Id(id): Id<RoleId>,
    State(access): State<Access>,
    Json(wanted): Json<UpdateRole>,
) -> Result<Answer<Role>> {
    let permissions = wanted.permissions.as_deref().map(set);
    let changed =
        access.update_role(caller.tenant, id, wanted.name, permissions, caller.known.permissions).await;
    Ok(ok(body(changed.map_err(failed(id))?)))
}

/// Removes a role that nobody has.
#[utoipa::path(delete, path = "/roles/{id}", tag = "access",
    responses((status = 200, body = Success<Role>)),
    extensions(("x-required-permission" = json!("members_manage")),
        ("x-error-codes" = json!(["ROLE_NOT_FOUND", "INVALID_STATE"]))))]
async fn delete_role(
    caller: Caller<needs::MembersManage>,
    Id(id): Id<RoleId>,
    State(access): State<Access>,
) -> Result<Answer<Role>> {
    let deleted = access.delete_role(caller.tenant, id, caller.known.permissions).await;
    Ok(ok(body(deleted.map_err(failed(id))?)))
}

fn set(permissions: &[Permission]) -> Permissions {
    permissions.iter().map(|permission| permission.0).collect()
}

fn body(role: ports::access::members::OwnRole) -> Role {
    Role {
        id: Some(role.id.0),
        name: role.name,
        permissions: each(role.permissions),
        created_at: Some(role.created_at),
        updated_at: Some(role.updated_at),
    }
}

fn failed(role: RoleId) -> impl FnOnce(MemberError) -> ApiError {
    move |error| match error {
        MemberError::RoleNotFound => Problem::RoleNotFound(Missing { id: role.0 }).into(),
        error => member_failed(MemberId(0))(error),
    }
}

//! Tenants, for whoever runs the server: opened by the setting `operator_token`.

use std::sync::Arc;

use api_types::access::members::InvitedMember;
use api_types::access::{SecurityEvent, SecurityEventQuery};
use api_types::errors::details::Nothing;
use api_types::tenants::{CreateTenant, InviteOwner, MadeTenant, Tenant};
use api_types::{List, PagingQuery, Problem, Success};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::{FromRef, FromRequestParts, State};
use domain::access::people::Email;
use domain::access::permissions::Permissions;
use domain::access::roles::Role;
use domain::audit::Actor;
use domain::{ApiKeyId, MemberId, TenantId};
use engine::access::{Access, Bearer, Invite, MemberError};
use engine::tenants::{SettingsPatch, Tenants};
use http::request::Parts;
use ports::access::NOBODYS;
use ports::access::members::GivenRole;
use ports::audit::acting;
use secrecy::{ExposeSecret, SecretString};

use super::{body, failed, patch};
use crate::access::members::{self, shown};
use crate::access::{events, failed as keys_failed};
use crate::answer::{Answer, Result, created, list, ok, paging, short_list};
use crate::body::{Id, Json, Query};
use crate::caller::{bearer, client_address};
use crate::error::ApiError;
use crate::finish::RequestId;
use crate::routing::{Routes, routes};
use crate::state::Settings;

/// Where these routes begin.
pub(crate) const BASE: &str = "/api/v1/tenants";

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_tenants, create_tenant))
        .routes(routes!(list_stray_events))
        .routes(routes!(get_tenant))
        .routes(routes!(invite_owner))
}

/// The token of the operator.
#[derive(Clone)]
pub struct OperatorToken(Arc<SecretString>);

impl OperatorToken {
    /// Whoever presents this is the operator.
    pub fn new(token: SecretString) -> Self {
        Self(Arc::new(token))
    }
}

impl std::fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OperatorToken")
    }
}

/// Whoever runs the server.
struct Operator(Actor);

impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    Settings: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, ApiError> {
        let settings = Settings::from_ref(state);
        // Without the setting there are no such routes.
        let Some(OperatorToken(token)) = &settings.operator else {
            return Err(Problem::RouteNotFound(Nothing {}).into());
        };
        let presented = bearer(&parts.headers).unwrap_or_default();
        if verify_slices_are_equal(presented.as_bytes(), token.expose_secret().as_bytes()).is_err() {
            return Err(Problem::Unauthenticated(Nothing {}).into());
        }
        let address = client_address(&parts.headers, &parts.extensions, &settings);
        let request = parts.extensions.get::<RequestId>().and_then(|id| id.0.to_str().ok());
        let actor = Actor::operator().from_address(address.map(|address| address.to_string()));
        Ok(Self(actor.in_request(request.map(str::to_owned))))
    }
}

/// All tenants of this server, by id.
#[utoipa::path(get, path = "", tag = "tenants", params(PagingQuery),
    responses((status = 200, body = Success<List<Tenant>>)))]
async fn list_tenants(
    _: Operator,
    State(tenants): State<Tenants>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Tenant>>> {
    short_list(&page, tenants.list().await.map_err(failed(TenantId(0)))?, body)
}

/// Makes a tenant, and invites its first owner when `owner` is given: by e-mail, or, where this server sends none, by
/// a link in the answer. When the invitation fails, the tenant is there all the same: invite the owner again.
#[utoipa::path(post, path = "", tag = "tenants", request_body = CreateTenant,
    responses((status = 201, body = Success<MadeTenant>)))]
async fn create_tenant(
    Operator(actor): Operator,
    State(tenants): State<Tenants>,
    State(access): State<Access>,
    Json(wanted): Json<CreateTenant>,
) -> Result<Answer<MadeTenant>> {
    if let Some(owner) = &wanted.owner {
        owner.email.parse::<Email>().map_err(|problem| ApiError::fault("/owner/email", problem))?;
    }
    acting(actor, async {
        let settings = wanted.settings.map_or_else(SettingsPatch::default, patch);
        let made = tenants.create(&wanted.name, settings).await.map_err(failed(TenantId(0)))?;
        let owner = match wanted.owner {
            Some(owner) => Some(invite(&access, made.id, owner).await?),
            None => None,
        };
        Ok(created(MadeTenant { tenant: body(made), owner }))
    })
    .await
}

/// What happened at no tenant's door, newest first: logins with addresses that nobody has. (Where there is one tenant alone,
/// they are among that tenant's events.)
#[utoipa::path(get, path = "/security-events", tag = "tenants", params(SecurityEventQuery, PagingQuery),
    responses((status = 200, body = Success<List<SecurityEvent>>)))]
async fn list_stray_events(
    _: Operator,
    State(access): State<Access>,
    Query((wanted, page)): Query<(SecurityEventQuery, PagingQuery)>,
) -> Result<Answer<List<SecurityEvent>>> {
    let found = access.security_events(NOBODYS, &events::filter(wanted), &paging(&page)).await;
    list(&page, found.map_err(keys_failed(ApiKeyId(0)))?, events::body)
}

/// One tenant.
#[utoipa::path(get, path = "/{id}", tag = "tenants",
    params(("id" = i64, Path, description = "The tenant")),
    responses((status = 200, body = Success<Tenant>)), extensions(("x-error-codes" = json!(["TENANT_NOT_FOUND"]))))]
async fn get_tenant(
    _: Operator,
    Id(id): Id<TenantId>,
    State(tenants): State<Tenants>,
) -> Result<Answer<Tenant>> {
    Ok(ok(body(tenants.get(id).await.map_err(failed(id))?)))
}

/// Invites an owner; again for the same address, another link, as long as nobody accepted.
#[utoipa::path(post, path = "/{id}/owners", tag = "tenants", request_body = InviteOwner,
    params(("id" = i64, Path, description = "The tenant")),
    responses((status = 201, body = Success<InvitedMember>)),
    extensions(("x-error-codes" = json!(["TENANT_NOT_FOUND", "DUPLICATE_MEMBER", "INVALID_STATE"]))))]
async fn invite_owner(
    Operator(actor): Operator,
    Id(id): Id<TenantId>,
    State(tenants): State<Tenants>,
    State(access): State<Access>,
    Json(wanted): Json<InviteOwner>,
) -> Result<Answer<InvitedMember>> {
    tenants.get(id).await.map_err(failed(id))?;
    Ok(created(acting(actor, invite(&access, id, wanted)).await?))
}

async fn invite(access: &Access, tenant: TenantId, owner: InviteOwner) -> Result<InvitedMember> {
    let invite = Invite { email: owner.email, name: owner.name, role: GivenRole::BuiltIn(Role::Owner) };
    let invited = match access.invite(tenant, invite, Permissions::all(), Bearer::Mail).await {
        Err(MemberError::Duplicate(member)) => {
            let again = access.invite_again(tenant, member, Permissions::all(), Bearer::Mail).await;
            again.map_err(members::failed(member))?
        }
        invited => invited.map_err(members::failed(MemberId(0)))?,
    };
    Ok(shown(invited))
}

//! Who calls, and what the key may do.
//!
//! Every route below `/api/v1/tenant/{tenant_id}/whatsapp` stands behind [`authenticate`], and each handler says by
//! the type of its first argument which scope it needs.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use api_types::Problem;
use api_types::errors::details::{Denied, Missing, Nothing};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::access::Scope;
use domain::{ApiKeyId, TenantId, addresses};
use engine::access::{Access, Authenticated, Authentication};
use http::request::Parts;
use http::{Extensions, HeaderMap, header};

use crate::body::path_member;
use crate::error::ApiError;
use crate::limits::CallLimits;
use crate::state::Settings;

/// A scope as a type.
pub trait Needed: Send + Sync + 'static {
    /// The scope.
    const SCOPE: Scope;
}

/// Needs `read`.
#[derive(Debug, Clone, Copy)]
pub enum Reads {}
/// Needs `send`.
#[derive(Debug, Clone, Copy)]
pub enum Sends {}
/// Needs `manage`.
#[derive(Debug, Clone, Copy)]
pub enum Manages {}

impl Needed for Reads {
    const SCOPE: Scope = Scope::Read;
}
impl Needed for Sends {
    const SCOPE: Scope = Scope::Send;
}
impl Needed for Manages {
    const SCOPE: Scope = Scope::Manage;
}

/// A caller whose key may do what this route does.
#[derive(Debug, Clone)]
pub struct Caller<S> {
    pub tenant: TenantId,
    pub key: ApiKeyId,
    /// The key's name, for notes and the audit trail.
    pub key_name: String,
    scope: PhantomData<S>,
}

impl<N: Needed, S: Send + Sync> FromRequestParts<S> for Caller<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(known) = parts.extensions.get::<Authenticated>() else {
            return Err(ApiError::internal("a route of the tenant API stands outside of its door"));
        };
        if !known.may(N::SCOPE) {
            let missing_scope = Some(N::SCOPE.as_str().to_owned());
            return Err(Problem::Forbidden(Denied { missing_scope }).into());
        }
        Ok(Self {
            tenant: known.tenant_id,
            key: known.key_id,
            key_name: known.key_name.clone(),
            scope: PhantomData,
        })
    }
}

/// The door: a good key, of the tenant in the path, not too often. What it lets in carries [`Authenticated`].
pub(crate) async fn authenticate(
    State((access, limits, settings)): State<(Access, CallLimits, Settings)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let tenant = path_member::<TenantId, _>(&mut parts, &(), "tenant_id").await;
    let address =
        client_address(&parts.headers, &parts.extensions, &settings).map(|address| address.to_string());
    let known = who(&access, &parts.headers, tenant.as_ref().ok().copied(), address.as_deref()).await?;
    let tenant = tenant?;
    if known.tenant_id != tenant {
        return Err(Problem::TenantNotFound(Missing { id: tenant.0 }).into());
    }
    limits.check(known.key_id)?;
    parts.extensions.insert(known);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

async fn who(
    access: &Access,
    headers: &HeaderMap,
    tenant: Option<TenantId>,
    address: Option<&str>,
) -> Result<Authenticated, ApiError> {
    let nobody = || ApiError::from(Problem::Unauthenticated(Nothing {}));
    let presented = bearer(headers).ok_or_else(nobody)?;
    match access.authenticate(presented, tenant, address).await? {
        Authentication::Known(known) => Ok(known),
        Authentication::Unknown | Authentication::Expired | Authentication::Revoked => Err(nobody()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

/// Where the client is: the peer, or whom proxies of ours name.
pub(crate) fn client_address(
    headers: &HeaderMap,
    extensions: &Extensions,
    settings: &Settings,
) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip();
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().unwrap_or_default()).collect();
    Some(addresses::client_address(peer, lines.into_iter(), &settings.trusted_proxies))
}

//! Who calls, and what they may do.
//!
//! Every route below `/api/v1/tenant/{tenant_id}/whatsapp` stands behind [`authenticate`], and each handler says by
//! the type of its first argument which permission it needs: `caller: Caller<needs::ContactsRead>`, together with
//! `("x-required-permission" = json!("contacts_read"))` in its description. What a member may do is decided by the
//! role; an API key may do what belongs to its scopes (`domain::access::permissions`). Nothing else decides it.

mod standing;

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use api_types::Problem;
use api_types::errors::details::{Denied, Missing, Nothing};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::access::permissions::Permission;
use domain::audit::Actor;
use domain::{ApiKeyId, TenantId, addresses};
use engine::access::{Access, Authenticated, Authentication, Pass, SignedIn, Who};
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, header};
use ports::audit::acting;

use crate::auth::cookie;
use crate::body::path_member;
use crate::error::ApiError;
use crate::finish::RequestId;
use crate::limits::CallLimits;
use crate::state::Settings;

/// A permission as a type.
pub trait Needed: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: Permission;
}

/// A type for each permission that a route may need.
pub mod needs {
    use domain::access::permissions::Permission;

    macro_rules! needs {
        ($($name:ident),+ $(,)?) => {$(
            #[doc = concat!("Needs [`Permission::", stringify!($name), "`].")]
            #[derive(Debug, Clone, Copy)]
            pub enum $name {}

            impl super::Needed for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )+};
    }

    needs! {
        ContactsRead, TemplatesRead, MessagesRead, ConversationsRead, BroadcastsRead, ConnectionsRead, SettingsRead,
        AlertsRead, WebhooksRead, MembersRead, KeysRead, SecurityRead, AuditRead, RetentionRead, HealthRead, Exports,
        MessagesSend, ConversationsWrite, MediaWrite, BroadcastsWrite, BroadcastsSend, ContactsWrite, ContactsImport,
        ContactsErase, ContactsDisclose, SegmentsWrite, TemplatesWrite, CannedRepliesWrite, ConnectionsManage, SettingsManage,
        AlertsManage, WebhooksManage, MembersManage, KeysManage, RetentionManage,
    }
}

/// A caller who may do what this route does.
#[derive(Debug, Clone)]
pub struct Caller<N> {
    pub tenant: TenantId,
    /// The API key; `None`: a member called.
    pub key: Option<ApiKeyId>,
    /// For people: the key's name, the member's name or address.
    pub name: String,
    /// All that is known.
    pub known: Authenticated,
    need: PhantomData<N>,
}

impl<N: Needed, S: Send + Sync> FromRequestParts<S> for Caller<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(known) = parts.extensions.get::<Authenticated>() else {
            return Err(ApiError::internal("a route of the tenant API stands outside of its door"));
        };
        if !known.may(N::PERMISSION) {
            return Err(denied(known, N::PERMISSION));
        }
        Ok(Self {
            tenant: known.tenant_id,
            key: known.key_id(),
            name: known.name().to_owned(),
            known: known.clone(),
            need: PhantomData,
        })
    }
}

/// A key lacks a scope, a member a permission.
fn denied(known: &Authenticated, permission: Permission) -> ApiError {
    let denied = match known.who {
        Who::Key { .. } => {
            Denied { missing_scope: Some(permission.scope().as_str().to_owned()), ..Denied::default() }
        }
        Who::Member { .. } => {
            Denied { missing_permission: Some(permission.as_str().to_owned()), ..Denied::default() }
        }
    };
    Problem::Forbidden(denied).into()
}

/// Before anybody is known: for the audit trail, from where and in which request something is done to an account.
pub(crate) async fn somebody(State(settings): State<Settings>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(crate::auth::BASE) {
        return next.run(request).await;
    }
    let address = client_address(request.headers(), request.extensions(), &settings);
    let id = request.extensions().get::<RequestId>().and_then(|id| id.0.to_str().ok().map(str::to_owned));
    let actor = Actor::system().from_address(address.map(|address| address.to_string())).in_request(id);
    acting(actor, next.run(request)).await
}

/// The door: a good key or session, of the tenant in the path, not too often. What it lets in carries
/// [`Authenticated`].
pub(crate) async fn authenticate(
    State((access, limits, settings)): State<(Access, CallLimits, Settings)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let tenant = path_member::<TenantId, _>(&mut parts, &(), "tenant_id").await;
    let address = client_address(&parts.headers, &parts.extensions, &settings);
    let presented = presented(&parts.headers).ok_or_else(nobody)?;
    let mut known = who(&access, &parts, &presented, tenant.as_ref().ok().copied(), address).await?;
    let tenant = tenant?;
    let not_found = || ApiError::from(Problem::TenantNotFound(Missing { id: tenant.0 }));
    known = known.filter(|known| known.tenant_id == tenant);
    let mut known = known.ok_or_else(not_found)?;
    limits.check(&known.who)?;
    known.request_id =
        parts.extensions.get::<RequestId>().and_then(|id| Some(id.0.to_str().ok()?.to_owned()));
    let (actor, pass) = (actor(&known), Pass::of(presented.token(), &known));
    parts.extensions.insert(known);
    let response = acting(actor, next.run(Request::from_parts(parts, body))).await;
    Ok(standing::while_it_opens(response, access, pass))
}

/// For the audit trail.
fn actor(known: &Authenticated) -> Actor {
    let who = match &known.who {
        Who::Key { id, name, .. } => Actor::api_key(id.0, name),
        Who::Member { id, .. } => Actor::member(id.0, known.name()),
    };
    who.from_address(known.address.map(|address| address.to_string())).in_request(known.request_id.clone())
}

/// `None`: somebody who is known, but not here.
async fn who(
    access: &Access,
    parts: &Parts,
    presented: &Presented,
    tenant: Option<TenantId>,
    address: Option<IpAddr>,
) -> Result<Option<Authenticated>, ApiError> {
    if Access::is_session(presented.token()) {
        let signed_in = session(access, parts).await?;
        return Ok(tenant.and_then(|tenant| signed_in.at(tenant, address)));
    }
    match access.authenticate(presented.token(), tenant, address).await? {
        Authentication::Known(known) => Ok(Some(known)),
        Authentication::Elsewhere => {
            let reason = Some("the key may not be used from this address".to_owned());
            Err(Problem::Forbidden(Denied { reason, ..Denied::default() }).into())
        }
        Authentication::Unknown | Authentication::Expired | Authentication::Revoked => Err(nobody()),
    }
}

fn nobody() -> ApiError {
    Problem::Unauthenticated(Nothing {}).into()
}

/// What a call shows.
enum Presented {
    Bearer(String),
    Cookie(String),
}

impl Presented {
    fn token(&self) -> &str {
        match self {
            Self::Bearer(token) | Self::Cookie(token) => token,
        }
    }
}

fn presented(headers: &HeaderMap) -> Option<Presented> {
    if headers.contains_key(header::AUTHORIZATION) {
        return bearer(headers).map(|token| Presented::Bearer(token.to_owned()));
    }
    cookie::read(headers).map(Presented::Cookie)
}

/// What stands behind `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// What a page that uses a session by cookie sends with each change.
pub(crate) const CSRF: &str = "x-csrf-token";

/// Whose session a call shows. A browser sends a cookie along with what others make it send: so a call that changes
/// something by cookie needs what only our own page knows.
pub(crate) async fn session(access: &Access, parts: &Parts) -> Result<SignedIn, ApiError> {
    let presented = presented(&parts.headers).ok_or_else(nobody)?;
    let signed_in = access.session(presented.token()).await?.ok_or_else(nobody)?;
    let looks = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let shown = parts.headers.get(CSRF).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(shown, signed_in.csrf.as_bytes()).is_ok();
    if matches!(presented, Presented::Cookie(_)) && !looks && !same {
        let reason = Some("a session by cookie needs the header X-CSRF-Token".to_owned());
        return Err(Problem::Forbidden(Denied { reason, ..Denied::default() }).into());
    }
    Ok(signed_in)
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

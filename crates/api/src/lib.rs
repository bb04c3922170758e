//! The HTTP API.
//!
//! # How to add a route
//!
//! 1. Its bodies go into `api_types::<column>`: requests with `request!`, query strings with `query!`, responses as
//!    structs with `Serialize` and `ToSchema`. New failures go into `api_types::errors`.
//! 2. Its handler goes into the column's file here, named `verb_resource` (that is its `operationId`):
//!
//!    ```text
//!    /// Makes a contact.
//!    #[utoipa::path(post, path = "/contacts", tag = "contacts", request_body = CreateContact,
//!        responses((status = 201, body = Success<Contact>)),
//!        extensions(("x-required-permission" = json!("contacts_write")), ("x-error-codes" = json!(["DUPLICATE_CONTACT"]))))]
//!    async fn create_contact(
//!        caller: Caller<needs::ContactsWrite>,         // first: refuses who may not
//!        State(contacts): State<Contacts>,            // what it needs, by FromRef (see `state`)
//!        Json(wanted): Json<CreateContact>,           // last: every fault of the body at once
//!    ) -> Result<Answer<Contact>> {                   // crate::answer::Result
//!        Ok(created(contact(contacts.create(caller.tenant, …).await?)))
//!    }
//!    ```
//!
//!    Ids in the path are `Id(contact): Id<ContactId>` for `/contacts/{id}`; lists take
//!    `Query((wanted, paging)): Query<(ContactQuery, PagingQuery)>` (`Query<PagingQuery>` alone when there is no
//!    filter), name both in `params(…)`, and answer with [`answer::list`]. `From<ContactError> for ApiError` stands
//!    beside the handlers. An answer that holds a secret adds `.repeated_as(…)`.
//! 3. It is listed in the column's `routes()`; a new column is merged in [`creating`]. The path is written below the
//!    tenant's base path: `/contacts`, not `/api/v1/tenant/…`.
//!
//! Everything else comes by itself: the door (key, tenant, call rate), idempotency keys on POST, the envelope of
//! failures with the request id, and in the OpenAPI document the parameters of the path, the header
//! `Idempotency-Key`, the security scheme and the failures (those of every route, and those named in
//! `x-error-codes`).

pub mod answer;
pub mod body;
pub mod caller;
pub mod document;
pub mod error;
pub mod finish;
pub mod idempotency;
pub mod limits;
pub mod metrics;
pub mod payload;
pub mod state;

mod access;
mod alerts;
mod analytics;
mod audit;
mod auth;
mod broadcasts;
mod connections;
mod consent;
mod contacts;
mod conversations;
mod erasure;
mod events;
mod files;
mod health;
mod imports;
mod leftover;
mod media;
mod messages;
mod meta;
mod pages;
mod probes;
mod retention;
mod routing;
mod segments;
mod templates;
mod tenants;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use engine::Engine;

use finish::RequestIds;
use limits::CallLimits;
use routing::Routes;
pub use state::{ApiState, Settings};
pub use tenants::operator::OperatorToken;

/// Where the API of a tenant begins.
pub const TENANT_BASE: &str = "/api/v1/tenant/{tenant_id}/whatsapp";

/// The whole API over this engine. Serve it with
/// [`into_make_service_with_connect_info`](Router::into_make_service_with_connect_info), so that security events
/// tell where a client is.
pub fn router(engine: Engine, settings: Settings) -> Router {
    let deps = engine.deps().clone();
    let ids = Arc::new(RequestIds::new(deps.entropy.as_ref()));
    let limits = CallLimits::new(settings.call_rate);
    let once = from_fn_with_state((deps.store, deps.clock), idempotency::once);
    let door = from_fn_with_state((engine.access.clone(), limits, settings.clone()), caller::authenticate);
    let measured = settings.measured;
    let somebody = settings.clone();
    let state = ApiState { engine: Arc::new(engine), settings };
    let tenant = creating().route_layer(once).merge(sending()).route_layer(door);
    let routes = outside().nest(TENANT_BASE, tenant).into_router();
    let routes = routes
        .merge(pages::routes())
        .fallback(finish::no_route)
        .method_not_allowed_fallback(finish::no_method)
        .layer(from_fn_with_state(somebody, caller::somebody))
        .layer(from_fn_with_state(ids, finish::finish));
    let routes = if measured { routes.layer(from_fn(metrics::measure)) } else { routes };
    routes.layer(from_fn(leftover::drain)).with_state(state)
}

/// The OpenAPI 3.1 document of all routes.
pub fn openapi() -> serde_json::Value {
    let tenant = creating().merge(sending());
    document::write(outside().nest(TENANT_BASE, tenant).into_openapi())
}

/// Routes of a tenant whose POSTs take an idempotency key by the layer around them.
fn creating() -> Routes {
    Routes::new()
        .merge(access::routes())
        .merge(alerts::routes())
        .merge(audit::routes())
        .merge(analytics::routes())
        .merge(events::routes())
        .merge(broadcasts::routes())
        .merge(connections::routes())
        .merge(consent::routes())
        .merge(contacts::routes())
        .merge(conversations::routes())
        .merge(erasure::routes())
        .merge(health::routes())
        .merge(imports::routes())
        .merge(media::routes())
        .merge(retention::routes())
        .merge(segments::routes())
        .merge(templates::routes())
        .merge(tenants::routes())
        .merge(webhooks::inbox_routes())
}

/// Routes of a tenant whose POSTs send: their idempotency key is part of the commit.
fn sending() -> Routes {
    messages::routes()
}

/// Routes outside of the tenants.
fn outside() -> Routes {
    Routes::new()
        .merge(probes::routes())
        .merge(metrics::routes())
        .merge(webhooks::routes())
        .nest(auth::BASE, auth::routes())
        .nest(tenants::operator::BASE, tenants::operator::routes())
}

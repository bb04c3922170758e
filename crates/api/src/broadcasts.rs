//! Broadcasts: planned, tried out, sent, watched.

mod bodies;
mod events;
mod list;
mod preview;
mod recipients;
mod results;
mod steps;
mod table;

use api_types::broadcasts::{
    Broadcast, BroadcastQuery, CreateBroadcast, RecipientInput, UpdateBroadcast, Wanted,
};
use api_types::errors::details::{
    Disabled, Missing, MissingTemplate, NotApproved, Nothing, ParamsMismatch, Rejected, TokenOver, WrongState,
};
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::broadcasts::StopCode;
use domain::{BroadcastId, TenantId};
use engine::broadcasts::{BroadcastError, Broadcasts, BrokenNumber};
use ports::broadcasts::{BroadcastFilter, BroadcastPatch};
use serde_json::{Value, json};

use crate::answer::{Answer, Result, created, ok, paging};
use crate::body::{Id, Json, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

use bodies::Viewer;
use list::Lists;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_broadcasts, create_broadcast))
        .routes(routes!(get_broadcast, update_broadcast, delete_broadcast))
        .merge(preview::routes())
        .merge(steps::routes())
        .merge(results::routes())
        .merge(recipients::routes())
        .merge(list::routes())
        .merge(events::routes())
}

/// Broadcasts, newest first.
#[utoipa::path(get, path = "/broadcasts", tag = "broadcasts", params(BroadcastQuery, PagingQuery),
    responses((status = 200, body = Success<List<Broadcast>>)),
    extensions(("x-required-permission" = json!("broadcasts_read"))))]
async fn list_broadcasts(
    caller: Caller<needs::BroadcastsRead>,
    State(viewer): State<Viewer>,
    Query((wanted, page)): Query<(BroadcastQuery, PagingQuery)>,
) -> Result<Answer<List<Broadcast>>> {
    let filter = BroadcastFilter {
        state: wanted.status.map(Into::into),
        search: wanted.search,
        recurs_from: wanted.recurs_from,
    };
    let found = viewer.broadcasts.list(caller.tenant, &filter, &paging(&page)).await;
    let found = found.map_err(failed(BroadcastId(0)))?;
    viewer.list(&page, found).await
}

/// Makes a broadcast: a draft. The template must exist and its parameters must fit; it need not be approved yet.
#[utoipa::path(post, path = "/broadcasts", tag = "broadcasts", request_body = CreateBroadcast,
    responses((status = 201, body = Success<Broadcast>)),
    extensions(("x-required-permission" = json!("broadcasts_write")), ("x-error-codes" = json!([
        "TEMPLATE_NOT_FOUND", "TEMPLATE_PARAMS_MISMATCH", "SEGMENT_NOT_FOUND", "CONNECTION_NOT_FOUND", "CONNECTION_NOT_CONFIGURED"]))))]
async fn create_broadcast(
    caller: Caller<needs::BroadcastsWrite>,
    State(viewer): State<Viewer>,
    State(lists): State<Lists>,
    Json(mut wanted): Json<CreateBroadcast>,
) -> Result<Answer<Broadcast>> {
    let template_name = std::mem::take(&mut wanted.template_name);
    let Wanted { plan, recipients } = wanted.take_given(Some(template_name)).onto(None)?;
    let rows = lists.rows_of(caller.tenant, recipients).await?;
    let new = engine::broadcasts::CreateBroadcast { name: wanted.name, plan, created_by: caller.key };
    let made = viewer.broadcasts.create(caller.tenant, new).await.map_err(failed(BroadcastId(0)))?;
    if let Some(rows) = rows
        && let Err(error) = viewer.broadcasts.replace_list(caller.tenant, made.id, rows, None).await
    {
        // A draft without its list is not what was asked for.
        if let Err(error) = viewer.broadcasts.delete(caller.tenant, made.id).await {
            tracing::warn!(%error, broadcast = %made.id, "a draft stays without its list");
        }
        return Err(failed(made.id)(error));
    }
    Ok(created(viewer.body(made).await?))
}

/// One broadcast, with its counts and how far it has come.
#[utoipa::path(get, path = "/broadcasts/{id}", tag = "broadcasts",
    responses((status = 200, body = Success<Broadcast>)),
    extensions(("x-required-permission" = json!("broadcasts_read")), ("x-error-codes" = json!(["BROADCAST_NOT_FOUND"]))))]
async fn get_broadcast(
    caller: Caller<needs::BroadcastsRead>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
) -> Result<Answer<Broadcast>> {
    Ok(ok(viewer.get(caller.tenant, id).await?))
}

/// Changes a broadcast that has not begun: a draft, a scheduled one, or one that could not start at its time (`paused`,
/// with no `started_at`), which is resumed afterwards. `recipients` take the place of its list. A scheduled one must stay
/// such that it could be sent. Of a paused one that has begun the numbers (`connection_id`, `connection_ids`) can be
/// changed, and nothing else.
#[utoipa::path(patch, path = "/broadcasts/{id}", tag = "broadcasts", request_body = UpdateBroadcast,
    responses((status = 200, body = Success<Broadcast>)),
    extensions(("x-required-permission" = json!("broadcasts_write")), ("x-error-codes" = json!([
        "BROADCAST_NOT_FOUND", "INVALID_STATE", "TEMPLATE_NOT_FOUND", "TEMPLATE_NOT_APPROVED",
        "TEMPLATE_PARAMS_MISMATCH", "SEGMENT_NOT_FOUND", "TOKEN_EXPIRED", "META_REJECTED", "CONNECTION_NOT_FOUND",
        "CONNECTION_NOT_CONFIGURED", "CONNECTION_DISABLED"]))))]
async fn update_broadcast(
    caller: Caller<needs::BroadcastsWrite>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
    State(lists): State<Lists>,
    Json(mut wanted): Json<UpdateBroadcast>,
) -> Result<Answer<Broadcast>> {
    let template_name = wanted.template_name.take();
    let given = wanted.take_given(template_name);
    let name = wanted.name.take();
    // What others change at the same time is merged as well.
    let patch = |old: &ports::broadcasts::Broadcast| -> Result<BroadcastPatch> {
        let plan = match given.is_empty() {
            true => None,
            false => Some(given.clone().onto(Some(old.plan.clone()))?.plan),
        };
        Ok(BroadcastPatch { name: name.clone(), plan })
    };
    let (tenant, broadcasts) = (caller.tenant, &viewer.broadcasts);
    let changed = match given.recipients() {
        None => broadcasts.change(tenant, id, patch).await,
        Some(recipients) => {
            patch(&broadcasts.get(tenant, id).await.map_err(failed(id))?)?;
            let rows = lists.rows_of(tenant, Some(recipients.clone())).await?.unwrap_or_default();
            broadcasts.change_with_list(tenant, id, rows, patch).await
        }
    };
    let changed = changed.map_err(failed(id))??;
    Ok(ok(viewer.body(changed).await?))
}

/// Removes a broadcast that is neither sending nor paused, with its recipients; its messages stay.
#[utoipa::path(delete, path = "/broadcasts/{id}", tag = "broadcasts",
    responses((status = 200, body = Success<Value>)),
    extensions(("x-required-permission" = json!("broadcasts_write")),
        ("x-error-codes" = json!(["BROADCAST_NOT_FOUND", "INVALID_STATE"]))))]
async fn delete_broadcast(
    caller: Caller<needs::BroadcastsWrite>,
    Id(id): Id<BroadcastId>,
    State(broadcasts): State<Broadcasts>,
) -> Result<Answer<Value>> {
    broadcasts.delete(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(json!({ "id": id, "deleted": true })))
}

/// A recipient as a request names it.
type Rows = Option<Vec<RecipientInput>>;

fn not_found(id: BroadcastId) -> ApiError {
    Problem::BroadcastNotFound(Missing { id: id.0 }).into()
}

/// It must be one of this tenant.
async fn must_exist(broadcasts: &Broadcasts, tenant: TenantId, id: BroadcastId) -> Result<()> {
    broadcasts.get(tenant, id).await.map_err(failed(id))?;
    Ok(())
}

/// As a single message is refused: only a token that is over is told as one.
fn broken_number(broken: BrokenNumber) -> Problem {
    if broken.code == StopCode::TokenExpired {
        return Problem::TokenExpired(TokenOver {
            action_required: TokenOver::ACTION.to_owned(),
            expired_at: broken.token_expires_at,
            connection_id: Some(broken.connection.0),
            message_id: None,
        });
    }
    Problem::MetaRejected(Rejected {
        meta_error_code: broken.meta_error_code.unwrap_or_default(),
        advice: format!("{}.", broken.mend()),
        meta_message: broken.reason,
        fbtrace_id: None,
        message_id: None,
    })
}

fn failed(broadcast: BroadcastId) -> impl FnOnce(BroadcastError) -> ApiError {
    move |error| {
        let problem = match error {
            BroadcastError::NotFound => return not_found(broadcast),
            BroadcastError::InvalidState { current, allowed } => Problem::InvalidState(WrongState {
                current: current.as_str().to_owned(),
                allowed: allowed.iter().map(|state| state.as_str().to_owned()).collect(),
                not_before: None,
            }),
            BroadcastError::Faults(faults) => return engine::faults::Faults(faults).into(),
            BroadcastError::TemplateNotFound { name, language, languages } => {
                Problem::TemplateNotFound(MissingTemplate {
                    id: None,
                    template_name: Some(name),
                    template_language: language,
                    available_languages: languages,
                })
            }
            BroadcastError::TemplateNotApproved { id, name, status, rejection_reason } => {
                Problem::TemplateNotApproved(NotApproved {
                    template_id: id.0,
                    template_name: name,
                    status: status.as_str().to_owned(),
                    rejection_reason,
                })
            }
            BroadcastError::ParamsMismatch { template_name, mismatch } => {
                let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
                Problem::TemplateParamsMismatch(ParamsMismatch {
                    template_name,
                    expected_params: count(mismatch.expected_params),
                    provided_params: count(mismatch.provided_params),
                    param_names: mismatch.param_names,
                    problems: mismatch.problems,
                })
            }
            BroadcastError::SegmentNotFound(id) => Problem::SegmentNotFound(Missing { id: id.0 }),
            BroadcastError::ListEmpty => {
                let problem = "has no rows: upload them by PUT …/list, or give recipients";
                return ApiError::fault("/audience/list", problem);
            }
            BroadcastError::Overtaken => {
                return ports::StoreError::Unavailable("others change the broadcast".into()).into();
            }
            BroadcastError::NotConfigured => Problem::ConnectionNotConfigured(Nothing {}),
            BroadcastError::ConnectionNotFound(id) => Problem::ConnectionNotFound(Missing { id: id.0 }),
            BroadcastError::ConnectionDisabled(id) => {
                Problem::ConnectionDisabled(Disabled { connection_id: id.0 })
            }
            BroadcastError::ConnectionBroken(broken) => broken_number(*broken),
            BroadcastError::Store(error) => return error.into(),
        };
        problem.into()
    }
}

//! The inbox of webhooks as the tenant sees it: how it stands, what was set aside, and driving that again.

use api_types::webhooks::{AsideItem, AsideQuery, AsideReason, InboxStats, Redriven, RetryItems};
use api_types::{List, PagingQuery, Success};
use axum::extract::State;
use engine::webhooks::Webhooks;
use ports::webhooks as kept;

use crate::answer::{Answer, Result, list, ok, paging};
use crate::body::{Json, Query};
use crate::caller::{Caller, needs};
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(get_inbox))
        .routes(routes!(list_aside_items))
        .routes(routes!(retry_aside_items))
}

/// How the inbox stands.
#[utoipa::path(get, path = "/webhooks/inbox", tag = "webhooks",
    responses((status = 200, body = Success<InboxStats>)),
    extensions(("x-required-permission" = json!("webhooks_read"))))]
async fn get_inbox(
    caller: Caller<needs::WebhooksRead>,
    State(webhooks): State<Webhooks>,
) -> Result<Answer<InboxStats>> {
    let stats = webhooks.stats(caller.tenant).await?;
    Ok(ok(InboxStats {
        pending: stats.pending,
        unrecognised: stats.unrecognised,
        poison: stats.poison,
        orphan_statuses: stats.orphan_statuses,
    }))
}

/// Items that were set aside, newest first.
#[utoipa::path(get, path = "/webhooks/items", tag = "webhooks", params(AsideQuery, PagingQuery),
    responses((status = 200, body = Success<List<AsideItem>>)),
    extensions(("x-required-permission" = json!("webhooks_read"))))]
async fn list_aside_items(
    caller: Caller<needs::WebhooksRead>,
    State(webhooks): State<Webhooks>,
    Query((wanted, page)): Query<(AsideQuery, PagingQuery)>,
) -> Result<Answer<List<AsideItem>>> {
    let found = webhooks.aside(caller.tenant, wanted.reason.map(reason), &paging(&page)).await?;
    list(&page, found, body)
}

/// Drives unresolved items again, at most 1,000, each on its own: after a repair, or after an update that knows them.
/// Applying an item twice changes nothing.
#[utoipa::path(post, path = "/webhooks/items/retry", tag = "webhooks", request_body = RetryItems,
    responses((status = 200, body = Success<Redriven>)),
    extensions(("x-required-permission" = json!("webhooks_manage"))))]
async fn retry_aside_items(
    caller: Caller<needs::WebhooksManage>,
    State(webhooks): State<Webhooks>,
    Json(request): Json<RetryItems>,
) -> Result<Answer<Redriven>> {
    let wanted = request.reason.map_or(kept::AsideReason::Poison, reason);
    let redriven = webhooks.retry(caller.tenant, wanted).await?;
    Ok(ok(Redriven { applied: redriven.applied, left: redriven.left }))
}

fn reason(reason: AsideReason) -> kept::AsideReason {
    match reason {
        AsideReason::Unrecognised => kept::AsideReason::Unrecognised,
        AsideReason::Informational => kept::AsideReason::Informational,
        AsideReason::Poison => kept::AsideReason::Poison,
    }
}

fn body(item: kept::AsideItem) -> AsideItem {
    AsideItem {
        id: item.id.0,
        inbox_id: item.inbox_id.0,
        pointer: item.pointer,
        field: item.field,
        reason: item.reason,
        why: item.why,
        raw: item.raw,
        at: item.at,
        attempts: item.attempts,
        resolved_at: item.resolved_at,
    }
}

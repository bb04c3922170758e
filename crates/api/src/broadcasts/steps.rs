//! What people do with a broadcast: send, hold, go on, call off, try again.

use api_types::Success;
use api_types::broadcasts::{Broadcast, RetriedRecipients, RetryFailed, SendBroadcast, SkippedRecipients};
use axum::extract::State;
use domain::BroadcastId;
use ports::broadcasts::{BroadcastPatch, NotRetried};

use super::bodies::Viewer;
use super::failed;
use crate::answer::{Answer, Result, accepted, ok};
use crate::body::{Id, Json, NoBody};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(send_broadcast))
        .routes(routes!(unschedule_broadcast))
        .routes(routes!(pause_broadcast))
        .routes(routes!(resume_broadcast))
        .routes(routes!(cancel_broadcast))
        .routes(routes!(retry_failed))
}

/// Sends a broadcast: now (`sending`), or at the time of its plan (`scheduled`).
///
/// The template must be approved, and a number must be able to send. Whom it reaches is settled when it starts.
#[utoipa::path(post, path = "/broadcasts/{id}/send", tag = "broadcasts",
    request_body(content = SendBroadcast, description = "May be left out"),
    responses((status = 202, description = "Sending, or scheduled", body = Success<Broadcast>)),
    extensions(("x-required-permission" = json!("broadcasts_send")), ("x-error-codes" = json!([
        "BROADCAST_NOT_FOUND", "INVALID_STATE", "TEMPLATE_NOT_FOUND", "TEMPLATE_NOT_APPROVED",
        "TEMPLATE_PARAMS_MISMATCH", "SEGMENT_NOT_FOUND", "TOKEN_EXPIRED", "META_REJECTED", "CONNECTION_NOT_FOUND",
        "CONNECTION_NOT_CONFIGURED", "CONNECTION_DISABLED"]))))]
async fn send_broadcast(
    caller: Caller<needs::BroadcastsSend>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
    Json(mut how): Json<SendBroadcast>,
) -> Result<Answer<Broadcast>> {
    let given = how.take_given();
    if !given.is_empty() {
        let patch = |old: &ports::broadcasts::Broadcast| -> Result<BroadcastPatch> {
            let plan = Some(given.clone().onto(Some(old.plan.clone()))?.plan);
            Ok(BroadcastPatch { name: None, plan })
        };
        viewer.broadcasts.change(caller.tenant, id, patch).await.map_err(failed(id))??;
    }
    let sent = viewer.broadcasts.send(caller.tenant, id).await.map_err(failed(id))?;
    Ok(accepted(viewer.body(sent).await?))
}

/// Takes a scheduled broadcast back: a draft again.
#[utoipa::path(post, path = "/broadcasts/{id}/unschedule", tag = "broadcasts",
    responses((status = 200, body = Success<Broadcast>)),
    extensions(("x-required-permission" = json!("broadcasts_send")),
        ("x-error-codes" = json!(["BROADCAST_NOT_FOUND", "INVALID_STATE"]))))]
async fn unschedule_broadcast(
    caller: Caller<needs::BroadcastsSend>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
    _: NoBody,
) -> Result<Answer<Broadcast>> {
    let moved = viewer.broadcasts.unschedule(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(viewer.body(moved).await?))
}

/// Holds a broadcast: nothing more goes out but what is being sent at this moment.
#[utoipa::path(post, path = "/broadcasts/{id}/pause", tag = "broadcasts",
    responses((status = 200, body = Success<Broadcast>)),
    extensions(("x-required-permission" = json!("broadcasts_send")),
        ("x-error-codes" = json!(["BROADCAST_NOT_FOUND", "INVALID_STATE"]))))]
async fn pause_broadcast(
    caller: Caller<needs::BroadcastsSend>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
    _: NoBody,
) -> Result<Answer<Broadcast>> {
    let moved = viewer.broadcasts.pause(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(viewer.body(moved).await?))
}

/// Lets a paused broadcast go on where it stopped; nobody gets it twice. One of its numbers must be able to send. One that
/// could not start at its time is sent as it is planned now.
#[utoipa::path(post, path = "/broadcasts/{id}/resume", tag = "broadcasts",
    responses((status = 200, body = Success<Broadcast>)),
    extensions(("x-required-permission" = json!("broadcasts_send")), ("x-error-codes" = json!([
        "BROADCAST_NOT_FOUND", "INVALID_STATE", "TEMPLATE_NOT_FOUND", "TEMPLATE_NOT_APPROVED",
        "TEMPLATE_PARAMS_MISMATCH", "SEGMENT_NOT_FOUND", "TOKEN_EXPIRED", "META_REJECTED", "CONNECTION_NOT_FOUND",
        "CONNECTION_NOT_CONFIGURED", "CONNECTION_DISABLED"]))))]
async fn resume_broadcast(
    caller: Caller<needs::BroadcastsSend>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
    _: NoBody,
) -> Result<Answer<Broadcast>> {
    let moved = viewer.broadcasts.resume(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(viewer.body(moved).await?))
}

/// Calls a broadcast off for good: what has gone out stays out, what waits is taken back.
#[utoipa::path(post, path = "/broadcasts/{id}/cancel", tag = "broadcasts",
    responses((status = 200, body = Success<Broadcast>)),
    extensions(("x-required-permission" = json!("broadcasts_send")),
        ("x-error-codes" = json!(["BROADCAST_NOT_FOUND", "INVALID_STATE"]))))]
async fn cancel_broadcast(
    caller: Caller<needs::BroadcastsSend>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
    _: NoBody,
) -> Result<Answer<Broadcast>> {
    let moved = viewer.broadcasts.cancel(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(viewer.body(moved).await?))
}

/// Gives recipients that failed another attempt, which names the old message in `retry_of`.
///
/// Whoever Meta lets nobody write to before a time waits for it. A broadcast that has ended goes on, with its template as it
/// is now; one that is paused keeps them until it is resumed.
#[utoipa::path(post, path = "/broadcasts/{id}/retry-failed", tag = "broadcasts",
    request_body(content = RetryFailed, description = "May be left out"),
    responses((status = 202, description = "They wait for their turn", body = Success<RetriedRecipients>)),
    extensions(("x-required-permission" = json!("broadcasts_send")), ("x-error-codes" = json!([
        "BROADCAST_NOT_FOUND", "INVALID_STATE", "TEMPLATE_NOT_FOUND", "TEMPLATE_NOT_APPROVED",
        "TEMPLATE_PARAMS_MISMATCH", "SEGMENT_NOT_FOUND", "TOKEN_EXPIRED", "META_REJECTED", "CONNECTION_NOT_FOUND",
        "CONNECTION_NOT_CONFIGURED", "CONNECTION_DISABLED"]))))]
async fn retry_failed(
    caller: Caller<needs::BroadcastsSend>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
    Json(which): Json<RetryFailed>,
) -> Result<Answer<RetriedRecipients>> {
    if which.reasons.as_ref().is_some_and(Vec::is_empty) {
        return Err(ApiError::fault("/reasons", "must name at least one reason; leave it away for all"));
    }
    let reasons = which.reasons.unwrap_or_default().into_iter().map(Into::into).collect();
    let accept_duplicate = which.accept_duplicate.unwrap_or_default();
    let done = viewer.broadcasts.retry_failed(caller.tenant, id, reasons, accept_duplicate).await;
    let done = done.map_err(failed(id))?;
    let broadcast = viewer.get(caller.tenant, id).await?;
    Ok(accepted(RetriedRecipients {
        retried: done.retried,
        waiting: done.waiting,
        first_due_at: done.waiting_until.map(|(first, _)| first),
        last_due_at: done.waiting_until.map(|(_, last)| last),
        skipped: done.skipped.into_iter().map(skipped).collect(),
        broadcast,
    }))
}

fn skipped((why, count): (NotRetried, i64)) -> SkippedRecipients {
    let reason = match why {
        NotRetried::OutcomeUnknown => "outcome_unknown",
        NotRetried::ContentPurged => "content_purged",
    };
    SkippedRecipients { reason: reason.to_owned(), count }
}

//! Segments.

use api_types::errors::details::{DuplicateSegment, Missing, WrongState};
use api_types::segments::{CountSegment, CreateSegment, Rule, Segment, SegmentCount, UpdateSegment};
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::SegmentId;
use engine::segments::{Count, SegmentError, Segments};
use ports::segments::SegmentPatch;
use serde_json::{Value, json};

use crate::answer::{Answer, Result, created, list, ok, paging};
use crate::body::{Id, Json, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_segments, create_segment))
        .routes(routes!(count_rule))
        .routes(routes!(get_segment, update_segment, delete_segment))
        .routes(routes!(count_segment))
}

/// Segments, by name.
#[utoipa::path(get, path = "/segments", tag = "segments", params(PagingQuery),
    responses((status = 200, body = Success<List<Segment>>)),
    extensions(("x-required-permission" = json!("contacts_read"))))]
async fn list_segments(
    caller: Caller<needs::ContactsRead>,
    State(segments): State<Segments>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Segment>>> {
    let found = segments.list(caller.tenant, &paging(&page)).await.map_err(failed(SegmentId(0)))?;
    list(&page, found, body)
}

/// Makes a segment.
#[utoipa::path(post, path = "/segments", tag = "segments", request_body = CreateSegment,
    responses((status = 201, body = Success<Segment>)),
    extensions(("x-required-permission" = json!("segments_write")), ("x-error-codes" = json!(["DUPLICATE_SEGMENT"]))))]
async fn create_segment(
    caller: Caller<needs::SegmentsWrite>,
    State(segments): State<Segments>,
    Json(wanted): Json<CreateSegment>,
) -> Result<Answer<Segment>> {
    let made = segments.create(caller.tenant, &wanted.name, &wanted.rule.0).await;
    Ok(created(body(made.map_err(failed(SegmentId(0)))?)))
}

/// Counts the contacts that a rule means, without keeping it.
#[utoipa::path(post, path = "/segments/count", tag = "segments", request_body = CountSegment,
    responses((status = 200, body = Success<SegmentCount>)),
    extensions(("x-required-permission" = json!("contacts_read"))))]
async fn count_rule(
    caller: Caller<needs::ContactsRead>,
    State(segments): State<Segments>,
    Json(wanted): Json<CountSegment>,
) -> Result<Answer<SegmentCount>> {
    let counted = segments.count_rule(caller.tenant, &wanted.rule.0).await;
    Ok(ok(count(counted.map_err(failed(SegmentId(0)))?)))
}

/// One segment.
#[utoipa::path(get, path = "/segments/{id}", tag = "segments",
    responses((status = 200, body = Success<Segment>)),
    extensions(("x-required-permission" = json!("contacts_read")), ("x-error-codes" = json!(["SEGMENT_NOT_FOUND"]))))]
async fn get_segment(
    caller: Caller<needs::ContactsRead>,
    Id(id): Id<SegmentId>,
    State(segments): State<Segments>,
) -> Result<Answer<Segment>> {
    Ok(ok(body(segments.get(caller.tenant, id).await.map_err(failed(id))?)))
}

/// Changes a segment; a broadcast that was started keeps the rule that it was started with.
#[utoipa::path(patch, path = "/segments/{id}", tag = "segments", request_body = UpdateSegment,
    responses((status = 200, body = Success<Segment>)),
    extensions(
        ("x-required-permission" = json!("segments_write")),
        ("x-error-codes" = json!(["SEGMENT_NOT_FOUND", "DUPLICATE_SEGMENT"]))))]
async fn update_segment(
    caller: Caller<needs::SegmentsWrite>,
    Id(id): Id<SegmentId>,
    State(segments): State<Segments>,
    Json(wanted): Json<UpdateSegment>,
) -> Result<Answer<Segment>> {
    let patch = SegmentPatch { name: wanted.name, rule: wanted.rule.map(|rule| rule.0) };
    Ok(ok(body(segments.update(caller.tenant, id, patch).await.map_err(failed(id))?)))
}

/// Removes a segment; its contacts stay, and broadcasts that were started keep their rule. One that has not begun and goes
/// to it keeps it from being removed.
#[utoipa::path(delete, path = "/segments/{id}", tag = "segments",
    responses((status = 200, body = Success<Value>)),
    extensions(("x-required-permission" = json!("segments_write")),
        ("x-error-codes" = json!(["SEGMENT_NOT_FOUND", "INVALID_STATE"]))))]
async fn delete_segment(
    caller: Caller<needs::SegmentsWrite>,
    Id(id): Id<SegmentId>,
    State(segments): State<Segments>,
) -> Result<Answer<Value>> {
    segments.delete(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(json!({ "id": id, "deleted": true })))
}

/// Counts the contacts in a segment, now.
#[utoipa::path(get, path = "/segments/{id}/count", tag = "segments",
    responses((status = 200, body = Success<SegmentCount>)),
    extensions(("x-required-permission" = json!("contacts_read")), ("x-error-codes" = json!(["SEGMENT_NOT_FOUND"]))))]
async fn count_segment(
    caller: Caller<needs::ContactsRead>,
    Id(id): Id<SegmentId>,
    State(segments): State<Segments>,
) -> Result<Answer<SegmentCount>> {
    Ok(ok(count(segments.count(caller.tenant, id).await.map_err(failed(id))?)))
}

fn body(segment: ports::segments::Segment) -> Segment {
    Segment {
        id: segment.id.0,
        name: segment.name,
        rule: Rule(segment.rule),
        created_at: segment.created_at,
        updated_at: segment.updated_at,
    }
}

fn count(count: Count) -> SegmentCount {
    SegmentCount { count: count.counted.contacts, opted_in: count.counted.opted_in, counted_at: count.at }
}

pub(crate) fn failed(segment: SegmentId) -> impl FnOnce(SegmentError) -> ApiError {
    move |error| match error {
        SegmentError::NotFound => Problem::SegmentNotFound(Missing { id: segment.0 }).into(),
        SegmentError::Used(by) => {
            let by: Vec<String> = by.iter().map(ToString::to_string).collect();
            let current = format!("used by broadcasts {}", by.join(", "));
            let allowed = vec!["unused".to_owned()];
            Problem::InvalidState(WrongState { current, allowed, not_before: None }).into()
        }
        SegmentError::NameTaken(other) => {
            Problem::DuplicateSegment(DuplicateSegment { segment_id: other.0 }).into()
        }
        SegmentError::Invalid(faults) => faults.into(),
        SegmentError::Store(error) => error.into(),
    }
}

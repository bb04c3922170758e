//! Security events.

use api_types::access::{SecurityEvent, SecurityEventQuery};
use api_types::{List, PagingQuery, Success};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::ApiKeyId;
use domain::audit::{Action, NewEntry};
use engine::access::{Access, EventFormat};
use engine::audit::Audit;
use http::{HeaderValue, header};
use ports::access::EventFilter;

use super::failed;
use crate::answer::{Answer, Result, list, paging};
use crate::body::Query;
use crate::caller::{Caller, needs};
use crate::contacts::csv_file;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_security_events))
        .routes(routes!(export_security_events_csv))
        .routes(routes!(export_security_events_jsonl))
}

/// What should not have happened at the door, newest first.
#[utoipa::path(get, path = "/security-events", tag = "access", params(SecurityEventQuery, PagingQuery),
    responses((status = 200, body = Success<List<SecurityEvent>>)),
    extensions(("x-required-permission" = json!("security_read"))))]
async fn list_security_events(
    caller: Caller<needs::SecurityRead>,
    State(access): State<Access>,
    Query((wanted, page)): Query<(SecurityEventQuery, PagingQuery)>,
) -> Result<Answer<List<SecurityEvent>>> {
    let found = access.security_events(caller.tenant, &filter(wanted), &paging(&page)).await;
    list(&page, found.map_err(failed(ApiKeyId(0)))?, body)
}

/// The same as a CSV file for a spreadsheet, whole. What a spreadsheet would take for a formula has an apostrophe
/// before it.
#[utoipa::path(get, path = "/security-events/export.csv", tag = "access", params(SecurityEventQuery),
    responses((status = 200, content_type = "text/csv", body = String)),
    extensions(("x-required-permission" = json!("security_read"))))]
async fn export_security_events_csv(
    caller: Caller<needs::SecurityRead>,
    State(access): State<Access>,
    State(audit): State<Audit>,
    Query(wanted): Query<SecurityEventQuery>,
) -> Result<Response> {
    audit.note(caller.tenant, NewEntry::new(Action::SecurityEventsExported, "security_events")).await?;
    let bytes = access.export_events(caller.tenant, filter(wanted), EventFormat::Csv);
    Ok(csv_file(bytes, "security-events.csv"))
}

/// The same as lines of JSON, whole.
#[utoipa::path(get, path = "/security-events/export.jsonl", tag = "access", params(SecurityEventQuery),
    responses((status = 200, content_type = "application/x-ndjson", body = String)),
    extensions(("x-required-permission" = json!("security_read"))))]
async fn export_security_events_jsonl(
    caller: Caller<needs::SecurityRead>,
    State(access): State<Access>,
    State(audit): State<Audit>,
    Query(wanted): Query<SecurityEventQuery>,
) -> Result<Response> {
    audit.note(caller.tenant, NewEntry::new(Action::SecurityEventsExported, "security_events")).await?;
    let bytes = access.export_events(caller.tenant, filter(wanted), EventFormat::JsonLines);
    let mut response = Response::new(Body::from_stream(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"security-events.jsonl\""),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn filter(wanted: SecurityEventQuery) -> EventFilter {
    EventFilter { kind: wanted.kind, address: wanted.address, since: wanted.since, until: wanted.until }
}

fn body(event: ports::access::SecurityEvent) -> SecurityEvent {
    SecurityEvent {
        id: event.id.0,
        kind: event.kind,
        connection_id: event.connection_id.map(|connection| connection.0),
        address: event.address,
        reason: event.reason,
        at: event.at,
        last_at: event.last_at,
        count: event.count,
    }
}

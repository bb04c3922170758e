//! Security events.

use api_types::access::{SecurityEvent, SecurityEventQuery};
use api_types::{List, PagingQuery, Success};
use axum::extract::{FromRef, State};
use axum::response::Response;
use domain::audit::{Action, NewEntry};
use domain::{ApiKeyId, TenantId};
use engine::access::{Access, EventFormat};
use engine::audit::Audit;
use ports::access::EventFilter;
use ports::gateway::ByteStream;

use super::failed;
use crate::answer::{Answer, Result, list, paging};
use crate::body::Query;
use crate::caller::{Caller, needs};
use crate::files::{csv_file, json_lines_file};
use crate::routing::{Routes, routes};
use crate::state::ApiState;

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
    State(exports): State<Exports>,
    Query(wanted): Query<SecurityEventQuery>,
) -> Result<Response> {
    let bytes = exports.of(caller.tenant, wanted, EventFormat::Csv).await?;
    Ok(csv_file(bytes, "security-events.csv"))
}

/// The same as lines of JSON, whole.
#[utoipa::path(get, path = "/security-events/export.jsonl", tag = "access", params(SecurityEventQuery),
    responses((status = 200, content_type = "application/x-ndjson", body = String)),
    extensions(("x-required-permission" = json!("security_read"))))]
async fn export_security_events_jsonl(
    caller: Caller<needs::SecurityRead>,
    State(exports): State<Exports>,
    Query(wanted): Query<SecurityEventQuery>,
) -> Result<Response> {
    let bytes = exports.of(caller.tenant, wanted, EventFormat::JsonLines).await?;
    Ok(json_lines_file(bytes, "security-events.jsonl"))
}

/// What files of events need.
#[derive(Clone)]
struct Exports {
    access: Access,
    audit: Audit,
}

impl FromRef<ApiState> for Exports {
    fn from_ref(state: &ApiState) -> Self {
        Self { access: Access::from_ref(state), audit: Audit::from_ref(state) }
    }
}

impl Exports {
    /// A file of events; that it was made is noted first.
    async fn of(
        &self,
        tenant: TenantId,
        wanted: SecurityEventQuery,
        format: EventFormat,
    ) -> Result<ByteStream> {
        let entry = NewEntry::new(Action::SecurityEventsExported, "security_events");
        self.audit.note(tenant, entry).await?;
        Ok(self.access.export_events(tenant, filter(wanted), format))
    }
}

pub(crate) fn filter(wanted: SecurityEventQuery) -> EventFilter {
    EventFilter { kind: wanted.kind, address: wanted.address, since: wanted.since, until: wanted.until }
}

pub(crate) fn body(event: ports::access::SecurityEvent) -> SecurityEvent {
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

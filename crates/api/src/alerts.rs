//! Alerts.

use api_types::alerts::{Alert, AlertQuery, Severity};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::AlertId;
use engine::alerts::{AlertError, Alerts};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, Result, list, ok, paging};
use crate::body::{Id, Query};
use crate::caller::{Caller, Manages, Reads};
use crate::error::ApiError;
use crate::state::ApiState;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_alerts)).routes(routes!(acknowledge_alert))
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/alerts", tag = "alerts", params(AlertQuery, PagingQuery),
    responses((status = 200, body = Success<List<Alert>>)),
    extensions(("x-required-scope" = json!("read"))))]
async fn list_alerts(
    caller: Caller<Reads>,
    State(alerts): State<Alerts>,
    Query((wanted, page)): Query<(AlertQuery, PagingQuery)>,
) -> Result<Answer<List<Alert>>> {
    let found = alerts.list(caller.tenant, wanted.open, &paging(&page)).await.map_err(failed(AlertId(0)))?;
    list(&page, found, body)
}

/// Notes that somebody saw an alert. A repeat keeps the first time.
#[utoipa::path(post, path = "/alerts/{id}/acknowledge", tag = "alerts",
    responses((status = 200, body = Success<Alert>)),
    extensions(("x-required-scope" = json!("manage")), ("x-error-codes" = json!(["ALERT_NOT_FOUND"]))))]
async fn acknowledge_alert(
    caller: Caller<Manages>,
    Id(id): Id<AlertId>,
    State(alerts): State<Alerts>,
) -> Result<Answer<Alert>> {
    let alert = alerts.acknowledge(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(body(alert)))
}

fn body(alert: ports::alerts::Alert) -> Alert {
    Alert {
        id: alert.id.0,
        kind: alert.kind,
        subject: alert.subject,
        severity: match alert.severity {
            ports::alerts::Severity::Info => Severity::Info,
            ports::alerts::Severity::Warning => Severity::Warning,
            ports::alerts::Severity::Critical => Severity::Critical,
        },
        message: alert.message,
        details: alert.details,
        opened_at: alert.opened_at,
        last_at: alert.last_at,
        count: alert.count,
        acknowledged_at: alert.acknowledged_at,
        resolved_at: alert.resolved_at,
    }
}

fn failed(alert: AlertId) -> impl FnOnce(AlertError) -> ApiError {
    move |error| match error {
        AlertError::NotFound => Problem::AlertNotFound(Missing { id: alert.0 }).into(),
        AlertError::Store(error) => error.into(),
    }
}

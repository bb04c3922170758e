//! Alerts.

mod channels;
mod rules;

use api_types::alerts::{Alert, AlertActor, AlertEvent, AlertQuery, AlertWithHistory, Happened, Severity};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::AlertId;
use engine::alerts::{AlertError, Alerts};
use ports::audit::current;

use crate::answer::{Answer, Result, list, ok, paging};
use crate::body::{Id, NoBody, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_alerts))
        .routes(routes!(get_alert))
        .routes(routes!(acknowledge_alert))
        .merge(rules::routes())
        .merge(channels::routes())
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/alerts", tag = "alerts", params(AlertQuery, PagingQuery),
    responses((status = 200, body = Success<List<Alert>>)),
    extensions(("x-required-permission" = json!("alerts_read"))))]
async fn list_alerts(
    caller: Caller<needs::AlertsRead>,
    State(alerts): State<Alerts>,
    Query((wanted, page)): Query<(AlertQuery, PagingQuery)>,
) -> Result<Answer<List<Alert>>> {
    let found = alerts.list(caller.tenant, wanted.open, &paging(&page)).await.map_err(failed(AlertId(0)))?;
    list(&page, found, body)
}

/// One alert, with all that happened to it.
#[utoipa::path(get, path = "/alerts/{id}", tag = "alerts",
    responses((status = 200, body = Success<AlertWithHistory>)),
    extensions(("x-required-permission" = json!("alerts_read")), ("x-error-codes" = json!(["ALERT_NOT_FOUND"]))))]
async fn get_alert(
    caller: Caller<needs::AlertsRead>,
    Id(id): Id<AlertId>,
    State(alerts): State<Alerts>,
) -> Result<Answer<AlertWithHistory>> {
    let (alert, history) = alerts.get(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(AlertWithHistory { alert: body(alert), history: history.into_iter().map(event).collect() }))
}

/// Notes that somebody saw an alert. A repeat keeps the first time and the first who did.
#[utoipa::path(post, path = "/alerts/{id}/acknowledge", tag = "alerts",
    responses((status = 200, body = Success<Alert>)),
    extensions(("x-required-permission" = json!("alerts_manage")), ("x-error-codes" = json!(["ALERT_NOT_FOUND"]))))]
async fn acknowledge_alert(
    caller: Caller<needs::AlertsManage>,
    Id(id): Id<AlertId>,
    State(alerts): State<Alerts>,
    _: NoBody,
) -> Result<Answer<Alert>> {
    let alert = alerts.acknowledge(caller.tenant, id, &current()).await.map_err(failed(id))?;
    Ok(ok(body(alert)))
}

pub(crate) fn body(alert: ports::alerts::Alert) -> Alert {
    Alert {
        id: alert.id.0,
        kind: alert.kind,
        subject: alert.subject,
        severity: severity(alert.severity),
        message: alert.message,
        details: alert.details,
        opened_at: alert.opened_at,
        last_at: alert.last_at,
        count: alert.count,
        acknowledged_at: alert.acknowledged_at,
        acknowledged_by: alert.acknowledged_by.map(actor),
        resolved_at: alert.resolved_at,
    }
}

pub(crate) fn event(event: ports::alerts::AlertEvent) -> AlertEvent {
    AlertEvent {
        id: event.id,
        happened: match event.happened {
            ports::alerts::Happened::Opened => Happened::Opened,
            ports::alerts::Happened::Escalated => Happened::Escalated,
            ports::alerts::Happened::Acknowledged => Happened::Acknowledged,
            ports::alerts::Happened::Resolved => Happened::Resolved,
        },
        at: event.at,
        by: event.by.map(actor),
    }
}

fn actor(by: ports::alerts::By) -> AlertActor {
    AlertActor { kind: by.kind.map(|kind| kind.as_str().to_owned()), id: by.id, name: by.name }
}

fn severity(severity: ports::alerts::Severity) -> Severity {
    match severity {
        ports::alerts::Severity::Info => Severity::Info,
        ports::alerts::Severity::Warning => Severity::Warning,
        ports::alerts::Severity::Critical => Severity::Critical,
    }
}

fn severity_of(severity: Severity) -> ports::alerts::Severity {
    match severity {
        Severity::Info => ports::alerts::Severity::Info,
        Severity::Warning => ports::alerts::Severity::Warning,
        Severity::Critical => ports::alerts::Severity::Critical,
    }
}

fn failed(alert: AlertId) -> impl FnOnce(AlertError) -> ApiError {
    move |error| match error {
        AlertError::NotFound => Problem::AlertNotFound(Missing { id: alert.0 }).into(),
        AlertError::Store(error) => error.into(),
    }
}

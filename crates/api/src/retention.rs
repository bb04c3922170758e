//! What is kept for how long.

use api_types::errors::details::Missing;
use api_types::retention::{
    INDEFINITE, PurgeForecast, PurgeMonth, PurgeRun, Purged, Retention, RetentionCutoffs, RetentionReport,
    UpdateRetention,
};
use api_types::{Problem, Success};
use axum::extract::State;
use domain::TenantId;
use domain::retention::Cutoffs;
use engine::retention::{RetentionError, RetentionPatch};

use crate::answer::{Answer, Result, ok};
use crate::body::Json;
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(get_retention, update_retention)).routes(routes!(report_retention))
}

/// What the tenant keeps for how long, the next purge, and what the last one removed.
#[utoipa::path(get, path = "/retention", tag = "retention",
    responses((status = 200, body = Success<Retention>)),
    extensions(("x-required-permission" = json!("retention_read"))))]
async fn get_retention(
    caller: Caller<needs::RetentionRead>,
    State(retention): State<engine::retention::Retention>,
) -> Result<Answer<Retention>> {
    let found = retention.get(caller.tenant).await.map_err(failed(caller.tenant))?;
    Ok(ok(body(found)))
}

/// Changes it; the next purge begins at once. Consent records are kept indefinitely, whatever is asked for.
#[utoipa::path(patch, path = "/retention", tag = "retention", request_body = UpdateRetention,
    responses((status = 200, body = Success<Retention>)),
    extensions(("x-required-permission" = json!("retention_manage"))))]
async fn update_retention(
    caller: Caller<needs::RetentionManage>,
    State(retention): State<engine::retention::Retention>,
    Json(wanted): Json<UpdateRetention>,
) -> Result<Answer<Retention>> {
    if wanted.consent_records.is_some_and(|word| word != INDEFINITE) {
        let why = "are kept indefinitely, because they prove who agreed to what; that cannot be shortened";
        return Err(ApiError::fault("/consent_records", why));
    }
    let patch = RetentionPatch {
        message_content_days: wanted.message_content_days,
        delivery_log_days: wanted.delivery_log_days,
        webhook_days: wanted.webhook_days,
    };
    let changed = retention.patch(caller.tenant, patch).await.map_err(failed(caller.tenant))?;
    Ok(ok(body(changed)))
}

/// What a purge would remove now, by class and month; nothing is removed.
#[utoipa::path(get, path = "/retention/report", tag = "retention",
    responses((status = 200, body = Success<RetentionReport>)),
    extensions(("x-required-permission" = json!("retention_read"))))]
async fn report_retention(
    caller: Caller<needs::RetentionRead>,
    State(retention): State<engine::retention::Retention>,
) -> Result<Answer<RetentionReport>> {
    let (cutoffs, classes) = retention.forecast(caller.tenant).await.map_err(failed(caller.tenant))?;
    let classes = classes
        .into_iter()
        .map(|forecast| PurgeForecast {
            class: forecast.class.into(),
            rows: forecast.total.rows,
            bytes: forecast.total.bytes,
            months: forecast
                .months
                .into_iter()
                .map(|(month, amount)| PurgeMonth { month, rows: amount.rows, bytes: amount.bytes })
                .collect(),
        })
        .collect();
    Ok(ok(RetentionReport { older_than: older_than(&cutoffs), classes }))
}

fn body(retention: ports::retention::Retention) -> Retention {
    Retention {
        message_content_days: retention.periods.message_content_days,
        delivery_log_days: retention.periods.delivery_log_days,
        webhook_days: retention.periods.webhook_days,
        consent_records: INDEFINITE.to_owned(),
        next_run_at: retention.next_run_at,
        running: retention.running.map(run),
        last_run: retention.last_run.map(run),
    }
}

fn run(run: ports::retention::PurgeRun) -> PurgeRun {
    let purged = run.removed.iter().map(|(class, amount)| Purged {
        class: (*class).into(),
        rows: amount.rows,
        bytes: amount.bytes,
    });
    PurgeRun {
        started_at: run.started_at,
        finished_at: run.finished_at,
        older_than: older_than(&run.cutoffs),
        removed: purged.collect(),
    }
}

fn older_than(cutoffs: &Cutoffs) -> RetentionCutoffs {
    RetentionCutoffs {
        message_content: cutoffs.content,
        delivery_log: cutoffs.deliveries,
        webhooks: cutoffs.webhooks,
    }
}

fn failed(tenant: TenantId) -> impl FnOnce(RetentionError) -> ApiError {
    move |error| match error {
        RetentionError::NotFound => Problem::TenantNotFound(Missing { id: tenant.0 }).into(),
        RetentionError::Invalid(faults) => faults.into(),
        RetentionError::Store(error) => error.into(),
    }
}

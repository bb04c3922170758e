//! Figures of a tenant.

use api_types::Success;
use api_types::analytics::{Day, ErrorCount, Funnel, Overview, OverviewQuery, Rates, Sums, TemplateFunnel};
use axum::extract::State;
use engine::analytics::{self, Analytics, AnalyticsError};
use jiff::civil::Date;

use crate::answer::{Answer, Result, ok};
use crate::body::Query;
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(get_overview))
}

/// Figures of some days: messages and how far they came, answers, opt-ins and opt-outs, by day, template and error.
#[utoipa::path(get, path = "/analytics/overview", tag = "analytics", params(OverviewQuery),
    responses((status = 200, body = Success<Overview>)),
    extensions(("x-required-permission" = json!("health_read"))))]
async fn get_overview(
    caller: Caller<needs::HealthRead>,
    State(analytics): State<Analytics>,
    Query(wanted): Query<OverviewQuery>,
) -> Result<Answer<Overview>> {
    let (from, to) = (day("/from", wanted.from)?, day("/to", wanted.to)?);
    let found = analytics.overview(caller.tenant, from, to).await.map_err(|error| match error {
        AnalyticsError::Invalid(faults) => ApiError::from(faults),
        AnalyticsError::Store(error) => error.into(),
    })?;
    Ok(ok(body(found)))
}

fn day(pointer: &str, text: Option<String>) -> Result<Option<Date>> {
    let Some(text) = text else { return Ok(None) };
    // The years in which a count of hours makes sense.
    let day = text.parse::<Date>().ok().filter(|day| (1970..=9_000).contains(&day.year()));
    day.map(Some).ok_or_else(|| ApiError::fault(pointer, "must be a day such as 2026-11-22"))
}

fn body(found: analytics::Overview) -> Overview {
    let sums = found.sums;
    Overview {
        from: found.from.to_string(),
        to: found.to.to_string(),
        totals: all(sums),
        rates: Rates {
            delivery_rate: rate(sums.funnel.delivered, sums.funnel.sent),
            read_rate: rate(sums.funnel.read, sums.funnel.delivered),
            api_error_rate: rate(sums.call_errors, sums.calls),
        },
        days: found
            .days
            .into_iter()
            .map(|(date, sums)| Day { date: date.to_string(), sums: all(sums) })
            .collect(),
        templates: found
            .templates
            .into_iter()
            .map(|(id, name, of)| TemplateFunnel { template_id: id.0, name, funnel: funnel(of) })
            .collect(),
        errors: found
            .errors
            .into_iter()
            .map(|(meta_error_code, count)| ErrorCount { meta_error_code, count })
            .collect(),
    }
}

fn rate(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn funnel(of: analytics::Funnel) -> Funnel {
    Funnel { sent: of.sent, delivered: of.delivered, read: of.read, failed: of.failed }
}

fn all(sums: analytics::Sums) -> Sums {
    Sums {
        funnel: funnel(sums.funnel),
        received: sums.received,
        replied: sums.replied,
        opt_ins: sums.opt_ins,
        opt_outs: sums.opt_outs,
        api_calls: sums.calls,
        api_errors: sums.call_errors,
    }
}

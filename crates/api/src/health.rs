//! Health of a tenant.

use api_types::Success;
use api_types::health::{
    ConnectionHealth, Health, HealthCheck, HealthChecks, HealthReason, HealthStatus, NumberHealth,
    NumberPace, RateLimitHealth, ReasonSeverity, TemplateHealth,
};
use axum::extract::State;
use domain::health as rules;
use engine::health::{Number, Report};

use crate::answer::{Answer, Result, ok};
use crate::caller::{Caller, needs};
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(get_health))
}

/// Does it work? `healthy`, `degraded` or `unhealthy`, with every reason and what to do about it. The answer is 200
/// whatever the word is: the question was answered.
#[utoipa::path(get, path = "/health", tag = "health",
    responses((status = 200, body = Success<Health>)),
    extensions(("x-required-permission" = json!("health_read"))))]
async fn get_health(
    caller: Caller<needs::HealthRead>,
    State(health): State<engine::health::Health>,
) -> Result<Answer<Health>> {
    let report = health.of(caller.tenant).await?;
    let connection = ConnectionHealth {
        status: word(report.verdict_of(rules::Check::Connection)),
        numbers: report.numbers.iter().map(|number| connection(&report, number)).collect(),
    };
    let rate_limit = RateLimitHealth {
        status: word(report.verdict_of(rules::Check::RateLimit)),
        numbers: report.numbers.iter().map(pace).collect(),
    };
    let rules::TemplateCounts { approved, pending, rejected, paused, disabled } = report.templates;
    Ok(ok(Health {
        status: word(report.verdict),
        checks: HealthChecks {
            connection,
            rate_limit,
            pending_messages: report.pending.count,
            pending_messages_more: report.pending.more,
            failed_messages_24h: report.failed.count,
            failed_messages_24h_more: report.failed.more,
            templates: TemplateHealth { approved, pending, rejected, paused, disabled },
        },
        reasons: report.reasons.into_iter().map(reason).collect(),
        at: report.at,
    }))
}

fn connection(report: &Report, number: &Number) -> NumberHealth {
    let known = &number.connection;
    NumberHealth {
        connection_id: known.id.0,
        name: known.name.clone(),
        is_default: known.is_default,
        status: word(report.verdict_of_number(rules::Check::Connection, known.id)),
        state: known.state.into(),
        state_reason: known.state_reason.clone(),
        token_expires_at: known.token_expires_at,
        handshake_at: known.handshake_at,
        last_webhook_at: known.last_webhook_at,
        lane_held: number.lane_held,
    }
}

fn pace(number: &Number) -> NumberPace {
    let rate = number.connection.rate;
    NumberPace {
        connection_id: number.connection.id.0,
        limit: rate.count,
        period: rate.period_label(),
        throttled: number.throttled_until.is_some() || number.factor < 1.0,
        throttled_until: number.throttled_until,
        in_use: (number.in_use * 1_000.0).round() / 1_000.0,
    }
}

fn reason(reason: rules::Reason) -> HealthReason {
    HealthReason {
        check: match reason.check {
            rules::Check::Connection => HealthCheck::Connection,
            rules::Check::RateLimit => HealthCheck::RateLimit,
            rules::Check::PendingMessages => HealthCheck::PendingMessages,
            rules::Check::FailedMessages => HealthCheck::FailedMessages,
            rules::Check::Templates => HealthCheck::Templates,
        },
        severity: match reason.severity {
            rules::Severity::Info => ReasonSeverity::Info,
            rules::Severity::Warning => ReasonSeverity::Warning,
            rules::Severity::Critical => ReasonSeverity::Critical,
        },
        connection_id: reason.connection.map(|connection| connection.0),
        what: reason.what,
        what_to_do: reason.what_to_do,
    }
}

fn word(verdict: rules::Verdict) -> HealthStatus {
    match verdict {
        rules::Verdict::Healthy => HealthStatus::Healthy,
        rules::Verdict::Degraded => HealthStatus::Degraded,
        rules::Verdict::Unhealthy => HealthStatus::Unhealthy,
    }
}

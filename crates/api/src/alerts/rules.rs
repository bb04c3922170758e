//! Rules by which figures are judged.

use api_types::alerts::rules::{AlertRule, BadWhen, Unit, UpdateAlertRule};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::AlertRuleId;
use domain::alerts::rules as domain_rules;
use engine::alerts::Alerts;
use engine::alerts::rules::{RuleError, RulePatch, TenantRule};

use super::{severity, severity_of};
use crate::answer::{Answer, Result, ok, short_list};
use crate::body::{Id, Json, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(list_alert_rules)).routes(routes!(update_alert_rule))
}

/// The rules, by id. Every tenant has the same ones, with thresholds of its own.
#[utoipa::path(get, path = "/alert-rules", tag = "alerts", params(PagingQuery),
    responses((status = 200, body = Success<List<AlertRule>>)),
    extensions(("x-required-permission" = json!("alerts_read"))))]
async fn list_alert_rules(
    caller: Caller<needs::AlertsRead>,
    State(alerts): State<Alerts>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<AlertRule>>> {
    short_list(&page, alerts.rules(caller.tenant).await?, body)
}

/// Changes a rule; it counts from the next look on, within a minute.
#[utoipa::path(patch, path = "/alert-rules/{id}", tag = "alerts", request_body = UpdateAlertRule,
    responses((status = 200, body = Success<AlertRule>)),
    extensions(("x-required-permission" = json!("alerts_manage")), ("x-error-codes" = json!(["ALERT_RULE_NOT_FOUND"]))))]
async fn update_alert_rule(
    caller: Caller<needs::AlertsManage>,
    Id(id): Id<AlertRuleId>,
    State(alerts): State<Alerts>,
    Json(wanted): Json<UpdateAlertRule>,
) -> Result<Answer<AlertRule>> {
    let patch = RulePatch {
        enabled: wanted.enabled,
        severity: wanted.severity.map(severity_of),
        threshold: wanted.threshold,
        margin: wanted.margin,
        window_hours: wanted.window_hours,
        settle_hours: wanted.settle_hours,
        minimum: wanted.minimum,
        good_evaluations: wanted.good_evaluations,
    };
    let changed = alerts.change_rule(caller.tenant, id.0, patch).await.map_err(failed(id))?;
    Ok(ok(body(changed)))
}

fn body(of: TenantRule) -> AlertRule {
    let TenantRule { kind, rule, updated_at } = of;
    AlertRule {
        id: kind.id(),
        kind: kind.as_str().to_owned(),
        enabled: rule.enabled,
        severity: severity(rule.severity),
        bad_when: match kind.bad() {
            domain_rules::Bad::Below => BadWhen::Below,
            domain_rules::Bad::Above => BadWhen::Above,
        },
        unit: match kind.unit() {
            domain_rules::Unit::Share => Unit::Share,
            domain_rules::Unit::Minutes => Unit::Minutes,
            domain_rules::Unit::Messages => Unit::Messages,
        },
        threshold: rule.threshold,
        margin: rule.margin,
        good_evaluations: rule.good_evaluations,
        window_hours: rule.window_hours,
        settle_hours: rule.settle_hours,
        minimum: rule.minimum,
        updated_at,
    }
}

fn failed(rule: AlertRuleId) -> impl FnOnce(RuleError) -> ApiError {
    move |error| match error {
        RuleError::NotFound => Problem::AlertRuleNotFound(Missing { id: rule.0 }).into(),
        RuleError::Invalid(faults) => faults.into(),
        RuleError::Store(error) => error.into(),
    }
}

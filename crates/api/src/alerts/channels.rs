//! Channels: where alerts are told.

use api_types::alerts::channels::{
    AlertChannel, ChannelKind, ChannelTest, CreateAlertChannel, CreatedAlertChannel, UpdateAlertChannel,
};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::AlertChannelId;
use engine::alerts::Alerts;
use engine::alerts::channels::{ChannelChange, ChannelError, ChannelWanted};
use ports::alerts::Severity;
use ports::alerts::channels::{Channel, ChannelKind as Kind};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{severity, severity_of};
use crate::answer::{Answer, Result, created, list, ok, paging};
use crate::body::{Id, Json, NoBody, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_alert_channels, create_alert_channel))
        .routes(routes!(get_alert_channel, update_alert_channel, delete_alert_channel))
        .routes(routes!(test_alert_channel))
}

/// The channels, by id.
#[utoipa::path(get, path = "/alert-channels", tag = "alerts", params(PagingQuery),
    responses((status = 200, body = Success<List<AlertChannel>>)),
    extensions(("x-required-permission" = json!("alerts_read"))))]
async fn list_alert_channels(
    caller: Caller<needs::AlertsRead>,
    State(alerts): State<Alerts>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<AlertChannel>>> {
    let found = alerts.channels(caller.tenant, &paging(&page)).await.map_err(failed(AlertChannelId(0)))?;
    list(&page, found, body)
}

/// Makes a channel. What happens within 30 seconds is told in one message; what is not taken is told again for a day.
/// Of a signed webhook the answer holds the secret, and no other answer does.
#[utoipa::path(post, path = "/alert-channels", tag = "alerts", request_body = CreateAlertChannel,
    responses((status = 201, body = Success<CreatedAlertChannel>)),
    extensions(("x-required-permission" = json!("alerts_manage"))))]
async fn create_alert_channel(
    caller: Caller<needs::AlertsManage>,
    State(alerts): State<Alerts>,
    Json(wanted): Json<CreateAlertChannel>,
) -> Result<Answer<CreatedAlertChannel>> {
    let wanted = ChannelWanted {
        name: wanted.name,
        kind: match wanted.kind {
            ChannelKind::Email => Kind::Email,
            ChannelKind::Slack => Kind::Slack,
            ChannelKind::Webhook => Kind::Webhook,
        },
        to: wanted.to,
        url: wanted.url,
        min_severity: wanted.min_severity.map_or(Severity::Warning, severity_of),
        kinds: wanted.kinds.unwrap_or_default(),
        enabled: wanted.enabled.unwrap_or(true),
    };
    let made = alerts.create_channel(caller.tenant, wanted).await;
    let (channel, secret) = made.map_err(failed(AlertChannelId(0)))?;
    let channel = body(channel);
    let secret = secret.map(|secret| secret.expose_secret().to_owned());
    let shown = CreatedAlertChannel { channel: channel.clone(), secret: None };
    Ok(created(CreatedAlertChannel { channel, secret }).repeated_as(shown))
}

/// One channel.
#[utoipa::path(get, path = "/alert-channels/{id}", tag = "alerts",
    responses((status = 200, body = Success<AlertChannel>)),
    extensions(("x-required-permission" = json!("alerts_read")), ("x-error-codes" = json!(["ALERT_CHANNEL_NOT_FOUND"]))))]
async fn get_alert_channel(
    caller: Caller<needs::AlertsRead>,
    Id(id): Id<AlertChannelId>,
    State(alerts): State<Alerts>,
) -> Result<Answer<AlertChannel>> {
    Ok(ok(body(alerts.channel(caller.tenant, id).await.map_err(failed(id))?)))
}

/// Changes a channel; its kind and its secret stay.
#[utoipa::path(patch, path = "/alert-channels/{id}", tag = "alerts", request_body = UpdateAlertChannel,
    responses((status = 200, body = Success<AlertChannel>)),
    extensions(("x-required-permission" = json!("alerts_manage")), ("x-error-codes" = json!(["ALERT_CHANNEL_NOT_FOUND"]))))]
async fn update_alert_channel(
    caller: Caller<needs::AlertsManage>,
    Id(id): Id<AlertChannelId>,
    State(alerts): State<Alerts>,
    Json(wanted): Json<UpdateAlertChannel>,
) -> Result<Answer<AlertChannel>> {
    let change = ChannelChange {
        name: wanted.name,
        to: wanted.to,
        url: wanted.url,
        min_severity: wanted.min_severity.map(severity_of),
        kinds: wanted.kinds,
        enabled: wanted.enabled,
    };
    Ok(ok(body(alerts.change_channel(caller.tenant, id, change).await.map_err(failed(id))?)))
}

/// Removes a channel, with what was still to be told there.
#[utoipa::path(delete, path = "/alert-channels/{id}", tag = "alerts",
    responses((status = 200, body = Success<Value>)),
    extensions(("x-required-permission" = json!("alerts_manage")), ("x-error-codes" = json!(["ALERT_CHANNEL_NOT_FOUND"]))))]
async fn delete_alert_channel(
    caller: Caller<needs::AlertsManage>,
    Id(id): Id<AlertChannelId>,
    State(alerts): State<Alerts>,
) -> Result<Answer<Value>> {
    alerts.delete_channel(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(json!({ "id": id, "deleted": true })))
}

/// Tells something harmless on a channel, at once and once, and says whether it was taken.
#[utoipa::path(post, path = "/alert-channels/{id}/test", tag = "alerts",
    responses((status = 200, body = Success<ChannelTest>)),
    extensions(("x-required-permission" = json!("alerts_manage")), ("x-error-codes" = json!(["ALERT_CHANNEL_NOT_FOUND"]))))]
async fn test_alert_channel(
    caller: Caller<needs::AlertsManage>,
    Id(id): Id<AlertChannelId>,
    State(alerts): State<Alerts>,
    _: NoBody,
) -> Result<Answer<ChannelTest>> {
    let told = alerts.test_channel(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(ChannelTest { delivered: told.is_ok(), error: told.err() }))
}

fn body(channel: Channel) -> AlertChannel {
    AlertChannel {
        id: channel.id.0,
        name: channel.name,
        kind: match channel.kind {
            Kind::Email => ChannelKind::Email,
            Kind::Slack => ChannelKind::Slack,
            Kind::Webhook => ChannelKind::Webhook,
        },
        target: channel.shown,
        min_severity: severity(channel.min_severity),
        kinds: channel.kinds,
        enabled: channel.enabled,
        created_at: channel.created_at,
        updated_at: channel.updated_at,
        last_delivered_at: channel.delivered_at,
        last_error: channel.error,
        last_error_at: channel.error_at,
    }
}

fn failed(channel: AlertChannelId) -> impl FnOnce(ChannelError) -> ApiError {
    move |error| match error {
        ChannelError::NotFound => Problem::AlertChannelNotFound(Missing { id: channel.0 }).into(),
        ChannelError::Invalid(faults) => faults.into(),
        ChannelError::Store(error) => error.into(),
    }
}

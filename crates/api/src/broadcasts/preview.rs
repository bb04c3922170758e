//! What a plan would do.

use api_types::Success;
use api_types::broadcasts::{
    BroadcastPreview, CountryCost, CurrencyTotal, Deferred, EstimatedCost, LanguageCount, LocalForecast,
    MessagingLimit, PreviewBroadcast, PreviewSample, Wanted,
};
use axum::extract::State;
use domain::BroadcastId;
use engine::broadcasts::{Broadcasts, Cost, LimitForecast, Preview, Rendered, Sample};

use super::{bodies, failed};
use crate::answer::{Answer, Result, ok};
use crate::body::Json;
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(preview_broadcast))
}

/// Tries a plan out without sending: whom it would reach, whom not and why, how long it would take, what it would cost.
///
/// A list must be uploaded first: name its broadcast by `broadcast_id`.
#[utoipa::path(post, path = "/broadcasts/preview", tag = "broadcasts", request_body = PreviewBroadcast,
    responses((status = 200, body = Success<BroadcastPreview>)),
    extensions(("x-required-permission" = json!("broadcasts_read")), ("x-error-codes" = json!([
        "BROADCAST_NOT_FOUND", "TEMPLATE_NOT_FOUND", "TEMPLATE_PARAMS_MISMATCH", "SEGMENT_NOT_FOUND", "CONNECTION_NOT_FOUND",
        "CONNECTION_NOT_CONFIGURED"]))))]
async fn preview_broadcast(
    caller: Caller<needs::BroadcastsRead>,
    State(broadcasts): State<Broadcasts>,
    Json(mut wanted): Json<PreviewBroadcast>,
) -> Result<Answer<BroadcastPreview>> {
    let template_name = wanted.template_name.take();
    let given = wanted.take_given(template_name);
    let id = wanted.broadcast_id.unwrap_or(BroadcastId(0));
    let base = match wanted.broadcast_id {
        Some(id) => Some(broadcasts.get(caller.tenant, id).await.map_err(failed(id))?.plan),
        None => None,
    };
    let Wanted { plan, recipients } = given.onto(base)?;
    if recipients.is_some() {
        return Err(ApiError::fault("/recipients", "must be in a draft first; then give its broadcast_id"));
    }
    if plan.audience.list && wanted.broadcast_id.is_none() {
        return Err(ApiError::fault(
            "/audience/list",
            "needs the broadcast_id of the draft that has the list",
        ));
    }
    let preview = broadcasts.preview(caller.tenant, &plan, wanted.broadcast_id).await.map_err(failed(id))?;
    Ok(ok(body(preview)))
}

fn body(preview: Preview) -> BroadcastPreview {
    let overflow = preview.messaging_limit.map_or(0, |limit| limit.overflow);
    BroadcastPreview {
        meant: preview.meant,
        recipients: preview.recipients,
        exclusions: bodies::exclusions(preview.left_out),
        category: preview.category.as_str().to_owned(),
        languages: preview
            .languages
            .into_iter()
            .map(|(language, count)| LanguageCount { language, count })
            .collect(),
        samples: preview.samples.into_iter().map(sample).collect(),
        connection_ids: preview.connections.into_iter().map(|id| id.0).collect(),
        per_second: preview.per_second,
        seconds_to_finish: preview.seconds_to_finish,
        messaging_limit: preview.messaging_limit.map(limit),
        estimated_cost: preview.cost.map(cost),
        deferred: Deferred {
            quiet_hours: preview.deferred_by_quiet_hours,
            messaging_limit: overflow,
            until: preview.deferred_until,
        },
        local_time: preview.local.map(|local| LocalForecast {
            passed: local.passed,
            late: local.late.into(),
            waiting: local.waiting,
            until: local.until,
        }),
        warnings: preview.warnings,
    }
}

fn sample(sample: Sample) -> PreviewSample {
    let (rendered, reason, detail) = match sample.rendered {
        Rendered::Message(rendering) => (Some((*rendering).into()), None, None),
        Rendered::Nothing { reason, detail } => (None, Some(reason.as_str().to_owned()), detail),
    };
    PreviewSample {
        contact_id: sample.contact_id.0,
        name: sample.name,
        phone: sample.phone,
        language: sample.language,
        rendered,
        reason,
        detail,
    }
}

fn limit(limit: LimitForecast) -> MessagingLimit {
    MessagingLimit {
        limit: limit.limit,
        used: limit.used,
        pending: limit.pending,
        headroom: limit.headroom,
        new_contacts: limit.new_contacts,
        overflow: limit.overflow,
        days: limit.days,
    }
}

fn cost(cost: Cost) -> EstimatedCost {
    let only = match &cost.totals[..] {
        [(currency, total)] => Some((currency.clone(), *total)),
        _ => None,
    };
    EstimatedCost {
        currency: only.as_ref().map(|(currency, _)| currency.clone()),
        total: only.map(|(_, total)| total),
        totals: cost.totals.into_iter().map(|(currency, total)| CurrencyTotal { currency, total }).collect(),
        by_country: cost
            .countries
            .into_iter()
            .map(|country| CountryCost {
                country: country.country,
                recipients: country.recipients,
                currency: country.currency,
                price: country.each,
                total: country.total,
            })
            .collect(),
        unpriced: cost.unpriced,
    }
}

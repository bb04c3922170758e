//! `POST /{template}`: an edit goes back to review (WhatsApp, "Editing templates").

use serde_json::json;

use super::rules::{naming, refusals};
use super::{Template, create, events, review};
use crate::errors::GraphError;
use crate::graph_api::{Answer, Call, json, success};

const DAY_MS: i64 = 24 * 3_600_000;
const PER_MONTH: usize = 10;

pub(crate) fn post(call: &Call<'_>, id: &str) -> Answer {
    let template = known(call, id)?;
    let now_ms = call.sim.clock.now_ms();
    may_edit(&template, now_ms)?;
    let category = call.params.text("category").map(|category| naming::category(&category)).transpose()?;
    if category.as_ref().is_some_and(|asked| *asked != template.category) && template.status == "APPROVED" {
        return Err(refusals::status_forbids("The category of an approved template can't be changed."));
    }
    let ttl_seconds = call.params.number("message_send_ttl_seconds");
    let final_category = category.unwrap_or_else(|| template.category.clone());
    if let Some(seconds) = ttl_seconds {
        naming::ttl(seconds, &final_category)?;
    }
    let components = match call.params.get("components") {
        None => None,
        Some(_) => Some(create::components(call, &final_category, &template.parameter_format)?),
    };
    let edited = call.sim.templates_mut().change(id, |template| {
        template.category = final_category;
        template.ttl_seconds = ttl_seconds.or(template.ttl_seconds);
        if template.status == "APPROVED" {
            template.edits_ms.push(now_ms);
        }
        if let Some(components) = components {
            template.set_components(components);
            template.status = "PENDING".into();
            template.rejected_reason = "NONE".into();
        }
        template.updated_ms = now_ms;
        template.version += 1;
        template.clone()
    });
    let edited = edited.ok_or_else(|| call.no_object(id))?;
    review::schedule(call.sim, &edited);
    Ok(json(json!({"success": true, "id": edited.id, "name": edited.name, "category": edited.category})))
}

/// `POST /{template}/unpause`: only a template that pacing paused.
pub(crate) fn unpause(call: &Call<'_>, id: &str) -> Answer {
    let template = known(call, id)?;
    if template.status != "PAUSED" {
        return Err(refusals::status_forbids("The template is not paused."));
    }
    call.sim.templates_mut().change(id, |template| template.status = "APPROVED".into());
    events::status(call.sim, id, "APPROVED", Some("UNPAUSE"));
    Ok(success())
}

pub(crate) fn known(call: &Call<'_>, id: &str) -> Result<std::sync::Arc<Template>, GraphError> {
    let template = call.sim.templates().by_id(id).cloned().ok_or_else(|| call.no_object(id))?;
    call.manage_waba(&template.waba_id)?;
    Ok(template)
}

fn may_edit(template: &Template, now_ms: i64) -> Result<(), GraphError> {
    if !matches!(template.status.as_str(), "APPROVED" | "REJECTED" | "PAUSED") {
        let text = format!("A template in status {} can't be edited.", template.status);
        return Err(refusals::status_forbids(&text));
    }
    if template.status != "APPROVED" {
        return Ok(());
    }
    let within = |ms: i64| template.edits_ms.iter().filter(|at| now_ms - **at < ms).count();
    if within(DAY_MS) >= 1 || within(30 * DAY_MS) >= PER_MONTH {
        let text = "An approved template can be edited once in 24 hours and 10 times in 30 days.";
        return Err(refusals::status_forbids(text));
    }
    Ok(())
}

//! Deleting: every language of a name, one of them by `hsm_id`, several by `hsm_ids`, or by node.

use serde_json::Value;

use super::edit::known;
use super::events;
use super::rules::refusals;
use crate::errors::GraphError;
use crate::graph_api::{Answer, Call, success};

pub(crate) fn by_name(call: &Call<'_>, waba_id: &str) -> Answer {
    call.manage_waba(waba_id)?;
    let ids = match call.params.get("hsm_ids") {
        Some(Value::Array(ids)) => {
            ids.iter().map(|id| id.as_str().map_or_else(|| id.to_string(), Into::into)).collect()
        }
        Some(Value::String(ids)) => {
            ids.trim_matches(['[', ']']).split(',').map(|id| id.trim_matches(['"', ' ']).into()).collect()
        }
        _ => named(call, waba_id)?,
    };
    for id in &ids {
        if call.sim.templates().by_id(id).is_none_or(|template| template.waba_id != waba_id) {
            return Err(missing());
        }
    }
    ids.iter().try_for_each(|id| remove(call, id))?;
    Ok(success())
}

fn named(call: &Call<'_>, waba_id: &str) -> Result<Vec<String>, GraphError> {
    let name = call.params.required("name")?;
    let only = call.params.text("hsm_id");
    let templates = call.sim.templates();
    let wanted = templates
        .named(waba_id, &name)
        .iter()
        .filter(|template| only.as_ref().is_none_or(|id| *id == template.id));
    let ids: Vec<String> = wanted.map(|template| template.id.clone()).collect();
    if ids.is_empty() { Err(missing()) } else { Ok(ids) }
}

pub(crate) fn by_id(call: &Call<'_>, id: &str) -> Answer {
    known(call, id)?;
    remove(call, id)?;
    Ok(success())
}

fn remove(call: &Call<'_>, id: &str) -> Result<(), GraphError> {
    if call.sim.templates().by_id(id).is_some_and(|template| template.status == "DISABLED") {
        return Err(refusals::status_forbids("A disabled template can't be deleted."));
    }
    events::status(call.sim, id, "DELETED", None);
    call.sim.templates_mut().remove(id, call.sim.clock.now_ms());
    Ok(())
}

fn missing() -> GraphError {
    GraphError::management(
        2593002,
        "Message Template Not Found",
        "There is no message template with this name.",
    )
}

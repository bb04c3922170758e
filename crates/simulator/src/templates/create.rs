//! `POST /{waba}/message_templates`.

use serde_json::{Value, json};

use super::rules::{Rules, naming, refusals};
use super::{Shape, Template, review};
use crate::errors::GraphError;
use crate::graph_api::{Answer, Call, json};

const MOST: usize = 6_000;
const PER_HOUR: usize = 100;
const HOUR_MS: i64 = 3_600_000;

pub(crate) fn post(call: &Call<'_>, waba_id: &str) -> Answer {
    call.manage_waba(waba_id)?;
    let draft = draft(call, waba_id)?;
    let answer = json!({"id": draft.id, "status": draft.status, "category": draft.category});
    review::schedule(call.sim, &draft);
    call.sim.templates_mut().put(draft);
    Ok(json(answer))
}

/// `POST /{waba}/upsert_message_templates`: authentication templates in several languages at once.
pub(crate) fn upsert(call: &Call<'_>, waba_id: &str) -> Answer {
    call.manage_waba(waba_id)?;
    if naming::category(&call.params.required("category")?)? != "AUTHENTICATION" {
        return Err(GraphError::param("Only authentication templates can be upserted."));
    }
    let mut data = Vec::new();
    for language in call.params.list("languages") {
        let known =
            call.sim.templates().in_language(waba_id, &call.params.required("name")?, &language).cloned();
        let template = match known {
            Some(template) => template.as_ref().clone(),
            None => {
                let template = draft_in(call, waba_id, &language)?;
                review::schedule(call.sim, &template);
                call.sim.templates_mut().put(template.clone());
                template
            }
        };
        data.push(json!({"id": template.id, "status": template.status, "language": language}));
    }
    Ok(json(json!({ "data": data })))
}

fn draft(call: &Call<'_>, waba_id: &str) -> Result<Template, GraphError> {
    let language = call.params.required("language")?;
    draft_in(call, waba_id, &language)
}

fn draft_in(call: &Call<'_>, waba_id: &str, language: &str) -> Result<Template, GraphError> {
    let params = &call.params;
    let name = params.required("name")?;
    naming::name(&name)?;
    naming::language(language)?;
    let category = naming::category(&params.required("category")?)?;
    let format =
        naming::parameter_format(&params.text("parameter_format").unwrap_or_else(|| "POSITIONAL".into()))?;
    let ttl_seconds = params.number("message_send_ttl_seconds");
    if let Some(seconds) = ttl_seconds {
        naming::ttl(seconds, &category)?;
    }
    let components = components(call, &category, &format)?;
    let now_ms = call.sim.clock.now_ms();
    quotas(call, waba_id, &name, language, now_ms)?;
    let mut template = Template {
        id: call.sim.templates().next_id(waba_id),
        waba_id: waba_id.into(),
        name,
        language: language.into(),
        category,
        previous_category: None,
        correct_category: None,
        status: "PENDING".into(),
        rejected_reason: "NONE".into(),
        quality: "UNKNOWN".into(),
        parameter_format: format,
        components: Vec::new(),
        shape: Shape::default(),
        ttl_seconds,
        created_ms: now_ms,
        updated_ms: now_ms,
        edits_ms: Vec::new(),
        pauses: 0,
        version: 0,
    };
    template.set_components(components);
    Ok(template)
}

/// The components of a request, checked.
pub(crate) fn components(call: &Call<'_>, category: &str, format: &str) -> Result<Vec<Value>, GraphError> {
    let given = match call.params.get("components") {
        Some(Value::Array(components)) => components,
        Some(_) => return Err(GraphError::param("Param components must be an array.")),
        None => return Err(GraphError::required("components")),
    };
    let known = |handle: &str| call.sim.media().handles.contains_key(handle);
    let lenient = call.sim.faults.get().lenient_references;
    let rules = Rules { category, named: format == "NAMED", handles: (!lenient).then_some(&known) };
    rules.check(given)
}

fn quotas(call: &Call<'_>, waba_id: &str, name: &str, language: &str, now_ms: i64) -> Result<(), GraphError> {
    let mut book = call.sim.templates_mut();
    if book.in_language(waba_id, name, language).is_some() {
        return Err(refusals::exists(language));
    }
    if book.name_held(waba_id, name, language, now_ms) {
        return Err(refusals::name_held(language));
    }
    if book.of(waba_id).count() >= MOST {
        return Err(refusals::limit_reached(MOST));
    }
    let creations = book.creations.entry(waba_id.to_owned()).or_default();
    creations.retain(|at| now_ms - at < HOUR_MS);
    if creations.len() >= PER_HOUR {
        return Err(GraphError::plain(
            400,
            80008,
            "(#80008) Too many templates were created in the last hour.",
        ));
    }
    creations.push(now_ms);
    Ok(())
}

//! Templates put in place without review, and the reviewer's decisions.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{Controlled, Problem, body};
use crate::sim::Sim;
use crate::templates::rules::{Rules, naming};
use crate::templates::{Shape, Template, events, review as reviewer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    name: String,
    #[serde(default = "english")]
    language: String,
    #[serde(default = "utility")]
    category: String,
    #[serde(default = "approved")]
    status: String,
    parameter_format: Option<String>,
    components: Vec<Value>,
    rejected_reason: Option<String>,
    quality: Option<String>,
    id: Option<String>,
    waba_id: Option<String>,
    message_send_ttl_seconds: Option<i64>,
}

fn english() -> String {
    "en_US".into()
}

fn utility() -> String {
    "UTILITY".into()
}

fn approved() -> String {
    "APPROVED".into()
}

pub(crate) async fn create(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let template = put(&sim, &body(&bytes)?).map_err(Problem::bad)?;
    Ok(axum::Json(template.node(&[])))
}

/// Puts a template in place, over one of the same name and language.
pub(crate) fn put(sim: &Sim, seed: &Value) -> Result<Template, String> {
    let seed: Seed = serde_json::from_value(seed.clone()).map_err(|fault| fault.to_string())?;
    let waba_id = match seed.waba_id {
        Some(id) => id,
        None => sim.accounts().wabas().first().map(|waba| waba.id.clone()).ok_or("there is no account")?,
    };
    let category = seed.category.to_ascii_uppercase();
    let format = seed.parameter_format.unwrap_or_else(|| "POSITIONAL".into()).to_ascii_uppercase();
    naming::name(&seed.name).map_err(|_| "a name has lower-case letters, digits and underscores only")?;
    // A seed need not keep the rules for samples; its shape is what matters.
    let rules = Rules { category: &category, named: format == "NAMED", handles: None };
    let components = rules.check(&seed.components).unwrap_or(seed.components);
    let now_ms = sim.clock.now_ms();
    let mut book = sim.templates_mut();
    let known = book.in_language(&waba_id, &seed.name, &seed.language).map(|template| template.id.clone());
    let rejected_reason = seed.rejected_reason.unwrap_or_else(|| default_reason(&seed.status).into());
    let mut template = Template {
        id: seed.id.or(known).unwrap_or_else(|| book.next_id(&waba_id)),
        waba_id,
        name: seed.name,
        language: seed.language,
        category,
        previous_category: None,
        correct_category: None,
        status: seed.status.to_ascii_uppercase(),
        rejected_reason,
        quality: seed.quality.unwrap_or_else(|| "UNKNOWN".into()),
        parameter_format: format,
        components: Vec::new(),
        shape: Shape::default(),
        ttl_seconds: seed.message_send_ttl_seconds,
        created_ms: now_ms,
        updated_ms: now_ms,
        edits_ms: Vec::new(),
        pauses: 0,
        version: 0,
    };
    template.set_components(components);
    book.put(template.clone());
    Ok(template)
}

fn default_reason(status: &str) -> &'static str {
    if status.eq_ignore_ascii_case("REJECTED") { "INVALID_FORMAT" } else { "NONE" }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    /// APPROVED, REJECTED, PAUSED, DISABLED, REINSTATED, FLAGGED, IN_APPEAL, PENDING, ...
    status: Option<String>,
    reason: Option<String>,
    /// The new category.
    category: Option<String>,
    /// GREEN, YELLOW, RED, UNKNOWN.
    quality: Option<String>,
    /// Every language unless given.
    language: Option<String>,
    waba_id: Option<String>,
    /// true: the category change is announced for tomorrow and not made yet.
    #[serde(default)]
    upcoming: bool,
}

/// The reviewer decides; every decision is told by webhook.
pub(crate) async fn review(
    State(sim): State<Arc<Sim>>,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Controlled {
    let verdict: Verdict = serde_json::from_value(body(&bytes)?).map_err(Problem::bad)?;
    let ids = matching(&sim, &name, &verdict);
    if ids.is_empty() {
        return Err(Problem::missing(format!("there is no template {name}")));
    }
    let mut shown = Vec::new();
    for id in ids {
        if let Some(category) = &verdict.category {
            recategorise(&sim, &id, &category.to_ascii_uppercase(), verdict.upcoming);
        }
        if let Some(quality) = &verdict.quality {
            requalify(&sim, &id, &quality.to_ascii_uppercase());
        }
        if let Some(status) = &verdict.status {
            reviewer::judge(&sim, &id, &status.to_ascii_uppercase(), verdict.reason.as_deref());
        }
        shown.extend(sim.templates().by_id(&id).map(|template| template.node(&all_fields())));
    }
    Ok(axum::Json(json!({"success": true, "templates": shown})))
}

fn all_fields() -> Vec<String> {
    ["name", "language", "status", "category", "rejected_reason", "quality_score"].map(Into::into).to_vec()
}

fn matching(sim: &Sim, name: &str, verdict: &Verdict) -> Vec<String> {
    let wabas: Vec<String> = sim.accounts().wabas().iter().map(|waba| waba.id.clone()).collect();
    let templates = sim.templates();
    let wanted = wabas.iter().filter(|id| verdict.waba_id.as_ref().is_none_or(|only| only == *id));
    wanted
        .flat_map(|waba| templates.named(waba, name))
        .filter(|template| verdict.language.as_ref().is_none_or(|only| *only == template.language))
        .map(|template| template.id.clone())
        .collect()
}

fn recategorise(sim: &Sim, id: &str, category: &str, upcoming: bool) {
    let changed = sim.templates_mut().change(id, |template| {
        let previous = template.category.clone();
        if upcoming {
            template.correct_category = Some(category.to_owned());
        } else {
            template.previous_category = Some(previous.clone());
            template.category = category.to_owned();
            template.correct_category = None;
        }
        (template.clone(), previous)
    });
    let Some((template, previous)) = changed else { return };
    if upcoming {
        let tomorrow = sim.clock.now() + SignedDuration::from_hours(24);
        events::category_upcoming(sim, &template, category, tomorrow.as_second());
    } else if previous != template.category {
        events::category_changed(sim, &template, &previous);
    }
}

fn requalify(sim: &Sim, id: &str, quality: &str) {
    let changed = sim.templates_mut().change(id, |template| {
        let previous = std::mem::replace(&mut template.quality, quality.to_owned());
        (template.clone(), previous)
    });
    if let Some((template, previous)) = changed {
        events::quality(sim, &template, &previous);
    }
}

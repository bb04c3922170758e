//! `GET /{waba}/message_templates` with filters and cursors, and `GET /{template}`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Template;
use super::edit::known;
use crate::errors::GraphError;
use crate::graph_api::{Answer, Call, Params, fields_of, json, paging};

const LIMIT: usize = 6_000;

pub(crate) fn get(call: &Call<'_>, waba_id: &str) -> Answer {
    call.manage_waba(waba_id)?;
    let fields = fields_of(&call.params);
    let filter = Filter::of(&call.params)?;
    let templates = call.sim.templates();
    let nodes: Vec<Value> = templates
        .of(waba_id)
        .rev()
        .filter(|template| filter.takes(template))
        .map(|template| template.node(&fields))
        .collect();
    let (matching, all) = (nodes.len(), templates.of(waba_id).count());
    drop(templates);
    let mut page = paging::page(call, nodes, |node| node["id"].as_str().unwrap_or_default().to_owned())?;
    let asked = call.params.list("summary");
    let counts =
        [("total_count", matching), ("message_template_count", all), ("message_template_limit", LIMIT)];
    let summary: serde_json::Map<String, Value> = counts
        .iter()
        .filter(|(key, _)| asked.iter().any(|name| name == key || name == "true"))
        .map(|(key, count)| ((*key).to_owned(), json!(count)))
        .collect();
    if !summary.is_empty() {
        page["summary"] = Value::Object(summary);
    }
    Ok(json(page))
}

pub(crate) fn get_one(call: &Call<'_>, id: &str) -> Answer {
    Ok(json(known(call, id)?.node(&fields_of(&call.params))))
}

struct Filter {
    name: Option<String>,
    name_or_content: Option<String>,
    content: Option<String>,
    languages: Vec<String>,
    categories: Vec<String>,
    statuses: Vec<String>,
    qualities: Vec<String>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Filter {
    fn of(params: &Params) -> Result<Self, GraphError> {
        let upper = |key: &str| params.list(key).iter().map(|item| item.to_ascii_uppercase()).collect();
        let lower = |key: &str| params.text(key).map(|text| text.to_lowercase());
        Ok(Self {
            name: lower("name"),
            name_or_content: lower("name_or_content"),
            content: lower("content"),
            languages: params.list("language"),
            categories: upper("category"),
            statuses: upper("status"),
            qualities: upper("quality_score"),
            since_ms: params.number("since").map(|seconds| seconds * 1_000),
            until_ms: params.number("until").map(|seconds| seconds * 1_000),
        })
    }

    fn takes(&self, template: &Arc<Template>) -> bool {
        let one_of = |list: &[String], value: &str| list.is_empty() || list.iter().any(|item| item == value);
        let content = || Value::Array(template.components.clone()).to_string().to_lowercase();
        self.name.as_ref().is_none_or(|name| template.name.contains(name))
            && self.content.as_ref().is_none_or(|text| content().contains(text))
            && self
                .name_or_content
                .as_ref()
                .is_none_or(|text| template.name.contains(text) || content().contains(text))
            && one_of(&self.languages, &template.language)
            && one_of(&self.categories, &template.category)
            && one_of(&self.statuses, &template.status)
            && one_of(&self.qualities, &template.quality)
            && self.since_ms.is_none_or(|since| template.updated_ms >= since)
            && self.until_ms.is_none_or(|until| template.updated_ms <= until)
    }
}

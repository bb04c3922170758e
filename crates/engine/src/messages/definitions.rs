//! Parsed templates, kept by version: a broadcast binds the same template a million times.

use std::sync::Arc;

use domain::templates::{self, BoundParams, Params, ParamsMismatch};
use domain::{TemplateId, TenantId};
use moka::future::Cache;
use ports::lanes::TemplateRef;
use ports::templates::Template;
use ports::{Store, StoreResult};

/// A template, parsed.
#[derive(Debug)]
pub struct Definition {
    parsed: templates::Definition,
    param_names: Vec<String>,
}

impl Definition {
    /// Parses a row.
    pub fn of(template: &Template) -> Self {
        Self {
            parsed: templates::Definition::parse(template.components.clone(), template.parameter_format),
            param_names: template.param_names.clone(),
        }
    }

    /// These parameters in their places, or every way in which they do not fit.
    pub fn bind(&self, params: &Params) -> Result<BoundParams, ParamsMismatch> {
        templates::check(&self.parsed, &self.param_names, params)
    }

    /// What it looks like with these parameters, or every way in which they do not fit.
    pub fn render(&self, params: &Params) -> Result<templates::Preview, ParamsMismatch> {
        Ok(templates::Preview::render(&self.parsed, Some(&self.bind(params)?)))
    }
}

/// The cache; clones share it.
#[derive(Clone)]
pub struct Definitions {
    store: Arc<dyn Store>,
    parsed: Cache<(TemplateId, i64), Arc<Definition>>,
}

impl Definitions {
    /// Empty.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, parsed: Cache::new(1_000) }
    }

    /// The definition of a row that was just read.
    pub async fn of_row(&self, template: &Template) -> Arc<Definition> {
        let key = (template.id, template.version);
        self.parsed.get_with(key, async { Arc::new(Definition::of(template)) }).await
    }

    /// The definition that a claim names; `None` when the template is gone.
    pub async fn of(&self, tenant: TenantId, template: TemplateRef) -> StoreResult<Option<Arc<Definition>>> {
        if let Some(known) = self.parsed.get(&(template.id, template.version)).await {
            return Ok(Some(known));
        }
        let Some(row) = self.store.template(tenant, template.id).await? else { return Ok(None) };
        Ok(Some(self.of_row(&row).await))
    }
}

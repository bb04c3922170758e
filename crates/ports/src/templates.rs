//! Templates: one row per name and language of a WhatsApp Business Account.

use async_trait::async_trait;
use domain::templates::{Category, ParameterFormat, Status};
use domain::{ConnectionId, TemplateId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Page, Paging, StoreResult};

/// A template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    pub id: TemplateId,
    /// The account that owns it; every connection on it may send it.
    pub waba_id: String,
    pub name: String,
    pub language: String,
    pub category: Category,
    pub status: Status,
    pub rejection_reason: Option<String>,
    /// `GREEN`, `YELLOW`, `RED`, `UNKNOWN`.
    pub quality: Option<String>,
    /// Meta's id, once submitted.
    pub meta_id: Option<String>,
    pub parameter_format: ParameterFormat,
    /// Meta's `components`.
    pub components: serde_json::Value,
    /// The tenant's names for positional body parameters, in order; may be empty.
    pub param_names: Vec<String>,
    /// Moves up with every change of the row; a cached definition is good while this is the same.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A template to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTemplate {
    pub waba_id: String,
    pub name: String,
    pub language: String,
    pub category: Category,
    pub status: Status,
    pub rejection_reason: Option<String>,
    pub quality: Option<String>,
    pub meta_id: Option<String>,
    pub parameter_format: ParameterFormat,
    pub components: serde_json::Value,
    pub param_names: Vec<String>,
}

/// What came of making one.
#[derive(Debug, Clone, PartialEq)]
pub enum CreatedTemplate {
    Created(Template),
    Exists(TemplateId),
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TemplatePatch {
    pub category: Option<Category>,
    pub status: Option<Status>,
    pub rejection_reason: Option<Option<String>>,
    pub quality: Option<String>,
    pub meta_id: Option<String>,
    pub components: Option<serde_json::Value>,
    pub param_names: Option<Vec<String>>,
}

/// Which are wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TemplateFilter {
    pub status: Option<Status>,
    pub category: Option<Category>,
    pub language: Option<String>,
    /// Part of the name.
    pub search: Option<String>,
    pub waba_id: Option<String>,
}

/// What a sync changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncCounts {
    pub added: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Known here, gone at Meta: now `deleted`.
    pub removed: u64,
}

/// Verbs on templates.
#[async_trait]
pub trait TemplateStore: Send + Sync {
    /// Makes one; unique by (tenant, WABA, name, language) among those not `deleted`.
    async fn create_template(
        &self,
        tenant: TenantId,
        template: NewTemplate,
        at: Timestamp,
    ) -> StoreResult<CreatedTemplate>;
    /// One.
    async fn template(&self, tenant: TenantId, template: TemplateId) -> StoreResult<Option<Template>>;
    /// By name on a connection's account; without a language, every language (a caller takes the only one, or
    /// says which there are).
    async fn templates_named(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        name: &str,
        language: Option<&str>,
    ) -> StoreResult<Vec<Template>>;
    /// By name, then language.
    async fn templates(
        &self,
        tenant: TenantId,
        filter: &TemplateFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Template>>;
    /// Changes it and moves its version up.
    async fn update_template(
        &self,
        tenant: TenantId,
        template: TemplateId,
        patch: TemplatePatch,
        at: Timestamp,
    ) -> StoreResult<Option<Template>>;
    /// Adds or updates a page of Meta's list (matched by Meta's id, else by name and language); one commit. A
    /// row that is equal is not touched. `param_names` of known rows stay.
    async fn sync_templates(
        &self,
        tenant: TenantId,
        rows: Vec<NewTemplate>,
        at: Timestamp,
    ) -> StoreResult<SyncCounts>;
    /// After a whole list was read: what was submitted to this account but was not in the list is `deleted`. `at` is when
    /// the reading began: what moved since then stays.
    async fn remove_templates_missing(
        &self,
        tenant: TenantId,
        waba_id: &str,
        listed_meta_ids: &[String],
        at: Timestamp,
    ) -> StoreResult<u64>;
    /// Removes a template that was never submitted, or marks it `deleted`. False when there is none.
    async fn delete_template(
        &self,
        tenant: TenantId,
        template: TemplateId,
        at: Timestamp,
    ) -> StoreResult<bool>;
}

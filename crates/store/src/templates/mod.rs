//! See `ports::templates`.

mod list;
pub(crate) mod row;
mod sync;
mod write;

use async_trait::async_trait;
use domain::{ConnectionId, TemplateId, TenantId, Timestamp};
use ports::templates::{
    CreatedTemplate, NewTemplate, SyncCounts, Template, TemplateFilter, TemplatePatch, TemplateStore,
};
use ports::{Page, Paging, StoreResult};

use crate::SqlStore;
use crate::db;

#[async_trait]
impl TemplateStore for SqlStore {
    async fn create_template(
        &self,
        tenant: TenantId,
        template: NewTemplate,
        at: Timestamp,
    ) -> StoreResult<CreatedTemplate> {
        Ok(db::again(|| write::create(self, tenant, &template, at)).await?)
    }

    async fn template(&self, tenant: TenantId, template: TemplateId) -> StoreResult<Option<Template>> {
        let sql = format!("SELECT {} FROM templates t WHERE t.tenant_id = $1 AND t.id = $2", row::COLUMNS);
        let found = db::one(self.reader(), &sql, [tenant.0.into(), template.0.into()]).await?;
        Ok(found.as_ref().map(row::from_row).transpose()?)
    }

    async fn templates_named(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        name: &str,
        language: Option<&str>,
    ) -> StoreResult<Vec<Template>> {
        Ok(list::named(self, tenant, connection, name, language).await?)
    }

    async fn templates(
        &self,
        tenant: TenantId,
        filter: &TemplateFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Template>> {
        Ok(list::page(self, tenant, filter, paging).await?)
    }

    async fn update_template(
        &self,
        tenant: TenantId,
        template: TemplateId,
        patch: TemplatePatch,
        at: Timestamp,
    ) -> StoreResult<Option<Template>> {
        Ok(db::again(|| write::update(self, tenant, template, &patch, at)).await?)
    }

    async fn sync_templates(
        &self,
        tenant: TenantId,
        rows: Vec<NewTemplate>,
        at: Timestamp,
    ) -> StoreResult<SyncCounts> {
        Ok(db::again(|| sync::sync(self, tenant, &rows, at)).await?)
    }

    async fn remove_templates_missing(
        &self,
        tenant: TenantId,
        waba_id: &str,
        listed_meta_ids: &[String],
        at: Timestamp,
    ) -> StoreResult<u64> {
        Ok(db::again(|| sync::remove_missing(self, tenant, waba_id, listed_meta_ids, at)).await?)
    }

    async fn delete_template(
        &self,
        tenant: TenantId,
        template: TemplateId,
        at: Timestamp,
    ) -> StoreResult<bool> {
        Ok(db::again(|| write::delete(self, tenant, template, at)).await?)
    }
}

//! Making, changing and removing one template.

use domain::audit::{Action, NewEntry};
use domain::{TemplateId, TenantId, Timestamp};
use ports::templates::{CreatedTemplate, NewTemplate, Template, TemplatePatch};
use sea_orm::sea_query::{Expr, ExprTrait, Query, ReturningClause};
use sea_orm::{ConnectionTrait, Value};

use super::row;
use crate::SqlStore;
use crate::audit::tell;
use crate::db::{self, Fault, Row, clean, micros};
use crate::ids::{self, Kind};

pub(super) async fn create(
    store: &SqlStore,
    tenant: TenantId,
    new: &NewTemplate,
    at: Timestamp,
) -> Result<CreatedTemplate, Fault> {
    let sql = format!(
        "INSERT INTO templates (tenant_id, id, waba_id, name, language, category, status, rejection_reason, \
         quality, meta_id, parameter_format, components, param_names, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14) \
         ON CONFLICT DO NOTHING RETURNING {}",
        row::RETURNED
    );
    let tx = store.begin().await?;
    let values: [Value; 14] = [
        tenant.0.into(),
        ids::take_one(&tx, Kind::Template).await?.into(),
        new.waba_id.as_str().into(),
        new.name.as_str().into(),
        new.language.as_str().into(),
        new.category.as_str().into(),
        new.status.as_str().into(),
        new.rejection_reason.as_deref().map(|why| clean(why).into_owned()).into(),
        new.quality.as_deref().into(),
        new.meta_id.as_deref().into(),
        new.parameter_format.as_str().into(),
        db::to_json(&new.components)?.into(),
        db::to_json(&new.param_names)?.into(),
        micros(at).into(),
    ];
    if let Some(created) = db::one(&*tx, &sql, values).await? {
        let created = row::from_row(&created)?;
        let entry = NewEntry::about(Action::TemplateCreated, "template", created.id).at(at);
        tx.note(tenant, entry.after(tell::template(&created)));
        tx.commit().await?;
        return Ok(CreatedTemplate::Created(created));
    }
    let sql = "SELECT id FROM templates WHERE tenant_id = $1 AND name = $2 AND language = $3 AND waba_id = $4 \
               AND status <> 'deleted'";
    let key = [
        tenant.0.into(),
        new.name.as_str().into(),
        new.language.as_str().into(),
        new.waba_id.as_str().into(),
    ];
    let taken = db::one(&*tx, sql, key).await?;
    let taken = taken.ok_or_else(|| Fault::Conflict("the template in the way is gone".into()))?;
    Ok(CreatedTemplate::Exists(TemplateId(taken.get("id")?)))
}

pub(super) async fn update(
    store: &SqlStore,
    tenant: TenantId,
    template: TemplateId,
    patch: &TemplatePatch,
    at: Timestamp,
) -> Result<Option<Template>, Fault> {
    let mut update = Query::update();
    update.table("templates").value("version", Expr::cust("version + 1")).value("updated_at", micros(at));
    if let Some(category) = &patch.category {
        update.value("category", category.as_str());
    }
    if let Some(status) = &patch.status {
        update.value("status", status.as_str());
    }
    if let Some(reason) = &patch.rejection_reason {
        update.value("rejection_reason", reason.as_deref().map(|why| clean(why).into_owned()));
    }
    if let Some(quality) = &patch.quality {
        update.value("quality", quality.as_str());
    }
    if let Some(meta_id) = &patch.meta_id {
        update.value("meta_id", meta_id.as_str());
    }
    if let Some(components) = &patch.components {
        update.value("components", db::to_json(components)?);
    }
    if let Some(names) = &patch.param_names {
        update.value("param_names", db::to_json(names)?);
    }
    update
        .and_where(Expr::col("tenant_id").eq(tenant.0))
        .and_where(Expr::col("id").eq(template.0))
        .returning(ReturningClause::Exprs(vec![Expr::cust(row::RETURNED)]));
    let tx = store.begin().await?;
    let before = row::for_update(&tx, tenant, template).await?;
    let updated = tx.query_one(&update).await?.as_ref().map(row::from_row).transpose()?;
    if let (Some(before), Some(after)) = (before, &updated) {
        let entry = NewEntry::about(Action::TemplateChanged, "template", template).at(at);
        tx.note(tenant, entry.changed(&tell::template(&before), &tell::template(after)));
    }
    tx.commit().await?;
    Ok(updated)
}

pub(super) async fn delete(
    store: &SqlStore,
    tenant: TenantId,
    template: TemplateId,
    at: Timestamp,
) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let ids = [tenant.0.into(), template.0.into()];
    let before = row::for_update(&tx, tenant, template).await?;
    let sql = "DELETE FROM templates WHERE tenant_id = $1 AND id = $2 AND meta_id IS NULL";
    let mut gone = db::run(&*tx, sql, ids.clone()).await?;
    if gone == 0 {
        let sql = "UPDATE templates SET status = 'deleted', version = version + 1, updated_at = $3 \
                   WHERE tenant_id = $1 AND id = $2 AND status <> 'deleted'";
        gone = db::run(&*tx, sql, ids.into_iter().chain([micros(at).into()])).await?;
    }
    if let Some(before) = before.filter(|_| gone > 0) {
        let entry = NewEntry::about(Action::TemplateDeleted, "template", template).at(at);
        tx.note(tenant, entry.before(tell::template(&before)));
    }
    tx.commit().await?;
    Ok(gone > 0)
}

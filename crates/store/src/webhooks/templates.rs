//! What happened to a template at Meta.

use domain::TemplateId;
use domain::audit::{Action, Actor, NewEntry};
use domain::templates::{Category, Status};
use ports::webhooks::TemplateEvent;
use sea_orm::QueryResult;
use serde_json::json;

use super::project::Projecting;
use crate::db::{self, Fault, Row, micros};

/// Moves the template. One that is not known here will come with the next sync.
pub(super) async fn apply(projecting: &mut Projecting<'_>, event: &TemplateEvent) -> Result<(), Fault> {
    let Some(row) = find(projecting, event).await? else { return Ok(()) };
    let id: i64 = row.get("id")?;
    let rejected = event.status == Some(Status::Rejected);
    // A template that is good again has no reason for having been refused.
    let cleared = event.status.is_some() && !rejected && event.rejection_reason.is_none();
    let sql = "UPDATE templates SET status = COALESCE($3, status), quality = COALESCE($4, quality), \
               category = COALESCE($5, category), meta_id = COALESCE(meta_id, $6), \
               rejection_reason = CASE WHEN $8 THEN NULL ELSE COALESCE($7, rejection_reason) END, \
               version = version + 1, updated_at = $9 \
               WHERE tenant_id = $1 AND id = $2";
    let values = [
        projecting.tenant.0.into(),
        id.into(),
        event.status.as_ref().map(|status| status.as_str().to_owned()).into(),
        event.quality.clone().into(),
        event.category.as_ref().map(|category| category.as_str().to_owned()).into(),
        event.meta_id.clone().into(),
        event.rejection_reason.clone().into(),
        cleared.into(),
        micros(projecting.now).into(),
    ];
    db::run(&**projecting.tx, sql, values).await?;
    let told = json!({
        "status": event.status.as_ref().map(Status::as_str), "quality": event.quality,
        "category": event.category.as_ref().map(Category::as_str), "rejection_reason": event.rejection_reason,
    });
    let entry = NewEntry::about(Action::TemplateChanged, "template", id).at(projecting.now).by(Actor::meta());
    projecting.tx.note(projecting.tenant, entry.after(told));
    projecting.done.templates.push(TemplateId(id));
    Ok(())
}

async fn find(projecting: &Projecting<'_>, event: &TemplateEvent) -> Result<Option<QueryResult>, Fault> {
    let lock = projecting.tx.dialect.for_update("t");
    if let Some(meta_id) = &event.meta_id {
        let sql =
            format!("SELECT t.id AS id FROM templates t WHERE t.tenant_id = $1 AND t.meta_id = $2{lock}");
        let values = [projecting.tenant.0.into(), meta_id.as_str().into()];
        if let Some(row) = db::one(&**projecting.tx, &sql, values).await? {
            return Ok(Some(row));
        }
    }
    let sql = format!(
        "SELECT t.id AS id FROM templates t WHERE t.tenant_id = $1 AND t.name = $2 AND t.language = $3 \
         AND t.waba_id = $4 AND t.status <> 'deleted'{lock}"
    );
    let language = event.language.replace('-', "_");
    let values = [
        projecting.tenant.0.into(),
        event.name.as_str().into(),
        language.into(),
        event.waba_id.as_str().into(),
    ];
    db::one(&**projecting.tx, &sql, values).await
}

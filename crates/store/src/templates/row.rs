//! A template's row.

use domain::templates::{Category, Status};
use domain::{TemplateId, TenantId};
use ports::templates::Template;
use sea_orm::QueryResult;

use crate::db::{self, Fault, Row, Tx};

/// The columns that [`from_row`] reads, of the table under the alias `t`.
pub(crate) const COLUMNS: &str = "t.id, t.waba_id, t.name, t.language, t.category, t.status, \
     t.rejection_reason, t.quality, t.meta_id, t.parameter_format, t.components, t.param_names, t.version, \
     t.created_at, t.updated_at";

/// The same for RETURNING, which takes no alias.
pub(super) const RETURNED: &str = "id, waba_id, name, language, category, status, rejection_reason, quality, \
     meta_id, parameter_format, components, param_names, version, created_at, updated_at";

/// A template that nobody else changes until the commit.
pub(super) async fn for_update(
    tx: &Tx,
    tenant: TenantId,
    template: TemplateId,
) -> Result<Option<Template>, Fault> {
    let lock = tx.dialect.for_update("t");
    let sql = format!("SELECT {COLUMNS} FROM templates t WHERE t.tenant_id = $1 AND t.id = $2{lock}");
    let row = db::one(&**tx, &sql, [tenant.0.into(), template.0.into()]).await?;
    row.as_ref().map(from_row).transpose()
}

/// A template out of [`COLUMNS`].
pub(crate) fn from_row(row: &QueryResult) -> Result<Template, Fault> {
    Ok(Template {
        id: TemplateId(row.get("id")?),
        waba_id: row.get("waba_id")?,
        name: row.get("name")?,
        language: row.get("language")?,
        category: Category::from_word(&row.get::<String>("category")?),
        status: Status::from_word(&row.get::<String>("status")?),
        rejection_reason: row.get("rejection_reason")?,
        quality: row.get("quality")?,
        meta_id: row.get("meta_id")?,
        parameter_format: row.word("parameter_format")?,
        components: row.json("components")?,
        param_names: row.json("param_names")?,
        version: row.get("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

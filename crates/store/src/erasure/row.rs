//! An erasure's row.

use domain::{ContactId, ErasureId, TenantId};
use ports::erasure::Erasure;
use sea_orm::{ConnectionTrait, QueryResult};

use crate::db::{self, Fault, Row};

/// The columns that [`from_row`] reads.
pub(super) const COLUMNS: &str = "id, contact_id, at, receipt, digest";

pub(super) fn from_row(row: &QueryResult) -> Result<Erasure, Fault> {
    let receipt = match (row.json_opt("receipt")?, row.get::<Option<String>>("digest")?) {
        (Some(receipt), Some(digest)) => Some((receipt, digest)),
        _ => None,
    };
    Ok(Erasure {
        id: ErasureId(row.get("id")?),
        contact_id: ContactId(row.get("contact_id")?),
        at: row.time("at")?,
        receipt,
    })
}

pub(super) async fn find<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    erasure: ErasureId,
) -> Result<Option<Erasure>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM erasures WHERE tenant_id = $1 AND id = $2");
    let row = db::one(on, &sql, [tenant.0.into(), erasure.0.into()]).await?;
    row.as_ref().map(from_row).transpose()
}

/// The one that erased a contact.
pub(super) async fn of_contact<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Option<Erasure>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM erasures WHERE tenant_id = $1 AND contact_id = $2");
    let row = db::one(on, &sql, [tenant.0.into(), contact.0.into()]).await?;
    row.as_ref().map(from_row).transpose()
}

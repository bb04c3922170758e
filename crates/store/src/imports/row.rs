//! An import's row.

use domain::{ApiKeyId, ImportId, TenantId};
use ports::imports::{Counts, Import};
use sea_orm::QueryResult;

use crate::db::{self, Fault, Row, Tx};

/// The columns that [`from_row`] reads.
pub(super) const COLUMNS: &str = "id, state, filename, plan, file, size, created_by, cursor_row, bytes_read, \
     processed, imported, updated, duplicates, errors, opted_out, consent_refused, run_at, run_processed, failure, created_at, \
     updated_at, ended_at";

/// An import out of [`COLUMNS`].
pub(super) fn from_row(row: &QueryResult) -> Result<Import, Fault> {
    let number = |column: &str| u64::try_from(row.get::<i64>(column)?).map_err(Fault::internal);
    Ok(Import {
        id: ImportId(row.get("id")?),
        state: row.word("state")?,
        filename: row.get("filename")?,
        plan: row.json("plan")?,
        file: row.get("file")?,
        size: number("size")?,
        created_by: row.get::<Option<i64>>("created_by")?.map(ApiKeyId),
        cursor: number("cursor_row")?,
        bytes_read: number("bytes_read")?,
        counts: Counts {
            processed: number("processed")?,
            imported: number("imported")?,
            updated: number("updated")?,
            duplicates: number("duplicates")?,
            errors: number("errors")?,
        },
        opted_out: number("opted_out")?,
        consent_refused: number("consent_refused")?,
        run_at: row.time("run_at")?,
        run_processed: number("run_processed")?,
        failure: row.get("failure")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        ended_at: row.time_opt("ended_at")?,
    })
}

/// An import and who holds it; nobody else changes it until the commit.
pub(super) async fn lock(
    tx: &Tx,
    tenant: TenantId,
    import: ImportId,
) -> Result<Option<(Import, String)>, Fault> {
    let sql = format!(
        "SELECT holder, {COLUMNS} FROM imports WHERE tenant_id = $1 AND id = $2{}",
        tx.dialect.for_update("imports")
    );
    let Some(row) = db::one(&**tx, &sql, [tenant.0.into(), import.0.into()]).await? else { return Ok(None) };
    Ok(Some((from_row(&row)?, row.get("holder")?)))
}

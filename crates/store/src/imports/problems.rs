//! Rows that did not become contacts, and notes on those that did.

use domain::{ImportId, TenantId};
use ports::imports::{ProblemKind, RowProblem};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::db::{self, Fault, Row, Tx};
use crate::sets::set;

set! {
    ProblemRow<'a> {
        row_number: Int i64,
        phone: Text &'a str,
        error: Text &'a str,
        cells: Text String,
        kind: Int i64,
    }
}

/// As it is kept.
fn kind_number(kind: ProblemKind) -> i64 {
    match kind {
        ProblemKind::Error => 0,
        ProblemKind::Duplicate => 1,
        ProblemKind::Note => 2,
    }
}

impl<'a> ProblemRow<'a> {
    pub(super) fn of(
        kind: ProblemKind,
        row: u64,
        phone: &'a str,
        error: &'a str,
        cells: &[String],
    ) -> Result<Self, Fault> {
        let row_number = i64::try_from(row).map_err(Fault::internal)?;
        Ok(Self { row_number, phone, error, cells: db::to_json(cells)?, kind: kind_number(kind) })
    }
}

pub(super) async fn append(
    tx: &Tx,
    tenant: TenantId,
    import: ImportId,
    rows: &[ProblemRow<'_>],
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let (set, values) = tx.dialect.bulk(3, "r", rows)?;
    let sql = format!(
        "INSERT INTO import_rows (tenant_id, import_id, row_number, phone, error, cells, kind) \
         SELECT $1, $2, r.row_number, r.phone, r.error, r.cells, r.kind FROM {set}"
    );
    let of: [Value; 2] = [tenant.0.into(), import.0.into()];
    db::run(&**tx, &sql, of.into_iter().chain(values)).await?;
    Ok(())
}

pub(super) async fn page<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    import: ImportId,
    after: u64,
    limit: u32,
) -> Result<Vec<RowProblem>, Fault> {
    let sql = "SELECT row_number, phone, error, cells FROM import_rows \
               WHERE tenant_id = $1 AND import_id = $2 AND row_number > $3 AND kind <> $5 \
               ORDER BY row_number LIMIT $4";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let note = kind_number(ProblemKind::Note);
    let values = [tenant.0.into(), import.0.into(), after.into(), i64::from(limit).into(), note.into()];
    db::all(on, sql, values).await?.iter().map(from_row).collect()
}

/// The first of a kind.
pub(super) async fn first<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    import: ImportId,
    kind: ProblemKind,
    limit: u32,
) -> Result<Vec<RowProblem>, Fault> {
    let sql = "SELECT row_number, phone, error, cells FROM import_rows \
               WHERE tenant_id = $1 AND import_id = $2 AND kind = $3 ORDER BY row_number LIMIT $4";
    let values = [tenant.0.into(), import.0.into(), kind_number(kind).into(), i64::from(limit).into()];
    db::all(on, sql, values).await?.iter().map(from_row).collect()
}

fn from_row(row: &QueryResult) -> Result<RowProblem, Fault> {
    Ok(RowProblem {
        row: u64::try_from(row.get::<i64>("row_number")?).map_err(Fault::internal)?,
        phone: row.get("phone")?,
        error: row.get("error")?,
        cells: row.json("cells")?,
    })
}

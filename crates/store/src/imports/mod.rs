//! See `ports::imports`.

mod batch;
mod heard;
mod merge;
mod problems;
mod row;

use async_trait::async_trait;
use domain::audit::{Action, NewEntry};
use domain::imports::ImportState;
use domain::{ImportId, TenantId, Timestamp};
use ports::imports::{Applied, Import, ImportBatch, ImportStore, NewImport, ProblemKind, RowProblem};
use ports::{Page, Paging, StoreResult};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use sea_orm::{QueryResult, Value};

use crate::SqlStore;
use crate::db::{self, Fault, Row, clean, micros};
use crate::dialect::As;
use crate::ids::{self, Kind};
use crate::lists::{self, List};

#[async_trait]
impl ImportStore for SqlStore {
    async fn create_import(&self, tenant: TenantId, import: NewImport) -> StoreResult<Import> {
        let sql = format!(
            "INSERT INTO imports (tenant_id, id, state, filename, plan, file, size, created_by, holder, held_until, \
             cursor_row, bytes_read, processed, imported, updated, duplicates, errors, run_at, run_processed, \
             created_at, updated_at) \
             VALUES ($1, $2, 'running', $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, 0, 0, 0, $10, 0, $10, $10) \
             RETURNING {}",
            row::COLUMNS
        );
        let tx = self.begin().await?;
        let values: [Value; 10] = [
            tenant.0.into(),
            ids::take_one(&tx, Kind::Import).await?.into(),
            import.filename.as_deref().map(clean).as_deref().into(),
            db::to_json(&import.plan)?.into(),
            import.file.into(),
            i64::try_from(import.size).unwrap_or(i64::MAX).into(),
            import.created_by.map(|key| key.0).into(),
            import.holder.into(),
            micros(import.held_until).into(),
            micros(import.at).into(),
        ];
        let made = db::one(&*tx, &sql, values).await?;
        let made = made.ok_or_else(|| Fault::internal("a new import gave no row"))?;
        let made = row::from_row(&made)?;
        let entry = NewEntry::about(Action::ImportStarted, "import", made.id).at(import.at);
        tx.note(tenant, entry.after(serde_json::json!({ "bytes": import.size })));
        tx.commit().await?;
        Ok(made)
    }

    async fn import(&self, tenant: TenantId, import: ImportId) -> StoreResult<Option<Import>> {
        let sql = format!("SELECT {} FROM imports WHERE tenant_id = $1 AND id = $2", row::COLUMNS);
        let found = db::one(self.reader(), &sql, [tenant.0.into(), import.0.into()]).await?;
        Ok(found.as_ref().map(row::from_row).transpose()?)
    }

    async fn imports(&self, tenant: TenantId, paging: &Paging) -> StoreResult<Page<Import>> {
        let from = Query::select().from("imports").and_where(Expr::col("tenant_id").eq(tenant.0)).take();
        let list = List { from, columns: row::COLUMNS, keys: &[("id", As::Int)], order: Order::Desc };
        Ok(lists::page(self.reader(), list, paging, row::from_row).await?)
    }

    async fn free_imports(
        &self,
        holder: &str,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<(TenantId, Import)>> {
        let sql = format!(
            "SELECT tenant_id, {} FROM imports WHERE state = 'running' AND (holder = $1 OR held_until <= $2) \
             ORDER BY held_until LIMIT $3",
            row::COLUMNS
        );
        let values: [Value; 3] = [holder.into(), micros(now).into(), i64::from(limit).into()];
        let read = |found: &QueryResult| -> Result<_, Fault> {
            Ok((TenantId(found.get("tenant_id")?), row::from_row(found)?))
        };
        let found = db::all(self.reader(), &sql, values).await?;
        Ok(found.iter().map(read).collect::<Result<_, Fault>>()?)
    }

    async fn files_of_imports(&self) -> StoreResult<Vec<String>> {
        let found = db::all(self.reader(), "SELECT file FROM imports WHERE state = 'running'", []).await?;
        Ok(found.iter().map(|row| row.get("file")).collect::<Result<_, Fault>>()?)
    }

    async fn take_import(
        &self,
        tenant: TenantId,
        import: ImportId,
        holder: &str,
        now: Timestamp,
        held_until: Timestamp,
    ) -> StoreResult<Option<Import>> {
        let set = "holder = $3, held_until = $4, run_at = $5, run_processed = processed";
        let free = "(holder = $3 OR held_until <= $5)";
        let values = [holder.into(), micros(held_until).into(), micros(now).into()];
        Ok(self.set_running(tenant, import, set, free, values, None).await?)
    }

    fn import_batch_rows(&self) -> usize {
        self.dialect().import_batch_rows()
    }

    async fn import_batch(&self, tenant: TenantId, batch: &ImportBatch) -> StoreResult<Applied> {
        match batch::apply(self, tenant, batch, false).await {
            Err(Fault::Conflict(_)) => Ok(db::again(|| batch::apply(self, tenant, batch, true)).await?),
            other => Ok(other?),
        }
    }

    async fn end_import(
        &self,
        tenant: TenantId,
        import: ImportId,
        holder: &str,
        state: ImportState,
        failure: Option<&str>,
        at: Timestamp,
    ) -> StoreResult<Option<Import>> {
        let set = "state = $4, failure = $5, updated_at = $6, ended_at = $6";
        let values =
            [holder.into(), state.as_str().into(), failure.map(clean).as_deref().into(), micros(at).into()];
        let told = serde_json::json!({ "state": state.as_str() });
        let entry = NewEntry::about(Action::ImportEnded, "import", import).at(at).after(told);
        Ok(self.set_running(tenant, import, set, "holder = $3", values, Some(entry)).await?)
    }

    async fn release_import(&self, tenant: TenantId, import: ImportId, holder: &str) -> StoreResult<()> {
        self.set_running(tenant, import, "held_until = 0", "holder = $3", [holder.into()], None).await?;
        Ok(())
    }

    async fn cancel_import(
        &self,
        tenant: TenantId,
        import: ImportId,
        at: Timestamp,
    ) -> StoreResult<Option<(Import, bool)>> {
        let set = "state = 'cancelled', updated_at = $3, ended_at = $3";
        let entry = NewEntry::about(Action::ImportCancelled, "import", import).at(at);
        let stopped = self.set_running(tenant, import, set, "TRUE", [micros(at).into()], Some(entry)).await?;
        if let Some(stopped) = stopped {
            return Ok(Some((stopped, true)));
        }
        Ok(self.import(tenant, import).await?.map(|import| (import, false)))
    }

    async fn import_problems(
        &self,
        tenant: TenantId,
        import: ImportId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<RowProblem>> {
        Ok(problems::page(self.reader(), tenant, import, after, limit).await?)
    }

    async fn import_problems_of(
        &self,
        tenant: TenantId,
        import: ImportId,
        kind: ProblemKind,
        limit: u32,
    ) -> StoreResult<Vec<RowProblem>> {
        Ok(problems::first(self.reader(), tenant, import, kind, limit).await?)
    }
}

impl SqlStore {
    /// Changes an import that runs and of which `when` holds, in its own commit; `None`: there is none.
    async fn set_running(
        &self,
        tenant: TenantId,
        import: ImportId,
        set: &str,
        when: &str,
        values: impl IntoIterator<Item = Value>,
        entry: Option<NewEntry>,
    ) -> Result<Option<Import>, Fault> {
        let sql = format!(
            "UPDATE imports SET {set} WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND {when} RETURNING {}",
            row::COLUMNS
        );
        let ids: [Value; 2] = [tenant.0.into(), import.0.into()];
        let tx = self.begin().await?;
        let changed = db::one(&*tx, &sql, ids.into_iter().chain(values)).await?;
        if let Some(entry) = entry.filter(|_| changed.is_some()) {
            tx.note(tenant, entry);
        }
        tx.commit().await?;
        changed.as_ref().map(row::from_row).transpose()
    }
}

//! See `ports::retention`.

pub(crate) mod files;
mod forecast;
mod run;
mod steps;
mod walks;

use async_trait::async_trait;
use domain::audit::{Action, NewEntry};
use domain::retention::{Cutoffs, Periods};
use domain::{TenantId, Timestamp};
use ports::StoreResult;
use ports::retention::{Forecast, PurgeProgress, Retention, RetentionStore};
use sea_orm::{QueryResult, Value};

use crate::SqlStore;
use crate::db::{self, Fault, Row, again, micros};
use run::Run;

const COLUMNS: &str = "message_content_days, delivery_log_days, webhook_days, next_run_at, run, last_run";

#[async_trait]
impl RetentionStore for SqlStore {
    async fn retention(&self, tenant: TenantId) -> StoreResult<Option<Retention>> {
        let sql = format!(
            "SELECT t.created_at AS created_at, r.tenant_id AS chosen, {} FROM tenants t \
             LEFT JOIN retention r ON r.tenant_id = t.tenant_id WHERE t.tenant_id = $1",
            COLUMNS
                .split(", ")
                .map(|column| format!("r.{column} AS {column}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        let found = db::one(self.reader(), &sql, [tenant.0.into()]).await?;
        Ok(found.as_ref().map(joined).transpose()?)
    }

    async fn set_retention(
        &self,
        tenant: TenantId,
        periods: Periods,
        at: Timestamp,
    ) -> StoreResult<Option<Retention>> {
        let sql = format!(
            "INSERT INTO retention (tenant_id, message_content_days, delivery_log_days, webhook_days, next_run_at, \
             held_until, content_from) SELECT t.tenant_id, $2, $3, $4, $5, 0, 0 FROM tenants t WHERE t.tenant_id = $1 \
             ON CONFLICT (tenant_id) DO UPDATE SET message_content_days = excluded.message_content_days, \
             delivery_log_days = excluded.delivery_log_days, webhook_days = excluded.webhook_days, \
             next_run_at = excluded.next_run_at RETURNING {COLUMNS}"
        );
        let values: [Value; 5] = [
            tenant.0.into(),
            i64::from(periods.message_content_days).into(),
            i64::from(periods.delivery_log_days).into(),
            i64::from(periods.webhook_days).into(),
            micros(at).into(),
        ];
        let tx = self.begin().await?;
        let before = "SELECT message_content_days, delivery_log_days, webhook_days FROM retention WHERE tenant_id = $1";
        let before = db::one(&*tx, before, [tenant.0.into()]).await?;
        let kept = db::one(&*tx, &sql, values).await?;
        let days = |row: &QueryResult| -> Result<_, Fault> {
            Ok(serde_json::json!({
                "message_content_days": row.get::<i64>("message_content_days")?,
                "delivery_log_days": row.get::<i64>("delivery_log_days")?,
                "webhook_days": row.get::<i64>("webhook_days")?,
            }))
        };
        if let Some(after) = &kept {
            let before = before.as_ref().map(days).transpose()?.unwrap_or_default();
            let entry = NewEntry::new(Action::RetentionChanged, "retention").at(at);
            tx.note(tenant, entry.before(before).after(days(after)?));
        }
        tx.commit().await?;
        Ok(kept.as_ref().map(from_row).transpose()?)
    }

    async fn forecast_purge(&self, tenant: TenantId, cutoffs: &Cutoffs) -> StoreResult<Vec<Forecast>> {
        Ok(forecast::all(self, tenant, cutoffs).await?)
    }

    async fn take_purge(
        &self,
        holder: &str,
        now: Timestamp,
        held_until: Timestamp,
    ) -> StoreResult<Option<TenantId>> {
        Ok(again(|| run::take(self, holder, now, held_until)).await?)
    }

    async fn purge_batch(
        &self,
        tenant: TenantId,
        holder: &str,
        limit: u32,
        now: Timestamp,
        held_until: Timestamp,
    ) -> StoreResult<PurgeProgress> {
        Ok(again(|| run::batch(self, tenant, holder, limit, now, held_until)).await?)
    }

    async fn leftover_files(&self, limit: u32) -> StoreResult<Vec<(TenantId, String)>> {
        Ok(files::leftover(self, limit).await?)
    }

    async fn forget_leftover_file(&self, tenant: TenantId, path: &str) -> StoreResult<()> {
        Ok(files::forget(self, tenant, path).await?)
    }

    async fn unknown_files(&self, tenant: TenantId, paths: &[String]) -> StoreResult<Vec<String>> {
        Ok(files::unknown(self, tenant, paths).await?)
    }
}

fn from_row(row: &QueryResult) -> Result<Retention, Fault> {
    Ok(Retention {
        periods: periods(row)?,
        next_run_at: row.time("next_run_at")?,
        running: row.json_opt::<Run>("run")?.map(|run| run.report()),
        last_run: row.json_opt("last_run")?,
    })
}

/// Of a tenant that may not have chosen anything yet: then the first purge is due since it was made.
fn joined(row: &QueryResult) -> Result<Retention, Fault> {
    if row.get::<Option<i64>>("chosen")?.is_some() {
        return from_row(row);
    }
    let next_run_at = row.time("created_at")?;
    Ok(Retention { periods: Periods::default(), next_run_at, running: None, last_run: None })
}

/// Out of the three columns of days.
fn periods(row: &QueryResult) -> Result<Periods, Fault> {
    let days = |column: &str| -> Result<u32, Fault> {
        u32::try_from(row.get::<i64>(column)?).map_err(Fault::internal)
    };
    Ok(Periods {
        message_content_days: days("message_content_days")?,
        delivery_log_days: days("delivery_log_days")?,
        webhook_days: days("webhook_days")?,
    })
}

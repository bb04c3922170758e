//! See `ports::idempotency`.

use async_trait::async_trait;
use domain::{TenantId, Timestamp};
use ports::StoreResult;
use ports::idempotency::{IdempotencyStore, KeptAnswer, Reserved};
use sea_orm::{QueryResult, Value};

use crate::SqlStore;
use crate::db::{self, Fault, Row, clean, micros};

/// How long a key lives, in microseconds.
pub(crate) const LIFE: i64 = 24 * 3600 * 1_000_000;
/// After so many microseconds without an answer, the caller of a reservation is taken for dead.
const PATIENCE: i64 = 60 * 1_000_000;

/// The answer that was kept, out of `status, body`.
pub(crate) fn answer_from_row(row: &QueryResult) -> Result<Option<KeptAnswer>, Fault> {
    let Some(status) = row.get::<Option<i64>>("status")? else { return Ok(None) };
    Ok(Some(KeptAnswer {
        status: u16::try_from(status).map_err(Fault::internal)?,
        body: row.get::<Option<Vec<u8>>>("body")?.unwrap_or_default(),
    }))
}

#[async_trait]
impl IdempotencyStore for SqlStore {
    async fn reserve_key(
        &self,
        tenant: TenantId,
        key: &str,
        request: [u8; 32],
        at: Timestamp,
    ) -> StoreResult<Reserved> {
        let key = clean(key).into_owned();
        Ok(db::again(|| reserve(self, tenant, &key, &request, at)).await?)
    }

    async fn keep_answer(
        &self,
        tenant: TenantId,
        key: &str,
        answer: KeptAnswer,
        at: Timestamp,
    ) -> StoreResult<()> {
        let sql = "UPDATE idempotency SET status = $3, body = $4, at = $5 \
                   WHERE tenant_id = $1 AND key = $2 AND status IS NULL";
        let values: [Value; 5] = [
            tenant.0.into(),
            clean(key).into_owned().into(),
            i64::from(answer.status).into(),
            answer.body.into(),
            micros(at).into(),
        ];
        let tx = self.begin().await?;
        db::run(&*tx, sql, values).await?;
        Ok(tx.commit().await?)
    }

    async fn release_key(&self, tenant: TenantId, key: &str) -> StoreResult<()> {
        let sql = "DELETE FROM idempotency \
                   WHERE tenant_id = $1 AND key = $2 AND status IS NULL AND message_id IS NULL";
        let tx = self.begin().await?;
        db::run(&*tx, sql, [tenant.0.into(), clean(key).into_owned().into()]).await?;
        Ok(tx.commit().await?)
    }
}

async fn reserve(
    store: &SqlStore,
    tenant: TenantId,
    key: &str,
    request: &[u8; 32],
    at: Timestamp,
) -> Result<Reserved, Fault> {
    // Takes the key when it is free, has outlived its day, or was left behind by a dead caller.
    let sql = "INSERT INTO idempotency (tenant_id, key, request, at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (tenant_id, key) DO UPDATE SET request = excluded.request, message_id = NULL, \
               status = NULL, body = NULL, at = excluded.at \
               WHERE idempotency.at <= $5 \
               OR (idempotency.status IS NULL AND idempotency.message_id IS NULL AND idempotency.at <= $6) \
               RETURNING key";
    let now = micros(at);
    let values: [Value; 6] = [
        tenant.0.into(),
        key.into(),
        request.to_vec().into(),
        now.into(),
        now.saturating_sub(LIFE).into(),
        now.saturating_sub(PATIENCE).into(),
    ];
    let tx = store.begin().await?;
    if db::one(&*tx, sql, values).await?.is_some() {
        tx.commit().await?;
        return Ok(Reserved::Fresh);
    }
    let sql = "SELECT request, status, body FROM idempotency WHERE tenant_id = $1 AND key = $2";
    let row = db::one(&*tx, sql, [tenant.0.into(), key.into()]).await?;
    let row = row.ok_or_else(|| Fault::Conflict("the key in the way is gone".into()))?;
    if row.get::<Vec<u8>>("request")? != request {
        return Ok(Reserved::OtherBody);
    }
    Ok(answer_from_row(&row)?.map_or(Reserved::InProgress, Reserved::Answered))
}

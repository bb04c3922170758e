//! See `ports::erasure`.

mod begin;
mod finish;
mod key;
mod messages;
mod papers;
mod recall;
mod remember;
mod row;
mod work;

use async_trait::async_trait;
use domain::consent::ConsentState;
use domain::contacts::Identity;
use domain::erasure::Receipt;
use domain::{BroadcastId, ContactId, ErasureId, MessageId, TenantId, Timestamp};
use ports::erasure::{Erasure, ErasureStore, Participation};
use ports::{Page, Paging, StoreResult};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use crate::SqlStore;
use crate::db::{self, Fault, Row, again};
use crate::dialect::As;
use crate::lists::{self, List};

pub(crate) use key::{open as open_keys, reseal};
pub(crate) use recall::{Kept, Recalled, recall, reinstate, take_over};
pub(crate) use remember::remember_deleted;

#[async_trait]
impl ErasureStore for SqlStore {
    async fn begin_erasure(
        &self,
        tenant: TenantId,
        contact: ContactId,
        at: Timestamp,
    ) -> StoreResult<Option<Erasure>> {
        Ok(again(|| begin::begin(self, tenant, contact, at)).await?)
    }

    async fn erase_batch(
        &self,
        tenant: TenantId,
        erasure: ErasureId,
        limit: u32,
        now: Timestamp,
    ) -> StoreResult<Option<Erasure>> {
        Ok(again(|| work::batch(self, tenant, erasure, limit, now)).await?)
    }

    async fn erasure(&self, tenant: TenantId, erasure: ErasureId) -> StoreResult<Option<Erasure>> {
        Ok(row::find(self.reader(), tenant, erasure).await?)
    }

    async fn erasures(&self, tenant: TenantId, paging: &Paging) -> StoreResult<Page<Erasure>> {
        let from = Query::select().from("erasures").and_where(Expr::col("tenant_id").eq(tenant.0)).take();
        let list = List { from, columns: row::COLUMNS, keys: &[("id", As::Int)], order: Order::Desc };
        Ok(lists::page(self.reader(), list, paging, row::from_row).await?)
    }

    async fn unfinished_erasures(&self, limit: u32) -> StoreResult<Vec<(TenantId, ErasureId)>> {
        let sql = "SELECT tenant_id, id FROM erasures WHERE work IS NOT NULL ORDER BY tenant_id, id LIMIT $1";
        let rows = db::all(self.reader(), sql, [i64::from(limit).into()]).await?;
        let read = |row: &QueryResult| -> Result<_, Fault> {
            Ok((TenantId(row.get("tenant_id")?), ErasureId(row.get("id")?)))
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    async fn is_genuine(&self, tenant: TenantId, receipt: &Receipt, digest: &str) -> StoreResult<bool> {
        let Some(key) = key::find(self.reader(), self.keyring(), tenant).await? else { return Ok(false) };
        Ok(receipt.tenant_id == tenant && key.proves(&receipt.text(), digest))
    }

    async fn kept_consent(
        &self,
        tenant: TenantId,
        identities: &[Identity],
    ) -> StoreResult<Vec<Option<ConsentState>>> {
        let asked: Vec<&Identity> = identities.iter().collect();
        let recalled =
            recall::recall_on(self.reader(), self.dialect(), self.keyring(), tenant, &asked).await?;
        Ok(asked.into_iter().map(|identity| Some(recalled.of(identity)?.state())).collect())
    }

    async fn participations(&self, tenant: TenantId, contact: ContactId) -> StoreResult<Vec<Participation>> {
        Ok(participations(self, tenant, contact).await?)
    }
}

async fn participations(
    store: &SqlStore,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Vec<Participation>, Fault> {
    let family = crate::contacts::row::family(store.reader(), tenant, contact).await?;
    let family: Vec<_> = family.into_iter().map(|id| serde_json::json!({ "id": id })).collect();
    let set = store.dialect().rows(2, &[("id", As::Int)], "x");
    let sql = format!(
        "SELECT b.id AS id, b.name AS name, r.message_id AS message_id, r.reason AS reason, r.due_at AS due_at, \
         r.replied_at AS replied_at, r.opted_out_at AS opted_out_at FROM {set} CROSS JOIN broadcasts b \
         CROSS JOIN recipients r WHERE b.tenant_id = $1 AND r.tenant_id = $1 AND r.broadcast_id = b.id AND r.id = x.id \
         ORDER BY b.id"
    );
    let rows = db::all(store.reader(), &sql, [tenant.0.into(), db::to_json(&family)?.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Participation {
                broadcast_id: BroadcastId(row.get("id")?),
                broadcast_name: row.get("name")?,
                message_id: row.get::<Option<i64>>("message_id")?.map(MessageId),
                reason: row.get("reason")?,
                due_at: row.time("due_at")?,
                replied_at: row.time_opt("replied_at")?,
                opted_out_at: row.time_opt("opted_out_at")?,
            })
        })
        .collect()
}

//! Items set aside.

use domain::{ConnectionId, InboxId, InboxItemId, TenantId, Timestamp};
use ports::webhooks::{AsideItem, AsideReason, SetAside};
use ports::{Page, Paging};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use crate::db::{self, Fault, Row, SqlStore, Tx, micros};
use crate::dialect::As;
use crate::ids::Ids;
use crate::lists::{self, List};
use crate::sets::{param, set};

set! {
    ItemRow {
        id: Int i64,
        inbox: Int i64,
        pointer: Text String,
        connection: Int Option<i64>,
        field: Text String,
        reason: Text &'static str,
        why: Text String,
        raw: Text String,
        at: Int i64,
    }
}

/// Keeps items; one that is kept already (a body projected again) is left as it is.
pub(super) async fn keep(tx: &Tx, tenant: TenantId, items: &[&SetAside], ids: &mut Ids) -> Result<(), Fault> {
    if items.is_empty() {
        return Ok(());
    }
    let mut seen = std::collections::HashSet::new();
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let id = ids.next()?;
        if seen.insert((item.source.inbox_id, item.source.pointer.as_str())) {
            rows.push(row(item, id));
        }
    }
    let set = tx.dialect.set::<ItemRow>(1, "r");
    let sql = format!(
        "INSERT INTO inbox_items (tenant_id, id, inbox_id, pointer, connection_id, field, reason, why, raw, at, attempts) \
         SELECT $2, r.id, r.inbox, r.pointer, r.connection, r.field, r.reason, r.why, r.raw, r.at, 1 FROM {set} \
         WHERE TRUE ON CONFLICT (tenant_id, inbox_id, pointer) DO NOTHING"
    );
    db::run(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
    Ok(())
}

fn row(item: &SetAside, id: i64) -> ItemRow {
    ItemRow {
        id,
        inbox: item.source.inbox_id.0,
        pointer: item.source.pointer.clone(),
        connection: item.connection_id.map(|id| id.0),
        field: item.field.clone(),
        reason: item.reason.as_str(),
        why: item.why.clone(),
        raw: item.raw.to_string(),
        at: micros(item.at),
    }
}

const COLUMNS: &str = "i.id AS id, i.inbox_id AS inbox_id, i.pointer AS pointer, i.connection_id AS connection_id, \
     i.field AS field, i.reason AS reason, i.why AS why, i.raw AS raw, i.at AS at, i.attempts AS attempts, \
     i.resolved_at AS resolved_at";

fn from_row(row: &QueryResult) -> Result<AsideItem, Fault> {
    Ok(AsideItem {
        id: InboxItemId(row.get("id")?),
        inbox_id: InboxId(row.get("inbox_id")?),
        pointer: row.get("pointer")?,
        field: row.get("field")?,
        reason: row.get("reason")?,
        why: row.get("why")?,
        raw: row.json("raw")?,
        at: row.time("at")?,
        attempts: i32::try_from(row.get::<i64>("attempts")?).unwrap_or(i32::MAX),
        resolved_at: row.time_opt("resolved_at")?,
    })
}

/// Newest first.
pub(super) async fn list(
    store: &SqlStore,
    tenant: TenantId,
    reason: Option<AsideReason>,
    paging: &Paging,
) -> Result<Page<AsideItem>, Fault> {
    let mut from = Query::select();
    from.from_as("inbox_items", "i").and_where(Expr::cust("i.tenant_id").eq(tenant.0));
    if let Some(reason) = reason {
        from.and_where(Expr::cust("i.reason").eq(reason.as_str()));
    }
    let list = List { from, columns: COLUMNS, keys: &[("i.id", As::Int)], order: Order::Desc };
    lists::page(store.reader(), list, paging, from_row).await
}

/// Oldest first.
pub(super) async fn unresolved(
    store: &SqlStore,
    tenant: TenantId,
    reason: AsideReason,
    limit: u32,
) -> Result<Vec<(AsideItem, Option<ConnectionId>)>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM inbox_items i WHERE i.tenant_id = $1 AND i.reason = $2 AND i.resolved_at IS NULL \
         ORDER BY i.id LIMIT $3"
    );
    let values = [tenant.0.into(), reason.as_str().into(), i64::from(limit).into()];
    let rows = db::all(store.reader(), &sql, values).await?;
    rows.iter()
        .map(|row| Ok((from_row(row)?, row.get::<Option<i64>>("connection_id")?.map(ConnectionId))))
        .collect()
}

/// Notes what came of driving an item again.
pub(super) async fn settle(
    store: &SqlStore,
    tenant: TenantId,
    item: InboxItemId,
    applied: bool,
    why: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    let tx = store.begin().await?;
    let sql = "UPDATE inbox_items SET attempts = attempts + 1, why = $3, resolved_at = $4 \
               WHERE tenant_id = $1 AND id = $2 AND resolved_at IS NULL";
    let values = [
        tenant.0.into(),
        item.0.into(),
        db::clean(why).into_owned().into(),
        applied.then_some(micros(at)).into(),
    ];
    db::run(&*tx, sql, values).await?;
    tx.commit().await
}

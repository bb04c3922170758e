//! Lists of broadcasts. Each upload is a list of its own, and a broadcast names the one that is whole: one that is being
//! uploaded, was given up or was replaced stands in `broadcast_lists`, from which it is swept.

use std::collections::BTreeMap;

use domain::audit::{Action, NewEntry};
use domain::{BroadcastId, ListId, SignedDuration, TenantId, Timestamp};
use ports::broadcasts::{BroadcastMoved, ListPart, ListPut, ListRow};

use super::{row, write};
use crate::db::{self, Fault, Row, SqlStore, Tx, micros, to_json};
use crate::ids::{self, Kind};
use crate::sets::{param, set};

/// An upload whose next part does not come within this time has been given up.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(1);
/// When the last part of a list came that nobody waits for.
const NEVER: i64 = 0;

set! {
    RowOfList {
        n: Int i64,
        given: Text String,
        phone: Text Option<String>,
        cells: Text String,
    }
}

/// Takes in a part.
pub(super) async fn put(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    part: &ListPart,
) -> Result<ListPut, Fault> {
    let tx = store.begin().await?;
    match write::not_begun(&tx, tenant, broadcast).await? {
        Ok(_) => {}
        Err(BroadcastMoved::InvalidState(state)) => return Ok(ListPut::InvalidState(state)),
        Err(_) => return Ok(ListPut::NotFound),
    }
    let list = match part.upload {
        None => begin(&tx, tenant, part.at).await?,
        Some(upload) if goes_on(&tx, tenant, upload, part.at).await? => upload,
        Some(_) => return Ok(ListPut::NoUpload),
    };
    insert(&tx, tenant, list, &part.rows).await?;
    if !part.last {
        tx.commit().await?;
        return Ok(ListPut::Kept(list));
    }
    take(&tx, tenant, broadcast, list, part.at).await?;
    let changed = row::reread(&tx, tenant, broadcast).await?;
    tx.commit().await?;
    Ok(ListPut::Done(changed))
}

/// Lists are counted together with broadcasts: before lists were things of their own, a list had its broadcast's id.
pub(super) async fn new_id(tx: &Tx) -> Result<ListId, Fault> {
    Ok(ListId(ids::take_one(tx, Kind::Broadcast).await?))
}

async fn begin(tx: &Tx, tenant: TenantId, at: Timestamp) -> Result<ListId, Fault> {
    let list = new_id(tx).await?;
    let sql = "INSERT INTO broadcast_lists (tenant_id, id, touched_at) VALUES ($1, $2, $3)";
    db::run(&**tx, sql, [tenant.0.into(), list.0.into(), micros(at).into()]).await?;
    Ok(list)
}

/// Notes that an upload goes on; false: there is no such upload.
pub(super) async fn goes_on(tx: &Tx, tenant: TenantId, upload: ListId, at: Timestamp) -> Result<bool, Fault> {
    let sql =
        "UPDATE broadcast_lists SET touched_at = $3 WHERE tenant_id = $1 AND id = $2 AND touched_at <> $4";
    let values = [tenant.0.into(), upload.0.into(), micros(at).into(), NEVER.into()];
    Ok(db::run(&**tx, sql, values).await? > 0)
}

async fn insert(tx: &Tx, tenant: TenantId, list: ListId, rows: &[ListRow]) -> Result<(), Fault> {
    let mut latest = BTreeMap::new();
    for one in rows {
        let cells = to_json(&one.columns)?;
        let (given, phone) = (one.given.clone(), one.phone.clone());
        latest.insert(one.row_number, RowOfList { n: one.row_number, given, phone, cells });
    }
    if latest.is_empty() {
        return Ok(());
    }
    let rows: Vec<RowOfList> = latest.into_values().collect();
    let set = tx.dialect.set::<RowOfList>(1, "r");
    let sql = format!(
        "INSERT INTO broadcast_rows (tenant_id, list_id, row_number, given, phone, columns) \
         SELECT $2, $3, r.n, r.given, r.phone, r.cells FROM {set} WHERE TRUE \
         ON CONFLICT (tenant_id, list_id, row_number) DO UPDATE \
         SET given = excluded.given, phone = excluded.phone, columns = excluded.columns"
    );
    db::run(&**tx, &sql, [param(&rows)?, tenant.0.into(), list.0.into()]).await?;
    Ok(())
}

/// The upload becomes the broadcast's list.
pub(super) async fn take(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    list: ListId,
    at: Timestamp,
) -> Result<(), Fault> {
    put_in_place(tx, tenant, broadcast, list).await?;
    let (rows, _) = size(&**tx, tenant, broadcast).await?;
    let entry = NewEntry::about(Action::BroadcastListUploaded, "broadcast", broadcast).at(at);
    tx.note(tenant, entry.after(serde_json::json!({ "rows": rows })));
    Ok(())
}

/// The list becomes the broadcast's, and the one that it had nobody's.
pub(super) async fn put_in_place(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    list: ListId,
) -> Result<(), Fault> {
    forget(tx, tenant, broadcast).await?;
    let sql = "DELETE FROM broadcast_lists WHERE tenant_id = $1 AND id = $2";
    db::run(&**tx, sql, [tenant.0.into(), list.0.into()]).await?;
    let sql = "UPDATE broadcasts SET list_id = $3, version = version + 1 WHERE tenant_id = $1 AND id = $2";
    db::run(&**tx, sql, [tenant.0.into(), broadcast.0.into(), list.0.into()]).await?;
    Ok(())
}

/// The broadcast has no list from now on.
pub(super) async fn forget(tx: &Tx, tenant: TenantId, broadcast: BroadcastId) -> Result<(), Fault> {
    let sql = "INSERT INTO broadcast_lists (tenant_id, id, touched_at) SELECT b.tenant_id, b.list_id, $3 \
               FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $2 AND b.list_id IS NOT NULL";
    db::run(&**tx, sql, [tenant.0.into(), broadcast.0.into(), NEVER.into()]).await?;
    let sql = "UPDATE broadcasts SET list_id = NULL WHERE tenant_id = $1 AND id = $2 AND list_id IS NOT NULL";
    db::run(&**tx, sql, [tenant.0.into(), broadcast.0.into()]).await?;
    Ok(())
}

/// Gives an upload up.
pub(super) async fn give_up(store: &SqlStore, tenant: TenantId, upload: ListId) -> Result<(), Fault> {
    let tx = store.begin().await?;
    let sql = "UPDATE broadcast_lists SET touched_at = $3 WHERE tenant_id = $1 AND id = $2";
    db::run(&*tx, sql, [tenant.0.into(), upload.0.into(), NEVER.into()]).await?;
    tx.commit().await
}

/// All rows, and those with a number.
pub(super) async fn size<C: sea_orm::ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<(i64, i64), Fault> {
    let sql = "SELECT COUNT(*) AS rows_all, COUNT(w.phone) AS rows_good FROM broadcast_rows w \
               WHERE w.tenant_id = $1 \
               AND w.list_id = (SELECT b.list_id FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $2)";
    let row = db::one(on, sql, [tenant.0.into(), broadcast.0.into()]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.get("rows_all")?, row.get("rows_good")?)))
}

/// Takes away at most `limit` rows of a list that is no broadcast's; answers how many went.
pub(crate) async fn sweep_lists(tx: &Tx, now: Timestamp, limit: u32) -> Result<u64, Fault> {
    let lock = tx.dialect.for_update("l");
    let sql = format!(
        "SELECT l.tenant_id AS tenant_id, l.id AS id FROM broadcast_lists l WHERE l.touched_at <= $1 \
         ORDER BY l.tenant_id, l.id LIMIT 1{lock}"
    );
    let over = now.saturating_sub(GIVEN_UP).unwrap_or(Timestamp::MIN);
    // What is swept is marked in the same commit: no further part comes to it.
    let Some(next) = db::one(&**tx, &sql, [micros(over).max(NEVER).into()]).await? else { return Ok(0) };
    let (tenant, list): (i64, i64) = (next.get("tenant_id")?, next.get("id")?);
    let sql = "UPDATE broadcast_lists SET touched_at = $3 WHERE tenant_id = $1 AND id = $2";
    db::run(&**tx, sql, [tenant.into(), list.into(), NEVER.into()]).await?;
    let sql = "DELETE FROM broadcast_rows WHERE tenant_id = $1 AND list_id = $2 AND row_number IN \
               (SELECT d.row_number FROM broadcast_rows d WHERE d.tenant_id = $1 AND d.list_id = $2 \
               ORDER BY d.row_number LIMIT $3)";
    let swept = db::run(&**tx, sql, [tenant.into(), list.into(), i64::from(limit).into()]).await?;
    if swept > 0 {
        return Ok(swept);
    }
    let done = "DELETE FROM broadcast_lists WHERE tenant_id = $1 AND id = $2";
    db::run(&**tx, done, [tenant.into(), list.into()]).await
}

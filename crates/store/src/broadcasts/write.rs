//! Making, changing and removing broadcasts, and the rows of their lists.

use domain::audit::{Action, NewEntry};
use domain::broadcasts::State;
use domain::{BroadcastId, TenantId, Timestamp};
use ports::broadcasts::Broadcast;
use ports::broadcasts::{BroadcastMoved, BroadcastPatch, ListRow, NewBroadcast};

use super::row;
use crate::audit::tell;
use crate::db::{self, Fault, Row, SqlStore, Tx, clean, micros, to_json};
use crate::ids::{self, Kind};
use crate::sets::{param, set};

/// Makes a draft.
pub(super) async fn create(
    store: &SqlStore,
    tenant: TenantId,
    new: &NewBroadcast,
) -> Result<Broadcast, Fault> {
    let tx = store.begin().await?;
    let id = insert(&tx, tenant, new).await?;
    let made = row::reread(&tx, tenant, id).await?;
    tx.commit().await?;
    Ok(made)
}

/// Writes a draft.
pub(super) async fn insert(tx: &Tx, tenant: TenantId, new: &NewBroadcast) -> Result<BroadcastId, Fault> {
    let id = ids::take_one(tx, Kind::Broadcast).await?;
    let sql = "INSERT INTO broadcasts (tenant_id, id, name, state, plan, recurs_from, freeze_cursor, frozen, created_by, \
               created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 0, FALSE, $7, $8, $8)";
    let values = [
        tenant.0.into(),
        id.into(),
        clean(&new.name).into_owned().into(),
        State::Draft.as_str().into(),
        to_json(&new.plan)?.into(),
        new.recurs_from.map(|id| id.0).into(),
        new.created_by.map(|id| id.0).into(),
        micros(new.at).into(),
    ];
    db::run(&**tx, sql, values).await?;
    let entry = NewEntry::about(Action::BroadcastCreated, "broadcast", id).at(new.at);
    tx.note(tenant, entry.after(tell::new_broadcast(new)));
    Ok(BroadcastId(id))
}

/// Changes one that has not started.
pub(super) async fn update(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    patch: &BroadcastPatch,
    at: Timestamp,
) -> Result<BroadcastMoved, Fault> {
    let tx = store.begin().await?;
    if let Some(refused) = not_started(&tx, tenant, broadcast).await? {
        return Ok(refused);
    }
    let before = row::reread(&tx, tenant, broadcast).await?;
    let plan = patch.plan.as_ref().map(to_json).transpose()?;
    let sql = "UPDATE broadcasts SET name = COALESCE($3, name), plan = COALESCE($4, plan), updated_at = $5 \
               WHERE tenant_id = $1 AND id = $2";
    let name = patch.name.as_deref().map(|name| clean(name).into_owned());
    let values = [tenant.0.into(), broadcast.0.into(), name.into(), plan.into(), micros(at).into()];
    db::run(&*tx, sql, values).await?;
    if patch.plan.as_ref().is_some_and(|plan| !plan.audience.list) {
        forget_list(&tx, tenant, broadcast).await?;
    }
    let changed = row::reread(&tx, tenant, broadcast).await?;
    let entry = NewEntry::about(Action::BroadcastChanged, "broadcast", broadcast).at(at);
    tx.note(tenant, entry.changed(&tell::broadcast(&before), &tell::broadcast(&changed)));
    tx.commit().await?;
    Ok(BroadcastMoved::Done(changed))
}

/// Why it cannot be changed; `None`: it can.
async fn not_started(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Option<BroadcastMoved>, Fault> {
    Ok(match row::lock(tx, tenant, broadcast).await? {
        None => Some(BroadcastMoved::NotFound),
        Some(standing) if matches!(standing.state, State::Draft | State::Scheduled) => None,
        Some(standing) => Some(BroadcastMoved::InvalidState(standing.state)),
    })
}

/// Removes one. Its recipients and the rows of its list, which nobody finds any more, are swept behind it.
pub(super) async fn delete(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<BroadcastMoved, Fault> {
    let tx = store.begin().await?;
    match row::lock(&tx, tenant, broadcast).await? {
        None => return Ok(BroadcastMoved::NotFound),
        Some(standing) if matches!(standing.state, State::Sending | State::Paused) => {
            return Ok(BroadcastMoved::InvalidState(standing.state));
        }
        Some(_) => {}
    }
    let gone = row::reread(&tx, tenant, broadcast).await?;
    for sql in [
        // What waits all the same (a single message that somebody put back) goes on as a message of its own.
        "UPDATE outbox SET held = FALSE WHERE tenant_id = $1 AND broadcast_id = $2 AND held",
        "DELETE FROM broadcast_counts WHERE tenant_id = $1 AND broadcast_id = $2",
        "DELETE FROM broadcasts WHERE tenant_id = $1 AND id = $2",
        "INSERT INTO broadcasts_removed (tenant_id, id) VALUES ($1, $2)",
    ] {
        db::run(&*tx, sql, [tenant.0.into(), broadcast.0.into()]).await?;
    }
    let entry = NewEntry::about(Action::BroadcastDeleted, "broadcast", broadcast);
    tx.note(tenant, entry.before(tell::broadcast(&gone)));
    tx.commit().await?;
    Ok(BroadcastMoved::Done(gone))
}

/// Takes away at most `limit` recipients, and as many rows of a list, of a broadcast that was removed; answers how many
/// rows went.
pub(crate) async fn sweep_removed(tx: &Tx, limit: u32) -> Result<u64, Fault> {
    let sql = "SELECT tenant_id, id FROM broadcasts_removed ORDER BY tenant_id, id LIMIT 1";
    let Some(next) = db::one(&**tx, sql, []).await? else { return Ok(0) };
    let (tenant, broadcast): (i64, i64) = (next.get("tenant_id")?, next.get("id")?);
    let mut swept = 0;
    for (table, id) in [("recipients", "id"), ("broadcast_rows", "row_number")] {
        let sql = format!(
            "DELETE FROM {table} WHERE tenant_id = $1 AND broadcast_id = $2 AND {id} IN (SELECT d.{id} FROM {table} d \
             WHERE d.tenant_id = $1 AND d.broadcast_id = $2 ORDER BY d.{id} LIMIT $3)"
        );
        swept += db::run(&**tx, &sql, [tenant.into(), broadcast.into(), i64::from(limit).into()]).await?;
    }
    if swept == 0 {
        let done = "DELETE FROM broadcasts_removed WHERE tenant_id = $1 AND id = $2";
        swept = db::run(&**tx, done, [tenant.into(), broadcast.into()]).await?;
    }
    Ok(swept)
}

set! {
    RowOfList {
        n: Int i64,
        given: Text String,
        phone: Text Option<String>,
        cells: Text String,
    }
}

/// Keeps rows of a list.
pub(super) async fn put_list(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    rows: &[ListRow],
    anew: bool,
) -> Result<BroadcastMoved, Fault> {
    let tx = store.begin().await?;
    if let Some(refused) = not_started(&tx, tenant, broadcast).await? {
        return Ok(refused);
    }
    if anew {
        forget_list(&tx, tenant, broadcast).await?;
    }
    let count = rows.len();
    let mut latest = std::collections::BTreeMap::new();
    for one in rows {
        let cells = to_json(&one.columns)?;
        let (given, phone) = (one.given.clone(), one.phone.clone());
        latest.insert(one.row_number, RowOfList { n: one.row_number, given, phone, cells });
    }
    if !latest.is_empty() {
        let rows: Vec<RowOfList> = latest.into_values().collect();
        let set = tx.dialect.set::<RowOfList>(1, "r");
        let sql = format!(
            "INSERT INTO broadcast_rows (tenant_id, broadcast_id, row_number, given, phone, columns) \
             SELECT $2, $3, r.n, r.given, r.phone, r.cells FROM {set} WHERE TRUE \
             ON CONFLICT (tenant_id, broadcast_id, row_number) DO UPDATE \
             SET given = excluded.given, phone = excluded.phone, columns = excluded.columns"
        );
        db::run(&*tx, &sql, [param(&rows)?, tenant.0.into(), broadcast.0.into()]).await?;
    }
    let entry = NewEntry::about(Action::BroadcastListUploaded, "broadcast", broadcast);
    tx.note(tenant, entry.after(serde_json::json!({ "rows": count, "anew": anew })));
    let changed = row::reread(&tx, tenant, broadcast).await?;
    tx.commit().await?;
    Ok(BroadcastMoved::Done(changed))
}

async fn forget_list(tx: &Tx, tenant: TenantId, broadcast: BroadcastId) -> Result<(), Fault> {
    let sql = "DELETE FROM broadcast_rows WHERE tenant_id = $1 AND broadcast_id = $2";
    db::run(&**tx, sql, [tenant.0.into(), broadcast.0.into()]).await?;
    Ok(())
}

/// All rows, and those with a number.
pub(super) async fn list_size(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<(i64, i64), Fault> {
    let sql = "SELECT COUNT(*) AS rows_all, COUNT(w.phone) AS rows_good FROM broadcast_rows w \
               WHERE w.tenant_id = $1 AND w.broadcast_id = $2";
    let row = db::one(store.reader(), sql, [tenant.0.into(), broadcast.0.into()]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.get("rows_all")?, row.get("rows_good")?)))
}

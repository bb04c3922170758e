//! Making, changing and removing broadcasts.

use domain::audit::{Action, NewEntry};
use domain::broadcasts::State;
use domain::{BroadcastId, TenantId};
use ports::broadcasts::{Broadcast, BroadcastChange, BroadcastMoved, NewBroadcast};

use super::{lists, row};
use crate::audit::tell;
use crate::db::{self, Fault, Row, SqlStore, Tx, clean, micros, to_json};
use crate::ids::{self, Kind};

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

/// Changes one that has not begun.
pub(super) async fn update(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    change: &BroadcastChange,
) -> Result<BroadcastMoved, Fault> {
    let BroadcastChange { patch, list, starts_at, seen, at } = change;
    let tx = store.begin().await?;
    match not_begun(&tx, tenant, broadcast).await? {
        Err(refused) => return Ok(refused),
        Ok(standing) if standing.version != *seen => return Ok(BroadcastMoved::Overtaken),
        Ok(_) => {}
    }
    let before = row::reread(&tx, tenant, broadcast).await?;
    let plan = patch.plan.as_ref().map(to_json).transpose()?;
    let sql = "UPDATE broadcasts SET name = COALESCE($3, name), plan = COALESCE($4, plan), \
               starts_at = COALESCE($6, starts_at), updated_at = $5, version = version + 1 \
               WHERE tenant_id = $1 AND id = $2";
    let name = patch.name.as_deref().map(|name| clean(name).into_owned());
    let values = [
        tenant.0.into(),
        broadcast.0.into(),
        name.into(),
        plan.into(),
        micros(*at).into(),
        starts_at.map(micros).into(),
    ];
    db::run(&*tx, sql, values).await?;
    if patch.plan.as_ref().is_some_and(|plan| !plan.audience.list) {
        lists::forget(&tx, tenant, broadcast).await?;
    } else if let Some(list) = list {
        if !lists::goes_on(&tx, tenant, *list, *at).await? {
            return Ok(BroadcastMoved::Overtaken);
        }
        lists::take(&tx, tenant, broadcast, *list, *at).await?;
    }
    let changed = row::reread(&tx, tenant, broadcast).await?;
    let entry = NewEntry::about(Action::BroadcastChanged, "broadcast", broadcast).at(*at);
    tx.note(tenant, entry.changed(&tell::broadcast(&before), &tell::broadcast(&changed)));
    tx.commit().await?;
    Ok(BroadcastMoved::Done(changed))
}

/// Locks it; `Err`: why it cannot be changed.
pub(super) async fn not_begun(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Result<row::Standing, BroadcastMoved>, Fault> {
    Ok(match row::lock(tx, tenant, broadcast).await? {
        None => Err(BroadcastMoved::NotFound),
        Some(standing) if matches!(standing.stands(), State::Draft | State::Scheduled) => Ok(standing),
        Some(standing) => Err(BroadcastMoved::InvalidState(standing.state)),
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
    lists::forget(&tx, tenant, broadcast).await?;
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

/// Takes away at most `limit` recipients of a broadcast that was removed; answers how many rows went.
pub(crate) async fn sweep_removed(tx: &Tx, limit: u32) -> Result<u64, Fault> {
    let sql = "SELECT tenant_id, id FROM broadcasts_removed ORDER BY tenant_id, id LIMIT 1";
    let Some(next) = db::one(&**tx, sql, []).await? else { return Ok(0) };
    let (tenant, broadcast): (i64, i64) = (next.get("tenant_id")?, next.get("id")?);
    let sql = "DELETE FROM recipients WHERE tenant_id = $1 AND broadcast_id = $2 AND id IN (SELECT d.id FROM recipients d \
               WHERE d.tenant_id = $1 AND d.broadcast_id = $2 ORDER BY d.id LIMIT $3)";
    let swept = db::run(&**tx, sql, [tenant.into(), broadcast.into(), i64::from(limit).into()]).await?;
    if swept > 0 {
        return Ok(swept);
    }
    let done = "DELETE FROM broadcasts_removed WHERE tenant_id = $1 AND id = $2";
    db::run(&**tx, done, [tenant.into(), broadcast.into()]).await
}

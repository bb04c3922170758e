//! Turns of recurring broadcasts.

use domain::broadcasts::State;
use domain::{BroadcastId, TenantId, Timestamp};
use ports::broadcasts::{Broadcast, NewBroadcast};

use super::{lists, row, write};
use crate::db::{self, Fault, Row, SqlStore, Tx, micros};

/// Makes one turn, once.
pub(super) async fn make(
    store: &SqlStore,
    tenant: TenantId,
    parent: BroadcastId,
    due: Timestamp,
    turn: &NewBroadcast,
    next: Option<Timestamp>,
) -> Result<Option<Broadcast>, Fault> {
    let tx = store.begin().await?;
    let lock = tx.dialect.for_update("b");
    let sql = format!(
        "SELECT b.state AS state, b.starts_at AS starts_at FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $2{lock}"
    );
    let found = db::one(&*tx, &sql, [tenant.0.into(), parent.0.into()]).await?;
    let Some(found) = found else { return Ok(None) };
    let state: State = found.word("state")?;
    if state != State::Scheduled || found.get::<Option<i64>>("starts_at")? != Some(micros(due)) {
        return Ok(None);
    }
    let made = write::insert(&tx, tenant, turn).await?;
    let at = micros(turn.at);
    let sql = "UPDATE broadcasts SET state = $3, starts_at = $4 WHERE tenant_id = $1 AND id = $2";
    let values = [tenant.0.into(), made.0.into(), State::Scheduled.as_str().into(), at.into()];
    db::run(&*tx, sql, values).await?;
    if turn.plan.audience.list {
        copy_list(&tx, tenant, parent, made).await?;
    }
    let (state, ended) = match next {
        Some(_) => (State::Scheduled, None),
        None => (State::Completed, Some(at)),
    };
    let sql = "UPDATE broadcasts SET state = $3, starts_at = $4, finished_at = $5, updated_at = $6, \
               version = version + 1 WHERE tenant_id = $1 AND id = $2";
    let values = [
        tenant.0.into(),
        parent.0.into(),
        state.as_str().into(),
        next.map(micros).into(),
        ended.into(),
        at.into(),
    ];
    db::run(&*tx, sql, values).await?;
    let made = row::reread(&tx, tenant, made).await?;
    tx.commit().await?;
    Ok(Some(made))
}

/// A list is the broadcast's own: a turn goes to the list that its parent has now, whatever becomes of that.
async fn copy_list(tx: &Tx, tenant: TenantId, parent: BroadcastId, turn: BroadcastId) -> Result<(), Fault> {
    let list = lists::new_id(tx).await?;
    let sql = "INSERT INTO broadcast_rows (tenant_id, list_id, row_number, given, phone, columns) \
               SELECT w.tenant_id, $3, w.row_number, w.given, w.phone, w.columns FROM broadcast_rows w \
               WHERE w.tenant_id = $1 \
               AND w.list_id = (SELECT b.list_id FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $2)";
    db::run(&**tx, sql, [tenant.0.into(), parent.0.into(), list.0.into()]).await?;
    lists::put_in_place(tx, tenant, turn, list).await
}

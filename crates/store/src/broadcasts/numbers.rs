//! Other numbers for a broadcast that is paused.

use domain::audit::{Action, NewEntry};
use domain::broadcasts::{Plan, State};
use domain::{BroadcastId, ConnectionId, TenantId, Timestamp};
use ports::broadcasts::BroadcastMoved;

use super::back::{Fate, take_back, take_out, waiting};
use super::row;
use crate::audit::tell;
use crate::db::{self, Fault, SqlStore, Tx, micros, to_json};

/// What becomes of whoever waited in the queue of another number.
const FROM_OTHERS: Fate = Fate::Again { why: "the broadcast is sent from other numbers" };

/// Changes the numbers of one that is paused.
pub(super) async fn change(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    connections: &[ConnectionId],
    at: Timestamp,
) -> Result<BroadcastMoved, Fault> {
    let tx = store.begin().await?;
    match row::lock(&tx, tenant, broadcast).await? {
        None => return Ok(BroadcastMoved::NotFound),
        Some(standing) if standing.state != State::Paused => {
            return Ok(BroadcastMoved::InvalidState(standing.state));
        }
        Some(_) => {}
    }
    let before = row::reread(&tx, tenant, broadcast).await?;
    let plan = Plan { connections: connections.to_vec(), ..before.plan.clone() };
    let sql = "UPDATE broadcasts SET plan = $3, updated_at = $4, version = version + 1 WHERE tenant_id = $1 AND id = $2";
    let values = [tenant.0.into(), broadcast.0.into(), to_json(&plan)?.into(), micros(at).into()];
    db::run(&*tx, sql, values).await?;
    leave_the_others(&tx, tenant, broadcast, connections, at).await?;
    let changed = row::reread(&tx, tenant, broadcast).await?;
    let entry = NewEntry::about(Action::BroadcastChanged, "broadcast", broadcast).at(at);
    tx.note(tenant, entry.changed(&tell::broadcast(&before), &tell::broadcast(&changed)));
    tx.commit().await?;
    Ok(BroadcastMoved::Done(changed))
}

/// A broadcast goes on: what was on its way when its number was dropped, and came back to that number's queue since, leaves
/// it, too.
pub(super) async fn leave_the_dropped(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    at: Timestamp,
) -> Result<(), Fault> {
    let plan = row::find(&**tx, tenant, broadcast).await?.map(|known| known.plan);
    match plan.filter(|plan| !plan.connections.is_empty()) {
        Some(plan) => leave_the_others(tx, tenant, broadcast, &plan.connections, at).await,
        None => Ok(()),
    }
}

/// What waits in the queue of another number would wait there for ever, or go from a number that nobody wants any more.
async fn leave_the_others(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    connections: &[ConnectionId],
    at: Timestamp,
) -> Result<(), Fault> {
    let mut states = waiting(tx, tenant, broadcast).await?;
    states.retain(|state| !connections.contains(&ConnectionId(state.connection)));
    while !states.is_empty() {
        let part = states.split_off(states.len().saturating_sub(1_000));
        let taken = take_out(tx, tenant, part.iter().map(|state| state.id)).await?;
        let gone = part.into_iter().filter(|state| taken.contains(&state.id));
        take_back(tx, tenant, gone.map(|state| (state, FROM_OTHERS)).collect(), at).await?;
    }
    Ok(())
}

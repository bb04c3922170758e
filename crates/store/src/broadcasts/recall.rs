//! Messages that are taken back before they went: their recipients wait for another one.

use std::collections::{BTreeMap, BTreeSet};

use domain::broadcasts::State as Stands;
use domain::messages::Status;
use domain::{TenantId, Timestamp};
use serde_json::json;

use super::{counts, row};
use crate::db::{self, Fault, Row, Tx, micros};
use crate::ids::{self, Kind};
use crate::messages::state::{self, State};
use crate::messages::write::{self, Event};
use crate::sets::{param, set};

set! {
    Recalled { id: Int i64 }
}

/// Takes waiting messages of broadcasts that are sending out of the queue: they are cancelled and count no more, and
/// their recipients are due again, for a message of what may be sent then. Answers which; the others stay as they are.
pub(crate) async fn recall(
    tx: &Tx,
    tenant: TenantId,
    messages: Vec<State>,
    why: &str,
    at: Timestamp,
) -> Result<BTreeSet<i64>, Fault> {
    let mut by_broadcast: BTreeMap<_, Vec<State>> = BTreeMap::new();
    for state in messages {
        if let Some(counted) = &state.broadcast {
            by_broadcast.entry(counted.broadcast).or_default().push(state);
        }
    }
    let mut all = BTreeSet::new();
    for (broadcast, states) in by_broadcast {
        // One that is paused keeps what it has, and one that was called off takes it back itself.
        let standing = row::share(tx, tenant, broadcast).await?;
        if standing.is_none_or(|standing| standing.state != Stands::Sending) {
            continue;
        }
        let rows: Vec<Recalled> = states.iter().map(|state| Recalled { id: state.id }).collect();
        let taken = off_the_queue(tx, tenant, broadcast.0, &rows, at).await?;
        let back = i64::try_from(taken.len()).map_err(Fault::internal)?;
        tx.tally.add(tenant, broadcast, at, counts::PENDING, back);
        let gone = states.into_iter().filter(|state| taken.contains(&state.id)).collect();
        cancel(tx, tenant, gone, why, at).await?;
        all.extend(taken);
    }
    Ok(all)
}

/// Frees the recipients of those that still wait, and answers which these are.
async fn off_the_queue(
    tx: &Tx,
    tenant: TenantId,
    broadcast: i64,
    rows: &[Recalled],
    at: Timestamp,
) -> Result<BTreeSet<i64>, Fault> {
    let set = tx.dialect.set::<Recalled>(1, "x");
    let sql = format!(
        "DELETE FROM outbox WHERE tenant_id = $2 AND broadcast_id = $3 AND message_id IN (SELECT x.id FROM {set}) \
         AND NOT sending AND NOT held RETURNING message_id"
    );
    let values = [param(rows)?, tenant.0.into(), broadcast.into()];
    let gone = db::all(&**tx, &sql, values).await?;
    let taken: BTreeSet<i64> = gone.iter().map(|row| row.get("message_id")).collect::<Result<_, _>>()?;
    let rows: Vec<Recalled> = taken.iter().map(|id| Recalled { id: *id }).collect();
    let sql = format!(
        "UPDATE recipients SET message_id = NULL, due_at = $4 FROM {set} CROSS JOIN messages m \
         WHERE m.tenant_id = $2 AND m.id = x.id AND recipients.tenant_id = $2 AND recipients.broadcast_id = $3 \
         AND recipients.id = m.recipient_id AND recipients.message_id = m.id"
    );
    let values = [param(&rows)?, tenant.0.into(), broadcast.into(), micros(at).into()];
    db::run(&**tx, &sql, values).await?;
    Ok(taken)
}

async fn cancel(
    tx: &Tx,
    tenant: TenantId,
    mut states: Vec<State>,
    why: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    let details = json!({ "reason": why });
    let mut events = Vec::with_capacity(states.len());
    for state in &mut states {
        tx.tally.gone(state, at);
        state.broadcast = None;
        state.put(Status::Cancelled, at);
        events.push(Event::new(tenant, state.id, Status::Cancelled.as_str(), at, &details));
    }
    state::write(tx, states.iter()).await?;
    let rows: Vec<Recalled> = states.iter().map(|state| Recalled { id: state.id }).collect();
    let set = tx.dialect.set::<Recalled>(1, "x");
    let sql = format!(
        "UPDATE messages SET superseded = TRUE FROM {set} WHERE messages.tenant_id = $2 AND messages.id = x.id"
    );
    db::run(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
    let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
    write::events(tx, &mut events, &mut event_ids).await
}

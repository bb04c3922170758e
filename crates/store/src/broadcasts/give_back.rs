//! Messages that cannot go from their number any more: their recipients wait for another one.

use std::collections::BTreeSet;

use domain::broadcasts::State as Standing;
use domain::messages::Status;
use domain::{BroadcastId, ConnectionId, TenantId, Timestamp};
use serde_json::json;

use super::{counts, row};
use crate::db::{self, Fault, Row, Tx};
use crate::messages::state::{ById, State};
use crate::messages::write::Event;
use crate::sets::param;

/// The broadcasts with something in this connection's queue that are sending or paused; they stay so until the commit.
pub(crate) async fn under_way(
    tx: &Tx,
    tenant: TenantId,
    connection: ConnectionId,
) -> Result<BTreeSet<BroadcastId>, Fault> {
    let sql = "SELECT DISTINCT o.broadcast_id AS id FROM outbox o WHERE o.tenant_id = $1 AND o.connection_id = $2 \
               AND o.broadcast_id IS NOT NULL ORDER BY o.broadcast_id";
    let mut found = BTreeSet::new();
    for queued in db::all(&**tx, sql, [tenant.0.into(), connection.0.into()]).await? {
        let id = BroadcastId(queued.get("id")?);
        let standing = row::share(tx, tenant, id).await?;
        if standing.is_some_and(|known| matches!(known.state, Standing::Sending | Standing::Paused)) {
            found.insert(id);
        }
    }
    Ok(found)
}

/// Cancels messages that count and waited, and lets their recipients wait for a message again, which will name this one
/// in `retry_of`. They are out of the queue; whoever calls writes the states back and keeps the events.
pub(crate) async fn give_back<'a>(
    tx: &Tx,
    tenant: TenantId,
    states: impl Iterator<Item = &'a mut State>,
    why: &str,
    at: Timestamp,
) -> Result<Vec<Event>, Fault> {
    let (mut rows, mut events) = (Vec::new(), Vec::new());
    for state in states {
        tx.tally.gone(state, at);
        let Some(counted) = state.broadcast.take() else { continue };
        tx.tally.add(tenant, counted.broadcast, at, counts::PENDING, 1);
        state.put(Status::Cancelled, at);
        events.push(Event::new(tenant, state.id, Status::Cancelled.as_str(), at, &json!({ "reason": why })));
        rows.push(ById { id: state.id });
    }
    if rows.is_empty() {
        return Ok(events);
    }
    let set = tx.dialect.set::<ById>(1, "x");
    let recipients = format!(
        "UPDATE recipients SET message_id = NULL, retry_of = m.id FROM {set} CROSS JOIN messages m \
         WHERE m.tenant_id = $2 AND m.id = x.id AND recipients.tenant_id = $2 \
         AND recipients.broadcast_id = m.broadcast_id AND recipients.id = m.recipient_id AND recipients.message_id = m.id"
    );
    db::run(&**tx, &recipients, [param(&rows)?, tenant.0.into()]).await?;
    let messages = format!(
        "UPDATE messages SET superseded = TRUE FROM {set} WHERE messages.tenant_id = $2 AND messages.id = x.id"
    );
    db::run(&**tx, &messages, [param(&rows)?, tenant.0.into()]).await?;
    Ok(events)
}

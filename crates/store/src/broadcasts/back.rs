//! Messages that are taken back out of a queue: their recipients wait for their turn again, or are left out after all. Whoever
//! is left out of a new attempt has the end of the one before ([`earlier`]).
//!
//! The message stays, as one that was cancelled and that another attempt takes the place of: whoever looks at the
//! conversation sees what became of it. When its turn comes again the recipient gets a message of its own, so that
//! everything is asked anew: consent, cap, hours, and the words of the template.

use std::collections::BTreeSet;

use domain::broadcasts::{LeftOut, State as Stands};
use domain::messages::Status;
use domain::{BroadcastId, ConnectionId, TenantId, Timestamp};
use serde_json::{Value, json};

use super::{counts, earlier, row};
use crate::db::{self, Fault, Row, Tx, micros};
use crate::ids::{self, Kind};
use crate::messages::state::{self, State};
use crate::messages::write::{self, Event};
use crate::sets::{param, set};

/// What becomes of the recipient, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It waits until then.
    Waits { until: Timestamp, why: &'static str },
    /// It waits for a message that names this one in `retry_of`; of a new attempt, the one that failed, as this one did.
    Again { why: &'static str },
    /// It gets none. What is said beside the reason is kept with the recipient. A new attempt falls back to the one before.
    LeftOut { reason: LeftOut, why: Option<&'static str> },
}

set! {
    Back {
        message: Int i64,
        due_at: Int Option<i64>,
        retry_of: Int Option<i64>,
        reason: Text Option<&'static str>,
        detail: Text Option<&'static str>,
    }
}

/// Which of these are sending; they stay so until the commit.
pub(crate) async fn that_are_sending(
    tx: &Tx,
    tenant: TenantId,
    broadcasts: BTreeSet<BroadcastId>,
) -> Result<BTreeSet<BroadcastId>, Fault> {
    that_are(tx, tenant, broadcasts, &[Stands::Sending]).await
}

/// The broadcasts with something in this connection's queue that are sending or paused; they stay so until the commit.
pub(crate) async fn under_way(
    tx: &Tx,
    tenant: TenantId,
    connection: ConnectionId,
) -> Result<BTreeSet<BroadcastId>, Fault> {
    let sql = "SELECT DISTINCT o.broadcast_id AS id FROM outbox o WHERE o.tenant_id = $1 AND o.connection_id = $2 \
               AND o.broadcast_id IS NOT NULL";
    let rows = db::all(&**tx, sql, [tenant.0.into(), connection.0.into()]).await?;
    let queued = rows.iter().map(|row| Ok(BroadcastId(row.get("id")?))).collect::<Result<_, Fault>>()?;
    that_are(tx, tenant, queued, &[Stands::Sending, Stands::Paused]).await
}

async fn that_are(
    tx: &Tx,
    tenant: TenantId,
    broadcasts: BTreeSet<BroadcastId>,
    states: &[Stands],
) -> Result<BTreeSet<BroadcastId>, Fault> {
    let mut found = BTreeSet::new();
    for id in broadcasts {
        let standing = row::share(tx, tenant, id).await?;
        if standing.is_some_and(|standing| states.contains(&standing.state)) {
            found.insert(id);
        }
    }
    Ok(found)
}

/// What waits in queues, locked in the order in which claims lock it.
pub(super) async fn waiting(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Vec<state::State>, Fault> {
    let lock = tx.dialect.for_update("m");
    let sql = format!(
        "SELECT {} FROM outbox o CROSS JOIN messages m WHERE o.tenant_id = $1 AND o.broadcast_id = $2 AND NOT o.sending \
         AND m.tenant_id = o.tenant_id AND m.id = o.message_id ORDER BY m.contact_id, m.id{lock}",
        state::COLUMNS
    );
    let rows = db::all(&**tx, &sql, [tenant.0.into(), broadcast.0.into()]).await?;
    rows.iter().map(state::from_row).collect()
}

set! {
    Out { id: Int i64 }
}

/// Takes those that still wait out of the queue.
pub(super) async fn take_out(
    tx: &Tx,
    tenant: TenantId,
    ids: impl Iterator<Item = i64>,
) -> Result<BTreeSet<i64>, Fault> {
    let rows: Vec<Out> = ids.map(|id| Out { id }).collect();
    let set = tx.dialect.set_in::<Out>(1, "r", 2);
    let sql = format!(
        "DELETE FROM outbox WHERE (tenant_id, message_id) IN (SELECT r.tenant, r.id FROM {set}) AND NOT sending \
         RETURNING message_id"
    );
    let gone = db::all(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
    gone.iter().map(|row| row.get("message_id")).collect()
}

/// Takes back messages that are not being sent, are locked, and that somebody has taken out of the outbox in this
/// transaction; counts move with them.
pub(crate) async fn take_back(
    tx: &Tx,
    tenant: TenantId,
    mut messages: Vec<(State, Fate)>,
    at: Timestamp,
) -> Result<(), Fault> {
    let mut events = free(tx, tenant, messages.iter_mut().map(|(state, fate)| (state, *fate)), at).await?;
    state::write(tx, messages.iter().map(|(state, _)| state)).await?;
    let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
    write::events(tx, &mut events, &mut event_ids).await
}

/// As [`take_back`], but whoever calls writes the states back and keeps the events.
pub(crate) async fn free<'a>(
    tx: &Tx,
    tenant: TenantId,
    messages: impl Iterator<Item = (&'a mut State, Fate)>,
    at: Timestamp,
) -> Result<Vec<Event>, Fault> {
    let messages: Vec<(&mut State, Fate)> = messages.collect();
    let left_out = messages.iter().filter(|(_, fate)| matches!(fate, Fate::LeftOut { .. }));
    let before = earlier::of_messages(tx, tenant, left_out.map(|(state, _)| state.id)).await?;
    let (mut rows, mut events, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for (state, fate) in messages {
        // Counted by hand: as a recipient from now on, not as a message that was cancelled.
        tx.tally.gone(state, at);
        let instead = before.get(&state.id).and_then(|before| fate.instead(before));
        if let Some(counted) = state.broadcast.take().filter(|_| instead.is_none()) {
            tx.tally.add(tenant, counted.broadcast, at, fate.count(), 1);
        }
        again.extend(instead);
        state.put(Status::Cancelled, at);
        events.push(Event::new(tenant, state.id, Status::Cancelled.as_str(), at, &fate.told()));
        rows.push(fate.of(state.id));
    }
    if !rows.is_empty() {
        unlink(tx, tenant, &rows).await?;
    }
    earlier::fall_back(tx, tenant, &again, at).await?;
    Ok(events)
}

/// Why what waits for a broadcast that is called off does not go.
const CALLED_OFF: &str = "the broadcast was called off";

/// Cancels messages of broadcasts that are called off; like those of [`free`]. New attempts fall back to the ones before.
pub(crate) async fn call_off<'a>(
    tx: &Tx,
    tenant: TenantId,
    messages: impl Iterator<Item = &'a mut State>,
    at: Timestamp,
) -> Result<Vec<Event>, Fault> {
    let messages: Vec<&mut State> = messages.collect();
    let before = earlier::of_messages(tx, tenant, messages.iter().map(|state| state.id)).await?;
    let (anew, first): (Vec<_>, Vec<_>) =
        messages.into_iter().partition(|state| before.contains_key(&state.id));
    let fate = Fate::LeftOut { reason: LeftOut::Cancelled, why: Some(CALLED_OFF) };
    let mut events = free(tx, tenant, anew.into_iter().map(|state| (state, fate)), at).await?;
    for state in first {
        state.put(Status::Cancelled, at);
        let why = json!({ "reason": CALLED_OFF });
        events.push(Event::new(tenant, state.id, Status::Cancelled.as_str(), at, &why));
    }
    Ok(events)
}

impl Fate {
    /// What the recipient counts as.
    fn count(self) -> String {
        match self {
            Self::Waits { .. } | Self::Again { .. } => counts::PENDING.to_owned(),
            Self::LeftOut { reason, .. } => counts::left_out(reason),
        }
    }

    /// The attempt before, when it stands instead.
    fn instead(self, before: &earlier::Before) -> Option<earlier::Again> {
        match self {
            Self::LeftOut { reason, why } => before.instead(reason, why),
            Self::Waits { .. } | Self::Again { .. } => None,
        }
    }

    /// What the event of the message says.
    fn told(self) -> Value {
        match self {
            Self::Waits { until, why } => json!({ "reason": why, "until": until }),
            Self::Again { why } => json!({ "reason": why }),
            Self::LeftOut { reason, why } => {
                json!({ "reason": why.unwrap_or("its recipient is left out"), "left_out": reason })
            }
        }
    }

    fn of(self, message: i64) -> Back {
        let waits = Back { message, due_at: None, retry_of: None, reason: None, detail: None };
        match self {
            Self::Waits { until, .. } => Back { due_at: Some(micros(until)), ..waits },
            Self::Again { .. } => Back { retry_of: Some(message), ..waits },
            Self::LeftOut { reason, why } => Back { reason: Some(reason.as_str()), detail: why, ..waits },
        }
    }
}

async fn unlink(tx: &Tx, tenant: TenantId, rows: &[Back]) -> Result<(), Fault> {
    let set = tx.dialect.set_in::<Back>(1, "x", 2);
    let values = [param(rows)?, tenant.0.into()];
    let sql = format!(
        "UPDATE recipients SET message_id = NULL, due_at = COALESCE(x.due_at, recipients.due_at), \
         retry_of = CASE WHEN recipients.attempt > 1 THEN recipients.retry_of \
         ELSE COALESCE(x.retry_of, recipients.retry_of) END, reason = x.reason, detail = x.detail \
         FROM {set} CROSS JOIN messages m WHERE m.tenant_id = x.tenant AND m.id = x.message AND recipients.tenant_id = x.tenant \
         AND recipients.broadcast_id = m.broadcast_id AND recipients.id = m.recipient_id \
         AND recipients.message_id = x.message"
    );
    db::run(&**tx, &sql, values.clone()).await?;
    let sql = format!(
        "UPDATE messages SET superseded = TRUE FROM {set} WHERE messages.tenant_id = x.tenant AND messages.id = x.message"
    );
    db::run(&**tx, &sql, values).await?;
    Ok(())
}

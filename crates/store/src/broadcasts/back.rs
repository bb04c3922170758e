//! Messages that are taken back out of a queue: their recipients wait for their turn again, or are left out after all.
//!
//! The message stays, as one that was cancelled and that another attempt takes the place of: whoever looks at the
//! conversation sees what became of it. When its turn comes again the recipient gets a message of its own, so that
//! everything is asked anew: consent, cap, hours, and the words of the template.

use std::collections::BTreeSet;

use domain::broadcasts::{LeftOut, State as Stands};
use domain::messages::Status;
use domain::{BroadcastId, TenantId, Timestamp};
use serde_json::json;

use super::{counts, row};
use crate::db::{self, Fault, Tx, micros};
use crate::ids::{self, Kind};
use crate::messages::state::{self, State};
use crate::messages::write::{self, Event};
use crate::sets::{param, set};

/// What becomes of the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It waits until then.
    Waits(Timestamp),
    LeftOut(LeftOut),
}

set! {
    Back {
        message: Int i64,
        broadcast: Int i64,
        due_at: Int Option<i64>,
        reason: Text Option<&'static str>,
    }
}

/// Which of these are sending; they stay so until the commit.
pub(crate) async fn that_are_sending(
    tx: &Tx,
    tenant: TenantId,
    broadcasts: BTreeSet<BroadcastId>,
) -> Result<BTreeSet<BroadcastId>, Fault> {
    let mut sending = BTreeSet::new();
    for id in broadcasts {
        let standing = row::share(tx, tenant, id).await?;
        if standing.is_some_and(|standing| standing.state == Stands::Sending) {
            sending.insert(id);
        }
    }
    Ok(sending)
}

/// Takes messages back that are not being sent, and that somebody has taken out of the outbox in this transaction; counts
/// move with them. Each must be a broadcast's, and locked.
pub(crate) async fn take_back(
    tx: &Tx,
    tenant: TenantId,
    messages: Vec<(State, BroadcastId, Fate)>,
    now: Timestamp,
) -> Result<(), Fault> {
    if messages.is_empty() {
        return Ok(());
    }
    let (mut rows, mut states, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for (mut state, broadcast, fate) in messages {
        // Counted by hand: as a recipient from now on, not as a message that was cancelled.
        tx.tally.gone(&state, now);
        state.broadcast = None;
        let (name, why) = match fate {
            Fate::Waits(_) => (counts::PENDING.to_owned(), "it waits for its turn again"),
            Fate::LeftOut(reason) => (counts::left_out(reason), "its recipient is left out"),
        };
        tx.tally.add(tenant, broadcast, now, name, 1);
        state.put(Status::Cancelled, now);
        let why = match fate {
            Fate::Waits(until) => json!({ "reason": why, "until": until }),
            Fate::LeftOut(reason) => json!({ "reason": why, "left_out": reason }),
        };
        events.push(Event::new(tenant, state.id, Status::Cancelled.as_str(), now, &why));
        rows.push(Back::of(&state, broadcast, fate));
        states.push(state);
    }
    state::write(tx, states.iter()).await?;
    let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
    write::events(tx, &mut events, &mut event_ids).await?;
    unlink(tx, tenant, &rows).await
}

impl Back {
    fn of(state: &State, broadcast: BroadcastId, fate: Fate) -> Self {
        let (due_at, reason) = match fate {
            Fate::Waits(until) => (Some(micros(until)), None),
            Fate::LeftOut(reason) => (None, Some(reason.as_str())),
        };
        Self { message: state.id, broadcast: broadcast.0, due_at, reason }
    }
}

async fn unlink(tx: &Tx, tenant: TenantId, rows: &[Back]) -> Result<(), Fault> {
    let set = tx.dialect.set::<Back>(1, "x");
    let values = [param(rows)?, tenant.0.into()];
    let sql = format!(
        "UPDATE recipients SET message_id = NULL, due_at = COALESCE(x.due_at, recipients.due_at), reason = x.reason \
         FROM {set} CROSS JOIN messages m WHERE m.tenant_id = $2 AND m.id = x.message AND recipients.tenant_id = $2 \
         AND recipients.broadcast_id = x.broadcast AND recipients.id = m.recipient_id \
         AND recipients.message_id = x.message"
    );
    db::run(&**tx, &sql, values.clone()).await?;
    let sql = format!(
        "UPDATE messages SET superseded = TRUE FROM {set} WHERE messages.tenant_id = $2 AND messages.id = x.message"
    );
    db::run(&**tx, &sql, values).await?;
    Ok(())
}

//! Cancelling and putting back.

use domain::audit::{Action, NewEntry};
use domain::broadcasts::reasons::FailedBy;
use domain::messages::Status;
use domain::{ConnectionId, MessageId, TenantId, Timestamp};
use ports::messages::{Message, Moved};
use ports::operator::Wake;
use serde_json::json;

use super::row;
use super::state::{self, ById, State};
use super::write::{self, Event, Waiting};
use crate::broadcasts::{Fate, Halted, free, halted, stands, under_way};
use crate::db::{self, Fault, Row, SqlStore, Tx, micros};
use crate::ids::{self, Kind};

/// Cancels one that waits. Taking its outbox row is what a claim does too: only one of them gets it.
pub(super) async fn cancel(
    store: &SqlStore,
    tenant: TenantId,
    message: MessageId,
    at: Timestamp,
) -> Result<Moved, Fault> {
    let tx = store.begin().await?;
    let sql = "DELETE FROM outbox WHERE tenant_id = $1 AND message_id = $2 AND NOT sending";
    let taken = db::run(&*tx, sql, [tenant.0.into(), message.0.into()]).await?;
    if taken == 0 {
        return refused(&tx, tenant, message).await;
    }
    let mut state = locked(&tx, tenant, message).await?;
    state.put(Status::Cancelled, at);
    let event = Event::new(tenant, state.id, Status::Cancelled.as_str(), at, &json!({}));
    tx.note(tenant, NewEntry::about(Action::MessageCancelled, "message", message).at(at));
    finish(store, tx, state, event).await
}

/// Puts one that failed, or is in doubt, back into its queue.
pub(super) async fn requeue(
    store: &SqlStore,
    tenant: TenantId,
    message: MessageId,
    accept_duplicate: bool,
    at: Timestamp,
) -> Result<Moved, Fault> {
    let tx = store.begin().await?;
    let status = row::status_for_update(&tx, tenant, message).await?;
    let allowed = match status {
        Some(Status::Failed) => true,
        Some(Status::InDoubt) => accept_duplicate,
        _ => false,
    };
    let known = row::find(&*tx, tenant, message).await?;
    if allowed && known.as_ref().is_some_and(|known| known.content_purged_at.is_some()) {
        return Ok(Moved::ContentPurged);
    }
    let failure = known.and_then(|known| known.failure);
    let by = failure.map(|why| FailedBy::of(&why.code, why.meta_error_code));
    if status == Some(Status::Failed) && by == Some(FailedBy::OutcomeUnknown) && !accept_duplicate {
        return Ok(Moved::MayHaveArrived);
    }
    if !allowed || !can_wait(&tx, tenant, message).await? {
        return refused(&tx, tenant, message).await;
    }
    let mut state = locked(&tx, tenant, message).await?;
    let kept = json!({ "requeued_from": state.status, "wamid": state.wamid, "failure": parsed(state.failure.as_deref()) });
    let event = Event::new(tenant, state.id, Status::Queued.as_str(), at, &kept);
    state.put(Status::Queued, at);
    state.times = domain::messages::lattice::Times::default();
    (state.wamid, state.failure, state.attempts) = (None, None, 0);
    write::outbox(&tx, &[waiting(&tx, &state, at).await?]).await?;
    let told = json!({ "accept_duplicate": accept_duplicate });
    tx.note(tenant, NewEntry::about(Action::MessageRetried, "message", message).at(at).after(told));
    finish(store, tx, state, event).await
}

/// Whether it can have a place in a queue: its connection is there, no call for it is open, and no other message of its
/// broadcast took its place, nor stands for the same person.
async fn can_wait(tx: &Tx, tenant: TenantId, message: MessageId) -> Result<bool, Fault> {
    let lock = tx.dialect.for_share("c");
    let sql = format!(
        "SELECT m.id AS id FROM messages m CROSS JOIN connections c \
         WHERE m.tenant_id = $1 AND m.id = $2 AND NOT m.superseded AND c.tenant_id = $1 AND c.id = m.connection_id \
         AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.tenant_id = $1 AND o.message_id = $2) \
         AND NOT EXISTS (SELECT 1 FROM messages y WHERE y.tenant_id = $1 AND y.broadcast_id = m.broadcast_id \
         AND y.contact_id = m.contact_id AND y.id <> m.id AND {}){lock}",
        stands(tx.dialect, "y")
    );
    Ok(db::one(&**tx, &sql, [tenant.0.into(), message.0.into()]).await?.is_some())
}

/// Why what waited for a connection that was removed does not go.
const REMOVED: &str = "the connection was removed";

/// Empties the queue of a connection that is being removed: recipients of broadcasts under way wait for another number,
/// what else waits is cancelled, what is on its way in doubt.
pub(crate) async fn end_of_queue(
    tx: &Tx,
    tenant: TenantId,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<(), Fault> {
    // Before the queue, in the order in which a pause locks them.
    let under_way = under_way(tx, tenant, connection).await?;
    let sql = "DELETE FROM outbox WHERE tenant_id = $1 AND connection_id = $2 RETURNING message_id";
    let rows = db::all(&**tx, sql, [tenant.0.into(), connection.0.into()]).await?;
    let rows: Vec<ById> =
        rows.iter().map(|row| Ok(ById { id: row.get("message_id")? })).collect::<Result<_, Fault>>()?;
    for part in rows.chunks(1_000) {
        let mut states = state::by_ids(tx, tenant, part).await?;
        let waits_for_another = |state: &&mut State| {
            let broadcast = state.broadcast.as_ref().map(|counted| counted.broadcast);
            state.status == Status::Queued && broadcast.is_some_and(|id| under_way.contains(&id))
        };
        let waiting = states.iter_mut().filter(waits_for_another);
        let mut events =
            free(tx, tenant, waiting.map(|state| (state, Fate::Again { why: REMOVED })), at).await?;
        for state in &mut states {
            let status = match state.status {
                Status::Queued => Status::Cancelled,
                Status::Sending => Status::InDoubt,
                _ => continue,
            };
            state.put(status, at);
            events.push(Event::new(tenant, state.id, status.as_str(), at, &json!({ "reason": REMOVED })));
        }
        state::write(tx, states.iter()).await?;
        let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
        write::events(tx, &mut events, &mut event_ids).await?;
    }
    Ok(())
}

fn parsed(failure: Option<&str>) -> serde_json::Value {
    failure.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

async fn waiting(tx: &Tx, state: &State, at: Timestamp) -> Result<Waiting, Fault> {
    let found = row::find(&**tx, state.tenant, state.message_id()).await?;
    let priority = found.map_or(domain::messages::Priority::Transactional, |message| message.priority);
    let broadcast = state.broadcast.as_ref().map(|counted| counted.broadcast);
    let held = halted(tx, state.tenant, broadcast.into_iter().collect()).await?;
    Ok(Waiting {
        t: state.tenant.0,
        id: state.id,
        connection: state.connection,
        contact: state.contact,
        priority: priority as i64,
        due_at: micros(at),
        scheduled: false,
        broadcast: broadcast.map(|id| id.0),
        held: held.into_values().any(|halted| halted == Halted::Paused),
    })
}

async fn locked(tx: &Tx, tenant: TenantId, message: MessageId) -> Result<State, Fault> {
    let states = state::by_ids(tx, tenant, &[ById { id: message.0 }]).await?;
    states.into_iter().next().ok_or_else(|| Fault::internal("a queued message went missing"))
}

async fn finish(store: &SqlStore, tx: Tx, state: State, event: Event) -> Result<Moved, Fault> {
    state::write(&tx, std::iter::once(&state)).await?;
    let [mut event_ids] = ids::take(&tx, [(Kind::MessageEvent, 1)]).await?;
    write::events(&tx, &mut [event], &mut event_ids).await?;
    let moved = reread(&tx, state.tenant, state.message_id()).await?;
    tx.commit().await?;
    store.wakes_hub().tell([Wake::Lane(moved.connection_id)]);
    Ok(Moved::Done(moved))
}

async fn reread(tx: &Tx, tenant: TenantId, message: MessageId) -> Result<Message, Fault> {
    row::find(&**tx, tenant, message).await?.ok_or_else(|| Fault::internal("a message went missing"))
}

async fn refused(tx: &Tx, tenant: TenantId, message: MessageId) -> Result<Moved, Fault> {
    let found = row::find(&**tx, tenant, message).await?;
    Ok(found.map_or(Moved::NotFound, |message| Moved::InvalidState(message.status)))
}

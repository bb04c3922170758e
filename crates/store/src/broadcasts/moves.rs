//! Steps of a broadcast, with what follows from them for its messages.

use std::collections::BTreeSet;

use domain::broadcasts::{State, Step, StopCode, StopReason};
use domain::templates::Category;
use domain::{BroadcastId, ConnectionId, TenantId, Timestamp};
use ports::broadcasts::{Broadcast, BroadcastMoved, Counts, Move, Start};
use ports::operator::Wake;
use sea_orm::Value;

use super::back::{self, take_out, waiting};
use super::{cap, counts, earlier, numbers, row};
use crate::alerts;
use crate::audit::tell;
use crate::db::{self, Fault, Row, SqlStore, Tx, micros, to_json};
use crate::ids::{self, Kind};
use crate::messages::state;
use crate::messages::write;

/// Takes a step.
pub(super) async fn take(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    step: &Move,
) -> Result<BroadcastMoved, Fault> {
    let tx = store.begin().await?;
    let Some(standing) = row::lock(&tx, tenant, broadcast).await? else {
        return Ok(BroadcastMoved::NotFound);
    };
    let Some(next) = standing.stands().after(step.step) else {
        return Ok(BroadcastMoved::InvalidState(standing.state));
    };
    if step.step == Step::Start {
        return Err(Fault::internal("a broadcast was to start without being told whom it means"));
    }
    if step.seen.is_some_and(|seen| seen != standing.version) {
        return Ok(BroadcastMoved::Overtaken);
    }
    let (touched, ended) = follow(&tx, tenant, broadcast, standing.state, step).await?;
    let (next, taken) = ended.as_ref().map_or((next, step), |end| (end.step.to(), end));
    put(&tx, tenant, broadcast, next, taken).await?;
    let moved = row::reread(&tx, tenant, broadcast).await?;
    tx.note(tenant, tell::step(broadcast, step, standing.state, next));
    tx.commit().await?;
    store.wakes_hub().tell(touched.into_iter().map(Wake::Lane));
    Ok(BroadcastMoved::Done(moved))
}

/// Begins one: from this commit on it sends this plan to these people.
pub(super) async fn start(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    start: &Start,
) -> Result<BroadcastMoved, Fault> {
    let tx = store.begin().await?;
    let Some(standing) = row::lock(&tx, tenant, broadcast).await? else {
        return Ok(BroadcastMoved::NotFound);
    };
    let Some(next) = standing.stands().after(Step::Start) else {
        return Ok(BroadcastMoved::InvalidState(standing.state));
    };
    if start.seen != standing.version {
        return Ok(BroadcastMoved::Overtaken);
    }
    let sql = "UPDATE broadcasts SET state = $3, plan = $4, meant = $5, category = $6, reason = NULL, \
               started_at = COALESCE(started_at, $7), updated_at = $7, version = version + 1 \
               WHERE tenant_id = $1 AND id = $2";
    let values: [Value; 7] = [
        tenant.0.into(),
        broadcast.0.into(),
        next.as_str().into(),
        to_json(&start.plan)?.into(),
        to_json(&start.meant)?.into(),
        start.category.as_ref().map(|category| category.as_str().to_owned()).into(),
        micros(start.at).into(),
    ];
    db::run(&*tx, sql, values).await?;
    let started = row::reread(&tx, tenant, broadcast).await?;
    tx.note(tenant, tell::started(broadcast, start, standing.state));
    tx.commit().await?;
    Ok(BroadcastMoved::Done(started))
}

/// What the step does to messages and recipients; answers the lanes that should look, and the step that is taken instead.
async fn follow(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    from: State,
    step: &Move,
) -> Result<(BTreeSet<ConnectionId>, Option<Move>), Fault> {
    match step.step {
        // What is left when it fails may be sent yet, when it is opened again.
        Step::Pause | Step::Fail => hold(tx, tenant, broadcast).await?,
        Step::Resume | Step::Reopen => {
            if step.category.as_ref().is_some_and(Category::is_marketing) {
                cap::ask_again(tx, tenant, broadcast, step.at).await?;
            }
            numbers::leave_the_dropped(tx, tenant, broadcast, step.at).await?;
            return Ok((release(tx, tenant, broadcast, step.at).await?, None));
        }
        Step::Cancel if matches!(from, State::Sending | State::Paused) => {
            return Ok((BTreeSet::new(), call_off(tx, tenant, broadcast, step.at).await?));
        }
        _ => {}
    }
    Ok((BTreeSet::new(), None))
}

async fn put(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    next: State,
    step: &Move,
) -> Result<(), Fault> {
    let at = micros(step.at);
    let reason = match step.step {
        Step::Hold | Step::Pause | Step::Fail | Step::Cancel => {
            step.reason.as_ref().map(to_json).transpose()?
        }
        _ => None,
    };
    let mut values: Vec<Value> =
        vec![tenant.0.into(), broadcast.0.into(), next.as_str().into(), reason.into(), at.into()];
    let also = match step.step {
        Step::Schedule | Step::Unschedule => {
            values.push(step.starts_at.filter(|_| step.step == Step::Schedule).map(micros).into());
            ", starts_at = $6"
        }
        Step::Resume | Step::Reopen => {
            // What the template is now, when the caller knows.
            values.push(step.category.as_ref().map(|category| category.as_str().to_owned()).into());
            match step.step {
                Step::Reopen => ", category = COALESCE($6, category), finished_at = NULL",
                _ => ", category = COALESCE($6, category)",
            }
        }
        Step::Cancel | Step::Complete | Step::Fail => ", finished_at = $5",
        Step::Start | Step::Hold | Step::Pause => "",
    };
    let sql = format!(
        "UPDATE broadcasts SET state = $3, reason = $4, updated_at = $5, version = version + 1{also} \
         WHERE tenant_id = $1 AND id = $2"
    );
    db::run(&**tx, &sql, values).await?;
    Ok(())
}

/// Claims pass its waiting messages over from the commit on. Locked in the order in which claims take them.
async fn hold(tx: &Tx, tenant: TenantId, broadcast: BroadcastId) -> Result<(), Fault> {
    let ids = [tenant.0.into(), broadcast.0.into()];
    let lock = tx.dialect.for_update("o");
    let sql = format!(
        "SELECT COUNT(*) AS waiting FROM (SELECT o.message_id FROM outbox o WHERE o.tenant_id = $1 \
         AND o.broadcast_id = $2 AND NOT o.sending ORDER BY o.due_at, o.message_id{lock}) AS l"
    );
    db::one(&**tx, &sql, ids.clone()).await?;
    let sql = "UPDATE outbox SET held = TRUE WHERE tenant_id = $1 AND broadcast_id = $2 AND NOT sending";
    db::run(&**tx, sql, ids).await?;
    Ok(())
}

/// Lets them go on: due now, but for those that wait for a later time of their own.
async fn release(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    at: Timestamp,
) -> Result<BTreeSet<ConnectionId>, Fault> {
    let sql = "SELECT DISTINCT connection_id FROM outbox o WHERE o.tenant_id = $1 AND o.broadcast_id = $2 AND o.held";
    let lanes = db::all(&**tx, sql, [tenant.0.into(), broadcast.0.into()]).await?;
    let sql = "UPDATE outbox SET held = FALSE, due_at = CASE WHEN due_at < $3 THEN $3 ELSE due_at END \
               WHERE tenant_id = $1 AND broadcast_id = $2 AND held";
    db::run(&**tx, sql, [tenant.0.into(), broadcast.0.into(), micros(at).into()]).await?;
    lanes.iter().map(|row| Ok(ConnectionId(row.get("connection_id")?))).collect()
}

/// Cancels what waits. Recipients without a message need no writing: in a broadcast that was called off they are
/// called off (see `recipients`), and only their count moves, so that it takes no longer for a million. New attempts fall
/// back to the ones before: when nothing but these was left, everybody has an end and nobody was called off; then the
/// broadcast ends like one that is through.
async fn call_off(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    at: Timestamp,
) -> Result<Option<Move>, Fault> {
    let known = counts::of(&**tx, tenant, &[broadcast]).await?.remove(&broadcast).unwrap_or_default();
    tx.tally.add(tenant, broadcast, at, counts::PENDING, -known.pending);
    let fell = earlier::call_off(tx, tenant, broadcast, at).await?;
    tx.tally.add(tenant, broadcast, at, counts::CANCELLED, known.pending - fell);
    let mut states = waiting(tx, tenant, broadcast).await?;
    for part in states.chunks_mut(1_000) {
        let taken = take_out(tx, tenant, part.iter().map(|state| state.id)).await?;
        let gone = part.iter_mut().filter(|state| taken.contains(&state.id));
        let mut events = back::call_off(tx, tenant, gone, at).await?;
        state::write(tx, part.iter()).await?;
        let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
        write::events(tx, &mut events, &mut event_ids).await?;
    }
    let left = row::reread(tx, tenant, broadcast).await?;
    let retries_alone = !known.is_through() && left.counts.cancelled == known.cancelled;
    Ok((retries_alone && left.frozen && left.counts.is_through()).then(|| ending(&left.counts, at)))
}

/// Ends one that is through.
pub(super) async fn finish(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    at: Timestamp,
) -> Result<Option<Broadcast>, Fault> {
    // Most of the time it is not: that costs no transaction.
    let looked = row::find(store.reader(), tenant, broadcast).await?;
    if !looked.is_some_and(|found| is_through(&found)) {
        return Ok(None);
    }
    let tx = store.begin().await?;
    if row::lock(&tx, tenant, broadcast).await?.is_none() {
        return Ok(None);
    }
    let found = row::reread(&tx, tenant, broadcast).await?;
    if !is_through(&found) {
        return Ok(None);
    }
    let end = ending(&found.counts, at);
    put(&tx, tenant, broadcast, end.step.to(), &end).await?;
    let ended = row::reread(&tx, tenant, broadcast).await?;
    if ended.state == State::Failed {
        alerts::raise_in(&tx, &[ended.stopped(&nobody_reached(at), at)]).await?;
    }
    tx.commit().await?;
    Ok(Some(ended))
}

/// The end of one that is through.
fn ending(counts: &Counts, at: Timestamp) -> Move {
    let all_failed = reached_nobody(counts);
    Move {
        step: if all_failed { Step::Fail } else { Step::Complete },
        reason: all_failed.then(|| nobody_reached(at)),
        starts_at: None,
        category: None,
        seen: None,
        at,
    }
}

/// Some failed, and nobody got it: not those either of whom nobody knows yet.
pub(super) fn reached_nobody(counts: &Counts) -> bool {
    counts.failed > 0 && counts.sent + counts.in_doubt == 0
}

fn is_through(broadcast: &Broadcast) -> bool {
    broadcast.state == State::Sending && broadcast.frozen && broadcast.counts.is_through()
}

pub(super) fn nobody_reached(at: Timestamp) -> StopReason {
    StopReason {
        code: StopCode::AllFailed,
        message:
            "Nobody was reached: every message failed. The results show why; retry those that can be helped."
                .to_owned(),
        meta_error_code: None,
        at,
    }
}

/// What a message must do that goes back into the queue of a broadcast that was stopped while it was on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halted {
    /// Wait with the others.
    Paused,
    /// Not go at all.
    CalledOff,
}

/// Which of these broadcasts were stopped; they stay as they are until the commit.
pub(crate) async fn halted(
    tx: &Tx,
    tenant: TenantId,
    broadcasts: BTreeSet<BroadcastId>,
) -> Result<std::collections::HashMap<BroadcastId, Halted>, Fault> {
    let mut found = std::collections::HashMap::new();
    for broadcast in broadcasts {
        let standing = row::share(tx, tenant, broadcast).await?;
        let halted = match standing.map(|standing| standing.state) {
            Some(State::Paused) => Halted::Paused,
            Some(State::Cancelled) => Halted::CalledOff,
            _ => continue,
        };
        found.insert(broadcast, halted);
    }
    Ok(found)
}

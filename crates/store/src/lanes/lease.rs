//! The lease of a lane: who may send from a number, until when, in which epoch.

use domain::messages::Status;
use domain::{ConnectionId, MessageId, TenantId, Timestamp};
use ports::lanes::{Lease, PaceState, TakenLane};
use serde_json::json;

use crate::db::{self, Fault, Row, SqlStore, Tx, micros, to_json};
use crate::ids::{self, Kind};
use crate::messages::state::{self, ById};
use crate::messages::write::{self, Event, Settled};

/// Takes the lane if it is free, ran out, or was `holder`'s own.
pub(super) async fn take(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<TakenLane>, Fault> {
    // Every node asks for every lane that it has not, each second.
    let others = "SELECT 1 AS one FROM lanes l WHERE l.tenant_id = $1 AND l.connection_id = $2 AND l.holder IS NOT NULL \
                  AND l.holder <> $3 AND l.until_at > $4";
    let asked = [tenant.0.into(), connection.0.into(), holder.into(), micros(now).into()];
    if db::one(store.reader(), others, asked).await?.is_some() {
        return Ok(None);
    }
    let tx = store.begin().await?;
    wait_for_work(&tx, tenant, connection).await?;
    let sql = "INSERT INTO lanes (tenant_id, connection_id, holder, epoch, until_at) \
               SELECT c.tenant_id, c.id, $3, 1, $5 FROM connections c WHERE c.tenant_id = $1 AND c.id = $2 \
               ON CONFLICT (tenant_id, connection_id) DO UPDATE \
               SET holder = excluded.holder, epoch = lanes.epoch + 1, until_at = excluded.until_at \
               WHERE lanes.holder IS NULL OR lanes.holder = $3 OR lanes.until_at <= $4 \
               RETURNING epoch, pace";
    let values =
        [tenant.0.into(), connection.0.into(), holder.into(), micros(now).into(), micros(until).into()];
    let Some(row) = db::one(&*tx, sql, values).await? else { return Ok(None) };
    let in_doubt = put_in_doubt(&tx, tenant, connection, now).await?;
    let lease = Lease {
        tenant_id: tenant,
        connection_id: connection,
        holder: holder.to_owned(),
        epoch: row.get("epoch")?,
        until,
    };
    let pace = row.json_opt("pace")?;
    tx.commit().await?;
    Ok(Some(TakenLane { lease, pace, in_doubt }))
}

/// Waits for what is under way with the lease as it is (see [`standing`]), and lets nothing begin with it.
async fn wait_for_work(tx: &Tx, tenant: TenantId, connection: ConnectionId) -> Result<(), Fault> {
    let lock = tx.dialect.for_update("l");
    let sql =
        format!("SELECT l.epoch AS epoch FROM lanes l WHERE l.tenant_id = $1 AND l.connection_id = $2{lock}");
    db::one(&**tx, &sql, [tenant.0.into(), connection.0.into()]).await?;
    Ok(())
}

/// What the last holder was sending: nobody knows whether it left. A status that came since is the truth.
async fn put_in_doubt(
    tx: &Tx,
    tenant: TenantId,
    connection: ConnectionId,
    now: Timestamp,
) -> Result<Vec<MessageId>, Fault> {
    let sql = "SELECT message_id FROM outbox WHERE tenant_id = $1 AND connection_id = $2 AND sending";
    let rows = db::all(&**tx, sql, [tenant.0.into(), connection.0.into()]).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sending: Vec<ById> =
        rows.iter().map(|row| Ok(ById { id: row.get("message_id")? })).collect::<Result<_, Fault>>()?;
    let mut states = state::by_ids(tx, tenant, &sending).await?;
    let mut events = Vec::new();
    for state in states.iter_mut().filter(|state| state.status == Status::Sending) {
        state.put(Status::InDoubt, now);
        let why = json!({ "reason": "the sending node stopped before it knew the outcome" });
        events.push(Event::new(tenant, state.id, Status::InDoubt.as_str(), now, &why));
    }
    let doubted = states.iter().filter(|state| state.changed).map(state::State::message_id).collect();
    state::write(tx, states.iter()).await?;
    let settled: Vec<Settled> = sending.iter().map(|by| Settled { t: tenant.0, id: by.id }).collect();
    write::remove_from_outbox(tx, &settled).await?;
    let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
    write::events(tx, &mut events, &mut event_ids).await?;
    Ok(doubted)
}

/// Prolongs, without waiting for what is under way; false when somebody else has it.
pub(super) async fn renew(
    store: &SqlStore,
    lease: &Lease,
    until: Timestamp,
    pace: &PaceState,
) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let sql = "UPDATE lanes SET until_at = $5, pace = $6 \
               WHERE tenant_id = $1 AND connection_id = $2 AND holder = $3 AND epoch = $4";
    let values = [
        lease.tenant_id.0.into(),
        lease.connection_id.0.into(),
        lease.holder.as_str().into(),
        lease.epoch.into(),
        micros(until).into(),
        to_json(pace)?.into(),
    ];
    let renewed = db::run(&*tx, sql, values).await? == 1;
    tx.commit().await?;
    Ok(renewed)
}

/// Of a lane that somebody holds.
pub(super) async fn pace(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
) -> Result<Option<PaceState>, Fault> {
    let sql = "SELECT pace FROM lanes WHERE tenant_id = $1 AND connection_id = $2 AND holder IS NOT NULL";
    let row = db::one(store.reader(), sql, [tenant.0.into(), connection.0.into()]).await?;
    row.map_or(Ok(None), |row| row.json_opt("pace"))
}

/// Gives it back. What is still `sending` stays so until somebody takes the lane.
pub(super) async fn release(store: &SqlStore, lease: &Lease, pace: &PaceState) -> Result<(), Fault> {
    let tx = store.begin().await?;
    let sql = "UPDATE lanes SET holder = NULL, until_at = 0, pace = $5 \
               WHERE tenant_id = $1 AND connection_id = $2 AND holder = $3 AND epoch = $4";
    let values = [
        lease.tenant_id.0.into(),
        lease.connection_id.0.into(),
        lease.holder.as_str().into(),
        lease.epoch.into(),
        to_json(pace)?.into(),
    ];
    db::run(&*tx, sql, values).await?;
    tx.commit().await
}

/// Whether the lease is still good, and whether its connection may send; nobody takes the lane before the commit.
pub(super) struct Standing {
    pub(super) held: bool,
    pub(super) active: bool,
}

/// Looks the lease up. Whoever takes the lane waits for the commit; a renewal does not.
pub(super) async fn standing(tx: &Tx, lease: &Lease) -> Result<Standing, Fault> {
    let lock = tx.dialect.for_keep("l");
    let sql = format!(
        "SELECT l.epoch AS epoch, l.holder AS holder, c.state AS state FROM lanes l \
         JOIN connections c ON c.tenant_id = l.tenant_id AND c.id = l.connection_id \
         WHERE l.tenant_id = $1 AND l.connection_id = $2{lock}"
    );
    let row = db::one(&**tx, &sql, [lease.tenant_id.0.into(), lease.connection_id.0.into()]).await?;
    let Some(row) = row else { return Ok(Standing { held: false, active: false }) };
    Ok(Standing {
        held: row.get::<i64>("epoch")? == lease.epoch
            && row.get::<Option<String>>("holder")?.as_deref() == Some(lease.holder.as_str()),
        active: row.get::<String>("state")? == domain::connections::ConnectionState::Active.as_str(),
    })
}

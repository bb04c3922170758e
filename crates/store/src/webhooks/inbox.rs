//! The inbox: raw bodies, and which of them wait.

use std::collections::HashMap;

use domain::{ConnectionId, InboxId, TenantId, Timestamp};
use ports::operator::Wake;
use ports::webhooks::{InboxStats, PendingWebhook, RawWebhook};

use crate::db::{self, Fault, Row, SqlStore, Tx, micros};
use crate::ids::{self, Kind};
use crate::sets::{param, set};

set! {
    RawRow {
        t: Int i64,
        id: Int i64,
        connection: Int Option<i64>,
        at: Int i64,
        // where its bytes stand among those of all, from 1
        start: Int i64,
        length: Int i64,
    }
}

/// Keeps bodies and queues them. The bytes of all go as one parameter: as text they would be written, escaped and
/// read back once more.
pub(super) async fn ingest(store: &SqlStore, bodies: &[RawWebhook]) -> Result<Vec<InboxId>, Fault> {
    if bodies.is_empty() {
        return Ok(Vec::new());
    }
    let tx = store.begin_shared().await?;
    let [mut inbox_ids] = ids::take(&tx, [(Kind::Inbox, bodies.len())]).await?;
    // One byte before all of them: SQLite makes NULL out of a part of nothing.
    let mut bytes = Vec::with_capacity(1 + bodies.iter().map(|raw| raw.body.len()).sum::<usize>());
    bytes.push(0);
    let mut rows = Vec::with_capacity(bodies.len());
    for raw in bodies {
        rows.push(RawRow {
            t: raw.tenant_id.0,
            id: inbox_ids.next()?,
            connection: raw.connection_id.map(|id| id.0),
            at: micros(raw.at),
            start: position(bytes.len() + 1)?,
            length: position(raw.body.len())?,
        });
        bytes.extend_from_slice(&raw.body);
    }
    let set = tx.dialect.set::<RawRow>(1, "r");
    let sql = format!(
        "INSERT INTO inbox (tenant_id, id, connection_id, at, body) SELECT r.t, r.id, r.connection, r.at, \
         substr($2, CAST(r.start AS INTEGER), CAST(r.length AS INTEGER)) FROM {set}"
    );
    db::run(&*tx, &sql, [param(&rows)?, bytes.into()]).await?;
    queue(&tx, &rows).await?;
    tx.commit().await?;
    store.wakes_hub().tell([Wake::Inbox]);
    Ok(rows.iter().map(|row| InboxId(row.id)).collect())
}

fn position(bytes: usize) -> Result<i64, Fault> {
    i64::try_from(bytes).map_err(Fault::internal)
}

set! {
    /// A body, by its key.
    Place {
        t: Int i64,
        id: Int i64,
    }
}

async fn queue(tx: &Tx, rows: &[RawRow]) -> Result<(), Fault> {
    let places: Vec<Place> = rows.iter().map(|row| Place { t: row.t, id: row.id }).collect();
    let set = tx.dialect.set::<Place>(1, "r");
    let sql = format!("INSERT INTO inbox_queue (tenant_id, id, taken_until) SELECT r.t, r.id, 0 FROM {set}");
    db::run(&**tx, &sql, [param(&places)?]).await?;
    Ok(())
}

/// Takes the oldest that nobody has. An empty inbox costs one read and no transaction.
pub(super) async fn take(
    store: &SqlStore,
    holder: &str,
    limit: u32,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<PendingWebhook>, Fault> {
    let waiting = "SELECT 1 AS one FROM inbox_queue q WHERE q.taken_until <= $1 ORDER BY q.id LIMIT 1";
    if db::one(store.reader(), waiting, [micros(now).into()]).await?.is_none() {
        return Ok(Vec::new());
    }
    let tx = store.begin_shared().await?;
    let lock = tx.dialect.for_update_skip_locked("q");
    let sql = format!(
        "UPDATE inbox_queue SET taken_by = $1, taken_until = $2 WHERE (tenant_id, id) IN (SELECT q.tenant_id, q.id \
         FROM inbox_queue q WHERE q.taken_until <= $3 ORDER BY q.id LIMIT $4{lock}) RETURNING tenant_id, id"
    );
    let values = [holder.into(), micros(until).into(), micros(now).into(), i64::from(limit).into()];
    let rows = db::all(&*tx, &sql, values).await?;
    let places: Vec<Place> = rows
        .iter()
        .map(|row| Ok(Place { t: row.get("tenant_id")?, id: row.get("id")? }))
        .collect::<Result<_, Fault>>()?;
    tx.commit().await?;
    bodies(store, &places).await
}

/// Bodies never change, so they are read outside of the transaction.
async fn bodies(store: &SqlStore, places: &[Place]) -> Result<Vec<PendingWebhook>, Fault> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let set = store.dialect().set::<Place>(1, "r");
    let sql = format!(
        "SELECT i.tenant_id AS tenant_id, i.id AS id, i.connection_id AS connection_id, i.at AS at, i.body AS body \
         FROM {set} CROSS JOIN inbox i WHERE i.tenant_id = r.t AND i.id = r.id ORDER BY i.id"
    );
    let rows = db::all(store.reader(), &sql, [param(places)?]).await?;
    rows.iter()
        .map(|row| {
            let webhook = RawWebhook {
                tenant_id: TenantId(row.get("tenant_id")?),
                connection_id: row.get::<Option<i64>>("connection_id")?.map(ConnectionId),
                body: row.get::<Vec<u8>>("body")?.into(),
                at: row.time("at")?,
            };
            Ok(PendingWebhook { id: InboxId(row.get("id")?), webhook })
        })
        .collect()
}

/// Takes bodies out of the queue.
pub(super) async fn done(tx: &Tx, tenant: TenantId, bodies: &[InboxId]) -> Result<(), Fault> {
    if bodies.is_empty() {
        return Ok(());
    }
    let places: Vec<Place> = bodies.iter().map(|id| Place { t: tenant.0, id: id.0 }).collect();
    let set = tx.dialect.set::<Place>(1, "r");
    let sql = format!("DELETE FROM inbox_queue WHERE (tenant_id, id) IN (SELECT r.t, r.id FROM {set})");
    db::run(&**tx, &sql, [param(&places)?]).await?;
    Ok(())
}

/// How the tenant's inbox stands.
pub(super) async fn stats(store: &SqlStore, tenant: TenantId) -> Result<InboxStats, Fault> {
    let sql = "SELECT 'pending' AS what, COUNT(*) AS many FROM inbox_queue WHERE tenant_id = $1 \
               UNION ALL SELECT 'orphans', COUNT(*) FROM orphan_statuses WHERE tenant_id = $1 \
               UNION ALL SELECT reason, COUNT(*) FROM inbox_items WHERE tenant_id = $1 AND resolved_at IS NULL \
               GROUP BY reason";
    let mut counts: HashMap<String, i64> = HashMap::new();
    for row in db::all(store.reader(), sql, [tenant.0.into()]).await? {
        counts.insert(row.get("what")?, row.get("many")?);
    }
    let count = |what: &str| counts.get(what).copied().unwrap_or_default();
    Ok(InboxStats {
        pending: count("pending"),
        unrecognised: count("unrecognised"),
        poison: count("poison"),
        orphan_statuses: count("orphans"),
    })
}

//! What happened to a number or its account.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use domain::audit::{Action, Actor, NewEntry};
use domain::{ConnectionId, SignedDuration, TenantId, Timestamp};
use ports::connections::Broken;
use ports::operator::Wake;
use ports::webhooks::{Change, ConnectionEvent};

use super::project::Projecting;
use crate::connections::{bump_version, turn_to_error};
use crate::db::{self, Fault, SqlStore, micros};
use crate::sets::{param, set};

/// Takes over what is new; breaks the connection when the account may not send any more.
pub(super) async fn apply(projecting: &mut Projecting<'_>, event: &ConnectionEvent) -> Result<(), Fault> {
    let sql = "UPDATE connections SET quality_rating = COALESCE($3, quality_rating), \
               messaging_limit = COALESCE($4, messaging_limit), rate_count = COALESCE($5, rate_count), \
               verified_name = COALESCE($6, verified_name), updated_at = $7 WHERE tenant_id = $1 AND id = $2";
    let values = [
        projecting.tenant.0.into(),
        event.connection_id.0.into(),
        event.quality_rating.clone().into(),
        event.messaging_limit.clone().into(),
        event.rate_count.map(i64::from).into(),
        event.verified_name.clone().into(),
        micros(projecting.now).into(),
    ];
    db::run(&**projecting.tx, sql, values).await?;
    let told = serde_json::json!({
        "quality_rating": event.quality_rating, "messaging_limit": event.messaging_limit, "rate": event.rate_count,
        "verified_name": event.verified_name,
    });
    let entry = NewEntry::about(Action::ConnectionChanged, "connection", event.connection_id);
    projecting.tx.note(projecting.tenant, entry.at(projecting.now).by(Actor::meta()).after(told));
    if let Some(broken) = &event.broken {
        let (tenant, connection) = (projecting.tenant, event.connection_id);
        if turn_to_error(projecting.tx, tenant, connection, broken, projecting.now).await? {
            projecting.done.broken.push(connection);
        }
    }
    bump_version(projecting.tx).await
}

/// Breaks a connection of which a message failed that was sent at `sent`, unless it was changed since: it may have been
/// repaired, and Meta repeats webhooks for days. Meta's times are whole seconds.
pub(super) async fn break_unless_repaired(
    projecting: &mut Projecting<'_>,
    connection: ConnectionId,
    broken: &Broken,
    sent: Timestamp,
) -> Result<(), Fault> {
    let (tx, tenant) = (projecting.tx, projecting.tenant);
    let until = sent.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    let lock = tx.dialect.for_update("k");
    let sql = format!(
        "SELECT k.id AS id FROM connections k WHERE k.tenant_id = $1 AND k.id = $2 AND k.updated_at < $3{lock}"
    );
    let values = [tenant.0.into(), connection.0.into(), micros(until).into()];
    if db::one(&**tx, &sql, values).await?.is_some()
        && turn_to_error(tx, tenant, connection, broken, projecting.now).await?
    {
        projecting.done.broken.push(connection);
    }
    Ok(())
}

/// Notes that Meta's handshake reached this connection.
pub(super) async fn note_handshake(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<(), Fault> {
    let tx = store.begin().await?;
    let sql = "UPDATE connections SET handshake_at = $3 WHERE tenant_id = $1 AND id = $2";
    db::run(&*tx, sql, [tenant.0.into(), connection.0.into(), micros(at).into()]).await?;
    bump_version(&tx).await?;
    tx.commit().await?;
    store.wakes_hub().tell([Wake::Lane(connection)]);
    Ok(())
}

/// How exact `last_webhook_at` is: one write per minute, not one per webhook.
const PRECISION: SignedDuration = SignedDuration::from_mins(1);

/// When this node last noted `last_webhook_at`, by connection.
#[derive(Debug, Default)]
pub(crate) struct HeardOf(Mutex<HashMap<i64, Timestamp>>);

impl HeardOf {
    /// Leaves those that were noted within the last minute out, and takes the others as noted.
    fn stale(&self, connections: BTreeSet<i64>, now: Timestamp) -> Vec<Heard> {
        let Ok(mut noted) = self.0.lock() else { return Vec::new() };
        let stale = |id: &i64| {
            let fresh = noted.get(id).is_some_and(|at| now.duration_since(*at).abs() < PRECISION);
            if !fresh {
                noted.insert(*id, now);
            }
            !fresh
        };
        connections.into_iter().filter(stale).map(|id| Heard { id }).collect()
    }
}

set! {
    Heard { id: Int i64 }
}

/// Notes when connections were last heard of.
pub(super) async fn note_webhooks(
    projecting: &Projecting<'_>,
    heard: &HeardOf,
    changes: &[Change],
) -> Result<(), Fault> {
    let connections = changes.iter().filter_map(connection_of).map(|id| id.0).collect();
    let rows = heard.stale(connections, projecting.now);
    if rows.is_empty() {
        return Ok(());
    }
    let set = projecting.tx.dialect.set::<Heard>(1, "r");
    let sql = format!(
        "UPDATE connections SET last_webhook_at = $3 FROM {set} WHERE connections.tenant_id = $2 \
         AND connections.id = r.id AND (connections.last_webhook_at IS NULL OR connections.last_webhook_at < $3)"
    );
    let values = [param(&rows)?, projecting.tenant.0.into(), micros(projecting.now).into()];
    db::run(&**projecting.tx, &sql, values).await?;
    Ok(())
}

fn connection_of(change: &Change) -> Option<ConnectionId> {
    match change {
        Change::Inbound(message) => Some(message.connection_id),
        Change::Status(status) => Some(status.connection_id),
        Change::Preference(preference) => Some(preference.connection_id),
        Change::Connection(event) => Some(event.connection_id),
        Change::Aside(item) => item.connection_id,
        Change::Template(_) | Change::Identity(_) => None,
    }
}

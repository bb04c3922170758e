//! How a queue stands, and when it has something to do.

use domain::{ConnectionId, TenantId, Timestamp};
use ports::lanes::QueueStats;
use sea_orm::ConnectionTrait;

use crate::db::{self, Fault, Row, SqlStore, micros};

/// Counts of one connection's queue.
pub(super) async fn stats(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
    now: Timestamp,
) -> Result<QueueStats, Fault> {
    let sql = "SELECT COUNT(CASE WHEN NOT sending AND NOT held AND NOT (scheduled AND due_at > $3) THEN 1 END) AS queued, \
               COUNT(CASE WHEN NOT sending AND scheduled AND due_at > $3 THEN 1 END) AS scheduled, \
               COUNT(CASE WHEN sending THEN 1 END) AS sending \
               FROM outbox WHERE tenant_id = $1 AND connection_id = $2";
    let row =
        db::one(store.reader(), sql, [tenant.0.into(), connection.0.into(), micros(now).into()]).await?;
    let row = row.ok_or_else(|| Fault::internal("a count gave no row"))?;
    Ok(QueueStats {
        queued: row.get("queued")?,
        scheduled: row.get("scheduled")?,
        sending: row.get("sending")?,
    })
}

/// The earliest due time of each priority after `after` (exclusive), and whether anything is due by then.
pub(super) async fn next_due<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    connection: ConnectionId,
    after: Option<Timestamp>,
) -> Result<Option<Timestamp>, Fault> {
    let one = |priority: u8| {
        format!(
            "SELECT MIN(due_at) AS due_at FROM outbox WHERE tenant_id = $1 AND connection_id = $2 \
             AND priority = {priority} AND NOT sending AND NOT held AND due_at > $3"
        )
    };
    let sql = format!(
        "SELECT MIN(due_at) AS due_at FROM ({} UNION ALL {} UNION ALL {}) AS p",
        one(0),
        one(1),
        one(2)
    );
    let after = after.map_or(i64::MIN, micros);
    let row = db::one(on, &sql, [tenant.0.into(), connection.0.into(), after.into()]).await?;
    row.map_or(Ok(None), |row| row.time_opt("due_at"))
}

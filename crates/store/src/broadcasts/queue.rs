//! What the feeder asks: who is due, what waits already, what Meta's limit has counted.

use domain::broadcasts::schedule::FrequencyCap;
use domain::messages::Priority;
use domain::{BroadcastId, ConnectionId, TenantId, Timestamp};
use ports::broadcasts::{DueRecipient, InQueue, LiveBroadcast, Share};
use sea_orm::{QueryResult, Value};

use super::audience::{ZONE, a_day_before};
use super::cap::{marketing_since, start};
use crate::contacts::row;
use crate::db::{self, Fault, Row, SqlStore, micros};
use crate::messages::facts;
use crate::sets::{param, set};

/// What is wanted.
pub(super) struct Asked {
    pub(super) broadcast: BroadcastId,
    pub(super) connection: ConnectionId,
    pub(super) share: Share,
    pub(super) cap: Option<FrequencyCap>,
    pub(super) limit: u32,
    pub(super) now: Timestamp,
}

/// Recipients that are due, by (due time, id). A contact that was joined with another is that other.
pub(super) async fn due(
    store: &SqlStore,
    tenant: TenantId,
    asked: &Asked,
) -> Result<Vec<DueRecipient>, Fault> {
    let page = format!(
        "SELECT d.tenant_id, d.id, d.row_number, d.zone, d.due_at FROM recipients d WHERE d.tenant_id = $1 \
         AND d.broadcast_id = $2 AND d.message_id IS NULL AND d.reason IS NULL AND d.due_at <= {} \
         AND d.id % $4 = $5 ORDER BY d.due_at, d.id LIMIT $6",
        micros(asked.now)
    );
    with_facts(store, tenant, asked, &page).await
}

/// Of these only they whom Meta's limit does not count. The threads in which something happened within a day lead to them,
/// and not the many recipients. (One who was joined with another since is found when there is room again.)
pub(super) async fn known(
    store: &SqlStore,
    tenant: TenantId,
    asked: &Asked,
) -> Result<Vec<DueRecipient>, Fault> {
    let (now, since) = (micros(asked.now), micros(a_day_before(asked.now)));
    let page = format!(
        "SELECT d.tenant_id, d.id, d.row_number, d.zone, d.due_at FROM (SELECT DISTINCT y.tenant_id, y.contact_id FROM conversations y \
         WHERE y.tenant_id = $1 AND COALESCE(y.last_message_at, y.created_at) > {since} \
         AND (y.last_initiated_at > {since} OR (y.connection_id = $3 AND y.window_expires_at > {now}))) AS known \
         CROSS JOIN recipients d WHERE d.tenant_id = known.tenant_id AND d.broadcast_id = $2 AND d.id = known.contact_id AND d.message_id IS NULL \
         AND d.reason IS NULL AND d.due_at <= {now} AND d.id % $4 = $5 LIMIT $6"
    );
    with_facts(store, tenant, asked, &page).await
}

/// With what a decision needs of each. The tenant comes from the page: see `Dialect::set_in`.
async fn with_facts(
    store: &SqlStore,
    tenant: TenantId,
    asked: &Asked,
    page: &str,
) -> Result<Vec<DueRecipient>, Fault> {
    let now = micros(asked.now);
    let had =
        asked.cap.map_or("0".to_owned(), |cap| marketing_since("$1", start(asked.now, cap.days), "c.id"));
    let sql = format!(
        "SELECT {contact}, c.id AS contact_id, v.id AS conversation_id, v.window_expires_at AS window_expires_at, \
         n.id AS recipient_id, {ZONE} AS zone, w.columns AS cells, CAST({had} AS BIGINT) AS marketing_sent, \
         CASE WHEN v.window_expires_at > {now} OR (SELECT MAX(y.last_initiated_at) FROM conversations y \
         WHERE y.tenant_id = c.tenant_id AND y.contact_id = c.id) > {since} THEN 1 ELSE 0 END AS known_today \
         FROM ({page}) AS n \
         CROSS JOIN contacts asked CROSS JOIN contacts c \
         LEFT JOIN conversations v ON v.tenant_id = c.tenant_id AND v.contact_id = c.id AND v.connection_id = $3 \
         LEFT JOIN broadcast_rows w ON w.tenant_id = n.tenant_id AND w.row_number = n.row_number \
         AND w.list_id = (SELECT b.list_id FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $2) \
         WHERE asked.tenant_id = n.tenant_id AND asked.id = n.id \
         AND c.tenant_id = n.tenant_id AND c.id = COALESCE(asked.merged_into, asked.id) ORDER BY n.due_at, n.id",
        contact = row::COLUMNS,
        since = micros(a_day_before(asked.now)),
    );
    let of = asked.share.of.max(1);
    let values: [Value; 6] = [
        tenant.0.into(),
        asked.broadcast.0.into(),
        asked.connection.0.into(),
        of.into(),
        asked.share.index.into(),
        i64::from(asked.limit).into(),
    ];
    db::all(store.reader(), &sql, values).await?.iter().map(recipient).collect()
}

fn recipient(found: &QueryResult) -> Result<DueRecipient, Fault> {
    Ok(DueRecipient {
        id: found.get("recipient_id")?,
        contact: row::from_row(found)?,
        gate: facts::recipient(found)?,
        row: found.json_opt("cells")?,
        zone: found.get("zone")?,
        marketing_sent: found.get("marketing_sent")?,
        known_today: found.get::<i32>("known_today")? == 1,
    })
}

/// Messages of broadcasts that wait on a connection, by broadcast.
pub(super) async fn waiting(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
    by: Timestamp,
) -> Result<Vec<InQueue>, Fault> {
    let sql = format!(
        "SELECT o.broadcast_id AS broadcast_id, COUNT(*) AS waiting, \
         COUNT(CASE WHEN o.due_at <= $3 THEN 1 END) AS due FROM outbox o WHERE o.tenant_id = $1 \
         AND o.connection_id = $2 AND o.priority = {} AND NOT o.sending AND NOT o.held \
         AND o.broadcast_id IS NOT NULL GROUP BY o.broadcast_id ORDER BY o.broadcast_id",
        Priority::Bulk as i64
    );
    let values = [tenant.0.into(), connection.0.into(), micros(by).into()];
    let rows = db::all(store.reader(), &sql, values).await?;
    let in_queue = |row: &QueryResult| {
        Ok(InQueue {
            broadcast: BroadcastId(row.get("broadcast_id")?),
            waiting: row.get("waiting")?,
            due: row.get("due")?,
        })
    };
    rows.iter().map(in_queue).collect()
}

/// When the next recipient is due, by its own time or by that of its message.
pub(super) async fn next_due(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Option<Timestamp>, Fault> {
    let own = "SELECT d.due_at AS due_at FROM recipients d WHERE d.tenant_id = $1 AND d.broadcast_id = $2 \
               AND d.message_id IS NULL AND d.reason IS NULL ORDER BY d.due_at, d.id LIMIT 1";
    let queued = "SELECT MIN(o.due_at) AS due_at FROM outbox o WHERE o.tenant_id = $1 AND o.broadcast_id = $2 \
                  AND NOT o.held";
    let mut first: Option<Timestamp> = None;
    for sql in [own, queued] {
        let row = db::one(store.reader(), sql, [tenant.0.into(), broadcast.0.into()]).await?;
        let due = row.map_or(Ok(None), |row| row.time_opt("due_at"))?;
        first = [first, due].into_iter().flatten().min();
    }
    Ok(first)
}

set! {
    Number { connection: Int i64 }
}

/// Contacts that got a template outside a window from any of these connections since then.
pub(super) async fn initiated(
    store: &SqlStore,
    tenant: TenantId,
    connections: &[ConnectionId],
    since: Timestamp,
) -> Result<i64, Fault> {
    let mut numbers: Vec<i64> = connections.iter().map(|id| id.0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    // A contact has one thread with a number.
    let contacts = if numbers.len() > 1 { "DISTINCT v.contact_id" } else { "*" };
    let rows: Vec<Number> = numbers.into_iter().map(|connection| Number { connection }).collect();
    let set = store.dialect().set::<Number>(1, "r");
    let sql = format!(
        "SELECT COUNT({contacts}) AS contacts FROM {set} CROSS JOIN conversations v WHERE v.tenant_id = $2 \
         AND v.connection_id = r.connection AND v.last_initiated_at >= $3"
    );
    let row = db::one(store.reader(), &sql, [param(&rows)?, tenant.0.into(), micros(since).into()]).await?;
    row.map_or(Ok(0), |row| row.get("contacts"))
}

/// Scheduled and sending ones of all tenants.
pub(super) async fn live(store: &SqlStore) -> Result<Vec<LiveBroadcast>, Fault> {
    let sql = "SELECT b.tenant_id AS tenant_id, b.id AS id, b.state AS state, b.starts_at AS starts_at, b.frozen AS frozen \
               FROM broadcasts b WHERE b.state IN ('scheduled', 'sending') ORDER BY b.tenant_id, b.id";
    let rows = db::all(store.reader(), sql, []).await?;
    rows.iter()
        .map(|row| {
            Ok(LiveBroadcast {
                tenant_id: TenantId(row.get("tenant_id")?),
                id: BroadcastId(row.get("id")?),
                state: row.word("state")?,
                starts_at: row.time_opt("starts_at")?,
                frozen: row.get("frozen")?,
            })
        })
        .collect()
}

//! See `ports::health`.
//!
//! Every statement here is bounded: by an index that holds only what is asked for, or by a LIMIT.

use async_trait::async_trait;
use domain::health::{Sample, TemplateCounts};
use domain::{ConnectionId, MessageId, TenantId, Timestamp};
use ports::StoreResult;
use ports::health::{COUNTED_TO, Counted, Depths, HealthCounts, HealthStore, NumberRow, QueueDepth};
use sea_orm::Value;

use crate::db::{self, Fault, Row, SqlStore, micros};

/// So many of the latest messages are looked at for how many fail.
const SAMPLE: i64 = 2_000;

#[async_trait]
impl HealthStore for SqlStore {
    async fn health_counts(&self, tenant: TenantId, since: Timestamp) -> StoreResult<HealthCounts> {
        let waiting = "SELECT 1 AS one FROM outbox WHERE tenant_id = $1";
        let failed = "SELECT 1 AS one FROM messages WHERE tenant_id = $1 AND failed_at >= $2";
        Ok(HealthCounts {
            numbers: numbers(self, tenant).await?,
            pending: Counted::of(count_to(self, waiting, vec![tenant.0.into()]).await?),
            failed: Counted::of(count_to(self, failed, vec![tenant.0.into(), micros(since).into()]).await?),
            templates: templates(self, tenant).await?,
            sample: sample(self, tenant, since).await?,
            in_doubt: in_doubt(self, tenant).await?,
        })
    }
}

/// How many rows the statement gives, at most one more than [`COUNTED_TO`].
async fn count_to(store: &SqlStore, rows: &str, values: Vec<Value>) -> Result<i64, Fault> {
    let sql = format!("SELECT COUNT(*) AS total FROM ({rows} LIMIT {}) AS few", COUNTED_TO + 1);
    let row = db::one(store.reader(), &sql, values).await?;
    row.map_or(Ok(0), |row| row.get("total"))
}

/// When the oldest message of a priority became due; `n` is its connection.
fn oldest(priority: &str) -> String {
    format!(
        "(SELECT MIN(o.due_at) FROM outbox o WHERE o.tenant_id = n.tenant_id AND o.connection_id = n.id \
         AND o.priority = {priority} AND NOT o.sending AND NOT o.held)"
    )
}

async fn numbers(store: &SqlStore, tenant: TenantId) -> Result<Vec<NumberRow>, Fault> {
    let sql = format!(
        "SELECT n.id, l.pace, CASE WHEN l.holder IS NULL THEN NULL ELSE l.until_at END AS held_until, \
         {} AS replies, {} AS transactional, {} AS bulk \
         FROM connections n LEFT JOIN lanes l ON l.tenant_id = n.tenant_id AND l.connection_id = n.id \
         WHERE n.tenant_id = $1 ORDER BY n.id",
        oldest("0"),
        oldest("1"),
        oldest("2")
    );
    let rows = db::all(store.reader(), &sql, [tenant.0.into()]).await?;
    rows.iter()
        .map(|row| {
            let due = ["replies", "transactional", "bulk"].map(|priority| row.time_opt(priority));
            let [replies, transactional, bulk] = due;
            Ok(NumberRow {
                connection_id: ConnectionId(row.get("id")?),
                pace: row.json_opt("pace")?,
                held_until: row.time_opt("held_until")?,
                oldest_due_at: [replies?, transactional?, bulk?].into_iter().flatten().min(),
            })
        })
        .collect()
}

async fn templates(store: &SqlStore, tenant: TenantId) -> Result<TemplateCounts, Fault> {
    let sql = "SELECT status, COUNT(*) AS total FROM templates WHERE tenant_id = $1 GROUP BY status";
    let mut counts = TemplateCounts::default();
    for row in db::all(store.reader(), sql, [tenant.0.into()]).await? {
        let total: i64 = row.get("total")?;
        match row.get::<String>("status")?.as_str() {
            "approved" => counts.approved += total,
            "pending" | "in_appeal" => counts.pending += total,
            "rejected" => counts.rejected += total,
            "paused" => counts.paused += total,
            "disabled" => counts.disabled += total,
            _ => {}
        }
    }
    Ok(counts)
}

async fn sample(store: &SqlStore, tenant: TenantId, since: Timestamp) -> Result<Sample, Fault> {
    let sql = format!(
        "SELECT COUNT(CASE WHEN sent_at IS NOT NULL OR failed_at IS NOT NULL THEN 1 END) AS outbound, \
         COUNT(CASE WHEN failed_at IS NOT NULL THEN 1 END) AS failed FROM \
         (SELECT sent_at, failed_at FROM messages WHERE tenant_id = $1 AND created_at >= $2 \
         ORDER BY created_at DESC, id DESC LIMIT {SAMPLE}) AS latest"
    );
    let row = db::one(store.reader(), &sql, [tenant.0.into(), micros(since).into()]).await?;
    let row = row.ok_or_else(|| Fault::internal("a count gave no row"))?;
    Ok(Sample { outbound: row.get("outbound")?, failed: row.get("failed")? })
}

async fn in_doubt(store: &SqlStore, tenant: TenantId) -> Result<Option<(MessageId, Timestamp)>, Fault> {
    let sql = "SELECT id, in_doubt_at FROM messages WHERE tenant_id = $1 AND in_doubt_at IS NOT NULL \
               ORDER BY id LIMIT 1";
    let row = db::one(store.reader(), sql, [tenant.0.into()]).await?;
    row.map(|row| Ok((MessageId(row.get("id")?), row.time("in_doubt_at")?))).transpose()
}

/// What waits on the whole server.
pub(crate) async fn depths(store: &SqlStore, now: Timestamp) -> Result<Depths, Fault> {
    let mut depths = Depths { queues: queues(store, now).await?, ..Depths::default() };
    depths.sending = sending(store).await?;
    let doubts = "SELECT 1 AS one FROM messages WHERE in_doubt_at IS NOT NULL";
    depths.in_doubt = count_to(store, doubts, Vec::new()).await?.min(COUNTED_TO);
    depths.inbox =
        count_to(store, "SELECT 1 AS one FROM inbox_queue ORDER BY id", Vec::new()).await?.min(COUNTED_TO);
    let first = "SELECT i.at FROM inbox_queue q JOIN inbox i ON i.tenant_id = q.tenant_id AND i.id = q.id \
                 ORDER BY q.id LIMIT 1";
    let first = db::one(store.reader(), first, []).await?;
    depths.inbox_oldest_at = first.map(|row| row.time("at")).transpose()?;
    let live = "SELECT state, COUNT(*) AS total FROM broadcasts WHERE state IN ('scheduled', 'sending') \
                GROUP BY state";
    for row in db::all(store.reader(), live, []).await? {
        let total = row.get("total")?;
        match row.get::<String>("state")?.as_str() {
            "sending" => depths.broadcasts_sending = total,
            _ => depths.broadcasts_scheduled = total,
        }
    }
    Ok(depths)
}

/// One look per number and priority: each is an index's own range.
async fn queues(store: &SqlStore, now: Timestamp) -> Result<[QueueDepth; 3], Fault> {
    let sql = format!(
        "SELECT p.priority, {} AS oldest, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM outbox o \
         WHERE o.tenant_id = n.tenant_id AND o.connection_id = n.id AND o.priority = p.priority \
         AND NOT o.sending AND NOT o.held AND o.due_at <= $1 LIMIT {COUNTED_TO}) AS few) AS due \
         FROM connections n CROSS JOIN (SELECT CAST(0 AS BIGINT) AS priority UNION ALL SELECT 1 UNION ALL SELECT 2) AS p",
        oldest("p.priority")
    );
    let mut queues = [QueueDepth::default(); 3];
    for row in db::all(store.reader(), &sql, [micros(now).into()]).await? {
        let priority = usize::try_from(row.get::<i64>("priority")?).map_err(Fault::internal)?;
        let Some(queue) = queues.get_mut(priority) else { continue };
        queue.due += row.get::<i64>("due")?;
        // What is scheduled for later has not waited yet.
        let oldest = row.time_opt("oldest")?.filter(|due| *due <= now);
        queue.oldest_due_at = [queue.oldest_due_at, oldest].into_iter().flatten().min();
    }
    Ok(queues)
}

async fn sending(store: &SqlStore) -> Result<i64, Fault> {
    let sql = "SELECT (SELECT COUNT(*) FROM outbox o WHERE o.tenant_id = n.tenant_id AND o.connection_id = n.id \
               AND o.sending) AS sending FROM connections n";
    let rows = db::all(store.reader(), sql, []).await?;
    rows.iter().map(|row| row.get::<i64>("sending")).sum()
}

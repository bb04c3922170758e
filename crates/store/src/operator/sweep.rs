//! Forgetting what has served its time.

use domain::{SignedDuration, Timestamp};

use crate::db::{self, Fault, SqlStore, micros};

/// Idempotency keys.
const KEYS: SignedDuration = SignedDuration::from_hours(24);
/// Raw bodies that were projected: as long as Meta repeats a webhook.
const BODIES: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Statuses whose message never became known.
const ORPHANS: SignedDuration = SignedDuration::from_hours(24 * 30);

const SWEEPS: [(&str, SignedDuration); 3] = [
    (
        "DELETE FROM idempotency WHERE (tenant_id, key) IN \
         (SELECT k.tenant_id, k.key FROM idempotency k WHERE k.at <= $1 ORDER BY k.at LIMIT $2)",
        KEYS,
    ),
    (
        "DELETE FROM inbox WHERE (tenant_id, id) IN (SELECT old.tenant_id, old.id FROM \
         (SELECT o.tenant_id, o.id FROM inbox o WHERE o.at <= $1 ORDER BY o.at LIMIT $2) AS old \
         WHERE NOT EXISTS (SELECT 1 FROM inbox_queue q WHERE q.tenant_id = old.tenant_id AND q.id = old.id))",
        BODIES,
    ),
    (
        "DELETE FROM orphan_statuses WHERE (tenant_id, wamid, status) IN \
         (SELECT s.tenant_id, s.wamid, s.status FROM orphan_statuses s WHERE s.kept_at <= $1 ORDER BY s.kept_at LIMIT $2)",
        ORPHANS,
    ),
];

/// Removes at most `limit` rows of each.
pub(super) async fn sweep(store: &SqlStore, now: Timestamp, limit: u32) -> Result<u64, Fault> {
    let tx = store.begin().await?;
    let mut removed = 0;
    for (sql, life) in SWEEPS {
        let oldest = now.saturating_sub(life).unwrap_or(Timestamp::MIN);
        removed += db::run(&*tx, sql, [micros(oldest).into(), i64::from(limit).into()]).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

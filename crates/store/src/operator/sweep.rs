//! Forgetting what has served its time.

use domain::{SignedDuration, Timestamp};

use crate::db::{self, Fault, SqlStore, micros};

/// Idempotency keys.
const KEYS: SignedDuration = SignedDuration::from_hours(24);
/// Raw bodies that were projected: as long as Meta repeats a webhook.
const BODIES: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Statuses whose message never became known.
const ORPHANS: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Links that nobody used, and tries at passwords.
const LINKS: SignedDuration = SignedDuration::from_hours(24);
/// What was told of alerts, or given up. (The alerts and their histories stay.)
const TOLD: SignedDuration = SignedDuration::from_hours(24 * 7);

const SWEEPS: [(&str, SignedDuration); 7] = [
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
    (
        "DELETE FROM alert_deliveries WHERE settled_at IS NOT NULL AND (tenant_id, channel_id, event_id) IN \
         (SELECT d.tenant_id, d.channel_id, d.event_id FROM alert_deliveries d WHERE d.settled_at <= $1 \
         ORDER BY d.settled_at LIMIT $2)",
        TOLD,
    ),
    (
        "DELETE FROM sessions WHERE (account_id, id) IN \
         (SELECT s.account_id, s.id FROM sessions s WHERE s.expires_at <= $1 ORDER BY s.expires_at LIMIT $2)",
        SignedDuration::ZERO,
    ),
    (
        "DELETE FROM account_links WHERE hash IN \
         (SELECT k.hash FROM account_links k WHERE k.expires_at <= $1 ORDER BY k.expires_at LIMIT $2)",
        LINKS,
    ),
    (
        "DELETE FROM login_tries WHERE subject IN \
         (SELECT t.subject FROM login_tries t WHERE t.last_at <= $1 ORDER BY t.last_at LIMIT $2)",
        LINKS,
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
    removed += crate::broadcasts::sweep_removed(&tx, limit).await?;
    removed += crate::broadcasts::sweep_lists(&tx, now, limit).await?;
    tx.commit().await?;
    Ok(removed)
}

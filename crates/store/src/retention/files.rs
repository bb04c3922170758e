//! Files: their rows are removed in the purge's commit, and are named until they are gone from the disk.

use domain::{TenantId, Timestamp};
use sea_orm::Value;

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, micros};
use crate::dialect::Dialect;
use crate::sets::{param, set};

set! {
    /// A file that goes.
    Gone {
        id: Int i64,
        path: Text Option<String>,
    }
}

/// A commit that began before a look at what waits is over after this time, in microseconds.
const COMMIT: i64 = 10 * 60 * 1_000_000;

/// Whether something that is still to be sent names the file. Looks at all that waits, perhaps a million messages of a
/// broadcast: with the reader, before a commit in which [`is_planned_since`] looks again.
pub(crate) async fn is_planned(store: &SqlStore, tenant: TenantId, media: i64) -> Result<bool, Fault> {
    let waiting =
        "outbox o CROSS JOIN messages m WHERE o.tenant_id = $1 AND m.tenant_id = $1 AND m.id = o.message_id";
    let sql = planned(store.dialect(), waiting);
    let values: [Value; 2] = [tenant.0.into(), named(media)];
    Ok(db::one(store.reader(), &sql, values).await?.is_some())
}

/// The same of what came since the look at `looked`, or was on its way then.
pub(crate) async fn is_planned_since(
    tx: &Tx,
    tenant: TenantId,
    media: i64,
    looked: Timestamp,
) -> Result<bool, Fault> {
    let waiting = "messages m CROSS JOIN outbox o WHERE m.tenant_id = $1 AND m.created_at >= $3 AND o.tenant_id = $1 \
                   AND o.message_id = m.id";
    let sql = planned(tx.dialect, waiting);
    let values: [Value; 3] = [tenant.0.into(), named(media), micros(looked).saturating_sub(COMMIT).into()];
    Ok(db::one(&**tx, &sql, values).await?.is_some())
}

/// Messages out of what waits, broadcasts to come, and samples of templates that name `$2`.
fn planned(dialect: Dialect, waiting: &str) -> String {
    let names = |text: &str| format!("{} > 0", dialect.position(text, "$2"));
    format!(
        "SELECT 1 AS one FROM {waiting} AND {} \
         UNION ALL SELECT 1 FROM broadcasts b WHERE b.tenant_id = $1 AND b.state NOT IN ('completed', 'failed', 'cancelled') \
         AND {} UNION ALL SELECT 1 FROM templates t WHERE t.tenant_id = $1 AND {} LIMIT 1",
        names("m.content"),
        names("b.plan"),
        names("t.components"),
    )
}

/// How a file is named in JSON.
fn named(media: i64) -> Value {
    format!("\"media_id\":{media}").into()
}

/// Removes rows of files and keeps the files' names; answers how many rows.
pub(crate) async fn remove(tx: &Tx, tenant: TenantId, gone: &[Gone], now: Timestamp) -> Result<u64, Fault> {
    if gone.is_empty() {
        return Ok(0);
    }
    let set = tx.dialect.set::<Gone>(1, "r");
    let values: [Value; 2] = [param(gone)?, tenant.0.into()];
    let sql = format!(
        "INSERT INTO leftover_files (tenant_id, path, since) SELECT $2, r.path, $3 FROM {set} WHERE r.path IS NOT NULL \
         ON CONFLICT (tenant_id, path) DO NOTHING"
    );
    db::run(&**tx, &sql, values.clone().into_iter().chain([micros(now).into()])).await?;
    let sql = format!("DELETE FROM media WHERE tenant_id = $2 AND id IN (SELECT r.id FROM {set})");
    db::run(&**tx, &sql, values).await
}

/// Removes the rows of inbound files, of which each belongs to one message; answers how many.
pub(crate) async fn remove_inbound(
    tx: &Tx,
    tenant: TenantId,
    media: &[i64],
    now: Timestamp,
) -> Result<u64, Fault> {
    if media.is_empty() {
        return Ok(0);
    }
    let rows: Vec<Gone> = media.iter().map(|id| Gone { id: *id, path: None }).collect();
    let set = tx.dialect.set::<Gone>(1, "r");
    let sql = format!(
        "SELECT f.id AS id, f.path AS path FROM {set} CROSS JOIN media f WHERE f.tenant_id = $2 AND f.id = r.id \
         AND f.direction = 'inbound'"
    );
    let found = db::all(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
    let mut gone = Vec::with_capacity(found.len());
    for row in found {
        gone.push(Gone { id: row.get("id")?, path: row.get("path")? });
    }
    remove(tx, tenant, &gone, now).await
}

/// The oldest of those that are still on the disk.
pub(super) async fn leftover(store: &SqlStore, limit: u32) -> Result<Vec<(TenantId, String)>, Fault> {
    let sql = "SELECT tenant_id, path FROM leftover_files ORDER BY since, tenant_id, path LIMIT $1";
    let rows = db::all(store.reader(), sql, [i64::from(limit).into()]).await?;
    rows.iter().map(|row| Ok((TenantId(row.get("tenant_id")?), row.get("path")?))).collect()
}

pub(super) async fn forget(store: &SqlStore, tenant: TenantId, path: &str) -> Result<(), Fault> {
    let tx = store.begin().await?;
    let sql = "DELETE FROM leftover_files WHERE tenant_id = $1 AND path = $2";
    db::run(&*tx, sql, [tenant.0.into(), path.into()]).await?;
    tx.commit().await
}

set! {
    Path { path: Text String }
}

pub(super) async fn unknown(
    store: &SqlStore,
    tenant: TenantId,
    paths: &[String],
) -> Result<Vec<String>, Fault> {
    let rows: Vec<Path> = paths.iter().map(|path| Path { path: path.clone() }).collect();
    let set = store.dialect().set::<Path>(1, "r");
    let sql = format!(
        "SELECT r.path AS path FROM {set} WHERE NOT EXISTS (SELECT 1 FROM media f WHERE f.tenant_id = $2 \
         AND f.path = r.path) AND NOT EXISTS (SELECT 1 FROM leftover_files l WHERE l.tenant_id = $2 AND l.path = r.path)"
    );
    let found = db::all(store.reader(), &sql, [param(&rows)?, tenant.0.into()]).await?;
    found.iter().map(|row| row.get("path")).collect()
}

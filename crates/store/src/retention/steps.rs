//! One batch of each class.

use std::collections::HashSet;

use domain::messages::{Content, Status};
use domain::retention::{Class, emptied};
use domain::{TenantId, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::run::Run;
use super::{files, walks};
use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, micros, to_json};
use crate::sets::{param, set};

/// Broadcasts that are over.
pub(super) const OVER: &str =
    "b.state IN ('completed', 'failed', 'cancelled') AND COALESCE(b.finished_at, b.updated_at)";

/// Purges a batch; true when the class is done. `unplanned`: see [`look_ahead`].
pub(super) async fn step(
    tx: &Tx,
    tenant: TenantId,
    run: &mut Run,
    unplanned: &HashSet<i64>,
    limit: i64,
    now: Timestamp,
) -> Result<bool, Fault> {
    match run.class {
        Class::MessageContent => content(tx, tenant, run, limit, now).await,
        Class::Media => media(tx, tenant, run, unplanned, limit, now).await,
        Class::Deliveries => deliveries(tx, tenant, run, limit).await,
        _ => walks::walk(tx, tenant, run, limit).await,
    }
}

set! {
    Id { id: Int i64 }
}

set! {
    Emptied {
        id: Int i64,
        conversation: Int Option<i64>,
        content: Text String,
    }
}

/// The next messages by time, up to the class's moment.
async fn messages(
    tx: &Tx,
    tenant: TenantId,
    run: &mut Run,
    columns: &str,
    condition: &str,
    limit: i64,
) -> Result<Vec<QueryResult>, Fault> {
    let sql = format!(
        "SELECT m.id AS id, m.created_at AS created_at, m.status AS status, {columns} FROM messages m \
         WHERE m.tenant_id = $1 AND (m.created_at, m.id) > ($2, $3) AND m.created_at < $4 AND {condition} \
         ORDER BY m.created_at, m.id LIMIT $5{}",
        tx.dialect.for_update("m")
    );
    let values: [Value; 5] =
        [tenant.0.into(), run.cursor.0.into(), run.cursor.1.into(), run.cutoff().into(), limit.into()];
    let rows = db::all(&**tx, &sql, values).await?;
    if let Some(last) = rows.last() {
        run.cursor = (last.get("created_at")?, last.get("id")?);
    }
    Ok(rows)
}

/// Whether it is still to be sent: such a message is needed as it is.
fn is_needed(row: &QueryResult) -> Result<bool, Fault> {
    Ok(matches!(row.word::<Status>("status")?, Status::Queued | Status::Sending))
}

async fn content(
    tx: &Tx,
    tenant: TenantId,
    run: &mut Run,
    limit: i64,
    now: Timestamp,
) -> Result<bool, Fault> {
    let columns = "m.conversation_id AS conversation_id, m.content AS content";
    let found = messages(tx, tenant, run, columns, "m.content_purged_at IS NULL", limit).await?;
    let done = i64::try_from(found.len()).unwrap_or(i64::MAX) < limit;
    let (mut rows, mut bytes) = (Vec::with_capacity(found.len()), 0);
    for row in &found {
        if is_needed(row)? {
            let at = row.get("created_at")?;
            run.passed_over = Some(run.passed_over.map_or(at, |oldest| oldest.min(at)));
            continue;
        }
        let text: String = row.get("content")?;
        bytes += i64::try_from(text.len()).unwrap_or(i64::MAX);
        // What cannot be read is as good as empty.
        let left = serde_json::from_str::<Content>(&text).map(|content| emptied(&content));
        let left = left.unwrap_or(Content::Unsupported { kind: None, raw: serde_json::Value::Null });
        rows.push(Emptied {
            id: row.get("id")?,
            conversation: row.get("conversation_id")?,
            content: to_json(&left)?,
        });
    }
    if rows.is_empty() {
        return Ok(done);
    }
    let set = tx.dialect.set::<Emptied>(1, "r");
    let values: [Value; 2] = [param(&rows)?, tenant.0.into()];
    let sql = format!(
        "UPDATE messages SET content = r.content, content_purged_at = $3 FROM {set} WHERE messages.tenant_id = $2 \
         AND messages.id = r.id AND messages.status NOT IN ('queued', 'sending')"
    );
    let emptied = db::run(&**tx, &sql, values.clone().into_iter().chain([micros(now).into()])).await?;
    let sql = format!(
        "UPDATE conversations SET last_message_preview = NULL FROM {set} WHERE conversations.tenant_id = $2 \
         AND conversations.id = r.conversation AND conversations.last_message_id = r.id"
    );
    db::run(&**tx, &sql, values).await?;
    run.count(emptied, bytes);
    Ok(done)
}

/// The next files by time, up to the class's moment.
async fn next_files<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    run: &Run,
    limit: i64,
) -> Result<Vec<QueryResult>, Fault> {
    let sql = "SELECT f.id AS id, f.created_at AS created_at, f.direction AS direction, f.used_at AS used_at, \
               f.path AS path, f.size AS size FROM media f WHERE f.tenant_id = $1 AND (f.created_at, f.id) > ($2, $3) \
               AND f.created_at < $4 ORDER BY f.created_at, f.id LIMIT $5";
    let values: [Value; 5] =
        [tenant.0.into(), run.cursor.0.into(), run.cursor.1.into(), run.cutoff().into(), limit.into()];
    db::all(on, sql, values).await
}

/// Whether it was sent to somebody after the class's moment. Customers' own files are never sent.
fn is_sent_since(row: &QueryResult, run: &Run) -> Result<bool, Fault> {
    Ok(row.get::<Option<i64>>("used_at")?.is_some_and(|used| used >= run.cutoff()))
}

fn is_ours(row: &QueryResult) -> Result<bool, Fault> {
    Ok(row.get::<String>("direction")? == "outbound")
}

/// Of the files of the next batch, those of ours that nothing waiting names, if files are next. This takes as long as much
/// waits, so it is looked for before the commit and holds nobody up.
pub(super) async fn look_ahead(
    store: &SqlStore,
    tenant: TenantId,
    limit: i64,
) -> Result<HashSet<i64>, Fault> {
    let sql = "SELECT r.run AS run FROM retention r WHERE r.tenant_id = $1";
    let row = db::one(store.reader(), sql, [tenant.0.into()]).await?;
    let run: Option<Run> = row.map(|row| row.json_opt("run")).transpose()?.flatten();
    let Some(run) = run.filter(|run| run.class == Class::Media) else { return Ok(HashSet::new()) };
    let mut unplanned = HashSet::new();
    for row in next_files(store.reader(), tenant, &run, limit).await? {
        let id = row.get("id")?;
        if is_ours(&row)? && !is_sent_since(&row, &run)? && !files::is_planned(store, tenant, id).await? {
            unplanned.insert(id);
        }
    }
    Ok(unplanned)
}

async fn media(
    tx: &Tx,
    tenant: TenantId,
    run: &mut Run,
    unplanned: &HashSet<i64>,
    limit: i64,
    now: Timestamp,
) -> Result<bool, Fault> {
    let found = next_files(&**tx, tenant, run, limit).await?;
    if let Some(last) = found.last() {
        run.cursor = (last.get("created_at")?, last.get("id")?);
    }
    let (mut gone, mut bytes) = (Vec::new(), 0);
    for row in &found {
        let id: i64 = row.get("id")?;
        let stays = is_ours(row)?
            && (is_sent_since(row, run)?
                || !unplanned.contains(&id)
                || files::is_planned_since(tx, tenant, id, now).await?);
        if stays {
            continue;
        }
        bytes += row.get::<i64>("size")?;
        gone.push(files::Gone { id, path: row.get("path")? });
    }
    let removed = files::remove(tx, tenant, &gone, now).await?;
    run.count(removed, bytes);
    Ok(i64::try_from(found.len()).unwrap_or(i64::MAX) < limit)
}

/// What hangs on a message goes before the message. The counts of its broadcast stay.
async fn deliveries(tx: &Tx, tenant: TenantId, run: &mut Run, limit: i64) -> Result<bool, Fault> {
    let columns = format!("{} AS bytes", tx.dialect.bytes("m.content"));
    let found = messages(tx, tenant, run, &columns, "TRUE", limit).await?;
    let done = i64::try_from(found.len()).unwrap_or(i64::MAX) < limit;
    let (mut rows, mut bytes) = (Vec::with_capacity(found.len()), 0);
    for row in &found {
        if !is_needed(row)? {
            bytes += row.get::<i64>("bytes")?;
            rows.push(Id { id: row.get("id")? });
        }
    }
    if rows.is_empty() {
        return Ok(done);
    }
    let set = tx.dialect.set::<Id>(1, "r");
    let values: [Value; 2] = [param(&rows)?, tenant.0.into()];
    for sql in [
        format!(
            "DELETE FROM recipients WHERE tenant_id = $2 AND (broadcast_id, id, message_id) IN \
             (SELECT m.broadcast_id, m.recipient_id, m.id FROM {set} CROSS JOIN messages m WHERE m.tenant_id = $2 \
             AND m.id = r.id AND m.broadcast_id IS NOT NULL)"
        ),
        format!(
            "UPDATE conversations SET last_message_id = NULL, last_message_preview = NULL FROM \
             (SELECT m.conversation_id AS conversation, m.id AS id FROM {set} CROSS JOIN messages m \
             WHERE m.tenant_id = $2 AND m.id = r.id) AS x WHERE conversations.tenant_id = $2 \
             AND conversations.id = x.conversation AND conversations.last_message_id = x.id"
        ),
        format!("DELETE FROM message_events WHERE tenant_id = $2 AND message_id IN (SELECT r.id FROM {set})"),
    ] {
        db::run(&**tx, &sql, values.clone()).await?;
    }
    let sql = format!(
        "DELETE FROM messages WHERE tenant_id = $2 AND id IN (SELECT r.id FROM {set}) \
         AND status NOT IN ('queued', 'sending')"
    );
    let removed = db::run(&**tx, &sql, values).await?;
    run.count(removed, bytes);
    Ok(done)
}

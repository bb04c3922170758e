//! Prepared answers.

use domain::audit::{Action, NewEntry};
use domain::{CannedReplyId, TenantId, Timestamp};
use ports::conversations::CannedReply;
use sea_orm::{QueryResult, Value};

use crate::SqlStore;
use crate::db::{self, Fault, Row, clean, micros};
use crate::ids::{self, Kind};

const COLUMNS: &str = "id, shortcut, text, created_at";

fn from_row(row: &QueryResult) -> Result<CannedReply, Fault> {
    Ok(CannedReply {
        id: CannedReplyId(row.get("id")?),
        shortcut: row.get("shortcut")?,
        text: row.get("text")?,
        created_at: row.time("created_at")?,
    })
}

pub(super) async fn all(store: &SqlStore, tenant: TenantId) -> Result<Vec<CannedReply>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM canned_replies WHERE tenant_id = $1 ORDER BY shortcut");
    let rows = db::all(store.reader(), &sql, [tenant.0.into()]).await?;
    rows.iter().map(from_row).collect()
}

pub(super) async fn create(
    store: &SqlStore,
    tenant: TenantId,
    shortcut: &str,
    text: &str,
    at: Timestamp,
) -> Result<Result<CannedReply, CannedReplyId>, Fault> {
    let shortcut = clean(shortcut).into_owned();
    let sql = format!(
        "INSERT INTO canned_replies (tenant_id, id, shortcut, text, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, shortcut) DO NOTHING RETURNING {COLUMNS}"
    );
    let tx = store.begin().await?;
    let values: [Value; 5] = [
        tenant.0.into(),
        ids::take_one(&tx, Kind::CannedReply).await?.into(),
        shortcut.as_str().into(),
        clean(text).into_owned().into(),
        micros(at).into(),
    ];
    if let Some(row) = db::one(&*tx, &sql, values).await? {
        let made = from_row(&row)?;
        let entry = NewEntry::about(Action::CannedReplyCreated, "canned_reply", made.id).at(at);
        tx.note(tenant, entry.after(serde_json::json!({ "shortcut": made.shortcut, "text": made.text })));
        tx.commit().await?;
        return Ok(Ok(made));
    }
    let sql = "SELECT id FROM canned_replies WHERE tenant_id = $1 AND shortcut = $2";
    let taken = db::one(&*tx, sql, [tenant.0.into(), shortcut.as_str().into()]).await?;
    let taken = taken.ok_or_else(|| Fault::Conflict("the reply in the way is gone".into()))?;
    Ok(Err(CannedReplyId(taken.get("id")?)))
}

pub(super) async fn delete(store: &SqlStore, tenant: TenantId, reply: CannedReplyId) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let sql = "DELETE FROM canned_replies WHERE tenant_id = $1 AND id = $2";
    let deleted = db::run(&*tx, sql, [tenant.0.into(), reply.0.into()]).await?;
    if deleted > 0 {
        tx.note(tenant, NewEntry::about(Action::CannedReplyDeleted, "canned_reply", reply));
    }
    tx.commit().await?;
    Ok(deleted > 0)
}

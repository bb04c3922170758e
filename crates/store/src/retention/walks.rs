//! Classes whose rows are simply removed, the oldest first.

use domain::TenantId;
use domain::retention::Class;
use sea_orm::Value;

use super::run::Run;
use super::steps::OVER;
use crate::db::{self, Fault, Row, Tx};
use crate::dialect::Dialect;
use crate::sets::{param, set};

set! {
    Id { id: Int i64 }
}

/// Removes a batch; true when the class is done.
pub(super) async fn walk(tx: &Tx, tenant: TenantId, run: &mut Run, limit: i64) -> Result<bool, Fault> {
    if matches!(run.class, Class::Webhooks | Class::WebhookItems) {
        return by_id(tx, tenant, run, limit).await;
    }
    let sql = removal(tx.dialect, run.class)?;
    let values: [Value; 3] = [tenant.0.into(), run.cutoff().into(), limit.into()];
    let rows = db::all(&**tx, &sql, values).await?;
    let mut bytes = 0;
    for row in &rows {
        bytes += row.get::<i64>("bytes")?;
    }
    run.count(rows.len() as u64, bytes);
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX) < limit)
}

/// Parameters: tenant, moment, number of rows. Gives `bytes` of each row.
fn removal(dialect: Dialect, class: Class) -> Result<String, Fault> {
    let (table, key, from, text) = match class {
        Class::Notes => (
            "notes",
            "tenant_id, conversation_id, id",
            "notes x WHERE x.tenant_id = $1 AND x.created_at < $2 ORDER BY x.created_at, x.id".to_owned(),
            "text",
        ),
        Class::ListRows => (
            "broadcast_rows",
            "tenant_id, list_id, row_number",
            format!(
                "broadcasts b CROSS JOIN broadcast_rows x WHERE b.tenant_id = $1 AND {OVER} < $2 \
                 AND x.tenant_id = $1 AND x.list_id = b.list_id"
            ),
            "columns",
        ),
        Class::ImportRows => (
            "import_rows",
            "tenant_id, import_id, row_number",
            "imports b CROSS JOIN import_rows x WHERE b.tenant_id = $1 AND b.ended_at < $2 \
             AND x.tenant_id = $1 AND x.import_id = b.id"
                .to_owned(),
            "cells",
        ),
        Class::Recipients => (
            "recipients",
            "tenant_id, broadcast_id, id",
            format!(
                "broadcasts b CROSS JOIN recipients x WHERE b.tenant_id = $1 AND {OVER} < $2 \
                 AND x.tenant_id = $1 AND x.broadcast_id = b.id"
            ),
            "COALESCE(detail, '')",
        ),
        Class::Imports => (
            "imports",
            "tenant_id, id",
            "imports x WHERE x.tenant_id = $1 AND x.ended_at < $2".to_owned(),
            "plan",
        ),
        other => return Err(Fault::internal(format!("{} is not walked through", other.as_str()))),
    };
    let keys: Vec<String> = key.split(", ").map(|column| format!("x.{column}")).collect();
    Ok(format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {} FROM {from} LIMIT $3) RETURNING {} AS bytes",
        keys.join(", "),
        dialect.bytes(text)
    ))
}

/// Ids are given in the order of time: the walk ends at the first row that stays. A body that was not projected yet is
/// kept whatever its age.
async fn by_id(tx: &Tx, tenant: TenantId, run: &mut Run, limit: i64) -> Result<bool, Fault> {
    let (table, text, waits) = match run.class {
        Class::Webhooks => {
            ("inbox", "body", "EXISTS (SELECT 1 FROM inbox_queue q WHERE q.tenant_id = $1 AND q.id = x.id)")
        }
        _ => ("inbox_items", "raw", "FALSE"),
    };
    let sql = format!(
        "SELECT x.id AS id, x.at AS at, {waits} AS waits, {} AS bytes FROM {table} x \
         WHERE x.tenant_id = $1 AND x.id > $2 ORDER BY x.id LIMIT $3",
        tx.dialect.bytes(&format!("x.{text}"))
    );
    let found = db::all(&**tx, &sql, [tenant.0.into(), run.cursor.1.into(), limit.into()]).await?;
    let mut done = i64::try_from(found.len()).unwrap_or(i64::MAX) < limit;
    let (mut gone, mut bytes) = (Vec::with_capacity(found.len()), 0);
    for row in &found {
        if row.get::<i64>("at")? >= run.cutoff() {
            done = true;
            break;
        }
        run.cursor.1 = row.get("id")?;
        if !row.get::<bool>("waits")? {
            gone.push(Id { id: row.get("id")? });
            bytes += row.get::<i64>("bytes")?;
        }
    }
    if !gone.is_empty() {
        let set = tx.dialect.set::<Id>(1, "r");
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $2 AND id IN (SELECT r.id FROM {set})");
        let removed = db::run(&**tx, &sql, [param(&gone)?, tenant.0.into()]).await?;
        run.count(removed, bytes);
    }
    Ok(done)
}

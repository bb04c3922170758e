//! Contacts that are removed: they leave the broadcasts that they were in, and the counts, which equal the rows
//! afterwards as before.

use domain::{TenantId, Timestamp};

use super::counts::{self, left_out};
use super::freeze::reason_of;
use crate::db::{self, Fault, Row, Tx};
use crate::messages::state::{self, ById};
use crate::sets::{param, set};

set! {
    Contact { id: Int i64 }
}

/// Takes these contacts (all ids of one person) out of every broadcast. To be called while their messages are still
/// there.
pub(crate) async fn forget(tx: &Tx, tenant: TenantId, contacts: &[i64], at: Timestamp) -> Result<(), Fault> {
    keep_from_freezing(tx, tenant).await?;
    let contacts: Vec<Contact> = contacts.iter().map(|id| Contact { id: *id }).collect();
    let set = tx.dialect.set_in::<Contact>(2, "x", 1);
    let values = [tenant.0.into(), param(&contacts)?];
    let lock = tx.dialect.for_update("r");
    let sql = format!(
        "SELECT r.broadcast_id AS b, r.id AS id, r.message_id AS message_id, r.reason AS reason, b.state AS state, \
         r.replied_at AS replied_at, r.opted_out_at AS opted_out_at FROM {set} CROSS JOIN broadcasts b CROSS JOIN recipients r \
         WHERE b.tenant_id = x.tenant AND r.tenant_id = x.tenant AND r.broadcast_id = b.id AND r.id = x.id \
         ORDER BY r.broadcast_id, r.id{lock}"
    );
    let rows = db::all(&**tx, &sql, values.clone()).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut messages = Vec::new();
    for row in &rows {
        let broadcast = domain::BroadcastId(row.get("b")?);
        let take = |name: String| tx.tally.add(tenant, broadcast, at, name, -1);
        match (row.get::<Option<i64>>("message_id")?, reason_of(row)?) {
            (Some(id), _) => messages.push(ById { id }),
            (None, Some(reason)) => take(left_out(reason)),
            (None, None) if row.get::<String>("state")? == "cancelled" => take(counts::CANCELLED.to_owned()),
            (None, None) => take(counts::PENDING.to_owned()),
        }
        for (column, name) in [("replied_at", counts::REPLIED), ("opted_out_at", counts::OPTED_OUT)] {
            if row.get::<Option<i64>>(column)?.is_some() {
                take(name.to_owned());
            }
        }
    }
    for message in state::by_ids(tx, tenant, &messages).await? {
        tx.tally.gone(&message, at);
    }
    let sql = format!(
        "DELETE FROM recipients WHERE tenant_id = $1 AND (broadcast_id, id) IN (SELECT b.id, x.id FROM {set} \
         CROSS JOIN broadcasts b WHERE b.tenant_id = $1)"
    );
    db::run(&**tx, &sql, values).await?;
    Ok(())
}

/// Broadcasts under way stay as they are until the commit: none freezes a contact that is about to go.
async fn keep_from_freezing(tx: &Tx, tenant: TenantId) -> Result<(), Fault> {
    let lock = tx.dialect.for_share("b");
    let sql = format!(
        "SELECT b.id AS id FROM broadcasts b WHERE b.tenant_id = $1 AND b.state IN ('sending', 'paused') \
         ORDER BY b.id{lock}"
    );
    db::all(&**tx, &sql, [tenant.0.into()]).await?;
    Ok(())
}

//! Removing a contact with all that hangs on it, but for the consent ledger and a no.

use domain::audit::{Action, NewEntry};
use domain::messages::Content;
use domain::{ContactId, TenantId, Timestamp};

use super::row;
use crate::SqlStore;
use crate::audit::tell;
use crate::db::{self, Fault, Row, Tx};
use crate::dialect::As;

pub(super) async fn delete(
    store: &SqlStore,
    tenant: TenantId,
    contact: ContactId,
    at: Timestamp,
) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let Some(contact) = row::find_for_update(&tx, tenant, contact).await? else { return Ok(false) };
    let family = row::family(&*tx, tenant, contact.id).await?;
    crate::erasure::remember_deleted(&tx, tenant, &contact, &family, at).await?;
    crate::broadcasts::forget(&tx, tenant, &family, at).await?;
    remove_files(&tx, tenant, &family, at).await?;
    remove(&tx, tenant, &family).await?;
    let gone = NewEntry::about(Action::ContactDeleted, "contact", contact.id).at(at);
    tx.note(tenant, gone.before(tell::consent(&contact.consent)));
    tx.commit().await?;
    Ok(true)
}

/// Inbound files belong to one message each and go with it. Those that were sent may have gone to others, too: they go
/// when their time is over.
async fn remove_files(tx: &Tx, tenant: TenantId, contacts: &[i64], at: Timestamp) -> Result<(), Fault> {
    let rows: Vec<_> = contacts.iter().map(|id| serde_json::json!({ "id": id })).collect();
    let set = tx.dialect.rows(2, &[("id", As::Int)], "r");
    let sql = format!(
        "SELECT m.content AS content FROM {set} CROSS JOIN messages m WHERE m.tenant_id = $1 AND m.contact_id = r.id \
         AND m.direction = 'inbound' AND {} > 0",
        tx.dialect.position("m.content", "'\"media_id\"'")
    );
    let mut files = Vec::new();
    for row in db::all(&**tx, &sql, [tenant.0.into(), db::to_json(&rows)?.into()]).await? {
        let content: Content = row.json("content")?;
        files.extend(content.own_media().into_iter().map(|id| id.0));
    }
    crate::retention::files::remove_inbound(tx, tenant, &files, at).await?;
    Ok(())
}

async fn remove(tx: &Tx, tenant: TenantId, contacts: &[i64]) -> Result<(), Fault> {
    let rows: Vec<_> = contacts.iter().map(|id| serde_json::json!({ "id": id })).collect();
    let set = db::to_json(&rows)?;
    let gone = format!("SELECT r.id FROM {}", tx.dialect.rows(2, &[("id", As::Int)], "r"));
    // What hangs on a thing goes before the thing.
    for statement in [
        format!("DELETE FROM outbox WHERE tenant_id = $1 AND contact_id IN ({gone})"),
        format!(
            "DELETE FROM message_events WHERE tenant_id = $1 AND message_id IN \
             (SELECT m.id FROM messages m WHERE m.tenant_id = $1 AND m.contact_id IN ({gone}))"
        ),
        format!("DELETE FROM messages WHERE tenant_id = $1 AND contact_id IN ({gone})"),
        format!(
            "DELETE FROM notes WHERE tenant_id = $1 AND conversation_id IN \
             (SELECT v.id FROM conversations v WHERE v.tenant_id = $1 AND v.contact_id IN ({gone}))"
        ),
        format!("DELETE FROM conversations WHERE tenant_id = $1 AND contact_id IN ({gone})"),
        format!("DELETE FROM contacts WHERE tenant_id = $1 AND id IN ({gone})"),
    ] {
        db::run(&**tx, &statement, [tenant.0.into(), set.clone().into()]).await?;
    }
    Ok(())
}

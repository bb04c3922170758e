//! Removing a contact with all that hangs on it, but for the consent ledger.

use domain::{ContactId, TenantId, Timestamp};

use super::row;
use crate::SqlStore;
use crate::db::{self, Fault, Tx};
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
    crate::broadcasts::forget(&tx, tenant, &family, at).await?;
    remove(&tx, tenant, &family).await?;
    tx.commit().await?;
    Ok(true)
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

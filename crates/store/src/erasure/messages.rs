//! The person's messages, both ways, and the files that came with them.

use domain::messages::Content;

use super::work::Erasing;
use crate::db::{self, Fault, Row};
use crate::retention::files;
use crate::sets::{param, set};

set! {
    Gone {
        id: Int i64,
        wamid: Text Option<String>,
    }
}

/// Removes the next messages; of a file that the business sent it is looked later whether others got it too.
pub(super) async fn batch(erasing: &mut Erasing<'_>) -> Result<(), Fault> {
    let Some(contact) = erasing.work.contacts.last().copied() else {
        erasing.work.next_place();
        return Ok(());
    };
    let (tx, tenant) = (erasing.tx, erasing.tenant);
    let lock = tx.dialect.for_update("m");
    let sql = format!(
        "SELECT m.id AS id, m.wamid AS wamid, m.direction AS direction, m.content AS content FROM messages m \
         WHERE m.tenant_id = $1 AND m.contact_id = $2 ORDER BY m.id LIMIT $3{lock}"
    );
    let found = db::all(&**tx, &sql, [tenant.0.into(), contact.into(), erasing.limit.into()]).await?;
    let (mut gone, mut inbound) = (Vec::with_capacity(found.len()), Vec::new());
    for row in &found {
        gone.push(Gone { id: row.get("id")?, wamid: row.get("wamid")? });
        let content = serde_json::from_str::<Content>(&row.get::<String>("content")?);
        let media = content.map(|content| content.own_media()).unwrap_or_default();
        let is_inbound = row.get::<String>("direction")? == "inbound";
        let to = if is_inbound { &mut inbound } else { &mut erasing.work.files };
        to.extend(media.into_iter().map(|id| id.0));
    }
    erasing.work.files.sort_unstable();
    erasing.work.files.dedup();
    let set = tx.dialect.set::<Gone>(1, "r");
    for (what, sql) in [
        (
            "message_events",
            format!(
                "DELETE FROM message_events WHERE tenant_id = $2 AND message_id IN (SELECT r.id FROM {set})"
            ),
        ),
        (
            "queued_messages",
            format!("DELETE FROM outbox WHERE tenant_id = $2 AND message_id IN (SELECT r.id FROM {set})"),
        ),
        (
            "statuses",
            format!(
                "DELETE FROM orphan_statuses WHERE tenant_id = $2 AND wamid IN \
                 (SELECT r.wamid FROM {set} WHERE r.wamid IS NOT NULL)"
            ),
        ),
        ("messages", format!("DELETE FROM messages WHERE tenant_id = $2 AND id IN (SELECT r.id FROM {set})")),
    ] {
        let rows = db::run(&**tx, &sql, [param(&gone)?, tenant.0.into()]).await?;
        erasing.removed.count(what, rows);
    }
    let files = files::remove_inbound(tx, tenant, &inbound, erasing.now).await?;
    erasing.removed.count("media", files);
    if i64::try_from(found.len()).unwrap_or(i64::MAX) < erasing.limit {
        erasing.work.contacts.pop();
    }
    Ok(())
}

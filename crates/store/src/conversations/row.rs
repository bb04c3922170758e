//! A conversation's row.

use domain::{ConnectionId, ContactId, ConversationId, MessageId};
use ports::conversations::Conversation;
use sea_orm::QueryResult;

use crate::db::{Fault, Row};

/// The columns that [`from_row`] reads, of conversations under the alias `v`. The contact is looked up per row given,
/// so that counting and skipping rows does not join it.
pub(crate) const COLUMNS: &str = "v.id, v.contact_id, v.connection_id, \
     (SELECT c.name FROM contacts c WHERE c.tenant_id = v.tenant_id AND c.id = v.contact_id) AS contact_name, \
     (SELECT c.phone FROM contacts c WHERE c.tenant_id = v.tenant_id AND c.id = v.contact_id) AS contact_phone, \
     v.status, v.assignee, v.labels, v.window_expires_at, v.last_inbound_at, v.last_message_at, v.last_message_id, \
     v.last_message_preview, v.unread, v.created_at";

/// A conversation out of [`COLUMNS`].
pub(crate) fn from_row(row: &QueryResult) -> Result<Conversation, Fault> {
    Ok(Conversation {
        id: ConversationId(row.get("id")?),
        contact_id: ContactId(row.get("contact_id")?),
        connection_id: ConnectionId(row.get("connection_id")?),
        contact_name: row.get("contact_name")?,
        contact_phone: row.get("contact_phone")?,
        status: row.word("status")?,
        assignee: row.get("assignee")?,
        labels: row.json("labels")?,
        window_expires_at: row.time_opt("window_expires_at")?,
        last_inbound_at: row.time_opt("last_inbound_at")?,
        last_message_at: row.time_opt("last_message_at")?,
        last_message_id: row.get::<Option<i64>>("last_message_id")?.map(MessageId),
        last_message_preview: row.get("last_message_preview")?,
        unread: row.get("unread")?,
        created_at: row.time("created_at")?,
    })
}

//! A message's row.

use domain::messages::{Direction, Priority, Status};
use domain::{
    ApiKeyId, BroadcastId, ConnectionId, ContactId, ConversationId, MessageId, TemplateId, TenantId,
};
use ports::messages::Message;
use sea_orm::{ConnectionTrait, QueryResult};

use crate::db::{self, Fault, Row};

/// The columns that [`from_row`] reads, out of `messages m`.
pub(crate) const COLUMNS: &str = "m.id AS id, m.contact_id AS contact_id, m.conversation_id AS conversation_id, \
     m.connection_id AS connection_id, m.direction AS direction, m.status AS status, m.priority AS priority, \
     m.content AS content, m.template_id AS template_id, m.wamid AS wamid, m.reply_to AS reply_to, \
     m.failure AS failure, m.pricing_category AS pricing_category, m.attempts AS attempts, \
     m.retry_of AS retry_of, m.broadcast_id AS broadcast_id, m.created_by AS created_by, m.created_at AS created_at, m.send_at AS send_at, \
     m.sent_at AS sent_at, m.delivered_at AS delivered_at, m.read_at AS read_at, m.failed_at AS failed_at, m.content_purged_at AS content_purged_at, \
     (SELECT o.due_at FROM outbox o WHERE o.tenant_id = m.tenant_id AND o.message_id = m.id AND NOT o.sending) AS due_at";

/// A message out of [`COLUMNS`].
pub(crate) fn from_row(row: &QueryResult) -> Result<Message, Fault> {
    Ok(Message {
        id: MessageId(row.get("id")?),
        contact_id: ContactId(row.get("contact_id")?),
        conversation_id: row.get::<Option<i64>>("conversation_id")?.map(ConversationId),
        connection_id: ConnectionId(row.get("connection_id")?),
        direction: direction(row)?,
        status: row.word("status")?,
        priority: priority(row)?,
        content: row.json("content")?,
        template_id: row.get::<Option<i64>>("template_id")?.map(TemplateId),
        wamid: row.get("wamid")?,
        reply_to: row.get("reply_to")?,
        failure: row.json_opt("failure")?,
        pricing_category: row.get("pricing_category")?,
        attempts: attempts(row)?,
        retry_of: row.get::<Option<i64>>("retry_of")?.map(MessageId),
        broadcast_id: row.get::<Option<i64>>("broadcast_id")?.map(BroadcastId),
        created_by: row.get::<Option<i64>>("created_by")?.map(ApiKeyId),
        created_at: row.time("created_at")?,
        send_at: row.time_opt("send_at")?,
        due_at: row.time_opt("due_at")?,
        sent_at: row.time_opt("sent_at")?,
        delivered_at: row.time_opt("delivered_at")?,
        read_at: row.time_opt("read_at")?,
        failed_at: row.time_opt("failed_at")?,
        content_purged_at: row.time_opt("content_purged_at")?,
    })
}

/// Out of `direction`.
pub(crate) fn direction(row: &QueryResult) -> Result<Direction, Fault> {
    Ok(if row.get::<String>("direction")? == Direction::Inbound.as_str() {
        Direction::Inbound
    } else {
        Direction::Outbound
    })
}

/// Out of `priority`.
pub(crate) fn priority(row: &QueryResult) -> Result<Priority, Fault> {
    Ok(Priority::from_rank(i16::try_from(row.get::<i64>("priority")?).unwrap_or(i16::MAX)))
}

/// Out of `attempts`.
pub(crate) fn attempts(row: &QueryResult) -> Result<i32, Fault> {
    Ok(i32::try_from(row.get::<i64>("attempts")?).unwrap_or(i32::MAX))
}

/// One message.
pub(crate) async fn find<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    message: MessageId,
) -> Result<Option<Message>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM messages m WHERE m.tenant_id = $1 AND m.id = $2");
    db::one(on, &sql, [tenant.0.into(), message.0.into()]).await?.as_ref().map(from_row).transpose()
}

/// The status of one, locked until the commit.
pub(crate) async fn status_for_update(
    tx: &db::Tx,
    tenant: TenantId,
    message: MessageId,
) -> Result<Option<Status>, Fault> {
    let lock = tx.dialect.for_update("m");
    let sql = format!("SELECT m.status FROM messages m WHERE m.tenant_id = $1 AND m.id = $2{lock}");
    let row = db::one(&**tx, &sql, [tenant.0.into(), message.0.into()]).await?;
    row.map(|row| row.word("status")).transpose()
}

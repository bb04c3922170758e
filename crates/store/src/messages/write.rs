//! The rows that a message is made of, written as sets.

use domain::Timestamp;
use domain::analytics::Metric;
use domain::messages::Direction;
use serde_json::json;

use crate::db::{self, Fault, Row, Tx, micros};
use crate::sets::{param, set};

set! {
    /// A message.
    NewMessage {
        t: Int i64,
        id: Int i64,
        contact: Int i64,
        conversation: Int i64,
        connection: Int i64,
        direction: Text &'static str,
        status: Text &'static str,
        priority: Int i64,
        purpose: Text Option<&'static str>,
        content: Text String,
        template: Int Option<i64>,
        wamid: Text Option<String>,
        reply_to: Text Option<String>,
        retry_of: Int Option<i64>,
        broadcast: Int Option<i64>,
        recipient: Int Option<i64>,
        created_by: Int Option<i64>,
        created_at: Int i64,
        send_at: Int Option<i64>,
    }
}

/// Keeps messages that are new.
pub(crate) async fn messages(tx: &Tx, rows: &[NewMessage]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    for row in rows.iter().filter(|row| row.direction == Direction::Inbound.as_str()) {
        tx.figures.add(domain::TenantId(row.t), Metric::Received, 0, db::time(row.created_at), 1);
    }
    let set = tx.dialect.set::<NewMessage>(1, "r");
    let sql = format!(
        "INSERT INTO messages (tenant_id, id, contact_id, conversation_id, connection_id, direction, status, priority, \
         purpose, content, template_id, wamid, reply_to, retry_of, broadcast_id, recipient_id, created_by, created_at, send_at, attempts) \
         SELECT r.t, r.id, r.contact, r.conversation, r.connection, r.direction, r.status, r.priority, r.purpose, \
         r.content, r.template, r.wamid, r.reply_to, r.retry_of, r.broadcast, r.recipient, r.created_by, r.created_at, r.send_at, 0 FROM {set}"
    );
    db::run(&**tx, &sql, [param(rows)?]).await?;
    Ok(())
}

set! {
    /// A message on its way.
    Waiting {
        t: Int i64,
        id: Int i64,
        connection: Int i64,
        contact: Int i64,
        priority: Int i64,
        due_at: Int i64,
        scheduled: Bool bool,
        broadcast: Int Option<i64>,
        held: Bool bool,
    }
}

/// Queues messages.
pub(crate) async fn outbox(tx: &Tx, rows: &[Waiting]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<Waiting>(1, "r");
    let sql = format!(
        "INSERT INTO outbox (tenant_id, message_id, connection_id, contact_id, priority, due_at, scheduled, sending, \
         broadcast_id, held) \
         SELECT r.t, r.id, r.connection, r.contact, r.priority, r.due_at, r.scheduled, FALSE, r.broadcast, r.held FROM {set}"
    );
    db::run(&**tx, &sql, [param(rows)?]).await?;
    Ok(())
}

set! {
    /// A step in a message's life.
    Event {
        t: Int i64,
        message: Int i64,
        id: Int i64,
        status: Text &'static str,
        at: Int i64,
        details: Text String,
    }
}

impl Event {
    /// A step; its id is given when it is written.
    pub(crate) fn new(
        tenant: domain::TenantId,
        message: i64,
        status: &'static str,
        at: Timestamp,
        details: &serde_json::Value,
    ) -> Self {
        Self { t: tenant.0, message, id: 0, status, at: micros(at), details: details.to_string() }
    }
}

/// Keeps events under the ids given, in their order.
pub(crate) async fn events(tx: &Tx, rows: &mut [Event], ids: &mut crate::ids::Ids) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    for row in &mut *rows {
        row.id = ids.next()?;
    }
    let set = tx.dialect.set::<Event>(1, "r");
    let sql = format!(
        "INSERT INTO message_events (tenant_id, message_id, id, status, at, details) \
         SELECT r.t, r.message, r.id, r.status, r.at, r.details FROM {set}"
    );
    db::run(&**tx, &sql, [param(rows)?]).await?;
    Ok(())
}

/// What an event says of a failure.
pub(crate) fn failure_details(why: &ports::messages::Failure) -> serde_json::Value {
    json!({ "failure": why })
}

set! {
    /// A conversation that a message of ours goes into.
    Touched {
        t: Int i64,
        id: Int i64,
        contact: Int i64,
        connection: Int i64,
        at: Int i64,
        message: Int i64,
        preview: Text String,
        /// When a template goes out and no window is open.
        initiated: Int Option<i64>,
        broadcast: Int Option<i64>,
    }
}

/// Makes the conversations that are missing (with no window) and notes the latest message of all. Answers their ids
/// by (tenant, contact, connection): another node may have made one first. `rows` must be distinct and ordered by
/// that key, so that two nodes lock in the same order.
pub(crate) async fn touch_conversations(
    tx: &Tx,
    rows: &[Touched],
) -> Result<std::collections::HashMap<(i64, i64, i64), i64>, Fault> {
    if rows.is_empty() {
        return Ok(std::collections::HashMap::new());
    }
    let set = tx.dialect.set::<Touched>(1, "r");
    let sql = format!(
        "INSERT INTO conversations (tenant_id, id, contact_id, connection_id, status, labels, unread, pair_throttles, \
         last_message_at, last_message_id, last_message_preview, last_initiated_at, broadcast_id, created_at) \
         SELECT r.t, r.id, r.contact, r.connection, 'pending', '[]', 0, 0, r.at, r.message, r.preview, r.initiated, \
         r.broadcast, r.at FROM {set} \
         WHERE TRUE ON CONFLICT (tenant_id, contact_id, connection_id) DO UPDATE SET \
         last_message_at = excluded.last_message_at, last_message_id = excluded.last_message_id, \
         last_message_preview = excluded.last_message_preview, \
         last_initiated_at = COALESCE(excluded.last_initiated_at, conversations.last_initiated_at), \
         broadcast_id = COALESCE(excluded.broadcast_id, conversations.broadcast_id) \
         RETURNING tenant_id, contact_id, connection_id, id"
    );
    let rows = db::all(&**tx, &sql, [param(rows)?]).await?;
    rows.iter()
        .map(|row| {
            let key = (row.get("tenant_id")?, row.get("contact_id")?, row.get("connection_id")?);
            Ok((key, row.get("id")?))
        })
        .collect()
}

set! {
    /// A message that is on its way no more.
    Settled {
        t: Int i64,
        id: Int i64,
    }
}

/// Takes messages out of the queue.
pub(crate) async fn remove_from_outbox(tx: &Tx, rows: &[Settled]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<Settled>(1, "r");
    let sql = format!("DELETE FROM outbox WHERE (tenant_id, message_id) IN (SELECT r.t, r.id FROM {set})");
    db::run(&**tx, &sql, [param(rows)?]).await?;
    Ok(())
}

//! Conversations as a batch of inbound messages changes them. Their contacts are locked.

use std::collections::HashMap;

use domain::conversations::{ConversationStatus, window_end};
use domain::{TenantId, Timestamp};
use ports::webhooks::Inbound;
use sea_orm::QueryResult;

use crate::db::{self, Fault, Row, Tx, micros};
use crate::ids::Ids;
use crate::sets::{param, set};

/// A conversation.
#[derive(Debug, Clone, Default)]
pub(super) struct Thread {
    /// `None` until a new one is named.
    pub(super) id: Option<i64>,
    is_new: bool,
    status: Option<String>,
    window_expires_at: Option<Timestamp>,
    last_inbound_at: Option<Timestamp>,
    last_inbound_wamid: Option<String>,
    last_message_at: Option<Timestamp>,
    last_message: Option<i64>,
    preview: Option<String>,
    unread: i64,
    /// The latest broadcast that went into it.
    pub(super) broadcast: Option<i64>,
}

/// The conversations of a batch, by (contact, connection).
pub(super) struct Threads {
    tenant: TenantId,
    list: HashMap<(i64, i64), Thread>,
}

set! {
    Pair {
        contact: Int i64,
        connection: Int i64,
    }
}

impl Threads {
    /// Those that exist, locked, and new ones for the other pairs.
    pub(super) async fn of_pairs(
        tx: &Tx,
        tenant: TenantId,
        pairs: &std::collections::BTreeSet<(i64, i64)>,
    ) -> Result<Self, Fault> {
        let rows: Vec<Pair> = pairs
            .iter()
            .map(|(contact, connection)| Pair { contact: *contact, connection: *connection })
            .collect();
        let set = tx.dialect.set_in::<Pair>(1, "r", 2);
        let lock = tx.dialect.for_update("v");
        let sql = format!(
            "SELECT v.id AS id, v.contact_id AS contact_id, v.connection_id AS connection_id, v.status AS status, \
             v.window_expires_at AS window_expires_at, v.last_inbound_at AS last_inbound_at, \
             v.last_inbound_wamid AS last_inbound_wamid, v.last_message_at AS last_message_at, \
             v.last_message_id AS last_message_id, v.last_message_preview AS last_message_preview, v.unread AS unread, \
             v.broadcast_id AS broadcast_id \
             FROM {set} CROSS JOIN conversations v \
             WHERE v.tenant_id = r.tenant AND v.contact_id = r.contact AND v.connection_id = r.connection ORDER BY v.id{lock}"
        );
        let mut list = HashMap::with_capacity(pairs.len());
        for row in db::all(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await? {
            list.insert((row.get("contact_id")?, row.get("connection_id")?), from_row(&row)?);
        }
        for pair in pairs {
            list.entry(*pair).or_insert_with(|| Thread { is_new: true, ..Thread::default() });
        }
        Ok(Self { tenant, list })
    }

    /// How many are new.
    pub(super) fn new_ones(&self) -> usize {
        self.list.values().filter(|thread| thread.is_new).count()
    }

    /// Gives the new ones their ids.
    pub(super) fn name_new_ones(&mut self, ids: &mut Ids) -> Result<(), Fault> {
        let mut new: Vec<_> = self.list.iter_mut().filter(|(_, thread)| thread.is_new).collect();
        new.sort_by_key(|(pair, _)| **pair);
        for (_, thread) in new {
            thread.id = Some(ids.next()?);
        }
        Ok(())
    }

    /// The conversation of a pair that was asked for.
    pub(super) fn get(&mut self, contact: i64, connection: i64) -> Result<&mut Thread, Fault> {
        self.list
            .get_mut(&(contact, connection))
            .ok_or_else(|| Fault::internal("a conversation was not loaded"))
    }

    /// Writes all back: two statements at most.
    pub(super) async fn save(&self, tx: &Tx, now: Timestamp) -> Result<(), Fault> {
        let mut rows: Vec<(bool, ThreadRow)> = Vec::with_capacity(self.list.len());
        for ((contact, connection), thread) in &self.list {
            rows.push((thread.is_new, row(*contact, *connection, thread)?));
        }
        rows.sort_by_key(|(_, row)| row.id);
        let (new, old): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(is_new, _)| *is_new);
        insert(tx, self.tenant, &new.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), now).await?;
        update(tx, self.tenant, &old.into_iter().map(|(_, row)| row).collect::<Vec<_>>()).await
    }
}

impl Thread {
    /// Whether the last word in it was ours.
    pub(super) fn waits_for_an_answer(&self) -> bool {
        self.last_message_at > self.last_inbound_at
    }

    /// Takes in a message of the customer. Times only move forward: webhooks come in any order.
    pub(super) fn received(&mut self, message: &Inbound, id: i64, preview: String) {
        if message.opens_window {
            self.window_expires_at = self.window_expires_at.max(Some(window_end(message.at)));
            self.status = Some(ConversationStatus::Open.as_str().to_owned());
            self.unread += 1;
            if self.last_inbound_at <= Some(message.at) {
                self.last_inbound_at = Some(message.at);
                self.last_inbound_wamid = Some(message.wamid.clone());
            }
        }
        self.latest(message.at, id, preview);
    }

    /// Notes a message, of either side, when it is the latest.
    pub(super) fn latest(&mut self, at: Timestamp, id: i64, preview: String) {
        if self.last_message_at <= Some(at) {
            self.last_message_at = Some(at);
            self.last_message = Some(id);
            self.preview = Some(preview);
        }
    }
}

fn from_row(row: &QueryResult) -> Result<Thread, Fault> {
    Ok(Thread {
        id: Some(row.get("id")?),
        is_new: false,
        status: row.get("status")?,
        window_expires_at: row.time_opt("window_expires_at")?,
        last_inbound_at: row.time_opt("last_inbound_at")?,
        last_inbound_wamid: row.get("last_inbound_wamid")?,
        last_message_at: row.time_opt("last_message_at")?,
        last_message: row.get("last_message_id")?,
        preview: row.get("last_message_preview")?,
        unread: row.get("unread")?,
        broadcast: row.get("broadcast_id")?,
    })
}

set! {
    ThreadRow {
        id: Int i64,
        contact: Int i64,
        connection: Int i64,
        status: Text String,
        window_expires_at: Int Option<i64>,
        last_inbound_at: Int Option<i64>,
        last_inbound_wamid: Text Option<String>,
        last_message_at: Int Option<i64>,
        last_message: Int Option<i64>,
        preview: Text Option<String>,
        unread: Int i64,
    }
}

fn row(contact: i64, connection: i64, thread: &Thread) -> Result<ThreadRow, Fault> {
    Ok(ThreadRow {
        id: thread.id.ok_or_else(|| Fault::internal("a new conversation has no id"))?,
        contact,
        connection,
        status: thread.status.clone().unwrap_or_else(|| ConversationStatus::Open.as_str().to_owned()),
        window_expires_at: thread.window_expires_at.map(micros),
        last_inbound_at: thread.last_inbound_at.map(micros),
        last_inbound_wamid: thread.last_inbound_wamid.clone(),
        last_message_at: thread.last_message_at.map(micros),
        last_message: thread.last_message,
        preview: thread.preview.clone(),
        unread: thread.unread,
    })
}

async fn insert(tx: &Tx, tenant: TenantId, rows: &[ThreadRow], now: Timestamp) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<ThreadRow>(1, "r");
    let sql = format!(
        "INSERT INTO conversations (tenant_id, id, contact_id, connection_id, status, labels, window_expires_at, \
         last_inbound_at, last_inbound_wamid, last_message_at, last_message_id, last_message_preview, unread, \
         pair_throttles, created_at) \
         SELECT $2, r.id, r.contact, r.connection, r.status, '[]', r.window_expires_at, r.last_inbound_at, \
         r.last_inbound_wamid, r.last_message_at, r.last_message, r.preview, r.unread, 0, $3 FROM {set}"
    );
    db::run(&**tx, &sql, [param(rows)?, tenant.0.into(), micros(now).into()]).await?;
    Ok(())
}

async fn update(tx: &Tx, tenant: TenantId, rows: &[ThreadRow]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set_in::<ThreadRow>(1, "r", 2);
    let sql = format!(
        "UPDATE conversations SET status = r.status, window_expires_at = r.window_expires_at, \
         last_inbound_at = r.last_inbound_at, last_inbound_wamid = r.last_inbound_wamid, \
         last_message_at = r.last_message_at, last_message_id = r.last_message, last_message_preview = r.preview, \
         unread = r.unread FROM {set} WHERE conversations.tenant_id = r.tenant AND conversations.id = r.id"
    );
    db::run(&**tx, &sql, [param(rows)?, tenant.0.into()]).await?;
    Ok(())
}

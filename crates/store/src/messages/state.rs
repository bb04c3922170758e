//! The part of a message that moves: read and locked as a set, merged by the lattice, written back as a set.

use domain::messages::Status;
use domain::messages::lattice::{Times, merge};
use domain::{MessageId, TenantId, Timestamp};
use ports::messages::Failure;
use sea_orm::{QueryResult, Value};

use crate::analytics::Standing;
use crate::broadcasts::Counted;
use crate::db::{self, Fault, Row, Tx, micros, to_json};
use crate::sets::{param, set};

/// Where an outbound message stands.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) tenant: TenantId,
    pub(crate) id: i64,
    pub(crate) contact: i64,
    pub(crate) connection: i64,
    pub(crate) template: Option<i64>,
    pub(crate) status: Status,
    pub(crate) times: Times,
    pub(crate) wamid: Option<String>,
    /// As it is kept: most statuses do not look at it.
    pub(crate) failure: Option<String>,
    pub(crate) pricing_category: Option<String>,
    pub(crate) attempts: i64,
    pub(crate) in_doubt_at: Option<Timestamp>,
    /// When it was called off, if that happened just now.
    pub(crate) cancelled_at: Option<Timestamp>,
    /// In which figures it stood as it was read.
    pub(crate) stood: Standing,
    /// The broadcast that counts it.
    pub(crate) broadcast: Option<Counted>,
    /// Whether it must be written back.
    pub(crate) changed: bool,
}

/// The columns that [`from_row`] reads, of the table under the alias `m`.
pub(crate) const COLUMNS: &str = "m.tenant_id AS tenant_id, m.id AS id, m.contact_id AS contact_id, \
     m.connection_id AS connection_id, m.template_id AS of_template, m.status AS status, m.sent_at AS sent_at, m.delivered_at AS delivered_at, \
     m.read_at AS read_at, m.failed_at AS failed_at, m.wamid AS wamid, m.failure AS failure, \
     m.pricing_category AS pricing_category, m.attempts AS attempts, m.in_doubt_at AS in_doubt_at, \
     m.broadcast_id AS broadcast_id, m.superseded AS superseded";

/// Out of [`COLUMNS`].
pub(crate) fn from_row(row: &QueryResult) -> Result<State, Fault> {
    let (status, failure): (Status, Option<String>) = (row.word("status")?, row.get("failure")?);
    let times = Times {
        sent: row.time_opt("sent_at")?,
        delivered: row.time_opt("delivered_at")?,
        read: row.time_opt("read_at")?,
        failed: row.time_opt("failed_at")?,
    };
    Ok(State {
        broadcast: Counted::from_row(row, status, times, failure.as_ref())?,
        stood: Standing::of(status, &times, failure.as_deref()),
        tenant: TenantId(row.get("tenant_id")?),
        id: row.get("id")?,
        contact: row.get("contact_id")?,
        connection: row.get("connection_id")?,
        template: row.get("of_template")?,
        status,
        times,
        wamid: row.get("wamid")?,
        failure,
        pricing_category: row.get("pricing_category")?,
        attempts: row.get("attempts")?,
        in_doubt_at: row.time_opt("in_doubt_at")?,
        cancelled_at: None,
        changed: false,
    })
}

set! {
    /// A message by its id.
    ById { id: Int i64 }
}

set! {
    /// A message by Meta's id.
    ByWamid { wamid: Text String }
}

/// Outbound messages by id, locked, in the order of their ids.
pub(crate) async fn by_ids(tx: &Tx, tenant: TenantId, ids: &[ById]) -> Result<Vec<State>, Fault> {
    let set = tx.dialect.set_in::<ById>(1, "r", 2);
    locked(tx, &set, "m.id = r.id", param(ids)?, tenant).await
}

/// Outbound messages by wamid, locked, in the order of their ids.
pub(crate) async fn by_wamids(tx: &Tx, tenant: TenantId, wamids: &[ByWamid]) -> Result<Vec<State>, Fault> {
    let set = tx.dialect.set_in::<ByWamid>(1, "r", 2);
    locked(tx, &set, "m.wamid = r.wamid", param(wamids)?, tenant).await
}

async fn locked(tx: &Tx, set: &str, on: &str, rows: Value, tenant: TenantId) -> Result<Vec<State>, Fault> {
    let lock = tx.dialect.for_update("m");
    let sql = format!(
        "SELECT {COLUMNS} FROM {set} CROSS JOIN messages m \
         WHERE m.tenant_id = r.tenant AND {on} AND m.direction = 'outbound' ORDER BY m.id{lock}"
    );
    db::all(&**tx, &sql, [rows, tenant.0.into()]).await?.iter().map(from_row).collect()
}

impl State {
    /// Merges a report of Meta. Answers whether it told anything new: a higher status, or a level not reached before.
    pub(crate) fn report(&mut self, status: Status, at: Timestamp) -> bool {
        let (before, times) = (self.status, self.times);
        self.moved(at);
        self.status = merge(self.status, status);
        self.times.note(status, at);
        if self.status != Status::InDoubt && self.in_doubt_at.is_some() {
            self.in_doubt_at = None;
            self.changed = true;
        }
        let new_level = levels(&times) != levels(&self.times);
        self.changed |= self.status != before || times != self.times;
        self.status != before || new_level
    }

    /// Keeps why it failed, while it counts as failed.
    pub(crate) fn keep_failure(&mut self, why: Option<&Failure>) -> Result<(), Fault> {
        if let Some(why) = why.filter(|_| self.status == Status::Failed) {
            self.failure = Some(to_json(why)?);
            self.changed = true;
        }
        Ok(())
    }

    /// Moves it where the lattice has no say: back into the queue, out of the queue, into doubt.
    pub(crate) fn put(&mut self, status: Status, at: Timestamp) {
        self.status = status;
        self.moved(at);
        self.in_doubt_at = (status == Status::InDoubt).then_some(at);
        self.cancelled_at = (status == Status::Cancelled).then_some(at);
        self.changed = true;
    }

    /// Keeps Meta's id, unless another is known.
    pub(crate) fn learn_wamid(&mut self, wamid: &str) {
        if self.wamid.is_none() {
            self.wamid = Some(wamid.to_owned());
            self.changed = true;
        }
    }

    fn moved(&mut self, at: Timestamp) {
        if let Some(counted) = &mut self.broadcast {
            counted.at = at;
        }
    }

    /// Its id for callers.
    pub(crate) fn message_id(&self) -> MessageId {
        MessageId(self.id)
    }
}

fn levels(times: &Times) -> [bool; 4] {
    [times.sent.is_some(), times.delivered.is_some(), times.read.is_some(), times.failed.is_some()]
}

set! {
    Written {
        t: Int i64,
        id: Int i64,
        status: Text &'static str,
        sent_at: Int Option<i64>,
        delivered_at: Int Option<i64>,
        read_at: Int Option<i64>,
        failed_at: Int Option<i64>,
        wamid: Text Option<String>,
        failure: Text Option<String>,
        pricing_category: Text Option<String>,
        attempts: Int i64,
        in_doubt_at: Int Option<i64>,
    }
}

set! {
    CalledOff {
        t: Int i64,
        id: Int i64,
        at: Int i64,
    }
}

/// Writes back those that changed, in one statement (called off ones in another); what that does to figures and to the
/// counts of broadcasts is kept for the commit.
pub(crate) async fn write<'a>(tx: &Tx, states: impl Iterator<Item = &'a State>) -> Result<(), Fault> {
    let mut called_off = Vec::new();
    let rows: Vec<Written> = states
        .filter(|state| state.changed)
        .inspect(|state| {
            tx.tally.moved(state);
            let stands = Standing::of(state.status, &state.times, state.failure.as_deref());
            tx.figures.moved(state.tenant, state.template, state.stood, stands);
            called_off.extend(state.cancelled_at.map(|at| CalledOff {
                t: state.tenant.0,
                id: state.id,
                at: micros(at),
            }));
        })
        .map(written)
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<Written>(1, "r");
    let sql = format!(
        "UPDATE messages SET status = r.status, sent_at = r.sent_at, delivered_at = r.delivered_at, read_at = r.read_at, \
         failed_at = r.failed_at, wamid = r.wamid, failure = r.failure, pricing_category = r.pricing_category, \
         attempts = r.attempts, in_doubt_at = r.in_doubt_at \
         FROM {set} WHERE messages.tenant_id = r.t AND messages.id = r.id"
    );
    db::run(&**tx, &sql, [param(&rows)?]).await?;
    write_called_off(tx, &called_off).await
}

/// Rare, and kept out of the statement that every status runs.
async fn write_called_off(tx: &Tx, rows: &[CalledOff]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<CalledOff>(1, "r");
    let sql = format!(
        "UPDATE messages SET cancelled_at = r.at FROM {set} WHERE messages.tenant_id = r.t AND messages.id = r.id"
    );
    db::run(&**tx, &sql, [param(rows)?]).await?;
    Ok(())
}

fn written(state: &State) -> Written {
    Written {
        t: state.tenant.0,
        id: state.id,
        status: state.status.as_str(),
        sent_at: state.times.sent.map(micros),
        delivered_at: state.times.delivered.map(micros),
        read_at: state.times.read.map(micros),
        failed_at: state.times.failed.map(micros),
        wamid: state.wamid.clone(),
        failure: state.failure.clone(),
        pricing_category: state.pricing_category.clone(),
        attempts: state.attempts,
        in_doubt_at: state.in_doubt_at.map(micros),
    }
}

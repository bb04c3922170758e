//! Counts of broadcasts: moved in the transaction that moves the rows, by the hour in which it happened.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

use domain::broadcasts::LeftOut;
use domain::broadcasts::reasons::FailedBy;
use domain::messages::Status;
use domain::messages::lattice::Times;
use domain::{BroadcastId, TenantId, Timestamp};
use ports::broadcasts::Counts;
use ports::messages::Failure;
use sea_orm::{ConnectionTrait, QueryResult};

use super::late;
use crate::db::{self, Fault, Row, Tx};
use crate::messages::state::State;
use crate::sets::{param, set};

/// The name of recipients that have no message yet.
pub(super) const PENDING: &str = "pending";
/// The name of messages that wait or are being sent.
pub(super) const QUEUED: &str = "queued";
/// The name of those called off, with a message or without.
pub(super) const CANCELLED: &str = "cancelled";
/// The name of those who answered.
pub(super) const REPLIED: &str = "replied";
/// The name of those who said STOP.
pub(super) const OPTED_OUT: &str = "opted_out";
/// Before the reason of those left out.
pub(super) const LEFT_OUT: &str = "left_out/";
/// Before way of failing, our code and Meta's, with a slash between them.
pub(super) const FAILED: &str = "failed/";

/// How a message is counted in its broadcast. A message that another attempt took the place of is not.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) broadcast: BroadcastId,
    /// As it was read.
    was: Vec<Cow<'static, str>>,
    /// When it came to what it was: it is taken off the hour in which it was counted.
    times: Times,
    in_doubt_at: Option<Timestamp>,
    /// When it moved last.
    pub(crate) at: Timestamp,
}

impl Counted {
    /// Out of `broadcast_id`, `superseded` and `in_doubt_at`.
    pub(crate) fn from_row(
        row: &QueryResult,
        status: Status,
        times: Times,
        failure: Option<&String>,
    ) -> Result<Option<Self>, Fault> {
        let Some(broadcast) = row.get::<Option<i64>>("broadcast_id")? else { return Ok(None) };
        if row.get::<bool>("superseded")? {
            return Ok(None);
        }
        let was = names(status, failure.map(String::as_str));
        let (broadcast, in_doubt_at) = (BroadcastId(broadcast), row.time_opt("in_doubt_at")?);
        Ok(Some(Self { broadcast, was, times, in_doubt_at, at: Timestamp::UNIX_EPOCH }))
    }

    /// When it came under one of its names; `None`: that is not kept, and such names count by no hour.
    fn since(&self, name: &str) -> Option<Timestamp> {
        let Times { sent, delivered, read, failed } = self.times;
        match name {
            "sent" => sent.or(delivered).or(read),
            "delivered" => delivered,
            "read" => read,
            "in_doubt" => self.in_doubt_at,
            name if name.starts_with(FAILED) => failed,
            _ => None,
        }
    }
}

/// Under which names a message is counted.
fn names(status: Status, failure: Option<&str>) -> Vec<Cow<'static, str>> {
    let names: &[&str] = match status {
        Status::Queued | Status::Sending => &[QUEUED],
        Status::Sent => &["sent"],
        Status::Delivered => &["sent", "delivered"],
        Status::Read | Status::Received => &["sent", "delivered", "read"],
        Status::InDoubt => &["in_doubt"],
        Status::Cancelled => &[CANCELLED],
        Status::Failed => return vec![failed(failure).into()],
    };
    names.iter().map(|name| Cow::Borrowed(*name)).collect()
}

/// The name of messages that failed for this reason.
fn failed(failure: Option<&str>) -> String {
    let known: Option<Failure> = failure.and_then(|text| serde_json::from_str(text).ok());
    let (code, meta) = known.map_or((String::new(), None), |known| (known.code, known.meta_error_code));
    let by = FailedBy::of(&code, meta).as_str();
    format!("{FAILED}{by}/{code}/{}", meta.map(|meta| meta.to_string()).unwrap_or_default())
}

/// The name of recipients left out for this reason.
pub(super) fn left_out(reason: LeftOut) -> String {
    match reason {
        LeftOut::Cancelled => CANCELLED.to_owned(),
        other => format!("{LEFT_OUT}{}", other.as_str()),
    }
}

type Key = (i64, i64, i64, Cow<'static, str>);

/// What a transaction does to counts.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Moved>);

#[derive(Debug, Default)]
struct Moved {
    counts: BTreeMap<Key, i64>,
    /// Broadcasts of which a message failed, and when.
    failing: BTreeMap<(i64, i64), Timestamp>,
}

impl Tally {
    /// Counts a message that is written back.
    pub(crate) fn moved(&self, state: &State) {
        let Some(counted) = &state.broadcast else { return };
        let now = names(state.status, state.failure.as_deref());
        for name in now.iter().filter(|name| !counted.was.contains(name)) {
            self.add(state.tenant, counted.broadcast, counted.at, name.clone(), 1);
            if name.starts_with(FAILED) {
                let whose = (state.tenant.0, counted.broadcast.0);
                let mut moved = self.moves();
                let at = moved.failing.entry(whose).or_insert(counted.at);
                *at = counted.at.max(*at);
            }
        }
        for name in counted.was.iter().filter(|name| !now.contains(name)) {
            let since = counted.since(name).unwrap_or(counted.at);
            self.add(state.tenant, counted.broadcast, since, name.clone(), -1);
        }
    }

    /// Takes a message off the counts.
    pub(super) fn gone(&self, state: &State, at: Timestamp) {
        self.as_read(state, at, -1);
    }

    /// Counts one again that was taken off.
    pub(super) fn back(&self, state: &State, at: Timestamp) {
        self.as_read(state, at, 1);
    }

    fn as_read(&self, state: &State, at: Timestamp, by: i64) {
        let Some(counted) = &state.broadcast else { return };
        for name in &counted.was {
            let since = counted.since(name).unwrap_or(at);
            self.add(state.tenant, counted.broadcast, since, name.clone(), by);
        }
    }

    /// Moves one count.
    pub(super) fn add(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        at: Timestamp,
        name: impl Into<Cow<'static, str>>,
        by: i64,
    ) {
        if by == 0 {
            return;
        }
        let hour = at.as_second().div_euclid(3_600);
        *self.moves().counts.entry((tenant.0, broadcast.0, hour, name.into())).or_default() += by;
    }

    fn take(&self) -> Moved {
        std::mem::take(&mut *self.moves())
    }

    fn moves(&self) -> MutexGuard<'_, Moved> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

set! {
    Delta {
        t: Int i64,
        b: Int i64,
        hour: Int i64,
        name: Text String,
        count: Int i64,
    }
}

/// Writes what the transaction did so far: one statement, its rows in the order in which every node locks them. None
/// at all when nothing was counted. Counts of a broadcast that was removed are let go; one that had ended and turns out to
/// have reached nobody fails.
pub(crate) async fn write_counts(tx: &Tx) -> Result<(), Fault> {
    let Moved { counts, failing } = tx.tally.take();
    let rows: Vec<Delta> = counts
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|((t, b, hour, name), count)| Delta { t, b, hour, name: name.into_owned(), count })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let ended = late::ended(tx, &failing).await?;
    let set = tx.dialect.set::<Delta>(1, "r");
    let sql = format!(
        "INSERT INTO broadcast_counts (tenant_id, broadcast_id, hour, name, count) \
         SELECT r.t, r.b, r.hour, r.name, r.count FROM {set} CROSS JOIN broadcasts b \
         WHERE b.tenant_id = r.t AND b.id = r.b ORDER BY r.t, r.b, r.hour, r.name \
         ON CONFLICT (tenant_id, broadcast_id, hour, name) DO UPDATE SET count = broadcast_counts.count + excluded.count"
    );
    db::run(&**tx, &sql, [param(&rows)?]).await?;
    late::judge(tx, &ended).await
}

set! {
    Wanted { b: Int i64 }
}

/// The counts of broadcasts, one statement for all. Those of the caller's own transaction must have been written.
pub(super) async fn of<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    broadcasts: &[BroadcastId],
) -> Result<HashMap<BroadcastId, Counts>, Fault> {
    let mut counts = HashMap::new();
    if broadcasts.is_empty() {
        return Ok(counts);
    }
    let rows: Vec<Wanted> = broadcasts.iter().map(|id| Wanted { b: id.0 }).collect();
    let set = crate::dialect::Dialect::of(on.get_database_backend()).set_in::<Wanted>(1, "r", 2);
    let sql = format!(
        "SELECT k.broadcast_id AS broadcast_id, k.name AS name, CAST(SUM(k.count) AS BIGINT) AS count \
         FROM {set} CROSS JOIN broadcast_counts k WHERE k.tenant_id = r.tenant AND k.broadcast_id = r.b \
         GROUP BY k.broadcast_id, k.name"
    );
    for row in db::all(on, &sql, [param(&rows)?, tenant.0.into()]).await? {
        let counts: &mut Counts = counts.entry(BroadcastId(row.get("broadcast_id")?)).or_default();
        add(counts, &row.get::<String>("name")?, row.get("count")?);
    }
    Ok(counts)
}

/// A row of counts.
pub(super) struct Cell {
    pub(super) hour: Timestamp,
    pub(super) name: String,
    pub(super) count: i64,
}

/// All that is counted of a broadcast, oldest hour first.
pub(super) async fn cells<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Vec<Cell>, Fault> {
    let sql = "SELECT hour, name, count FROM broadcast_counts k WHERE k.tenant_id = $1 AND k.broadcast_id = $2 \
               ORDER BY hour, name";
    let rows = db::all(on, sql, [tenant.0.into(), broadcast.0.into()]).await?;
    rows.iter()
        .map(|row| {
            let hour = row.get::<i64>("hour")?.saturating_mul(3_600_000_000);
            Ok(Cell { hour: db::time(hour), name: row.get("name")?, count: row.get("count")? })
        })
        .collect()
}

/// Adds one name to the counts.
pub(super) fn add(counts: &mut Counts, name: &str, by: i64) {
    let count = match name {
        PENDING => &mut counts.pending,
        QUEUED => &mut counts.queued,
        "sent" => &mut counts.sent,
        "delivered" => &mut counts.delivered,
        "read" => &mut counts.read,
        REPLIED => &mut counts.replied,
        OPTED_OUT => &mut counts.opted_out,
        "in_doubt" => &mut counts.in_doubt,
        CANCELLED => &mut counts.cancelled,
        failed if failed.starts_with(FAILED) => &mut counts.failed,
        _ => &mut counts.left_out,
    };
    *count += by;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_message_counts_all_the_way_down_the_funnel() {
        let mut counts = Counts::default();
        for name in names(Status::Read, None) {
            add(&mut counts, &name, 1);
        }
        assert_eq!(counts, Counts { sent: 1, delivered: 1, read: 1, ..Counts::default() });
    }

    #[test]
    fn a_failure_is_counted_by_its_way_its_code_and_metas() {
        let failure = r#"{"code":"RECIPIENT_NOT_ON_WHATSAPP","message":"","meta_error_code":131026}"#;
        assert_eq!(failed(Some(failure)), "failed/not_on_whatsapp/RECIPIENT_NOT_ON_WHATSAPP/131026");
        assert_eq!(failed(None), "failed/rejected//");
        let mut counts = Counts::default();
        add(&mut counts, &failed(None), 1);
        add(&mut counts, &left_out(LeftOut::NoConsent), 1);
        add(&mut counts, &left_out(LeftOut::Cancelled), 1);
        assert_eq!(counts, Counts { failed: 1, left_out: 1, cancelled: 1, ..Counts::default() });
    }

    #[test]
    fn what_comes_and_goes_in_one_transaction_is_not_written() {
        let tally = Tally::default();
        let (tenant, broadcast, at) = (TenantId(1), BroadcastId(1), Timestamp::UNIX_EPOCH);
        tally.add(tenant, broadcast, at, QUEUED, 1);
        tally.add(tenant, broadcast, at, QUEUED, -1);
        assert!(tally.take().counts.values().all(|count| *count == 0));
    }
}

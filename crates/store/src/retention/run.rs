//! A purge: one node at a time, one batch a commit, its place kept with what it removed.

use std::collections::BTreeMap;

use domain::audit::{Action, NewEntry};
use domain::retention::{Class, Cutoffs, Periods};
use domain::{SignedDuration, TenantId, Timestamp};
use ports::retention::{Amount, PurgeProgress, PurgeRun};
use sea_orm::Value;
use serde::{Deserialize, Serialize};

use super::{periods, steps};
use crate::db::{self, Fault, Row, SqlStore, Tx, micros, to_json};

/// From the start of one purge to that of the next.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// Meta repeats a webhook for 7 days ("Webhooks"): a message may come in that much after its own time. So far back the
/// walk over messages begins before the place where the last one ended.
const LATE: SignedDuration = SignedDuration::from_hours(24 * 8);
/// More messages than this that wait to be sent are not counted.
const MANY: i64 = 200;

/// A purge under way, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) started_at: Timestamp,
    pub(super) cutoffs: Cutoffs,
    pub(super) class: Class,
    /// The last row that was looked at: its time (or first key) and its id.
    pub(super) cursor: (i64, i64),
    pub(super) removed: BTreeMap<Class, Amount>,
    /// The oldest message that could not be emptied yet, because it is still to be sent.
    pub(super) passed_over: Option<i64>,
}

/// Before every row.
pub(super) const START: (i64, i64) = (i64::MIN, i64::MIN);

impl Run {
    fn begin(now: Timestamp, periods: Periods, content_from: i64) -> Self {
        Self {
            started_at: now,
            cutoffs: periods.cutoffs(now),
            class: Class::ALL[0],
            cursor: (content_from, i64::MIN),
            removed: BTreeMap::new(),
            passed_over: None,
        }
    }

    /// What of this class goes, in microseconds.
    pub(super) fn cutoff(&self) -> i64 {
        micros(self.class.cutoff(&self.cutoffs))
    }

    /// Counts what went.
    pub(super) fn count(&mut self, rows: u64, bytes: i64) {
        if rows > 0 {
            let amount = self.removed.entry(self.class).or_default();
            amount.rows += i64::try_from(rows).unwrap_or(i64::MAX);
            amount.bytes += bytes;
        }
    }

    /// As it stands.
    pub(super) fn report(&self) -> PurgeRun {
        PurgeRun {
            started_at: self.started_at,
            finished_at: None,
            cutoffs: self.cutoffs,
            removed: self.removed.clone(),
        }
    }

    /// Where the walk over messages of the next purge begins.
    fn next_content_from(&self) -> i64 {
        let done = self.cutoffs.content.saturating_sub(LATE).unwrap_or(Timestamp::MIN);
        micros(done).min(self.passed_over.map_or(i64::MAX, |at| at.saturating_sub(1)))
    }
}

/// Takes a tenant whose purge is due or was left. When there is none that costs one read.
pub(super) async fn take(
    store: &SqlStore,
    holder: &str,
    now: Timestamp,
    held_until: Timestamp,
) -> Result<Option<TenantId>, Fault> {
    let sql = "SELECT t.tenant_id AS tenant_id FROM tenants t LEFT JOIN retention r ON r.tenant_id = t.tenant_id \
               WHERE r.tenant_id IS NULL OR ((r.run IS NOT NULL OR r.next_run_at <= $2) \
               AND (r.holder IS NULL OR r.holder = $1 OR r.held_until <= $2)) ORDER BY t.tenant_id LIMIT 1";
    let values: [Value; 2] = [holder.into(), micros(now).into()];
    let Some(found) = db::one(store.reader(), sql, values).await? else { return Ok(None) };
    let tenant = TenantId(found.get("tenant_id")?);
    let tx = store.begin().await?;
    let taken = hold(&tx, tenant, holder, now, held_until).await?;
    tx.commit().await?;
    Ok(taken.then_some(tenant))
}

async fn hold(
    tx: &Tx,
    tenant: TenantId,
    holder: &str,
    now: Timestamp,
    held_until: Timestamp,
) -> Result<bool, Fault> {
    let chosen = Periods::default();
    let sql = format!(
        "INSERT INTO retention (tenant_id, message_content_days, delivery_log_days, webhook_days, next_run_at, \
         held_until, content_from) VALUES ($1, {}, {}, {}, $2, 0, 0) ON CONFLICT (tenant_id) DO NOTHING",
        chosen.message_content_days, chosen.delivery_log_days, chosen.webhook_days,
    );
    db::run(&**tx, &sql, [tenant.0.into(), micros(now).into()]).await?;
    let sql = "UPDATE retention SET holder = $2, held_until = $4 WHERE tenant_id = $1 \
               AND (run IS NOT NULL OR next_run_at <= $3) AND (holder IS NULL OR holder = $2 OR held_until <= $3) \
               RETURNING message_content_days, delivery_log_days, webhook_days, run, content_from";
    let values: [Value; 4] = [tenant.0.into(), holder.into(), micros(now).into(), micros(held_until).into()];
    let Some(row) = db::one(&**tx, sql, values).await? else { return Ok(false) };
    if row.get::<Option<String>>("run")?.is_none() {
        let run = Run::begin(now, periods(&row)?, row.get("content_from")?);
        let sql = "UPDATE retention SET run = $2 WHERE tenant_id = $1";
        db::run(&**tx, sql, [tenant.0.into(), to_json(&run)?.into()]).await?;
    }
    Ok(true)
}

/// The next batch.
pub(super) async fn batch(
    store: &SqlStore,
    tenant: TenantId,
    holder: &str,
    limit: u32,
    now: Timestamp,
    held_until: Timestamp,
) -> Result<PurgeProgress, Fault> {
    let rows = i64::from(limit.max(1));
    let unplanned = steps::look_ahead(store, tenant, rows).await?;
    let tx = store.begin().await?;
    let lock = tx.dialect.for_update("r");
    let sql =
        format!("SELECT r.holder AS holder, r.run AS run FROM retention r WHERE r.tenant_id = $1{lock}");
    let Some(row) = db::one(&*tx, &sql, [tenant.0.into()]).await? else { return Ok(PurgeProgress::Lost) };
    let Some(mut run) = row.json_opt::<Run>("run")? else { return Ok(PurgeProgress::Lost) };
    if row.get::<Option<String>>("holder")?.as_deref() != Some(holder) {
        return Ok(PurgeProgress::Lost);
    }
    if !steps::step(&tx, tenant, &mut run, &unplanned, rows, now).await? {
        return go_on(tx, tenant, &run, held_until).await;
    }
    match run.class.next() {
        Some(next) => {
            (run.class, run.cursor) = (next, START);
            go_on(tx, tenant, &run, held_until).await
        }
        None => finish(tx, tenant, run, now).await,
    }
}

async fn go_on(tx: Tx, tenant: TenantId, run: &Run, held_until: Timestamp) -> Result<PurgeProgress, Fault> {
    let sql = "UPDATE retention SET run = $2, held_until = $3 WHERE tenant_id = $1";
    db::run(&*tx, sql, [tenant.0.into(), to_json(run)?.into(), micros(held_until).into()]).await?;
    let sql = "SELECT COUNT(*) AS waiting FROM (SELECT 1 AS one FROM outbox o WHERE o.tenant_id = $1 AND NOT o.sending \
               AND NOT o.held AND NOT o.scheduled LIMIT $2) AS few";
    let row = db::one(&*tx, sql, [tenant.0.into(), MANY.into()]).await?;
    let waiting = row.map_or(Ok(0), |row| row.get("waiting"))?;
    tx.commit().await?;
    Ok(PurgeProgress::More { waiting })
}

async fn finish(tx: Tx, tenant: TenantId, run: Run, now: Timestamp) -> Result<PurgeProgress, Fault> {
    let report = PurgeRun { finished_at: Some(now), ..run.report() };
    let next = run.started_at.saturating_add(EVERY).unwrap_or(Timestamp::MAX);
    // Settings that were changed meanwhile asked for a run of their own: that time stays.
    let sql = "UPDATE retention SET run = NULL, holder = NULL, held_until = 0, last_run = $2, content_from = $3, \
               next_run_at = CASE WHEN next_run_at > $5 THEN next_run_at ELSE $4 END WHERE tenant_id = $1";
    let values: [Value; 5] = [
        tenant.0.into(),
        to_json(&report)?.into(),
        run.next_content_from().into(),
        micros(next).into(),
        micros(run.started_at).into(),
    ];
    db::run(&*tx, sql, values).await?;
    let entry = NewEntry::new(Action::Purged, "retention").at(now);
    tx.note(tenant, entry.after(serde_json::to_value(&report).map_err(Fault::internal)?));
    tx.commit().await?;
    Ok(PurgeProgress::Done(report))
}

//! See `ports::alerts`.

mod channels;
mod deliveries;
mod history;
mod rules;

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use domain::audit::{Action, Actor, NewEntry};
use domain::{AlertId, TenantId, Timestamp};
use ports::alerts::{Alert, AlertEvent, AlertStore, Happened, NewAlert, Severity};
use ports::{Page, Paging, StoreResult};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::dialect::As;
use crate::ids::{self, Kind};
use crate::lists::{self, List};
pub(crate) use channels::{open, reseal};
use history::News;

const COLUMNS: &str = "id, kind, subject, severity, message, details, opened_at, last_at, count, \
     acknowledged_at, acknowledged_by, acknowledged_key, resolved_at";

fn from_row(row: &QueryResult) -> Result<Alert, Fault> {
    Ok(Alert {
        id: AlertId(row.get("id")?),
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        severity: Severity::from_word(&row.get::<String>("severity")?),
        message: row.get("message")?,
        details: row.json("details")?,
        opened_at: row.time("opened_at")?,
        last_at: row.time("last_at")?,
        count: row.get("count")?,
        acknowledged_at: row.time_opt("acknowledged_at")?,
        acknowledged_by: history::by(row, "acknowledged_key", "acknowledged_by")?,
        resolved_at: row.time_opt("resolved_at")?,
    })
}

#[async_trait]
impl AlertStore for SqlStore {
    async fn raise_alerts(&self, alerts: Vec<NewAlert>) -> StoreResult<Vec<bool>> {
        let raised: Vec<Raised> = fold(&alerts);
        let opened = db::again(|| raise(self, &raised)).await?;
        let mut answers = vec![false; alerts.len()];
        for (one, opened) in raised.iter().zip(opened) {
            answers[one.position] = opened;
        }
        Ok(answers)
    }

    async fn escalate_alert(&self, alert: NewAlert) -> StoreResult<bool> {
        Ok(db::again(|| escalate(self, &alert)).await?)
    }

    async fn resolve_alert(
        &self,
        tenant: TenantId,
        kind: &str,
        subject: &str,
        at: Timestamp,
    ) -> StoreResult<bool> {
        let tx = self.begin().await?;
        let resolved = resolve(&tx, tenant, (kind, subject), &Severity::ALL, Happened::Resolved, at).await?;
        tx.commit().await?;
        Ok(resolved)
    }

    async fn acknowledge_alert(
        &self,
        tenant: TenantId,
        alert: AlertId,
        by: &Actor,
        at: Timestamp,
    ) -> StoreResult<Option<Alert>> {
        Ok(acknowledge(self, tenant, alert, by, at).await?)
    }

    async fn alert(&self, tenant: TenantId, alert: AlertId) -> StoreResult<Option<(Alert, Vec<AlertEvent>)>> {
        let sql = format!("SELECT {COLUMNS} FROM alerts WHERE tenant_id = $1 AND id = $2");
        let values = [tenant.0.into(), alert.0.into()];
        let Some(row) = db::one(self.reader(), &sql, values).await? else {
            return Ok(None);
        };
        Ok(Some((from_row(&row)?, history::of(self, tenant, alert).await?)))
    }

    async fn alerts(
        &self,
        tenant: TenantId,
        open: Option<bool>,
        paging: &Paging,
    ) -> StoreResult<Page<Alert>> {
        let wanted =
            open.map(|open| Expr::cust(if open { "resolved_at IS NULL" } else { "resolved_at IS NOT NULL" }));
        let from = Query::select()
            .from("alerts")
            .and_where(Expr::col("tenant_id").eq(tenant.0))
            .and_where_option(wanted)
            .take();
        let list = List { from, columns: COLUMNS, keys: &[("id", As::Int)], order: Order::Desc };
        Ok(lists::page(self.reader(), list, paging, from_row).await?)
    }

    async fn open_alerts(&self, tenant: TenantId, kinds: &[&str]) -> StoreResult<Vec<Alert>> {
        let kinds = db::to_json(kinds)?;
        let wanted = self.dialect().elements("$2", "k");
        let sql = format!(
            "SELECT {COLUMNS} FROM alerts WHERE tenant_id = $1 AND resolved_at IS NULL \
             AND kind IN (SELECT k.value FROM {wanted}) ORDER BY id"
        );
        let rows = db::all(self.reader(), &sql, [tenant.0.into(), kinds.into()]).await?;
        Ok(rows.iter().map(from_row).collect::<Result<_, _>>()?)
    }

    async fn alert_events(
        &self,
        tenant: TenantId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<(AlertEvent, Alert)>> {
        Ok(history::after(self, tenant, after, limit).await?)
    }

    async fn last_alert_event(&self, tenant: TenantId) -> StoreResult<i64> {
        Ok(history::last(self, tenant).await?)
    }
}

async fn acknowledge(
    store: &SqlStore,
    tenant: TenantId,
    alert: AlertId,
    by: &Actor,
    at: Timestamp,
) -> Result<Option<Alert>, Fault> {
    let tx = store.begin().await?;
    let sql = "UPDATE alerts SET acknowledged_at = $3, acknowledged_by = $4, acknowledged_key = $5 \
               WHERE tenant_id = $1 AND id = $2 AND acknowledged_at IS NULL";
    let values =
        [tenant.0.into(), alert.0.into(), micros(at).into(), history::name(by).into(), by.key().into()];
    if db::run(&*tx, sql, values).await? > 0 {
        let news =
            News { tenant, alert: alert.0, happened: Happened::Acknowledged, at, by: Some(by), told: None };
        history::write(&tx, &[news]).await?;
        tx.note(tenant, NewEntry::about(Action::AlertAcknowledged, "alert", alert).at(at));
    }
    let sql = format!("SELECT {COLUMNS} FROM alerts WHERE tenant_id = $1 AND id = $2");
    let row = db::one(&*tx, &sql, [tenant.0.into(), alert.0.into()]).await?;
    tx.commit().await?;
    row.as_ref().map(from_row).transpose()
}

/// Resolves the open alert of this kind and subject if it is of one of these severities.
async fn resolve(
    tx: &Tx,
    tenant: TenantId,
    (kind, subject): (&str, &str),
    severities: &[Severity],
    happened: Happened,
    at: Timestamp,
) -> Result<bool, Fault> {
    let words: Vec<&str> = severities.iter().map(|severity| severity.as_str()).collect();
    let wanted = tx.dialect.elements("$5", "s");
    let sql = format!(
        "UPDATE alerts SET resolved_at = $4 WHERE tenant_id = $1 AND kind = $2 AND subject = $3 \
         AND resolved_at IS NULL AND severity IN (SELECT s.value FROM {wanted}) RETURNING id, severity"
    );
    let values =
        [tenant.0.into(), kind.into(), subject.into(), micros(at).into(), db::to_json(&words)?.into()];
    let Some(row) = db::one(&**tx, &sql, values).await? else { return Ok(false) };
    let severity = Severity::from_word(&row.get::<String>("severity")?);
    // What gave way is told by what took its place.
    let told = (happened == Happened::Resolved).then_some((severity, kind));
    history::write(tx, &[News { tenant, alert: row.get("id")?, happened, at, by: None, told }]).await?;
    Ok(true)
}

async fn escalate(store: &SqlStore, alert: &NewAlert) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let lesser: Vec<Severity> =
        Severity::ALL.into_iter().filter(|severity| *severity < alert.severity).collect();
    let about = (alert.kind.as_str(), alert.subject.as_str());
    resolve(&tx, alert.tenant_id, about, &lesser, Happened::Escalated, alert.at).await?;
    let sql =
        "SELECT id FROM alerts WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND resolved_at IS NULL";
    let values = [alert.tenant_id.0.into(), about.0.into(), about.1.into()];
    if db::one(&*tx, sql, values).await?.is_some() {
        return Ok(false);
    }
    let opened = write(&tx, &fold(std::slice::from_ref(alert))).await?;
    tx.commit().await?;
    Ok(opened.first().copied().unwrap_or(false))
}

/// All occurrences of one condition in one call.
struct Raised<'a> {
    /// Of the first one.
    position: usize,
    first: &'a NewAlert,
    last_at: Timestamp,
    count: i64,
}

/// In the order of (tenant, kind, subject), so that two who raise the same ones do not wait for each other.
fn fold(alerts: &[NewAlert]) -> Vec<Raised<'_>> {
    let mut raised: BTreeMap<_, Raised<'_>> = BTreeMap::new();
    for (position, alert) in alerts.iter().enumerate() {
        let key = (alert.tenant_id, alert.kind.as_str(), alert.subject.as_str());
        let one = raised.entry(key).or_insert(Raised { position, first: alert, last_at: alert.at, count: 0 });
        one.last_at = Ord::max(one.last_at, alert.at);
        one.count += alert.count;
    }
    raised.into_values().collect()
}

/// Answers for each whether it was opened.
async fn raise(store: &SqlStore, raised: &[Raised<'_>]) -> Result<Vec<bool>, Fault> {
    if raised.is_empty() {
        return Ok(Vec::new());
    }
    let tx = store.begin().await?;
    let opened = write(&tx, raised).await?;
    tx.commit().await?;
    Ok(opened)
}

/// Raises alerts as part of the caller's commit.
pub(crate) async fn raise_in(tx: &Tx, alerts: &[NewAlert]) -> Result<(), Fault> {
    if !alerts.is_empty() {
        write(tx, &fold(alerts)).await?;
    }
    Ok(())
}

async fn write(tx: &Tx, raised: &[Raised<'_>]) -> Result<Vec<bool>, Fault> {
    let [mut fresh] = ids::take(tx, [(Kind::Alert, raised.len())]).await?;
    let mut taken = Vec::with_capacity(raised.len());
    let mut rows = Vec::with_capacity(raised.len());
    for one in raised {
        let id = fresh.next()?;
        taken.push(id);
        rows.push(serde_json::json!({
            "tenant_id": one.first.tenant_id,
            "id": id,
            "kind": one.first.kind,
            "subject": one.first.subject,
            "severity": one.first.severity.as_str(),
            "message": clean(&one.first.message),
            "details": db::to_json(&one.first.details)?,
            "at": micros(one.first.at),
            "last_at": micros(one.last_at),
            "count": one.count,
        }));
    }
    let columns = [
        ("tenant_id", As::Int),
        ("id", As::Int),
        ("kind", As::Text),
        ("subject", As::Text),
        ("severity", As::Text),
        ("message", As::Text),
        ("details", As::Text),
        ("at", As::Int),
        ("last_at", As::Int),
        ("count", As::Int),
    ];
    // `WHERE TRUE` keeps SQLite from reading ON CONFLICT as the condition of a join.
    let sql = format!(
        "INSERT INTO alerts (tenant_id, id, kind, subject, severity, message, details, opened_at, last_at, count) \
         SELECT r.tenant_id, r.id, r.kind, r.subject, r.severity, r.message, r.details, r.at, r.last_at, r.count \
         FROM {} WHERE TRUE ORDER BY r.id \
         ON CONFLICT (tenant_id, kind, subject) WHERE resolved_at IS NULL DO UPDATE SET \
         count = alerts.count + excluded.count, last_at = CASE WHEN excluded.last_at > alerts.last_at \
         THEN excluded.last_at ELSE alerts.last_at END RETURNING id",
        tx.dialect.rows(1, &columns, "r")
    );
    let kept = db::all(&**tx, &sql, [db::to_json(&rows)?.into()]).await?;
    let kept: HashSet<i64> = kept.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
    let opened: Vec<News<'_>> = taken
        .iter()
        .zip(raised)
        .filter(|(id, _)| kept.contains(id))
        .map(|(id, one)| News::opened(*id, one.first))
        .collect();
    history::write(tx, &opened).await?;
    Ok(taken.iter().map(|id| kept.contains(id)).collect())
}

//! See `ports::alerts`.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use domain::{AlertId, TenantId, Timestamp};
use ports::alerts::{Alert, AlertStore, NewAlert, Severity};
use ports::{Page, Paging, StoreResult};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::dialect::As;
use crate::ids::{self, Kind};
use crate::lists::{self, List};

const COLUMNS: &str = "id, kind, subject, severity, message, details, opened_at, last_at, count, \
     acknowledged_at, resolved_at";

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

    async fn resolve_alert(
        &self,
        tenant: TenantId,
        kind: &str,
        subject: &str,
        at: Timestamp,
    ) -> StoreResult<bool> {
        let sql = "UPDATE alerts SET resolved_at = $4 \
                   WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND resolved_at IS NULL";
        let tx = self.begin().await?;
        let resolved =
            db::run(&*tx, sql, [tenant.0.into(), kind.into(), subject.into(), micros(at).into()]).await?;
        tx.commit().await?;
        Ok(resolved > 0)
    }

    async fn acknowledge_alert(
        &self,
        tenant: TenantId,
        alert: AlertId,
        at: Timestamp,
    ) -> StoreResult<Option<Alert>> {
        let sql = format!(
            "UPDATE alerts SET acknowledged_at = COALESCE(acknowledged_at, $3) \
             WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
        );
        let tx = self.begin().await?;
        let row = db::one(&*tx, &sql, [tenant.0.into(), alert.0.into(), micros(at).into()]).await?;
        tx.commit().await?;
        Ok(row.as_ref().map(from_row).transpose()?)
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
    Ok(taken.iter().map(|id| kept.contains(id)).collect())
}

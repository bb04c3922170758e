//! See `ports::analytics`. Figures are moved by whoever moves the rows: what a transaction does to them is gathered in
//! its [`Figures`] and written last, in one statement, so that nobody waits for the row of a figure longer than a
//! commit takes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use domain::alerts::rules::hour_of;
use domain::analytics::Metric;
use domain::messages::Status;
use domain::messages::lattice::Times;
use domain::{ConnectionId, TemplateId, TenantId, Timestamp};
use ports::StoreResult;
use ports::analytics::{AnalyticsStore, Backlog, DayFigure, Figure, TemplateMark};
use ports::messages::Failure;

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, micros};
use crate::sets::{param, set};

/// In which figures an outbound message stands: a function of its row alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    hour: i64,
    sent: bool,
    delivered: bool,
    read: bool,
    /// Meta's code, or 0.
    failed: Option<i64>,
}

impl Standing {
    /// Of a row.
    pub(crate) fn of(status: Status, times: &Times, failure: Option<&str>) -> Self {
        let taken = times.sent.or(times.delivered).or(times.read);
        let failed_at = times.failed.filter(|_| status == Status::Failed);
        let Some(at) = taken.or(failed_at) else { return Self::default() };
        Self {
            hour: hour_of(at),
            sent: taken.is_some(),
            delivered: times.delivered.is_some() || times.read.is_some(),
            read: times.read.is_some(),
            failed: failed_at.map(|_| code_of(failure)),
        }
    }

    /// The figures that count it, with their keys.
    fn figures(self, template: i64) -> impl Iterator<Item = (Metric, i64)> {
        [
            self.sent.then_some((Metric::Sent, template)),
            self.delivered.then_some((Metric::Delivered, template)),
            self.read.then_some((Metric::Read, template)),
            self.failed.map(|_| (Metric::Failed, template)),
            self.failed.map(|code| (Metric::Errors, code)),
        ]
        .into_iter()
        .flatten()
    }
}

fn code_of(failure: Option<&str>) -> i64 {
    let known: Option<Failure> = failure.and_then(|text| serde_json::from_str(text).ok());
    known.and_then(|known| known.meta_error_code).unwrap_or(0)
}

type Key = (i64, i64, &'static str, i64);

/// What a transaction does to figures.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<BTreeMap<Key, i64>>);

impl Figures {
    /// Moves one figure in the hour of `at`.
    pub(crate) fn add(&self, tenant: TenantId, metric: Metric, key: i64, at: Timestamp, by: i64) {
        self.add_in(tenant, metric, key, hour_of(at), by);
    }

    fn add_in(&self, tenant: TenantId, metric: Metric, key: i64, hour: i64, by: i64) {
        let mut figures = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *figures.entry((tenant.0, hour, metric.as_str(), key)).or_default() += by;
    }

    /// A message stood there and stands here now.
    pub(crate) fn moved(&self, tenant: TenantId, template: Option<i64>, was: Standing, is: Standing) {
        if was == is {
            return;
        }
        let template = template.unwrap_or(0);
        for (metric, key) in was.figures(template) {
            self.add_in(tenant, metric, key, was.hour, -1);
        }
        for (metric, key) in is.figures(template) {
            self.add_in(tenant, metric, key, is.hour, 1);
        }
    }

    fn take(&self) -> BTreeMap<Key, i64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

set! {
    Delta {
        t: Int i64,
        hour: Int i64,
        metric: Text &'static str,
        key: Int i64,
        count: Int i64,
    }
}

/// Writes what the transaction did: one statement, its rows in the order in which every node locks them; none when
/// nothing was counted.
pub(crate) async fn write(tx: &Tx) -> Result<(), Fault> {
    let rows: Vec<Delta> = tx
        .figures
        .take()
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|((t, hour, metric, key), count)| Delta { t, hour, metric, key, count })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<Delta>(1, "r");
    let sql = format!(
        "INSERT INTO metric_hours (tenant_id, hour, metric, key, count) \
         SELECT r.t, r.hour, r.metric, r.key, r.count FROM {set} WHERE TRUE ORDER BY r.t, r.hour, r.metric, r.key \
         ON CONFLICT (tenant_id, hour, metric, key) DO UPDATE SET count = metric_hours.count + excluded.count"
    );
    db::run(&**tx, &sql, [param(&rows)?]).await?;
    Ok(())
}

#[async_trait]
impl AnalyticsStore for SqlStore {
    async fn figures(&self, tenant: TenantId, from: i64, until: i64) -> StoreResult<Vec<Figure>> {
        Ok(figures(self, tenant, from, until).await?)
    }

    async fn figures_by_day(&self, tenant: TenantId, from: i64, until: i64) -> StoreResult<Vec<DayFigure>> {
        Ok(figures_by_day(self, tenant, from, until).await?)
    }

    async fn backlog(&self, tenant: TenantId, doubts_before: Timestamp) -> StoreResult<Backlog> {
        Ok(backlog(self, tenant, doubts_before).await?)
    }

    async fn template_marks(&self, tenant: TenantId) -> StoreResult<Vec<TemplateMark>> {
        Ok(template_marks(self, tenant).await?)
    }
}

async fn figures(store: &SqlStore, tenant: TenantId, from: i64, until: i64) -> Result<Vec<Figure>, Fault> {
    let sql = "SELECT metric, key, CAST(SUM(count) AS BIGINT) AS count FROM metric_hours \
               WHERE tenant_id = $1 AND hour >= $2 AND hour < $3 GROUP BY metric, key \
               HAVING SUM(count) <> 0 ORDER BY metric, key";
    let rows = db::all(store.reader(), sql, [tenant.0.into(), from.into(), until.into()]).await?;
    let read = |row| -> Result<Figure, Fault> {
        let row: &sea_orm::QueryResult = row;
        Ok(Figure { metric: row.word("metric")?, key: row.get("key")?, count: row.get("count")? })
    };
    rows.iter().map(read).collect()
}

async fn figures_by_day(
    store: &SqlStore,
    tenant: TenantId,
    from: i64,
    until: i64,
) -> Result<Vec<DayFigure>, Fault> {
    let sql = "SELECT hour / 24 AS day, metric, CAST(SUM(count) AS BIGINT) AS count FROM metric_hours \
               WHERE tenant_id = $1 AND hour >= $2 AND hour < $3 GROUP BY hour / 24, metric ORDER BY 1, 2";
    let rows = db::all(store.reader(), sql, [tenant.0.into(), from.into(), until.into()]).await?;
    let read = |row| -> Result<DayFigure, Fault> {
        let row: &sea_orm::QueryResult = row;
        Ok(DayFigure { day: row.get("day")?, metric: row.word("metric")?, count: row.get("count")? })
    };
    rows.iter().map(read).collect()
}

async fn backlog(store: &SqlStore, tenant: TenantId, doubts_before: Timestamp) -> Result<Backlog, Fault> {
    // The first of each priority, each by the index that a claim goes by.
    let first = |priority: u8| {
        format!(
            "(SELECT MIN(o.due_at) FROM outbox o WHERE o.tenant_id = $1 AND o.connection_id = c.id \
             AND o.priority = {priority} AND NOT o.sending AND NOT o.held) AS due_{priority}"
        )
    };
    let sql = format!(
        "SELECT c.id AS id, {}, {}, {} FROM connections c WHERE c.tenant_id = $1 AND c.state = 'active' ORDER BY c.id",
        first(0),
        first(1),
        first(2)
    );
    let mut backlog = Backlog::default();
    for row in db::all(store.reader(), &sql, [tenant.0.into()]).await? {
        let first = [row.time_opt("due_0")?, row.time_opt("due_1")?, row.time_opt("due_2")?];
        if let Some(oldest) = first.into_iter().flatten().min() {
            backlog.oldest_due.push((ConnectionId(row.get("id")?), oldest));
        }
    }
    let sql = "SELECT COUNT(*) AS count FROM messages WHERE tenant_id = $1 AND in_doubt_at IS NOT NULL \
               AND in_doubt_at < $2";
    let row = db::one(store.reader(), sql, [tenant.0.into(), micros(doubts_before).into()]).await?;
    backlog.in_doubt = row.map(|row| row.get("count")).transpose()?.unwrap_or(0);
    Ok(backlog)
}

async fn template_marks(store: &SqlStore, tenant: TenantId) -> Result<Vec<TemplateMark>, Fault> {
    let sql = "SELECT id, name, language, category, status, updated_at FROM templates \
               WHERE tenant_id = $1 AND status <> 'deleted' ORDER BY id";
    let rows = db::all(store.reader(), sql, [tenant.0.into()]).await?;
    let read = |row| -> Result<TemplateMark, Fault> {
        let row: &sea_orm::QueryResult = row;
        Ok(TemplateMark {
            id: TemplateId(row.get("id")?),
            name: row.get("name")?,
            language: row.get("language")?,
            category: row.get("category")?,
            status: row.get("status")?,
            updated_at: row.time("updated_at")?,
        })
    };
    rows.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_message_counts_in_the_hour_in_which_meta_took_it() {
        let times = Times { sent: Some(at(10)), delivered: Some(at(9_000)), ..Times::default() };
        let standing = Standing::of(Status::Delivered, &times, None);
        let figures: Vec<_> = standing.figures(7).collect();
        assert_eq!(standing.hour, 0);
        assert_eq!(figures, [(Metric::Sent, 7), (Metric::Delivered, 7)]);
    }

    #[test]
    fn one_that_arrived_after_it_failed_is_no_failure() {
        let times = Times { failed: Some(at(1)), delivered: Some(at(2)), ..Times::default() };
        let figures: Vec<_> = Standing::of(Status::Delivered, &times, None).figures(0).collect();
        assert_eq!(figures, [(Metric::Sent, 0), (Metric::Delivered, 0)]);
    }

    #[test]
    fn moving_there_and_back_leaves_nothing() {
        let figures = Figures::default();
        let times = Times { failed: Some(at(1)), ..Times::default() };
        let failed =
            Standing::of(Status::Failed, &times, Some(r#"{"code":"X","message":"","meta_error_code":5}"#));
        figures.moved(TenantId(1), Some(3), Standing::default(), failed);
        assert_eq!(figures.take().len(), 2);
        figures.moved(TenantId(1), Some(3), Standing::default(), failed);
        figures.moved(TenantId(1), Some(3), failed, Standing::default());
        assert!(figures.take().values().all(|count| *count == 0));
    }
}

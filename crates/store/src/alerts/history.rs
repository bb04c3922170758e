//! What happened to alerts, and what is to be told of it.

use domain::alerts::Severity;
use domain::alerts::delivery::GATHER;
use domain::audit::Actor;
use domain::{AlertId, TenantId, Timestamp};
use ports::alerts::{Alert, AlertEvent, By, Happened, NewAlert};
use sea_orm::QueryResult;

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::ids::{self, Kind};
use crate::sets::{param, set};

/// Something that happened to an alert.
pub(super) struct News<'a> {
    pub(super) tenant: TenantId,
    pub(super) alert: i64,
    pub(super) happened: Happened,
    pub(super) at: Timestamp,
    pub(super) by: Option<&'a Actor>,
    /// Severity and kind, when the channels are to hear of it.
    pub(super) told: Option<(Severity, &'a str)>,
}

impl<'a> News<'a> {
    /// An alert was opened.
    pub(super) fn opened(id: i64, alert: &'a NewAlert) -> Self {
        Self {
            tenant: alert.tenant_id,
            alert: id,
            happened: Happened::Opened,
            at: alert.at,
            by: None,
            told: Some((alert.severity, &alert.kind)),
        }
    }
}

set! {
    EventRow {
        t: Int i64,
        id: Int i64,
        alert: Int i64,
        happened: Text &'static str,
        at: Int i64,
        by: Text Option<String>,
        key: Text Option<String>,
    }
}

set! {
    ToTell<'a> {
        t: Int i64,
        id: Int i64,
        kind: Text &'a str,
        severity: Int i64,
        at: Int i64,
        due_at: Int i64,
    }
}

/// Writes it down, and for each channel that wants it that it is to be told there.
pub(super) async fn write(tx: &Tx, news: &[News<'_>]) -> Result<(), Fault> {
    if news.is_empty() {
        return Ok(());
    }
    let [mut fresh] = ids::take(tx, [(Kind::AlertEvent, news.len())]).await?;
    let (mut rows, mut told) = (Vec::with_capacity(news.len()), Vec::new());
    for one in news {
        let (t, id, at) = (one.tenant.0, fresh.next()?, micros(one.at));
        let (by, key) = (one.by.and_then(name), one.by.map(Actor::key));
        rows.push(EventRow { t, id, alert: one.alert, happened: one.happened.as_str(), at, by, key });
        if let Some((severity, kind)) = one.told {
            let due_at = micros(one.at.saturating_add(GATHER).map_err(Fault::internal)?);
            told.push(ToTell { t, id, kind, severity: severity as i64, at, due_at });
        }
    }
    let set = tx.dialect.set::<EventRow>(1, "r");
    let sql = format!(
        "INSERT INTO alert_events (tenant_id, id, alert_id, happened, at, by_whom, by_key) \
         SELECT r.t, r.id, r.alert, r.happened, r.at, r.by, r.key FROM {set}"
    );
    db::run(&**tx, &sql, [param(&rows)?]).await?;
    if told.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<ToTell<'_>>(1, "r");
    let kinds = tx.dialect.elements("c.kinds", "k");
    let sql = format!(
        "INSERT INTO alert_deliveries (tenant_id, channel_id, event_id, created_at, due_at, attempts, taken_until) \
         SELECT r.t, c.id, r.id, r.at, r.due_at, 0, 0 FROM {set} CROSS JOIN alert_channels c \
         WHERE c.tenant_id = r.t AND c.enabled AND c.min_severity <= r.severity \
         AND (c.kinds = '[]' OR r.kind IN (SELECT k.value FROM {kinds}))"
    );
    db::run(&**tx, &sql, [param(&told)?]).await?;
    Ok(())
}

/// Columns of an event, of the table under the alias `e`, beside those of its alert.
pub(super) const EVENT: &str = "e.id AS event_id, e.alert_id AS alert_id, e.happened AS happened, e.at AS at, \
     e.by_whom AS by_whom, e.by_key AS by_key";
/// Those of its alert, under the alias `a`.
pub(super) const ALERT: &str = "a.id AS id, a.kind AS kind, a.subject AS subject, a.severity AS severity, \
     a.message AS message, a.details AS details, a.opened_at AS opened_at, a.last_at AS last_at, a.count AS count, \
     a.acknowledged_at AS acknowledged_at, a.acknowledged_by AS acknowledged_by, a.acknowledged_key AS acknowledged_key, \
     a.resolved_at AS resolved_at";

/// What somebody is called, as it is kept.
pub(super) fn name(by: &Actor) -> Option<String> {
    by.name.as_deref().map(|name| clean(name).into_owned())
}

/// Who did it, out of these columns; rows of before the key was kept have the name alone.
pub(super) fn by(row: &QueryResult, key: &str, name: &str) -> Result<Option<By>, Fault> {
    let (key, name): (Option<String>, Option<String>) = (row.get(key)?, row.get(name)?);
    if key.is_none() && name.is_none() {
        return Ok(None);
    }
    let (kind, id) = key.as_deref().map_or((None, None), |key| {
        let (kind, id) = key.split_once(':').unwrap_or((key, ""));
        (kind.parse().ok(), id.parse().ok())
    });
    Ok(Some(By { kind, id, name }))
}

pub(super) fn event(row: &QueryResult) -> Result<AlertEvent, Fault> {
    Ok(AlertEvent {
        id: row.get("event_id")?,
        alert_id: AlertId(row.get("alert_id")?),
        happened: row.word("happened")?,
        at: row.time("at")?,
        by: by(row, "by_key", "by_whom")?,
    })
}

/// All that happened to one, oldest first.
pub(super) async fn of(store: &SqlStore, tenant: TenantId, alert: AlertId) -> Result<Vec<AlertEvent>, Fault> {
    let sql = format!(
        "SELECT {EVENT} FROM alert_events e WHERE e.tenant_id = $1 AND e.alert_id = $2 ORDER BY e.id"
    );
    let rows = db::all(store.reader(), &sql, [tenant.0.into(), alert.0.into()]).await?;
    rows.iter().map(event).collect()
}

/// All that happened after an event, oldest first.
pub(super) async fn after(
    store: &SqlStore,
    tenant: TenantId,
    after: i64,
    limit: u32,
) -> Result<Vec<(AlertEvent, Alert)>, Fault> {
    let sql = format!(
        "SELECT {EVENT}, {ALERT} FROM alert_events e CROSS JOIN alerts a \
         WHERE e.tenant_id = $1 AND e.id > $2 AND a.tenant_id = $1 AND a.id = e.alert_id ORDER BY e.id LIMIT $3"
    );
    let values = [tenant.0.into(), after.into(), i64::from(limit).into()];
    let rows = db::all(store.reader(), &sql, values).await?;
    rows.iter().map(|row| Ok((event(row)?, super::from_row(row)?))).collect()
}

/// The last event's id, or 0.
pub(super) async fn last(store: &SqlStore, tenant: TenantId) -> Result<i64, Fault> {
    let sql = "SELECT COALESCE(MAX(id), 0) AS last FROM alert_events WHERE tenant_id = $1";
    let row = db::one(store.reader(), sql, [tenant.0.into()]).await?;
    row.map_or(Ok(0), |row| row.get("last"))
}

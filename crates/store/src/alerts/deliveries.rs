//! What is to be told on which channel: taken for a time, settled, swept.

use domain::{AlertChannelId, TenantId, Timestamp};
use ports::alerts::channels::{Delivery, Parcel};
use sea_orm::{QueryResult, Value};

use super::{channels, from_row, history};
use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::sets::{param, set};

/// Most pieces of news in one message.
const LARGEST: i64 = 100;

/// See `ChannelStore::take_parcels`.
pub(super) async fn take(
    store: &SqlStore,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<Parcel>, Fault> {
    let sql = "SELECT tenant_id, channel_id, MIN(due_at) AS due_at FROM alert_deliveries \
               WHERE settled_at IS NULL AND due_at <= $1 AND taken_until <= $1 \
               GROUP BY tenant_id, channel_id ORDER BY MIN(due_at) LIMIT $2";
    let due = db::all(store.reader(), sql, [micros(now).into(), i64::from(limit).into()]).await?;
    let mut parcels = Vec::with_capacity(due.len());
    for row in due {
        let (tenant, channel) = (TenantId(row.get("tenant_id")?), AlertChannelId(row.get("channel_id")?));
        parcels.extend(take_of(store, tenant, channel, now, until).await?);
    }
    Ok(parcels)
}

set! {
    Event { id: Int i64 }
}

async fn take_of(
    store: &SqlStore,
    tenant: TenantId,
    channel: AlertChannelId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Parcel>, Fault> {
    let tx = store.begin().await?;
    let sql = format!(
        "UPDATE alert_deliveries SET taken_until = $4 WHERE tenant_id = $1 AND channel_id = $2 \
         AND settled_at IS NULL AND taken_until <= $3 AND event_id IN (SELECT d.event_id FROM alert_deliveries d \
         WHERE d.tenant_id = $1 AND d.channel_id = $2 AND d.settled_at IS NULL AND d.taken_until <= $3 \
         AND (d.due_at <= $3 OR d.attempts = 0) ORDER BY d.event_id LIMIT {LARGEST}) \
         RETURNING event_id, attempts, created_at"
    );
    let values = [tenant.0.into(), channel.0.into(), micros(now).into(), micros(until).into()];
    let taken = db::all(&*tx, &sql, values).await?;
    if taken.is_empty() {
        return Ok(None);
    }
    let found = channels::find(store, &*tx, tenant, channel).await?;
    let news = news(&tx, tenant, &taken).await?;
    tx.commit().await?;
    let Some((channel, target)) = found else { return Ok(None) };
    let (mut attempts, mut since) = (0_i64, now);
    for row in &taken {
        attempts = attempts.max(row.get("attempts")?);
        since = since.min(row.time("created_at")?);
    }
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    Ok(Some(Parcel { channel, target, news, attempts, since }))
}

async fn news(
    tx: &Tx,
    tenant: TenantId,
    taken: &[QueryResult],
) -> Result<Vec<(ports::alerts::AlertEvent, ports::alerts::Alert)>, Fault> {
    let rows: Vec<Event> =
        taken.iter().map(|row| Ok(Event { id: row.get("event_id")? })).collect::<Result<_, Fault>>()?;
    let set = tx.dialect.set::<Event>(1, "r");
    let sql = format!(
        "SELECT {}, {} FROM {set} CROSS JOIN alert_events e CROSS JOIN alerts a WHERE e.tenant_id = $2 \
         AND e.id = r.id AND a.tenant_id = $2 AND a.id = e.alert_id ORDER BY e.id",
        history::EVENT,
        history::ALERT
    );
    let rows = db::all(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
    rows.iter().map(|row| Ok((history::event(row)?, from_row(row)?))).collect()
}

/// See `ChannelStore::settle_parcel`.
pub(super) async fn settle(
    store: &SqlStore,
    parcel: &Parcel,
    delivery: &Delivery,
    at: Timestamp,
) -> Result<(), Fault> {
    let (due_at, settled_at, why) = match delivery {
        Delivery::Done => (None, Some(at), None),
        Delivery::Again { due_at, why } => (Some(*due_at), None, Some(why)),
        Delivery::GivenUp { why } => (None, Some(at), Some(why)),
    };
    let why = why.map(|why| clean(why).into_owned());
    let rows: Vec<Event> = parcel.news.iter().map(|(event, _)| Event { id: event.id }).collect();
    let (tenant, channel) = (parcel.channel.tenant_id, parcel.channel.id);
    let tx = store.begin().await?;
    let set = tx.dialect.set::<Event>(1, "r");
    let sql = format!(
        "UPDATE alert_deliveries SET attempts = attempts + 1, due_at = COALESCE($4, due_at), settled_at = $5, \
         error = $6, taken_until = 0 WHERE tenant_id = $2 AND channel_id = $3 AND settled_at IS NULL \
         AND event_id IN (SELECT r.id FROM {set})"
    );
    let values: [Value; 6] = [
        param(&rows)?,
        tenant.0.into(),
        channel.0.into(),
        due_at.map(micros).into(),
        settled_at.map(micros).into(),
        why.clone().into(),
    ];
    db::run(&*tx, &sql, values).await?;
    let sql = "UPDATE alert_channels SET delivered_at = COALESCE($3, delivered_at), error = $4, error_at = $5 \
               WHERE tenant_id = $1 AND id = $2";
    let failed_at = why.is_some().then_some(micros(at));
    let done_at = (*delivery == Delivery::Done).then_some(micros(at));
    let values: [Value; 5] =
        [tenant.0.into(), channel.0.into(), done_at.into(), why.into(), failed_at.into()];
    db::run(&*tx, sql, values).await?;
    tx.commit().await
}

/// See `ChannelStore::next_parcel`.
pub(super) async fn next(store: &SqlStore) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT MIN(due_at) AS due_at FROM alert_deliveries WHERE settled_at IS NULL";
    let row = db::one(store.reader(), sql, []).await?;
    Ok(row.map(|row| row.time_opt("due_at")).transpose()?.flatten())
}

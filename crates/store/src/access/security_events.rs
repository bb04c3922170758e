//! Security events: equal ones within a minute are one row.

use std::collections::BTreeMap;

use domain::{ConnectionId, SecurityEventId, TenantId};
use ports::access::{EventFilter, NewSecurityEvent, SecurityEvent};
use ports::{Page, Paging};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use serde::Serialize;

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::dialect::As;
use crate::ids::{self, Kind};
use crate::lists::{self, List};

/// Equal events so close, in microseconds, are counted together.
const NEAR: i64 = 60 * 1_000_000;

const COLUMNS: &str = "tenant_id, id, kind, connection_id, address, reason, at, last_at, count";

fn from_row(row: &QueryResult) -> Result<SecurityEvent, Fault> {
    Ok(SecurityEvent {
        id: SecurityEventId(row.get("id")?),
        tenant_id: TenantId(row.get("tenant_id")?),
        kind: row.get("kind")?,
        connection_id: row.get::<Option<i64>>("connection_id")?.map(ConnectionId),
        address: row.get("address")?,
        reason: row.get("reason")?,
        at: row.time("at")?,
        last_at: row.time("last_at")?,
        count: row.get("count")?,
    })
}

pub(super) async fn list(
    store: &SqlStore,
    tenant: TenantId,
    filter: &EventFilter,
    paging: &Paging,
) -> Result<Page<SecurityEvent>, Fault> {
    let from = Query::select()
        .from("security_events")
        .and_where(Expr::col("tenant_id").eq(tenant.0))
        .and_where_option(filter.kind.as_ref().map(|kind| Expr::col("kind").eq(clean(kind).into_owned())))
        .and_where_option(
            filter.address.as_ref().map(|address| Expr::col("address").eq(clean(address).into_owned())),
        )
        .and_where_option(filter.since.map(|since| Expr::col("last_at").gte(micros(since))))
        .and_where_option(filter.until.map(|until| Expr::col("at").lt(micros(until))))
        .take();
    let list = List { from, columns: COLUMNS, keys: &[("id", As::Int)], order: Order::Desc };
    lists::page(store.reader(), list, paging, from_row).await
}

/// Equal events of one call, none further than [`NEAR`] from the one before.
#[derive(Debug, Serialize)]
struct Run {
    i: usize,
    id: i64,
    tenant_id: i64,
    kind: String,
    connection_id: Option<i64>,
    address: Option<String>,
    reason: String,
    at: i64,
    last_at: i64,
    count: i64,
}

const RUN: [(&str, As); 10] = [
    ("i", As::Int),
    ("id", As::Int),
    ("tenant_id", As::Int),
    ("kind", As::Text),
    ("connection_id", As::Int),
    ("address", As::Text),
    ("reason", As::Text),
    ("at", As::Int),
    ("last_at", As::Int),
    ("count", As::Int),
];

pub(super) async fn record(store: &SqlStore, events: Vec<NewSecurityEvent>) -> Result<(), Fault> {
    let mut runs = fold(events);
    if runs.is_empty() {
        return Ok(());
    }
    let tx = store.begin().await?;
    // Two who find no row both add one: so one at a time per tenant.
    let mut tenants: Vec<i64> = runs.iter().map(|run| run.tenant_id).collect();
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants {
        tx.dialect.own_lock(&tx, &format!("security_events/{tenant}")).await?;
    }
    let known = raise_known(&tx, &runs).await?;
    runs.retain(|run| !known.contains(&run.i));
    add(&tx, runs).await?;
    tx.commit().await
}

fn fold(mut events: Vec<NewSecurityEvent>) -> Vec<Run> {
    events.sort_by_key(|event| event.at);
    let mut runs: Vec<Run> = Vec::new();
    let mut latest = BTreeMap::new();
    for event in events {
        let at = micros(event.at);
        let reason = clean(&event.reason).into_owned();
        let key = (event.tenant_id, event.kind, event.connection_id, event.address, reason);
        match latest.get(&key).map(|index: &usize| &mut runs[*index]) {
            Some(run) if at - run.last_at <= NEAR => {
                run.last_at = at;
                run.count += event.count;
            }
            _ => {
                let i = runs.len();
                latest.insert(key.clone(), i);
                let (tenant, kind, connection, address, reason) = key;
                runs.push(Run {
                    i,
                    id: 0,
                    tenant_id: tenant.0,
                    kind,
                    connection_id: connection.map(|connection| connection.0),
                    address: address.map(|address| clean(&address).into_owned()),
                    reason,
                    at,
                    last_at: at,
                    count: event.count,
                });
            }
        }
    }
    runs
}

/// Counts into rows that are near enough; answers which runs found one.
async fn raise_known(tx: &Tx, runs: &[Run]) -> Result<Vec<usize>, Fault> {
    let set = tx.dialect.rows(1, &RUN, "r");
    // Row by row, by the index on kind and time: joined, PostgreSQL reads every event that there ever was, for it does not
    // know how few are near. `+ 0` keeps it from walking along the ids instead.
    let sql = format!(
        "SELECT r.i AS i, r.tenant_id AS tenant_id, (SELECT MAX(e.id + 0) FROM security_events e \
         WHERE e.tenant_id = r.tenant_id AND e.kind = r.kind AND e.last_at >= r.at - $2 AND e.at <= r.last_at + $2 \
         AND e.connection_id IS NOT DISTINCT FROM r.connection_id AND e.address IS NOT DISTINCT FROM r.address \
         AND e.reason = r.reason) AS id FROM {set}"
    );
    let rows = db::all(&**tx, &sql, [db::to_json(runs)?.into(), NEAR.into()]).await?;
    let mut known = Vec::with_capacity(rows.len());
    let mut raised: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
    for row in rows {
        let Some(id) = row.get::<Option<i64>>("id")? else { continue };
        let index = usize::try_from(row.get::<i64>("i")?).map_err(Fault::internal)?;
        let run = &runs[index];
        let (count, last_at) = raised.entry((row.get("tenant_id")?, id)).or_insert((0, run.last_at));
        *count += run.count;
        *last_at = Ord::max(*last_at, run.last_at);
        known.push(index);
    }
    let raised: Vec<serde_json::Value> = raised
        .into_iter()
        .map(|((tenant, id), (count, last_at))| {
            serde_json::json!({ "tenant_id": tenant, "id": id, "count": count, "last_at": last_at })
        })
        .collect();
    if !raised.is_empty() {
        let columns = [("tenant_id", As::Int), ("id", As::Int), ("count", As::Int), ("last_at", As::Int)];
        let set = tx.dialect.rows(1, &columns, "r");
        let sql = format!(
            "UPDATE security_events SET count = security_events.count + r.count, last_at = CASE WHEN \
             r.last_at > security_events.last_at THEN r.last_at ELSE security_events.last_at END FROM {set} \
             WHERE security_events.tenant_id = r.tenant_id AND security_events.id = r.id"
        );
        db::run(&**tx, &sql, [db::to_json(&raised)?.into()]).await?;
    }
    Ok(known)
}

async fn add(tx: &Tx, mut runs: Vec<Run>) -> Result<(), Fault> {
    if runs.is_empty() {
        return Ok(());
    }
    let [mut fresh] = ids::take(tx, [(Kind::SecurityEvent, runs.len())]).await?;
    for run in &mut runs {
        run.id = fresh.next()?;
    }
    let set = tx.dialect.rows(1, &RUN, "r");
    let sql = format!(
        "INSERT INTO security_events ({COLUMNS}) SELECT r.tenant_id, r.id, r.kind, r.connection_id, r.address, \
         r.reason, r.at, r.last_at, r.count FROM {set}"
    );
    db::run(&**tx, &sql, [db::to_json(&runs)?.into()]).await?;
    Ok(())
}

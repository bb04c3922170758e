//! Freezing: an audience becomes recipients, page by page, each page one INSERT of a SELECT: no row travels.

use domain::broadcasts::{LeftOut, State};
use domain::{BroadcastId, TenantId};
use ports::broadcasts::{DueTimes, FrozenPage, Screen};
use sea_orm::QueryResult;

use super::audience::{Audience, Part, ZONE, ZONES};
use super::{counts, row};
use crate::db::{self, Fault, Row, SqlStore, Tx, micros};

/// Freezes the next page.
pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    screen: &Screen,
    due: &DueTimes,
    limit: u32,
) -> Result<FrozenPage, Fault> {
    let tx = store.begin().await?;
    let Some(standing) = row::lock(&tx, tenant, broadcast).await? else { return Ok(FrozenPage::default()) };
    if standing.frozen || !standing.begun || !matches!(standing.state, State::Sending | State::Paused) {
        return Ok(FrozenPage { done: standing.frozen, ..FrozenPage::default() });
    }
    // A list is the broadcast's own.
    let screen = &Screen { list: screen.list.map(|_| broadcast), ..screen.clone() };
    let limit = i64::from(limit.max(1));
    let (last, looked_at) = last_of_page(&tx, tenant, screen, standing.freeze_cursor, limit).await?;
    let mut page = FrozenPage { done: looked_at < limit, ..FrozenPage::default() };
    if let Some(last) = last {
        let part = Part::Between(standing.freeze_cursor, last);
        for (reason, count) in insert(&tx, tenant, broadcast, screen, due, part).await? {
            let name = match reason {
                None => {
                    page.recipients += count;
                    counts::PENDING.to_owned()
                }
                Some(reason) => {
                    page.left_out += count;
                    counts::left_out(reason)
                }
            };
            tx.tally.add(tenant, broadcast, screen.at, name, count);
        }
    }
    let sql = "UPDATE broadcasts SET freeze_cursor = COALESCE($3, freeze_cursor), frozen = $4 \
               WHERE tenant_id = $1 AND id = $2";
    db::run(&*tx, sql, [tenant.0.into(), broadcast.0.into(), last.into(), page.done.into()]).await?;
    tx.commit().await?;
    Ok(page)
}

/// Where the page ends, and how many contacts (or rows) it looks at: a page of a rule that fits few must not hold the
/// store for long either.
async fn last_of_page(
    tx: &Tx,
    tenant: TenantId,
    screen: &Screen,
    after: i64,
    limit: i64,
) -> Result<(Option<i64>, i64), Fault> {
    let mut values = vec![tenant.0.into(), after.into(), limit.into()];
    let page = match screen.list {
        None => {
            "SELECT c.id AS id FROM contacts c WHERE c.tenant_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3"
        }
        Some(list) => {
            values.push(list.0.into());
            "SELECT w.row_number AS id FROM broadcast_rows w WHERE w.tenant_id = $1 \
             AND w.list_id = (SELECT b.list_id FROM broadcasts b WHERE b.tenant_id = $1 AND b.id = $4) \
             AND w.row_number > $2 ORDER BY w.row_number LIMIT $3"
        }
    };
    let sql = format!("SELECT MAX(p.id) AS last, COUNT(*) AS looked_at FROM ({page}) AS p");
    let row = db::one(&**tx, &sql, values).await?.ok_or_else(|| Fault::internal("a count gave no row"))?;
    Ok((row.get("last")?, row.get("looked_at")?))
}

/// Writes the recipients of the page; answers how many there are of each kind.
async fn insert(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    screen: &Screen,
    due: &DueTimes,
    part: Part,
) -> Result<Vec<(Option<LeftOut>, i64)>, Fault> {
    let mut audience = Audience::new(tx.dialect, tenant, screen);
    let zones: Vec<_> =
        due.zones.iter().map(|(zone, at)| serde_json::json!({ "zone": zone, "at": micros(*at) })).collect();
    audience.values.push(db::to_json(&zones)?.into());
    let zones = tx.dialect.rows(2, &ZONES, "x");
    let id = audience.bind(broadcast.0);
    let otherwise = audience.bind(micros(due.otherwise));
    let frozen = format!(
        "EXISTS (SELECT 1 FROM recipients d WHERE d.tenant_id = $1 AND d.broadcast_id = {id} AND d.id = c.id)"
    );
    let relation = audience.relation(part);
    let reason = audience.reason(Some(frozen));
    let (key, row_number, back) = match screen.list {
        None => ("c.id", "NULL", ""),
        Some(_) => ("w.row_number", "p.key", " RETURNING reason"),
    };
    let whose = match screen.list {
        None => "p.key",
        Some(_) => {
            "CASE WHEN p.reason IN ('invalid_number', 'unknown_contact', 'duplicate') THEN -p.key ELSE p.contact END"
        }
    };
    let sql = format!(
        "WITH zones AS MATERIALIZED (SELECT x.zone AS zone, x.at AS at FROM {zones}) \
         INSERT INTO recipients (tenant_id, broadcast_id, id, row_number, zone, due_at, attempt, reason) \
         SELECT $1, {id}, {whose}, {row_number}, p.zone, COALESCE(z.at, {otherwise}), 1, p.reason \
         FROM (SELECT {key} AS key, c.id AS contact, {ZONE} AS zone, {reason} AS reason {relation}) AS p \
         LEFT JOIN zones z ON z.zone = p.zone WHERE TRUE \
         ON CONFLICT (tenant_id, broadcast_id, id) DO NOTHING{back}"
    );
    if screen.list.is_none() {
        db::run(&**tx, &sql, audience.values).await?;
        return tally(tx, tenant, broadcast, part).await;
    }
    // Rows of a list lie anywhere among the recipients: their reasons come back, to be counted here.
    let mut kinds: Vec<(Option<LeftOut>, i64)> = Vec::new();
    for row in db::all(&**tx, &sql, audience.values).await? {
        let reason = reason_of(&row)?;
        match kinds.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => kinds.push((reason, 1)),
        }
    }
    Ok(kinds)
}

async fn tally(
    tx: &Tx,
    tenant: TenantId,
    broadcast: BroadcastId,
    part: Part,
) -> Result<Vec<(Option<LeftOut>, i64)>, Fault> {
    let Part::Between(after, upto) = part else { return Ok(Vec::new()) };
    let sql = "SELECT d.reason AS reason, COUNT(*) AS recipients FROM recipients d \
               WHERE d.tenant_id = $1 AND d.broadcast_id = $2 AND d.id > $3 AND d.id <= $4 GROUP BY d.reason";
    let values = [tenant.0.into(), broadcast.0.into(), after.into(), upto.into()];
    let rows = db::all(&**tx, sql, values).await?;
    rows.iter().map(|row| Ok((reason_of(row)?, row.get("recipients")?))).collect()
}

/// Out of `reason`.
pub(super) fn reason_of(row: &QueryResult) -> Result<Option<LeftOut>, Fault> {
    let word = row.get::<Option<String>>("reason")?;
    word.map(|word| word.parse().map_err(Fault::Internal)).transpose()
}

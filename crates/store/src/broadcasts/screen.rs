//! Counting whom a broadcast would reach, and showing some of them.

use std::collections::BTreeMap;

use domain::TenantId;
use domain::broadcasts::LeftOut;
use domain::broadcasts::recipe::Source;
use ports::broadcasts::{Sampled, Screen, Screened};

use super::audience::{Audience, Part, ZONE};
use super::freeze::reason_of;
use crate::contacts::row;
use crate::db::{self, Fault, Row, SqlStore};

/// Counts, in one statement.
pub(super) async fn count(store: &SqlStore, tenant: TenantId, screen: &Screen) -> Result<Screened, Fault> {
    let mut audience = Audience::new(store.dialect(), tenant, screen);
    let relation = audience.relation(Part::Whole);
    let reason = audience.reason(None);
    let known = audience.known_today();
    // What is asked of recipients alone is one group for all who are left out.
    let sql = format!(
        "SELECT p.reason AS reason, p.country AS country, p.language AS language, p.zone AS zone, p.known AS known, \
         COUNT(*) AS contacts FROM (SELECT s.reason AS reason, \
         CASE WHEN s.reason IS NULL THEN s.country END AS country, \
         CASE WHEN s.reason IS NULL THEN s.language END AS language, \
         CASE WHEN s.reason IS NULL THEN s.zone END AS zone, \
         CAST(CASE WHEN s.reason IS NULL AND s.known THEN 1 ELSE 0 END AS BIGINT) AS known \
         FROM (SELECT {reason} AS reason, c.country AS country, c.language AS language, {ZONE} AS zone, \
         {known} AS known {relation}) AS s) AS p GROUP BY p.reason, p.country, p.language, p.zone, p.known"
    );
    let mut screened = Screened::default();
    let mut left_out = BTreeMap::new();
    let (mut countries, mut languages, mut zones) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for row in db::all(store.reader(), &sql, audience.values).await? {
        let contacts: i64 = row.get("contacts")?;
        screened.meant += contacts;
        if let Some(reason) = reason_of(&row)? {
            *left_out.entry(reason).or_default() += contacts;
            continue;
        }
        screened.recipients += contacts;
        *countries.entry(row.get::<Option<String>>("country")?).or_default() += contacts;
        *languages.entry(row.get::<Option<String>>("language")?).or_default() += contacts;
        *zones.entry(row.get::<Option<String>>("zone")?).or_default() += contacts;
        screened.known_today += row.get::<i64>("known")? * contacts;
    }
    screened.left_out = left_out.into_iter().collect();
    screened.countries = countries.into_iter().collect();
    screened.languages = languages.into_iter().collect();
    screened.zones = zones.into_iter().collect();
    if screened.left_out.iter().any(|(reason, _)| *reason == LeftOut::MissingParameter) {
        screened.empty_for_all = empty_for_all(store, tenant, screen).await?;
    }
    if screen.list.is_some() {
        screened.columns = columns(store, tenant, screen).await?;
    }
    Ok(screened)
}

/// Those of the needed texts that nobody has. Rows of a list of whom nobody knows anything have none of a contact's.
async fn empty_for_all(store: &SqlStore, tenant: TenantId, screen: &Screen) -> Result<Vec<Source>, Fault> {
    let mut audience = Audience::new(store.dialect(), tenant, screen);
    let relation = audience.relation(Part::Whole);
    let counts: Vec<String> = screen
        .needed
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let empty = audience.is_empty(source);
            format!("CAST(COUNT(CASE WHEN NOT ({empty}) THEN 1 END) AS BIGINT) AS filled{index}")
        })
        .collect();
    let sql = format!("SELECT {} {relation} AND c.id IS NOT NULL", counts.join(", "));
    let Some(row) = db::one(store.reader(), &sql, audience.values).await? else { return Ok(Vec::new()) };
    let mut empty = Vec::new();
    for (index, source) in screen.needed.iter().enumerate() {
        if row.get::<i64>(&format!("filled{index}"))? == 0 {
            empty.push(source.clone());
        }
    }
    Ok(empty)
}

/// Rows of a list that are looked at for their columns: an empty cell may be left away.
const FIRST_ROWS: u32 = 100;

async fn columns(store: &SqlStore, tenant: TenantId, screen: &Screen) -> Result<Vec<String>, Fault> {
    let mut audience = Audience::new(store.dialect(), tenant, screen);
    let relation = audience.relation(Part::Whole);
    let sql = format!("SELECT w.columns AS cells {relation} ORDER BY w.row_number LIMIT {FIRST_ROWS}");
    let mut columns = std::collections::BTreeSet::new();
    for row in db::all(store.reader(), &sql, audience.values).await? {
        let cells: Option<serde_json::Map<String, serde_json::Value>> = row.json_opt("cells")?;
        columns.extend(cells.into_iter().flatten().map(|(name, _)| name));
    }
    Ok(columns.into_iter().collect())
}

/// The first of those whom it would reach.
pub(super) async fn sample(
    store: &SqlStore,
    tenant: TenantId,
    screen: &Screen,
    limit: u32,
) -> Result<Vec<Sampled>, Fault> {
    let mut audience = Audience::new(store.dialect(), tenant, screen);
    let relation = audience.relation(Part::Whole);
    let reason = audience.reason(None);
    let limit = audience.bind(i64::from(limit));
    let (cells, order) = match screen.list {
        None => ("NULL", "c.id"),
        Some(_) => ("w.columns", "w.row_number"),
    };
    let sql = format!(
        "SELECT {}, {cells} AS cells {relation} AND {reason} IS NULL ORDER BY {order} LIMIT {limit}",
        row::COLUMNS
    );
    let rows = db::all(store.reader(), &sql, audience.values).await?;
    rows.iter()
        .map(|found| Ok(Sampled { contact: row::from_row(found)?, row: found.json_opt("cells")? }))
        .collect()
}

//! Counting whom a broadcast would reach, and showing some of them.

use std::collections::BTreeMap;

use domain::TenantId;
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
    Ok(screened)
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

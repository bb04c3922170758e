//! Those of an audience whose parameters must be looked at: what is certain of all others is told by the statement alone, so
//! that a preview need not read a million contacts to know of the three whose names have a line break.

use domain::TenantId;
use ports::broadcasts::{Screen, Suspect, Suspicion};

use super::audience::{Audience, Part, ZONE};
use crate::contacts::row;
use crate::db::{self, Fault, Row, SqlStore};

/// The next page of them.
pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    screen: &Screen,
    suspicion: &Suspicion,
    after: i64,
    limit: u32,
) -> Result<Vec<Suspect>, Fault> {
    let mut audience = Audience::new(store.dialect(), tenant, screen);
    let relation = audience.relation(Part::Whole);
    let reason = audience.reason(None);
    let known = audience.known_today();
    let suspect = audience.suspect(suspicion);
    let (cells, key) = match screen.list {
        None => ("NULL", "c.id"),
        Some(_) => ("w.columns", "w.row_number"),
    };
    let (after, limit) = (audience.bind(after), audience.bind(i64::from(limit)));
    let sql = format!(
        "SELECT {}, {cells} AS cells, {key} AS key, {ZONE} AS zone, \
         CAST(CASE WHEN {known} THEN 1 ELSE 0 END AS BIGINT) AS known \
         {relation} AND {key} > {after} AND {suspect} AND {reason} IS NULL ORDER BY {key} LIMIT {limit}",
        row::COLUMNS
    );
    let rows = db::all(store.reader(), &sql, audience.values).await?;
    rows.iter()
        .map(|found| {
            Ok(Suspect {
                key: found.get("key")?,
                contact: row::from_row(found)?,
                row: found.json_opt("cells")?,
                zone: found.get("zone")?,
                known_today: found.get::<i64>("known")? == 1,
            })
        })
        .collect()
}

//! What a planner has to know of tables that grow by the thousand a second.

use sea_orm::ConnectionTrait;

use crate::db::{self, Fault, Row, SqlStore};

pub(super) async fn gather(store: &SqlStore) -> Result<u64, Fault> {
    let Some(doubled) = store.dialect().tables_that_doubled() else { return Ok(0) };
    let rows = db::all(store.reader(), doubled, []).await?;
    let tables: Vec<String> = rows.iter().map(|row| row.get("name")).collect::<Result<_, _>>()?;
    for table in &tables {
        // Whoever is at it already, another node or the server itself, is left to it.
        store.reader().execute_unprepared(&format!("ANALYZE (SKIP_LOCKED) {table}")).await?;
    }
    Ok(tables.len() as u64)
}

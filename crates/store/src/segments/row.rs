//! A segment's row.

use domain::{SegmentId, TenantId};
use ports::segments::Segment;
use ports::{Page, Paging};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, QueryResult};

use crate::SqlStore;
use crate::db::{self, Fault, Row};
use crate::dialect::As;
use crate::lists::{self, List};

/// The columns that [`from_row`] reads, of the table under the alias `s`.
const COLUMNS: &str = "s.id, s.name, s.rule, s.created_at, s.updated_at";

fn from_row(row: &QueryResult) -> Result<Segment, Fault> {
    Ok(Segment {
        id: SegmentId(row.get("id")?),
        name: row.get("name")?,
        rule: row.json("rule")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// One; `lock` goes behind the statement.
pub(super) async fn find<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    segment: SegmentId,
    lock: &str,
) -> Result<Option<Segment>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM segments s WHERE s.tenant_id = $1 AND s.id = $2{lock}");
    db::one(on, &sql, [tenant.0.into(), segment.0.into()]).await?.as_ref().map(from_row).transpose()
}

/// Which segment has this name.
pub(super) async fn owner<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    name: &str,
) -> Result<Option<SegmentId>, Fault> {
    let sql = "SELECT s.id AS id FROM segments s WHERE s.tenant_id = $1 AND s.name = $2";
    let found = db::one(on, sql, [tenant.0.into(), name.into()]).await?;
    found.map(|row| row.get("id").map(SegmentId)).transpose()
}

pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    paging: &Paging,
) -> Result<Page<Segment>, Fault> {
    let mut from = Query::select();
    from.from_as("segments", "s").and_where(Expr::col(("s", "tenant_id")).eq(tenant.0));
    let keys = &[("s.name", As::Text), ("s.id", As::Int)];
    let list = List { from, columns: COLUMNS, keys, order: Order::Asc };
    lists::page(store.reader(), list, paging, from_row).await
}

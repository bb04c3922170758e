//! Looking at the trail.

use domain::TenantId;
use domain::audit::Found;
use ports::audit::AuditFilter;
use ports::{Page, Paging};
use sea_orm::Value;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use super::row;
use crate::SqlStore;
use crate::db::{self, Fault, micros};
use crate::dialect::As;
use crate::lists::{self, List};

/// Newest first.
pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    filter: &AuditFilter,
    paging: &Paging,
) -> Result<Page<Found>, Fault> {
    let mut from = Query::select();
    // SQLite keeps a text where a number belongs, and sorts it behind all numbers: no page could go on from there.
    // Verifying finds it.
    from.from("audit_entries")
        .and_where(Expr::col("tenant_id").eq(tenant.0))
        .and_where(Expr::col("seq").lte(i64::MAX));
    if let Some(action) = filter.action {
        from.and_where(Expr::col("action").eq(action.as_str()));
    }
    if let Some(actor) = &filter.actor {
        from.and_where(by(actor));
    }
    if let Some(subject) = &filter.subject {
        from.and_where(about(subject));
    }
    from.and_where_option(filter.since.map(|since| Expr::col("at").gte(micros(since))))
        .and_where_option(filter.until.map(|until| Expr::col("at").lt(micros(until))));
    let list = List { from, columns: row::COLUMNS, keys: &[("seq", As::Int)], order: Order::Desc };
    lists::page(store.reader(), list, paging, row::found).await
}

/// `api_key:3`, or `api_key`. What is neither finds nothing.
fn by(actor: &str) -> Expr {
    match actor.split_once(':') {
        None => Expr::col("actor_kind").eq(actor),
        Some((kind, id)) => {
            let id = id.parse::<i64>().map_or(Expr::val(false), |id| Expr::col("actor_id").eq(id));
            Expr::col("actor_kind").eq(kind).and(id)
        }
    }
}

/// `contact:7`, or `contact` for all of a kind: from `contact:` up to what follows it.
fn about(subject: &str) -> Expr {
    let exactly = Expr::col("subject").eq(subject);
    if subject.contains(':') {
        return exactly;
    }
    let of_kind =
        Expr::col("subject").gte(format!("{subject}:")).and(Expr::col("subject").lt(format!("{subject};")));
    exactly.or(of_kind)
}

/// Oldest first.
pub(super) async fn after(
    store: &SqlStore,
    tenant: TenantId,
    after: i64,
    limit: u32,
) -> Result<Vec<Found>, Fault> {
    let sql = format!(
        "SELECT {} FROM audit_entries WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        row::COLUMNS
    );
    let values: [Value; 3] = [tenant.0.into(), after.into(), i64::from(limit).into()];
    db::all(store.reader(), &sql, values).await?.iter().map(row::found).collect()
}

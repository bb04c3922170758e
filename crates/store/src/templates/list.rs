//! Finding templates. Those that are `deleted` are found by their id, or by a filter that asks for them.

use domain::templates::Status;
use domain::{ConnectionId, TenantId};
use ports::templates::{Template, TemplateFilter};
use ports::{Page, Paging};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Order, Query, SelectStatement};

use super::row;
use crate::SqlStore;
use crate::db::{Fault, clean};
use crate::dialect::As;
use crate::lists::{self, List};

/// The condition of the index on names, in its words.
const NOT_DELETED: &str = "t.status <> 'deleted'";

pub(super) async fn named(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
    name: &str,
    language: Option<&str>,
) -> Result<Vec<Template>, Fault> {
    let account = Expr::cust("n.tenant_id = t.tenant_id AND n.waba_id = t.waba_id");
    let select = Query::select()
        .expr(Expr::cust(row::COLUMNS))
        .from_as("templates", "t")
        .join_as(JoinType::InnerJoin, "connections", "n", account)
        .and_where(Expr::col(("t", "tenant_id")).eq(tenant.0))
        .and_where(Expr::col(("n", "id")).eq(connection.0))
        .and_where(Expr::col(("t", "name")).eq(clean(name).into_owned()))
        .and_where_option(language.map(|one| Expr::col(("t", "language")).eq(clean(one).into_owned())))
        .and_where(Expr::cust(NOT_DELETED))
        .order_by(("t", "language"), Order::Asc)
        .take();
    let rows = store.reader().query_all(&select).await?;
    rows.iter().map(row::from_row).collect()
}

pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    filter: &TemplateFilter,
    paging: &Paging,
) -> Result<Page<Template>, Fault> {
    let list = List {
        from: select(tenant, filter),
        columns: row::COLUMNS,
        keys: &[("t.name", As::Text), ("t.language", As::Text), ("t.id", As::Int)],
        order: Order::Asc,
    };
    lists::page(store.reader(), list, paging, row::from_row).await
}

fn select(tenant: TenantId, filter: &TemplateFilter) -> SelectStatement {
    let is = |column: &'static str, word: &str| Expr::col(("t", column)).eq(clean(word).into_owned());
    let status = match &filter.status {
        Some(Status::Deleted) => Expr::cust("t.status = 'deleted'"),
        Some(status) => is("status", status.as_str()).and(Expr::cust(NOT_DELETED)),
        None => Expr::cust(NOT_DELETED),
    };
    Query::select()
        .from_as("templates", "t")
        .and_where(Expr::col(("t", "tenant_id")).eq(tenant.0))
        .and_where(status)
        .and_where_option(filter.category.as_ref().map(|category| is("category", category.as_str())))
        .and_where_option(filter.language.as_deref().map(|language| is("language", language)))
        .and_where_option(filter.waba_id.as_deref().map(|waba_id| is("waba_id", waba_id)))
        .and_where_option(filter.search.as_deref().map(|text| lists::holds("LOWER(t.name)", text)))
        .take()
}

//! Lists of conversations.

use domain::TenantId;
use ports::conversations::{Conversation, ConversationFilter};
use ports::{Page, Paging};
use sea_orm::sea_query::{BinOper, Expr, ExprTrait, Order, Query, SelectStatement};

use super::row;
use crate::SqlStore;
use crate::db::{Fault, clean};
use crate::dialect::{As, Dialect};
use crate::lists::{self, List};
use crate::totals::{self, Place, Reach};

pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    filter: &ConversationFilter,
    paging: &Paging,
) -> Result<Page<Conversation>, Fault> {
    let list = List {
        from: select(store.dialect(), tenant, filter),
        columns: row::COLUMNS,
        keys: &[("COALESCE(v.last_message_at, v.created_at)", As::Int), ("v.id", As::Int)],
        order: Order::Desc,
    };
    let reach = if filter.contact_id.is_some() { Reach::Indexed } else { Reach::Walked };
    let place = Place { table: "conversations", id: "id", reach };
    let total = totals::of(store, &list, place, tenant.0, paging).await?;
    lists::page_of(store.reader(), list, total, paging, row::from_row).await
}

fn select(dialect: Dialect, tenant: TenantId, filter: &ConversationFilter) -> SelectStatement {
    let mut select = Query::select();
    select
        .from_as("conversations", "v")
        .and_where(Expr::col(("v", "tenant_id")).eq(tenant.0))
        .and_where_option(filter.contact_id.map(|id| Expr::col(("v", "contact_id")).eq(id.0)))
        .and_where_option(filter.connection_id.map(|id| Expr::col(("v", "connection_id")).eq(id.0)))
        .and_where_option(filter.status.map(|status| Expr::col(("v", "status")).eq(status.as_str())))
        .and_where_option(
            filter.unread.map(|unread| Expr::cust(if unread { "v.unread > 0" } else { "v.unread = 0" })),
        )
        .and_where_option(
            filter.assignee.as_deref().map(|name| Expr::col(("v", "assignee")).eq(clean(name).into_owned())),
        );
    if let Some(label) = &filter.label {
        let labels = Expr::cust(format!("(SELECT l.value FROM {})", dialect.elements("v.labels", "l")));
        select.and_where(Expr::val(clean(label).into_owned()).binary(BinOper::In, labels));
    }
    select
}

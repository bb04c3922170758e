//! Lists of conversations.

use domain::TenantId;
use ports::conversations::{Conversation, ConversationFilter};
use ports::{Page, Paging};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

use super::row;
use crate::SqlStore;
use crate::db::{Fault, clean};
use crate::dialect::As;
use crate::lists::{self, List};
use crate::totals::{self, Place, Reach};

pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    filter: &ConversationFilter,
    paging: &Paging,
) -> Result<Page<Conversation>, Fault> {
    let mut from = select(tenant, filter);
    let is_rare = match &filter.label {
        Some(label) => bearing(store, tenant, &clean(label), &mut from).await?,
        None => false,
    };
    let list = List {
        from,
        columns: row::COLUMNS,
        keys: &[("COALESCE(v.last_message_at, v.created_at)", As::Int), ("v.id", As::Int)],
        order: Order::Desc,
    };
    let reach = if is_rare || filter.contact_id.is_some() { Reach::Indexed } else { Reach::Walked };
    let place = Place { table: "conversations", id: "id", reach };
    let known = totals::of(store, &list, place, tenant.0, paging).await?;
    lists::page_of(store.reader(), list, known.total(), paging, row::from_row).await
}

fn select(tenant: TenantId, filter: &ConversationFilter) -> SelectStatement {
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
    select
}

/// A rare label is borne by no more conversations than this.
const FEW: u64 = 5_000;

/// Keeps those that bear a label; answers whether they are few. Few are named and sorted; of many the latest are met
/// soon on the way from the latest of all.
async fn bearing(
    store: &SqlStore,
    tenant: TenantId,
    label: &str,
    from: &mut SelectStatement,
) -> Result<bool, Fault> {
    let bearers = Query::select()
        .expr(Expr::cust("l.conversation_id"))
        .from_as("conversation_labels", "l")
        .and_where(Expr::cust("l.tenant_id").eq(tenant.0))
        .and_where(Expr::cust("l.label").eq(label))
        .take();
    let some = bearers.clone().limit(FEW + 1).take();
    let count = lists::count(store.reader(), &Query::select().from_subquery(some, "few").take()).await?;
    if count <= FEW {
        from.and_where(Expr::cust("v.id").in_subquery(bearers));
    } else {
        let borne = bearers.clone().and_where(Expr::cust("l.conversation_id = v.id")).take();
        from.and_where(Expr::exists(borne));
    }
    Ok(count <= FEW)
}

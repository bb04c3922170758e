//! Lists of contacts.

use domain::TenantId;
use ports::contacts::{Contact, ContactFilter};
use ports::{Page, Paging};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Order, Query, SelectStatement};

use super::{row, search};
use crate::SqlStore;
use crate::db::{Fault, clean};
use crate::dialect::{As, Dialect};
use crate::lists::{self, List};
use crate::segments::compile;
use crate::totals::{self, Place, Reach};

pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    filter: &ContactFilter,
    paging: &Paging,
) -> Result<Page<Contact>, Fault> {
    let tags = rarest_first(store, tenant, &filter.tags).await?;
    let mut from = select(store.dialect(), tenant, filter, &tags);
    let is_found = narrow(store, tenant, filter, &mut from).await?;
    let list = List {
        from,
        columns: row::COLUMNS,
        keys: if tags.is_empty() { &[("c.id", As::Int)] } else { &[("g.contact_id", As::Int)] },
        order: Order::Desc,
    };
    let reach = match tags.len() {
        _ if is_found || filter.needs_review == Some(true) => Reach::Indexed,
        0 => Reach::Walked,
        // Each has to be looked at: it may be merged into another, or lack the other tags.
        _ => Reach::Sifted,
    };
    let place = Place { table: "contacts", id: "id", reach };
    let total = totals::of(store, &list, place, tenant.0, paging).await?;
    lists::page_of(store.reader(), list, total, paging, row::from_row).await
}

/// Keeps those that a search finds. Answers whether the index led to them.
async fn narrow(
    store: &SqlStore,
    tenant: TenantId,
    filter: &ContactFilter,
    from: &mut SelectStatement,
) -> Result<bool, Fault> {
    let Some(text) = filter.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(false);
    };
    let texts = search::spellings(text);
    from.cond_where(lists::any_holds("c.search", &texts));
    let candidates = search::candidates(store, tenant.0, &texts).await?;
    let is_found = candidates.is_some();
    from.and_where_option(candidates.map(|ids| search::is_one_of(store.dialect(), &ids)));
    Ok(is_found)
}

/// More contacts than this have a common tag.
const COMMON: u64 = 20_000;

/// The rarest tag leads to the contacts, the others are looked up for each.
async fn rarest_first(store: &SqlStore, tenant: TenantId, tags: &[String]) -> Result<Vec<String>, Fault> {
    let mut counted = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = clean(tag).into_owned();
        let count = if tags.len() == 1 { 0 } else { bearers(store, tenant, &tag).await? };
        counted.push((count, tag));
    }
    counted.sort();
    counted.dedup();
    Ok(counted.into_iter().map(|(_, tag)| tag).collect())
}

async fn bearers(store: &SqlStore, tenant: TenantId, tag: &str) -> Result<u64, Fault> {
    let some = Query::select()
        .expr_as(Expr::cust("1"), "one")
        .from_as("contact_tags", "g")
        .and_where(Expr::cust("g.tenant_id").eq(tenant.0))
        .and_where(Expr::cust("g.tag").eq(tag))
        .limit(COMMON)
        .take();
    lists::count(store.reader(), Query::select().from_subquery(some, "few")).await
}

/// The contacts that a filter wants, as `c`; those merged into others are left out. With tags, `g` leads to them.
fn select(dialect: Dialect, tenant: TenantId, filter: &ContactFilter, tags: &[String]) -> SelectStatement {
    let mut select = Query::select();
    match tags.split_first() {
        None => {
            select.from_as("contacts", "c");
        }
        Some((first, others)) => {
            select
                .from_as("contact_tags", "g")
                .join_as(JoinType::CrossJoin, "contacts", "c", Expr::cust("TRUE"))
                .and_where(Expr::cust("g.tenant_id").eq(tenant.0))
                .and_where(Expr::cust("g.tag").eq(first.as_str()))
                .and_where(Expr::cust("c.id = g.contact_id"));
            for tag in others {
                select.and_where(Expr::exists(bears(tag)));
            }
        }
    }
    select
        .and_where(Expr::cust("c.tenant_id").eq(tenant.0))
        .and_where(Expr::cust("c.merged_into IS NULL"))
        .and_where_option(filter.opted_in.map(|wanted| Expr::col(("c", "opted_in")).eq(wanted)))
        .and_where_option(filter.needs_review.map(|wanted| {
            Expr::cust(if wanted { "c.review_at IS NOT NULL" } else { "c.review_at IS NULL" })
        }));
    if let Some((rule, now)) = &filter.rule {
        let mut values = Vec::new();
        let condition = compile::condition(rule, tenant, *now, dialect, &mut values);
        select.and_where(lists::bound(dialect, &condition, &values));
    }
    select
}

/// Asked of the tags alone, before the contact is read.
fn bears(tag: &str) -> SelectStatement {
    Query::select()
        .expr(Expr::cust("1"))
        .from_as("contact_tags", "h")
        .and_where(Expr::cust("h.tenant_id = g.tenant_id AND h.contact_id = g.contact_id"))
        .and_where(Expr::cust("h.tag").eq(tag))
        .take()
}

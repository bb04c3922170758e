//! Lists of contacts.

use domain::TenantId;
use ports::contacts::{Contact, ContactFilter};
use ports::{Page, Paging};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Order, Query, SelectStatement};

use super::{row, search};
use crate::SqlStore;
use crate::db::{Fault, Row, clean};
use crate::dialect::{As, Dialect};
use crate::lists::{self, List};
use crate::segments::compile;
use crate::totals::{self, Known, Place, Reach};

pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    filter: &ContactFilter,
    paging: &Paging,
) -> Result<Page<Contact>, Fault> {
    let tags = rarest_first(store, tenant, &filter.tags).await?;
    let mut from = select(store.dialect(), tenant, filter, &tags);
    let is_found = narrow(store, tenant, filter, &mut from).await?;
    let place = Place { table: "contacts", id: "id", reach: reach(filter, is_found) };
    let known = if is_by_tags_alone(filter) {
        let bearers = bearers(tenant, &tags, filter.opted_in);
        totals::of(store, &list(bearers, BY_TAG), place, tenant.0, paging).await?
    } else {
        let keys = if tags.is_empty() { BY_ID } else { BY_TAG };
        totals::of(store, &list(from.clone(), keys), place, tenant.0, paging).await?
    };
    if let Known::Found(ids) = &known {
        let bare = select(store.dialect(), tenant, &ContactFilter::default(), &[]);
        return lists::page_among(store.reader(), list(bare, BY_ID), ids, paging, row::from_row).await;
    }
    let list = list(from, if tags.is_empty() { BY_ID } else { BY_TAG });
    lists::page_of(store.reader(), list, known.total(), paging, row::from_row).await
}

const BY_ID: &[(&str, As)] = &[("c.id", As::Int)];
const BY_TAG: &[(&str, As)] = &[("g.contact_id", As::Int)];

/// Newest first.
fn list(from: SelectStatement, keys: &'static [(&'static str, As)]) -> List {
    List { from, columns: row::COLUMNS, keys, order: Order::Desc }
}

fn reach(filter: &ContactFilter, is_found: bool) -> Reach {
    if is_found {
        return Reach::Few;
    }
    let is_led = !filter.tags.is_empty() || filter.needs_review == Some(true);
    if !is_led {
        return Reach::Walked;
    }
    // The index knows all that is asked, so that nobody has to be looked at.
    let flagged = ContactFilter { needs_review: Some(true), ..ContactFilter::default() };
    let is_known = *filter == flagged || (is_by_tags_alone(filter) && filter.tags.len() == 1);
    if is_known { Reach::Indexed } else { Reach::Sifted }
}

/// Whether the table of tags knows everything that is asked: whoever is part of another contact bears none.
fn is_by_tags_alone(filter: &ContactFilter) -> bool {
    let ContactFilter { tags, opted_in, .. } = filter;
    let asked = ContactFilter { tags: tags.clone(), opted_in: *opted_in, ..ContactFilter::default() };
    !filter.tags.is_empty() && *filter == asked
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
    let asked = ContactFilter { search: filter.search.clone(), ..ContactFilter::default() };
    let candidates = search::candidates(store, tenant.0, &texts, *filter == asked).await?;
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
        let rarity = if tags.len() == 1 { (0, 0) } else { rarity(store, tenant, &tag).await? };
        counted.push((rarity, tag));
    }
    counted.sort();
    counted.dedup();
    Ok(counted.into_iter().map(|(_, tag)| tag).collect())
}

/// How many of the newest bear it, up to [`COMMON`], and how far back one has to go for so many: the rarer, the smaller.
async fn rarity(store: &SqlStore, tenant: TenantId, tag: &str) -> Result<(i64, i64), Fault> {
    let some = bearers(tenant, &[tag.to_owned()], None)
        .expr_as(Expr::cust("g.contact_id"), "id")
        .order_by_expr(Expr::cust("g.contact_id"), Order::Desc)
        .limit(COMMON)
        .take();
    let few = Query::select()
        .expr_as(Expr::cust("COUNT(*)"), "few")
        .expr_as(Expr::cust("COALESCE(MIN(few.id), 0)"), "oldest")
        .from_subquery(some, "few")
        .take();
    let row = store.reader().query_one(&few).await?.ok_or_else(|| Fault::internal("a count gave no row"))?;
    Ok((row.get("few")?, row.get("oldest")?))
}

/// Who bears all of these tags, and agreed or did not, as `g`: the first tag leads to them.
fn bearers(tenant: TenantId, tags: &[String], opted_in: Option<bool>) -> SelectStatement {
    let mut select = Query::select();
    select.from_as("contact_tags", "g").and_where(Expr::cust("g.tenant_id").eq(tenant.0));
    select.and_where_option(opted_in.map(|wanted| Expr::col(("g", "opted_in")).eq(wanted)));
    if let Some((first, others)) = tags.split_first() {
        select.and_where(Expr::cust("g.tag").eq(first.as_str()));
        for tag in others {
            select.and_where(Expr::exists(bears(tag)));
        }
    }
    select
}

/// The contacts that a filter wants, as `c`; those merged into others are left out. With tags, `g` leads to them.
fn select(dialect: Dialect, tenant: TenantId, filter: &ContactFilter, tags: &[String]) -> SelectStatement {
    let mut select = if tags.is_empty() {
        Query::select().from_as("contacts", "c").take()
    } else {
        bearers(tenant, tags, filter.opted_in)
            .join_as(JoinType::CrossJoin, "contacts", "c", Expr::cust("TRUE"))
            .and_where(Expr::cust("c.id = g.contact_id"))
            .take()
    };
    let opted_in = filter.opted_in.filter(|_| tags.is_empty());
    // Who needs a review is nobody's part: so the index knows all that is asked.
    let is_whole = (filter.needs_review != Some(true)).then(|| Expr::cust("c.merged_into IS NULL"));
    select
        .and_where(Expr::cust("c.tenant_id").eq(tenant.0))
        .and_where_option(is_whole)
        .and_where_option(opted_in.map(|wanted| Expr::col(("c", "opted_in")).eq(wanted)))
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

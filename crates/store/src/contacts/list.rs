//! Lists of contacts.

use domain::TenantId;
use ports::contacts::{Contact, ContactFilter};
use ports::{Page, Paging};
use sea_orm::sea_query::{BinOper, Condition, Expr, ExprTrait, Order, Query, SelectStatement};

use super::row;
use crate::SqlStore;
use crate::db::{Fault, clean};
use crate::dialect::{As, Dialect};
use crate::lists::{self, List};
use crate::segments::compile;

pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    filter: &ContactFilter,
    paging: &Paging,
) -> Result<Page<Contact>, Fault> {
    let list = List {
        from: select(store.dialect(), tenant, filter),
        columns: row::COLUMNS,
        keys: &[("c.id", As::Int)],
        order: Order::Desc,
    };
    lists::page(store.reader(), list, paging, row::from_row).await
}

/// The contacts that a filter wants, as `c`; those merged into others are left out.
fn select(dialect: Dialect, tenant: TenantId, filter: &ContactFilter) -> SelectStatement {
    let mut select = Query::select();
    select
        .from_as("contacts", "c")
        .and_where(Expr::col(("c", "tenant_id")).eq(tenant.0))
        .and_where(Expr::cust("c.merged_into IS NULL"))
        .and_where_option(filter.opted_in.map(|wanted| Expr::col(("c", "opted_in")).eq(wanted)))
        .and_where_option(filter.needs_review.map(|wanted| {
            Expr::cust(if wanted { "c.review_at IS NOT NULL" } else { "c.review_at IS NULL" })
        }));
    for tag in &filter.tags {
        let tags = Expr::cust(format!("(SELECT t.value FROM {})", dialect.elements("c.tags", "t")));
        select.and_where(Expr::val(clean(tag).into_owned()).binary(BinOper::In, tags));
    }
    if let Some((rule, now)) = &filter.rule {
        let mut values = Vec::new();
        let condition = compile::condition(rule, tenant, *now, dialect, &mut values);
        select.and_where(lists::bound(dialect, &condition, &values));
    }
    if let Some(text) = filter.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        select.cond_where(matches(text));
    }
    select
}

/// The text as it is, or as a phone number with its spaces, dots and brackets.
fn matches(text: &str) -> Condition {
    let any = Condition::any().add(lists::holds("c.search", text));
    let is_number = text.chars().all(|letter| letter.is_ascii_digit() || "+-()./ ".contains(letter));
    let digits: String = text.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect();
    if is_number && !digits.is_empty() && digits != text {
        any.add(lists::holds("c.search", &digits))
    } else {
        any
    }
}

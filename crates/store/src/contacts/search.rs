//! The index that finds contacts by a part of their text. It is filled behind the contacts: what it does not know yet is
//! looked at one by one, so that a search never misses anybody.

use ports::operator::Indexed;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement, UnionType};

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx};
use crate::dialect::Dialect;
use crate::lists;
use crate::sets::{param, set};

/// More contacts than this are not led to by the index: among so many a page of them is found by walking.
const FEW: usize = 5_000;
/// A text is looked for among so many contacts in each of so many places before the index is asked, …
const LOOKED_AT: u64 = 500;
const PLACES: i64 = 4;
/// … and is a common one when so many of them hold it, …
const COMMON: i64 = 6;
/// … in at least so many places: what came with one list is no common text.
const COMMON_PLACES: usize = 3;

/// The texts that stand for a search: as it is, or as a phone number with its spaces, dots and brackets.
pub(super) fn spellings(text: &str) -> Vec<String> {
    let is_number = text.chars().all(|letter| letter.is_ascii_digit() || "+-()./ ".contains(letter));
    let digits: String = text.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect();
    let mut texts = vec![text.to_owned()];
    if is_number && !digits.is_empty() && digits != text {
        texts.push(digits);
    }
    texts
}

/// Ids among which all contacts of a search are; `None` when they are many, or the text is too short to tell. They are
/// looked up once: their total and their page would each walk the index again. `alone`: nothing else is asked of them, so that a
/// page of many is found by walking; with a rule that few fit, they would still be what leads to those.
pub(super) async fn candidates(
    store: &SqlStore,
    tenant: i64,
    texts: &[String],
    alone: bool,
) -> Result<Option<Vec<i64>>, Fault> {
    let Some(found) = (match with_plus(tenant, texts) {
        Some(found) => Some(found),
        None if alone && is_common(store, tenant, texts).await? => None,
        None => indexed(store, tenant, texts).await?,
    }) else {
        return Ok(None);
    };
    let few = Query::select()
        .expr_as(Expr::cust("found.id"), "id")
        .from_subquery(found, "found")
        .limit(FEW as u64 + 1)
        .take();
    let rows = store.reader().query_all(&few).await?;
    if rows.len() > FEW {
        return Ok(None);
    }
    rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>().map(Some)
}

/// A text with a plus is the beginning of a number, or a part of a name of the rare kind that has one. The tables' own
/// indexes know both, at once and at any length. `None` for other texts.
fn with_plus(tenant: i64, texts: &[String]) -> Option<SelectStatement> {
    // A text of several lines may begin in a name and end in a number.
    if !texts.iter().all(|text| text.contains('+') && !text.contains('\n')) {
        return None;
    }
    let contacts = || {
        Query::select()
            .expr_as(Expr::cust("p.id"), "id")
            .from_as("contacts", "p")
            .and_where(Expr::cust("p.tenant_id").eq(tenant))
            .take()
    };
    let named = "p.name LIKE '%+%' OR p.username LIKE '%+%'";
    let mut found = contacts().cond_where(Expr::cust(named)).take();
    for number in texts.iter().filter(|text| is_beginning_of_a_number(text)) {
        let mut numbers = contacts();
        numbers.and_where(Expr::cust("p.phone").gte(number.as_str()));
        // Behind all digits.
        numbers.and_where(Expr::cust("p.phone").lt(format!("{number}:")));
        found.union(UnionType::All, numbers);
    }
    Some(found)
}

/// Whether so many contacts hold the text, wherever one looks, that a page of them is found by walking. The index would gather
/// all of them before it told that they are many, which takes several times as long.
async fn is_common(store: &SqlStore, tenant: i64, texts: &[String]) -> Result<bool, Fault> {
    let sql = "SELECT (SELECT MIN(id) FROM contacts WHERE tenant_id = $1) AS lowest, \
               (SELECT MAX(id) FROM contacts WHERE tenant_id = $1) AS highest";
    let Some(ends) = db::one(store.reader(), sql, [tenant.into()]).await? else { return Ok(false) };
    let (Some(lowest), Some(highest)) =
        (ends.get::<Option<i64>>("lowest")?, ends.get::<Option<i64>>("highest")?)
    else {
        return Ok(false);
    };
    let holding = |place: i64| {
        let those = Query::select()
            .expr_as(Expr::cust("c.search"), "search")
            .from_as("contacts", "c")
            .and_where(Expr::cust("c.tenant_id").eq(tenant))
            .and_where(Expr::cust("c.id").lte(lowest + (highest - lowest) / PLACES * place))
            .order_by_expr(Expr::cust("c.id"), Order::Desc)
            .limit(LOOKED_AT)
            .take();
        Query::select()
            .expr_as(Expr::cust("COUNT(*)"), "holding")
            .from_subquery(those, "those")
            .cond_where(lists::any_holds("those.search", texts))
            .take()
    };
    let mut all = holding(PLACES);
    for place in 1..PLACES {
        all.union(UnionType::All, holding(place));
    }
    let rows = store.reader().query_all(&all).await?;
    let found: Vec<i64> = rows.iter().map(|row| row.get("holding")).collect::<Result<_, _>>()?;
    let places = found.iter().filter(|holding| **holding > 0).count();
    Ok(places >= COMMON_PLACES && found.iter().sum::<i64>() >= COMMON)
}

fn is_beginning_of_a_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| digits.bytes().all(|letter| letter.is_ascii_digit()))
}

/// By the index of texts, and those whose text it does not know yet; `None` when it cannot tell.
async fn indexed(store: &SqlStore, tenant: i64, texts: &[String]) -> Result<Option<SelectStatement>, Fault> {
    let Some(mut found) = store.dialect().searched(tenant, texts) else { return Ok(None) };
    if let Some(sql) = store.dialect().range_waits()
        && db::one(store.reader(), sql, [tenant.into()]).await?.is_some()
    {
        return Ok(None);
    }
    let waiting = Query::select()
        .expr_as(Expr::cust("waiting.contact_id"), "id")
        .from_as("contact_search_waiting", "waiting")
        .and_where(Expr::cust("waiting.tenant_id").eq(tenant))
        .take();
    found.union(UnionType::All, waiting);
    Ok(Some(found))
}

/// Whether a contact `c` is one of these.
pub(super) fn is_one_of(dialect: Dialect, ids: &[i64]) -> Expr {
    let (condition, ids) = dialect.is_one_of("c.id", ids);
    lists::bound(dialect, &condition, &[ids])
}

set! {
    Changed { t: Int i64, id: Int i64 }
}

/// See `ports::operator::OperatorStore::index_contacts`.
pub(crate) async fn index(store: &SqlStore, limit: u32) -> Result<Indexed, Fault> {
    if db::one(store.reader(), store.dialect().any_waits(), []).await?.is_none() {
        return Ok(Indexed::default());
    }
    let limit = limit.clamp(1, store.dialect().search_batch());
    let tx = store.begin().await?;
    let (contacts, more) = match tx.dialect.search_range_anew(&tx, limit).await? {
        // Those who wait one by one come next.
        Some(contacts) => (contacts, true),
        None => {
            let contacts = index_each(&tx, limit).await?;
            (contacts, contacts == u64::from(limit))
        }
    };
    if contacts > 0 {
        tx.dialect.settle_search(&tx).await?;
    }
    tx.commit().await?;
    Ok(Indexed { contacts, more })
}

/// Those who wait one by one.
async fn index_each(tx: &Tx, limit: u32) -> Result<u64, Fault> {
    let lock = tx.dialect.for_update_skip_locked("next");
    let take = format!(
        "DELETE FROM contact_search_waiting WHERE (tenant_id, contact_id) IN (SELECT next.tenant_id, next.contact_id \
         FROM contact_search_waiting AS next ORDER BY next.tenant_id, next.contact_id LIMIT $1{lock}) \
         RETURNING tenant_id, contact_id"
    );
    let changed: Vec<Changed> = db::all(&**tx, &take, [i64::from(limit).into()])
        .await?
        .iter()
        .map(|row| Ok(Changed { t: row.get("tenant_id")?, id: row.get("contact_id")? }))
        .collect::<Result<_, Fault>>()?;
    if changed.is_empty() {
        return Ok(0);
    }
    for statement in tx.dialect.search_anew(&tx.dialect.set::<Changed>(1, "r")) {
        db::run(&**tx, &statement, [param(&changed)?]).await?;
    }
    Ok(changed.len() as u64)
}

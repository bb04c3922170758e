//! How a broadcast went, out of its counts; and the lists of broadcasts.

use std::collections::BTreeMap;

use domain::broadcasts::LeftOut;
use domain::broadcasts::reasons::FailedBy;
use domain::{BroadcastId, TenantId};
use ports::broadcasts::{Broadcast, BroadcastFilter, FailedGroup, Results};
use ports::{Page, Paging};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use super::counts::{self, Cell};
use super::row;
use crate::db::{Fault, SqlStore};
use crate::dialect::As;
use crate::lists::{self, List};

/// Everything that is known.
pub(super) async fn of(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
) -> Result<Option<Results>, Fault> {
    if row::find(store.reader(), tenant, broadcast).await?.is_none() {
        return Ok(None);
    }
    let cells = counts::cells(store.reader(), tenant, broadcast).await?;
    Ok(Some(add_up(&cells)))
}

fn add_up(cells: &[Cell]) -> Results {
    let mut results = Results::default();
    let mut left_out: BTreeMap<LeftOut, i64> = BTreeMap::new();
    let mut failed: BTreeMap<&str, i64> = BTreeMap::new();
    for cell in cells {
        counts::add(&mut results.counts, &cell.name, cell.count);
        match results.hours.last_mut().filter(|(hour, _)| *hour == cell.hour) {
            Some((_, hour)) => counts::add(hour, &cell.name, cell.count),
            None => {
                let mut hour = Default::default();
                counts::add(&mut hour, &cell.name, cell.count);
                results.hours.push((cell.hour, hour));
            }
        }
        if let Some(reason) = cell.name.strip_prefix(counts::LEFT_OUT).and_then(|word| word.parse().ok()) {
            *left_out.entry(reason).or_default() += cell.count;
        }
        if cell.name.starts_with(counts::FAILED) {
            *failed.entry(&cell.name).or_default() += cell.count;
        }
    }
    results.left_out = left_out.into_iter().filter(|(_, count)| *count != 0).collect();
    let groups = failed.into_iter().filter_map(|(name, count)| group(name, count));
    results.failed = groups.filter(|group| group.count != 0).collect();
    // The most frequent first; those that are alike stay in the order of their names.
    results.failed.sort_by_key(|group| std::cmp::Reverse(group.count));
    results
}

/// Out of the name of a count.
pub(super) fn group(name: &str, count: i64) -> Option<FailedGroup> {
    let mut parts = name.strip_prefix(counts::FAILED)?.splitn(3, '/');
    let failed_by: FailedBy = parts.next()?.parse().ok()?;
    let code = parts.next()?.to_owned();
    let meta_error_code = parts.next().and_then(|code| code.parse().ok());
    Some(FailedGroup { failed_by, code, meta_error_code, count })
}

/// Newest first, with their counts.
pub(super) async fn list(
    store: &SqlStore,
    tenant: TenantId,
    filter: &BroadcastFilter,
    paging: &Paging,
) -> Result<Page<Broadcast>, Fault> {
    let mut from = Query::select();
    from.from_as("broadcasts", "b").and_where(Expr::cust("b.tenant_id").eq(tenant.0));
    if let Some(state) = filter.state {
        from.and_where(Expr::cust("b.state").eq(state.as_str()));
    }
    if let Some(parent) = filter.recurs_from {
        from.and_where(Expr::cust("b.recurs_from").eq(parent.0));
    }
    if let Some(text) = filter.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        from.and_where(lists::holds("lower(b.name)", text));
    }
    let list = List { from, columns: row::COLUMNS, keys: &[("b.id", As::Int)], order: Order::Desc };
    let mut page = lists::page(store.reader(), list, paging, row::from_row).await?;
    let ids: Vec<BroadcastId> = page.items.iter().map(|one| one.id).collect();
    let counts = counts::of(store.reader(), tenant, &ids).await?;
    for one in &mut page.items {
        one.counts = counts.get(&one.id).copied().unwrap_or_default();
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    #[test]
    fn the_most_frequent_failure_comes_first() {
        let cell = |name: &str, count| Cell { hour: Timestamp::UNIX_EPOCH, name: name.into(), count };
        let cells = [
            cell("failed/media/META_REJECTED/131053", 1),
            cell("failed/not_on_whatsapp/RECIPIENT_NOT_ON_WHATSAPP/131026", 7),
            cell("failed/rejected/META_REJECTED/131008", 1),
            cell("failed/template/TEMPLATE_NOT_APPROVED/132015", 3),
        ];
        let counts: Vec<i64> = add_up(&cells).failed.iter().map(|group| group.count).collect();
        assert_eq!(counts, [7, 3, 1, 1]);
    }
}

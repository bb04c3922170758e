//! Lists of recipients. Each kind is read in the order of the index that leads to it, so that no page walks a whole
//! broadcast; totals come out of the counts.

use domain::broadcasts::{LeftOut, State};
use domain::messages::Status;
use domain::{BroadcastId, ContactId, MessageId, TenantId};
use ports::broadcasts::{Broadcast, RecipientFilter, RecipientRow, RecipientState};
use ports::{Page, Paging};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Order, Query, SelectStatement};

use super::freeze::reason_of;
use super::{counts, results, retry, row};
use crate::db::{Fault, Row, SqlStore};
use crate::dialect::As;
use crate::lists::{self, List, Total};
use crate::sets::param;

const COLUMNS: &str = "r.id AS id, r.row_number AS row_number, r.due_at AS due_at, r.attempt AS attempt, r.retry_of AS retry_of, \
     r.reason AS reason, r.detail AS detail, r.replied_at AS replied_at, r.opted_out_at AS opted_out_at, \
     c.id AS contact_id, COALESCE(c.phone, w.phone, w.given) AS phone, c.name AS name, m.id AS message_id, \
     m.status AS status, m.failure AS failure, m.wamid AS wamid, m.sent_at AS sent_at, \
     m.delivered_at AS delivered_at, m.read_at AS read_at, m.failed_at AS failed_at";

type Keys = &'static [(&'static str, As)];

const BY_ID: Keys = &[("r.id", As::Int)];
const BY_MESSAGE: Keys = &[("m.id", As::Int)];
const BY_DUE_TIME: Keys = &[("r.due_at", As::Int), ("r.id", As::Int)];
const BY_REASON: Keys = &[("r.reason", As::Text), ("r.id", As::Int)];

/// A page; none of a broadcast that is not there.
pub(super) async fn page(
    store: &SqlStore,
    tenant: TenantId,
    broadcast: BroadcastId,
    filter: &RecipientFilter,
    paging: &Paging,
) -> Result<Page<RecipientRow>, Fault> {
    let Some(broadcast) = row::find(store.reader(), tenant, broadcast).await? else {
        return Ok(lists::nothing(false));
    };
    let called_off = broadcast.state == State::Cancelled;
    let (from, keys) = chosen(store, &broadcast, filter).await?;
    let list = List { from, columns: COLUMNS, keys, order: Order::Asc };
    let total = total(store, &broadcast, filter).await?.map(Total::exact);
    lists::page_of(store.reader(), list, total, paging, |found| recipient(found, called_off)).await
}

/// Whom a filter wants, and in which order.
async fn chosen(
    store: &SqlStore,
    broadcast: &Broadcast,
    filter: &RecipientFilter,
) -> Result<(SelectStatement, Keys), Fault> {
    let mut from = base(broadcast, by_message(filter));
    let mut keys = if by_message(filter) { BY_MESSAGE } else { BY_ID };
    if let Some(state) = filter.state {
        keys = in_state(&mut from, broadcast, state).unwrap_or(keys);
    }
    if let Some(reason) = filter.left_out {
        if reason == LeftOut::Cancelled {
            called_off(&mut from, broadcast, "FALSE");
        } else {
            from.and_where(Expr::cust("r.reason").eq(reason.as_str()));
            keys = BY_REASON;
        }
    }
    if let Some(failed_by) = filter.failed_by {
        in_state(&mut from, broadcast, RecipientState::Failed);
        let groups = retry::groups(store.reader(), broadcast.tenant_id, broadcast.id, &[failed_by]).await?;
        let one_of = retry::is_one_of(store.dialect(), 1);
        from.and_where(lists::bound(store.dialect(), &one_of, &[param(&groups)?]));
    }
    if let Some(replied) = filter.replied {
        let so = if replied { "r.replied_at IS NOT NULL" } else { "r.replied_at IS NULL" };
        from.and_where(Expr::cust(so));
    }
    Ok((from, keys))
}

/// Whether few are wanted, who are found by their messages.
fn by_message(filter: &RecipientFilter) -> bool {
    use RecipientState::{Failed, InDoubt, Queued, Sending};
    filter.failed_by.is_some() || matches!(filter.state, Some(Failed | InDoubt | Queued | Sending))
}

fn base(broadcast: &Broadcast, by_message: bool) -> SelectStatement {
    let (tenant, id) = (broadcast.tenant_id.0, broadcast.id.0);
    // No list has the number 0.
    let list = broadcast.list.map_or(0, |list| list.0);
    let mut from = Query::select();
    if by_message {
        from.from_as("messages", "m")
            .join_as(
                JoinType::InnerJoin,
                "recipients",
                "r",
                Expr::cust(
                    "r.tenant_id = m.tenant_id AND r.broadcast_id = m.broadcast_id AND r.id = m.recipient_id",
                ),
            )
            .and_where(Expr::cust("m.tenant_id").eq(tenant))
            .and_where(Expr::cust("m.broadcast_id").eq(id))
            .and_where(Expr::cust("r.message_id = m.id"));
    } else {
        from.from_as("recipients", "r")
            .join_as(
                JoinType::LeftJoin,
                "messages",
                "m",
                Expr::cust("m.tenant_id = r.tenant_id AND m.id = r.message_id"),
            )
            .and_where(Expr::cust("r.tenant_id").eq(tenant))
            .and_where(Expr::cust("r.broadcast_id").eq(id));
    }
    from.join_as(
        JoinType::LeftJoin,
        "contacts",
        "asked",
        Expr::cust("asked.tenant_id = r.tenant_id AND asked.id = r.id"),
    )
    .join_as(
        JoinType::LeftJoin,
        "contacts",
        "c",
        Expr::cust("c.tenant_id = r.tenant_id AND c.id = COALESCE(asked.merged_into, asked.id)"),
    )
    .join_as(
        JoinType::LeftJoin,
        "broadcast_rows",
        "w",
        Expr::cust(format!(
            "w.tenant_id = r.tenant_id AND w.list_id = {list} AND w.row_number = r.row_number"
        )),
    );
    from
}

/// Adds the condition of a state; answers the order of the index that serves it, when it is another than by id.
fn in_state(from: &mut SelectStatement, broadcast: &Broadcast, state: RecipientState) -> Option<Keys> {
    let status = match state {
        RecipientState::Pending => {
            let so = match broadcast.state {
                State::Cancelled => "FALSE",
                _ => "r.message_id IS NULL AND r.reason IS NULL",
            };
            from.and_where(Expr::cust(so));
            return Some(BY_DUE_TIME);
        }
        RecipientState::LeftOut => {
            from.and_where(Expr::cust("r.reason IS NOT NULL AND r.reason <> 'cancelled'"));
            return Some(BY_REASON);
        }
        RecipientState::Cancelled => {
            called_off(from, broadcast, "COALESCE(m.status = 'cancelled', FALSE)");
            return None;
        }
        RecipientState::Queued => Status::Queued,
        RecipientState::Sending => Status::Sending,
        RecipientState::Sent => Status::Sent,
        RecipientState::Delivered => Status::Delivered,
        RecipientState::Read => Status::Read,
        RecipientState::Failed => Status::Failed,
        RecipientState::InDoubt => Status::InDoubt,
    };
    from.and_where(Expr::cust("m.status").eq(status.as_str()));
    match status {
        Status::Failed => {
            from.and_where(Expr::cust("m.failed_at IS NOT NULL"));
        }
        Status::InDoubt => {
            from.and_where(Expr::cust("m.in_doubt_at IS NOT NULL"));
        }
        Status::Queued | Status::Sending => {
            let mut waiting = Query::select();
            waiting.expr(Expr::cust("o.message_id")).from_as("outbox", "o");
            waiting.and_where(Expr::cust("o.tenant_id").eq(broadcast.tenant_id.0));
            waiting.and_where(Expr::cust("o.broadcast_id").eq(broadcast.id.0));
            from.and_where(Expr::cust("m.id").in_subquery(waiting));
        }
        _ => {}
    }
    None
}

/// Those called off before they had a message, or `also`.
fn called_off(from: &mut SelectStatement, broadcast: &Broadcast, also: &str) {
    let waiting = match broadcast.state {
        State::Cancelled => "(r.message_id IS NULL AND r.reason IS NULL)",
        _ => "FALSE",
    };
    from.and_where(Expr::cust(format!("({also} OR COALESCE(r.reason = 'cancelled', FALSE) OR {waiting})")));
}

/// How many there are, as the counts tell; `None`: that they do not tell.
async fn total(
    store: &SqlStore,
    broadcast: &Broadcast,
    filter: &RecipientFilter,
) -> Result<Option<u64>, Fault> {
    let counts = &broadcast.counts;
    let total = match *filter {
        RecipientFilter { state: None, left_out: None, failed_by: None, replied: None } => {
            counts.total() + counts.left_out
        }
        RecipientFilter { state: Some(state), left_out: None, failed_by: None, replied: None } => match state
        {
            RecipientState::Pending => counts.pending,
            RecipientState::Queued | RecipientState::Sending => return Ok(None),
            RecipientState::Sent => counts.sent - counts.delivered,
            RecipientState::Delivered => counts.delivered - counts.read,
            RecipientState::Read => counts.read,
            RecipientState::Failed => counts.failed,
            RecipientState::InDoubt => counts.in_doubt,
            RecipientState::Cancelled => counts.cancelled,
            RecipientState::LeftOut => counts.left_out,
        },
        RecipientFilter { state: None, left_out: None, failed_by: None, replied: Some(true) } => {
            counts.replied
        }
        RecipientFilter {
            state: None | Some(RecipientState::LeftOut),
            left_out: Some(reason),
            failed_by: None,
            replied: None,
        } if reason != LeftOut::Cancelled => {
            let name = counts::left_out(reason);
            let cells = counts::cells(store.reader(), broadcast.tenant_id, broadcast.id).await?;
            cells.iter().filter(|cell| cell.name == name).map(|cell| cell.count).sum()
        }
        RecipientFilter {
            state: None | Some(RecipientState::Failed),
            left_out: None,
            failed_by: Some(by),
            replied: None,
        } => {
            let cells = counts::cells(store.reader(), broadcast.tenant_id, broadcast.id).await?;
            let groups = cells.iter().filter_map(|cell| results::group(&cell.name, cell.count));
            groups.filter(|group| group.failed_by == by).map(|group| group.count).sum()
        }
        _ => return Ok(None),
    };
    Ok(u64::try_from(total).ok())
}

fn recipient(found: &QueryResult, broadcast_is_off: bool) -> Result<RecipientRow, Fault> {
    let status = found.get::<Option<String>>("status")?;
    let status: Option<Status> = status.map(|word| word.parse().map_err(Fault::Internal)).transpose()?;
    let (state, left_out) = match (status, reason_of(found)?) {
        (Some(status), reason) => (status.into(), reason),
        (None, Some(LeftOut::Cancelled)) => (RecipientState::Cancelled, Some(LeftOut::Cancelled)),
        (None, Some(reason)) => (RecipientState::LeftOut, Some(reason)),
        (None, None) if broadcast_is_off => (RecipientState::Cancelled, Some(LeftOut::Cancelled)),
        (None, None) => (RecipientState::Pending, None),
    };
    Ok(RecipientRow {
        id: found.get("id")?,
        contact_id: found.get::<Option<i64>>("contact_id")?.map(ContactId),
        phone: found.get("phone")?,
        name: found.get("name")?,
        state,
        left_out,
        detail: found.get("detail")?,
        failure: found.json_opt("failure")?,
        row_number: found.get("row_number")?,
        message_id: found.get::<Option<i64>>("message_id")?.map(MessageId),
        wamid: found.get("wamid")?,
        attempt: found.get("attempt")?,
        retry_of: found.get::<Option<i64>>("retry_of")?.map(MessageId),
        due_at: found.time("due_at")?,
        sent_at: found.time_opt("sent_at")?,
        delivered_at: found.time_opt("delivered_at")?,
        read_at: found.time_opt("read_at")?,
        failed_at: found.time_opt("failed_at")?,
        replied_at: found.time_opt("replied_at")?,
        opted_out_at: found.time_opt("opted_out_at")?,
    })
}

//! Lists of messages and of their events.

use domain::messages::{Direction, Status};
use domain::{MessageId, TenantId};
use ports::messages::{Message, MessageEvent, MessageFilter};
use ports::{Page, Paging};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

use super::row;
use crate::db::{self, Fault, Row, SqlStore, micros};
use crate::dialect::As;
use crate::lists::{self, List};
use crate::totals::{self, Known, Place, Reach};

/// Newest first.
pub(super) async fn messages(
    store: &SqlStore,
    tenant: TenantId,
    filter: &MessageFilter,
    paging: &Paging,
) -> Result<Page<Message>, Fault> {
    let list = List {
        from: chosen(store, tenant, filter).await?,
        columns: row::COLUMNS,
        keys: keys(filter),
        order: Order::Desc,
    };
    let place = Place { table: "messages", id: "id", reach: reach(filter) };
    let known = totals::of(store, &list, place, tenant.0, paging).await?;
    if let Known::Found(ids) = &known {
        let from = chosen(store, tenant, &MessageFilter::default()).await?;
        return lists::page_among(store.reader(), List { from, ..list }, ids, paging, row::from_row).await;
    }
    lists::page_of(store.reader(), list, known.total(), paging, row::from_row).await
}

/// The index on broadcasts leads from contact to contact; those of what is rare in one lead from message to message.
fn keys(filter: &MessageFilter) -> &'static [(&'static str, As)] {
    let is_rare = matches!(filter.status, Some(Status::Failed | Status::InDoubt));
    match filter.broadcast_id {
        Some(_) if !is_rare => &[("m.contact_id", As::Int), ("m.id", As::Int)],
        _ => &[("m.id", As::Int)],
    }
}

fn reach(filter: &MessageFilter) -> Reach {
    use Status::{Cancelled, Failed, InDoubt, Queued, Sending};
    let is_rare = matches!(filter.status, Some(Cancelled | Failed | InDoubt | Queued | Sending));
    match (filter.contact_id, filter.conversation_id) {
        _ if filter.broadcast_id.is_some() => Reach::Indexed,
        (None, None) => {
            if is_rare {
                Reach::Indexed
            } else {
                Reach::Walked
            }
        }
        _ => {
            let MessageFilter { contact_id, conversation_id, .. } = *filter;
            let whole = MessageFilter { contact_id, conversation_id, ..MessageFilter::default() };
            // Their index knows nothing else of messages.
            if *filter == whole { Reach::Indexed } else { Reach::Sifted }
        }
    }
}

async fn chosen(
    store: &SqlStore,
    tenant: TenantId,
    filter: &MessageFilter,
) -> Result<SelectStatement, Fault> {
    let mut from = Query::select();
    from.from_as("messages", "m").and_where(Expr::cust("m.tenant_id").eq(tenant.0));
    if let Some(contact) = filter.contact_id {
        from.and_where(Expr::cust("m.contact_id").eq(contact.0));
    }
    if let Some(conversation) = filter.conversation_id {
        from.and_where(Expr::cust("m.conversation_id").eq(conversation.0));
    }
    if let Some(connection) = filter.connection_id {
        from.and_where(Expr::cust("m.connection_id").eq(connection.0));
    }
    if let Some(broadcast) = filter.broadcast_id {
        from.and_where(Expr::cust("m.broadcast_id").eq(broadcast.0));
    }
    if let Some(direction) = filter.direction {
        from.and_where(Expr::cust("m.direction").eq(direction.as_str()));
    }
    if let Some(since) = filter.since {
        let lately = since_then(tenant, micros(since));
        // Few are named by their index. Many are the latest ones, which a walk meets first.
        if is_few(store, &lately).await? {
            from.and_where(Expr::cust("m.id").in_subquery(lately));
        } else {
            from.and_where(Expr::cust("m.created_at").gte(micros(since)));
        }
    }
    if let Some(status) = filter.status {
        with_status(&mut from, tenant, status);
    }
    Ok(from)
}

/// Messages of one moment are as few as this, or they are many.
const FEW: u64 = 2_000;

fn since_then(tenant: TenantId, since: i64) -> SelectStatement {
    Query::select()
        .expr(Expr::cust("s.id"))
        .from_as("messages", "s")
        .and_where(Expr::cust("s.tenant_id").eq(tenant.0))
        .and_where(Expr::cust("s.created_at").gte(since))
        .take()
}

async fn is_few(store: &SqlStore, lately: &SelectStatement) -> Result<bool, Fault> {
    let some = lately.clone().limit(FEW + 1).take();
    let from = Query::select().from_subquery(some, "few").take();
    Ok(lists::count(store.reader(), &from).await? <= FEW)
}

/// No index names the status (see the schema): rare ones are found by what goes along with them.
fn with_status(from: &mut SelectStatement, tenant: TenantId, status: Status) {
    from.and_where(Expr::cust("m.status").eq(status.as_str()));
    match status {
        Status::Failed => {
            from.and_where(Expr::cust("m.failed_at IS NOT NULL"));
        }
        Status::Cancelled => {
            from.and_where(Expr::cust("m.cancelled_at IS NOT NULL"));
        }
        Status::InDoubt => {
            from.and_where(Expr::cust("m.in_doubt_at IS NOT NULL"));
        }
        Status::Queued | Status::Sending => {
            let mut waiting = Query::select();
            waiting.expr(Expr::cust("o.message_id")).from_as("outbox", "o");
            waiting.and_where(Expr::cust("o.tenant_id").eq(tenant.0));
            // As the status says, in words of the outbox's own: few are on their way, and an index knows them.
            let on_its_way = if status == Status::Sending { "o.sending" } else { "NOT o.sending" };
            waiting.and_where(Expr::cust(on_its_way));
            from.and_where(Expr::cust("m.id").in_subquery(waiting));
        }
        _ => {}
    }
}

/// Oldest first; `None` when there is no such message. An inbound message has one step only, which is not kept.
pub(super) async fn events(
    store: &SqlStore,
    tenant: TenantId,
    message: MessageId,
) -> Result<Option<Vec<MessageEvent>>, Fault> {
    let Some(found) = row::find(store.reader(), tenant, message).await? else { return Ok(None) };
    if found.direction == Direction::Inbound {
        return Ok(Some(vec![MessageEvent {
            status: found.status.as_str().to_owned(),
            at: found.created_at,
            details: serde_json::json!({}),
        }]));
    }
    let sql =
        "SELECT status, at, details FROM message_events WHERE tenant_id = $1 AND message_id = $2 ORDER BY id";
    let rows = db::all(store.reader(), sql, [tenant.0.into(), message.0.into()]).await?;
    let mut events: Vec<MessageEvent> = rows.iter().map(event).collect::<Result<_, _>>()?;
    if let Some(broadcast) = found.broadcast_id {
        // The first step of a broadcast's message is told by its row, and not kept.
        let details = serde_json::json!({ "broadcast_id": broadcast });
        let status = Status::Queued.as_str().to_owned();
        events.insert(0, MessageEvent { status, at: found.created_at, details });
    }
    Ok(Some(events))
}

fn event(row: &QueryResult) -> Result<MessageEvent, Fault> {
    Ok(MessageEvent { status: row.get("status")?, at: row.time("at")?, details: row.json("details")? })
}

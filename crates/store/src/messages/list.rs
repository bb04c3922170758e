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

/// Newest first.
pub(super) async fn messages(
    store: &SqlStore,
    tenant: TenantId,
    filter: &MessageFilter,
    paging: &Paging,
) -> Result<Page<Message>, Fault> {
    let list = List {
        from: chosen(tenant, filter),
        columns: row::COLUMNS,
        keys: &[("m.id", As::Int)],
        order: Order::Desc,
    };
    lists::page(store.reader(), list, paging, row::from_row).await
}

fn chosen(tenant: TenantId, filter: &MessageFilter) -> SelectStatement {
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
    if let Some(direction) = filter.direction {
        from.and_where(Expr::cust("m.direction").eq(direction.as_str()));
    }
    if let Some(since) = filter.since {
        from.and_where(Expr::cust("m.created_at").gte(micros(since)));
    }
    if let Some(status) = filter.status {
        with_status(&mut from, tenant, status);
    }
    from
}

/// No index names the status (see the schema): rare ones are found by what goes along with them.
fn with_status(from: &mut SelectStatement, tenant: TenantId, status: Status) {
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
            waiting.and_where(Expr::cust("o.tenant_id").eq(tenant.0));
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
    rows.iter().map(event).collect::<Result<_, _>>().map(Some)
}

fn event(row: &QueryResult) -> Result<MessageEvent, Fault> {
    Ok(MessageEvent { status: row.get("status")?, at: row.time("at")?, details: row.json("details")? })
}

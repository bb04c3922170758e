//! Recipients as CSV, page by page.

use std::io;

use api_types::broadcasts::Recipient;
use bytes::Bytes;
use domain::imports::{cells, lines};
use domain::{BroadcastId, TenantId, Timestamp};
use engine::broadcasts::Broadcasts;
use futures::{Stream, stream};
use ports::Paging;
use ports::broadcasts::RecipientFilter;

use super::recipients::body;

/// Rows per page.
const ROWS: u32 = 1_000;

const HEADER: [&str; 19] = [
    "contact_id",
    "phone",
    "name",
    "state",
    "reason",
    "detail",
    "error_code",
    "meta_error_code",
    "row",
    "message_id",
    "wamid",
    "attempt",
    "sent_at",
    "delivered_at",
    "read_at",
    "failed_at",
    "replied_at",
    "opted_out_at",
    "retry_of",
];

enum Next {
    First,
    Page(String),
    Over,
}

/// Reads as fast as the client takes it.
pub(super) fn stream(
    broadcasts: Broadcasts,
    tenant: TenantId,
    broadcast: BroadcastId,
    filter: RecipientFilter,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Next::First, move |next| {
        let (broadcasts, filter) = (broadcasts.clone(), filter.clone());
        async move {
            let (mut text, cursor) = match next {
                Next::Over => return None,
                Next::First => (line(HEADER), None),
                Next::Page(cursor) => (Vec::new(), Some(cursor)),
            };
            let paging = Paging { page: 1, page_size: ROWS, cursor };
            let page = match broadcasts.recipients(tenant, broadcast, &filter, &paging).await {
                Ok(page) => page,
                // The client sees that it broke off: nothing else can be said any more.
                Err(error) => return Some((Err(io::Error::other(error)), Next::Over)),
            };
            for row in page.items {
                text.extend_from_slice(&line(cells_of(body(row)).each_ref().map(String::as_str)));
            }
            Some((Ok(text.into()), page.next_cursor.map_or(Next::Over, Next::Page)))
        }
    })
}

fn cells_of(recipient: Recipient) -> [String; 19] {
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let state = recipient.state.as_str().to_owned();
    let (code, meta) =
        recipient.error.map_or((None, None), |error| (Some(error.code), error.meta_error_code));
    [
        id(recipient.contact_id),
        recipient.phone.unwrap_or_default(),
        recipient.name.unwrap_or_default(),
        state,
        recipient.reason.unwrap_or_default(),
        recipient.detail.unwrap_or_default(),
        code.unwrap_or_default(),
        id(meta),
        id(recipient.row),
        id(recipient.message_id),
        recipient.wamid.unwrap_or_default(),
        recipient.attempt.to_string(),
        at(recipient.sent_at),
        at(recipient.delivered_at),
        at(recipient.read_at),
        at(recipient.failed_at),
        at(recipient.replied_at),
        at(recipient.opted_out_at),
        id(recipient.retry_of),
    ]
}

fn line<const N: usize>(row: [&str; N]) -> Vec<u8> {
    let mut line = Vec::new();
    lines::csv_line(&mut line, row.into_iter().map(cells::plain));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_disarmed() {
        let written = String::from_utf8(line(["+15551234567", "=cmd()", "a \"b\", c", "x\ny"])).unwrap();
        assert_eq!(written, "+15551234567,'=cmd(),\"a \"\"b\"\", c\",\"x\ny\"\r\n");
    }
}

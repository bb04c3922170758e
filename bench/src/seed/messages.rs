//! Messages, their conversations, and what hangs on them.

use super::fill::Shape;

/// Of the messages, counted from 1: which broadcast each belongs to (`b`, or none), and whose conversation it is (`k`).
/// One conversation is very long.
fn placed(shape: &Shape) -> String {
    let Shape { big, block, reach, conversations, broadcasts, .. } = *shape;
    format!(
        "(SELECT n, b, CASE WHEN n <= {big} THEN (n - 1) % {conversations} + 1 \
         WHEN b IS NOT NULL THEN (turn * {reach} + off) % {conversations} + 1 \
         WHEN n % 500 = 7 THEN 1 ELSE (n * 48271) % {conversations} + 1 END AS k, (n * 7919) % 100 AS h \
         FROM (SELECT n, turn, off, CASE WHEN n <= {big} THEN 1 WHEN off < {reach} AND turn + 2 <= {broadcasts} \
         THEN turn + 2 END AS b FROM (SELECT n, (n - {big} - 1) / {block} AS turn, (n - {big} - 1) % {block} AS off \
         FROM {}) AS o) AS q) AS m",
        shape.numbers(shape.messages)
    )
}

/// Of a conversation: its contact.
fn contact(conversation: &str) -> String {
    format!("(({conversation} - 1) / 3 * 5 + ({conversation} - 1) % 3 + 1)")
}

/// Broadcasts are outbound; of the others two of three are inbound. Most outbound ones were read, some only delivered
/// or sent, five of a hundred failed, a few are in doubt, the latest wait for a time that the sender asked for.
pub(super) fn messages(shape: &Shape) -> String {
    let Shape { tenant, connection, template, messages, start, now, .. } = *shape;
    let at = format!("{start} + n * {}", shape.step());
    let status = format!(
        "CASE WHEN b IS NULL AND n % 3 < 2 THEN 'received' WHEN b IS NULL AND n > {messages} - 3000 THEN 'queued' \
         WHEN h < 55 THEN 'read' WHEN h < 85 THEN 'delivered' WHEN h < 94 THEN 'sent' WHEN h < 99 THEN 'failed' \
         WHEN n > {messages} - {messages} / 100 THEN 'in_doubt' ELSE 'sent' END"
    );
    let content = "CASE WHEN status = 'received' THEN '{\"type\":\"text\",\"body\":\"Where is my order number ' || n || '?\"}' \
         WHEN b IS NOT NULL OR n % 2 = 0 THEN '{\"type\":\"template\",\"name\":\"order_update\",\"language\":\"en_US\",\
         \"params\":{\"body\":{\"positional\":[\"Ada\",\"A-' || n || '\"]}}}' \
         ELSE '{\"type\":\"text\",\"body\":\"Your order ' || n || ' left our house this morning.\"}' END";
    let failure = "CASE WHEN status = 'failed' THEN CASE WHEN n % 5 < 3 THEN \
         '{\"code\":\"RECIPIENT_NOT_ON_WHATSAPP\",\"message\":\"Phone number is not registered on WhatsApp\",\
         \"meta_error_code\":131026,\"meta_message\":\"Message undeliverable\",\"fbtrace_id\":null,\"advice\":null,\
         \"not_before\":null}' ELSE \
         '{\"code\":\"META_REJECTED\",\"message\":\"Meta keeps this customer from more marketing\",\
         \"meta_error_code\":131049,\"meta_message\":null,\"fbtrace_id\":null,\"advice\":null,\"not_before\":null}' END END";
    let content = content
        .replace("\"params\":{\"body\":{\"positional\":[\"Ada\",\"A-' || n || '\"]}}", "\"params\":{}");
    let when = |statuses: &str, delay: i64| format!("CASE WHEN status IN ({statuses}) THEN at + {delay} END");
    format!(
        "INSERT INTO messages (tenant_id, id, contact_id, conversation_id, connection_id, direction, status, priority, \
         content, template_id, wamid, failure, pricing_category, attempts, created_at, send_at, sent_at, delivered_at, \
         read_at, failed_at, in_doubt_at, broadcast_id, recipient_id) \
         SELECT {tenant}, n, {}, k, {connection}, CASE WHEN status = 'received' THEN 'inbound' ELSE 'outbound' END, status, \
         CASE WHEN b IS NULL THEN n % 2 ELSE 2 END, {content}, \
         CASE WHEN b IS NOT NULL OR (status <> 'received' AND n % 2 = 0) THEN {template} END, \
         CASE WHEN status NOT IN ('queued', 'failed', 'in_doubt') THEN 'wamid.SEED' || n END, {failure}, \
         CASE WHEN b IS NOT NULL THEN 'utility' END, CASE WHEN status IN ('received', 'queued') THEN 0 ELSE 1 END, at, \
         CASE WHEN status = 'queued' THEN {now} + 2592000000000 END, {}, {}, {}, {}, \
         CASE WHEN status = 'in_doubt' THEN {now} END, b, CASE WHEN b IS NOT NULL THEN {} END \
         FROM (SELECT n, b, k, h, {at} AS at, {status} AS status FROM {}) AS w",
        contact("k"),
        when("'read', 'delivered', 'sent'", 1_000_000),
        when("'read', 'delivered'", 3_000_000),
        when("'read'", 60_000_000),
        when("'failed'", 1_000_000),
        contact("k"),
        placed(shape)
    )
}

/// Those that wait.
pub(super) fn outbox(shape: &Shape) -> String {
    format!(
        "INSERT INTO outbox (tenant_id, message_id, connection_id, contact_id, priority, due_at, scheduled, sending) \
         SELECT tenant_id, id, connection_id, contact_id, priority, send_at, TRUE, FALSE FROM messages \
         WHERE tenant_id = {} AND id > {} AND status = 'queued'",
        shape.tenant,
        shape.messages - 3_000
    )
}

/// What happened to the latest ones, step by step; no list shows older steps.
pub(super) fn events(shape: &Shape) -> String {
    let (tenant, first) = (shape.tenant, shape.messages - shape.messages / 50);
    let step = |status: &str, at: &str, place: i64| {
        format!(
            "SELECT tenant_id, id, id * 4 + {place}, '{status}', {at}, '{{}}' FROM messages \
             WHERE tenant_id = {tenant} AND id > {first} AND direction = 'outbound' AND {at} IS NOT NULL"
        )
    };
    let steps = [
        step("queued", "created_at", 0),
        step("sent", "sent_at", 1),
        step("delivered", "delivered_at", 2),
        step("read", "read_at", 3),
    ];
    format!(
        "INSERT INTO message_events (tenant_id, message_id, id, status, at, details) {} ORDER BY 2, 3",
        steps.join(" UNION ALL ")
    )
}

/// With the latest message and the window that the latest inbound one opened.
pub(super) fn conversations(shape: &Shape) -> String {
    let Shape { tenant, connection, start, .. } = *shape;
    format!(
        "INSERT INTO conversations (tenant_id, id, contact_id, connection_id, status, assignee, labels, window_expires_at, \
         last_inbound_at, last_inbound_wamid, last_message_at, last_message_id, last_message_preview, unread, \
         pair_throttles, created_at, broadcast_id) \
         SELECT {tenant}, s.n, {}, {connection}, \
         CASE WHEN s.n % 20 = 0 THEN 'open' WHEN s.n % 20 = 1 THEN 'pending' ELSE 'closed' END, \
         CASE WHEN s.n % 40 = 0 THEN 'ada' WHEN s.n % 40 = 1 THEN 'ben' END, \
         CASE WHEN s.n % 30 = 0 THEN '[\"billing\"]' WHEN s.n % 3000 = 1 THEN '[\"legal\"]' ELSE '[]' END, \
         g.heard + 86400000000, g.heard, CASE WHEN g.heard IS NOT NULL THEN 'wamid.SEED' || g.heard_id END, g.at, g.id, \
         'Your order left our house', CASE WHEN s.n % 50 = 0 THEN 3 ELSE 0 END, 0, {start}, g.b \
         FROM {} LEFT JOIN (SELECT conversation_id AS k, MAX(created_at) AS at, MAX(id) AS id, \
         MAX(CASE WHEN direction = 'inbound' THEN created_at END) AS heard, \
         MAX(CASE WHEN direction = 'inbound' THEN id END) AS heard_id, MAX(broadcast_id) AS b \
         FROM messages WHERE tenant_id = {tenant} GROUP BY conversation_id) AS g ON g.k = s.n ORDER BY s.n",
        contact("s.n"),
        shape.numbers(shape.conversations)
    )
}

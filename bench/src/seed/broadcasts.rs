//! Broadcasts, their recipients and counts.

use super::fill::Shape;

/// Recipients of the last broadcast, which is paused, that have no message yet.
const PENDING: i64 = 1_000;

pub(super) fn all(shape: &Shape) -> Vec<String> {
    vec![broadcasts(shape), recipients(shape), left_out(shape), pending(shape), counts(shape)]
}

fn broadcasts(shape: &Shape) -> String {
    let Shape { tenant, connection, broadcasts, .. } = *shape;
    let plan = format!(
        "{{\"template\":{{\"name\":\"order_update\",\"language\":\"en_US\"}},\"params\":[\"{{{{contact.name|friend}}}}\",\"A-1\"],\
         \"audience\":{{\"rule\":{{\"all\":[]}}}},\"connections\":[{connection}]}}"
    );
    format!(
        "INSERT INTO broadcasts (tenant_id, id, name, state, reason, plan, category, freeze_cursor, frozen, created_at, \
         updated_at, started_at, finished_at) SELECT {tenant}, s.n, 'Campaign ' || s.n, \
         CASE WHEN s.n = {broadcasts} THEN 'paused' ELSE 'completed' END, NULL, '{plan}', 'UTILITY', {}, TRUE, g.first, \
         g.last, g.first, CASE WHEN s.n < {broadcasts} THEN g.last + 60000000 END \
         FROM {} JOIN (SELECT broadcast_id AS b, MIN(created_at) AS first, MAX(created_at) AS last FROM messages \
         WHERE tenant_id = {tenant} AND broadcast_id IS NOT NULL GROUP BY broadcast_id) AS g ON g.b = s.n ORDER BY s.n",
        shape.contacts,
        shape.numbers(broadcasts)
    )
}

fn recipients(shape: &Shape) -> String {
    format!(
        "INSERT INTO recipients (tenant_id, broadcast_id, id, zone, due_at, message_id, attempt, replied_at) \
         SELECT tenant_id, broadcast_id, contact_id, 'DE', created_at, id, 1, \
         CASE WHEN read_at IS NOT NULL AND id % 20 = 0 THEN read_at + 60000000 END FROM messages \
         WHERE tenant_id = {} AND broadcast_id IS NOT NULL ORDER BY 2, 3",
        shape.tenant
    )
}

/// One in twenty was left out; they are of those who have no conversation, so that nobody is in it twice.
fn left_out(shape: &Shape) -> String {
    let Shape { tenant, broadcasts, reach, contacts, .. } = *shape;
    let each = (reach / 20).max(1).min(contacts / 5);
    format!(
        "INSERT INTO recipients (tenant_id, broadcast_id, id, zone, due_at, attempt, reason) \
         SELECT {tenant}, b.id, (((s.n + b.id * 131) % ({contacts} / 5)) * 5 + 4), 'DE', b.created_at, 1, \
         CASE s.n % 4 WHEN 0 THEN 'no_consent' WHEN 1 THEN 'opted_out' WHEN 2 THEN 'not_on_whatsapp' \
         ELSE 'missing_parameter' END FROM broadcasts AS b CROSS JOIN {} WHERE b.tenant_id = {tenant} AND b.id <= {broadcasts}",
        shape.numbers(each)
    )
}

fn pending(shape: &Shape) -> String {
    let Shape { tenant, broadcasts, now, contacts, .. } = *shape;
    format!(
        "INSERT INTO recipients (tenant_id, broadcast_id, id, zone, due_at, attempt) \
         SELECT {tenant}, {broadcasts}, s.n * 5, 'DE', {now}, 1 FROM {}",
        shape.numbers(PENDING.min(contacts / 5))
    )
}

/// Out of the rows, so that they equal them.
fn counts(shape: &Shape) -> String {
    let tenant = shape.tenant;
    let of_messages = |name: &str, at: &str, wanted: &str| {
        let hour = shape.hour(at);
        format!(
            "SELECT tenant_id, broadcast_id, {hour} AS hour, {name} AS name, COUNT(*) AS count FROM messages \
             WHERE tenant_id = {tenant} AND broadcast_id IS NOT NULL AND {wanted} GROUP BY 1, 2, 3, 4"
        )
    };
    let of_recipients = |name: &str, at: &str, wanted: &str| {
        let hour = shape.hour(at);
        format!(
            "SELECT tenant_id, broadcast_id, {hour} AS hour, {name} AS name, COUNT(*) AS count FROM recipients \
             WHERE tenant_id = {tenant} AND {wanted} GROUP BY 1, 2, 3, 4"
        )
    };
    let parts = [
        of_messages("'sent'", "sent_at", "sent_at IS NOT NULL"),
        of_messages("'delivered'", "delivered_at", "delivered_at IS NOT NULL"),
        of_messages("'read'", "read_at", "read_at IS NOT NULL"),
        of_messages(
            "CASE WHEN id % 5 < 3 THEN 'failed/not_on_whatsapp/RECIPIENT_NOT_ON_WHATSAPP/131026' \
             ELSE 'failed/rate_limited/META_REJECTED/131049' END",
            "failed_at",
            "failed_at IS NOT NULL",
        ),
        of_messages("'in_doubt'", "in_doubt_at", "in_doubt_at IS NOT NULL"),
        of_recipients("'replied'", "replied_at", "replied_at IS NOT NULL"),
        of_recipients("'pending'", "due_at", "message_id IS NULL AND reason IS NULL"),
        of_recipients("'left_out/' || reason", "due_at", "reason IS NOT NULL"),
    ];
    format!(
        "INSERT INTO broadcast_counts (tenant_id, broadcast_id, hour, name, count) SELECT * FROM ({}) AS c ORDER BY 1, 2, 3, 4",
        parts.join(" UNION ALL ")
    )
}

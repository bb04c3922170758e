//! Contacts, what they agreed to, and alerts.

use super::fill::Shape;

/// Contacts of four countries; tags from common (`customer`) to rare (`pilot`); eight of ten opted in.
pub(super) fn contacts(shape: &Shape) -> String {
    let Shape { tenant, start, now, .. } = *shape;
    let age = (now - start) / (shape.contacts + 1);
    let phone = "CASE WHEN n % 10 < 4 THEN '+49151' || (10000000 + n) WHEN n % 10 < 6 THEN '+1415' || (2000000 + n) \
                 WHEN n % 10 < 8 THEN '+55119' || (80000000 + n) ELSE '+447' || (700000000 + n) END";
    let country =
        "CASE WHEN n % 10 < 4 THEN 'DE' WHEN n % 10 < 6 THEN 'US' WHEN n % 10 < 8 THEN 'BR' ELSE 'GB' END";
    let tags = "'[\"' || CASE n % 4 WHEN 0 THEN 'berlin' WHEN 1 THEN 'porto' WHEN 2 THEN 'austin' ELSE 'leeds' END || '\"' \
                || CASE WHEN n % 5 < 2 THEN ',\"customer\"' ELSE '' END || CASE WHEN n % 50 = 0 THEN ',\"vip\"' ELSE '' END \
                || CASE WHEN n % 2000 = 0 THEN ',\"pilot\"' ELSE '' END || ']'";
    let first = pick(
        "n / 7 % 12",
        &["Ada", "Ben", "Carla", "Dimitri", "Elif", "Fatima", "Gus", "Hanna", "Ivo", "Jun", "Kofi", "Lena"],
    );
    let last = pick(
        "n / 11 % 12",
        &[
            "Abel", "Brandt", "Castro", "Demir", "Eriksen", "Fischer", "Gupta", "Huber", "Ito", "Jansen",
            "Kumar", "Lopes",
        ],
    );
    // Conversations are those of three of five, in their order.
    let heard = format!(
        "CASE WHEN (n - 1) % 5 < 3 THEN (SELECT v.last_inbound_at FROM conversations v WHERE v.tenant_id = {tenant} \
         AND v.id = (n - 1) / 5 * 3 + (n - 1) % 5 + 1) END"
    );
    let made = format!("{start} + n * {age}");
    format!(
        "INSERT INTO contacts (tenant_id, id, phone, username, name, language, tags, fields, search, opted_in, opted_in_at, \
         opted_out_at, marketing_stopped, wrote_after_opt_out, review_reason, review_code, review_at, last_inbound_at, \
         created_at, updated_at, country) \
         SELECT {tenant}, n, phone, CASE WHEN n % 20 = 0 THEN 'user.' || n END, name, \
         CASE n % 3 WHEN 0 THEN 'de' WHEN 1 THEN 'en_US' ELSE 'pt_BR' END, {tags}, \
         '{{\"city\":\"' || CASE n % 4 WHEN 0 THEN 'Berlin' WHEN 1 THEN 'Porto' WHEN 2 THEN 'Austin' ELSE 'Leeds' END \
         || '\",\"orders\":\"' || (n % 30) || '\"}}', \
         lower(name) || '\n' || phone || CASE WHEN n % 20 = 0 THEN '\n' || 'user.' || n ELSE '' END, \
         n % 100 < 78, CASE WHEN n % 100 < 86 THEN made END, CASE WHEN n % 100 BETWEEN 78 AND 85 THEN made + 86400000000 END, \
         n % 100 = 5, FALSE, CASE WHEN n % 100 = 50 THEN 'Meta says that this number is not on WhatsApp' END, \
         CASE WHEN n % 100 = 50 THEN 131026 END, CASE WHEN n % 100 = 50 THEN {now} END, {heard}, made, made, country \
         FROM (SELECT n, {phone} AS phone, {country} AS country, {first} || ' ' || {last} || ' ' || n AS name, {made} AS made \
         FROM {}) AS p",
        shape.numbers(shape.contacts)
    )
}

/// The index of their texts, which the server would fill behind them.
pub(super) fn search(shape: &Shape) -> Vec<String> {
    let fill = if shape.is_postgres {
        "INSERT INTO contact_search (tenant_id, contact_id, search) SELECT tenant_id, id, search FROM contacts"
    } else {
        "INSERT INTO contact_search (rowid, search) SELECT id, search FROM contacts ORDER BY id"
    };
    let mut statements = vec![fill.to_owned(), "DELETE FROM contact_search_waiting".to_owned()];
    if shape.is_postgres {
        statements.push("DELETE FROM contact_search_ranges".to_owned());
    }
    statements
}

fn pick(expression: &str, words: &[&str]) -> String {
    let arms: Vec<String> =
        words.iter().enumerate().map(|(index, word)| format!("WHEN {index} THEN '{word}'")).collect();
    format!("(CASE {expression} {} END)", arms.join(" "))
}

/// One record for each word that was given.
pub(super) fn consent(shape: &Shape) -> String {
    let Shape { tenant, contacts, .. } = *shape;
    format!(
        "INSERT INTO consent_records (tenant_id, id, contact_id, kind, source, at, evidence) \
         SELECT tenant_id, id, id, 'opt_in', CASE WHEN id % 2 = 0 THEN 'import' ELSE 'api' END, opted_in_at, '{{}}' \
         FROM contacts WHERE tenant_id = {tenant} AND opted_in_at IS NOT NULL UNION ALL \
         SELECT tenant_id, {contacts} + id, id, 'opt_out', 'keyword', opted_out_at, '{{}}' \
         FROM contacts WHERE tenant_id = {tenant} AND opted_out_at IS NOT NULL ORDER BY 2"
    )
}

/// Half a year of alerts, nearly all of them over.
pub(super) fn alerts(shape: &Shape) -> String {
    let Shape { tenant, start, now, .. } = *shape;
    let (count, step) = (2_000, (now - start) / 2_001);
    format!(
        "INSERT INTO alerts (tenant_id, id, kind, subject, severity, message, details, opened_at, last_at, count, \
         acknowledged_at, resolved_at) SELECT {tenant}, n, 'delivery_rate', 'seed-' || n, 'warning', \
         'Fewer than 90 % of the messages of an hour were delivered', '{{}}', {start} + n * {step}, {start} + n * {step}, \
         n % 7 + 1, CASE WHEN n % 2 = 0 THEN {start} + (n + 1) * {step} END, \
         CASE WHEN n <= {count} - 10 THEN {start} + (n + 2) * {step} END FROM {}",
        shape.numbers(count)
    )
}

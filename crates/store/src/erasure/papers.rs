//! What was written down elsewhere and names the person: found page by page without holding the store, removed in a
//! short commit.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use domain::TenantId;
use domain::erasure::Traces;
use sea_orm::{QueryResult, Value};

use super::work::{Erasing, Place, Work};
use crate::SqlStore;
use crate::db::{self, Fault, Row, hex};
use crate::dialect::Dialect;
use crate::retention::files;
use crate::sets::{param, set};

/// Rows looked at for each row that a batch may remove: most name somebody else.
const PAGES: i64 = 10;
/// How long after the noted use of a file it may have been sent again, in microseconds: two days, of which the note itself
/// allows one.
const SLACK: i64 = 2 * 24 * 3_600 * 1_000_000;

set! {
    /// A row's key.
    Key {
        a: Int i64,
        b: Int i64,
        text: Text String,
    }
}

/// A page of a place: who of it is the person's, and where the next one begins; `None`: that was the last.
#[derive(Default)]
pub(super) struct Page {
    theirs: Vec<Key>,
    next: Option<(i64, i64, String)>,
}

/// How a place is read: its table, its key as columns `a`, `b` and `text`, and what is looked at.
struct Reading {
    table: &'static str,
    key: [&'static str; 3],
    texts: &'static [&'static str],
    is_blob: bool,
}

impl Place {
    fn reading(self) -> Option<Reading> {
        let reading = |table, key, texts, is_blob| Some(Reading { table, key, texts, is_blob });
        match self {
            Self::Webhooks => reading("inbox", ["id", "", ""], &["body"], true),
            Self::WebhookItems => reading("inbox_items", ["id", "", ""], &["raw", "why"], false),
            Self::ImportRows => {
                reading("import_rows", ["import_id", "row_number", ""], &["phone", "cells"], false)
            }
            Self::ListRows => reading(
                "broadcast_rows",
                ["list_id", "row_number", ""],
                &["given", "columns", "COALESCE(x.phone, '')"],
                false,
            ),
            Self::Answers => reading("idempotency", ["", "", "key"], &["body"], true),
            Self::Statuses => reading("orphan_statuses", ["", "", "wamid"], &["wamid", "report"], false),
            Self::Messages | Self::Media | Self::Done => None,
        }
    }
}

/// Finds the next page of the person's rows.
pub(super) async fn look_ahead(
    store: &SqlStore,
    tenant: TenantId,
    work: &Work,
    limit: i64,
) -> Result<Page, Fault> {
    match (work.place, work.place.reading()) {
        (Place::Media, _) => used_elsewhere(store, tenant, work).await,
        (place, Some(reading)) => reading.page(store, tenant, work, place, limit * PAGES).await,
        _ => Ok(Page::default()),
    }
}

/// Removes what was found, and what of it is still there.
pub(super) async fn batch(erasing: &mut Erasing<'_>, page: Page) -> Result<(), Fault> {
    let removed = match erasing.work.place {
        Place::Media => remove_file(erasing, &page).await?,
        Place::Webhooks => webhooks(erasing, &page.theirs).await?,
        place => match place.reading() {
            Some(reading) => reading.remove(erasing, &page.theirs).await?,
            None => 0,
        },
    };
    erasing.removed.count(name(erasing.work.place), removed);
    match page.next {
        Some(next) => erasing.work.cursor = next,
        None if erasing.work.place == Place::Media && !erasing.work.files.is_empty() => {}
        None => erasing.work.next_place(),
    }
    Ok(())
}

fn name(place: Place) -> &'static str {
    match place {
        Place::Messages => "messages",
        Place::Media => "media",
        Place::Webhooks => "webhooks",
        Place::WebhookItems => "webhook_items",
        Place::ImportRows => "import_rows",
        Place::ListRows => "list_rows",
        Place::Answers => "kept_answers",
        Place::Statuses | Place::Done => "statuses",
    }
}

impl Reading {
    async fn page(
        &self,
        store: &SqlStore,
        tenant: TenantId,
        work: &Work,
        place: Place,
        rows: i64,
    ) -> Result<Page, Fault> {
        let (keys, after) = self.keys(work);
        let columns = keys.join(", ");
        let beyond: Vec<String> = (0..keys.len()).map(|index| format!("${}", index + 3)).collect();
        let looked_at: Vec<String> = self
            .texts
            .iter()
            .enumerate()
            .map(|(index, text)| format!("{} AS t{index}", qualified(text)))
            .collect();
        let filter = self.filter(store.dialect(), place, &work.traces, keys.len() + 3);
        // The page is bounded first, so that a person who is nowhere does not make it walk through everything at once.
        let sql = format!(
            "SELECT {columns} FROM {} x WHERE x.tenant_id = $1 AND ({columns}) > ({}) ORDER BY {columns} LIMIT $2",
            self.table,
            beyond.join(", ")
        );
        let mut values: Vec<Value> = vec![tenant.0.into(), rows.into()];
        values.extend(after);
        let bounds = db::all(store.reader(), &sql, values.clone()).await?;
        let full = i64::try_from(bounds.len()).unwrap_or(i64::MAX) >= rows;
        let next = bounds.last().filter(|_| full).map(|row| self.cursor(row)).transpose()?;
        values.extend(filter.1);
        let sql = format!(
            "SELECT {columns}, {} FROM (SELECT * FROM {} x WHERE x.tenant_id = $1 AND ({columns}) > ({}) \
             ORDER BY {columns} LIMIT $2) AS x WHERE {}",
            looked_at.join(", "),
            self.table,
            beyond.join(", "),
            filter.0
        );
        let mut theirs = Vec::new();
        for row in db::all(store.reader(), &sql, values).await? {
            if self.is_theirs(&row, place, &work.traces)? {
                let (a, b, text) = self.cursor(&row)?;
                theirs.push(Key { a, b, text });
            }
        }
        Ok(Page { theirs, next })
    }

    /// The columns of the key, and where the page begins.
    fn keys(&self, work: &Work) -> (Vec<String>, Vec<Value>) {
        let cursor: [Value; 3] = [work.cursor.0.into(), work.cursor.1.into(), work.cursor.2.as_str().into()];
        self.key
            .iter()
            .zip(cursor)
            .filter(|(column, _)| !column.is_empty())
            .map(|(column, value)| (format!("x.{column}"), value))
            .unzip()
    }

    fn cursor(&self, row: &QueryResult) -> Result<(i64, i64, String), Fault> {
        let number = |column: &str| if column.is_empty() { Ok(i64::MIN) } else { row.get(column) };
        let text = if self.key[2].is_empty() { String::new() } else { row.get(self.key[2])? };
        Ok((number(self.key[0])?, number(self.key[1])?, text))
    }

    /// What the engine can tell by itself: all that may be the person's, and more.
    fn filter(&self, dialect: Dialect, place: Place, traces: &Traces, first: usize) -> (String, Vec<Value>) {
        // A number as a person writes it, and a wamid, must be read to be told.
        if matches!(place, Place::ImportRows | Place::Statuses) {
            return ("TRUE".to_owned(), Vec::new());
        }
        let mut needles: Vec<String> = traces.needles().map(str::to_owned).collect();
        if place == Place::Answers {
            needles.extend(traces.words.iter().map(|word| in_json(word)));
        }
        if needles.is_empty() {
            return ("FALSE".to_owned(), Vec::new());
        }
        let mut conditions = Vec::new();
        for index in 0..needles.len() {
            let needle = format!("${}", first + index);
            for text in self.texts {
                conditions.push(match self.is_blob {
                    true => dialect.blob_holds(&qualified(text), &needle),
                    false => format!("{} > 0", dialect.position(&qualified(text), &needle)),
                });
            }
        }
        (conditions.join(" OR "), needles.into_iter().map(Value::from).collect())
    }

    fn is_theirs(&self, row: &QueryResult, place: Place, traces: &Traces) -> Result<bool, Fault> {
        for index in 0..self.texts.len() {
            let column = format!("t{index}");
            let text = if self.is_blob {
                let body: Option<Vec<u8>> = row.get(&column)?;
                String::from_utf8_lossy(&body.unwrap_or_default()).into_owned()
            } else {
                row.get(&column)?
            };
            let theirs = traces.names(&text)
                || match (place, index) {
                    (Place::ImportRows, 0) => is_number_of(traces, &text),
                    (Place::Statuses, 0) => is_wamid_of(traces, &text),
                    (Place::Answers, _) => traces.words.iter().any(|word| text.contains(&in_json(word))),
                    _ => false,
                };
            if theirs {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn remove(&self, erasing: &Erasing<'_>, theirs: &[Key]) -> Result<u64, Fault> {
        if theirs.is_empty() {
            return Ok(0);
        }
        let named = self.key.iter().zip(["r.a", "r.b", "r.text"]).filter(|(column, _)| !column.is_empty());
        let (columns, members): (Vec<&str>, Vec<&str>) = named.unzip();
        let sql = format!(
            "DELETE FROM {} WHERE tenant_id = $2 AND ({}) IN (SELECT {} FROM {})",
            self.table,
            columns.join(", "),
            members.join(", "),
            erasing.tx.dialect.set::<Key>(1, "r")
        );
        db::run(&**erasing.tx, &sql, [param(theirs)?, erasing.tenant.0.into()]).await
    }
}

fn qualified(text: &str) -> String {
    if text.contains('.') { text.to_owned() } else { format!("x.{text}") }
}

/// A text as it stands within JSON.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}

/// Fewer digits are no telephone number.
const FEWEST_DIGITS: usize = 7;

/// Whether this is the person's number as people write it: with blanks, with zeros in front, without the country.
fn is_number_of(traces: &Traces, written: &str) -> bool {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    digits.len() >= FEWEST_DIGITS && traces.digits.iter().any(|own| own.ends_with(digits))
}

/// Meta's ids of messages are base64 with the customer's number within.
fn is_wamid_of(traces: &Traces, wamid: &str) -> bool {
    let code = wamid.strip_prefix("wamid.").unwrap_or(wamid).trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(code).or_else(|_| STANDARD.decode(code)).unwrap_or_default();
    traces.names(&String::from_utf8_lossy(&bytes))
}

set! {
    Redacted {
        id: Int i64,
        body: Text String,
    }
}

/// Bodies that were applied go; those that wait lose what is the person's, and go on for the others.
async fn webhooks(erasing: &Erasing<'_>, theirs: &[Key]) -> Result<u64, Fault> {
    if theirs.is_empty() {
        return Ok(0);
    }
    let (tx, tenant) = (erasing.tx, erasing.tenant);
    let set = tx.dialect.set::<Key>(1, "r");
    let lock = tx.dialect.for_update("q");
    let sql = format!(
        "SELECT i.id AS id, i.body AS body FROM {set} CROSS JOIN inbox i CROSS JOIN inbox_queue q \
         WHERE i.tenant_id = $2 AND i.id = r.a AND q.tenant_id = $2 AND q.id = r.a{lock}"
    );
    let (mut redacted, mut gone) = (Vec::new(), theirs.to_vec());
    for row in db::all(&**tx, &sql, [param(theirs)?, tenant.0.into()]).await? {
        let id: i64 = row.get("id")?;
        let body: Vec<u8> = row.get("body")?;
        let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&body) else { continue };
        if !erasing.work.traces.redact(&mut body) {
            gone.retain(|key| key.a != id);
            redacted.push(Redacted { id, body: hex(body.to_string().as_bytes()) });
        }
    }
    if !redacted.is_empty() {
        let set = tx.dialect.set::<Redacted>(1, "r");
        let body = tx.dialect.unhex("r.body");
        let sql = format!(
            "UPDATE inbox SET body = {body} FROM {set} WHERE inbox.tenant_id = $2 AND inbox.id = r.id"
        );
        db::run(&**tx, &sql, [param(&redacted)?, tenant.0.into()]).await?;
    }
    let mut removed = redacted.len() as u64;
    for table in ["inbox_queue", "inbox"] {
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $2 AND id IN (SELECT r.a FROM {set})");
        let rows = db::run(&**tx, &sql, [param(&gone)?, tenant.0.into()]).await?;
        removed += if table == "inbox" { rows } else { 0 };
    }
    Ok(removed)
}

/// Whether the next file was sent to others too: then it is not the person's.
async fn used_elsewhere(store: &SqlStore, tenant: TenantId, work: &Work) -> Result<Page, Fault> {
    let Some(file) = work.files.last() else { return Ok(Page::default()) };
    let named = store.dialect().position("m.content", "$3");
    // Whoever accepts a message with the file does so before the file is last used, which is noted to the day.
    let sql = format!(
        "SELECT 1 AS one FROM media f CROSS JOIN messages m WHERE f.tenant_id = $1 AND f.id = $2 AND m.tenant_id = $1 \
         AND m.created_at >= f.created_at AND m.created_at <= COALESCE(f.used_at + $4, $5) \
         AND m.direction = 'outbound' AND {named} > 0 LIMIT 1"
    );
    let values: [Value; 5] = [
        tenant.0.into(),
        (*file).into(),
        format!("\"media_id\":{file}").into(),
        SLACK.into(),
        i64::MAX.into(),
    ];
    let used = db::one(store.reader(), &sql, values).await?.is_some()
        || files::is_planned(store, tenant, *file).await?;
    let theirs = if used { Vec::new() } else { vec![Key { a: *file, b: 0, text: String::new() }] };
    Ok(Page { theirs, next: None })
}

async fn remove_file(erasing: &mut Erasing<'_>, page: &Page) -> Result<u64, Fault> {
    erasing.work.files.pop();
    let Some(file) = page.theirs.first() else { return Ok(0) };
    let (tx, tenant) = (erasing.tx, erasing.tenant);
    if files::is_planned_since(tx, tenant, file.a, erasing.now).await? {
        return Ok(0);
    }
    let sql = "SELECT path FROM media WHERE tenant_id = $1 AND id = $2 AND direction = 'outbound'";
    let Some(row) = db::one(&**tx, sql, [tenant.0.into(), file.a.into()]).await? else { return Ok(0) };
    let gone = [files::Gone { id: file.a, path: row.get("path")? }];
    files::remove(tx, tenant, &gone, erasing.now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces() -> Traces {
        Traces { digits: vec!["4915123456789".into()], ..Traces::default() }
    }

    #[test]
    fn a_number_is_known_however_it_was_written() {
        for written in ["+49 1512 3456789", "0151-23456789", "004915123456789", "(0)1512/3456789"] {
            assert!(is_number_of(&traces(), written), "{written}");
        }
        for written in ["", "0049", "456789", "+49 1512 3456780"] {
            assert!(!is_number_of(&traces(), written), "{written}");
        }
    }

    #[test]
    fn a_number_within_a_wamid_is_found() {
        let of = |number: &str| {
            let bytes = [&[0x1c, 0x18, 0x0d][..], number.as_bytes(), &[0x15, 0x02, 0x00, 0x11]].concat();
            format!("wamid.{}", STANDARD.encode(bytes))
        };
        assert!(is_wamid_of(&traces(), &of("4915123456789")));
        assert!(!is_wamid_of(&traces(), &of("4915123456780")));
        assert!(!is_wamid_of(&traces(), "wamid.1"));
    }
}

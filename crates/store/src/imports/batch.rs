//! A batch of rows: contacts, consent, rows that became none, counters and cursor, in one commit.

use std::collections::{HashMap, HashSet};

use domain::audit::{Action, NewEntry, spans};
use domain::contacts::Identity;
use domain::imports::{ImportState, notes, problems as words};
use domain::{ContactId, TenantId, Timestamp};
use ports::imports::{Applied, GoodRow, Import, ImportBatch, OnDuplicate, ProblemKind, RowConsent};
use sea_orm::Value;

use super::heard::Heard;
use super::merge::{self, Merged};
use super::problems::{self, ProblemRow};
use super::row;
use crate::SqlStore;
use crate::contacts::row::search_text;
use crate::db::{self, Fault, Row, Tx, micros};
use crate::erasure::{self, Kept};
use crate::ids::{self, Kind};
use crate::sets::{param, set};

set! {
    ContactRow<'a> {
        id: Int i64,
        phone: Text &'a str,
        country: Text Option<&'a str>,
        name: Text Option<&'a str>,
        language: Text Option<&'a str>,
        time_zone: Text Option<&'a str>,
        tags: Text String,
        fields: Text String,
        search: Text String,
        opted_in: Bool bool,
        opted_in_at: Int Option<i64>,
        opted_out_at: Int Option<i64>,
    }
}

set! {
    Taken { id: Int i64 }
}

/// `rivals`: whether somebody else is known to make some of its contacts at this time. Without them, a number that is taken
/// after all is a conflict, and nothing is written.
pub(super) async fn apply(
    store: &SqlStore,
    tenant: TenantId,
    batch: &ImportBatch,
    rivals: bool,
) -> Result<Applied, Fault> {
    let tx = store.begin().await?;
    let Some((import, holder)) = row::lock(&tx, tenant, batch.import).await? else {
        return Ok(Applied::NotOurs(None));
    };
    if import.state != ImportState::Running || holder != batch.holder || import.cursor != batch.from {
        return Ok(Applied::NotOurs(Some(import)));
    }
    let mut heard = Heard::default();
    let merged = match batch.on_duplicate {
        OnDuplicate::Skip => Merged::default(),
        OnDuplicate::Update => merge::known(&tx, tenant, batch, &mut heard).await?,
    };
    let fresh: Vec<&GoodRow> = batch.good.iter().filter(|row| !merged.knows(row.row)).collect();
    let made = insert(&tx, tenant, &fresh, batch.at, rivals).await?;
    if batch.on_duplicate == OnDuplicate::Update && made.len() < fresh.len() {
        // Somebody made the contact since we looked: looking again finds it.
        return Err(Fault::Conflict("a number of the batch was taken meanwhile".into()));
    }
    let kept = reinstate(&tx, tenant, &fresh, &made).await?;
    for (row, contact) in pairs(&fresh, &made) {
        heard.of_new(contact, row, kept.get(&contact));
    }
    heard.in_passing(&tx, tenant, batch, &made, &merged).await?;
    heard.write(&tx, tenant).await?;
    let rows = problem_rows(batch, &fresh, &made, &merged, &heard)?;
    problems::append(&tx, tenant, batch.import, &rows).await?;
    let in_file = batch.bad.iter().filter(|row| row.is_duplicate).count();
    let gained = Gained {
        imported: made.len(),
        updated: merged.updated.len(),
        duplicates: fresh.len() - made.len() + in_file,
        errors: batch.bad.len() - in_file + merged.outgrown.len(),
        opted_out: heard.opted_out.len(),
        consent_refused: heard.refused.len(),
    };
    let told = serde_json::json!({
        "created": spans(made.iter().map(|(_, contact)| contact.0).collect()),
        "updated": merged.updated.len(),
        "opted_in": spans(heard.opted_in.iter().map(|contact| contact.0).collect()),
        "opted_out": spans(heard.opted_out.iter().map(|contact| contact.0).collect()),
    });
    let import = advance(&tx, tenant, batch, gained).await?;
    let entry = NewEntry::about(Action::ContactsImported, "import", batch.import).at(batch.at);
    tx.note(tenant, entry.after(told));
    tx.commit().await?;
    Ok(Applied::Applied(import))
}

/// The rows that became contacts, and which; both are in the order of the file.
fn pairs<'a, 'b>(
    fresh: &'a [&'b GoodRow],
    made: &'a [(u64, ContactId)],
) -> impl Iterator<Item = (&'b GoodRow, ContactId)> + 'a {
    let mut ids = made.iter().peekable();
    fresh.iter().filter_map(move |row| {
        ids.next_if(|(number, _)| *number == row.row).map(|(_, contact)| (*row, *contact))
    })
}

/// Contacts of these rows; answers by row number those that were made. A number that is taken makes none.
async fn insert(
    tx: &Tx,
    tenant: TenantId,
    fresh: &[&GoodRow],
    at: Timestamp,
    rivals: bool,
) -> Result<Vec<(u64, ContactId)>, Fault> {
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let [mut ids] = ids::take(tx, [(Kind::Contact, fresh.len())]).await?;
    let mut rows = Vec::with_capacity(fresh.len());
    let mut named = Vec::with_capacity(fresh.len());
    for row in fresh {
        let id = ids.next()?;
        named.push((row.row, ContactId(id)));
        rows.push(contact_row(id, row)?);
    }
    // Two who insert the same numbers wait for each other in the same order, never in a circle.
    rows.sort_unstable_by_key(|row| row.phone);
    let (set, values) = tx.dialect.bulk_in(3, "r", &rows, 1)?;
    let unless_known = tx.dialect.unless_known(rivals);
    let sql = format!(
        "INSERT INTO contacts (tenant_id, id, phone, country, name, language, time_zone, tags, fields, search, \
         opted_in, opted_in_at, opted_out_at, marketing_stopped, wrote_after_opt_out, created_at, updated_at) \
         SELECT $1, r.id, r.phone, r.country, r.name, r.language, r.time_zone, r.tags, r.fields, r.search, \
         r.opted_in, r.opted_in_at, r.opted_out_at, FALSE, FALSE, $2, $2 FROM {set} {unless_known}"
    );
    let of: [Value; 2] = [tenant.0.into(), micros(at).into()];
    let made = db::run(&**tx, &sql, of.into_iter().chain(values)).await?;
    if made == 0 {
        named.clear();
    } else if made < named.len() as u64 {
        let made = found(tx, tenant, &named).await?;
        named.retain(|(_, id)| made.contains(id));
    }
    Ok(named)
}

/// Which of these contacts there are: asked where some are not, as nearly always all or none were made.
async fn found(tx: &Tx, tenant: TenantId, named: &[(u64, ContactId)]) -> Result<HashSet<ContactId>, Fault> {
    let ids: Vec<Taken> = named.iter().map(|(_, id)| Taken { id: id.0 }).collect();
    let sql = format!(
        "SELECT c.id AS id FROM {} CROSS JOIN contacts c WHERE c.tenant_id = r.tenant AND c.id = r.id",
        tx.dialect.set_in::<Taken>(1, "r", 2)
    );
    let found = db::all(&**tx, &sql, [param(&ids)?, tenant.0.into()]).await?;
    found.iter().map(|row| Ok(ContactId(row.get("id")?))).collect()
}

fn contact_row(id: i64, row: &GoodRow) -> Result<ContactRow<'_>, Fault> {
    let consent = row.consent.as_ref().map(RowConsent::of_new).unwrap_or_default();
    Ok(ContactRow {
        id,
        phone: row.phone.as_str(),
        country: row.country.as_deref(),
        name: row.name.as_deref(),
        language: row.language.as_deref(),
        time_zone: row.time_zone.as_deref(),
        tags: db::to_json(&row.tags)?,
        fields: db::to_json(&row.fields)?,
        search: search_text(row.name.as_deref(), Some(row.phone.as_str()), None),
        opted_in: consent.opted_in,
        opted_in_at: consent.opted_in_at.map(micros),
        opted_out_at: consent.opted_out_at.map(micros),
    })
}

/// Whoever was erased after an opt-out is opted out: the list may be older.
async fn reinstate(
    tx: &Tx,
    tenant: TenantId,
    fresh: &[&GoodRow],
    made: &[(u64, ContactId)],
) -> Result<HashMap<ContactId, Kept>, Fault> {
    let named: Vec<_> =
        pairs(fresh, made).map(|(row, contact)| (contact, Identity::of_phone(row.phone.clone()))).collect();
    let named: Vec<_> = named.iter().map(|(contact, identity)| (*contact, identity)).collect();
    erasure::reinstate(tx, tenant, &named).await
}

fn problem_rows<'a>(
    batch: &'a ImportBatch,
    fresh: &[&'a GoodRow],
    made: &[(u64, ContactId)],
    merged: &Merged,
    heard: &Heard<'a>,
) -> Result<Vec<ProblemRow<'a>>, Fault> {
    let mut rows = Vec::with_capacity(batch.bad.len() + fresh.len() - made.len());
    for row in &batch.bad {
        let kind = if row.is_duplicate { ProblemKind::Duplicate } else { ProblemKind::Error };
        rows.push(ProblemRow::of(kind, row.row, &row.phone, &row.error, &row.cells)?);
    }
    let mut ids = made.iter().peekable();
    for row in fresh {
        if ids.next_if(|(number, _)| *number == row.row).is_none() {
            let kind = ProblemKind::Duplicate;
            rows.push(ProblemRow::of(kind, row.row, &row.written, words::DUPLICATE, &row.cells)?);
        }
    }
    for row in batch.good.iter().filter(|row| merged.outgrown.contains(&row.row)) {
        rows.push(ProblemRow::of(ProblemKind::Error, row.row, &row.written, words::OUTGROWN, &row.cells)?);
    }
    for row in &heard.refused {
        rows.push(ProblemRow::of(ProblemKind::Note, row.row, &row.written, notes::CONSENT_REFUSED, &[])?);
    }
    Ok(rows)
}

struct Gained {
    imported: usize,
    updated: usize,
    duplicates: usize,
    errors: usize,
    opted_out: usize,
    consent_refused: usize,
}

async fn advance(tx: &Tx, tenant: TenantId, batch: &ImportBatch, gained: Gained) -> Result<Import, Fault> {
    let sql = format!(
        "UPDATE imports SET cursor_row = $3, bytes_read = $4, processed = processed + $5, imported = imported + $6, \
         updated = updated + $7, duplicates = duplicates + $8, errors = errors + $9, held_until = $10, \
         updated_at = $11, opted_out = opted_out + $12, consent_refused = consent_refused + $13 WHERE tenant_id = $1 AND id = $2 RETURNING {}",
        row::COLUMNS
    );
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let big = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let values = [
        tenant.0.into(),
        batch.import.0.into(),
        big(batch.to).into(),
        big(batch.bytes_read).into(),
        number(batch.good.len() + batch.bad.len()).into(),
        number(gained.imported).into(),
        number(gained.updated).into(),
        number(gained.duplicates).into(),
        number(gained.errors).into(),
        micros(batch.held_until).into(),
        micros(batch.at).into(),
        number(gained.opted_out).into(),
        number(gained.consent_refused).into(),
    ];
    let row = db::one(&**tx, &sql, values).await?;
    row::from_row(&row.ok_or_else(|| Fault::internal("a locked import is gone"))?)
}

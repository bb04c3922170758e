//! Rows of numbers that a contact has already, when contacts are to be brought up to date.

use std::collections::{HashMap, HashSet};

use domain::phone::PhoneNumber;
use domain::{TenantId, Timestamp};
use ports::contacts::Contact;
use ports::imports::{GoodRow, ImportBatch};

use super::heard::Heard;
use crate::contacts::row::{self, search_text};
use crate::db::{self, Fault, Tx, micros};
use crate::sets::{param, set};

set! {
    Number<'a> { phone: Text &'a str }
}

set! {
    MergedRow<'a> {
        id: Int i64,
        name: Text Option<&'a str>,
        language: Text Option<&'a str>,
        time_zone: Text Option<&'a str>,
        tags: Text String,
        fields: Text String,
        search: Text String,
        opted_in: Bool bool,
        opted_in_at: Int Option<i64>,
        opted_out_at: Int Option<i64>,
        wrote_after_opt_out: Bool bool,
    }
}

/// What became of the rows whose numbers are known.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// Row numbers.
    pub(super) updated: HashSet<u64>,
    pub(super) outgrown: HashSet<u64>,
}

impl Merged {
    pub(super) fn knows(&self, row: u64) -> bool {
        self.updated.contains(&row) || self.outgrown.contains(&row)
    }
}

/// Brings the contacts up to date whose numbers are in the batch.
pub(super) async fn known<'b>(
    tx: &Tx,
    tenant: TenantId,
    batch: &'b ImportBatch,
    heard: &mut Heard<'b>,
) -> Result<Merged, Fault> {
    let mut merged = Merged::default();
    let by_phone: HashMap<&str, &'b GoodRow> =
        batch.good.iter().map(|row| (row.phone.as_str(), row)).collect();
    let mut rows = Vec::new();
    for mut contact in load(tx, tenant, batch.good.iter().map(|row| row.phone.as_str())).await? {
        let Some(row) = by_phone.get(number(&contact)) else { continue };
        if !domain::contacts::join(&mut contact.tags, &mut contact.fields, &row.tags, &row.fields) {
            merged.outgrown.insert(row.row);
            continue;
        }
        merged.updated.insert(row.row);
        heard.of_known(&mut contact, row);
        rows.push(merged_row(&contact, row)?);
    }
    save(tx, tenant, &rows, batch.at).await?;
    Ok(merged)
}

/// The contacts of these numbers, locked until the commit, always in the same order.
pub(super) async fn load(
    tx: &Tx,
    tenant: TenantId,
    phones: impl Iterator<Item = &str>,
) -> Result<Vec<Contact>, Fault> {
    let numbers: Vec<Number<'_>> = phones.map(|phone| Number { phone }).collect();
    let sql = format!(
        "SELECT {} FROM {} CROSS JOIN contacts c WHERE c.tenant_id = r.tenant AND c.phone = r.phone ORDER BY c.id{}",
        row::COLUMNS,
        tx.dialect.set_in::<Number<'_>>(1, "r", 2),
        tx.dialect.for_update("c")
    );
    db::all(&**tx, &sql, [param(&numbers)?, tenant.0.into()]).await?.iter().map(row::from_row).collect()
}

pub(super) fn number(contact: &Contact) -> &str {
    contact.identity.phone.as_ref().map(PhoneNumber::as_str).unwrap_or_default()
}

fn merged_row<'a>(contact: &Contact, row: &'a GoodRow) -> Result<MergedRow<'a>, Fault> {
    let name = row.name.as_deref().or(contact.name.as_deref());
    Ok(MergedRow {
        id: contact.id.0,
        name: row.name.as_deref(),
        language: row.language.as_deref(),
        time_zone: row.time_zone.as_deref(),
        tags: db::to_json(&contact.tags)?,
        fields: db::to_json(&contact.fields)?,
        search: search_text(name, Some(row.phone.as_str()), contact.username.as_deref()),
        opted_in: contact.consent.opted_in,
        opted_in_at: contact.consent.opted_in_at.map(micros),
        opted_out_at: contact.consent.opted_out_at.map(micros),
        wrote_after_opt_out: contact.consent.wrote_after_opt_out,
    })
}

async fn save(tx: &Tx, tenant: TenantId, rows: &[MergedRow<'_>], at: Timestamp) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set_in::<MergedRow<'_>>(1, "r", 2);
    let sql = format!(
        "UPDATE contacts SET name = COALESCE(r.name, contacts.name), \
         language = COALESCE(r.language, contacts.language), time_zone = COALESCE(r.time_zone, contacts.time_zone), \
         tags = r.tags, fields = r.fields, search = r.search, opted_in = r.opted_in, opted_in_at = r.opted_in_at, \
         opted_out_at = r.opted_out_at, wrote_after_opt_out = r.wrote_after_opt_out, updated_at = $3 \
         FROM {set} WHERE contacts.tenant_id = r.tenant AND contacts.id = r.id"
    );
    db::run(&**tx, &sql, [param(rows)?, tenant.0.into(), micros(at).into()]).await?;
    Ok(())
}

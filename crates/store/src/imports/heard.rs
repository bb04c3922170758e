//! What the rows of a batch say of consent, and what becomes of it.

use std::collections::{HashMap, HashSet};

use domain::consent::{ConsentKind, ConsentSource};
use domain::imports::agreement::{self, Agreement};
use domain::{ContactId, TenantId, Timestamp};
use ports::contacts::Contact;
use ports::imports::{GoodRow, ImportBatch, RowConsent};
use serde_json::Value;

use super::merge::{self, Merged};
use crate::consent::{self, Entry};
use crate::db::{self, Fault, Tx, micros};
use crate::erasure::Kept;
use crate::sets::{param, set};

/// Gathered while the rows of a batch are applied.
#[derive(Default)]
pub(super) struct Heard<'b> {
    entries: Vec<(ContactId, ConsentKind, Timestamp, &'b Value)>,
    /// Those whose opt-in the batch brought.
    pub(super) opted_in: Vec<ContactId>,
    /// Those whom it opted out.
    pub(super) opted_out: Vec<ContactId>,
    /// Rows whose yes was not taken.
    pub(super) refused: Vec<&'b GoodRow>,
}

set! {
    OptedOut {
        id: Int i64,
        opted_out_at: Int Option<i64>,
    }
}

impl<'b> Heard<'b> {
    /// Of a contact that the row made; `kept` is what is known of an erased person of that number.
    pub(super) fn of_new(&mut self, contact: ContactId, row: &'b GoodRow, kept: Option<&Kept>) {
        let Some(consent) = &row.consent else { return };
        if kept.is_some_and(|kept| kept.state().explicitly_out()) {
            // The entry of the kept opt-out is in the ledger; it is the person's own.
            if consent.says == Agreement::Yes {
                self.refused.push(row);
            }
            return;
        }
        let decisions = consent.decisions();
        if let Some((kind, _)) = decisions.last() {
            self.counts(contact, *kind);
        }
        self.entries.extend(decisions.into_iter().map(|(kind, at)| (contact, kind, at, &consent.evidence)));
    }

    /// Of a contact that is brought up to date; its state is to be written then.
    pub(super) fn of_known(&mut self, contact: &mut Contact, row: &'b GoodRow) {
        if let Some(consent) = &row.consent
            && self.take(contact, consent) == agreement::Heard::Refused
        {
            self.refused.push(row);
        }
    }

    /// The explicit opt-outs of rows that do nothing else to a contact: their number is known and known ones are skipped, it
    /// stood in an earlier row, or the row is at fault.
    pub(super) async fn in_passing(
        &mut self,
        tx: &Tx,
        tenant: TenantId,
        batch: &'b ImportBatch,
        made: &[(u64, ContactId)],
        merged: &Merged,
    ) -> Result<(), Fault> {
        let says_out = |row: &&GoodRow| row.consent.as_ref().is_some_and(RowConsent::is_opt_out);
        let mut passed: Vec<&GoodRow> = batch.good.iter().filter(says_out).collect();
        if !passed.is_empty() {
            let made: HashSet<u64> = made.iter().map(|(row, _)| *row).collect();
            passed.retain(|row| !merged.updated.contains(&row.row) && !made.contains(&row.row));
        }
        let passed = passed.into_iter().filter_map(|row| Some((&row.phone, row.consent.as_ref()?)));
        let opt_outs =
            batch.bad.iter().filter_map(|row| row.opt_out.as_ref()).map(|(phone, consent)| (phone, consent));
        let mut by_phone: HashMap<&str, &'b RowConsent> = HashMap::new();
        for (phone, consent) in passed.chain(opt_outs) {
            by_phone.entry(phone.as_str()).or_insert(consent);
        }
        if by_phone.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::new();
        for mut contact in merge::load(tx, tenant, by_phone.keys().copied()).await? {
            let Some(consent) = by_phone.get(merge::number(&contact)) else { continue };
            if matches!(self.take(&mut contact, consent), agreement::Heard::Taken(_)) {
                let opted_out_at = contact.consent.opted_out_at.map(micros);
                rows.push(OptedOut { id: contact.id.0, opted_out_at });
            }
        }
        save(tx, tenant, &rows, batch.at).await
    }

    /// Appends what was heard to the ledger.
    pub(super) async fn write(&self, tx: &Tx, tenant: TenantId) -> Result<(), Fault> {
        let source = ConsentSource::Import;
        let entry = |(contact, kind, at, evidence): &(ContactId, ConsentKind, Timestamp, &'b Value)| Entry {
            contact: *contact,
            kind: *kind,
            source,
            at: *at,
            evidence,
        };
        let entries: Vec<Entry<'_>> = self.entries.iter().map(entry).collect();
        consent::append(tx, tenant, &entries).await?;
        Ok(())
    }

    fn take(&mut self, contact: &mut Contact, consent: &'b RowConsent) -> agreement::Heard {
        let heard = consent.says.apply_to(&mut contact.consent, consent.at);
        if let agreement::Heard::Taken(kind) = heard {
            self.counts(contact.id, kind);
            self.entries.push((contact.id, kind, consent.at, &consent.evidence));
        }
        heard
    }

    fn counts(&mut self, contact: ContactId, kind: ConsentKind) {
        match kind {
            ConsentKind::OptIn => self.opted_in.push(contact),
            ConsentKind::OptOut => self.opted_out.push(contact),
            ConsentKind::MarketingStop | ConsentKind::MarketingResume => {}
        }
    }
}

async fn save(tx: &Tx, tenant: TenantId, rows: &[OptedOut], at: Timestamp) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set_in::<OptedOut>(1, "r", 2);
    let sql = format!(
        "UPDATE contacts SET opted_in = FALSE, opted_out_at = r.opted_out_at, wrote_after_opt_out = FALSE, \
         updated_at = $3 FROM {set} WHERE contacts.tenant_id = r.tenant AND contacts.id = r.id"
    );
    db::run(&**tx, &sql, [param(rows)?, tenant.0.into(), micros(at).into()]).await?;
    Ok(())
}

//! Writing back.

use domain::Timestamp;
use domain::audit::Actor;

use super::{People, Person};
use crate::audit::tell;
use crate::contacts::row::search_text;
use crate::db::{self, Fault, micros};
use crate::ids::Ids;
use crate::sets::{param, set};

set! {
    PersonRow {
        id: Int i64,
        phone: Text Option<String>,
        bsuid: Text Option<String>,
        country: Text Option<String>,
        username: Text Option<String>,
        name: Text Option<String>,
        search: Text String,
        opted_in: Bool bool,
        opted_in_at: Int Option<i64>,
        opted_out_at: Int Option<i64>,
        marketing_stopped: Bool bool,
        wrote_after_opt_out: Bool bool,
        review_reason: Text Option<String>,
        review_code: Int Option<i64>,
        review_at: Int Option<i64>,
        last_inbound_at: Int Option<i64>,
    }
}

set! {
    RecordRow {
        id: Int i64,
        contact: Int i64,
        kind: Text &'static str,
        source: Text &'static str,
        at: Int i64,
        evidence: Text String,
    }
}

impl People<'_> {
    /// Gives strangers their ids: so many as [`People::strangers`] says.
    pub(crate) fn name_strangers(&mut self, ids: &mut Ids) -> Result<(), Fault> {
        for (index, person) in self.list.iter_mut().enumerate().filter(|(_, person)| person.id.is_none()) {
            let id = ids.next()?;
            person.id = Some(id);
            self.by_id.insert(id, index);
            self.fresh.insert(index);
        }
        Ok(())
    }

    /// Writes strangers, whoever changed, and the ledger (so many ids as [`People::decisions`] says).
    pub(crate) async fn save(&mut self, record_ids: &mut Ids, now: Timestamp) -> Result<(), Fault> {
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (index, person) in self.list.iter_mut().enumerate() {
            if self.fresh.remove(&index) {
                new.push(row(person)?);
            } else if person.changed {
                changed.push(row(person)?);
            }
            person.changed = false;
        }
        self.insert(&new, now).await?;
        self.update(&changed, now).await?;
        self.append(record_ids).await
    }

    async fn insert(&self, rows: &[PersonRow], now: Timestamp) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let set = self.tx.dialect.set::<PersonRow>(1, "r");
        let sql = format!(
            "INSERT INTO contacts (tenant_id, id, phone, bsuid, country, username, name, search, tags, fields, \
             opted_in, opted_in_at, opted_out_at, marketing_stopped, wrote_after_opt_out, review_reason, review_code, review_at, \
             last_inbound_at, created_at, updated_at) \
             SELECT $2, r.id, r.phone, r.bsuid, r.country, r.username, r.name, r.search, '[]', '{{}}', r.opted_in, \
             r.opted_in_at, r.opted_out_at, r.marketing_stopped, r.wrote_after_opt_out, r.review_reason, r.review_code, r.review_at, \
             r.last_inbound_at, $3, $3 FROM {set}"
        );
        db::run(&**self.tx, &sql, [param(rows)?, self.tenant.0.into(), micros(now).into()]).await?;
        Ok(())
    }

    async fn update(&self, rows: &[PersonRow], now: Timestamp) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let set = self.tx.dialect.set_in::<PersonRow>(1, "r", 2);
        let sql = format!(
            "UPDATE contacts SET phone = r.phone, bsuid = r.bsuid, country = r.country, username = r.username, \
             name = r.name, \
             search = r.search, opted_in = r.opted_in, opted_in_at = r.opted_in_at, opted_out_at = r.opted_out_at, \
             marketing_stopped = r.marketing_stopped, wrote_after_opt_out = r.wrote_after_opt_out, \
             review_reason = r.review_reason, review_code = r.review_code, review_at = r.review_at, \
             last_inbound_at = r.last_inbound_at, updated_at = $3 \
             FROM {set} WHERE contacts.tenant_id = r.tenant AND contacts.id = r.id"
        );
        db::run(&**self.tx, &sql, [param(rows)?, self.tenant.0.into(), micros(now).into()]).await?;
        Ok(())
    }

    async fn append(&mut self, ids: &mut Ids) -> Result<(), Fault> {
        let mut rows = Vec::with_capacity(self.records.len());
        for record in std::mem::take(&mut self.records) {
            let contact = self.contact(record.person)?.0;
            let (kind, source, at) = (record.kind, record.source, record.at);
            let entry = tell::decision(contact, kind, source, at, &record.before, &record.after);
            self.tx.note(self.tenant, entry.by(Actor::customer(contact)));
            crate::consent::count(self.tx, self.tenant, record.kind, record.at);
            rows.push(RecordRow {
                id: ids.next()?,
                contact,
                kind: record.kind.as_str(),
                source: record.source.as_str(),
                at: micros(record.at),
                evidence: record.evidence.to_string(),
            });
        }
        if rows.is_empty() {
            return Ok(());
        }
        let set = self.tx.dialect.set::<RecordRow>(1, "r");
        let sql = format!(
            "INSERT INTO consent_records (tenant_id, id, contact_id, kind, source, at, evidence) \
             SELECT $2, r.id, r.contact, r.kind, r.source, r.at, r.evidence FROM {set}"
        );
        db::run(&**self.tx, &sql, [param(&rows)?, self.tenant.0.into()]).await?;
        Ok(())
    }
}

fn row(person: &Person) -> Result<PersonRow, Fault> {
    let phone = person.identity.phone.as_ref().map(|phone| phone.as_str().to_owned());
    let consent = &person.consent;
    Ok(PersonRow {
        id: person.id.ok_or_else(|| Fault::internal("a new contact has no id"))?,
        bsuid: person.identity.bsuid.clone(),
        country: person.identity.country(),
        search: search_text(person.name.as_deref(), phone.as_deref(), person.username.as_deref()),
        phone,
        username: person.username.clone(),
        name: person.name.clone(),
        opted_in: consent.opted_in,
        opted_in_at: consent.opted_in_at.map(micros),
        opted_out_at: consent.opted_out_at.map(micros),
        marketing_stopped: consent.marketing_stopped,
        wrote_after_opt_out: consent.wrote_after_opt_out,
        review_reason: person.review.as_ref().map(|review| review.reason.clone()),
        review_code: person.review.as_ref().map(|review| review.meta_error_code),
        review_at: person.review.as_ref().map(|review| micros(review.at)),
        last_inbound_at: person.last_inbound_at.map(micros),
    })
}

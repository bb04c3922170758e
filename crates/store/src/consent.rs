//! See `ports::consent`.

use std::iter;

use async_trait::async_trait;
use domain::analytics::Metric;
use domain::consent::{Change, ConsentKind, ConsentSource};
use domain::{ConsentRecordId, ContactId, TenantId, Timestamp};
use ports::consent::{ConsentOutcome, ConsentRecord, ConsentStore, NewConsent};
use ports::contacts::Contact;
use ports::{Page, Paging, StoreResult};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use crate::SqlStore;
use crate::audit::tell;
use crate::contacts::row;
use crate::db::{self, Fault, Row, Tx, micros};
use crate::dialect::As;
use crate::ids::{self, Kind};
use crate::lists::{self, List};
use crate::sets::set;

const COLUMNS: &str = "id, contact_id, kind, source, at, evidence";

fn from_row(row: &QueryResult) -> Result<ConsentRecord, Fault> {
    Ok(ConsentRecord {
        id: ConsentRecordId(row.get("id")?),
        contact_id: ContactId(row.get("contact_id")?),
        kind: row.word("kind")?,
        source: row.word("source")?,
        at: row.time("at")?,
        evidence: row.json("evidence")?,
    })
}

/// An entry of the ledger.
pub(crate) struct Entry<'a> {
    pub(crate) contact: ContactId,
    pub(crate) kind: ConsentKind,
    pub(crate) source: ConsentSource,
    pub(crate) at: Timestamp,
    pub(crate) evidence: &'a serde_json::Value,
}

set! {
    EntryRow {
        id: Int i64,
        contact_id: Int i64,
        kind: Text &'static str,
        source: Text &'static str,
        at: Int i64,
        evidence: Text String,
    }
}

/// Appends entries to the ledger, in one statement; answers their ids.
pub(crate) async fn append(
    tx: &Tx,
    tenant: TenantId,
    entries: &[Entry<'_>],
) -> Result<Vec<ConsentRecordId>, Fault> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let [mut fresh] = ids::take(tx, [(Kind::ConsentRecord, entries.len())]).await?;
    let mut taken = Vec::with_capacity(entries.len());
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let id = fresh.next()?;
        taken.push(ConsentRecordId(id));
        rows.push(EntryRow {
            id,
            contact_id: entry.contact.0,
            kind: entry.kind.as_str(),
            source: entry.source.as_str(),
            at: micros(entry.at),
            evidence: db::to_json(entry.evidence)?,
        });
        count(tx, tenant, entry.kind, entry.at);
    }
    let (set, values) = tx.dialect.bulk(2, "r", &rows)?;
    let sql = format!(
        "INSERT INTO consent_records (tenant_id, {COLUMNS}) \
         SELECT $1, r.id, r.contact_id, r.kind, r.source, r.at, r.evidence FROM {set}"
    );
    db::run(&**tx, &sql, iter::once(tenant.0.into()).chain(values)).await?;
    Ok(taken)
}

/// Counts an entry of the ledger.
pub(crate) fn count(tx: &Tx, tenant: TenantId, kind: ConsentKind, at: Timestamp) {
    match kind {
        ConsentKind::OptIn => tx.figures.add(tenant, Metric::OptIns, 0, at, 1),
        ConsentKind::OptOut => tx.figures.add(tenant, Metric::OptOuts, 0, at, 1),
        _ => {}
    }
}

/// Applies a decision to a contact that the caller holds the lock of. An opt-in from a source that may not lift an
/// explicit opt-out changes nothing then: only here, under the lock, is it sure that the STOP is not older.
pub(crate) fn decide(
    contact: &mut Contact,
    kind: ConsentKind,
    source: ConsentSource,
    at: Timestamp,
) -> Change {
    contact.consent.decide(kind, source, at)
}

/// Writes the contact's state as it is now.
pub(crate) async fn save_state(tx: &Tx, tenant: TenantId, contact: &Contact) -> Result<(), Fault> {
    let sql = "UPDATE contacts SET opted_in = $3, opted_in_at = $4, opted_out_at = $5, marketing_stopped = $6, \
               wrote_after_opt_out = $7, updated_at = $8 WHERE tenant_id = $1 AND id = $2";
    let state = &contact.consent;
    let values = [
        tenant.0.into(),
        contact.id.0.into(),
        state.opted_in.into(),
        state.opted_in_at.map(micros).into(),
        state.opted_out_at.map(micros).into(),
        state.marketing_stopped.into(),
        state.wrote_after_opt_out.into(),
        micros(contact.updated_at).into(),
    ];
    db::run(&**tx, sql, values).await?;
    Ok(())
}

#[async_trait]
impl ConsentStore for SqlStore {
    async fn record_consent(
        &self,
        tenant: TenantId,
        consent: NewConsent,
    ) -> StoreResult<Option<ConsentOutcome>> {
        Ok(db::again(|| record(self, tenant, &consent)).await?)
    }

    async fn consent_records(
        &self,
        tenant: TenantId,
        contact: ContactId,
        paging: &Paging,
    ) -> StoreResult<Page<ConsentRecord>> {
        // A contact that was deleted keeps its ledger under its own id.
        let root = row::find(self.reader(), tenant, contact).await?.map_or(contact, |found| found.id);
        let family = row::family(self.reader(), tenant, root).await?;
        let from = Query::select()
            .from("consent_records")
            .and_where(Expr::col("tenant_id").eq(tenant.0))
            .and_where(Expr::col("contact_id").is_in(family))
            .take();
        let list = List { from, columns: COLUMNS, keys: &[("id", As::Int)], order: Order::Desc };
        Ok(lists::page(self.reader(), list, paging, from_row).await?)
    }
}

async fn record(
    store: &SqlStore,
    tenant: TenantId,
    new: &NewConsent,
) -> Result<Option<ConsentOutcome>, Fault> {
    let tx = store.begin().await?;
    let Some(mut contact) = row::find_for_update(&tx, tenant, new.contact_id).await? else { return Ok(None) };
    let before = contact.consent.clone();
    let changed = decide(&mut contact, new.kind, new.source, new.at).happened();
    if contact.consent == before {
        return Ok(Some(ConsentOutcome { contact, changed: false, record_id: None }));
    }
    contact.updated_at = contact.updated_at.max(new.at);
    save_state(&tx, tenant, &contact).await?;
    let mut record_id = None;
    if changed {
        let entry = Entry {
            contact: contact.id,
            kind: new.kind,
            source: new.source,
            at: new.at,
            evidence: &new.evidence,
        };
        record_id = append(&tx, tenant, &[entry]).await?.pop();
        let (id, after) = (contact.id.0, &contact.consent);
        tx.note(tenant, tell::decision(id, new.kind, new.source, new.at, &before, after));
    }
    tx.commit().await?;
    Ok(Some(ConsentOutcome { contact, changed, record_id }))
}

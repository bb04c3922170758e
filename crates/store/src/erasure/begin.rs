//! The first commit of an erasure: from here on nobody finds the person.

use domain::audit::{Action, NewEntry};
use domain::erasure::Traces;
use domain::{ContactId, ErasureId, TenantId, Timestamp};
use ports::contacts::Contact;
use ports::erasure::Erasure;
use sea_orm::Value;
use serde_json::json;

use super::key::{self, TenantKey};
use super::remember::{Id, remember};
use super::row;
use super::work::{Removed, Work};
use crate::SqlStore;
use crate::contacts::row as contacts;
use crate::db::{self, Fault, Row, Tx, micros, to_json};
use crate::ids::{self, Kind};
use crate::sets::{param, set};

pub(super) async fn begin(
    store: &SqlStore,
    tenant: TenantId,
    contact: ContactId,
    at: Timestamp,
) -> Result<Option<Erasure>, Fault> {
    let tx = store.begin().await?;
    let Some(person) = contacts::find_for_update(&tx, tenant, contact).await? else {
        return row::of_contact(&*tx, tenant, contact).await;
    };
    let family = contacts::family(&*tx, tenant, person.id).await?;
    let family: Vec<Id> = family.into_iter().map(|id| Id { id }).collect();
    let key = key::make(&tx, store.keyring(), tenant, at).await?;
    let erasure = ErasureId(ids::take_one(&tx, Kind::Erasure).await?);
    let traces = traces(&tx, tenant, &person, &family).await?;
    let mut removed = Removed::default();
    leave_broadcasts(&tx, tenant, &family, at).await?;
    remember(&tx, tenant, &key, &person, &family, erasure, at).await?;
    let records = seal_evidence(&tx, tenant, &key, &family, erasure).await?;
    remove(&tx, tenant, &family, &mut removed).await?;
    let work = Work::begin(traces, family.iter().map(|one| one.id).collect(), records);
    let sql =
        "INSERT INTO erasures (tenant_id, id, contact_id, at, work, removed) VALUES ($1, $2, $3, $4, $5, $6)";
    let values: [Value; 6] = [
        tenant.0.into(),
        erasure.0.into(),
        person.id.0.into(),
        micros(at).into(),
        to_json(&work)?.into(),
        to_json(&removed)?.into(),
    ];
    db::run(&*tx, sql, values).await?;
    let told = serde_json::json!({ "erasure": erasure });
    tx.note(tenant, NewEntry::about(Action::PersonErased, "contact", person.id).at(at).after(told));
    tx.commit().await?;
    Ok(Some(Erasure { id: erasure, contact_id: person.id, at, receipt: None }))
}

/// By what the person is found elsewhere.
async fn traces(tx: &Tx, tenant: TenantId, person: &Contact, family: &[Id]) -> Result<Traces, Fault> {
    let mut traces = Traces::default();
    traces.add(&person.identity);
    let set = tx.dialect.set::<Id>(1, "r");
    let values: [Value; 2] = [param(family)?, tenant.0.into()];
    for sql in [
        format!(
            "SELECT c.name AS word FROM {set} CROSS JOIN contacts c WHERE c.tenant_id = $2 AND c.id = r.id"
        ),
        format!(
            "SELECT c.username AS word FROM {set} CROSS JOIN contacts c WHERE c.tenant_id = $2 AND c.id = r.id"
        ),
        format!(
            "SELECT n.text AS word FROM {set} CROSS JOIN conversations v CROSS JOIN notes n WHERE v.tenant_id = $2 \
             AND v.contact_id = r.id AND n.tenant_id = $2 AND n.conversation_id = v.id"
        ),
    ] {
        for row in db::all(&**tx, &sql, values.clone()).await? {
            traces.add_word(row.get::<Option<String>>("word")?.as_deref());
        }
    }
    Ok(traces)
}

/// No broadcast counts the person any more, nor a status that comes before the message is removed.
async fn leave_broadcasts(tx: &Tx, tenant: TenantId, family: &[Id], at: Timestamp) -> Result<(), Fault> {
    let ids: Vec<i64> = family.iter().map(|one| one.id).collect();
    crate::broadcasts::forget(tx, tenant, &ids, at).await?;
    let set = tx.dialect.set::<Id>(1, "r");
    let sql = format!(
        "UPDATE messages SET superseded = TRUE FROM {set} WHERE messages.tenant_id = $2 AND messages.contact_id = r.id \
         AND messages.broadcast_id IS NOT NULL"
    );
    db::run(&**tx, &sql, [param(family)?, tenant.0.into()]).await?;
    Ok(())
}

set! {
    Sealed {
        id: Int i64,
        evidence: Text String,
    }
}

/// The ledger keeps its entries; what proves them may tell who the person is, and gives way to its keyed digest, so
/// that the original can still be recognised when somebody shows it.
async fn seal_evidence(
    tx: &Tx,
    tenant: TenantId,
    key: &TenantKey,
    family: &[Id],
    erasure: ErasureId,
) -> Result<i64, Fault> {
    let set = tx.dialect.set::<Id>(1, "r");
    let sql = format!(
        "SELECT k.id AS id, k.evidence AS evidence FROM {set} CROSS JOIN consent_records k \
         WHERE k.tenant_id = $2 AND k.contact_id = r.id"
    );
    let mut rows = Vec::new();
    for row in db::all(&**tx, &sql, [param(family)?, tenant.0.into()]).await? {
        let digest = key.of_evidence(&row.get::<String>("evidence")?);
        let evidence = json!({ "erased_by": erasure, "hmac_sha256": digest }).to_string();
        rows.push(Sealed { id: row.get("id")?, evidence });
    }
    if !rows.is_empty() {
        let set = tx.dialect.set::<Sealed>(1, "r");
        let sql = format!(
            "UPDATE consent_records SET evidence = r.evidence FROM {set} \
             WHERE consent_records.tenant_id = $2 AND consent_records.id = r.id"
        );
        db::run(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
    }
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

/// What hangs on a thing goes before the thing. Messages, of which there may be many, follow in batches.
async fn remove(tx: &Tx, tenant: TenantId, family: &[Id], removed: &mut Removed) -> Result<(), Fault> {
    let set = tx.dialect.set::<Id>(1, "r");
    let gone = format!("(SELECT r.id FROM {set})");
    let values: [Value; 2] = [param(family)?, tenant.0.into()];
    for (what, sql) in [
        ("queued_messages", format!("DELETE FROM outbox WHERE tenant_id = $2 AND contact_id IN {gone}")),
        (
            "notes",
            format!(
                "DELETE FROM notes WHERE tenant_id = $2 AND conversation_id IN \
                 (SELECT v.id FROM conversations v WHERE v.tenant_id = $2 AND v.contact_id IN {gone})"
            ),
        ),
        ("conversations", format!("DELETE FROM conversations WHERE tenant_id = $2 AND contact_id IN {gone}")),
        ("contacts", format!("DELETE FROM contacts WHERE tenant_id = $2 AND id IN {gone}")),
    ] {
        removed.count(what, db::run(&**tx, &sql, values.clone()).await?);
    }
    Ok(())
}

//! What is kept of a person who goes: that they said no, under the hashes of their names.

use domain::consent::{ConsentKind, ConsentSource};
use domain::{ErasureId, TenantId, Timestamp};
use ports::contacts::Contact;
use sea_orm::Value;

use super::key::{self, TenantKey};
use crate::db::{self, Fault, Row, Tx, micros};
use crate::sets::{param, set};

/// Of names that no erasure erased; ids begin at 1.
pub(super) const NO_ERASURE: ErasureId = ErasureId(0);

set! {
    Id { id: Int i64 }
}

set! {
    Remembered {
        hash: Text String,
        opted_out_at: Int Option<i64>,
        source: Text Option<&'static str>,
        marketing_stopped: Bool bool,
    }
}

set! {
    Hash { hash: Text String }
}

/// Keeps of an erased person whether they said no: the receipt tells of the hashes also when they did not.
pub(super) async fn remember(
    tx: &Tx,
    tenant: TenantId,
    key: &TenantKey,
    person: &Contact,
    family: &[Id],
    erasure: ErasureId,
    at: Timestamp,
) -> Result<(), Fault> {
    let rows = rows(tx, tenant, key, person, family).await?;
    let renewed = ", erasure_id = excluded.erasure_id, erased_at = excluded.erased_at";
    keep(tx, tenant, person, &rows, (erasure, at), renewed).await
}

/// Keeps of a person whose contact is removed without an erasure that they said no. Of whoever did not,
/// nothing is kept, and an older no that they lifted since does not come back. To be called with the contact
/// locked, before broadcasts are left: an erasure, too, takes the tenant's key and then the broadcasts.
pub(crate) async fn remember_deleted(
    tx: &Tx,
    tenant: TenantId,
    person: &Contact,
    family: &[i64],
    at: Timestamp,
) -> Result<(), Fault> {
    if !person.consent.explicitly_out() && !person.consent.marketing_stopped {
        return forget(tx, tenant, person).await;
    }
    let key = key::make(tx, tx.keyring(), tenant, at).await?;
    let family: Vec<Id> = family.iter().map(|id| Id { id: *id }).collect();
    let rows = rows(tx, tenant, &key, person, &family).await?;
    // The hashes of an earlier erasure stay in its receipt, and messages from before it stay dropped.
    keep(tx, tenant, person, &rows, (NO_ERASURE, at), "").await
}

async fn rows(
    tx: &Tx,
    tenant: TenantId,
    key: &TenantKey,
    person: &Contact,
    family: &[Id],
) -> Result<Vec<Remembered>, Fault> {
    let out = person.consent.explicitly_out();
    let source = if out { Some(source_of_opt_out(tx, tenant, family).await?.as_str()) } else { None };
    let hashes = key.of_identity(&person.identity).into_iter();
    let row = |hash| Remembered {
        hash,
        opted_out_at: person.consent.opted_out_at.filter(|_| out).map(micros),
        source,
        marketing_stopped: person.consent.marketing_stopped,
    };
    Ok(hashes.map(row).collect())
}

/// `renewed`: what else is set where a hash is known.
async fn keep(
    tx: &Tx,
    tenant: TenantId,
    person: &Contact,
    rows: &[Remembered],
    (erasure, at): (ErasureId, Timestamp),
    renewed: &str,
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<Remembered>(1, "r");
    let sql = format!(
        "INSERT INTO erased_identities (tenant_id, hash, erasure_id, contact_id, erased_at, opted_out_at, \
         opt_out_source, marketing_stopped) \
         SELECT $2, r.hash, $3, $4, $5, r.opted_out_at, r.source, r.marketing_stopped FROM {set} WHERE TRUE \
         ON CONFLICT (tenant_id, hash) DO UPDATE SET contact_id = excluded.contact_id, \
         opted_out_at = excluded.opted_out_at, opt_out_source = excluded.opt_out_source, \
         marketing_stopped = excluded.marketing_stopped{renewed}"
    );
    let values: [Value; 5] =
        [param(rows)?, tenant.0.into(), erasure.0.into(), person.id.0.into(), micros(at).into()];
    db::run(&**tx, &sql, values).await?;
    Ok(())
}

/// Takes back the no that is kept under these names. Where none was ever kept that costs one read.
async fn forget(tx: &Tx, tenant: TenantId, person: &Contact) -> Result<(), Fault> {
    let Some(key) = key::find(&**tx, tx.keyring(), tenant).await? else { return Ok(()) };
    let hashes = key.of_identity(&person.identity).into_iter();
    let hashes: Vec<Hash> = hashes.map(|hash| Hash { hash }).collect();
    if hashes.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set_in::<Hash>(1, "r", 2);
    let sql = format!(
        "UPDATE erased_identities SET opted_out_at = NULL, opt_out_source = NULL, marketing_stopped = FALSE \
         FROM {set} WHERE erased_identities.tenant_id = r.tenant AND erased_identities.hash = r.hash"
    );
    db::run(&**tx, &sql, [param(&hashes)?, tenant.0.into()]).await?;
    Ok(())
}

/// Contacts that turned out to be one person keep their ledgers apart.
async fn source_of_opt_out(tx: &Tx, tenant: TenantId, family: &[Id]) -> Result<ConsentSource, Fault> {
    let set = tx.dialect.set_in::<Id>(1, "r", 2);
    let sql = format!(
        "SELECT k.source AS source FROM {set} CROSS JOIN consent_records k WHERE k.tenant_id = r.tenant \
         AND k.contact_id = r.id AND k.kind = $3 ORDER BY k.at DESC, k.id DESC LIMIT 1"
    );
    let values: [Value; 3] = [param(family)?, tenant.0.into(), ConsentKind::OptOut.as_str().into()];
    let row = db::one(&**tx, &sql, values).await?;
    row.map_or(Ok(ConsentSource::Api), |row| row.word("source"))
}

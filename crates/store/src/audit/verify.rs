//! Walking along a chain.

use domain::TenantId;
use domain::audit::NewEntry;
use domain::audit::verify::{Known, Verdict, Verifier, What};
use sea_orm::DatabaseTransaction;

use super::row::{self, HeadRow};
use crate::SqlStore;
use crate::db::{self, Fault, Row};

/// How far apart the first and the last number of a page are.
const PAGE: i64 = 1_000;

/// As of one moment, so that what is sealed meanwhile is not taken for something added.
pub(super) async fn verify(
    store: &SqlStore,
    tenant: TenantId,
    known: Option<Known>,
) -> Result<Verdict, Fault> {
    let tx = store.dialect().begin_snapshot(store.reader()).await?;
    let mut verdict = match row::head(&tx, tenant).await {
        Err(Fault::Internal(_)) => without_key(&tx, tenant, What::HeadChanged, known).await?,
        Err(fault) => return Err(fault),
        Ok(None) => without_key(&tx, tenant, What::NoHead, known).await?,
        Ok(Some(HeadRow { head, chain_key })) => match row::open_key(store.keyring(), tenant, &chain_key) {
            Err(_) => without_key(&tx, tenant, What::NoKey, known).await?,
            Ok(key) => {
                let mut verifier = Verifier::new(key, tenant, known);
                walk(&tx, tenant, &mut verifier).await?;
                verifier.end(Some(head))
            }
        },
    };
    unsealed(&tx, tenant, &mut verdict).await?;
    tx.rollback().await?;
    Ok(verdict)
}

/// By number, not by count: an entry that occurs twice is on the same page both times.
async fn walk(tx: &DatabaseTransaction, tenant: TenantId, verifier: &mut Verifier) -> Result<(), Fault> {
    let first = "SELECT MIN(seq) AS seq FROM audit_entries WHERE tenant_id = $1 AND seq >= $2";
    let page = format!(
        "SELECT {} FROM audit_entries WHERE tenant_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq",
        row::COLUMNS
    );
    let mut from = i64::MIN;
    loop {
        let Some(found) = db::one(tx, first, [tenant.0.into(), from.into()]).await? else { return Ok(()) };
        let start = match found.get::<Option<i64>>("seq") {
            Ok(Some(start)) => start,
            Ok(None) => return Ok(()),
            // SQLite keeps what it is given, and sorts text behind all numbers.
            Err(_) => {
                verifier.unreadable(None);
                return Ok(());
            }
        };
        let end = start.saturating_add(PAGE);
        for row in db::all(tx, &page, [tenant.0.into(), start.into(), end.into()]).await? {
            match row::from_row(&row) {
                Ok(link) => verifier.link(&link),
                Err(_) => verifier.unreadable(row.get("seq").ok()),
            }
        }
        if end == i64::MAX {
            return Ok(());
        }
        from = end;
    }
}

/// Nothing to verify with. That is right only where there is nothing to verify.
async fn without_key(
    tx: &DatabaseTransaction,
    tenant: TenantId,
    what: What,
    known: Option<Known>,
) -> Result<Verdict, Fault> {
    let sql = "SELECT COUNT(*) AS n FROM audit_entries WHERE tenant_id = $1";
    let row = db::one(tx, sql, [tenant.0.into()]).await?;
    let entries: i64 = row.map_or(Ok(0), |row| row.get("n"))?;
    let mut verdict = Verdict { entries: entries.unsigned_abs(), ..Verdict::default() };
    if entries > 0 || what != What::NoHead {
        verdict.note(entries, what);
    }
    if known.is_some_and(|known| known.seq > entries) {
        verdict.note(entries, What::RolledBack);
    }
    Ok(verdict)
}

/// What waits for its place is in no chain yet; but what cannot be read never gets one, and stops all behind it.
async fn unsealed(tx: &DatabaseTransaction, tenant: TenantId, verdict: &mut Verdict) -> Result<(), Fault> {
    let sql = "SELECT p.entries AS entries, p.body AS body FROM audit_pending p WHERE p.tenant_id = $1 ORDER BY p.id";
    let next = verdict.head.as_ref().map_or(0, |head| head.seq).saturating_add(1);
    for row in db::all(tx, sql, [tenant.0.into()]).await? {
        verdict.unsealed += row.get::<i64>("entries").map_or(1, i64::unsigned_abs);
        if row.json::<Vec<NewEntry>>("body").is_err() {
            verdict.note(next, What::Unreadable);
        }
    }
    Ok(())
}

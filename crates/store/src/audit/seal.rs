//! Giving entries their place in the chain.

use aws_lc_rs::hmac;
use domain::audit::chain::{BEGINNING, ChainKey};
use domain::audit::verify::Known;
use domain::audit::{Entry, Link, NewEntry};
use domain::{TenantId, Timestamp};
use ports::audit::Sealed;

use super::row;
use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, again, clean, hex, micros};
use crate::sets::{param, set};

/// Seals what waits, tenant by tenant. A chain that cannot go on holds up no other.
pub(super) async fn seal(
    store: &SqlStore,
    tenant: Option<TenantId>,
    fresh: &[u8; 32],
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Sealed>, Fault> {
    let mut sealed = Vec::new();
    for tenant in waiting(store, tenant).await? {
        match again(|| one(store, tenant, fresh, now, limit)).await {
            Ok(Some(outcome)) => sealed.push(outcome),
            Ok(None) => {}
            Err(Fault::Unavailable(why)) => return Err(Fault::Unavailable(why)),
            // An entry stands where the next one belongs, or what is there cannot be read.
            Err(fault) => sealed.push(Sealed::Stuck(tenant, fault.to_string())),
        }
    }
    Ok(sealed)
}

async fn waiting(store: &SqlStore, tenant: Option<TenantId>) -> Result<Vec<TenantId>, Fault> {
    let rows = match tenant {
        Some(tenant) => {
            let sql = "SELECT p.tenant_id FROM audit_pending p WHERE p.tenant_id = $1 LIMIT 1";
            db::all(store.reader(), sql, [tenant.0.into()]).await?
        }
        None => db::all(store.reader(), "SELECT DISTINCT p.tenant_id FROM audit_pending p", []).await?,
    };
    rows.iter().map(|row| Ok(TenantId(row.get("tenant_id")?))).collect()
}

/// One tenant's, in one commit; `None`: another was faster.
async fn one(
    store: &SqlStore,
    tenant: TenantId,
    fresh: &[u8; 32],
    now: Timestamp,
    limit: u32,
) -> Result<Option<Sealed>, Fault> {
    // Not shared: whoever finds that another was faster may rely on it that the other's commit is done.
    let tx = store.begin().await?;
    tx.dialect.own_lock(&tx, &format!("audit/{tenant}")).await?;
    let (ids, entries) = pending(&tx, tenant, limit).await?;
    if ids.is_empty() {
        return Ok(None);
    }
    let Some(end) = end_of(store, &tx, tenant, fresh).await? else {
        return Ok(Some(Sealed::Stuck(tenant, "the head of the chain was removed".into())));
    };
    if !end.is_genuine {
        return Ok(Some(Sealed::Stuck(tenant, "the head of the chain was changed".into())));
    }
    let links = chain(&end, tenant, entries, now)?;
    insert(&tx, &links).await?;
    remove(&tx, tenant, &ids).await?;
    let last = links.last().map_or((end.seq, end.hash.clone()), |link| (link.entry.seq, link.hash.clone()));
    move_head(&tx, tenant, &end, &last).await?;
    tx.commit().await?;
    Ok(Some(Sealed::Head(tenant, Known { seq: last.0, hash: last.1 })))
}

set! {
    ById { id: Int i64 }
}

async fn pending(tx: &Tx, tenant: TenantId, limit: u32) -> Result<(Vec<ById>, Vec<NewEntry>), Fault> {
    let sql = "SELECT p.id AS id, p.body AS body FROM audit_pending p WHERE p.tenant_id = $1 ORDER BY p.id LIMIT $2";
    let (mut ids, mut entries) = (Vec::new(), Vec::new());
    for row in db::all(&**tx, sql, [tenant.0.into(), i64::from(limit).into()]).await? {
        ids.push(ById { id: row.get("id")? });
        entries.extend(row.json::<Vec<NewEntry>>("body")?);
    }
    Ok((ids, entries))
}

/// The end of a chain, to go on from.
struct End {
    key: ChainKey,
    /// The sealed key of a chain that begins here.
    fresh: Option<Vec<u8>>,
    seq: i64,
    hash: Vec<u8>,
    is_genuine: bool,
}

/// `None`: there is no head, but there are entries. A chain that begins gets its key.
async fn end_of(store: &SqlStore, tx: &Tx, tenant: TenantId, fresh: &[u8; 32]) -> Result<Option<End>, Fault> {
    if let Some(known) = row::head(&**tx, tenant).await? {
        let key = row::open_key(store.keyring(), tenant, &known.chain_key)?;
        let is_genuine = key.made(tenant, &known.head);
        return Ok(Some(End { key, fresh: None, seq: known.head.seq, hash: known.head.hash, is_genuine }));
    }
    let sql = "SELECT e.seq FROM audit_entries e WHERE e.tenant_id = $1 LIMIT 1";
    if db::one(&**tx, sql, [tenant.0.into()]).await?.is_some() {
        return Ok(None);
    }
    let bytes = key_of(fresh, tenant);
    let sealed = row::seal_key(store.keyring(), tenant, &bytes)?;
    let key = ChainKey::new(&bytes);
    Ok(Some(End { key, fresh: Some(sealed), seq: 0, hash: BEGINNING.to_vec(), is_genuine: true }))
}

/// Several chains may begin in one call.
fn key_of(fresh: &[u8; 32], tenant: TenantId) -> zeroize::Zeroizing<[u8; 32]> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, fresh), format!("audit/{tenant}").as_bytes());
    let mut key = zeroize::Zeroizing::new([0; 32]);
    key.copy_from_slice(tag.as_ref());
    key
}

fn chain(end: &End, tenant: TenantId, entries: Vec<NewEntry>, now: Timestamp) -> Result<Vec<Link>, Fault> {
    let mut prev = end.hash.clone();
    let mut links = Vec::with_capacity(entries.len());
    for (new, place) in entries.into_iter().zip(1..) {
        let entry = entry(tenant, end.seq + place, new, now)?;
        let hash = end.key.hash(&prev, &entry).to_vec();
        links.push(Link { entry, prev: std::mem::replace(&mut prev, hash.clone()), hash });
    }
    Ok(links)
}

/// What is hashed is what is kept: text without NUL.
fn entry(tenant: TenantId, seq: i64, new: NewEntry, now: Timestamp) -> Result<Entry, Fault> {
    let mut actor = new.actor.unwrap_or_default();
    for text in [&mut actor.name, &mut actor.address, &mut actor.request_id].into_iter().flatten() {
        *text = clean(text).into_owned();
    }
    Ok(Entry {
        tenant_id: tenant,
        seq,
        at: db::time(micros(new.at.unwrap_or(now))),
        actor,
        action: new.action.as_str().to_owned(),
        subject: clean(&new.subject).into_owned(),
        before: new.before.as_ref().map(db::to_json).transpose()?,
        after: new.after.as_ref().map(db::to_json).transpose()?,
    })
}

set! {
    EntryRow<'a> {
        t: Int i64,
        seq: Int i64,
        at: Int i64,
        kind: Text &'static str,
        id: Int Option<i64>,
        name: Text Option<&'a str>,
        address: Text Option<&'a str>,
        request: Text Option<&'a str>,
        action: Text &'a str,
        subject: Text &'a str,
        was: Text Option<&'a str>,
        became: Text Option<&'a str>,
        prev: Text String,
        hash: Text String,
    }
}

/// Entries per statement.
const PAGE: usize = 1_000;

async fn insert(tx: &Tx, links: &[Link]) -> Result<(), Fault> {
    let sql = format!(
        "INSERT INTO audit_entries ({}) SELECT r.t, r.seq, r.at, r.kind, r.id, r.name, r.address, r.request, r.action, \
         r.subject, r.was, r.became, {}, {} FROM {}",
        row::COLUMNS,
        tx.dialect.unhex("r.prev"),
        tx.dialect.unhex("r.hash"),
        tx.dialect.set::<EntryRow<'_>>(1, "r")
    );
    for part in links.chunks(PAGE) {
        let rows: Vec<EntryRow<'_>> = part.iter().map(entry_row).collect();
        db::run(&**tx, &sql, [param(&rows)?]).await?;
    }
    Ok(())
}

fn entry_row(link: &Link) -> EntryRow<'_> {
    let (entry, actor) = (&link.entry, &link.entry.actor);
    EntryRow {
        t: entry.tenant_id.0,
        seq: entry.seq,
        at: micros(entry.at),
        kind: actor.kind.as_str(),
        id: actor.id,
        name: actor.name.as_deref(),
        address: actor.address.as_deref(),
        request: actor.request_id.as_deref(),
        action: &entry.action,
        subject: &entry.subject,
        was: entry.before.as_deref(),
        became: entry.after.as_deref(),
        prev: hex(&link.prev),
        hash: hex(&link.hash),
    }
}

async fn remove(tx: &Tx, tenant: TenantId, ids: &[ById]) -> Result<(), Fault> {
    let set = tx.dialect.set::<ById>(1, "r");
    let sql = format!("DELETE FROM audit_pending WHERE tenant_id = $2 AND id IN (SELECT r.id FROM {set})");
    db::run(&**tx, &sql, [param(ids)?, tenant.0.into()]).await?;
    Ok(())
}

async fn move_head(tx: &Tx, tenant: TenantId, end: &End, last: &(i64, Vec<u8>)) -> Result<(), Fault> {
    let head = end.key.head(tenant, last.0, &last.1);
    let mut values = vec![tenant.0.into(), head.seq.into(), head.hash.into(), head.mac.into()];
    let sql = match &end.fresh {
        Some(sealed) => {
            values.push(sealed.clone().into());
            "INSERT INTO audit_heads (tenant_id, seq, hash, mac, chain_key) VALUES ($1, $2, $3, $4, $5)"
        }
        None => "UPDATE audit_heads SET seq = $2, hash = $3, mac = $4 WHERE tenant_id = $1",
    };
    db::run(&**tx, sql, values).await?;
    Ok(())
}

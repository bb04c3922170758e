//! Entries on their way: noted by a verb, written by its commit.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::TenantId;
use domain::audit::NewEntry;

use crate::db::{self, Fault, Tx};
use crate::ids::{self, Kind};
use crate::sets::{param, set};

/// What a transaction did, as far as it is worth an entry.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<BTreeMap<TenantId, Vec<NewEntry>>>);

impl Notes {
    fn take(&self) -> BTreeMap<TenantId, Vec<NewEntry>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tx {
    /// Notes an entry: it is kept by this transaction's commit, and only by it. Whoever is acting now has done it,
    /// unless the entry names somebody.
    pub(crate) fn note(&self, tenant: TenantId, mut entry: NewEntry) {
        entry.actor.get_or_insert_with(ports::audit::current);
        self.notes.0.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default().push(entry);
    }
}

set! {
    Pending {
        t: Int i64,
        id: Int i64,
        entries: Int i64,
        body: Text String,
    }
}

/// Writes what was noted: one statement for all of it (SQLite takes its ids by another).
pub(crate) async fn write(tx: &Tx) -> Result<(), Fault> {
    let notes = tx.notes.take();
    if notes.is_empty() {
        return Ok(());
    }
    let within = tx.dialect.id_within(Kind::AuditEntry);
    let wanted = if within.is_some() { 0 } else { notes.len() };
    let [mut taken] = ids::take(tx, [(Kind::AuditEntry, wanted)]).await?;
    let mut rows = Vec::with_capacity(notes.len());
    for (tenant, entries) in notes {
        let id = if within.is_some() { 0 } else { taken.next()? };
        let body = db::to_json(&entries)?;
        rows.push(Pending { t: tenant.0, id, entries: entries.len() as i64, body });
    }
    let sql = format!(
        "INSERT INTO audit_pending (tenant_id, id, entries, body) SELECT r.t, {}, r.entries, r.body FROM {}",
        within.as_deref().unwrap_or("r.id"),
        tx.dialect.set::<Pending>(1, "r")
    );
    db::run(&**tx, &sql, [param(&rows)?]).await?;
    Ok(())
}

//! See `ports::audit`.
//!
//! A verb notes what it does by `Tx::note`; the commit of its transaction writes all notes in one statement, as rows
//! of `audit_pending` ([`notes`]). Soon after they get their place in the chain ([`seal`]), where nothing changes any
//! more and [`verify`] finds whatever changed all the same.

pub(crate) mod account;
mod list;
mod notes;
pub(crate) mod row;
mod seal;
pub(crate) mod tell;
mod verify;

use async_trait::async_trait;
use domain::audit::verify::{Known, Verdict};
use domain::audit::{Found, NewEntry};
use domain::{TenantId, Timestamp};
use ports::audit::{AuditFilter, AuditStore, Sealed};
use ports::{Page, Paging, StoreResult};

use crate::SqlStore;

pub(crate) use notes::{Notes, write};

#[async_trait]
impl AuditStore for SqlStore {
    async fn record_audit(&self, tenant: TenantId, entries: Vec<NewEntry>) -> StoreResult<()> {
        let tx = self.begin_shared().await?;
        entries.into_iter().for_each(|entry| tx.note(tenant, entry));
        Ok(tx.commit().await?)
    }

    async fn seal_audit(
        &self,
        tenant: Option<TenantId>,
        fresh: [u8; 32],
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<Sealed>> {
        Ok(seal::seal(self, tenant, &fresh, now, limit).await?)
    }

    async fn audit(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Found>> {
        Ok(list::page(self, tenant, filter, paging).await?)
    }

    async fn audit_after(&self, tenant: TenantId, after: i64, limit: u32) -> StoreResult<Vec<Found>> {
        Ok(list::after(self, tenant, after, limit).await?)
    }

    async fn verify_audit(&self, tenant: TenantId, known: Option<Known>) -> StoreResult<Verdict> {
        Ok(verify::verify(self, tenant, known).await?)
    }
}

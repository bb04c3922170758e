//! The right to be forgotten, and the right to know: a person is erased everywhere, or all that is known of them is
//! handed out.

mod export;

use std::time::Duration;

use domain::erasure::Receipt;
use domain::{ContactId, ErasureId, TenantId};
use ports::erasure::Erasure;
use ports::{Page, Paging, StoreError};
use tokio_util::sync::CancellationToken;

use crate::Deps;
use crate::media::MediaFiles;

/// Rows in a commit.
const BATCH: u32 = 500;
/// Between two commits others write.
const BREATH: Duration = Duration::from_millis(5);
/// Erasures looked for at a time.
const UNFINISHED: u32 = 100;

/// How an erasure or an export fails.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    #[error("there is no such contact")]
    ContactNotFound,
    #[error("there is no such erasure")]
    NotFound,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Use cases on persons' data.
#[derive(Clone)]
pub struct Erasures {
    deps: Deps,
    media: MediaFiles,
}

impl Erasures {
    /// Over these parts.
    pub fn new(deps: Deps, media: MediaFiles) -> Self {
        Self { deps, media }
    }

    /// Erases a contact. The identity is gone with the first commit; what else is there is removed in batches, for at
    /// most `patience` here, the rest in the background: then the answer has no receipt yet. A repeat answers the same
    /// erasure.
    ///
    /// # Errors
    /// [`ErasureError::ContactNotFound`], or the store's.
    pub async fn erase(
        &self,
        tenant: TenantId,
        contact: ContactId,
        patience: Duration,
    ) -> Result<Erasure, ErasureError> {
        let begun = self.deps.store.begin_erasure(tenant, contact, self.deps.clock.now()).await?;
        let begun = begun.ok_or(ErasureError::ContactNotFound)?;
        match tokio::time::timeout(patience, self.finish(tenant, begun.clone())).await {
            Ok(finished) => finished,
            Err(_) => Ok(begun),
        }
    }

    async fn finish(&self, tenant: TenantId, mut erasure: Erasure) -> Result<Erasure, ErasureError> {
        while erasure.receipt.is_none() {
            let now = self.deps.clock.now();
            let next = self.deps.store.erase_batch(tenant, erasure.id, BATCH, now).await?;
            erasure = next.ok_or(ErasureError::NotFound)?;
            tokio::time::sleep(BREATH).await;
        }
        if let Err(error) = self.media.remove_leftovers().await {
            tracing::warn!(%error, "files of an erased person are removed later");
        }
        Ok(erasure)
    }

    /// Finishes what was begun: here by a call that ran out of patience, or by a node that is gone.
    pub(crate) async fn go_on(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        for (tenant, erasure) in self.deps.store.unfinished_erasures(UNFINISHED).await? {
            let Some(erasure) = self.deps.store.erasure(tenant, erasure).await? else { continue };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                finished = self.finish(tenant, erasure) => {
                    if let Err(ErasureError::Store(error)) = finished {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// One.
    ///
    /// # Errors
    /// [`ErasureError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId, erasure: ErasureId) -> Result<Erasure, ErasureError> {
        self.deps.store.erasure(tenant, erasure).await?.ok_or(ErasureError::NotFound)
    }

    /// Newest first.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(&self, tenant: TenantId, paging: &Paging) -> Result<Page<Erasure>, ErasureError> {
        Ok(self.deps.store.erasures(tenant, paging).await?)
    }

    /// Whether this server wrote this receipt, and nobody changed it since.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn is_genuine(
        &self,
        tenant: TenantId,
        receipt: &Receipt,
        digest: &str,
    ) -> Result<bool, ErasureError> {
        Ok(self.deps.store.is_genuine(tenant, receipt, digest).await?)
    }
}

//! Files that nobody names any more: removed from the disk once the commit that let them go is durable.

use std::io;

use domain::TenantId;

use super::{MediaError, MediaFiles};

/// Files at a time.
const BATCH: u32 = 200;

impl MediaFiles {
    /// Removes files whose rows were removed; answers how many.
    ///
    /// # Errors
    /// The store's; a file that cannot be removed is told in the log and tried again.
    pub(crate) async fn remove_leftovers(&self) -> Result<u64, MediaError> {
        let mut removed = 0;
        loop {
            let leftover = self.deps.store.leftover_files(BATCH).await?;
            let (found, mut failed) = (leftover.len(), 0);
            for (tenant, path) in leftover {
                match self.vault.remove(tenant, &path).await {
                    Ok(()) => removed += 1,
                    Err(error)
                        if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {}
                    Err(error) => {
                        tracing::warn!(tenant.id = %tenant, %error, "a file was not removed");
                        failed += 1;
                        continue;
                    }
                }
                self.deps.store.forget_leftover_file(tenant, &path).await?;
            }
            if found < BATCH as usize || failed > 0 {
                return Ok(removed);
            }
        }
    }

    /// Removes files of the media folder that no row names: a crash between a file and its row leaves them. Young ones
    /// are spared, their rows may be on the way. Answers how many.
    ///
    /// # Errors
    /// [`MediaError::Disk`], or the store's.
    pub(crate) async fn remove_unknown(&self) -> Result<u64, MediaError> {
        let mut removed = 0;
        for tenant in self.vault.tenants().await.map_err(MediaError::Disk)? {
            let files = self.vault.files(tenant).await.map_err(MediaError::Disk)?;
            for paths in files.chunks(BATCH as usize) {
                removed += self.remove_unknown_of(tenant, paths).await?;
            }
        }
        Ok(removed)
    }

    async fn remove_unknown_of(&self, tenant: TenantId, paths: &[String]) -> Result<u64, MediaError> {
        let now = self.deps.clock.now();
        let mut old = Vec::new();
        for path in paths {
            if self.vault.is_left_behind(path, now).await.unwrap_or(false) {
                old.push(path.clone());
            }
        }
        if old.is_empty() {
            return Ok(0);
        }
        let mut removed = 0;
        for path in self.deps.store.unknown_files(tenant, &old).await? {
            match self.vault.remove(tenant, &path).await {
                Ok(()) => removed += 1,
                Err(error) => {
                    tracing::warn!(tenant.id = %tenant, %error, "a file that nobody names was not removed")
                }
            }
        }
        Ok(removed)
    }
}

//! What a node does about imports from time to time: goes on with those that nobody works on, sweeps their folder.

use std::time::Duration;

use ports::StoreResult;
use tokio_util::sync::CancellationToken;

use super::{HOLD, Imports};

const ROUND: Duration = Duration::from_secs(5);
/// Rounds between two sweeps.
const SWEEP: u32 = 120;
const AT_A_TIME: u32 = 20;

impl Imports {
    /// Runs until `stop`; then lets the batches at work end and lets go of the imports.
    pub(crate) async fn run(self, stop: CancellationToken) {
        for round in 0_u32.. {
            if let Err(error) = self.go_on().await {
                tracing::warn!(%error, "could not look for imports to go on with");
            }
            if round.is_multiple_of(SWEEP)
                && let Err(error) = self.sweep().await
            {
                tracing::warn!(%error, "could not sweep the imports folder");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// Takes what is free, and whose file this node sees.
    async fn go_on(&self) -> StoreResult<()> {
        let node = self.deps.settings.node.clone();
        let now = self.deps.clock.now();
        for (tenant, import) in self.deps.store.free_imports(&node, now, AT_A_TIME).await? {
            let is_at_work = self.running().contains_key(&import.id);
            if is_at_work || !self.shared.vault.has(tenant, &import.file).await {
                continue;
            }
            let taken = self.deps.store.take_import(tenant, import.id, &node, now, now + HOLD).await?;
            if let Some(import) = taken {
                tracing::info!(tenant.id = %tenant, import.id = %import.id, row = import.cursor, "an import goes on");
                self.begin(tenant, import);
            }
        }
        Ok(())
    }

    async fn sweep(&self) -> Result<(), super::ImportError> {
        let wanted = self.deps.store.files_of_imports().await?;
        let now = self.deps.clock.now();
        self.shared.vault.sweep_all_but(&wanted, now).await.map_err(super::ImportError::Disk)
    }
}

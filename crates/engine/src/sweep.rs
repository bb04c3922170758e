//! Sweeping: what has served its time is forgotten, a little at a time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Deps;

const ROUND: Duration = Duration::from_secs(60);
const LARGEST_BATCH: u32 = 1_000;
/// Between two batches others write.
const BREATH: Duration = Duration::from_millis(20);

/// Sweeps until `stop`.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ROUND) => {}
        }
        // As long as there is a whole batch there may be more: what comes in faster than one batch a round would pile
        // up for ever.
        while !stop.is_cancelled() {
            match deps.store.sweep(deps.clock.now(), LARGEST_BATCH).await {
                Ok(removed) if removed >= u64::from(LARGEST_BATCH) => tokio::time::sleep(BREATH).await,
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "could not sweep");
                    break;
                }
            }
        }
    }
}

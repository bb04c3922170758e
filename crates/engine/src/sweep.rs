//! Sweeping: what has served its time is forgotten, a little at a time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Deps;

const ROUND: Duration = Duration::from_secs(60);
const LARGEST_BATCH: u32 = 1_000;

/// Sweeps until `stop`.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ROUND) => {}
        }
        if let Err(error) = deps.store.sweep(deps.clock.now(), LARGEST_BATCH).await {
            tracing::warn!(%error, "could not sweep");
        }
    }
}

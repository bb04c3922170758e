//! Messages in doubt whose time has come: the tenant's setting rules on them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Deps;

const ROUND: Duration = Duration::from_secs(1);
const LARGEST_BATCH: u32 = 500;

/// Rules until `stop`.
pub async fn run(deps: Deps, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ROUND) => {}
        }
        match deps.store.rule_on_doubts(deps.clock.now(), LARGEST_BATCH).await {
            Ok(ruled) if !ruled.is_empty() => {
                tracing::warn!(
                    count = ruled.len(),
                    "messages whose outcome nobody ever learnt now count as failed"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "could not rule on messages in doubt"),
        }
    }
}

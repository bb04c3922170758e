//! Filling the index that searches for contacts use, behind whoever writes contacts.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Deps;

/// Contacts that change are looked at one by one until they are in the index: so long at most.
const ROUND: Duration = Duration::from_secs(1);
/// A commit that others hardly notice.
const BATCH: u32 = 500;
/// Between two batches others write.
const BREATH: Duration = Duration::from_millis(25);

/// Goes on until `stop`.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    loop {
        let wait = match deps.store.index_contacts(BATCH).await {
            Ok(done) if done >= u64::from(BATCH) => BREATH,
            Ok(_) => ROUND,
            Err(error) => {
                tracing::warn!(%error, "could not fill the index of contacts");
                ROUND
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

//! Filling the index that searches for contacts use, behind whoever writes contacts.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Deps;

/// Contacts that change are looked at one by one until they are in the index: so long at most.
const ROUND: Duration = Duration::from_secs(1);
/// Contacts of a commit, where the store does not find fewer of them enough.
const BATCH: u32 = 10_000;
/// Between two batches others write: so long at least, …
const BREATH: Duration = Duration::from_millis(25);
/// … and so many times as long as a batch takes. Lists of contacts come in beside it.
const REST: u32 = 2;

/// Goes on until `stop`.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    loop {
        let begun = Instant::now();
        let wait = match deps.store.index_contacts(BATCH).await {
            Ok(done) if done.more => BREATH.max(begun.elapsed() * REST),
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

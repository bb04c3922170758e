//! Filling the index that searches for contacts use, behind whoever writes contacts.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Deps;
use crate::imports::Imports;

/// Contacts that change are looked at one by one until they are in the index: so long at most.
const ROUND: Duration = Duration::from_secs(1);
/// Contacts of a commit, where the store does not find fewer of them enough.
const BATCH: u32 = 10_000;
/// Between two batches others write: so long at least, …
const BREATH: Duration = Duration::from_millis(25);
/// … and so many times as long as a batch takes.
const REST: u32 = 2;
/// The same while a list of contacts comes in: somebody waits for that, and what is not in the index yet is found all the
/// same, only slower.
const REST_BESIDE_IMPORTS: u32 = 20;

/// A slow batch is no reason to stay away for longer.
const LONGEST: Duration = Duration::from_secs(5);

/// Goes on until `stop`.
pub(crate) async fn run(deps: Deps, imports: Imports, stop: CancellationToken) {
    loop {
        let begun = Instant::now();
        let wait = match deps.store.index_contacts(BATCH).await {
            Ok(done) if done.more => {
                let rest = if imports.any_runs() { REST_BESIDE_IMPORTS } else { REST };
                BREATH.max(begun.elapsed() * rest).min(LONGEST)
            }
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

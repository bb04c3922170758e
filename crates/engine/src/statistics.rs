//! Keeps the store's planner informed while tables grow.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Deps;

/// The longest that plans are made for a table half as large as it is.
const ROUND: Duration = Duration::from_secs(2);
/// After trouble of the store.
const PAUSE: Duration = Duration::from_secs(60);

/// Goes on until `stop`.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    loop {
        let wait = match deps.store.gather_statistics().await {
            Ok(_) => ROUND,
            Err(error) => {
                tracing::warn!(%error, "could not gather statistics of tables that grew");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

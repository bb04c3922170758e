//! Waiting for what another task brings about.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};

const LOOK_EVERY: Duration = Duration::from_millis(25);
const AT_MOST: Duration = Duration::from_secs(30);

/// Looks again and again until `done` says so.
///
/// # Errors
/// What `done` says, or that it did not happen within 30 seconds.
pub(super) async fn until<F, Done>(what: &str, mut done: F) -> Result<()>
where
    F: FnMut() -> Done,
    Done: Future<Output = Result<bool>>,
{
    let waited = tokio::time::timeout(AT_MOST, async {
        while !done().await? {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    });
    match waited.await {
        Ok(outcome) => outcome,
        Err(_) => bail!("{what} did not happen within {} seconds", AT_MOST.as_secs()),
    }
}

//! Waiting for a condition, never for a time.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::clock;

/// Looks every few milliseconds until something is found.
///
/// # Errors
/// When the time is over, naming what was waited for; what `look` fails with.
pub(crate) async fn until<T>(
    most: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = clock::now() + most;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if clock::now() >= end {
            bail!("waited {most:?} in vain: {what}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

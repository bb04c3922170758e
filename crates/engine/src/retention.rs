//! Retention: what is kept for how long, and the purge of what is older.
//!
//! One node purges a tenant at a time, a batch a commit, and rests between two of them for longer than the batch took,
//! so that the purge never has the store for itself; while messages wait to be sent it rests much longer. It begins
//! once a day, goes on from its last commit when it was killed, and begins at once when the settings were changed.

use std::sync::Arc;
use std::time::Duration;

use domain::retention::{Cutoffs, Periods};
use domain::{SignedDuration, TenantId, Timestamp};
use ports::StoreError;
use ports::retention::{Forecast, PurgeProgress, PurgeRun};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::Deps;
use crate::erasure::Erasures;
use crate::faults::Faults;
use crate::media::MediaFiles;

/// How often is looked whether anything is due.
const LOOK: Duration = Duration::from_secs(15);
/// Rows in a commit.
const BATCH: u32 = 500;
/// How long a tenant is held without a batch.
const HOLD: SignedDuration = SignedDuration::from_mins(5);
/// The shortest rest between two batches, the longest, and the one while messages wait to be sent.
const REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_secs(5);
const STEP_BACK: Duration = Duration::from_millis(500);
/// So many times as long as the batch took.
const REST_FACTOR: u32 = 3;
/// Messages that wait to be sent, from which on the purge steps back.
const BUSY: i64 = 100;
/// How often the folder of files is searched for those that nobody names.
const SEARCH: SignedDuration = SignedDuration::from_hours(24);

/// How dealing with retention fails.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("there is no such tenant")]
    NotFound,
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionPatch {
    pub message_content_days: Option<u32>,
    pub delivery_log_days: Option<u32>,
    pub webhook_days: Option<u32>,
}

/// Use cases on retention.
#[derive(Clone)]
pub struct Retention {
    deps: Deps,
    media: MediaFiles,
    erasures: Erasures,
    due: Arc<Notify>,
}

impl Retention {
    /// Over these parts.
    pub fn new(deps: Deps, media: MediaFiles, erasures: Erasures) -> Self {
        Self { deps, media, erasures, due: Arc::default() }
    }

    /// What the tenant chose, the next purge and the last one's report.
    ///
    /// # Errors
    /// [`RetentionError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId) -> Result<ports::retention::Retention, RetentionError> {
        self.deps.store.retention(tenant).await?.ok_or(RetentionError::NotFound)
    }

    /// Changes it; the next purge begins at once. What the patch does not name stays.
    ///
    /// # Errors
    /// [`RetentionError::Invalid`] with every fault, [`RetentionError::NotFound`], or the store's.
    pub async fn patch(
        &self,
        tenant: TenantId,
        patch: RetentionPatch,
    ) -> Result<ports::retention::Retention, RetentionError> {
        let known = self.get(tenant).await?.periods;
        let periods = Periods {
            message_content_days: patch.message_content_days.unwrap_or(known.message_content_days),
            delivery_log_days: patch.delivery_log_days.unwrap_or(known.delivery_log_days),
            webhook_days: patch.webhook_days.unwrap_or(known.webhook_days),
        };
        let mut faults = Faults::default();
        for (name, problem) in periods.faults() {
            faults.add(format!("/{name}"), problem);
        }
        faults.check()?;
        let kept = self.deps.store.set_retention(tenant, periods, self.deps.clock.now()).await?;
        self.due.notify_one();
        kept.ok_or(RetentionError::NotFound)
    }

    /// What a purge would remove now, by class and month; nothing is removed.
    ///
    /// # Errors
    /// [`RetentionError::NotFound`], or the store's.
    pub async fn forecast(&self, tenant: TenantId) -> Result<(Cutoffs, Vec<Forecast>), RetentionError> {
        let cutoffs = self.get(tenant).await?.periods.cutoffs(self.deps.clock.now());
        let forecast = self.deps.store.forecast_purge(tenant, &cutoffs).await?;
        Ok((cutoffs, forecast))
    }

    /// Purges, finishes erasures and removes files until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut searched = Timestamp::MIN;
        while !stop.is_cancelled() {
            if let Err(error) = self.round(&stop, &mut searched).await {
                tracing::warn!(%error, "the purge stopped; it goes on in a moment");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.due.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn round(&self, stop: &CancellationToken, searched: &mut Timestamp) -> Result<(), StoreError> {
        self.erasures.go_on(stop).await?;
        let node = &self.deps.settings.node;
        while !stop.is_cancelled() {
            let (now, until) = self.hold();
            let Some(tenant) = self.deps.store.take_purge(node, now, until).await? else { break };
            if let Some(done) = self.purge(tenant, stop).await? {
                report(tenant, &done);
            }
        }
        self.remove_files(searched).await;
        Ok(())
    }

    /// All batches of a tenant; `None` when it was stopped, or another node has it.
    async fn purge(
        &self,
        tenant: TenantId,
        stop: &CancellationToken,
    ) -> Result<Option<PurgeRun>, StoreError> {
        while !stop.is_cancelled() {
            let (now, until) = self.hold();
            let began = tokio::time::Instant::now();
            let progress =
                self.deps.store.purge_batch(tenant, &self.deps.settings.node, BATCH, now, until).await?;
            let waiting = match progress {
                PurgeProgress::Lost => return Ok(None),
                PurgeProgress::Done(run) => return Ok(Some(run)),
                PurgeProgress::More { waiting } => waiting,
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(rest(began.elapsed(), waiting)) => {}
            }
        }
        Ok(None)
    }

    fn hold(&self) -> (Timestamp, Timestamp) {
        let now = self.deps.clock.now();
        (now, now.saturating_add(HOLD).unwrap_or(Timestamp::MAX))
    }

    async fn remove_files(&self, searched: &mut Timestamp) {
        if let Err(error) = self.media.remove_leftovers().await {
            tracing::warn!(%error, "files of removed messages were not removed");
        }
        let now = self.deps.clock.now();
        if now.duration_since(*searched) < SEARCH {
            return;
        }
        match self.media.remove_unknown().await {
            Ok(_) => *searched = now,
            Err(error) => {
                tracing::warn!(%error, "the folder of files was not searched for those that nobody names")
            }
        }
    }
}

/// How long the store is left to others after a batch.
fn rest(took: Duration, waiting: i64) -> Duration {
    let rest = (took * REST_FACTOR).clamp(REST, LONGEST_REST);
    if waiting >= BUSY { rest.max(STEP_BACK) } else { rest }
}

fn report(tenant: TenantId, run: &PurgeRun) {
    let rows: i64 = run.removed.values().map(|amount| amount.rows).sum();
    let bytes: i64 = run.removed.values().map(|amount| amount.bytes).sum();
    tracing::info!(tenant.id = %tenant, rows, bytes, "what had served its time was purged");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_left_to_others_for_longer_than_the_purge_has_it() {
        assert_eq!(rest(Duration::from_millis(1), 0), REST);
        assert_eq!(rest(Duration::from_millis(100), 0), Duration::from_millis(300));
        assert_eq!(rest(Duration::from_secs(60), 0), LONGEST_REST);
        assert_eq!(rest(Duration::from_millis(1), BUSY), STEP_BACK);
        assert_eq!(rest(Duration::from_secs(1), BUSY), Duration::from_secs(3));
    }
}

//! Retention: what a tenant keeps for how long, and the purge that goes through it in small batches.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::retention::{Class, Cutoffs, Periods};
use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreResult;

/// How many rows, and about how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amount {
    pub rows: i64,
    pub bytes: i64,
}

/// A purge of one tenant, under way or over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeRun {
    pub started_at: Timestamp,
    /// `None` while it is under way.
    pub finished_at: Option<Timestamp>,
    pub cutoffs: Cutoffs,
    /// What went so far; classes of which nothing went are left out.
    pub removed: BTreeMap<Class, Amount>,
}

/// What a tenant chose, and how its purge stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    pub periods: Periods,
    /// When the next purge begins; in the past when it is due or under way.
    pub next_run_at: Timestamp,
    /// The one under way.
    pub running: Option<PurgeRun>,
    /// The last one that ended.
    pub last_run: Option<PurgeRun>,
}

/// What a purge would remove of one class, by month of its age (`2026-01`, UTC), oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    pub class: Class,
    pub total: Amount,
    pub months: Vec<(String, Amount)>,
}

/// How a purge goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurgeProgress {
    /// Another node has it now; nothing was done.
    Lost,
    /// A batch was done, there is more.
    More {
        /// Messages of the tenant wait to be sent, at least this many: somebody else needs the store more.
        waiting: i64,
    },
    /// It is over.
    Done(PurgeRun),
}

/// Verbs on retention.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// What the tenant chose (the defaults when it never did); `None`: no such tenant.
    async fn retention(&self, tenant: TenantId) -> StoreResult<Option<Retention>>;
    /// Replaces what the tenant chose. The next purge is due at `at`; one under way goes on as it began.
    async fn set_retention(
        &self,
        tenant: TenantId,
        periods: Periods,
        at: Timestamp,
    ) -> StoreResult<Option<Retention>>;
    /// What a purge with these cutoffs would remove. Reads much; writes nothing.
    async fn forecast_purge(&self, tenant: TenantId, cutoffs: &Cutoffs) -> StoreResult<Vec<Forecast>>;
    /// Takes a tenant whose purge is due, or was left by a node that is gone, until `held_until`. Of several nodes one
    /// gets it.
    async fn take_purge(
        &self,
        holder: &str,
        now: Timestamp,
        held_until: Timestamp,
    ) -> StoreResult<Option<TenantId>>;
    /// Removes the next batch of at most `limit` rows and moves the cursor, in one commit; holds the purge until
    /// `held_until`. Never touches a message that waits to be sent or is being sent. Counts of broadcasts stay as they
    /// were. What was removed is counted in the run's report; files are named among the leftover ones (see
    /// [`MediaStore`](crate::media::MediaStore)).
    async fn purge_batch(
        &self,
        tenant: TenantId,
        holder: &str,
        limit: u32,
        now: Timestamp,
        held_until: Timestamp,
    ) -> StoreResult<PurgeProgress>;
    /// Files whose rows are gone, oldest first; they are to be removed from the disk.
    async fn leftover_files(&self, limit: u32) -> StoreResult<Vec<(TenantId, String)>>;
    /// The file is removed from the disk.
    async fn forget_leftover_file(&self, tenant: TenantId, path: &str) -> StoreResult<()>;
    /// Of these paths of files those that no row names, and that are not leftover either.
    async fn unknown_files(&self, tenant: TenantId, paths: &[String]) -> StoreResult<Vec<String>>;
}

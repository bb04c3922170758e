//! Steps that people take.

use domain::broadcasts::reasons::FailedBy;
use domain::{BroadcastId, TenantId};
use ports::broadcasts::Broadcast;

use super::{BroadcastError, Broadcasts, later};

impl Broadcasts {
    /// Starts it, or gives it its time when the plan has one: the answer is `sending` or `scheduled`. Everything that
    /// the plan needs must be there now: an approved template whose parameters fit, a number that can send.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what keeps the plan from being sent, or the
    /// store's.
    pub async fn send(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<Broadcast, BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }

    /// Takes a scheduled one back: a draft again.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], or the store's.
    pub async fn unschedule(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> Result<Broadcast, BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }

    /// Holds it: nothing more goes out but what is being sent at this moment.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], or the store's.
    pub async fn pause(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<Broadcast, BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }

    /// Goes on where it stopped; nobody gets it twice.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what still keeps it from being sent, or the
    /// store's.
    pub async fn resume(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> Result<Broadcast, BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }

    /// Calls it off for good: what waits is taken back.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], or the store's.
    pub async fn cancel(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> Result<Broadcast, BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }

    /// Gives recipients that failed in one of these ways (empty: in any) a new attempt, which names the old one;
    /// answers how many. What has ended goes on; what is paused waits until it is resumed.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what keeps it from being sent, or the store's.
    pub async fn retry_failed(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        failed_by: Vec<FailedBy>,
    ) -> Result<u32, BroadcastError> {
        let _ = (tenant, broadcast, failed_by);
        Err(later())
    }
}

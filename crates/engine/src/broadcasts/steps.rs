//! Steps that people take.

use domain::broadcasts::reasons::FailedBy;
use domain::broadcasts::{Step, StopReason};
use domain::templates::Category;
use domain::{BroadcastId, TenantId, Timestamp};
use ports::broadcasts::{Broadcast, Move, Retried, Retry};

use super::{BroadcastError, Broadcasts, moved};

/// Recipients given a new attempt in one commit.
const RETRIES_AT_ONCE: u32 = 1_000;

impl Broadcasts {
    /// Starts it, or gives it its time when the plan has one: the answer is `sending` or `scheduled`. Everything that
    /// the plan needs must be there now: an approved template whose parameters fit, a number that can send.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what keeps the plan from being sent, or the
    /// store's.
    pub async fn send(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<Broadcast, BroadcastError> {
        self.launch(tenant, broadcast).await
    }

    /// Gives it its time, if it is still what was read.
    pub(super) async fn schedule(
        &self,
        known: &Broadcast,
        starts_at: Timestamp,
    ) -> Result<Broadcast, BroadcastError> {
        let (at, seen) = (self.deps.clock.now(), Some(known.version));
        let step =
            Move { step: Step::Schedule, reason: None, starts_at: Some(starts_at), category: None, seen, at };
        let done = self.deps.store.move_broadcast(known.tenant_id, known.id, step).await?;
        self.board.wake();
        moved(done, Step::Schedule.from())
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
        let back = self.take(tenant, broadcast, Step::Unschedule, None, None).await?;
        self.call_off_alert(tenant, broadcast).await;
        Ok(back)
    }

    /// Holds it: nothing more goes out but what is being sent at this moment.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], or the store's.
    pub async fn pause(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<Broadcast, BroadcastError> {
        let paused = self.take(tenant, broadcast, Step::Pause, self.by_hand("Paused by hand"), None).await?;
        self.board.stands(broadcast);
        Ok(paused)
    }

    /// Goes on where it stopped; nobody gets it twice. The template goes as it is now: a broadcast that stopped
    /// because it was moved to another category goes on in that one. One that was held at its time, before it began, is
    /// sent as it is planned now: at once, or at a new time that lies in the future.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what still keeps it from being sent, or the
    /// store's.
    pub async fn resume(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> Result<Broadcast, BroadcastError> {
        if self.get(tenant, broadcast).await?.is_held() {
            return self.launch(tenant, broadcast).await;
        }
        let known = self.standing(tenant, broadcast, Step::Resume).await?;
        let category = self.check_going(tenant, &known.plan).await?.category();
        let resumed = self.take(tenant, broadcast, Step::Resume, None, category).await?;
        self.call_off_alert(tenant, broadcast).await;
        Ok(resumed)
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
        let cancelled =
            self.take(tenant, broadcast, Step::Cancel, self.by_hand("Cancelled by hand"), None).await?;
        self.board.stands(broadcast);
        self.call_off_alert(tenant, broadcast).await;
        Ok(cancelled)
    }

    /// Gives recipients that failed in one of these ways a new attempt, which names the old one; empty: in any, but for
    /// those of whom nobody knows whether they got it, who must be named and accepted. Whom Meta lets nobody write to
    /// before a time waits for it. What has ended goes on, with the template as it is now; what is paused waits until it is
    /// resumed.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what keeps it from being sent, or the store's.
    pub async fn retry_failed(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        failed_by: Vec<FailedBy>,
        accept_duplicate: bool,
    ) -> Result<Retried, BroadcastError> {
        let known = self.standing(tenant, broadcast, Step::Reopen).await?;
        let category = self.check_going(tenant, &known.plan).await?.category();
        let mut done = Retried::default();
        loop {
            let wanted = Retry {
                failed_by: failed_by.clone(),
                accept_duplicate,
                category: category.clone(),
                after: done.last,
                limit: RETRIES_AT_ONCE,
                at: self.deps.clock.now(),
            };
            let part = self.deps.store.retry_recipients(tenant, broadcast, &wanted).await?;
            let is_last = part.retried < RETRIES_AT_ONCE;
            done.add(part);
            if is_last {
                break;
            }
        }
        if done.reopened {
            self.call_off_alert(tenant, broadcast).await;
        }
        self.board.wake();
        Ok(done)
    }

    /// The broadcast, when the step can be taken.
    pub(super) async fn standing(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        step: Step,
    ) -> Result<Broadcast, BroadcastError> {
        let known = self.get(tenant, broadcast).await?;
        match known.stands().after(step) {
            Some(_) => Ok(known),
            None => Err(BroadcastError::InvalidState { current: known.state, allowed: step.from() }),
        }
    }

    async fn take(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        step: Step,
        reason: Option<StopReason>,
        category: Option<Category>,
    ) -> Result<Broadcast, BroadcastError> {
        let at = self.deps.clock.now();
        let done = self
            .deps
            .store
            .move_broadcast(
                tenant,
                broadcast,
                Move { step, reason, starts_at: None, category, seen: None, at },
            )
            .await?;
        self.board.wake();
        moved(done, step.from())
    }
}

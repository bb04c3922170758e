//! Claiming: as much as the pace lets out within a moment, and the next while the later half of these wait for their turns.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{SignedDuration, Timestamp};
use ports::lanes::{Claim, Claimed, Refused};
use tokio_util::sync::CancellationToken;

use super::Lane;
use crate::messages::waiters::News;

/// How much is claimed at once, ahead of the pace; half of it more while the next claim is made. A reply waits behind so much,
/// and a server that is killed leaves so much in doubt.
const AHEAD: Duration = Duration::from_millis(200);
/// Most messages in one claim.
const LARGEST_CLAIM: u32 = 256;
/// How often a long queue is counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// A claim that is made while others are dispatched.
struct Ahead {
    room: u32,
    claim: tokio::task::JoinHandle<Option<Claim>>,
}

impl Lane {
    /// Claims and dispatches until nothing is due or nothing may be sent. Answers when to come back.
    pub(super) async fn send_what_is_due(
        self: &Arc<Self>,
        stop: &CancellationToken,
        counted_at: &mut Option<tokio::time::Instant>,
    ) -> Option<Timestamp> {
        let mut ahead: Option<Ahead> = None;
        loop {
            let (room, claim) = match ahead.take() {
                Some(ahead) => (ahead.room, ahead.claim.await.ok().flatten()),
                // Waits for a wake: the connection's repair gives one.
                None if stop.is_cancelled() || self.may_send().is_none() => return None,
                None => {
                    let room = self.wanted();
                    if room == 0 {
                        // Calls in flight or the pace leave no room: look again shortly.
                        return Some(Timestamp::MIN);
                    }
                    (room, Arc::clone(self).claim(room).await)
                }
            };
            let Some(claim) = claim else { return Some(Timestamp::MIN) };
            self.tell_refused(&claim.refused);
            let full = claim.claimed.len() + claim.refused.len() + claim.passed_over >= room as usize;
            ahead = self.dispatch_all(claim.claimed, full, stop).await;
            if !full {
                self.backlog.store(0, Ordering::Relaxed);
                return claim.next_due;
            }
            if counted_at.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
                *counted_at = Some(tokio::time::Instant::now());
                // Counting a long queue takes a while, in which the pace would be lost.
                tokio::spawn(Arc::clone(self).count_backlog());
            }
            // What was claimed ahead is still dispatched, or given back.
            if !self.hold().await && ahead.is_none() {
                return None;
            }
        }
    }

    /// Claims; `None` when the store does not answer now.
    async fn claim(self: Arc<Self>, room: u32) -> Option<Claim> {
        let lease = self.lease().clone();
        match self.shared.deps.store.claim_due(&lease, room, self.now()).await {
            Ok(claim) => {
                self.under_way().extend(claim.claimed.iter().map(|claimed| claimed.message_id));
                Some(claim)
            }
            Err(error) => {
                self.unsure.store(true, Ordering::SeqCst);
                tracing::warn!(%error, connection.id = %self.connection, "could not claim messages");
                None
            }
        }
    }

    /// Dispatches in order. When there is more, the next are claimed while the later half of these wait for their turns,
    /// so that a slow commit does not cost the pace.
    async fn dispatch_all(
        self: &Arc<Self>,
        claimed: Vec<Claimed>,
        more: bool,
        stop: &CancellationToken,
    ) -> Option<Ahead> {
        let half = claimed.len() / 2;
        let mut ahead = None;
        for (index, one) in claimed.into_iter().enumerate() {
            if more && index == half && !stop.is_cancelled() && self.may_send().is_some() {
                let room = self.a_moments_worth();
                ahead = (room > 0).then(|| Ahead { room, claim: tokio::spawn(Arc::clone(self).claim(room)) });
            }
            self.dispatch(one, stop).await;
        }
        ahead
    }

    /// How many to claim now: what the pace lets out within a moment, and no more than there are free calls.
    fn wanted(&self) -> u32 {
        let now = self.now();
        let pacer = self.pacer();
        let ahead = SignedDuration::try_from(AHEAD).unwrap_or(SignedDuration::ZERO);
        if pacer.peek(now).duration_since(now) > ahead {
            return 0;
        }
        drop(pacer);
        self.a_moments_worth()
    }

    fn a_moments_worth(&self) -> u32 {
        let pacer = self.pacer();
        let rate = pacer.rate();
        let paced = (f64::from(rate.count) * pacer.factor() * AHEAD.as_millis() as f64
            / rate.period_ms.max(1) as f64)
            .ceil()
            .clamp(1.0, f64::from(LARGEST_CLAIM)) as u32;
        let free = u32::try_from(self.room.available_permits()).unwrap_or(LARGEST_CLAIM);
        self.crowded.store(free == 0, Ordering::SeqCst);
        paced.min(free)
    }

    fn tell_refused(&self, refused: &[Refused]) {
        for one in refused {
            self.shared.tap.refused(self.tenant, one);
        }
        let told = refused.iter().map(|one| (one.message_id, News::Refused(one.refusal.clone())));
        self.shared.waiters.tell(told);
    }

    async fn count_backlog(self: Arc<Self>) {
        let now = self.now();
        if let Ok(stats) = self.shared.deps.store.queue_stats(self.tenant, self.connection, now).await {
            self.backlog.store(stats.queued, Ordering::Relaxed);
        }
    }
}

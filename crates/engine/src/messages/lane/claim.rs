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
const AHEAD: SignedDuration = SignedDuration::from_millis(200);
/// How long what was claimed may wait for its turn. It takes longer only when the number was throttled, its rate lowered or
/// Meta slow to answer meanwhile: then the rest goes back to the queue, where a reply passes it.
pub(super) const HELD: SignedDuration = SignedDuration::from_millis(500);
/// Most messages in one claim.
const LARGEST_CLAIM: u64 = 256;
/// How often a long queue is counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What was claimed, and until when it may wait.
struct Fresh {
    claim: Claim,
    until: Timestamp,
}

/// A claim that is made while others are dispatched.
struct Ahead {
    room: u32,
    claim: tokio::task::JoinHandle<Option<Fresh>>,
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
            let (room, fresh) = match ahead.take() {
                Some(ahead) => (ahead.room, ahead.claim.await.ok().flatten()),
                // Waits for a wake: the connection's repair gives one.
                None if stop.is_cancelled() || self.may_send().is_none() => return None,
                None => {
                    let room = self.room_within(AHEAD, 0);
                    if room == 0 {
                        return Some(self.look_again_at());
                    }
                    (room, Arc::clone(self).claim(room).await)
                }
            };
            let Some(Fresh { claim, until }) = fresh else { return Some(Timestamp::MIN) };
            self.tell_refused(&claim.refused);
            let full = claim.claimed.len() + claim.refused.len() + claim.passed_over >= room as usize;
            ahead = self.dispatch_all(claim.claimed, until, full, stop).await;
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
    async fn claim(self: Arc<Self>, room: u32) -> Option<Fresh> {
        let lease = self.lease().clone();
        match self.shared.deps.store.claim_due(&lease, room, self.now()).await {
            Ok(claim) => {
                self.under_way().extend(claim.claimed.iter().map(|claimed| claimed.message_id));
                Some(Fresh { claim, until: self.after(HELD) })
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
        until: Timestamp,
        more: bool,
        stop: &CancellationToken,
    ) -> Option<Ahead> {
        let half = claimed.len() / 2;
        let later_half = (claimed.len() - half) as u64;
        let mut ahead = None;
        for (index, one) in claimed.into_iter().enumerate() {
            if more && index == half && !stop.is_cancelled() && self.may_send().is_some() {
                let room = self.room_within(AHEAD + AHEAD / 2, later_half);
                ahead = (room > 0).then(|| Ahead { room, claim: tokio::spawn(Arc::clone(self).claim(room)) });
            }
            self.dispatch(one, until, stop).await;
        }
        ahead
    }

    /// How many to claim beside those that wait already: what the pace lets out in this time, and no more than there are free
    /// calls.
    fn room_within(&self, time: SignedDuration, waiting: u64) -> u32 {
        let paced = self.pacer().places(self.now(), time).saturating_sub(waiting).min(LARGEST_CLAIM);
        let free = self.room.available_permits();
        self.crowded.store(free == 0, Ordering::SeqCst);
        u32::try_from(paced.min(free as u64)).unwrap_or(u32::MAX)
    }

    /// When neither the pace nor calls in flight left room: in time for the next place, and soon in any case, as the rate may be
    /// raised.
    fn look_again_at(&self) -> Timestamp {
        let in_time = self.pacer().peek(self.now()).saturating_sub(AHEAD).unwrap_or(Timestamp::MIN);
        in_time.min(self.after(AHEAD))
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

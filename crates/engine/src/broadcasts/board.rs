//! What a node remembers of the broadcasts that it works on. All of it can be lost: it is found out again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use domain::broadcasts::StopCode;
use domain::broadcasts::breaker::{Breaker, Limits, Outcome};
use domain::{BroadcastId, ConnectionId, TenantId, Timestamp};
use ports::broadcasts::Counts;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Over which time the speed is measured.
const LOOK_BACK: Duration = Duration::from_secs(10);
/// Samples come at most so often.
const BETWEEN_SAMPLES: Duration = Duration::from_millis(200);

/// The memory; clones share it.
#[derive(Clone, Default)]
pub(super) struct Board(Arc<Inner>);

#[derive(Default)]
struct Inner {
    wake: Notify,
    breakers: DashMap<BroadcastId, Breaker>,
    speeds: DashMap<BroadcastId, Speed>,
    /// Who still has recipients to hand to a number.
    hungry: Mutex<HashMap<ConnectionId, HashSet<BroadcastId>>>,
    /// Held while room under a limit is counted and used.
    limits: DashMap<(TenantId, String), Arc<tokio::sync::Mutex<()>>>,
}

#[derive(Default)]
struct Speed {
    samples: VecDeque<(Instant, i64)>,
}

impl Board {
    /// There is something to do.
    pub(super) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Until there is something to do.
    pub(super) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// This node works on it; a breaker that it has already goes on, a new one knows nothing yet.
    pub(super) fn begin(&self, broadcast: BroadcastId, limits: Limits) {
        self.0.breakers.entry(broadcast).or_insert_with(|| Breaker::new(limits));
    }

    /// Whether this node works on it.
    pub(super) fn works_on(&self, broadcast: BroadcastId) -> bool {
        self.0.breakers.contains_key(&broadcast)
    }

    /// This node works on it no more.
    pub(super) fn end(&self, broadcast: BroadcastId) {
        self.0.breakers.remove(&broadcast);
        self.hungry().values_mut().for_each(|hungry| {
            hungry.remove(&broadcast);
        });
    }

    /// Takes in an outcome; what comes late, after the work on it ended, counts no more.
    pub(super) fn note(&self, broadcast: BroadcastId, outcome: Outcome) -> Option<StopCode> {
        self.0.breakers.get_mut(&broadcast)?.note(outcome)
    }

    /// Says whether the broadcast has recipients for the number, and answers how many broadcasts have: those share its
    /// queue.
    pub(super) fn share(&self, connection: ConnectionId, broadcast: BroadcastId, is_hungry: bool) -> usize {
        let mut all = self.hungry();
        let hungry = all.entry(connection).or_default();
        if is_hungry {
            hungry.insert(broadcast);
        } else {
            hungry.remove(&broadcast);
        }
        hungry.len().max(1)
    }

    /// To be held while room under a portfolio's limit is counted and used.
    pub(super) fn limit(&self, tenant: TenantId, portfolio: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.0.limits.entry((tenant, portfolio.to_owned())).or_default())
    }

    /// Takes a sample and answers how many recipients came to their end per second.
    pub(super) fn speed(&self, broadcast: BroadcastId, counts: &Counts) -> f64 {
        let through = counts.sent + counts.failed + counts.in_doubt;
        let mut speed = self.0.speeds.entry(broadcast).or_default();
        speed.take(Instant::now(), through)
    }

    /// It does not send any more.
    pub(super) fn stands(&self, broadcast: BroadcastId) {
        self.0.speeds.remove(&broadcast);
    }

    fn hungry(&self) -> MutexGuard<'_, HashMap<ConnectionId, HashSet<BroadcastId>>> {
        self.0.hungry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Speed {
    fn take(&mut self, now: Instant, through: i64) -> f64 {
        if self.samples.back().is_none_or(|(at, _)| now.duration_since(*at) >= BETWEEN_SAMPLES) {
            self.samples.push_back((now, through));
        }
        // One sample from before the time that is looked at stays, so that a rare caller gets an answer too.
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= LOOK_BACK) {
            self.samples.pop_front();
        }
        let Some((since, before)) = self.samples.front() else { return 0.0 };
        let seconds = now.duration_since(*since).as_secs_f64();
        if seconds < BETWEEN_SAMPLES.as_secs_f64() {
            return 0.0;
        }
        ((through - before).max(0) as f64) / seconds
    }
}

/// A moment that is far away.
pub(super) fn after(at: Timestamp, wait: domain::SignedDuration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasts_share_a_number_as_long_as_they_have_recipients_for_it() {
        let board = Board::default();
        let (one, other) = (BroadcastId(1), BroadcastId(2));
        assert_eq!(board.share(ConnectionId(1), one, true), 1);
        assert_eq!(board.share(ConnectionId(1), other, true), 2);
        assert_eq!(board.share(ConnectionId(2), other, true), 1);
        assert_eq!(board.share(ConnectionId(1), one, false), 1);
        board.end(other);
        assert_eq!(board.share(ConnectionId(1), one, true), 1);
    }

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let mut speed = Speed::default();
        let start = Instant::now();
        assert_eq!(speed.take(start, 0), 0.0);
        for second in 1..=20 {
            speed.take(start + Duration::from_secs(second), 100);
        }
        assert_eq!(speed.take(start + Duration::from_secs(21), 100), 0.0);
        let faster = speed.take(start + Duration::from_secs(22), 1_100);
        assert!((90.0..=110.0).contains(&faster), "{faster}");
    }

    #[test]
    fn what_ends_late_stops_nothing() {
        let board = Board::default();
        let limits = Limits { consecutive_failures: 1, ..Limits::default() };
        board.begin(BroadcastId(1), limits);
        assert_eq!(board.note(BroadcastId(1), Outcome::Failed), Some(StopCode::ConsecutiveFailures));
        board.end(BroadcastId(1));
        assert_eq!(board.note(BroadcastId(1), Outcome::Failed), None);
    }
}

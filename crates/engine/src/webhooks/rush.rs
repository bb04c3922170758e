//! A rush of webhooks: while they come faster than a server is asked to handle them, taking them comes first.
//!
//! Meta waits for its 200 and gives up after seconds; nobody waits for a projection within the same second. So in a
//! rush the projector steps back and the processor is left to the acknowledgements, for a while ([`PATIENCE`]). When
//! the rush is over, or has gone on for longer than that, the projector works without a break until it has caught up:
//! what was acknowledged is late by that while and the catching up, never more. Outside of a rush nothing waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// For how long the projector steps back at most before it catches up.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many per second are a rush: a number that sends 1,000 messages per second gets 3,000 statuses for them, so this
/// is more than several busy numbers together.
const RUSH: f64 = 4_000.0;
/// Fewer at once are no rush, however close they follow each other.
const CROWD: u64 = 100;
/// How often a rush is looked at.
const GLANCE: Duration = Duration::from_millis(25);

/// Counts what is acknowledged. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals(Arc<AtomicU64>);

impl Arrivals {
    /// One more was acknowledged.
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Tells the projector when to step back.
pub(super) struct Rush {
    arrivals: Arrivals,
    seen: u64,
    seen_at: Instant,
    /// Since when the projector steps back.
    since: Option<Instant>,
    catching_up: bool,
}

impl Rush {
    pub(super) fn new(arrivals: Arrivals) -> Self {
        Self { seen: arrivals.count(), arrivals, seen_at: Instant::now(), since: None, catching_up: false }
    }

    /// Waits as long as it is right to step back: not at all, unless there is a rush.
    pub(super) async fn step_back(&mut self) {
        while self.is_rush() && !self.catching_up {
            let since = *self.since.get_or_insert_with(Instant::now);
            if since.elapsed() >= PATIENCE {
                self.catching_up = true;
                return;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Everything that waited is projected.
    pub(super) fn caught_up(&mut self) {
        self.since = None;
        self.catching_up = false;
    }

    /// Whether what came since the last look came too fast.
    fn is_rush(&mut self) -> bool {
        let (count, now) = (self.arrivals.count(), Instant::now());
        let (came, took) = (count - self.seen, now - self.seen_at);
        (self.seen, self.seen_at) = (count, now);
        came >= CROWD && came as f64 >= RUSH * took.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(arrivals: &Arrivals) {
        (0..CROWD).for_each(|_| arrivals.note());
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_webhooks_at_once_are_projected_at_once() {
        let arrivals = Arrivals::default();
        let mut rush = Rush::new(arrivals.clone());
        (1..CROWD).for_each(|_| arrivals.note());
        let began = Instant::now();
        rush.step_back().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn webhooks_that_are_many_over_a_long_time_are_no_rush() {
        let arrivals = Arrivals::default();
        let mut rush = Rush::new(arrivals.clone());
        tokio::time::advance(Duration::from_secs(1)).await;
        crowd(&arrivals);
        let began = Instant::now();
        rush.step_back().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_projector_goes_on_when_a_rush_is_over() {
        let arrivals = Arrivals::default();
        let mut rush = Rush::new(arrivals.clone());
        crowd(&arrivals);
        let began = Instant::now();
        rush.step_back().await;
        assert_eq!(began.elapsed(), GLANCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rush_without_end_holds_the_projector_back_no_longer_than_its_patience() {
        let arrivals = Arrivals::default();
        let mut rush = Rush::new(arrivals.clone());
        crowd(&arrivals);
        let endless = arrivals.clone();
        let storm = tokio::spawn(async move {
            loop {
                crowd(&endless);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let began = Instant::now();
        rush.step_back().await;
        assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE + 2 * GLANCE);
        let again = Instant::now();
        crowd(&arrivals);
        rush.step_back().await;
        assert_eq!(again.elapsed(), Duration::ZERO, "it catches up first");
        rush.caught_up();
        crowd(&arrivals);
        rush.step_back().await;
        assert!(again.elapsed() >= PATIENCE, "and steps back again then");
        storm.abort();
    }
}

//! One task plays all events: they wait in buckets as long as one webhook batch, so that a busy simulator
//! sends many statuses in a POST and wakes once for all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use super::{Event, Later, emit};
use crate::sim::Sim;
use crate::templates::review;

/// A year; timers cannot be set for any time.
const LONGEST_MS: u64 = 365 * 24 * 3_600_000;

/// Takes events from any thread; the timeline task plays them.
pub(crate) struct Outbox {
    to: UnboundedSender<Note>,
    waiting: Arc<AtomicI64>,
}

pub(crate) enum Note {
    Plan(Instant, Vec<Later>),
    Forget,
}

/// The receiving end, handed to [`run`].
pub(crate) struct Timeline {
    from: UnboundedReceiver<Note>,
    waiting: Arc<AtomicI64>,
}

impl Outbox {
    pub(crate) fn new() -> (Self, Timeline) {
        let (to, from) = unbounded_channel();
        let waiting = Arc::new(AtomicI64::new(0));
        (Self { to, waiting: waiting.clone() }, Timeline { from, waiting })
    }

    /// Adds events, timed from now.
    pub(crate) fn plan(&self, events: Vec<Later>) {
        self.waiting.fetch_add(counted(events.iter().map(|(_, event)| event)), Ordering::Relaxed);
        let _ = self.to.send(Note::Plan(Instant::now(), events));
    }

    /// Forgets every event that has not happened.
    pub(crate) fn forget(&self) {
        let _ = self.to.send(Note::Forget);
    }

    /// Events that have not happened yet; reviews under way are not counted.
    pub(crate) fn waiting(&self) -> i64 {
        self.waiting.load(Ordering::Relaxed).max(0)
    }
}

/// Plays events until the simulator is gone.
pub(crate) async fn run(mut timeline: Timeline, sim: Weak<Sim>) {
    let start = Instant::now();
    let mut buckets: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
    let mut notes = Vec::new();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        let due = buckets.keys().next().map(|ms| start + Duration::from_millis(*ms));
        tokio::select! {
            count = timeline.from.recv_many(&mut notes, 4_096) => if count == 0 { return },
            () = sleep_until(due.unwrap_or(start)), if due.is_some() => {}
            // Pauses of templates follow the simulated clock, which may be moved from anywhere.
            _ = seconds.tick() => if let Some(sim) = sim.upgrade() { review::end_pauses(&sim) },
        }
        let Some(sim) = sim.upgrade() else { return };
        let width = sim.faults.get().webhook_batch_ms.max(1);
        for note in notes.drain(..) {
            match note {
                Note::Plan(from, events) => insert(&mut buckets, start, from, events, width),
                Note::Forget => {
                    timeline.waiting.fetch_sub(counted(buckets.values().flatten()), Ordering::Relaxed);
                    buckets.clear();
                }
            }
        }
        let now_ms = start.elapsed().as_millis() as u64;
        while let Some(bucket) = buckets.first_entry().filter(|bucket| *bucket.key() <= now_ms) {
            let events = bucket.remove();
            let count = counted(&events);
            emit::emit(&sim, events);
            timeline.waiting.fetch_sub(count, Ordering::Relaxed);
        }
    }
}

fn insert(
    buckets: &mut BTreeMap<u64, Vec<Event>>,
    start: Instant,
    from: Instant,
    events: Vec<Later>,
    width: u64,
) {
    let base = from.saturating_duration_since(start).as_millis() as u64;
    for (ms, event) in events {
        // The end of the bucket: nothing happens before its time.
        let end = (base + ms.min(LONGEST_MS)).div_ceil(width) * width;
        buckets.entry(end).or_default().push(event);
    }
}

fn counted<'a>(events: impl IntoIterator<Item = &'a Event>) -> i64 {
    events.into_iter().filter(|event| !matches!(event, Event::Review { .. })).count() as i64
}

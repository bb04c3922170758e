//! The lane: sends the messages of one phone number, in the order of their priority, as fast as Meta allows.
//!
//! It claims a little at a time (what the pace lets out within a quarter of a second), so that a reply never waits
//! behind a thousand claimed bulk messages. A claim commits the attempt before the call is made; outcomes are
//! recorded in batches; a call whose answer was lost is `in_doubt` and stays so until a webhook settles it.

mod call;
mod hold;

mod record;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::connections::ConnectionState;
use domain::pacing::Pacer;
use domain::{ConnectionId, MessageId, SignedDuration, TenantId, Timestamp};
use ports::lanes::{Claimed, Lease, Settlement, TakenLane};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::definitions::Definitions;
use super::waiters::{News, Waiters};
use crate::Deps;
use crate::directory::{Directory, Entry};
use crate::media::MediaFiles;
pub use hold::LEASE;
use record::Report;

/// How much is claimed ahead of the pace.
const AHEAD: Duration = Duration::from_millis(250);
/// Most messages in one claim.
const LARGEST_CLAIM: u32 = 256;
/// How often the clock is looked at while nothing happens (it may be moved).
const TICK: Duration = Duration::from_millis(200);
/// How often an idle lane asks the store although nobody woke it.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// What every lane of a node shares.
#[derive(Clone)]
pub struct Shared {
    pub deps: Deps,
    pub directory: Directory,
    pub waiters: Arc<Waiters>,
    pub definitions: Definitions,
    pub media: MediaFiles,
}

/// One lane, held by this node.
pub struct Lane {
    shared: Shared,
    tenant: TenantId,
    connection: ConnectionId,
    lease: Mutex<Lease>,
    pacer: Mutex<Pacer>,
    /// Calls to Meta in flight.
    room: Arc<Semaphore>,
    outcomes: mpsc::Sender<Report>,
    wake: Notify,
    /// Meta refused the connection and the directory does not know it yet.
    halting: AtomicBool,
    /// The lease was lost: nothing may be sent any more.
    lost: AtomicBool,
    /// Messages that waited when it was last counted.
    backlog: AtomicI64,
    calls: TaskTracker,
}

/// How a lane stands, for answers to callers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Meta throttles, or told us to pause, until then.
    pub paused_until: Option<Timestamp>,
    /// How long a message waits that is accepted now.
    pub wait: SignedDuration,
}

impl Lane {
    /// Starts the lane; it runs until `stop`, or until its lease is lost.
    pub fn start(
        shared: Shared,
        taken: TakenLane,
        entry: &Entry,
        stop: CancellationToken,
    ) -> (Arc<Self>, tokio::task::JoinHandle<()>) {
        let (outcomes, reports) = mpsc::channel(1024);
        let mut pacer: Pacer = taken
            .pace
            .and_then(|kept| serde_json::from_value(kept).ok())
            .unwrap_or_else(|| Pacer::new(entry.connection.rate));
        pacer.set_rate(entry.connection.rate);
        let lane = Arc::new(Self {
            tenant: taken.lease.tenant_id,
            connection: taken.lease.connection_id,
            lease: Mutex::new(taken.lease),
            pacer: Mutex::new(pacer),
            room: Arc::new(Semaphore::new(shared.deps.settings.sends_in_flight.max(1))),
            outcomes,
            wake: Notify::new(),
            halting: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            backlog: AtomicI64::new(0),
            calls: TaskTracker::new(),
            shared,
        });
        let recorder = tokio::spawn(Arc::clone(&lane).record(reports));
        let task = tokio::spawn(Arc::clone(&lane).run(stop, recorder));
        (lane, task)
    }

    /// Something may be due.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// How it stands.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let backlog = u64::try_from(self.backlog.load(Ordering::Relaxed)).unwrap_or(0);
        let pacer = self.pacer();
        let first = pacer.peek(now);
        let paused = pacer.is_slowed(now) && first.duration_since(now) > SignedDuration::from_millis(500);
        Standing { paused_until: paused.then_some(first), wait: pacer.wait_behind(now, backlog) }
    }

    async fn run(self: Arc<Self>, stop: CancellationToken, recorder: tokio::task::JoinHandle<()>) {
        let mut asked_at = tokio::time::Instant::now();
        let mut next_due: Option<Timestamp> = Some(Timestamp::MIN);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wake.notified() => next_due = Some(Timestamp::MIN),
                () = tokio::time::sleep(TICK) => {}
            }
            if !self.hold().await {
                break;
            }
            let due = next_due.is_some_and(|due| due <= self.now());
            if !due && asked_at.elapsed() < LOOK_ANYWAY {
                continue;
            }
            asked_at = tokio::time::Instant::now();
            next_due = self.send_what_is_due(&stop).await;
        }
        self.finish(recorder).await;
    }

    /// Claims and dispatches until nothing is due or nothing may be sent. Answers when to come back.
    async fn send_what_is_due(self: &Arc<Self>, stop: &CancellationToken) -> Option<Timestamp> {
        while !stop.is_cancelled() && self.may_send().is_some() {
            let room = self.wanted();
            if room == 0 {
                // Calls in flight or the pace leave no room: look again shortly.
                return Some(Timestamp::MIN);
            }
            let lease = self.lease().clone();
            let claim = match self.shared.deps.store.claim_due(&lease, room, self.now()).await {
                Ok(claim) => claim,
                Err(error) => {
                    tracing::warn!(%error, connection.id = %self.connection, "could not claim messages");
                    return Some(Timestamp::MIN);
                }
            };
            self.tell_refused(&claim.refused);
            let full = claim.claimed.len() + claim.refused.len() >= room as usize;
            for claimed in claim.claimed {
                self.dispatch(claimed, stop).await;
            }
            if !full {
                self.backlog.store(0, Ordering::Relaxed);
                return claim.next_due;
            }
            self.count_backlog().await;
            if !self.hold().await {
                return None;
            }
        }
        // Waits for a wake: the connection's repair gives one.
        None
    }

    /// How many to claim now: what the pace lets out within a moment, and no more than there are free calls.
    fn wanted(&self) -> u32 {
        let now = self.now();
        let pacer = self.pacer();
        let ahead = SignedDuration::try_from(AHEAD).unwrap_or(SignedDuration::ZERO);
        if pacer.peek(now).duration_since(now) > ahead {
            return 0;
        }
        let rate = pacer.rate();
        let paced = (f64::from(rate.count) * pacer.factor() * AHEAD.as_millis() as f64
            / rate.period_ms.max(1) as f64)
            .ceil()
            .clamp(1.0, f64::from(LARGEST_CLAIM)) as u32;
        paced.min(u32::try_from(self.room.available_permits()).unwrap_or(LARGEST_CLAIM))
    }

    /// Waits for the message's turn, then lets it go on its own.
    async fn dispatch(self: &Arc<Self>, claimed: Claimed, stop: &CancellationToken) {
        let Some(entry) = self.turn(stop).await else {
            self.report(&claimed, Settlement::Unsent, None).await;
            return;
        };
        // The semaphore is never closed, so this only waits.
        let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return };
        let lane = Arc::clone(self);
        self.calls.spawn(async move {
            lane.call(&entry, claimed).await;
            drop(permit);
        });
    }

    /// Takes a place at the pace. `None`: this message must not go now (the lane stops, the connection broke, Meta
    /// asked for a pause), so it goes back to the queue.
    async fn turn(&self, stop: &CancellationToken) -> Option<Arc<Entry>> {
        loop {
            if stop.is_cancelled() {
                return None;
            }
            let entry = self.may_send()?;
            let now = self.now();
            let taken = self.pacer().take(now);
            match taken {
                Ok(()) => return Some(entry),
                Err(next) => {
                    let wait = next.duration_since(now);
                    if wait > SignedDuration::from_millis(1_500) {
                        return None;
                    }
                    let wait = Duration::try_from(wait).unwrap_or_default().max(Duration::from_millis(1));
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// The connection, when it may send now.
    fn may_send(&self) -> Option<Arc<Entry>> {
        if self.halting.load(Ordering::SeqCst) || self.lost.load(Ordering::SeqCst) {
            return None;
        }
        if self.lease().until <= self.now() {
            return None;
        }
        let listing = self.shared.directory.listing();
        let entry = listing.of_tenant(self.tenant, self.connection)?;
        (entry.connection.state == ConnectionState::Active).then(|| Arc::clone(entry))
    }

    fn tell_refused(&self, refused: &[(MessageId, domain::messages::gate::Refusal)]) {
        let told = refused.iter().map(|(message, refusal)| (*message, News::Refused(refusal.clone())));
        self.shared.waiters.tell(told);
    }

    async fn count_backlog(&self) {
        let now = self.now();
        if let Ok(stats) = self.shared.deps.store.queue_stats(self.tenant, self.connection, now).await {
            self.backlog.store(stats.queued, Ordering::Relaxed);
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.deps.clock.now()
    }

    fn lease(&self) -> std::sync::MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn pacer(&self) -> std::sync::MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

//! The lane: sends the messages of one phone number, in the order of their priority, as fast as Meta allows.
//!
//! It claims a little at a time (what the pace lets out within a fifth of a second), and gives back what does not get its
//! turn soon, so that a reply never waits behind a thousand claimed bulk messages. A claim commits the attempt before the
//! call is made; outcomes are recorded in batches; a call whose answer was lost is `in_doubt` and stays so until a webhook
//! settles it.

mod call;
mod claim;
mod halt;
mod hold;
mod lost_claims;
mod record;
mod restrain;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::connections::ConnectionState;
use domain::pacing::Pacer;
use domain::{ConnectionId, ContactId, MessageId, SignedDuration, TenantId, Timestamp};
use ports::lanes::{Claimed, Lease, Settlement, TakenLane};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::definitions::Definitions;
use super::tap::Tap;
use super::waiters::Waiters;
use crate::Deps;
use crate::directory::{Directory, Entry};
use crate::events::Bulletin;
use crate::media::MediaFiles;
pub use hold::LEASE;
use record::Report;
pub(crate) use restrain::Restraints;

/// How often the clock is looked at while nothing happens (it may be moved).
const TICK: Duration = Duration::from_millis(200);
/// How often an idle lane asks the store although nobody woke it.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);
/// How often what the store holds as being sent is compared with what is.
const COMPARE_EVERY: Duration = Duration::from_secs(10);

/// What every lane of a node shares.
#[derive(Clone)]
pub struct Shared {
    pub deps: Deps,
    pub directory: Directory,
    pub waiters: Arc<Waiters>,
    pub definitions: Definitions,
    pub media: MediaFiles,
    pub(super) tap: Tap,
    pub(super) restraints: Restraints,
    pub(super) bulletin: Bulletin,
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
    /// Held by the call that breaks the connection.
    halts: tokio::sync::Mutex<()>,
    /// The lease was lost: nothing may be sent any more.
    lost: AtomicBool,
    /// Held by the renewal of the lease.
    renewing: Arc<tokio::sync::Mutex<()>>,
    /// The connection did not send when this lane last looked.
    broken: AtomicBool,
    /// The lane found no free call: it wants to know of the next one.
    crowded: AtomicBool,
    /// Messages that waited when it was last counted.
    backlog: AtomicI64,
    /// Contacts that the pair limit holds back, and until when.
    held_back: Mutex<HashMap<ContactId, Timestamp>>,
    /// When Meta last limited what this number may send, until that is over; at first when the lane was taken, as who had it
    /// before may have met the limit.
    limited_at: Mutex<Option<Timestamp>>,
    /// Claimed, and its outcome not recorded yet.
    under_way: Mutex<HashSet<MessageId>>,
    /// A claim ended in an error: it may have been committed all the same.
    unsure: AtomicBool,
    /// When Meta last answered anything.
    answered_at: Mutex<Timestamp>,
    calls: TaskTracker,
}

/// How a lane stands, for answers to callers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Meta throttles, or told us to pause, until then.
    pub paused_until: Option<Timestamp>,
    /// Meta throttled it a moment ago, and it is not back at its rate.
    pub slowed: bool,
    /// How long a message waits that is accepted now.
    pub wait: SignedDuration,
}

impl Standing {
    /// Of a lane with this pace and so many messages before the next.
    pub(crate) fn of(pacer: &Pacer, backlog: u64, now: Timestamp) -> Self {
        let first = pacer.peek(now);
        let paused = pacer.is_slowed(now) && first.duration_since(now) > SignedDuration::from_millis(500);
        Self {
            paused_until: paused.then_some(first),
            slowed: pacer.is_slowed(now),
            wait: pacer.wait_behind(now, backlog),
        }
    }
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
        let now = shared.deps.clock.now();
        pacer.set_rate(entry.connection.rate, now);
        let lane = Arc::new(Self {
            tenant: taken.lease.tenant_id,
            connection: taken.lease.connection_id,
            lease: Mutex::new(taken.lease),
            pacer: Mutex::new(pacer),
            room: Arc::new(Semaphore::new(shared.deps.settings.sends_in_flight.max(1))),
            outcomes,
            wake: Notify::new(),
            halting: AtomicBool::new(false),
            halts: tokio::sync::Mutex::default(),
            lost: AtomicBool::new(false),
            renewing: Arc::default(),
            broken: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            backlog: AtomicI64::new(0),
            held_back: Mutex::default(),
            limited_at: Mutex::new(Some(now)),
            under_way: Mutex::default(),
            unsure: AtomicBool::new(false),
            answered_at: Mutex::new(now),
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
        Standing::of(&self.pacer(), backlog, now)
    }

    async fn run(self: Arc<Self>, stop: CancellationToken, recorder: tokio::task::JoinHandle<()>) {
        let mut asked_at = tokio::time::Instant::now();
        let mut counted_at: Option<tokio::time::Instant> = None;
        let mut compared_at = tokio::time::Instant::now();
        let mut next_due: Option<Timestamp> = Some(Timestamp::MIN);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wake.notified() => next_due = Some(Timestamp::MIN),
                () = tokio::time::sleep(self.nap(next_due)) => {}
            }
            if !self.hold().await {
                break;
            }
            if compared_at.elapsed() >= COMPARE_EVERY || self.unsure.load(Ordering::SeqCst) {
                compared_at = tokio::time::Instant::now();
                self.give_back_lost_claims().await;
            }
            let due = next_due.is_some_and(|due| due <= self.now());
            if !due && asked_at.elapsed() < LOOK_ANYWAY {
                continue;
            }
            asked_at = tokio::time::Instant::now();
            next_due = self.send_what_is_due(&stop, &mut counted_at).await;
        }
        self.finish(recorder).await;
    }

    /// Until what is due next, and no longer than until the next look at the clock.
    fn nap(&self, next_due: Option<Timestamp>) -> Duration {
        let until_due = next_due.map(|due| due.duration_since(self.now()));
        match until_due.and_then(|wait| Duration::try_from(wait).ok()) {
            Some(wait) if !wait.is_zero() => wait.min(TICK),
            _ => TICK,
        }
    }

    /// Waits for a free call and for the message's turn, then lets it go on its own.
    async fn dispatch(self: &Arc<Self>, claimed: Claimed, until: Timestamp, stop: &CancellationToken) {
        if let Some(until) = self.held_back_until(claimed.contact_id) {
            let (settlement, news) = call::held_back(until);
            self.report(&claimed, settlement, Some(news)).await;
            return;
        }
        let Some((permit, entry)) = self.place(until, stop).await else {
            self.report(&claimed, Settlement::Unsent, None).await;
            return;
        };
        let (lane, stop) = (Arc::clone(self), stop.clone());
        self.calls.spawn(async move {
            lane.call(&entry, claimed, &stop).await;
            drop(permit);
            if lane.crowded.swap(false, Ordering::SeqCst) {
                lane.wake();
            }
        });
    }

    /// A free call and a turn; in this order, as the turn is for now.
    async fn place(
        &self,
        until: Timestamp,
        stop: &CancellationToken,
    ) -> Option<(OwnedSemaphorePermit, Arc<Entry>)> {
        let wait = Duration::try_from(until.duration_since(self.now())).unwrap_or_default();
        let permit = tokio::time::timeout(wait, Arc::clone(&self.room).acquire_owned()).await.ok()?.ok()?;
        Some((permit, self.turn(until, stop).await?))
    }

    /// Takes a place at the pace. `None`: this message must not go now (the lane stops, the connection broke, the next place
    /// is later than the message may wait), so it goes back to the queue.
    async fn turn(&self, until: Timestamp, stop: &CancellationToken) -> Option<Arc<Entry>> {
        loop {
            if stop.is_cancelled() {
                return None;
            }
            let entry = self.may_send()?;
            let now = self.now();
            let taken = self.pacer().take(now);
            match taken {
                Ok(()) => return Some(entry),
                Err(next) if next > until => return None,
                Err(next) => {
                    let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
                    tokio::time::sleep(wait.clamp(Duration::from_millis(1), TICK)).await;
                    // The rate may have been raised meanwhile.
                    self.follow_connection();
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

    /// Until when the pair limit holds this contact back.
    fn held_back_until(&self, contact: ContactId) -> Option<Timestamp> {
        let now = self.now();
        let mut held_back = self.held_back();
        held_back.retain(|_, until| *until > now);
        held_back.get(&contact).copied()
    }

    fn held_back(&self) -> std::sync::MutexGuard<'_, HashMap<ContactId, Timestamp>> {
        self.held_back.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<MessageId>> {
        self.under_way.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn answered_at(&self) -> std::sync::MutexGuard<'_, Timestamp> {
        self.answered_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.shared.deps.clock.now()
    }

    fn lease(&self) -> std::sync::MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn pacer(&self) -> std::sync::MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

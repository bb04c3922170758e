//! The lane: sends the messages of one phone number, in the order of their priority, as fast as Meta allows.
//!
//! It claims a little at a time (what the pace lets out within a quarter of a second), so that a reply never waits
//! behind a thousand claimed bulk messages. A claim commits the attempt before the call is made; outcomes are
//! recorded in batches; a call whose answer was lost is `in_doubt` and stays so until a webhook settles it.

mod call;
mod hold;
mod lost_claims;
mod record;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::connections::ConnectionState;
use domain::pacing::Pacer;
use domain::{ConnectionId, ContactId, MessageId, SignedDuration, TenantId, Timestamp};
use ports::lanes::{Claim, Claimed, Lease, Settlement, TakenLane};
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
/// How often what the store holds as being sent is compared with what is.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// How often a long queue is counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);

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
    /// Held by the call that breaks the connection.
    halts: tokio::sync::Mutex<()>,
    /// The lease was lost: nothing may be sent any more.
    lost: AtomicBool,
    /// The connection did not send when this lane last looked.
    broken: AtomicBool,
    /// The lane found no free call: it wants to know of the next one.
    crowded: AtomicBool,
    /// Messages that waited when it was last counted.
    backlog: AtomicI64,
    /// Contacts that the pair limit holds back, and until when.
    held_back: Mutex<HashMap<ContactId, Timestamp>>,
    /// Claimed, and its outcome not recorded yet.
    under_way: Mutex<HashSet<MessageId>>,
    /// A claim ended in an error: it may have been committed all the same.
    unsure: AtomicBool,
    /// When Meta last answered anything.
    answered_at: Mutex<Timestamp>,
    calls: TaskTracker,
}

/// A claim that is made while others are dispatched.
struct Ahead {
    room: u32,
    claim: tokio::task::JoinHandle<Option<Claim>>,
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
        let now = shared.deps.clock.now();
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
            broken: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            backlog: AtomicI64::new(0),
            held_back: Mutex::default(),
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
        let pacer = self.pacer();
        let first = pacer.peek(now);
        let paused = pacer.is_slowed(now) && first.duration_since(now) > SignedDuration::from_millis(500);
        Standing { paused_until: paused.then_some(first), wait: pacer.wait_behind(now, backlog) }
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
                () = tokio::time::sleep(TICK) => {}
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

    /// Claims and dispatches until nothing is due or nothing may be sent. Answers when to come back.
    async fn send_what_is_due(
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
            let full = claim.claimed.len() + claim.refused.len() >= room as usize;
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

    /// Dispatches in order. When there is more, the next are claimed while the last of these wait for their turns, so
    /// that a slow commit does not cost the pace.
    async fn dispatch_all(
        self: &Arc<Self>,
        claimed: Vec<Claimed>,
        more: bool,
        stop: &CancellationToken,
    ) -> Option<Ahead> {
        let last = claimed.len() - claimed.len() / 4;
        let mut ahead = None;
        for (index, one) in claimed.into_iter().enumerate() {
            if more && index == last && !stop.is_cancelled() && self.may_send().is_some() {
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

    /// Waits for the message's turn, then lets it go on its own.
    async fn dispatch(self: &Arc<Self>, claimed: Claimed, stop: &CancellationToken) {
        if let Some(until) = self.held_back_until(claimed.contact_id) {
            let (settlement, news) = call::held_back(until);
            self.report(&claimed, settlement, Some(news)).await;
            return;
        }
        let Some(entry) = self.turn(stop).await else {
            self.report(&claimed, Settlement::Unsent, None).await;
            return;
        };
        // The semaphore is never closed, so this only waits.
        let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return };
        let (lane, stop) = (Arc::clone(self), stop.clone());
        self.calls.spawn(async move {
            lane.call(&entry, claimed, &stop).await;
            drop(permit);
            if lane.crowded.swap(false, Ordering::SeqCst) {
                lane.wake();
            }
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

    async fn count_backlog(self: Arc<Self>) {
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

//! Feeding: the queue of each number is kept filled a few seconds ahead, so that pausing has little to hold and a
//! million recipients need no more memory than a thousand.

use std::collections::HashMap;
use std::sync::Arc;

use domain::broadcasts::LeftOut;
use domain::broadcasts::schedule::FrequencyCap;
use domain::{ConnectionId, SignedDuration, Timestamp};
use ports::StoreResult;
use ports::broadcasts::{Broadcast, DueRecipient, EnqueueBatch, Enqueued, Share, Turn};
use tokio::task::JoinHandle;

use super::Broadcasts;
use super::board::after;
use super::freeze::{home, quiet_hours};
use super::limit::{Portfolio, owner};
use super::plan::{Outlook, per_second};
use super::turns::{Decider, Rules};
use crate::directory::Entry;

/// Seconds of a number's rate that are queued ahead.
const AHEAD: f64 = 2.0;
/// Bounds of what is queued ahead for one number.
const FEWEST: f64 = 8.0;
const MOST: f64 = 20_000.0;
/// Fewest queued ahead of each of several broadcasts on one number.
const FEWEST_EACH: i64 = 4;
/// What is due within this time takes room in a queue; what was put off for longer (by Meta's limit for one contact, after
/// failures) stands in nobody's way.
const SOON: SignedDuration = SignedDuration::from_secs(3);
/// Most of one broadcast in the queue of a number, with what was put off.
const MOST_PUT_OFF: i64 = 50_000;
/// Recipients read at once.
const LARGEST_READ: i64 = 4_000;
/// Recipients in one commit.
const LARGEST_PAGE: usize = 1_000;
/// For how long at most nobody looks whether there is room under the limit again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// How often, while there is none, is looked for those whom the limit does not count.
const LOOK_FOR_KNOWN: SignedDuration = SignedDuration::from_secs(3);

/// What came of feeding all numbers once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fed {
    /// Recipients of whom something was written.
    pub(super) moved: u64,
    /// The broadcast is not sending any more.
    pub(super) stopped: bool,
}

/// The limit is used up: nobody new is written to.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// When it is looked at again.
    look_at: Timestamp,
    /// When those are looked for again whom it does not count, by the number that they would hear from.
    known_at: HashMap<ConnectionId, Timestamp>,
}

/// How far ahead a number's queue is filled.
fn high_water(entry: &Entry) -> i64 {
    (per_second(entry) * AHEAD).clamp(FEWEST, MOST) as i64
}

impl Broadcasts {
    /// Fills the queues of the numbers whose lanes this node holds.
    pub(super) async fn feed(
        &self,
        broadcast: &Broadcast,
        outlook: &Outlook,
        held: &mut Option<Held>,
    ) -> StoreResult<Fed> {
        let active: Vec<&Arc<Entry>> = outlook.active().collect();
        let mine = |entry: &Entry| self.messages.holds(entry.connection.id);
        // Where all of them are held here, each takes what comes next, so that the faster one takes more.
        let alone = active.iter().all(|entry| mine(entry));
        let of = i64::try_from(active.len()).unwrap_or(1);
        // Of what is there all get a part: else the first would have the first pages for themselves, and the last ones.
        let part = if of > 1 { broadcast.counts.pending / of } else { i64::MAX };
        let mut fed = Fed::default();
        for (index, entry) in active.iter().enumerate() {
            if !mine(entry) {
                continue;
            }
            let index = i64::try_from(index).unwrap_or(0);
            let share = if alone { Share { index: 0, of: 1 } } else { Share { index, of } };
            let one = self.feed_number(broadcast, outlook, entry, (share, part), held).await?;
            fed.moved += one.moved;
            fed.stopped |= one.stopped;
            if fed.stopped {
                break;
            }
        }
        Ok(fed)
    }

    async fn feed_number(
        &self,
        broadcast: &Broadcast,
        outlook: &Outlook,
        entry: &Arc<Entry>,
        (share, part): (Share, i64),
        held: &mut Option<Held>,
    ) -> StoreResult<Fed> {
        let connection = entry.connection.id;
        let hungry = broadcast.counts.pending > 0 || !broadcast.frozen;
        let sharers = i64::try_from(self.board.share(connection, broadcast.id, hungry)).unwrap_or(1);
        let Some(languages) = outlook.languages(entry).filter(|_| hungry) else { return Ok(Fed::default()) };
        let soon = after(self.deps.clock.now(), SOON);
        let queues = self.deps.store.waiting_of_broadcasts(broadcast.tenant_id, connection, soon).await?;
        let own = queues.into_iter().find(|queue| queue.broadcast == broadcast.id);
        let (due, waiting) = own.map_or((0, 0), |own| (own.due, own.waiting));
        let most = (high_water(entry) / sharers).max(FEWEST_EACH).min(part.max(FEWEST as i64));
        let room = (most - due).min(MOST_PUT_OFF - waiting);
        // Little by little would cost a commit each.
        if room * 4 < most {
            return Ok(Fed::default());
        }
        let category = languages.category();
        let marketing = category.as_ref().is_some_and(domain::templates::Category::is_marketing);
        let cap = outlook.settings.frequency_cap.filter(|_| marketing);
        let quiet = category.as_ref().and_then(|category| quiet_hours(&outlook.settings, category));
        let rules = Rules { quiet, cap, home: home(&outlook.settings) };
        let decider = Decider::new(&outlook.recipe, languages, self.messages.definitions(), rules).await;
        let feeding = Feeding { broadcasts: self, broadcast, entry, decider: &decider, cap };
        feeding.fill(room.min(LARGEST_READ), share, held).await
    }
}

struct Feeding<'a> {
    broadcasts: &'a Broadcasts,
    broadcast: &'a Broadcast,
    entry: &'a Arc<Entry>,
    decider: &'a Decider<'a>,
    cap: Option<FrequencyCap>,
}

impl Feeding<'_> {
    async fn fill(&self, room: i64, share: Share, held: &mut Option<Held>) -> StoreResult<Fed> {
        let listing = self.broadcasts.directory.listing();
        let (tenant, waba) = (self.broadcast.tenant_id, &self.entry.connection.waba_id);
        let Some(portfolio) = Portfolio::of(&listing, tenant, waba) else {
            return self.write(&self.read(room, share).await?, &mut Room::endless()).await;
        };
        // Two broadcasts must not use the same room.
        let lock = self.broadcasts.board.limit(tenant, owner(&listing, waba));
        let _only = lock.lock().await;
        let now = self.now();
        if let Some(held) = held.as_mut().filter(|held| now < held.look_at) {
            return self.go_on_with_known(room, share, held).await;
        }
        let mut room_left = Room { left: Some(self.left(&portfolio, now).await?), over: 0 };
        let fed = self.write(&self.read(room, share).await?, &mut room_left).await?;
        *held = match room_left.over {
            0 => None,
            over => Some(self.hold(&portfolio, now, over).await?),
        };
        Ok(fed)
    }

    /// While the limit is used up, those whom it does not count go on, wherever they stand in the list.
    async fn go_on_with_known(&self, room: i64, share: Share, held: &mut Held) -> StoreResult<Fed> {
        let now = self.now();
        let (tenant, id, connection) =
            (self.broadcast.tenant_id, self.broadcast.id, self.entry.connection.id);
        if held.known_at.get(&connection).is_some_and(|at| now < *at) {
            return Ok(Fed::default());
        }
        let limit = u32::try_from(room).unwrap_or(0);
        let store = &self.broadcasts.deps.store;
        let page = store.known_recipients(tenant, id, connection, share, self.cap, limit, now).await?;
        let fed = self.write(&page, &mut Room { left: Some(0), over: 0 }).await?;
        if fed.moved == 0 {
            held.known_at.insert(connection, after(now, LOOK_FOR_KNOWN));
        }
        Ok(fed)
    }

    async fn hold(&self, portfolio: &Portfolio, now: Timestamp, over: i64) -> StoreResult<Held> {
        let until = self.room_at(portfolio, now, over).await?;
        tracing::info!(
            tenant.id = %self.broadcast.tenant_id, broadcast.id = %self.broadcast.id, limit = portfolio.limit,
            until = %until, "Meta's limit of new contacts is used up: the rest of the broadcast waits"
        );
        Ok(Held { look_at: until.min(after(now, LOOK_AGAIN)), known_at: HashMap::new() })
    }

    /// What this node may use of the room under the limit: with other nodes at the same numbers, its part.
    async fn left(&self, portfolio: &Portfolio, now: Timestamp) -> StoreResult<i64> {
        let store = self.broadcasts.deps.store.as_ref();
        let used = portfolio.used(store, self.broadcast.tenant_id, now).await?;
        let left = (portfolio.limit - used).max(0);
        let all = portfolio.connections.len().max(1) as i64;
        let mine = portfolio.connections.iter().filter(|id| self.broadcasts.messages.holds(**id)).count();
        Ok(if mine as i64 >= all { left } else { left * mine as i64 / all })
    }

    async fn room_at(&self, portfolio: &Portfolio, now: Timestamp, over: i64) -> StoreResult<Timestamp> {
        let store = self.broadcasts.deps.store.as_ref();
        let wanted = over.min(portfolio.worth());
        portfolio.room_at(store, self.broadcast.tenant_id, now, wanted).await
    }

    async fn read(&self, limit: i64, share: Share) -> StoreResult<Vec<DueRecipient>> {
        let limit = u32::try_from(limit).unwrap_or(0);
        let (tenant, id) = (self.broadcast.tenant_id, self.broadcast.id);
        let (connection, now) = (self.entry.connection.id, self.now());
        let store = &self.broadcasts.deps.store;
        let page = store.due_recipients(tenant, id, connection, share, self.cap, limit, now).await?;
        if page.is_empty() && share.of > 1 {
            // The own share is through: help the others.
            let all = Share { index: 0, of: 1 };
            return store.due_recipients(tenant, id, connection, all, self.cap, limit, now).await;
        }
        Ok(page)
    }

    /// Writes the page in parts; the next part is decided while the one before is committed.
    async fn write(&self, page: &[DueRecipient], room: &mut Room) -> StoreResult<Fed> {
        let mut fed = Fed::default();
        let mut writing: Option<JoinHandle<StoreResult<Enqueued>>> = None;
        for part in page.chunks(LARGEST_PAGE) {
            let turns = self.decided(part, room).await?;
            if let Some(before) = writing.take() {
                fed.add(written(before).await?);
            }
            if fed.stopped {
                return Ok(fed);
            }
            if !turns.is_empty() {
                writing = Some(self.enqueue(turns));
            }
        }
        if let Some(last) = writing {
            fed.add(written(last).await?);
        }
        Ok(fed)
    }

    /// Each with its turn; those who stay where they are left away.
    async fn decided(&self, page: &[DueRecipient], room: &mut Room) -> StoreResult<Vec<(i64, Turn)>> {
        let now = self.now();
        let turns = page.iter().filter_map(|due| Some((due, self.decider.turn(due, now)?)));
        let mut turns: Vec<(&DueRecipient, Turn)> = turns.collect();
        // What is the same for everybody was looked at when the broadcast was planned.
        if !self.decider.is_fixed() {
            let params = turns.iter().filter_map(|(_, turn)| turn.params());
            let files = self.broadcasts.files_of(self.broadcast.tenant_id, params).await?;
            for (_, turn) in &mut turns {
                if let Some(detail) = turn.params().and_then(|params| files.fault(params)) {
                    *turn = Turn::LeaveOut { reason: LeftOut::InvalidParameter, detail: Some(detail) };
                }
            }
        }
        let goes = |(due, turn): (&DueRecipient, Turn)| {
            let counts = matches!(turn, Turn::Send { .. }) && !due.known_today;
            (!counts || room.take()).then_some((due.id, turn))
        };
        Ok(turns.into_iter().filter_map(goes).collect())
    }

    fn enqueue(&self, turns: Vec<(i64, Turn)>) -> JoinHandle<StoreResult<Enqueued>> {
        let batch = EnqueueBatch {
            tenant_id: self.broadcast.tenant_id,
            broadcast_id: self.broadcast.id,
            connection_id: self.entry.connection.id,
            turns,
            cap: self.cap,
            at: self.now(),
        };
        let store = Arc::clone(&self.broadcasts.deps.store);
        tokio::spawn(async move { store.enqueue(batch).await })
    }

    fn now(&self) -> Timestamp {
        self.broadcasts.deps.clock.now()
    }
}

impl Fed {
    fn add(&mut self, enqueued: Enqueued) {
        self.moved += u64::from(enqueued.queued) + u64::from(enqueued.left_out) + u64::from(enqueued.waiting);
        self.stopped |= enqueued.stopped;
    }
}

async fn written(writing: JoinHandle<StoreResult<Enqueued>>) -> StoreResult<Enqueued> {
    writing.await.map_err(|error| ports::StoreError::Internal(error.to_string()))?
}

/// Room for new contacts under a limit.
struct Room {
    left: Option<i64>,
    /// For whom there was none.
    over: i64,
}

impl Room {
    fn endless() -> Self {
        Self { left: None, over: 0 }
    }

    fn take(&mut self) -> bool {
        match &mut self.left {
            None => true,
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            Some(_) => {
                self.over += 1;
                false
            }
        }
    }
}

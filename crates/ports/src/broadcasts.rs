//! Broadcasts: plans, frozen audiences, recipients on their way, counts.
//!
//! A broadcast's recipients are frozen page by page ([`freeze_page`](BroadcastStore::freeze_page)), then become
//! messages page by page ([`due_recipients`](BroadcastStore::due_recipients), [`enqueue`](BroadcastStore::enqueue)):
//! each of these verbs moves rows and its cursor in one commit, so that a crash repeats nothing and skips nothing.
//! Counts are moved in the transaction that moves the rows that they count, by every verb that moves a message.

mod audience;
mod recipients;
mod results;

use async_trait::async_trait;
use domain::broadcasts::schedule::FrequencyCap;
use domain::broadcasts::{Meant, Plan, State, Step, StopReason};
use domain::templates::Category;
use domain::{ApiKeyId, BroadcastId, ConnectionId, ListId, TenantId, Timestamp};

use crate::alerts::{BROADCAST_STOPPED, NewAlert, Severity};
use crate::{Page, Paging, StoreResult};

pub use audience::{
    DueTimes, FrozenPage, ListPart, ListPut, ListRow, Sampled, Screen, Screened, Suspect, Suspicion, ZoneSet,
};
pub use recipients::{
    DueRecipient, EnqueueBatch, Enqueued, InQueue, NotRetried, RecipientFilter, RecipientRow, RecipientState,
    Retried, Retry, Share, Turn,
};
pub use results::{Counts, FailedGroup, Results};

/// A broadcast.
#[derive(Debug, Clone, PartialEq)]
pub struct Broadcast {
    pub id: BroadcastId,
    pub tenant_id: TenantId,
    pub name: String,
    pub state: State,
    /// Why it is paused, failed or cancelled.
    pub reason: Option<StopReason>,
    /// As it was asked for.
    pub plan: Plan,
    /// Whom it means, settled when it began. `None`: it never began, and nobody of it was frozen.
    pub meant: Option<Meant>,
    /// Grows with every change and every step: what was worked out from an older one is not written over a newer one.
    pub version: i64,
    /// The list that was uploaded for it.
    pub list: Option<ListId>,
    /// The template's category when it was started.
    pub category: Option<Category>,
    /// The recurring broadcast of which this is one turn.
    pub recurs_from: Option<BroadcastId>,
    /// When it starts, or (recurring) its next turn is made.
    pub starts_at: Option<Timestamp>,
    /// All recipients are known.
    pub frozen: bool,
    pub created_by: Option<ApiKeyId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub counts: Counts,
}

impl Broadcast {
    /// It was held at its time: it is paused, and never began.
    pub fn is_held(&self) -> bool {
        self.state == State::Paused && self.meant.is_none()
    }

    /// Where it stands in the eyes of steps and changes: see [`State::before_it_began`].
    pub fn stands(&self) -> State {
        self.state.before_it_began(self.meant.is_some())
    }

    /// The alert that it stopped for this reason, by itself.
    pub fn stopped(&self, reason: &StopReason, at: Timestamp) -> NewAlert {
        NewAlert {
            tenant_id: self.tenant_id,
            kind: BROADCAST_STOPPED.to_owned(),
            subject: format!("broadcast:{}", self.id),
            severity: Severity::Critical,
            message: format!("Broadcast \"{}\" stopped: {}", self.name, reason.message),
            details: serde_json::json!({
                "broadcast_id": self.id,
                "broadcast_name": self.name,
                "status": self.state.as_str(),
                "code": reason.code.as_str(),
                "meta_error_code": reason.meta_error_code,
                "sent": self.counts.sent,
                "failed": self.counts.failed,
                "left": self.counts.pending + self.counts.queued,
            }),
            at,
            count: 1,
        }
    }
}

/// A broadcast to be made: a draft.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBroadcast {
    pub name: String,
    pub plan: Plan,
    pub recurs_from: Option<BroadcastId>,
    pub created_by: Option<ApiKeyId>,
    pub at: Timestamp,
}

/// What to change in one that never began; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BroadcastPatch {
    pub name: Option<String>,
    pub plan: Option<Plan>,
}

/// A change that was worked out from a broadcast as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct BroadcastChange {
    pub patch: BroadcastPatch,
    /// An upload all of whose parts but the last have come: with this change it becomes the broadcast's list.
    pub list: Option<ListId>,
    /// The new time of one that is scheduled.
    pub starts_at: Option<Timestamp>,
    /// The version that it was worked out from.
    pub seen: i64,
    pub at: Timestamp,
}

/// The beginning of a broadcast.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// What it sends from now on: the plan that was read, with the numbers to send from.
    pub plan: Plan,
    /// Whom it means from now on.
    pub meant: Meant,
    /// What the template is now.
    pub category: Option<Category>,
    /// The version that plan and audience were worked out from.
    pub seen: i64,
    pub at: Timestamp,
}

/// A step to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// Any but starting, which is [`BroadcastStore::start_broadcast`].
    pub step: Step,
    /// Kept with holding, pausing, failing and cancelling; forgotten by the others.
    pub reason: Option<StopReason>,
    /// With scheduling.
    pub starts_at: Option<Timestamp>,
    /// With resuming and reopening: what the template is now (`None` leaves what is kept).
    pub category: Option<Category>,
    /// Only if it is this version still; `None`: whatever it is.
    pub seen: Option<i64>,
    pub at: Timestamp,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum BroadcastMoved {
    Done(Broadcast),
    NotFound,
    /// Its state does not allow it; nothing changed.
    InvalidState(State),
    /// It is not the version any more that the change was worked out from; nothing changed.
    Overtaken,
}

/// Which broadcasts are wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BroadcastFilter {
    pub state: Option<State>,
    /// Part of the name, case-insensitive.
    pub search: Option<String>,
    pub recurs_from: Option<BroadcastId>,
}

/// A broadcast that the server has to work on.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveBroadcast {
    pub tenant_id: TenantId,
    pub id: BroadcastId,
    pub state: State,
    pub starts_at: Option<Timestamp>,
    pub frozen: bool,
}

/// Verbs on broadcasts.
#[async_trait]
pub trait BroadcastStore: Send + Sync {
    /// Makes a draft.
    async fn create_broadcast(&self, tenant: TenantId, broadcast: NewBroadcast) -> StoreResult<Broadcast>;
    /// One, with its counts.
    async fn broadcast(&self, tenant: TenantId, broadcast: BroadcastId) -> StoreResult<Option<Broadcast>>;
    /// Newest first, with their counts; knows cursors.
    async fn broadcasts(
        &self,
        tenant: TenantId,
        filter: &BroadcastFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Broadcast>>;
    /// Changes one that never began, its list and the time of one that is scheduled, in one commit; a plan without a list
    /// forgets the list's rows. An upload that is not there (any more) is as if the broadcast had been changed meanwhile.
    async fn update_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        change: BroadcastChange,
    ) -> StoreResult<BroadcastMoved>;
    /// Begins one that never began: its plan, whom it means and its state `sending` are one commit.
    async fn start_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        start: Start,
    ) -> StoreResult<BroadcastMoved>;
    /// Gives one that is paused other numbers to send from; nothing else of its plan changes. Recipients whose messages wait
    /// in the queue of a number that is not among them wait for a message again. One commit.
    async fn change_numbers(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        connections: &[ConnectionId],
        at: Timestamp,
    ) -> StoreResult<BroadcastMoved>;
    /// Removes one that is neither sending nor paused, with its counts; its messages stay, and name it. Its recipients and
    /// list rows are found by nobody from then on, and are taken away by `OperatorStore::sweep`.
    async fn delete_broadcast(&self, tenant: TenantId, broadcast: BroadcastId)
    -> StoreResult<BroadcastMoved>;
    /// Takes a step (`domain::broadcasts::Step`), under the broadcast's lock; one commit with what follows from it:
    /// pausing holds its waiting messages (claims pass them over from that commit on), resuming makes them due at
    /// `at`, cancelling cancels them and leaves the recipients without a message out as `Cancelled`. Whoever's new attempt is
    /// called off falls back to the one before; when there was nothing else to call off, and nobody is left, the broadcast
    /// ends as by [`finish_broadcast`](Self::finish_broadcast) (without an alert) rather than being `cancelled`.
    async fn move_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        step: Move,
    ) -> StoreResult<BroadcastMoved>;

    /// Takes in a part of a list that shall take the place of that of a broadcast which never began; a row number that
    /// came already is replaced. One commit each. The broadcast keeps the list that it has until the commit of the last
    /// part: whatever happens before it, half a list is nobody's. Parts of an upload that does not go on within an hour
    /// are taken away by `OperatorStore::sweep`, like a list that was replaced.
    async fn put_list(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        part: ListPart,
    ) -> StoreResult<ListPut>;
    /// Gives up an upload whose last part has not come.
    async fn drop_list(&self, tenant: TenantId, upload: ListId) -> StoreResult<()>;
    /// How many rows the list has, and how many of them have a number that can be one.
    async fn list_size(&self, tenant: TenantId, broadcast: BroadcastId) -> StoreResult<(i64, i64)>;

    /// Counts whom a broadcast would reach.
    async fn screen(&self, tenant: TenantId, screen: &Screen) -> StoreResult<Screened>;
    /// Some of those whom it would reach.
    async fn sample(&self, tenant: TenantId, screen: &Screen, limit: u32) -> StoreResult<Vec<Sampled>>;

    /// Up to `limit` of those whom it would reach and who are suspect, from behind the key `after`, by their keys.
    async fn suspects(
        &self,
        tenant: TenantId,
        screen: &Screen,
        suspicion: &Suspicion,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<Suspect>>;

    /// Freezes the next page: up to `limit` of those meant, in the order of their ids (rows of a list: of their
    /// numbers), become recipients, those left out with their reason; the cursor moves in the same commit. Only while
    /// the broadcast has begun, is `sending` (or `paused`) and not frozen: else nothing changes and `done` is what it was.
    async fn freeze_page(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        screen: &Screen,
        due: &DueTimes,
        limit: u32,
    ) -> StoreResult<FrozenPage>;
    /// Recipients that are due and have no message yet, by (due time, id); reads only. `cap`: count marketing.
    async fn due_recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        connection: ConnectionId,
        share: Share,
        cap: Option<FrequencyCap>,
        limit: u32,
        now: Timestamp,
    ) -> StoreResult<Vec<DueRecipient>>;
    /// Of those that [`due_recipients`](Self::due_recipients) would answer, in any order: they whom Meta's limit on new
    /// contacts does not count (see [`DueRecipient::known_today`]). Costs what such contacts there are, however many
    /// recipients wait.
    async fn known_recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        connection: ConnectionId,
        share: Share,
        cap: Option<FrequencyCap>,
        limit: u32,
        now: Timestamp,
    ) -> StoreResult<Vec<DueRecipient>>;
    /// Makes messages (bulk priority, due at once) of recipients that still have none, leaves others out, lets others
    /// wait; one commit, under the broadcast's lock, and only while it is `sending`. A recipient that another caller
    /// was quicker with is passed over; one whose contact was joined with another that has a message of this
    /// broadcast already is left out as `Duplicate`, and one who has had its marketing of the batch's `cap` by now as
    /// `FrequencyCap`: of two broadcasts that come to a contact at once, one does. Whoever is left out of a new attempt
    /// (but for `Duplicate`) falls back to the failure of the one before, with the reason in its `detail`. Wakes the lane.
    async fn enqueue(&self, batch: EnqueueBatch) -> StoreResult<Enqueued>;
    /// Messages of broadcasts that wait on a connection, held ones not counted, and how many of them are due by then.
    async fn waiting_of_broadcasts(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        by: Timestamp,
    ) -> StoreResult<Vec<InQueue>>;
    /// When the next recipient is due that has no message yet, or whose message waits or is being sent.
    async fn next_recipient_due(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> StoreResult<Option<Timestamp>>;
    /// Contacts that got a template outside a window from any of these connections since then: what Meta's limit per
    /// 24 hours counts.
    async fn initiated_since(
        &self,
        tenant: TenantId,
        connections: &[ConnectionId],
        since: Timestamp,
    ) -> StoreResult<i64>;
    /// Ends a broadcast that is frozen and has nobody left: `completed`, or `failed`, with its alert, when messages of it
    /// failed and nobody got it. `None`: not yet, or not sending. One that was completed fails in the same way later, in
    /// the commit in which the last message fails that was taken for sent, or was in doubt.
    async fn finish_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        at: Timestamp,
    ) -> StoreResult<Option<Broadcast>>;
    /// Makes one turn of a recurring broadcast, exactly once however many nodes ask: under the lock of `parent`, only
    /// while it is `scheduled` with `starts_at` at `due`. One commit: `turn` becomes a new broadcast, `scheduled` with
    /// `starts_at` at `turn.at` (so that it is live from this commit on), and the parent's `starts_at` moves to `next`;
    /// without a next one the parent is `completed`. `None`: somebody else made it, nothing changed.
    async fn make_turn(
        &self,
        tenant: TenantId,
        parent: BroadcastId,
        due: Timestamp,
        turn: NewBroadcast,
        next: Option<Timestamp>,
    ) -> StoreResult<Option<Broadcast>>;
    /// Gives failed recipients a new attempt: they wait for a new message, which will name the old one in `retry_of`; the
    /// old one counts no more, unless nothing comes of the new attempt: it is called off, or left out. Whom Meta lets nobody
    /// write to before a time (`Failure::not_before`) is due at that time. One commit, with which a broadcast that had ended is
    /// sending again; nobody twice.
    async fn retry_recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        wanted: &Retry,
    ) -> StoreResult<Retried>;

    /// Everything that is known of how it went.
    async fn broadcast_results(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> StoreResult<Option<Results>>;
    /// Its recipients, by id; knows cursors.
    async fn recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        filter: &RecipientFilter,
        paging: &Paging,
    ) -> StoreResult<Page<RecipientRow>>;

    /// Which of these the tenant has; at most some hundred are asked about.
    async fn known_broadcasts(&self, tenant: TenantId, ids: &[BroadcastId]) -> StoreResult<Vec<BroadcastId>>;
    /// Over all tenants: scheduled and sending ones.
    async fn live_broadcasts(&self) -> StoreResult<Vec<LiveBroadcast>>;
}

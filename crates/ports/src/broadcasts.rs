//! Broadcasts: plans, frozen audiences, recipients on their way, counts.
//!
//! A broadcast's recipients are frozen page by page ([`freeze_page`](BroadcastStore::freeze_page)), then become
//! messages page by page ([`due_recipients`](BroadcastStore::due_recipients), [`enqueue`](BroadcastStore::enqueue)):
//! each of these verbs moves rows and its cursor in one commit, so that a crash repeats nothing and skips nothing.
//! Counts are moved in the transaction that moves the rows that they count, by every verb that moves a message.

use async_trait::async_trait;
use domain::broadcasts::reasons::FailedBy;
use domain::broadcasts::recipe::Source;
use domain::broadcasts::schedule::FrequencyCap;
use domain::broadcasts::{LeftOut, Plan, State, Step, StopReason};
use domain::messages::gate::Recipient;
use domain::messages::{Content, Status};
use domain::segments::Rule;
use domain::templates::Category;
use domain::{ApiKeyId, BroadcastId, ConnectionId, ContactId, MessageId, TemplateId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contacts::Contact;
use crate::messages::Failure;
use crate::{Page, Paging, StoreResult};

/// A broadcast.
#[derive(Debug, Clone, PartialEq)]
pub struct Broadcast {
    pub id: BroadcastId,
    pub tenant_id: TenantId,
    pub name: String,
    pub state: State,
    /// Why it is paused, failed or cancelled.
    pub reason: Option<StopReason>,
    pub plan: Plan,
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

/// How many recipients stand where. `sent` counts those that Meta took, delivered and read ones among them, and so on
/// down the funnel; `pending`, `queued`, `failed`, `in_doubt`, `cancelled`, `left_out` are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Frozen, no message yet.
    pub pending: i64,
    /// With a message that waits or is being sent.
    pub queued: i64,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub replied: i64,
    /// Said STOP to it.
    pub opted_out: i64,
    pub failed: i64,
    pub in_doubt: i64,
    /// Called off: with a message that was taken back, or before there was one.
    pub cancelled: i64,
    /// Never meant to get one: see [`LeftOut`] (those called off not counted).
    pub left_out: i64,
}

impl Counts {
    /// Everybody who was meant to get one.
    pub fn total(&self) -> i64 {
        self.pending + self.queued + self.sent + self.failed + self.in_doubt + self.cancelled
    }

    /// Nobody waits for anything any more. (Those in doubt are settled by and by, also after the end.)
    pub fn is_through(&self) -> bool {
        self.pending == 0 && self.queued == 0
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

/// What to change in a draft or a scheduled one; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BroadcastPatch {
    pub name: Option<String>,
    pub plan: Option<Plan>,
}

/// A step to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    pub step: Step,
    /// Kept with pausing, failing and cancelling; forgotten by the others.
    pub reason: Option<StopReason>,
    /// With scheduling.
    pub starts_at: Option<Timestamp>,
    /// With starting, resuming and reopening: what the template is now (`None` leaves what is kept).
    pub category: Option<Category>,
    pub at: Timestamp,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum BroadcastMoved {
    Done(Broadcast),
    NotFound,
    /// Its state does not allow it; nothing changed.
    InvalidState(State),
}

/// A row of an uploaded list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRow {
    /// As a person sees it in the file, from 1.
    pub row_number: i64,
    /// The number as given.
    pub given: String,
    /// E.164, when it could be read.
    pub phone: Option<String>,
    /// Texts by column name.
    pub columns: Map<String, Value>,
}

/// Whom a broadcast would reach, and why not the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Screen {
    pub rule: Rule,
    /// Only rows of this broadcast's list.
    pub list: Option<BroadcastId>,
    /// Marketing needs an opt-in and no marketing stop; the others pass the gate's rules.
    pub category: Category,
    /// Must not be empty.
    pub needed: Vec<Source>,
    /// For marketing: the cap.
    pub cap: Option<FrequencyCap>,
    /// Leave out whom these zones hold: it is night there.
    pub quiet_zones: Vec<String>,
    /// The numbers that it is sent from: a window counts as open when it is one of theirs. None: any of the tenant.
    pub numbers: Vec<ConnectionId>,
    /// The moment of asking.
    pub at: Timestamp,
}

/// When recipients are due: by their zone (IANA name of the contact, else the two letters of its country).
#[derive(Debug, Clone, PartialEq)]
pub struct DueTimes {
    pub zones: Vec<(String, Timestamp)>,
    /// For everybody else.
    pub otherwise: Timestamp,
}

/// How many there are of each kind. A repeat may differ: people change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Screened {
    /// Everybody meant, left out or not.
    pub meant: i64,
    pub recipients: i64,
    pub left_out: Vec<(LeftOut, i64)>,
    /// Of the recipients: by country (two letters; `None`: not known).
    pub countries: Vec<(Option<String>, i64)>,
    /// Of the recipients: by language.
    pub languages: Vec<(Option<String>, i64)>,
    /// Of the recipients: by zone (see [`DueTimes`]).
    pub zones: Vec<(Option<String>, i64)>,
    /// Of the recipients: those whom Meta's limit on new contacts does not touch, because they had a template from this
    /// tenant within 24 hours or have an open window.
    pub known_today: i64,
}

/// Someone whom a broadcast would reach, for a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    pub contact: Contact,
    pub row: Option<Map<String, Value>>,
}

/// What came of freezing a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrozenPage {
    pub recipients: i64,
    pub left_out: i64,
    /// That was the last page: the broadcast is frozen.
    pub done: bool,
}

/// A share of the recipients: those whose id leaves `index` when divided by `of`. Several numbers work on one
/// broadcast, each on its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub index: i64,
    pub of: i64,
}

/// A recipient whose turn has come.
#[derive(Debug, Clone, PartialEq)]
pub struct DueRecipient {
    /// See the column `recipients.id`.
    pub id: i64,
    pub contact: Contact,
    /// What the gate asks, about the number that is to send.
    pub gate: Recipient,
    pub row: Option<Map<String, Value>>,
    /// See [`DueTimes`].
    pub zone: Option<String>,
    /// Marketing templates sent to it within the cap's days; 0 when no cap was given.
    pub marketing_sent: i64,
    /// It had a template outside a window within 24 hours, or has an open window: Meta's limit does not count it again.
    pub known_today: bool,
}

/// What becomes of a recipient.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    Send { content: Content, template_id: TemplateId },
    LeaveOut { reason: LeftOut, detail: Option<String> },
    Wait { until: Timestamp },
}

/// Recipients on their way into the queue of a number.
#[derive(Debug, Clone, PartialEq)]
pub struct EnqueueBatch {
    pub tenant_id: TenantId,
    pub broadcast_id: BroadcastId,
    pub connection_id: ConnectionId,
    /// By `recipients.id`.
    pub turns: Vec<(i64, Turn)>,
    pub at: Timestamp,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enqueued {
    pub queued: u32,
    pub left_out: u32,
    pub waiting: u32,
    /// The broadcast is not sending any more: nothing was written.
    pub stopped: bool,
}

/// Which broadcasts are wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BroadcastFilter {
    pub state: Option<State>,
    /// Part of the name, case-insensitive.
    pub search: Option<String>,
    pub recurs_from: Option<BroadcastId>,
}

/// How a recipient stands, for lists and filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    Pending,
    Queued,
    Sending,
    Sent,
    Delivered,
    Read,
    Failed,
    InDoubt,
    Cancelled,
    LeftOut,
}

/// A recipient, for lists.
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientRow {
    /// See the column `recipients.id`.
    pub id: i64,
    /// `None`: a row of a list that fits no contact.
    pub contact_id: Option<ContactId>,
    pub phone: Option<String>,
    pub name: Option<String>,
    pub state: RecipientState,
    /// Why it was left out.
    pub left_out: Option<LeftOut>,
    pub detail: Option<String>,
    pub failure: Option<Failure>,
    pub row_number: Option<i64>,
    pub message_id: Option<MessageId>,
    pub wamid: Option<String>,
    /// 1 for the first message.
    pub attempt: i64,
    pub due_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    pub replied_at: Option<Timestamp>,
    pub opted_out_at: Option<Timestamp>,
}

/// Which recipients are wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecipientFilter {
    pub state: Option<RecipientState>,
    pub left_out: Option<LeftOut>,
    pub failed_by: Option<FailedBy>,
    pub replied: Option<bool>,
}

/// The results of a broadcast.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Results {
    pub counts: Counts,
    pub left_out: Vec<(LeftOut, i64)>,
    /// Failed ones by way of failing, our code and Meta's.
    pub failed: Vec<FailedGroup>,
    /// By the hour in which it happened, oldest first.
    pub hours: Vec<(Timestamp, Counts)>,
}

/// Recipients that failed alike.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedGroup {
    pub failed_by: FailedBy,
    pub code: String,
    pub meta_error_code: Option<i64>,
    pub count: i64,
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
    /// Changes a draft or a scheduled one; a plan without a list forgets the list's rows.
    async fn update_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        patch: BroadcastPatch,
        at: Timestamp,
    ) -> StoreResult<BroadcastMoved>;
    /// Removes one that is neither sending nor paused, with its counts; its messages stay, and name it. Its recipients and
    /// list rows are found by nobody from then on, and are taken away by `OperatorStore::sweep`.
    async fn delete_broadcast(&self, tenant: TenantId, broadcast: BroadcastId)
    -> StoreResult<BroadcastMoved>;
    /// Takes a step (`domain::broadcasts::Step`), under the broadcast's lock; one commit with what follows from it:
    /// pausing holds its waiting messages (claims pass them over from that commit on), resuming makes them due at
    /// `at`, cancelling cancels them and leaves the recipients without a message out as `Cancelled`.
    async fn move_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        step: Move,
    ) -> StoreResult<BroadcastMoved>;

    /// Keeps rows of a draft's list; a row number that is there already is replaced. With `anew` the rows that were
    /// there are forgotten first. One commit.
    async fn put_list(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        rows: Vec<ListRow>,
        anew: bool,
    ) -> StoreResult<BroadcastMoved>;
    /// How many rows the list has, and how many of them have a number that can be one.
    async fn list_size(&self, tenant: TenantId, broadcast: BroadcastId) -> StoreResult<(i64, i64)>;

    /// Counts whom a broadcast would reach.
    async fn screen(&self, tenant: TenantId, screen: &Screen) -> StoreResult<Screened>;
    /// Some of those whom it would reach.
    async fn sample(&self, tenant: TenantId, screen: &Screen, limit: u32) -> StoreResult<Vec<Sampled>>;

    /// Freezes the next page: up to `limit` of those meant, in the order of their ids (rows of a list: of their
    /// numbers), become recipients, those left out with their reason; the cursor moves in the same commit. Only while
    /// the broadcast is `sending` (or `paused`) and not frozen: else nothing changes and `done` is what it was.
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
    /// Makes messages (bulk priority, due at once) of recipients that still have none, leaves others out, lets others
    /// wait; one commit, under the broadcast's lock, and only while it is `sending`. A recipient that another caller
    /// was quicker with is passed over; one whose contact was joined with another that has a message of this
    /// broadcast already is left out as `Duplicate`. Wakes the lane.
    async fn enqueue(&self, batch: EnqueueBatch) -> StoreResult<Enqueued>;
    /// Messages of broadcasts that wait on a connection, held ones not counted.
    async fn waiting_of_broadcasts(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> StoreResult<Vec<(BroadcastId, i64)>>;
    /// When the next recipient without a message is due.
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
    /// Ends a broadcast that is frozen and has nobody left: `completed`, or `failed` when it had recipients and every
    /// one of them failed. `None`: not yet, or not sending.
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
    /// Gives up to `limit` failed recipients (of these ways of failing; empty: of all) a new attempt: they wait for a
    /// new message, which will name the old one in `retry_of`; the old one counts no more. One commit. Answers how
    /// many; nobody twice.
    async fn retry_recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        failed_by: &[FailedBy],
        limit: u32,
        at: Timestamp,
    ) -> StoreResult<u32>;

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

    /// Over all tenants: scheduled and sending ones.
    async fn live_broadcasts(&self) -> StoreResult<Vec<LiveBroadcast>>;
}

/// Where a message's status puts its recipient.
impl From<Status> for RecipientState {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Sending => Self::Sending,
            Status::Sent => Self::Sent,
            Status::Delivered => Self::Delivered,
            Status::Read => Self::Read,
            Status::Failed => Self::Failed,
            Status::InDoubt => Self::InDoubt,
            Status::Cancelled => Self::Cancelled,
            // No outbound message is ever so.
            Status::Received => Self::Read,
        }
    }
}

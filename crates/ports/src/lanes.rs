//! Lanes: one per phone number. A node holds a lane by a lease, so that one node paces a number.

use async_trait::async_trait;
use domain::connections::ConnectionState;
use domain::contacts::Identity;
use domain::messages::gate::Refusal;
use domain::messages::{Content, Priority, Status};
use domain::{BroadcastId, ConnectionId, ContactId, MessageId, TemplateId, TenantId, Timestamp};

use crate::StoreResult;
use crate::messages::Failure;

/// Right to send from a connection, until it ends. The epoch moves up with each new holder: verbs with an old
/// epoch change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub tenant_id: TenantId,
    pub connection_id: ConnectionId,
    pub holder: String,
    pub epoch: i64,
    pub until: Timestamp,
}

/// What the last holder knew of the pace, kept as it wrote it.
pub type PaceState = serde_json::Value;

/// A lane that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenLane {
    pub lease: Lease,
    pub pace: Option<PaceState>,
    /// Messages that the last holder left `sending`: now `in_doubt`.
    pub in_doubt: Vec<MessageId>,
}

/// A message claimed for sending: its attempt is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    pub message_id: MessageId,
    pub contact_id: ContactId,
    pub identity: Identity,
    pub content: Content,
    pub template: Option<TemplateRef>,
    pub reply_to: Option<String>,
    pub priority: Priority,
    /// 1 for the first call to Meta.
    pub attempt: i32,
    /// 131056 answers in a row for this contact.
    pub pair_throttles: i32,
    pub created_at: Timestamp,
    /// The broadcast that it is part of.
    pub broadcast_id: Option<BroadcastId>,
}

/// Which template, in which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TemplateRef {
    pub id: TemplateId,
    pub version: i64,
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claim {
    pub claimed: Vec<Claimed>,
    /// Refused by the gate at this point: now `failed`, with the reason kept.
    pub refused: Vec<Refused>,
    /// How many more were due and looked at: they wait on, or went back to their broadcasts.
    pub passed_over: usize,
    /// When the next message not yet due becomes due.
    pub next_due: Option<Timestamp>,
}

/// A message that the gate refused when it was claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    pub message_id: MessageId,
    /// The broadcast that it is part of.
    pub broadcast_id: Option<BroadcastId>,
    pub refusal: Refusal,
}

/// What came of a call to Meta (or of deciding not to make it).
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// Accepted by Meta.
    Sent { wamid: String, held: bool },
    /// Back into the queue; with `costs_attempt` false the attempt is taken back.
    Requeue { due_at: Timestamp, costs_attempt: bool, why: Failure },
    /// Like `Requeue` at no cost, and every queued message of this contact on this connection waits as well.
    DelayContact { due_at: Timestamp, why: Failure },
    /// Final.
    Failed {
        why: Failure,
        /// Flag the contact for review with this code (not on WhatsApp).
        flag: Option<i64>,
        /// Meta says that the contact stopped marketing: record `marketing_stop`.
        marketing_stop: bool,
    },
    /// Nobody knows.
    InDoubt { why: Failure },
    /// The request never left (lane stopped, connection broke before its turn): back into the queue, due as
    /// before, at no cost.
    Unsent,
}

/// One outcome to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub message_id: MessageId,
    pub contact_id: ContactId,
    pub settlement: Settlement,
    pub at: Timestamp,
}

/// How a queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueStats {
    /// Waiting, due or not, scheduled ones and those of paused broadcasts not counted.
    pub queued: i64,
    /// Waiting until a later `send_at`.
    pub scheduled: i64,
    /// Claimed, no outcome yet.
    pub sending: i64,
}

/// A connection as a lane needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneConnection {
    pub state: ConnectionState,
    pub rate: domain::pacing::Rate,
}

/// Verbs of a lane's holder.
#[async_trait]
pub trait LaneStore: Send + Sync {
    /// Takes the lane of a connection when nobody holds it, its lease ran out, or `holder` itself held it (a node
    /// that was restarted under its name goes on at once): moves the epoch up, turns what was
    /// `sending` into `in_doubt` (with an event), gives back the kept pace; one commit. `None`: somebody else holds
    /// it.
    async fn take_lane(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<Option<TakenLane>>;
    /// Prolongs the lease and keeps the pace; false when it was lost (another epoch).
    async fn renew_lane(&self, lease: &Lease, until: Timestamp, pace: &PaceState) -> StoreResult<bool>;
    /// Gives the lane back; a lost lease is not an error.
    async fn release_lane(&self, lease: &Lease, pace: &PaceState) -> StoreResult<()>;
    /// Claims up to `limit` due messages by (priority, due time, id): asks the gate again with what the same
    /// transaction reads, moves those that pass to `sending` with their attempt counted and an event kept, those
    /// refused to `failed`; one commit. Nothing when the lease's epoch is old, or the connection is not active. A
    /// contact with a message `sending` already is still claimed (Meta does not promise an order). Messages of paused
    /// broadcasts are passed over. Those of a broadcast whose template may not be sent now are neither: they are taken
    /// back (`cancelled`, and counted no more), and their recipients wait for another message. So is marketing of a
    /// broadcast whose recipient is in the tenant's quiet hours at `now`: the recipient waits for the end of them, or is
    /// left out.
    async fn claim_due(&self, lease: &Lease, limit: u32, now: Timestamp) -> StoreResult<Claim>;
    /// Records outcomes; one commit. The message's status moves by the lattice (`domain::messages::lattice`): a
    /// status webhook that came first is not undone. Outcomes of an old epoch still count when they say `Sent` (a
    /// wamid is a fact) and change nothing else. What goes back into the queue of a broadcast that was paused in the
    /// meantime waits with the rest of it; of one that was called off it is cancelled. Answers the status that each
    /// message has now.
    async fn record_outcomes(
        &self,
        lease: &Lease,
        outcomes: Vec<Outcome>,
    ) -> StoreResult<Vec<(MessageId, Status)>>;
    /// The pace of a lane that somebody holds, as it was when the lease was last prolonged.
    async fn kept_pace(&self, tenant: TenantId, connection: ConnectionId) -> StoreResult<Option<PaceState>>;
    /// How the queue of a connection stands.
    async fn queue_stats(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        now: Timestamp,
    ) -> StoreResult<QueueStats>;
}

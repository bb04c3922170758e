//! Messages: accepting, looking at, cancelling and retrying. Sending stands in `lanes`.

use async_trait::async_trait;
use domain::audit::Actor;
use domain::messages::gate::Refusal;
use domain::messages::{Content, Direction, Priority, Status};
use domain::phone::PhoneNumber;
use domain::{
    ApiKeyId, BroadcastId, ConnectionId, ContactId, ConversationId, MessageId, TemplateId, TenantId,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Page, Paging, StoreResult};

/// Why a message failed, as it is kept and shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Our code, from the contract's table, e.g. `RECIPIENT_NOT_ON_WHATSAPP`.
    pub code: String,
    pub message: String,
    pub meta_error_code: Option<i64>,
    pub meta_message: Option<String>,
    pub fbtrace_id: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    /// Not before this time is another attempt allowed (131049).
    pub not_before: Option<Timestamp>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub contact_id: ContactId,
    pub conversation_id: Option<ConversationId>,
    pub connection_id: ConnectionId,
    pub direction: Direction,
    pub status: Status,
    pub priority: Priority,
    pub content: Content,
    pub template_id: Option<TemplateId>,
    pub wamid: Option<String>,
    /// The wamid this one answers.
    pub reply_to: Option<String>,
    pub failure: Option<Failure>,
    /// What Meta charges by, from the status webhook.
    pub pricing_category: Option<String>,
    /// Calls to Meta that were made for it (throttled ones not counted).
    pub attempts: i32,
    /// The message this one is a retry of.
    pub retry_of: Option<MessageId>,
    /// The broadcast that it is part of.
    pub broadcast_id: Option<BroadcastId>,
    pub created_by: Option<ApiKeyId>,
    pub created_at: Timestamp,
    /// Not before this time, when scheduled.
    pub send_at: Option<Timestamp>,
    /// When it is due next, while it waits.
    pub due_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    /// When what it said was removed, its time being over; `content` is empty since.
    pub content_purged_at: Option<Timestamp>,
}

/// Who a message is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Addressee {
    Contact(ContactId),
    Phone(PhoneNumber),
    Bsuid(String),
    /// The contact and the connection of this conversation.
    Conversation(ConversationId),
}

/// A message to be accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptJob {
    pub tenant_id: TenantId,
    pub to: Addressee,
    /// The number to send from; the caller has settled the default.
    pub connection_id: ConnectionId,
    pub content: Content,
    /// The template that `content` names, found by the caller.
    pub template_id: Option<TemplateId>,
    /// `None`: a reply when the window is open, else transactional.
    pub priority: Option<Priority>,
    pub reply_to: Option<ReplyTo>,
    pub send_at: Option<Timestamp>,
    pub retry_of: Option<MessageId>,
    pub created_by: Option<ApiKeyId>,
    /// Whoever asked for it: jobs of many callers go into one batch.
    pub actor: Actor,
    /// Idempotency key and SHA-256 of the request.
    pub key: Option<(String, [u8; 32])>,
    pub at: Timestamp,
}

/// What a message answers.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyTo {
    Message(MessageId),
    Wamid(String),
}

/// A message that was accepted: its rows are durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    pub message_id: MessageId,
    pub contact_id: ContactId,
    pub conversation_id: Option<ConversationId>,
    pub connection_id: ConnectionId,
    pub status: Status,
}

/// What came of accepting one.
#[derive(Debug, Clone, PartialEq)]
pub enum AcceptOutcome {
    Accepted(Accepted),
    /// The same key with the same request was accepted before, as this message; the answer then given, if it was
    /// kept.
    Replayed {
        message_id: MessageId,
        answer: Option<crate::idempotency::KeptAnswer>,
    },
    /// The key was used with another request.
    KeyReused,
    /// The gate says no; nothing was written.
    Refused(Refusal),
    ContactNotFound,
    ConversationNotFound,
    /// The message to reply to is not known.
    ReplyToNotFound,
    /// What the message to reply to said is gone.
    ReplyToPurged,
    /// There is no such connection any more.
    ConnectionNotFound,
    /// This one failed alone, by a defect that the store logged; nothing of it was written.
    Failed,
}

/// A step in a message's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageEvent {
    pub status: String,
    pub at: Timestamp,
    /// Attempt, recipient, pricing, errors; whatever Meta said.
    pub details: serde_json::Value,
}

/// Which messages are wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessageFilter {
    pub contact_id: Option<ContactId>,
    pub conversation_id: Option<ConversationId>,
    pub connection_id: Option<ConnectionId>,
    pub direction: Option<Direction>,
    pub status: Option<Status>,
    pub since: Option<Timestamp>,
    /// Messages of a broadcast, then ordered by contact (its messages are made in the order of the contacts).
    pub broadcast_id: Option<BroadcastId>,
}

/// What came of a cancel or a retry.
#[derive(Debug, Clone, PartialEq)]
pub enum Moved {
    Done(Message),
    NotFound,
    /// The message is in a state that does not allow it.
    InvalidState(Status),
    /// What it said is gone: it cannot be sent again.
    ContentPurged,
    /// It may have arrived, though it is given up: only who accepts that can send it again.
    MayHaveArrived,
}

/// Verbs on messages.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Accepts each: finds the addressee, asks the gate with what the same transaction reads, keeps message, outbox
    /// row and idempotency key. One commit for the batch; answers in the order of the jobs; one job's refusal or
    /// failure does not touch the others. A repeat under a key writes nothing. A send to a contact without a
    /// conversation on the connection makes the conversation (with no window).
    async fn accept(&self, jobs: Vec<AcceptJob>) -> StoreResult<Vec<AcceptOutcome>>;
    /// Keeps the answer given to a send with an idempotency key, so that a repeat gets the same; may be called late or never
    /// (a repeat is then answered from the message). All in one commit.
    async fn keep_send_answers(
        &self,
        answers: Vec<(TenantId, String, crate::idempotency::KeptAnswer)>,
    ) -> StoreResult<()>;
    /// One.
    async fn message(&self, tenant: TenantId, message: MessageId) -> StoreResult<Option<Message>>;
    /// Newest first; knows cursors.
    async fn messages(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Message>>;
    /// Its life, oldest first; `None`: no such message.
    async fn message_events(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> StoreResult<Option<Vec<MessageEvent>>>;
    /// Cancels one that is still `queued`; atomic against a claim.
    async fn cancel_message(&self, tenant: TenantId, message: MessageId, at: Timestamp)
    -> StoreResult<Moved>;
    /// Puts a `failed` message (or, with `accept_duplicate`, one `in_doubt` or that failed as one that may have arrived) back into its queue, due at `at`, its
    /// failure kept in the events. The gate is asked again at the claim. Not while a call for it is still open, not
    /// when its connection is gone, and not when its content is: then nothing changes.
    async fn requeue_message(
        &self,
        tenant: TenantId,
        message: MessageId,
        accept_duplicate: bool,
        at: Timestamp,
    ) -> StoreResult<Moved>;
}

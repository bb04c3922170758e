//! Webhooks from Meta: the raw inbox, and what its items do to the rest.

use async_trait::async_trait;
use bytes::Bytes;
use domain::consent::words::Word;
use domain::contacts::Identity;
use domain::messages::Content;
use domain::templates;
use domain::{
    BroadcastId, ConnectionId, ContactId, ConversationId, InboxId, InboxItemId, MediaId, MessageId, TenantId,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::alerts::NewAlert;
use crate::connections::Broken;
use crate::messages::Failure;
use crate::{Page, Paging, StoreResult};

/// A raw body, its signature verified.
#[derive(Debug, Clone, PartialEq)]
pub struct RawWebhook {
    pub tenant_id: TenantId,
    /// Known when it was posted to a connection's own path, else found by the projector.
    pub connection_id: Option<ConnectionId>,
    pub body: Bytes,
    pub at: Timestamp,
}

/// A raw body that waits to be projected.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingWebhook {
    pub id: InboxId,
    pub webhook: RawWebhook,
}

/// What a change of a projection came from: shown with items set aside, and kept with consent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub inbox_id: InboxId,
    /// JSON pointer into the body.
    pub pointer: String,
}

/// A message from a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    pub source: Source,
    pub connection_id: ConnectionId,
    pub wamid: String,
    pub from: Identity,
    pub username: Option<String>,
    pub profile_name: Option<String>,
    pub at: Timestamp,
    pub content: Content,
    pub reply_to: Option<String>,
    pub opens_window: bool,
    pub word: Option<Word>,
    /// Text of the one confirmation to send if the word changes the consent; `None` sends none.
    pub confirmation: Option<String>,
    /// A file to fetch.
    pub media: Option<InboundMedia>,
}

/// A file of an inbound message, still at Meta.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundMedia {
    pub meta_id: String,
    pub mime_type: String,
    pub filename: Option<String>,
    pub sha256: Option<String>,
    pub expires_at: Timestamp,
}

/// A status of one of our messages.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusReport {
    pub source: Source,
    pub connection_id: ConnectionId,
    pub wamid: String,
    /// `sent`, `delivered`, `read`, `failed` as the lattice knows them.
    pub status: domain::messages::Status,
    pub at: Timestamp,
    /// Our message id out of `biz_opaque_callback_data`, when it is one of ours.
    pub message_id: Option<MessageId>,
    pub recipient: Identity,
    pub failure: Option<Failure>,
    /// Flag the contact for review with this code.
    pub flag: Option<i64>,
    /// What the failure means, and the code to flag with, when the message is a template: 131047 cannot be about a
    /// window then.
    pub if_template: Option<(Failure, i64)>,
    /// Record `marketing_stop` (131050).
    pub marketing_stop: bool,
    /// What the failure says of everything else that the number sends.
    pub verdict: Option<Verdict>,
    pub pricing_category: Option<String>,
}

/// What a failed status says of its number. It holds for a number that was not changed or repaired since the message was
/// sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Nothing goes out any more: the connection breaks, with this reason and its alert.
    Broken(Broken),
    /// The account was told to pause: its lane slows down (`Wake::Restrained`), and this alert is raised.
    Restrained(NewAlert),
}

/// Something that happened to a template at Meta.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateEvent {
    pub source: Source,
    pub waba_id: String,
    /// Meta's id and, for a row not yet known by it, name and language (`-` read as `_`).
    pub meta_id: Option<String>,
    pub name: String,
    pub language: String,
    pub status: Option<templates::Status>,
    pub rejection_reason: Option<String>,
    pub quality: Option<String>,
    pub category: Option<templates::Category>,
    pub at: Timestamp,
}

/// A customer's choice on marketing made in WhatsApp's own settings.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketingPreference {
    pub source: Source,
    pub connection_id: ConnectionId,
    pub who: Identity,
    pub stop: bool,
    pub at: Timestamp,
}

/// Two names of one person, or a new number.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityChange {
    pub source: Source,
    pub old: Identity,
    pub new: Identity,
    pub at: Timestamp,
}

/// A change of the number or the account.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionEvent {
    pub source: Source,
    pub connection_id: ConnectionId,
    pub quality_rating: Option<String>,
    pub messaging_limit: Option<String>,
    pub rate_count: Option<u32>,
    pub verified_name: Option<String>,
    /// The account is restricted, disabled, deleted: the connection breaks, in the same commit.
    pub broken: Option<Broken>,
}

/// Why an item was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsideReason {
    /// A field, type or event that is not known (yet): kept.
    Unrecognised,
    /// Known in shape, but nothing here acts on it: kept for whoever looks.
    Informational,
    /// Applying it failed: kept, can be driven again.
    Poison,
}

impl AsideReason {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unrecognised => "unrecognised",
            Self::Informational => "informational",
            Self::Poison => "poison",
        }
    }
}

/// An item to be set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct SetAside {
    pub source: Source,
    pub connection_id: Option<ConnectionId>,
    pub field: String,
    pub reason: AsideReason,
    pub why: String,
    pub raw: serde_json::Value,
    pub at: Timestamp,
}

/// An item that was set aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AsideItem {
    pub id: InboxItemId,
    pub inbox_id: InboxId,
    pub pointer: String,
    pub field: String,
    pub reason: String,
    pub why: String,
    pub raw: serde_json::Value,
    pub at: Timestamp,
    pub attempts: i32,
    /// Set once it was applied after all.
    pub resolved_at: Option<Timestamp>,
}

/// One change, in the order of the bodies.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Inbound(Inbound),
    Status(StatusReport),
    Template(TemplateEvent),
    Preference(MarketingPreference),
    Identity(IdentityChange),
    Connection(ConnectionEvent),
    Aside(SetAside),
}

/// Changes of one tenant, and the bodies that are done with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    pub tenant_id: TenantId,
    pub done: Vec<InboxId>,
    pub changes: Vec<Change>,
    pub at: Timestamp,
}

/// A message of a broadcast that failed after Meta had taken it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroadcastFailure {
    pub broadcast_id: BroadcastId,
    /// See [`Failure`].
    pub code: String,
    pub meta_error_code: Option<i64>,
}

/// What a projection did, so that others can be woken.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Projected {
    /// Inbound messages that were new.
    pub inbound: Vec<(MessageId, ContactId, ConversationId)>,
    /// Messages whose status moved.
    pub moved: Vec<(MessageId, domain::messages::Status)>,
    /// Messages of broadcasts that turned `failed`.
    pub broadcast_failures: Vec<BroadcastFailure>,
    /// Connections that have something new to send (confirmations).
    pub wake: Vec<ConnectionId>,
    /// Files to fetch.
    pub media: Vec<MediaId>,
    /// Connections of whose account Meta said that it has to pause.
    pub restrained: Vec<ConnectionId>,
    /// Connections that this projection broke.
    pub broken: Vec<ConnectionId>,
    /// Templates whose status, quality or category moved.
    pub templates: Vec<domain::TemplateId>,
    /// Consent that changed: contact and kind.
    pub consents: Vec<(ContactId, domain::consent::ConsentKind)>,
}

/// How the inbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InboxStats {
    pub pending: i64,
    pub unrecognised: i64,
    pub poison: i64,
    /// Statuses whose message is not known (yet).
    pub orphan_statuses: i64,
}

/// Verbs on webhooks.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Keeps raw bodies; when this answers, they are durable. One commit.
    async fn ingest(&self, bodies: Vec<RawWebhook>) -> StoreResult<Vec<InboxId>>;
    /// Takes up to `limit` waiting bodies, oldest first, for `holder` until `until`; a body whose taker did not
    /// finish by then is given out again.
    async fn take_webhooks(
        &self,
        holder: &str,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<Vec<PendingWebhook>>;
    /// Applies changes of one tenant in their order and marks the bodies done, in one commit:
    /// - inbound: the contact is found by phone or BSUID, made when new, joined when both are known apart (the
    ///   ledger and the stricter consent survive); the message is unique by wamid, a repeat changes nothing; window,
    ///   unread count and review flag (writing in proves that the number is on WhatsApp) follow; a consent word is
    ///   applied under the contact's row lock, and only a change writes the ledger and queues the one confirmation;
    /// - status: merged by the lattice, first time per level kept; an unknown wamid is found by the message id in
    ///   the callback data, else kept until its message is known. What is said of an earlier attempt of a message that
    ///   was put back into its queue counts when it arrived after all, not when it was sent or failed;
    /// - the rest as its type says.
    ///
    /// When the commit as a whole fails, nothing is applied: the caller halves the batch until the one change that
    /// fails stands alone, and sets it aside.
    async fn project(&self, projection: Projection) -> StoreResult<Projected>;
    /// Items set aside, newest first.
    async fn aside_items(
        &self,
        tenant: TenantId,
        reason: Option<AsideReason>,
        paging: &Paging,
    ) -> StoreResult<Page<AsideItem>>;
    /// Items of this reason not yet resolved, oldest first, for driving them again.
    async fn unresolved_aside(
        &self,
        tenant: TenantId,
        reason: AsideReason,
        limit: u32,
    ) -> StoreResult<Vec<(AsideItem, Option<ConnectionId>)>>;
    /// Notes that an item was applied after all, or failed once more.
    async fn settle_aside(
        &self,
        tenant: TenantId,
        item: InboxItemId,
        applied: bool,
        why: &str,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// How the inbox stands.
    async fn inbox_stats(&self, tenant: TenantId) -> StoreResult<InboxStats>;
    /// Notes that Meta's handshake reached this connection.
    async fn note_handshake(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        at: Timestamp,
    ) -> StoreResult<()>;
}

//! Conversations, notes, canned replies.

use async_trait::async_trait;
use domain::conversations::ConversationStatus;
use domain::{
    CannedReplyId, ConnectionId, ContactId, ConversationId, MessageId, NoteId, TenantId, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Page, Paging, StoreResult};

/// The thread between one contact and one connection; unique per pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub contact_id: ContactId,
    pub connection_id: ConnectionId,
    pub contact_name: Option<String>,
    pub contact_phone: Option<String>,
    pub status: ConversationStatus,
    pub assignee: Option<String>,
    pub labels: Vec<String>,
    /// End of the customer-service window; `None`: the customer never wrote.
    pub window_expires_at: Option<Timestamp>,
    pub last_inbound_at: Option<Timestamp>,
    pub last_message_at: Option<Timestamp>,
    pub last_message_id: Option<MessageId>,
    /// One line of the last message.
    pub last_message_preview: Option<String>,
    /// Inbound messages since it was last read.
    pub unread: i64,
    pub created_at: Timestamp,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConversationPatch {
    pub status: Option<ConversationStatus>,
    pub assignee: Option<Option<String>>,
    pub labels: Option<Vec<String>>,
}

/// Which are wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConversationFilter {
    pub contact_id: Option<ContactId>,
    pub connection_id: Option<ConnectionId>,
    pub status: Option<ConversationStatus>,
    pub unread: Option<bool>,
    pub assignee: Option<String>,
    /// Has this label.
    pub label: Option<String>,
}

/// A note for colleagues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub id: NoteId,
    pub conversation_id: ConversationId,
    pub author: String,
    pub text: String,
    pub created_at: Timestamp,
}

/// A prepared answer; the shortcut is unique per tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CannedReply {
    pub id: CannedReplyId,
    pub shortcut: String,
    pub text: String,
    pub created_at: Timestamp,
}

/// What a marked-read call must tell Meta.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkedRead {
    pub conversation: Conversation,
    /// The newest inbound message that was not yet marked; `None`: nothing new.
    pub newest_wamid: Option<String>,
}

/// Verbs on conversations.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Latest message first; knows cursors.
    async fn conversations(
        &self,
        tenant: TenantId,
        filter: &ConversationFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Conversation>>;
    /// One.
    async fn conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> StoreResult<Option<Conversation>>;
    /// Changes it.
    async fn update_conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        patch: ConversationPatch,
    ) -> StoreResult<Option<Conversation>>;
    /// Sets `unread` to 0 and says which message to mark at Meta.
    async fn mark_conversation_read(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        at: Timestamp,
    ) -> StoreResult<Option<MarkedRead>>;
    /// Adds a note; `None`: no such conversation.
    async fn add_note(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        author: &str,
        text: &str,
        at: Timestamp,
    ) -> StoreResult<Option<Note>>;
    /// Oldest first.
    async fn notes(&self, tenant: TenantId, conversation: ConversationId) -> StoreResult<Vec<Note>>;
    /// By shortcut.
    async fn canned_replies(&self, tenant: TenantId) -> StoreResult<Vec<CannedReply>>;
    /// Makes one; `Err(id)` when the shortcut is taken.
    async fn create_canned_reply(
        &self,
        tenant: TenantId,
        shortcut: &str,
        text: &str,
        at: Timestamp,
    ) -> StoreResult<Result<CannedReply, CannedReplyId>>;
    /// False when there is none.
    async fn delete_canned_reply(&self, tenant: TenantId, reply: CannedReplyId) -> StoreResult<bool>;
}

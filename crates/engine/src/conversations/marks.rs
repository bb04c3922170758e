//! What the customer sees of our side: blue ticks and "typing…".

use domain::messages::Direction;
use domain::{ConnectionId, ConversationId, TenantId};
use ports::Paging;
use ports::conversations::Conversation;
use ports::gateway::GatewayError;
use ports::messages::MessageFilter;

use super::{ConversationError, Conversations};
use crate::connections::{access_of, note_refusal};

/// Whether the customer's phone was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Meta took it.
    Yes,
    /// There was nothing new to tell.
    NothingNew,
    /// Meta did not take it, why; our own side is marked all the same.
    Failed(GatewayError),
    /// The connection is gone.
    NoConnection,
}

/// A conversation marked read.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    pub conversation: Conversation,
    pub told: Told,
}

impl Conversations {
    /// Marks everything read, here and on the customer's phone. That Meta cannot be told is reported, not an error.
    ///
    /// # Errors
    /// [`ConversationError::NotFound`], or the store's.
    pub async fn mark_read(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Marked, ConversationError> {
        let now = self.deps.clock.now();
        let marked = self
            .deps
            .store
            .mark_conversation_read(tenant, conversation, now)
            .await?
            .ok_or(ConversationError::NotFound)?;
        let told = match marked.newest_wamid {
            None => Told::NothingNew,
            Some(wamid) => self.tell(tenant, marked.conversation.connection_id, &wamid, false).await?,
        };
        Ok(Marked { conversation: marked.conversation, told })
    }

    /// Shows "typing…" for up to 25 s or until an answer; Meta marks the conversation read by it, and so do we.
    ///
    /// # Errors
    /// [`ConversationError::NotFound`], [`ConversationError::NothingReceived`], or the store's.
    pub async fn typing(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Marked, ConversationError> {
        let found = self.get(tenant, conversation).await?;
        let wamid = self.newest_inbound(tenant, found.id).await?.ok_or(ConversationError::NothingReceived)?;
        let told = self.tell(tenant, found.connection_id, &wamid, true).await?;
        let now = self.deps.clock.now();
        let marked = self.deps.store.mark_conversation_read(tenant, conversation, now).await?;
        Ok(Marked { conversation: marked.map_or(found, |marked| marked.conversation), told })
    }

    async fn newest_inbound(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Option<String>, ConversationError> {
        let filter = MessageFilter {
            conversation_id: Some(conversation),
            direction: Some(Direction::Inbound),
            ..MessageFilter::default()
        };
        let paging = Paging { page: 1, page_size: 1, cursor: None };
        let page = self.deps.store.messages(tenant, &filter, &paging).await?;
        Ok(page.items.into_iter().find_map(|message| message.wamid))
    }

    async fn tell(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        wamid: &str,
        typing: bool,
    ) -> Result<Told, ConversationError> {
        let Some(access) = access_of(&self.deps, tenant, connection).await? else {
            return Ok(Told::NoConnection);
        };
        match self.deps.gateway.mark_read(&access, wamid, typing).await {
            Ok(()) => Ok(Told::Yes),
            Err(error) => {
                tracing::warn!(tenant.id = %tenant, connection.id = %connection, %error, "Meta was not told of the mark");
                note_refusal(&self.deps, tenant, connection, &error).await?;
                Ok(Told::Failed(error))
            }
        }
    }
}

//! Notes on a conversation, for colleagues only.

use domain::{ConversationId, TenantId};
use ports::conversations::Note;

use super::{ConversationError, Conversations, PERSON};
use crate::faults::Faults;

/// Characters of a note.
const TEXT: usize = 4_000;

impl Conversations {
    /// Adds a note.
    ///
    /// # Errors
    /// [`ConversationError::Invalid`] with every fault, [`ConversationError::NotFound`], or the store's.
    pub async fn add_note(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        author: &str,
        text: &str,
    ) -> Result<Note, ConversationError> {
        let mut faults = Faults::default();
        faults.required("/author", author, PERSON);
        faults.required("/text", text, TEXT);
        faults.check()?;
        let now = self.deps.clock.now();
        self.deps
            .store
            .add_note(tenant, conversation, author.trim(), text, now)
            .await?
            .ok_or(ConversationError::NotFound)
    }

    /// Notes, oldest first.
    ///
    /// # Errors
    /// [`ConversationError::NotFound`], or the store's.
    pub async fn notes(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Vec<Note>, ConversationError> {
        let found = self.get(tenant, conversation).await?;
        Ok(self.deps.store.notes(tenant, found.id).await?)
    }
}

//! Canned replies: prepared answers, found by a shortcut.

use domain::{CannedReplyId, TenantId};
use ports::conversations::CannedReply;

use super::{ConversationError, Conversations};
use crate::faults::Faults;

/// Characters of a shortcut.
const SHORTCUT: usize = 64;
/// Meta's limit on the body of a text message ("Text messages").
const TEXT: usize = 4_096;

impl Conversations {
    /// All, by shortcut.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn canned_replies(&self, tenant: TenantId) -> Result<Vec<CannedReply>, ConversationError> {
        Ok(self.deps.store.canned_replies(tenant).await?)
    }

    /// Makes one.
    ///
    /// # Errors
    /// [`ConversationError::Invalid`] with every fault, [`ConversationError::ShortcutTaken`], or the store's.
    pub async fn create_canned_reply(
        &self,
        tenant: TenantId,
        shortcut: &str,
        text: &str,
    ) -> Result<CannedReply, ConversationError> {
        let shortcut = shortcut.trim();
        let mut faults = Faults::default();
        faults.required("/shortcut", shortcut, SHORTCUT);
        if shortcut.chars().any(char::is_whitespace) {
            faults.add("/shortcut", "must not contain blanks");
        }
        faults.required("/text", text, TEXT);
        faults.check()?;
        let now = self.deps.clock.now();
        let made = self.deps.store.create_canned_reply(tenant, shortcut, text, now).await?;
        made.map_err(ConversationError::ShortcutTaken)
    }

    /// Removes one.
    ///
    /// # Errors
    /// [`ConversationError::CannedReplyNotFound`], or the store's.
    pub async fn delete_canned_reply(
        &self,
        tenant: TenantId,
        reply: CannedReplyId,
    ) -> Result<(), ConversationError> {
        match self.deps.store.delete_canned_reply(tenant, reply).await? {
            true => Ok(()),
            false => Err(ConversationError::CannedReplyNotFound),
        }
    }
}

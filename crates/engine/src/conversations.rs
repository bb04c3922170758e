//! Conversations: the team's work on them, marks for the customer, notes and canned replies.

mod canned;
mod marks;
mod notes;

use domain::{ConversationId, TenantId};
use ports::conversations::{Conversation, ConversationFilter, ConversationPatch};
use ports::gateway::GatewayError;
use ports::{Page, Paging, StoreError};

use crate::Deps;
use crate::faults::Faults;

pub use marks::{Marked, Told};

/// Characters of an assignee's or author's name.
const PERSON: usize = 200;
/// Characters of a label.
const LABEL: usize = 64;
/// Labels per conversation.
const LABELS: usize = 50;

/// How dealing with conversations fails.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    #[error("there is no such conversation")]
    NotFound,
    #[error("there is no such canned reply")]
    CannedReplyNotFound,
    /// The shortcut belongs to this reply.
    #[error("canned reply {0} has this shortcut already")]
    ShortcutTaken(domain::CannedReplyId),
    /// The customer never wrote, so there is nothing to answer with "typing…".
    #[error("the customer has not written in this conversation")]
    NothingReceived,
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Use cases on conversations.
#[derive(Clone)]
pub struct Conversations {
    deps: Deps,
}

impl Conversations {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Latest message first.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &ConversationFilter,
        paging: &Paging,
    ) -> Result<Page<Conversation>, ConversationError> {
        Ok(self.deps.store.conversations(tenant, filter, paging).await?)
    }

    /// One.
    ///
    /// # Errors
    /// [`ConversationError::NotFound`], or the store's.
    pub async fn get(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Conversation, ConversationError> {
        self.deps.store.conversation(tenant, conversation).await?.ok_or(ConversationError::NotFound)
    }

    /// Changes status, assignee, labels.
    ///
    /// # Errors
    /// [`ConversationError::Invalid`] with every fault, [`ConversationError::NotFound`], or the store's.
    pub async fn patch(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        mut patch: ConversationPatch,
    ) -> Result<Conversation, ConversationError> {
        let mut faults = Faults::default();
        if let Some(Some(assignee)) = &patch.assignee {
            faults.required("/assignee", assignee, PERSON);
        }
        patch.labels = patch.labels.map(|labels| checked_labels(labels, &mut faults));
        faults.check()?;
        self.deps
            .store
            .update_conversation(tenant, conversation, patch)
            .await?
            .ok_or(ConversationError::NotFound)
    }
}

/// Trimmed, without repeats, in the order given.
fn checked_labels(labels: Vec<String>, faults: &mut Faults) -> Vec<String> {
    if labels.len() > LABELS {
        faults.add("/labels", format!("must have at most {LABELS} labels, has {}", labels.len()));
    }
    let mut kept: Vec<String> = Vec::with_capacity(labels.len());
    for (index, label) in labels.into_iter().enumerate() {
        faults.required(&format!("/labels/{index}"), &label, LABEL);
        let label = label.trim().to_owned();
        if !kept.contains(&label) {
            kept.push(label);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_trimmed_and_not_repeated() {
        let mut faults = Faults::default();
        let kept = checked_labels(vec![" refund".into(), "refund".into(), "vip".into()], &mut faults);
        assert_eq!(kept, ["refund", "vip"]);
        checked_labels(vec!["x".repeat(65)], &mut faults);
        assert_eq!(faults.0.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/labels/0"]);
    }
}

//! Claims whose answer was lost: committed in the store, unknown to the lane.
//!
//! When the connection to the store breaks during the commit of a claim, its messages may be `sending` although
//! nobody sends them. They were never given to a call, so they can go back at no risk.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use domain::MessageId;
use domain::messages::Status;
use ports::lanes::Settlement;
use ports::messages::{Message, MessageFilter};
use ports::{Paging, StoreResult};

use super::Lane;

/// Most that are given back in one round.
const PAGE: u32 = 100;

impl Lane {
    /// Gives back what the store holds as `sending` and no call of this lane is about. Must not run beside a claim.
    pub(super) async fn give_back_lost_claims(&self) {
        match self.lost_claims().await {
            Ok(lost) => {
                self.unsure.store(false, Ordering::SeqCst);
                for message in lost {
                    tracing::warn!(message.id = %message.id, "the answer to a claim was lost: the message goes back to its queue");
                    let whose = (message.id, message.contact_id);
                    self.under_way().insert(message.id);
                    self.report_on(whose, Settlement::Unsent, None).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, connection.id = %self.connection, "could not look for lost claims")
            }
        }
    }

    async fn lost_claims(&self) -> StoreResult<Vec<Message>> {
        // Taken before the store is read: what is recorded in between is still known to be ours.
        let known: HashSet<MessageId> = self.under_way().clone();
        let stats = self.shared.deps.store.queue_stats(self.tenant, self.connection, self.now()).await?;
        if usize::try_from(stats.sending).unwrap_or(0) <= known.len() {
            return Ok(Vec::new());
        }
        let filter = MessageFilter {
            connection_id: Some(self.connection),
            status: Some(Status::Sending),
            ..MessageFilter::default()
        };
        let paging = Paging { page: 1, page_size: PAGE, cursor: None };
        let sending = self.shared.deps.store.messages(self.tenant, &filter, &paging).await?.items;
        Ok(sending.into_iter().filter(|message| !known.contains(&message.id)).collect())
    }
}

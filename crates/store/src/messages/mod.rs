//! See `ports::messages`.

mod accept;
mod answers;
pub(crate) mod facts;
mod list;
mod moves;
pub(crate) mod report;
pub(crate) mod row;
pub(crate) mod state;
pub(crate) mod write;

pub(crate) use moves::end_of_queue;

use async_trait::async_trait;
use domain::{MessageId, TenantId, Timestamp};
use ports::idempotency::KeptAnswer;
use ports::messages::{AcceptJob, AcceptOutcome, Message, MessageEvent, MessageFilter, MessageStore, Moved};
use ports::{Page, Paging, StoreResult};

use crate::db::{SqlStore, again};

#[async_trait]
impl MessageStore for SqlStore {
    async fn accept(&self, jobs: Vec<AcceptJob>) -> StoreResult<Vec<AcceptOutcome>> {
        accept::accept(self, &jobs).await
    }

    async fn keep_send_answers(&self, answers: Vec<(TenantId, String, KeptAnswer)>) -> StoreResult<()> {
        Ok(again(|| answers::keep(self, &answers)).await?)
    }

    async fn message(&self, tenant: TenantId, message: MessageId) -> StoreResult<Option<Message>> {
        Ok(row::find(self.reader(), tenant, message).await?)
    }

    async fn messages(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Message>> {
        Ok(list::messages(self, tenant, filter, paging).await?)
    }

    async fn message_events(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> StoreResult<Option<Vec<MessageEvent>>> {
        Ok(list::events(self, tenant, message).await?)
    }

    async fn cancel_message(
        &self,
        tenant: TenantId,
        message: MessageId,
        at: Timestamp,
    ) -> StoreResult<Moved> {
        Ok(again(|| moves::cancel(self, tenant, message, at)).await?)
    }

    async fn requeue_message(
        &self,
        tenant: TenantId,
        message: MessageId,
        accept_duplicate: bool,
        at: Timestamp,
    ) -> StoreResult<Moved> {
        Ok(again(|| moves::requeue(self, tenant, message, accept_duplicate, at)).await?)
    }
}

//! Messages: accepting, sending, cancelling, retrying.

pub mod callback;
pub mod definitions;
pub mod doubts;
pub mod failure;
pub mod lane;
pub mod lanes;
mod lookup;
mod send;
mod tap;
pub mod waiters;

use std::sync::Arc;

use domain::messages::Status;
use domain::{ConnectionId, MessageId, TenantId, Timestamp};
use ports::idempotency::KeptAnswer;
use ports::messages::{AcceptJob, AcceptOutcome, Message, MessageEvent, MessageFilter, Moved};
use ports::{Page, Paging, StoreError, StoreResult};
use tokio_util::sync::CancellationToken;

use crate::Deps;
use crate::directory::Directory;
use crate::events::Bulletin;
use crate::gather::Gather;
use crate::media::MediaFiles;
use definitions::Definitions;
use lane::Shared;
use lanes::Lanes;
use lookup::Lookup;
pub use send::{Body, SendCommand, SendError, SendOutcome, Sent, Throttle};
pub(crate) use tap::{Tap, Told, concerns_template};
use waiters::{News, Waiters};

/// Most sends in one commit.
const LARGEST_BATCH: usize = 256;

/// The use cases of messages; clones share everything.
#[derive(Clone)]
pub struct Messages {
    deps: Deps,
    directory: Directory,
    definitions: Definitions,
    lookup: Lookup,
    waiters: Arc<Waiters>,
    lanes: Lanes,
    tap: Tap,
    bulletin: Bulletin,
    accept: Gather<AcceptJob, AcceptOutcome>,
    answers: Gather<(TenantId, String, KeptAnswer), ()>,
}

/// Why a message was not put back into its queue.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    #[error("there is no such message")]
    NotFound,
    /// Its state does not allow it.
    #[error("the message is {0}")]
    InvalidState(Status),
    /// What it said is gone.
    #[error("the content of the message was purged")]
    ContentPurged,
    /// Nobody knows what came of it, and the caller does not accept that it arrives twice.
    #[error("the message may have arrived")]
    MayHaveArrived,
    /// Meta does not want this message again before then.
    #[error("not before {0}")]
    TooEarly(Timestamp),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Messages {
    /// Needs a running tokio runtime: its batches are gathered by tasks.
    pub fn new(deps: Deps, directory: Directory, media: MediaFiles) -> Self {
        let definitions = Definitions::new(Arc::clone(&deps.store));
        let waiters = Arc::new(Waiters::default());
        let tap = Tap::default();
        let bulletin = Bulletin::default();
        let lanes = Lanes::new(Shared {
            deps: deps.clone(),
            directory: directory.clone(),
            waiters: Arc::clone(&waiters),
            definitions: definitions.clone(),
            media,
            tap: tap.clone(),
            restraints: lane::Restraints::default(),
            bulletin: bulletin.clone(),
        });
        let store = Arc::clone(&deps.store);
        let accept = Gather::start(2, LARGEST_BATCH, move |jobs| {
            let store = Arc::clone(&store);
            async move { store.accept(jobs).await }
        });
        let store = Arc::clone(&deps.store);
        let answers = Gather::start(1, LARGEST_BATCH, move |answers: Vec<_>| {
            let store = Arc::clone(&store);
            async move {
                let count = answers.len();
                store.keep_send_answers(answers).await.map(|()| vec![(); count])
            }
        });
        let lookup = Lookup::new(Arc::clone(&deps.store));
        Self { deps, directory, definitions, lookup, waiters, lanes, tap, bulletin, accept, answers }
    }

    /// Where this node tells which messages it moved.
    pub(crate) fn bulletin(&self) -> &Bulletin {
        &self.bulletin
    }

    /// Runs lanes and rulings until `stop`, then drains.
    pub async fn run(self, stop: CancellationToken) {
        let doubts = tokio::spawn(doubts::run(self.deps.clone(), stop.clone()));
        self.lanes.run(stop).await;
        let _ = doubts.await;
    }

    /// Something may be due on this connection (it was repaired, a confirmation was queued).
    pub fn wake(&self, connection: ConnectionId) {
        self.lanes.wake(connection);
    }

    /// Templates of this tenant were changed on this node: the next send sees it.
    pub fn forget_templates(&self, tenant: TenantId) {
        self.lookup.forget(tenant);
    }

    /// Parsed templates.
    pub(crate) fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// What the lanes tell of broadcasts.
    pub(crate) fn tap(&self) -> &Tap {
        &self.tap
    }

    /// This node holds the lane of the number.
    pub(crate) fn holds(&self, connection: ConnectionId) -> bool {
        self.lanes.standing(connection, self.deps.clock.now()).is_some()
    }

    /// The pace of a number whose lane this node holds.
    pub(crate) fn pacer(&self, connection: ConnectionId) -> Option<domain::pacing::Pacer> {
        self.lanes.pacer(connection)
    }

    /// The pace of every number whose lane this node holds.
    pub(crate) fn pacers(&self) -> Vec<(ConnectionId, domain::pacing::Pacer)> {
        self.lanes.pacers()
    }

    /// The lanes are looked after: their last round was a moment ago.
    pub(crate) fn lanes_turn(&self) -> bool {
        self.lanes.turn()
    }

    /// How many lanes this node holds.
    pub fn lanes_held(&self) -> usize {
        self.lanes.count()
    }

    /// One.
    pub async fn get(&self, tenant: TenantId, message: MessageId) -> StoreResult<Option<Message>> {
        self.deps.store.message(tenant, message).await
    }

    /// Its life.
    pub async fn events(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> StoreResult<Option<Vec<MessageEvent>>> {
        self.deps.store.message_events(tenant, message).await
    }

    /// A part of the list.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Message>> {
        self.deps.store.messages(tenant, filter, paging).await
    }

    /// Calls back a message that still waits.
    pub async fn cancel(&self, tenant: TenantId, message: MessageId) -> StoreResult<Moved> {
        self.deps.store.cancel_message(tenant, message, self.deps.clock.now()).await
    }

    /// Puts a failed message back into its queue; one in doubt only when the caller accepts that the customer may
    /// get it twice. The gate is asked again before it goes out.
    pub async fn retry(
        &self,
        tenant: TenantId,
        message: MessageId,
        accept_duplicate: bool,
    ) -> Result<Message, RetryError> {
        let now = self.deps.clock.now();
        let known = self.get(tenant, message).await?.ok_or(RetryError::NotFound)?;
        if let Some(not_before) = known.failure.and_then(|failure| failure.not_before)
            && now < not_before
        {
            return Err(RetryError::TooEarly(not_before));
        }
        match self.deps.store.requeue_message(tenant, message, accept_duplicate, now).await? {
            Moved::Done(message) => {
                self.lanes.wake(message.connection_id);
                Ok(message)
            }
            Moved::NotFound => Err(RetryError::NotFound),
            Moved::InvalidState(status) => Err(RetryError::InvalidState(status)),
            Moved::ContentPurged => Err(RetryError::ContentPurged),
            Moved::MayHaveArrived => Err(RetryError::MayHaveArrived),
        }
    }

    /// Keeps the answer given under an idempotency key; best effort, a repeat is else answered from the message.
    pub async fn keep_answer(&self, tenant: TenantId, key: String, answer: KeptAnswer) {
        if let Err(error) = self.answers.call((tenant, key, answer)).await {
            tracing::warn!(%error, "could not keep the answer of an idempotent send");
        }
    }
}

/// What the row of a message says, as news to whoever waits.
fn news_of(message: &Message) -> Option<News> {
    match message.status {
        Status::Sent | Status::Delivered | Status::Read => {
            let wamid = message.wamid.clone()?;
            Some(News::Sent { wamid, at: message.sent_at.unwrap_or(message.created_at) })
        }
        Status::Failed => message.failure.clone().map(News::Failed),
        Status::InDoubt => Some(News::InDoubt(message.failure.clone().unwrap_or_else(|| {
            failure::plain(
                "SEND_OUTCOME_UNKNOWN",
                "Meta's answer was lost",
                None,
                "Wait for a status webhook to settle it.",
            )
        }))),
        _ => None,
    }
}

//! Broadcasts: one template to many recipients, without repeating or losing anybody.
//!
//! The façade ([`Broadcasts`]) takes what people decide: plans, starts, pauses. The runner does what follows from it
//! on every node: it freezes the audience of what is sending, keeps the queues of its numbers filled a few seconds
//! ahead, and stops what has gone wrong for everybody. Between the two stands the store alone: whatever is decided on
//! one node is seen by the runner of the other.

mod board;
mod feed;
mod files;
mod fit;
mod forecast;
mod freeze;
mod languages;
mod limit;
mod plan;
mod preview;
pub mod rates;
mod results;
mod runner;
mod start;
mod steps;
mod stop;
mod suspicion;
mod turns;
mod upload;
mod warnings;

use std::sync::Arc;

use domain::broadcasts::{Plan, State, StopCode};
use domain::messages::content::Fault;
use domain::templates::{ParamsMismatch, Status};
use domain::{ApiKeyId, BroadcastId, ConnectionId, ListId, SegmentId, TemplateId, TenantId, Timestamp};
use ports::broadcasts::{
    Broadcast, BroadcastChange, BroadcastFilter, BroadcastMoved, BroadcastPatch, NewBroadcast,
    RecipientFilter, RecipientRow,
};
use ports::{Page, Paging, StoreError};
use tokio::sync::{Mutex, mpsc};

use crate::Deps;
use crate::directory::Directory;
use crate::faults::Faults;
use crate::messages::{Messages, Told};
use board::Board;
pub use forecast::{LimitForecast, LocalForecast};
pub use preview::{Cost, CountryCost, Preview, Rendered, Sample};
pub use results::{Motion, Progress, Report, Waiting, WaitingFor};
pub use upload::{ListFault, ListOrder, ListRead};

/// A broadcast to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateBroadcast {
    pub name: String,
    pub plan: Plan,
    pub created_by: Option<ApiKeyId>,
}

/// Rows that are in a broadcast's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListSize {
    pub rows: i64,
    /// Of these: with a number that can be one.
    pub with_number: i64,
}

/// Why Meta takes nothing from a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenNumber {
    pub connection: ConnectionId,
    pub name: String,
    /// Token, payment, or anything else.
    pub code: StopCode,
    pub reason: String,
    /// As it was told when the number broke.
    pub meta_error_code: Option<i64>,
    /// When its token ends or ended, as far as that is known.
    pub token_expires_at: Option<Timestamp>,
}

/// An upload that shall become a list.
#[derive(Debug)]
struct NewList {
    id: ListId,
    rows: i64,
    columns: Vec<String>,
}

/// How dealing with broadcasts fails.
#[derive(Debug, thiserror::Error)]
pub enum BroadcastError {
    #[error("there is no such broadcast")]
    NotFound,
    /// `allowed`: the states in which it could be done.
    #[error("the broadcast is {}", current.as_str())]
    InvalidState { current: State, allowed: &'static [State] },
    /// Everything that is wrong with the request, with JSON pointers as in the request's body.
    #[error("the request has faults")]
    Faults(Vec<Fault>),
    /// Not in this language, or not at all.
    #[error("there is no template \"{name}\"")]
    TemplateNotFound { name: String, language: Option<String>, languages: Vec<String> },
    #[error("template \"{name}\" is not approved for sending")]
    TemplateNotApproved { id: TemplateId, name: String, status: Status, rejection_reason: Option<String> },
    #[error("{mismatch}")]
    ParamsMismatch { template_name: String, mismatch: ParamsMismatch },
    /// The segment that the audience names is not there any more.
    #[error("there is no such segment")]
    SegmentNotFound(SegmentId),
    /// It goes to a list, and has none.
    #[error("its list has no rows")]
    ListEmpty,
    /// Others changed it at the same time, again and again.
    #[error("others change it at the same time")]
    Overtaken,
    /// There is no connection to send from at all.
    #[error("there is no connection to send from")]
    NotConfigured,
    #[error("there is no such connection")]
    ConnectionNotFound(ConnectionId),
    #[error("the connection is disabled")]
    ConnectionDisabled(ConnectionId),
    /// Meta refuses every number of it.
    #[error("{}", .0.reason)]
    ConnectionBroken(Box<BrokenNumber>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Faults> for BroadcastError {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults.0)
    }
}

/// How often a change is worked out anew because others were quicker. Each time one of them has come through.
const TRIES: u32 = 50;
/// States in which plan and list can be changed; what was held at its time before it began counts as scheduled.
const CHANGEABLE: &[State] = &[State::Draft, State::Scheduled];
/// States in which a broadcast can be removed.
const REMOVABLE: &[State] =
    &[State::Draft, State::Scheduled, State::Completed, State::Failed, State::Cancelled];

/// Use cases on broadcasts; clones share everything.
#[derive(Clone)]
pub struct Broadcasts {
    deps: Deps,
    directory: Directory,
    messages: Messages,
    board: Board,
    told: Arc<Mutex<mpsc::UnboundedReceiver<Told>>>,
}

impl Broadcasts {
    /// Over these parts. Nothing is started or fed before [`run`](Self::run).
    pub fn new(deps: Deps, directory: Directory, messages: Messages) -> Self {
        let told = Arc::new(Mutex::new(messages.tap().listen()));
        Self { deps, directory, messages, board: Board::default(), told }
    }

    /// Something changed that a broadcast may wait for.
    pub fn wake(&self) {
        self.board.wake();
    }

    /// Makes a draft. The template must exist and its parameters must fit; it need not be approved yet.
    ///
    /// # Errors
    /// What is wrong with the plan, or the store's.
    pub async fn create(&self, tenant: TenantId, new: CreateBroadcast) -> Result<Broadcast, BroadcastError> {
        self.check_draft(tenant, Some(&new.name), &new.plan).await?;
        self.must_know_broadcasts(tenant, &new.plan).await?;
        let CreateBroadcast { name, plan, created_by } = new;
        let at = self.deps.clock.now();
        let draft = NewBroadcast { name: name.trim().to_owned(), plan, recurs_from: None, created_by, at };
        Ok(self.deps.store.create_broadcast(tenant, draft).await?)
    }

    /// One, with its counts.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<Broadcast, BroadcastError> {
        self.deps.store.broadcast(tenant, broadcast).await?.ok_or(BroadcastError::NotFound)
    }

    /// Newest first, with their counts; knows cursors.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &BroadcastFilter,
        paging: &Paging,
    ) -> Result<Page<Broadcast>, BroadcastError> {
        Ok(self.deps.store.broadcasts(tenant, filter, paging).await?)
    }

    /// Changes one that never began (a draft, a scheduled one, one that was held at its time); a scheduled one whose time
    /// changes gets its new time at once. Of one that is paused and has begun the numbers alone can be changed. A change
    /// that is made at the same time is written over: see [`change`](Self::change).
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what is wrong with the plan, or the store's.
    pub async fn update(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        patch: BroadcastPatch,
    ) -> Result<Broadcast, BroadcastError> {
        let patch = |_: &Broadcast| Ok(patch.clone());
        self.change(tenant, broadcast, patch).await?
    }

    /// Changes one that never began to what `patch` makes of it. No change that others make at the same time is lost:
    /// `patch` is asked again with what they made.
    ///
    /// # Errors
    /// Those of `patch` inside; as [`update`](Self::update) outside.
    pub async fn change<E>(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        patch: impl Fn(&Broadcast) -> Result<BroadcastPatch, E>,
    ) -> Result<Result<Broadcast, E>, BroadcastError> {
        self.change_with(tenant, broadcast, None, patch).await
    }

    /// The same, with an upload that becomes its list.
    async fn change_with<E>(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        list: Option<&NewList>,
        patch: impl Fn(&Broadcast) -> Result<BroadcastPatch, E>,
    ) -> Result<Result<Broadcast, E>, BroadcastError> {
        for _ in 0..TRIES {
            let known = self.get(tenant, broadcast).await?;
            let wanted = match patch(&known) {
                Ok(wanted) => wanted,
                Err(why) => return Ok(Err(why)),
            };
            match self.write(&known, wanted, list).await {
                Err(BroadcastError::Overtaken) => {}
                other => return other.map(Ok),
            }
        }
        Err(BroadcastError::Overtaken)
    }

    async fn write(
        &self,
        known: &Broadcast,
        patch: BroadcastPatch,
        list: Option<&NewList>,
    ) -> Result<Broadcast, BroadcastError> {
        if list.is_none()
            && let (State::Paused, Some(plan)) = (known.stands(), only_numbers(&known.plan, &patch))
        {
            return self.change_numbers(known.tenant_id, known.id, plan).await;
        }
        if !CHANGEABLE.contains(&known.stands()) {
            return Err(BroadcastError::InvalidState { current: known.state, allowed: CHANGEABLE });
        }
        let (tenant, name) = (known.tenant_id, patch.name.as_deref());
        let wanted = patch.plan.as_ref().unwrap_or(&known.plan);
        let mut outlook = self.check_draft(tenant, name, wanted).await?;
        // Nobody sends it any more: what is changed of it must be such as could be sent. Its time alone is no part of that.
        let changes = list.is_some() || !only_time(&known.plan, wanted);
        if known.state == State::Scheduled && changes {
            outlook = self.check_ready_with(known, wanted, list).await?;
        }
        if let Some(plan) = patch.plan.as_ref().filter(|plan| plan.audience != known.plan.audience) {
            self.must_know_broadcasts(tenant, plan).await?;
        }
        let now = self.deps.clock.now();
        let schedule = patch.plan.as_ref().map(|plan| &plan.schedule);
        let new_time = schedule.filter(|schedule| **schedule != known.plan.schedule);
        let starts_at = match (new_time, known.state) {
            (Some(schedule), State::Scheduled) => {
                let zone = outlook.settings.time_zone.as_deref();
                let at = plan::starts_at(schedule, now, zone)?;
                Some(at.ok_or_else(|| {
                    Faults::one("/schedule", "a scheduled broadcast needs a time: take it back first")
                })?)
            }
            _ => None,
        };
        let list = list.map(|list| list.id);
        let change = BroadcastChange { patch, list, starts_at, seen: known.version, at: now };
        let done = self.deps.store.update_broadcast(tenant, known.id, change).await?;
        if starts_at.is_some() {
            self.board.wake();
        }
        moved(done, CHANGEABLE)
    }

    async fn change_numbers(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        plan: &Plan,
    ) -> Result<Broadcast, BroadcastError> {
        let outlook = self.check_draft(tenant, None, plan).await?;
        let numbers: Vec<ConnectionId> = outlook.numbers.iter().map(|entry| entry.connection.id).collect();
        let at = self.deps.clock.now();
        let done = self.deps.store.change_numbers(tenant, broadcast, &numbers, at).await?;
        self.board.wake();
        moved(done, &[State::Paused])
    }

    /// Removes one that is neither sending nor paused; its messages stay.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], or the store's.
    pub async fn delete(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<(), BroadcastError> {
        moved(self.deps.store.delete_broadcast(tenant, broadcast).await?, REMOVABLE)?;
        self.call_off_alert(tenant, broadcast).await;
        Ok(())
    }

    /// How large its list is.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list_size(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> Result<ListSize, BroadcastError> {
        let (rows, with_number) = self.deps.store.list_size(tenant, broadcast).await?;
        Ok(ListSize { rows, with_number })
    }

    /// Its recipients, by id; knows cursors.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], or the store's.
    pub async fn recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        filter: &RecipientFilter,
        paging: &Paging,
    ) -> Result<Page<RecipientRow>, BroadcastError> {
        let page = self.deps.store.recipients(tenant, broadcast, filter, paging).await?;
        // Nobody asks first whether it is there: only an empty answer may mean that it is not.
        if page.items.is_empty() {
            self.get(tenant, broadcast).await?;
        }
        Ok(page)
    }
}

/// The plan of a patch that changes nothing but the numbers to send from.
fn only_numbers<'a>(known: &Plan, patch: &'a BroadcastPatch) -> Option<&'a Plan> {
    let plan = patch.plan.as_ref().filter(|_| patch.name.is_none())?;
    (Plan { connections: known.connections.clone(), ..plan.clone() } == *known).then_some(plan)
}

/// Nothing but when it goes out differs, or nothing at all.
fn only_time(known: &Plan, wanted: &Plan) -> bool {
    Plan { schedule: known.schedule.clone(), ..wanted.clone() } == *known
}

/// What the store made of a change.
fn moved(done: BroadcastMoved, allowed: &'static [State]) -> Result<Broadcast, BroadcastError> {
    match done {
        BroadcastMoved::Done(broadcast) => Ok(broadcast),
        BroadcastMoved::NotFound => Err(BroadcastError::NotFound),
        BroadcastMoved::InvalidState(current) => Err(BroadcastError::InvalidState { current, allowed }),
        BroadcastMoved::Overtaken => Err(BroadcastError::Overtaken),
    }
}

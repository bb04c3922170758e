//! Broadcasts: one template to many recipients, without repeating or losing anybody.
//!
//! The façade ([`Broadcasts`]) takes what people decide: plans, starts, pauses. The runner does what follows from it
//! on every node: it freezes the audience of what is sending, keeps the queues of its numbers filled a few seconds
//! ahead, and stops what has gone wrong for everybody. Between the two stands the store alone: whatever is decided on
//! one node is seen by the runner of the other.

mod board;
mod feed;
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
mod turns;
mod upload;

use std::sync::Arc;

use domain::broadcasts::{Plan, State};
use domain::messages::content::Fault;
use domain::phone::PhoneNumber;
use domain::templates::{ParamsMismatch, Status};
use domain::{ApiKeyId, BroadcastId, ConnectionId, SegmentId, TemplateId, TenantId, Timestamp};
use ports::broadcasts::{
    Broadcast, BroadcastFilter, BroadcastMoved, BroadcastPatch, ListRow, NewBroadcast, RecipientFilter,
    RecipientRow,
};
use ports::{Page, Paging, StoreError};
use tokio::sync::{Mutex, mpsc};

use crate::Deps;
use crate::directory::Directory;
use crate::faults::Faults;
use crate::messages::{Messages, Told};
use board::Board;
pub use preview::{Cost, CountryCost, LimitForecast, Preview, Rendered, Sample};
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
    /// There is no connection to send from at all.
    #[error("there is no connection to send from")]
    NotConfigured,
    #[error("there is no such connection")]
    ConnectionNotFound(ConnectionId),
    #[error("the connection is disabled")]
    ConnectionDisabled(ConnectionId),
    /// Meta refuses every number of it; reconnecting helps.
    #[error("{reason}")]
    ConnectionBroken { connection: ConnectionId, reason: String, token_expired_at: Option<Timestamp> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Faults> for BroadcastError {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults.0)
    }
}

/// States in which a plan can be changed.
const CHANGEABLE: &[State] = &[State::Draft, State::Scheduled];
/// States in which a list can be given.
const LISTABLE: &[State] = &[State::Draft];
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

    /// Changes a draft or a scheduled one; a scheduled one whose time changes gets its new time at once.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what is wrong with the plan, or the store's.
    pub async fn update(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        patch: BroadcastPatch,
    ) -> Result<Broadcast, BroadcastError> {
        let known = self.get(tenant, broadcast).await?;
        if !CHANGEABLE.contains(&known.state) {
            return Err(BroadcastError::InvalidState { current: known.state, allowed: CHANGEABLE });
        }
        let name = patch.name.as_deref();
        let outlook = self.check_draft(tenant, name, patch.plan.as_ref().unwrap_or(&known.plan)).await?;
        let now = self.deps.clock.now();
        let schedule = patch.plan.as_ref().map(|plan| &plan.schedule);
        let new_time = schedule.filter(|schedule| **schedule != known.plan.schedule).cloned();
        let starts_at = match (&new_time, known.state) {
            (Some(schedule), State::Scheduled) => {
                let zone = outlook.settings.time_zone.as_deref();
                let at = plan::starts_at(schedule, now, zone)?;
                Some(at.ok_or_else(|| {
                    Faults::one("/schedule", "a scheduled broadcast needs a time: take it back first")
                })?)
            }
            _ => None,
        };
        let done = self.deps.store.update_broadcast(tenant, broadcast, patch, now).await?;
        let changed = moved(done, CHANGEABLE)?;
        match starts_at {
            Some(at) => self.schedule(tenant, broadcast, at).await,
            None => Ok(changed),
        }
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

    /// Keeps rows of a draft's list; with `anew` those that were there are forgotten first (so: with the first batch
    /// of an upload). Rows without a `phone` are read here: `given` with `default_country` (two letters; `None`: the
    /// tenant's).
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], [`BroadcastError::Faults`] (a country that
    /// does not exist), or the store's.
    pub async fn put_list(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        mut rows: Vec<ListRow>,
        default_country: Option<&str>,
        anew: bool,
    ) -> Result<(), BroadcastError> {
        let country = match default_country {
            Some(country) if !PhoneNumber::knows_country(country) => {
                let problem = "must be a country's two letters (ISO 3166), such as DE";
                return Err(Faults::one("/default_country", problem).into());
            }
            Some(country) => Some(country.to_owned()),
            None => self.settings_of(tenant).await?.default_country,
        };
        for row in rows.iter_mut().filter(|row| row.phone.is_none()) {
            let read = PhoneNumber::parse(&row.given, country.as_deref());
            row.phone = read.ok().map(|phone| phone.as_str().to_owned());
        }
        moved(self.deps.store.put_list(tenant, broadcast, rows, anew).await?, LISTABLE)?;
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

/// What the store made of a change.
fn moved(done: BroadcastMoved, allowed: &'static [State]) -> Result<Broadcast, BroadcastError> {
    match done {
        BroadcastMoved::Done(broadcast) => Ok(broadcast),
        BroadcastMoved::NotFound => Err(BroadcastError::NotFound),
        BroadcastMoved::InvalidState(current) => Err(BroadcastError::InvalidState { current, allowed }),
    }
}
